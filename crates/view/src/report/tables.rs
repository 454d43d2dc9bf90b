//! Failures by their reasons, what models were asked, and what each way of making candidates brought.

use std::collections::BTreeMap;

use samara_journal::{Asked, run_view::Reason};
use samara_search::{FateCounts, commanding::one_line};

use super::{Run, overview::milliseconds, page::Section, settings::cut};
use crate::{
    html::Html,
    numbers::{grouped, number, percent},
    trace::Way,
};

/// Reasons that are told at most.
const MOST_REASONS: usize = 12;
/// Ways and models that are told at most.
const MOST_ROWS: usize = 40;

/// The heads of a table's columns; those of numbers stand at the right.
pub(crate) fn heads(html: &mut Html, names: &[&str], numbers: &[usize]) {
    html.within("tr", &[], |html| {
        for (column, name) in names.iter().enumerate() {
            let class: &[(&str, &str)] = if numbers.contains(&column) {
                &[("class", "n"), ("scope", "col")]
            } else {
                &[("scope", "col")]
            };
            html.element("th", class, name);
        }
    });
}

/// A row of texts, the first of which leads to an address if there is one; those in the columns of numbers stand at the
/// right.
pub(crate) fn row(html: &mut Html, cells: &[String], numbers: &[usize], link: Option<&str>) {
    html.within("tr", &[], |html| {
        for (column, cell) in cells.iter().enumerate() {
            let class: &[(&str, &str)] = if numbers.contains(&column) { &[("class", "n")] } else { &[] };
            html.within("td", class, |html| match link.filter(|_| column == 0) {
                Some(link) => html.element("a", &[("href", link)], cell),
                None => html.text(cell),
            });
        }
    });
}

/// A table that scrolls where the page is too narrow.
pub(crate) fn table(html: &mut Html, names: &[&str], numbers: &[usize], rows: &[Vec<String>]) {
    linked(html, names, numbers, rows, &|_| None);
}

/// The same where rows have addresses.
pub(crate) fn linked(
    html: &mut Html,
    names: &[&str],
    numbers: &[usize],
    rows: &[Vec<String>],
    link: &dyn Fn(usize) -> Option<String>,
) {
    html.within("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
        html.within("table", &[], |html| {
            heads(html, names, numbers);
            for (place, cells) in rows.iter().enumerate() {
                row(html, cells, numbers, link(place).as_deref());
            }
        });
    });
}

/// Why candidates are invalid or failed.
pub(crate) fn failures(html: &mut Html, section: &Section<'_>) {
    let view = &section.run.view;
    let fates = &view.totals.fates;
    if view.reasons.is_empty() {
        html.element("p", &[("class", "remark")], "No candidate was invalid or failed.");
        return;
    }
    let all = fates.total() as usize;
    let told =
        |fate: &str, count: u64| format!("{} {fate} ({} %)", grouped(count), percent(count as usize, all));
    let text = format!(
        "{}, {} of {} candidates.",
        told("invalid", fates.invalid),
        told("failed", fates.failed),
        grouped(all as u64)
    );
    html.element("p", &[("class", "remark")], &text);
    let rows: Vec<Vec<String>> = reasons(section.run);
    table(html, &["candidates", "%", "fate", "why"], &[0, 1], &rows);
    let more = alike(&view.reasons).len().saturating_sub(MOST_REASONS);
    if more > 0 {
        let told = format!("and {} rarer reason{}", grouped(more as u64), if more == 1 { "" } else { "s" });
        html.element("p", &[("class", "remark")], &told);
    }
}

/// The commonest reasons: how many candidates, their part of all, the fate, why.
pub(crate) fn reasons(run: &Run) -> Vec<Vec<String>> {
    let all = run.view.totals.fates.total() as usize;
    let reasons = alike(&run.view.reasons).into_iter().take(MOST_REASONS);
    let cells = |reason: Reason| {
        vec![grouped(reason.count), percent(reason.count as usize, all), reason.fate, cut(&reason.why, 200)]
    };
    reasons.map(cells).collect()
}

/// Reasons that differ in the line alone, at which a program is wrong, as one.
fn alike(reasons: &[Reason]) -> Vec<Reason> {
    let mut places: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut merged: Vec<Reason> = Vec::new();
    for reason in reasons {
        let general = without_lines(&reason.why);
        match places.get(&(&*reason.fate, general.clone())) {
            Some(place) => {
                merged[*place].count += reason.count;
                merged[*place].why = general;
            }
            None => {
                places.insert((&reason.fate, general), merged.len());
                merged.push(reason.clone());
            }
        }
    }
    // Of those that are as frequent, what came first stays first.
    merged.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    merged
}

/// A reason with an ellipsis in the place of the number of each line.
fn without_lines(why: &str) -> String {
    let mut parts = why.split("line ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        text += "line ";
        text += if rest.len() < part.len() { "…" } else { "" };
        text += rest;
    }
    text
}

/// The heads of [`calls`], and which of its columns are numbers.
pub(crate) const CALLS: [&str; 10] = [
    "role",
    "asked for",
    "model",
    "calls",
    "tokens in",
    "tokens out",
    "cost",
    "retries",
    "median time",
    "95th percentile",
];
pub(crate) const CALL_NUMBERS: [usize; 7] = [3, 4, 5, 6, 7, 8, 9];

/// What models were asked, a row for each role, kind and model.
pub(crate) fn calls(run: &Run) -> Vec<Vec<String>> {
    // Of calls that were made in batches none is noted.
    let time = |ms: Option<f64>| ms.filter(|ms| *ms >= 0.05).map_or_else(|| "–".to_owned(), milliseconds);
    let cells = |asked: &Asked| {
        let mut calls = grouped(asked.calls);
        if asked.failed > 0 {
            calls += &format!(" ({} failed)", grouped(asked.failed));
        }
        let cost = if asked.cost > 0.0 { number(asked.cost) } else { "–".to_owned() };
        vec![
            one_line(&asked.role),
            asked.kind.name().to_owned(),
            cut(&asked.model, 60),
            calls,
            grouped(asked.tokens_in),
            grouped(asked.tokens_out),
            cost,
            grouped(asked.retries),
            time(asked.median_ms),
            time(asked.slow_ms),
        ]
    };
    run.asked.iter().take(MOST_ROWS).map(cells).collect()
}

/// The heads of [`ways`], and which of its columns are numbers.
pub(crate) const WAYS: [&str; 9] = [
    "operator",
    "model",
    "candidates",
    "entered",
    "entered %",
    "new",
    "improved",
    "invalid or failed",
    "model time each",
];
pub(crate) const WAY_NUMBERS: [usize; 7] = [2, 3, 4, 5, 6, 7, 8];

/// What every operator and model brought.
pub(crate) fn ways(run: &Run) -> Vec<Vec<String>> {
    let cells = |operator: &str, model: &str, way: &Way| {
        let FateCounts { new, improved, invalid, failed, .. } = way.fates;
        let all = way.fates.total();
        let each = way.model_ms / all.max(1) as f64;
        vec![
            if operator.is_empty() { "–".to_owned() } else { cut(operator, 60) },
            if model.is_empty() { "none".to_owned() } else { cut(model, 60) },
            grouped(all),
            grouped(new + improved),
            percent((new + improved) as usize, all as usize),
            grouped(new),
            grouped(improved),
            grouped(invalid + failed),
            if each > 0.0 { milliseconds(each) } else { "–".to_owned() },
        ]
    };
    let told = run.trace.ways();
    let mut rows: Vec<Vec<String>> =
        told.iter().take(MOST_ROWS).map(|(operator, model, way)| cells(operator, model, way)).collect();
    rows.extend(run.trace.others().map(|way| cells("all others", "", way)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_their_line_alone_are_one() {
        let reason =
            |fate: &str, why: &str, count| Reason { fate: fate.to_owned(), why: why.to_owned(), count };
        let told = alike(&[
            reason("invalid", "too long", 3),
            reason("invalid", "syntax (<program>, line 12)", 2),
            reason("failed", "syntax (<program>, line 12)", 2),
            reason("invalid", "syntax (<program>, line 3)", 2),
            reason("invalid", "a line is missing", 1),
        ]);
        let wanted = [
            reason("invalid", "syntax (<program>, line …)", 4),
            reason("invalid", "too long", 3),
            reason("failed", "syntax (<program>, line 12)", 2),
            reason("invalid", "a line is missing", 1),
        ];
        assert_eq!(told, wanted);
    }
}
