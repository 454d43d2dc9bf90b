//! What operators and models brought, and what that cost.

use super::{
    Shown,
    page::{Page, Tab, heading},
};
use crate::{
    book::Gains,
    chart::{self, About, Curve},
    html::Html,
    numbers::{grouped, number, percent},
    report::{drawn::figure, overview::milliseconds, settings::cut, tables},
    trace::Way,
};

/// Parts of the run over which success is told.
const PARTS: usize = 40;
/// Operators that have a curve: the most frequent ones, as many as there are looks.
const CURVES: usize = 6;
/// Rows at most.
const MOST: usize = 100;

const HEADS: [&str; 13] = [
    "operator",
    "model",
    "candidates",
    "entered",
    "%",
    "better",
    "%",
    "mean gain",
    "best gain",
    "failed",
    "tokens each",
    "cost each",
    "calls' time each",
];
const NUMBERS: [usize; 11] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// The page of a run's operators and models.
pub fn page(shown: Shown<'_>) -> Page {
    let mut page = Page::of_run(shown.name, Tab::Operators, "Operators and models");
    page.part("head", |html| heading(html, "Operators and models"));
    page.alive("brought", |html| brought(html, shown));
    page.alive("success", |html| success(html, shown));
    page.alive("calls", |html| {
        html.element("h2", &[], "What models were asked");
        let calls = tables::calls(shown.run);
        if calls.is_empty() {
            html.element("p", &[("class", "remark")], "No model was asked.");
        } else {
            tables::table(html, &tables::CALLS, &tables::CALL_NUMBERS, &calls);
        }
    });
    page
}

fn brought(html: &mut Html, shown: Shown<'_>) {
    html.element("h2", &[], "What each brought");
    let gains = shown.book.gains();
    let ways = shown.run.trace.ways();
    if ways.is_empty() {
        html.element("p", &[("class", "remark")], "No candidate was made yet.");
        return;
    }
    let row = |(operator, model, way): &(&str, &str, &Way)| {
        row(operator, model, way, gains.get(&(*operator, *model)).copied().unwrap_or_default())
    };
    let mut rows: Vec<Vec<String>> = ways.iter().take(MOST).map(row).collect();
    rows.extend(shown.run.trace.others().map(|way| self::row("all others", "", way, Gains::default())));
    tables::table(html, &HEADS, &NUMBERS, &rows);
    let told = "Entered: new or improved. Better: than their first parents, of those that have a score and a parent with one; the mean gain is of the better ones. Failed: invalid, too.";
    html.element("p", &[("class", "remark")], told);
}

fn row(operator: &str, model: &str, way: &Way, gains: Gains) -> Vec<String> {
    let all = way.fates.total();
    let entered = way.fates.new + way.fates.improved;
    let each = |sum: f64| sum / all.max(1) as f64;
    let or_none = |there: bool, text: String| if there { text } else { "–".to_owned() };
    vec![
        or_none(!operator.is_empty(), cut(operator, 60)),
        if model.is_empty() { "none".to_owned() } else { cut(model, 60) },
        grouped(all),
        grouped(entered),
        percent(entered as usize, all as usize),
        or_none(gains.compared > 0, grouped(gains.better)),
        or_none(gains.compared > 0, percent(gains.better as usize, gains.compared as usize)),
        or_none(gains.better > 0, number(gains.sum / gains.better.max(1) as f64)),
        or_none(gains.better > 0, number(gains.most)),
        grouped(way.fates.invalid + way.fates.failed),
        or_none(way.spent.tokens > 0, number((each(way.spent.tokens as f64) * 10.0).round() / 10.0)),
        or_none(way.spent.money > 0.0, number(each(way.spent.money))),
        or_none(way.model_ms > 0.0, milliseconds(each(way.model_ms))),
    ]
}

/// The share of each operator's candidates that entered, over the run.
fn success(html: &mut Html, shown: Shown<'_>) {
    let parts = shown.book.success(PARTS);
    if shown.book.len() < 2 * PARTS as u64 {
        return;
    }
    let mut operators: Vec<&str> = Vec::new();
    for (operator, ..) in shown.run.trace.ways() {
        if !operators.contains(&operator) && operators.len() < CURVES {
            operators.push(operator);
        }
    }
    let length = shown.book.len().div_ceil(PARTS as u64).max(1);
    let curves: Vec<Curve> = operators
        .iter()
        .enumerate()
        .map(|(look, operator)| {
            let shares = parts.get(operator).map_or(&[][..], |shares| shares);
            let point = |(part, share): (usize, &Option<f64>)| {
                let end = ((part as u64 + 1) * length).min(shown.book.len());
                Some((end as f64, (*share)?))
            };
            Curve { points: shares.iter().enumerate().filter_map(point).collect(), band: Vec::new(), look }
        })
        .collect();
    html.element("h2", &[], "Success over the run");
    html.within("p", &[("class", "keys")], |html| {
        for (look, operator) in operators.iter().enumerate() {
            html.within("span", &[("class", "key")], |html| {
                html.swatch("swatch", chart::look(look).0);
                html.text(&if operator.is_empty() { "–".to_owned() } else { cut(operator, 60) });
            });
        }
    });
    let label = "The share of each operator's candidates that entered the archive, over the run";
    let about = About { label, percent: true, from_zero: true, candidates: shown.book.len() };
    html.within("div", &[("class", "figures one")], |html| {
        figure(
            html,
            "Entered the archive, %",
            &format!("by {} candidates each", grouped(length)),
            chart::curves(about, &curves),
        );
    });
}
