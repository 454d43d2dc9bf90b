//! Groups of runs that differ in their seed alone, in numbers: means with bootstrap intervals over seeds, and how far each
//! lies from the first, as `samara compare` tells it.

use samara_qd::Stream;
use samara_search::{
    Interval,
    statistics::{Against, difference, over_seeds},
};

use super::{Run, compare::Group, tables};
use crate::{
    html::Html,
    numbers::{fixed, grouped},
};

/// A number of a run: its name, its value at the end, what it is multiplied by and the digits behind its point.
struct Told {
    name: &'static str,
    value: fn(&Run) -> Option<f64>,
    scale: f64,
    decimals: usize,
}

fn stats(run: &Run) -> samara_qd::Stats {
    run.view.replay.population().overall().archive().stats()
}

const TOLD: [Told; 3] = [
    Told { name: "QD score", value: |run| Some(stats(run).qd_score), scale: 1.0, decimals: 3 },
    Told { name: "coverage %", value: |run| Some(stats(run).coverage), scale: 100.0, decimals: 1 },
    Told { name: "best", value: |run| stats(run).best, scale: 1.0, decimals: 4 },
];

impl Told {
    /// The values of a group, run by run; `None` if one has none.
    fn of(&self, group: &Group<'_>) -> Option<Vec<f64>> {
        let values: Option<Vec<f64>> = group.runs.iter().map(|run| (self.value)(run)).collect();
        Some(values?.into_iter().map(|value| value * self.scale).collect())
    }

    fn text(&self, interval: Option<Interval>, several: bool) -> String {
        let Some(Interval { mean, low, high }) = interval else { return "–".to_owned() };
        let [mean, low, high] = fixed([mean, low, high], self.decimals);
        if several { format!("{mean} [{low}, {high}]") } else { mean }
    }
}

fn seeds(group: &Group<'_>) -> Vec<u64> {
    group.runs.iter().map(|run| run.view.header.seed).collect()
}

fn mean(group: &Group<'_>, values: &[f64]) -> Interval {
    over_seeds(seeds(group)[0], values.len()).interval(values, samara_search::statistics::LEVEL)
}

/// How far one group lies from another: seed by seed where they have the same ones, else by their means.
fn apart(one: (&Group<'_>, &[f64]), other: (&Group<'_>, &[f64])) -> Interval {
    let first = seeds(other.0)[0];
    if seeds(one.0) == seeds(other.0) {
        let each: Vec<f64> = one.1.iter().zip(other.1).map(|(a, b)| a - b).collect();
        return over_seeds(first, each.len()).interval(&each, samara_search::statistics::LEVEL);
    }
    difference(one.1, other.1, &mut Stream::named(first, "difference of means"))
}

/// Two tables: what each group came to, and how far it is from the first.
pub(crate) fn differences(html: &mut Html, groups: &[Group<'_>]) {
    if groups.iter().all(|group| group.runs.len() < 2) && groups.len() < 2 {
        return;
    }
    let rows: Vec<Vec<String>> = groups.iter().map(|group| means(group, &groups[0])).collect();
    html.within("section", &[("id", "means")], |html| {
        html.element("h2", &[], "Means over seeds");
        let heads =
            ["settings", "seeds", TOLD[0].name, TOLD[1].name, TOLD[2].name, "QD score against the first"];
        tables::table(html, &heads, &[1, 2, 3, 4], &rows);
        remarks(html, groups);
    });
    if groups.len() < 2 {
        return;
    }
    html.within("section", &[("id", "differences")], |html| {
        html.element("h2", &[], &format!("Less {}", groups[0].name));
        let heads = ["settings", TOLD[0].name, TOLD[1].name, TOLD[2].name, "QD score"];
        let rows: Vec<Vec<String>> = groups[1..].iter().map(|group| lying(group, &groups[0])).collect();
        tables::table(html, &heads, &[1, 2, 3], &rows);
        let told = "The interval is of the difference: seed by seed where both have the same seeds, else of the two means. One that holds 0 tells no difference.";
        html.element("p", &[("class", "remark")], told);
    });
}

fn remarks(html: &mut Html, groups: &[Group<'_>]) {
    let mut told =
        "Means with the middle 95 % of 10,000 bootstrap resamples over seeds; a single seed has no interval."
            .to_owned();
    let lengths: Vec<u64> =
        groups.iter().flat_map(|group| &group.runs).map(|run| run.view.replay.settled()).collect();
    if let (Some(least), Some(most)) = (lengths.iter().min(), lengths.iter().max())
        && least != most
    {
        told += &format!(
            " Runs stand at different numbers of candidates, {} to {}: what each has now is compared.",
            grouped(*least),
            grouped(*most)
        );
    }
    html.element("p", &[("class", "remark")], &told);
}

fn means(group: &Group<'_>, first: &Group<'_>) -> Vec<String> {
    let several = group.runs.len() > 1;
    let interval = |told: &Told, of: &Group<'_>| Some(mean(of, &told.of(of)?));
    let against = interval(&TOLD[0], group)
        .zip(interval(&TOLD[0], first))
        .filter(|_| several && first.runs.len() > 1 && !std::ptr::eq(group, first))
        .map_or("–", |(own, other)| Against::of(&own, &other).text());
    let mut row = vec![group.name.clone(), group.runs.len().to_string()];
    row.extend(TOLD.iter().map(|told| told.text(interval(told, group), several)));
    row.push(against.to_owned());
    row
}

fn lying(group: &Group<'_>, first: &Group<'_>) -> Vec<String> {
    let several = group.runs.len() > 1 && first.runs.len() > 1;
    let between = |told: &Told| Some(apart((group, &told.of(group)?), (first, &told.of(first)?)));
    let mut row = vec![group.name.clone()];
    row.extend(TOLD.iter().map(|told| told.text(between(told), several)));
    let verdict = match between(&TOLD[0]) {
        _ if !several => "a single seed",
        Some(interval) if interval.low > 0.0 => "higher",
        Some(interval) if interval.high < 0.0 => "lower",
        Some(_) => "not told apart",
        None => "–",
    };
    row.push(verdict.to_owned());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{
        compare::groups,
        tests::{Made, axes, made, some},
    };

    fn run(strategy: &str, seed: u64, count: u64) -> Run {
        let mut run = Made { seed, ..made(axes(2), some(2, count)) }.run();
        run.view.header.config = format!("[search]\nstrategy = \"{strategy}\"\nseed = {seed}\n");
        run
    }

    #[test]
    fn groups_have_means_with_intervals_and_their_distance_from_the_first() {
        let runs = [
            run("qdaif", 1, 12),
            run("qdaif", 2, 14),
            run("random_search", 1, 4),
            run("random_search", 2, 4),
            run("alone", 3, 5),
        ];
        let groups = groups(&runs.iter().collect::<Vec<_>>());
        let rows: Vec<Vec<String>> = groups.iter().map(|group| means(group, &groups[0])).collect();
        let mut sums = [0, 1].map(|i| stats(&runs[i]).qd_score);
        sums.sort_by(f64::total_cmp);
        let expected = format!("{:.3} [{:.3}, {:.3}]", (sums[0] + sums[1]) / 2.0, sums[0], sums[1]);
        assert_eq!((&*rows[0][1], &*rows[0][2], &*rows[0][5]), ("2", &*expected, "–"));
        assert_eq!((&*rows[1][5], &*rows[2][5]), ("below, disjoint", "–"));
        let lower = lying(&groups[1], &groups[0]);
        assert!(lower[1].starts_with('-') && lower[4] == "lower", "{lower:?}");
        assert_eq!(lying(&groups[2], &groups[0])[4], "a single seed");
        let mut html = Html::new();
        differences(&mut html, &groups);
        let html = html.into_text();
        assert!(html.contains("different numbers of candidates, 4 to 14"), "{html}");
        assert!(html.contains("Less "), "{html}");
    }

    #[test]
    fn equal_runs_are_not_told_apart_and_a_single_run_has_no_table() {
        let runs = [run("a", 1, 9), run("a", 2, 9), run("b", 1, 9), run("b", 2, 9)];
        let groups = groups(&runs.iter().collect::<Vec<_>>());
        let row = lying(&groups[1], &groups[0]);
        assert_eq!((&*row[1], &*row[4]), ("0.000 [0.000, 0.000]", "not told apart"));
        let mut html = Html::new();
        differences(&mut html, &groups[..1]);
        assert!(html.into_text().contains("Means over seeds"));
        let one = super::super::compare::groups(&[&runs[0]]);
        let mut html = Html::new();
        differences(&mut html, &one);
        assert_eq!(html.into_text(), "");
    }
}
