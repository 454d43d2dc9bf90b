//! What operators and models brought, what that cost, and what those who choose among them have learnt.

use super::{
    Shown,
    address::Address,
    page::{Page, Tab, heading},
};
use crate::{
    bandits::{self, Arm, Learnt, Moment},
    book::{By, Gains, Part},
    chart::{self, About, Across, Curve},
    html::Html,
    numbers::{brief, grouped, number, percent},
    report::{
        drawn::figure,
        overview::milliseconds,
        settings::{self, cut},
        tables,
    },
    trace::Way,
};

/// Parts of the run over which candidates are counted at most, and candidates of a part at least: of fewer, curves would
/// show chance.
const PARTS: u64 = 40;
const LEAST: u64 = 20;
/// Groups that have a curve: the largest ones, as many as there are looks.
const CURVES: usize = 6;
/// Rows at most.
const MOST: usize = 100;

const HEADS: [&str; 13] = [
    "operator",
    "model",
    "candidates",
    "entered",
    "entered %",
    "better",
    "better %",
    "mean gain",
    "best gain",
    "invalid or failed",
    "tokens each",
    "cost each",
    "model time each",
];
const NUMBERS: [usize; 11] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// The page of a run's operators and models, with candidates told apart by something over the run.
pub fn page(shown: Shown<'_>, by: By) -> Page {
    let mut page = Page::of_run(shown.name, Tab::Operators, "Operators and models");
    page.part("head", |html| heading(html, "Operators and models"));
    page.alive("brought", |html| brought(html, shown));
    page.alive("over", |html| over_the_run(html, shown, by));
    page.alive("learnt", |html| learnt(html, shown));
    page.alive("steps", |html| steps(html, shown));
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
    without_empty(html, &HEADS, &NUMBERS, &rows);
    let told = "Entered: new or improved. Better: than their first parents, of those that have a score and a parent with one; gains are of the better ones. Each: for a candidate, on average.";
    html.element("p", &[("class", "remark")], told);
}

/// A table without the columns that nobody has anything in, such as tokens without a model.
fn without_empty(html: &mut Html, heads: &[&str], numbers: &[usize], rows: &[Vec<String>]) {
    let kept: Vec<usize> =
        (0..heads.len()).filter(|column| rows.iter().any(|row| row[*column] != "–")).collect();
    let heads: Vec<&str> = kept.iter().map(|column| heads[*column]).collect();
    let numbers: Vec<usize> = (0..kept.len()).filter(|place| numbers.contains(&kept[*place])).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| kept.iter().map(|column| row[*column].clone()).collect()).collect();
    tables::table(html, &heads, &numbers, &rows);
}

fn or_none(there: bool, text: impl FnOnce() -> String) -> String {
    if there { text() } else { "–".to_owned() }
}

fn row(operator: &str, model: &str, way: &Way, gains: Gains) -> Vec<String> {
    let all = way.fates.total();
    let entered = way.fates.new + way.fates.improved;
    let each = |sum: f64| sum / all.max(1) as f64;
    vec![
        or_none(!operator.is_empty(), || cut(operator, 60)),
        if model.is_empty() { "none".to_owned() } else { cut(model, 60) },
        grouped(all),
        grouped(entered),
        percent(entered as usize, all as usize),
        or_none(gains.compared > 0, || grouped(gains.better)),
        or_none(gains.compared > 0, || percent(gains.better as usize, gains.compared as usize)),
        or_none(gains.better > 0, || brief(gains.sum / gains.better.max(1) as f64)),
        or_none(gains.better > 0, || brief(gains.most)),
        grouped(way.fates.invalid + way.fates.failed),
        or_none(way.spent.tokens > 0, || number((each(way.spent.tokens as f64) * 10.0).round() / 10.0)),
        or_none(way.spent.money > 0.0, || number(each(way.spent.money))),
        or_none(way.model_ms > 0.0, || milliseconds(each(way.model_ms))),
    ]
}

/// A curve over the parts of the run: its title, its value in a part that has one, and whether it is a share.
struct Told {
    title: &'static str,
    value: fn(&Part, u64) -> Option<f64>,
    percent: bool,
    /// Whether there is anything to tell, from all parts together.
    there: fn(&Part) -> bool,
}

/// A share of something that is there.
fn part_of(part: f64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part / whole as f64)
}

const TOLD: [Told; 7] = [
    Told {
        title: "Part of the candidates, %",
        value: |part, all| part_of(part.made as f64, all),
        percent: true,
        there: |_| true,
    },
    Told {
        title: "Entered the archive, %",
        value: |part, _| part_of(part.entered as f64, part.made),
        percent: true,
        there: |_| true,
    },
    Told {
        title: "Better than the first parent, %",
        value: |part, _| part_of(part.gains.better as f64, part.gains.compared),
        percent: true,
        there: |all| all.gains.compared > 0,
    },
    Told {
        title: "Mean gain of the better ones",
        value: |part, _| part_of(part.gains.sum, part.gains.better),
        percent: false,
        there: |all| all.gains.better > 0,
    },
    Told {
        title: "Tokens a candidate",
        value: |part, _| part_of(part.spent.tokens as f64, part.made),
        percent: false,
        there: |all| all.spent.tokens > 0,
    },
    Told {
        title: "Cost a candidate",
        value: |part, _| part_of(part.spent.money, part.made),
        percent: false,
        there: |all| all.spent.money > 0.0,
    },
    Told {
        title: "Seconds of calls a candidate",
        value: |part, _| part_of(part.model_ms / 1000.0, part.made),
        percent: false,
        there: |all| all.model_ms > 0.0,
    },
];

/// Success, gains and costs over the run, by operator, model or island.
fn over_the_run(html: &mut Html, shown: Shown<'_>, by: By) {
    let parts = (shown.book.len() / LEAST).min(PARTS);
    if parts < 3 {
        return;
    }
    let mut groups = shown.book.over_time(by, parts as usize);
    if let (By::Island, Some((conditions, _))) = (by, settings::conditions(&shown.run.view.header.config)) {
        for (name, _) in &mut groups {
            let place = name.strip_prefix("island ").and_then(|place| place.parse::<usize>().ok());
            if let Some(condition) = place.and_then(|place| conditions.get(place)) {
                name.clone_from(condition);
            }
        }
    }
    let length = shown.book.len().div_ceil(parts).max(1);
    html.element("h2", &[], "Over the run");
    bys(html, shown, by);
    let names: Vec<&str> = groups.iter().take(CURVES).map(|(name, _)| &**name).collect();
    keys(html, &names, groups.len());
    let parts = groups.first().map_or(0, |(_, parts)| parts.len());
    let made: Vec<u64> = (0..parts).map(|part| groups.iter().map(|(_, of)| of[part].made).sum()).collect();
    let mut all = Part::default();
    groups.iter().flat_map(|(_, parts)| parts).for_each(|part| all.join(part));
    let told = format!("Each point is of {} candidates.", grouped(length));
    html.element("p", &[("class", "remark")], &told);
    html.within("div", &[("class", "figures")], |html| {
        for told in TOLD.iter().filter(|told| (told.there)(&all)) {
            let curve = |(look, (_, parts)): (usize, &(String, Vec<Part>))| {
                let point = |(place, part): (usize, &Part)| {
                    let end = ((place as u64 + 1) * length).min(shown.book.len());
                    Some((end as f64, (told.value)(part, made[place])?))
                };
                Curve {
                    points: parts.iter().enumerate().filter_map(point).collect(),
                    look,
                    ..Curve::default()
                }
            };
            let curves: Vec<Curve> = groups.iter().take(CURVES).enumerate().map(curve).collect();
            let label = format!("{} over the run, by {}", told.title, by.name());
            let across = Across::candidates(shown.book.len());
            let about = About { label: &label, percent: told.percent, from_zero: true, across };
            figure(html, told.title, "", chart::curves(about, &curves));
        }
    });
}

/// By what candidates can be told apart.
fn bys(html: &mut Html, shown: Shown<'_>, here: By) {
    let islands = shown.run.view.settings.islands.count > 1;
    html.within("p", &[("class", "onwards small")], |html| {
        html.element("span", &[("class", "remark")], "By");
        for by in By::ALL.into_iter().filter(|by| islands || *by != By::Island || *by == here) {
            let link = Address::Operators(shown.name.to_owned(), by).link();
            let current: &[(&str, &str)] = if by == here { &[("aria-current", "true")] } else { &[] };
            html.element("a", &[&[("href", &*format!("{link}#over"))], current].concat(), by.name());
        }
    });
}

/// What bandits have learnt, now and over the run.
fn learnt(html: &mut Html, shown: Shown<'_>) {
    for learnt in bandits::learnt(shown.run, shown.book) {
        html.element("h2", &[], learnt.title);
        standings(html, &learnt);
        let costs = learnt.costs.map(|costs| format!(" The cost is in {costs}.")).unwrap_or_default();
        html.element("p", &[("class", "remark")], &format!("{}{costs}", learnt.chosen));
        learning(html, shown, &learnt);
    }
}

/// What there is to choose from, the most frequent first where there is more than a table tells.
fn standings(html: &mut Html, learnt: &Learnt) {
    let heads = ["chosen", "weight", "candidates", "entered, %", "hoped for, %", "cost each", "proposes now"];
    let none = || "–".to_owned();
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let trials = |arm: &Arm| {
        if learnt.costs.is_some() { format!("{:.1}", arm.trials) } else { grouped(arm.trials as u64) }
    };
    let active = |[islands, all]: [usize; 2]| match (islands, all) {
        (0, _) => "no".to_owned(),
        (_, 1) => "yes".to_owned(),
        _ => format!("on {islands} of {all} islands"),
    };
    let row = |arm: &Arm| {
        vec![
            cut(&arm.name, 60),
            arm.weight.map_or_else(none, number),
            trials(arm),
            arm.entered.map_or_else(none, percent),
            arm.hoped.map_or_else(none, percent),
            arm.cost.map_or_else(none, number),
            arm.active.map_or_else(none, active),
        ]
    };
    let rows: Vec<Vec<String>> =
        foremost(learnt, MOST).into_iter().map(|place| row(&learnt.arms[place])).collect();
    without_empty(html, &heads, &[1, 2, 3, 4, 5], &rows);
    if let Some(left) = learnt.arms.len().checked_sub(MOST).filter(|left| *left > 0) {
        html.element("p", &[("class", "remark")], &format!("and {} that made less", grouped(left as u64)));
    }
}

/// The places of those with the most candidates, in their order.
fn foremost(learnt: &Learnt, most: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..learnt.arms.len()).collect();
    places.sort_by(|a, b| learnt.arms[*b].trials.total_cmp(&learnt.arms[*a].trials));
    places.truncate(most);
    places.sort_unstable();
    places
}

/// How often each was chosen over the run, and what was hoped for of it.
fn learning(html: &mut Html, shown: Shown<'_>, learnt: &Learnt) {
    if learnt.over.len() < 3 {
        return;
    }
    let places = foremost(learnt, CURVES);
    let names: Vec<&str> = places.iter().map(|place| &*learnt.arms[*place].name).collect();
    keys(html, &names, learnt.arms.len());
    let hoped =
        |moment: &Moment, place: usize| Some((moment.candidates as f64, moment.hoped.get(place).copied()??));
    let chosen = |pair: &[Moment], place: usize| {
        let made = |place: usize| pair[1].made[place].saturating_sub(pair[0].made[place]);
        let all: u64 = (0..pair[1].made.len()).map(made).sum();
        Some((pair[1].candidates as f64, part_of(made(place) as f64, all)?))
    };
    let begin = Moment { candidates: 0, made: vec![0; learnt.arms.len()], hoped: Vec::new() };
    let moments: Vec<Moment> = std::iter::once(begin).chain(learnt.over.iter().cloned()).collect();
    let curves = |points: &dyn Fn(usize) -> Vec<(f64, f64)>| -> Vec<Curve> {
        let curve =
            |(look, place): (usize, &usize)| Curve { points: points(*place), look, ..Curve::default() };
        places.iter().enumerate().map(curve).collect()
    };
    let share = curves(&|place| moments.windows(2).filter_map(|pair| chosen(pair, place)).collect());
    let hope = curves(&|place| learnt.over.iter().filter_map(|moment| hoped(moment, place)).collect());
    let across = Across::candidates(shown.book.len());
    html.within("div", &[("class", "figures")], |html| {
        for (title, curves, there) in [("Chosen, %", share, true), ("Hoped for, %", hope, learnt.hopes)] {
            if there {
                let label = format!("{title} over the run");
                let about = About { label: &label, percent: true, from_zero: true, across };
                figure(html, title, "", chart::curves(about, &curves));
            }
        }
    });
}

/// What the first curves stand for, and how many have none.
fn keys(html: &mut Html, names: &[&str], all: usize) {
    html.within("p", &[("class", "keys")], |html| {
        for (look, name) in names.iter().enumerate() {
            html.within("span", &[("class", "key")], |html| {
                html.swatch("swatch", chart::look(look).0);
                html.text(&cut(name, 60));
            });
        }
        if all > names.len() {
            let told = format!("and {} rarer without a curve", all - names.len());
            html.element("span", &[("class", "remark")], &told);
        }
    });
}

/// Of programs: steps that changed numbers and nothing else.
fn steps(html: &mut Html, shown: Shown<'_>) {
    if !shown.run.programs {
        return;
    }
    let groups = shown.book.over_time(By::Operator, 1);
    let rows: Vec<Vec<String>> = groups
        .iter()
        .filter_map(|(name, parts)| {
            let [all, only] = parts.first()?.told;
            let told = (all > 0).then(|| percent(only as usize, all as usize))?;
            Some(vec![cut(name, 60), grouped(all), grouped(only), told])
        })
        .take(MOST)
        .collect();
    if rows.is_empty() {
        return;
    }
    html.element("h2", &[], "Steps of numbers alone");
    tables::table(html, &["operator", "steps", "numbers alone", "%"], &[1, 2, 3], &rows);
    html.within("p", &[("class", "remark")], |html| {
        html.text("Of the steps from a first parent, those that changed numbers and nothing else. Lines that come back are told of each ");
        let link = Address::Lineage(shown.name.to_owned(), None).link();
        html.element("a", &[("href", &link)], "lineage");
        html.text(".");
    });
}
