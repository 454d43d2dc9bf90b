//! Workers elsewhere, as a run has noted them: a table of the run's page and of reports.

use samara_journal::run_view::WorkerSum;

use crate::{
    html::Html,
    numbers::{grouped, number, percent},
    report::tables,
};

/// Workers that are told one by one at most.
const MOST: usize = 200;
/// The heads of the table.
pub(crate) const HEADS: [&str; 6] = ["worker", "evaluated", "failed", "%", "mean s", "longest s"];
/// Which columns are numbers.
pub(crate) const NUMBERS: [usize; 5] = [1, 2, 3, 4, 5];

/// A line for each worker, those that have evaluated most first.
pub(crate) fn rows(workers: &[WorkerSum]) -> Vec<Vec<String>> {
    let mut workers: Vec<&WorkerSum> = workers.iter().collect();
    workers.sort_by_key(|worker| std::cmp::Reverse(worker.evaluated));
    let row = |worker: &&WorkerSum| {
        let mean = worker.seconds / worker.evaluated.max(1) as f64;
        vec![
            worker.name.clone(),
            grouped(worker.evaluated),
            grouped(worker.failed),
            percent(worker.failed as usize, worker.evaluated as usize),
            number(thousandths(mean)),
            number(thousandths(worker.longest)),
        ]
    };
    workers.iter().take(MOST).map(row).collect()
}

/// What is left out of the table, in words.
pub(crate) fn more(workers: &[WorkerSum]) -> Option<String> {
    let more = workers.len().saturating_sub(MOST);
    (more > 0).then(|| format!("and {} workers that have evaluated less", grouped(more as u64)))
}

/// The table, or that there is none.
pub(super) fn table(html: &mut Html, workers: &[WorkerSum]) {
    if workers.is_empty() {
        html.element("p", &[("class", "remark")], "No worker elsewhere has evaluated anything.");
        return;
    }
    tables::table(html, &HEADS, &NUMBERS, &rows(workers));
    if let Some(more) = more(workers) {
        html.element("p", &[("class", "remark")], &more);
    }
}

/// Seconds with as many digits as mean something.
fn thousandths(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_worker_comes_first_and_not_more_than_a_page_holds() {
        let sum = |name: &str, evaluated| WorkerSum {
            name: name.to_owned(),
            evaluated,
            failed: 1,
            seconds: 2.0,
            longest: 1.5,
        };
        let rows_of = rows(&[sum("a", 4), sum("<b>", 8)]);
        assert_eq!(rows_of[0], ["<b>", "8", "1", "12.5", "0.25", "1.5"]);
        let many: Vec<WorkerSum> = (0..205).map(|number| sum(&format!("w{number}"), number)).collect();
        assert_eq!(rows(&many).len(), MOST);
        assert_eq!(more(&many).as_deref(), Some("and 5 workers that have evaluated less"));
        assert_eq!(more(&[]), None);
        let mut html = Html::new();
        table(&mut html, &[sum("<b>", 8)]);
        assert!(!html.into_text().contains("<b>"), "a name is no markup");
    }
}
