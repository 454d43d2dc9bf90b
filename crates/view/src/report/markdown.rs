//! The same report as Markdown: for a pull request or an issue, without pictures.
//!
//! No character of a text means anything but itself.

use samara_search::commanding::{one_line, printable};

use super::{Run, compare, elites, overview, page::title, policy, tables};
use crate::{
    dashboard::workers,
    heatmap, markdown as marks,
    numbers::number,
    screen::{Colours, Screen},
};

/// Columns of a map in characters.
const COLUMNS: usize = 88;
/// Points of the curves that are told.
const POINTS: usize = 10;
/// Elites that are told with their texts.
const MOST_ELITES: usize = 50;
/// Characters of a text at most.
const LONGEST: usize = 4000;

/// One file: of a run, or of several beside each other.
pub fn markdown(runs: &[Run]) -> String {
    let mut file = format!("# {}\n", safe(&title(runs)));
    match runs {
        [run] => file += &of_run(run, "##"),
        runs => {
            file += "\n";
            file +=
                &table(&compare::HEADS, &compare::NUMBERS, &compare::rows(&runs.iter().collect::<Vec<_>>()));
            for run in runs {
                file += &format!("\n## {}\n", safe(&run.name));
                file += &of_run(run, "###");
            }
        }
    }
    file
}

fn of_run(run: &Run, heading: &str) -> String {
    let header = &run.view.header;
    let line = format!(
        "{}, seed {}: {} after {} candidates. Begun {}, samara {}.",
        header.experiment,
        header.seed,
        run.state.told(),
        run.view.replay.settled(),
        overview::moment(&header.created),
        header.samara,
    );
    let mut file = format!("\n{}\n\n", paragraph(&line));
    let facts: Vec<Vec<String>> =
        overview::subject(run).into_iter().map(|(name, fact)| vec![name, fact]).collect();
    file += &table(&["what was searched", ""], &[], &facts);
    let mut figures: Vec<Vec<String>> = overview::figures(run)
        .into_iter()
        .map(|(name, value, remark)| vec![name.to_owned(), value, remark])
        .collect();
    figures.push(vec!["Archive hash".to_owned(), run.view.replay.population().archive_hash(), String::new()]);
    file += &format!("\n{}", table(&["figure", "value", ""], &[1], &figures));
    let archive = run.view.replay.population().overall().archive();
    let map = heatmap::draw(archive, &run.view.axes, Screen { width: COLUMNS, colours: Colours::None });
    file += &format!("\n{heading} Archive\n\n{}", fenced(&map));
    file += &format!("\n{heading} Curves\n\n{}", curves(run));
    if let Some(learnt) = &run.policy {
        let (heads, rows) = policy::rows(learnt);
        let told = table(&heads, &policy::PLACES, &rows);
        file += &format!(
            "\n{heading} What the policy has learnt\n\n{told}\n{}\n",
            paragraph(&policy::remark(learnt))
        );
    }
    file += &format!("\n{heading} Best of every cell\n{}", best(run, heading));
    let reasons = tables::reasons(run);
    if !reasons.is_empty() {
        let heads = ["candidates", "%", "fate", "why"];
        file += &format!("\n{heading} Failures\n\n{}", table(&heads, &[0, 1], &reasons));
    }
    let calls = tables::calls(run);
    if !calls.is_empty() {
        file += &format!("\n{heading} Models\n\n{}", table(&tables::CALLS, &tables::CALL_NUMBERS, &calls));
    }
    let ways = tables::ways(run);
    if !ways.is_empty() {
        file += &format!("\n{heading} Operators\n\n{}", table(&tables::WAYS, &tables::WAY_NUMBERS, &ways));
    }
    let worked = workers::rows(&run.view.workers);
    if !worked.is_empty() {
        file += &format!("\n{heading} Workers\n\n{}", table(&workers::HEADS, &workers::NUMBERS, &worked));
    }
    let settings = fenced(&printable(run.view.header.config.trim_end()));
    file + &format!("\n{heading} Settings as stored\n\n{settings}")
}

/// Some points of the curves as a table.
fn curves(run: &Run) -> String {
    let points = run.trace.points();
    let every = points.len().div_ceil(POINTS).max(1);
    // From the end, which is always told.
    let mut shown: Vec<_> = points.iter().rev().step_by(every).collect();
    shown.reverse();
    let or_none = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    let rows: Vec<Vec<String>> = shown
        .into_iter()
        .map(|point| {
            vec![
                point.candidates.to_string(),
                number(point.qd_score),
                number(point.coverage * 100.0),
                or_none(point.best),
                or_none(point.mean),
            ]
        })
        .collect();
    table(&["candidates", "QD score", "coverage %", "best", "mean"], &[0, 1, 2, 3, 4], &rows)
}

fn best(run: &Run, heading: &str) -> String {
    let found = run.view.replay.population().overall();
    let told = super::told(&run.view);
    let mut file = String::new();
    for elite in told.iter().take(MOST_ELITES) {
        let measures: Vec<String> = run
            .view
            .axes
            .iter()
            .zip(elite.measures)
            .map(|(axis, measure)| {
                let told = axis.category(*measure).map_or_else(|| number(*measure), one_line);
                format!("{} {told}", one_line(&axis.name))
            })
            .collect();
        file += &format!(
            "\n{heading}# {}\n\n{} by candidate {}\n\n",
            safe(&measures.join(", ")),
            number(elite.objective),
            elite.id
        );
        for (path, text) in elites::files(found.genome(elite.id)) {
            if !path.is_empty() {
                file += &format!("{}\n\n", paragraph(&path));
            }
            let text: String = text.chars().take(LONGEST).collect();
            if run.programs || !path.is_empty() {
                file += &fenced(&printable(text.trim_end()));
            } else {
                marks::lines(&printable(&text))
                    .iter()
                    .for_each(|line| file += &(format!("> {line}").trim_end().to_owned() + "\n"));
            }
        }
    }
    if told.len() > MOST_ELITES {
        file += &format!("\nAnd {} more.\n", told.len() - MOST_ELITES);
    }
    file
}

/// A table; the columns of numbers stand at the right.
fn table(heads: &[&str], numbers: &[usize], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut file = line(heads.iter().map(|head| safe(head)).collect());
    let rule = |column| if numbers.contains(&column) { "---:".to_owned() } else { "---".to_owned() };
    file += &line((0..heads.len()).map(rule).collect());
    for row in rows {
        file +=
            &line(row.iter().map(|cell| if is_number(cell) { cell.clone() } else { safe(cell) }).collect());
    }
    file
}

/// A heading, or a cell of a table, whose bars would end it: no character of the text means or commands anything.
fn safe(text: &str) -> String {
    let mut cell = String::new();
    for c in marks::inline(&one_line(text)).chars() {
        // A bar is the end of a cell even behind one backslash of two.
        cell += &if c == '|' { "&#124;".to_owned() } else { c.to_string() };
    }
    cell
}

/// A line of its own that means and commands nothing.
fn paragraph(text: &str) -> String {
    marks::lines(&one_line(text)).concat()
}

/// Whether a cell is nothing but a number, which means nothing else inside a table.
fn is_number(cell: &str) -> bool {
    cell.chars().all(|c| c.is_ascii_digit() || " .,%-".contains(c))
}

/// A text as it is, between fences that are longer than any in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_fence_or_its_row() {
        assert_eq!(fenced("a ```` b\n```"), "`````text\na ```` b\n```\n`````\n");
        assert_eq!(
            table(&["a"], &[0], &[vec!["<b> | c".to_owned()]]),
            "| a |\n| ---: |\n| \\<b> &#124; c |\n"
        );
    }

    #[test]
    fn a_cell_ends_at_no_bar_of_its_text_and_has_no_more_backslashes_than_it_needs() {
        for (text, cell) in [
            ("a|b", "a&#124;b"),
            ("a\\|b", "a\\\\&#124;b"),
            ("2026-11-29 02:04 UTC", "2026-11-29 02:04 UTC"),
            ("function: x (-4 to 4)", "function: x (-4 to 4)"),
            ("*x* <b>", "\\*x\\* \\<b>"),
        ] {
            assert_eq!(safe(text).trim_end(), cell, "{text}");
        }
    }
}
