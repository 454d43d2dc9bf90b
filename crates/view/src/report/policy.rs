//! What a run of `samara rl` came to: condition by condition over its iterations, told again from its samples.

use super::{drawn::figure, settings, tables};
use crate::{
    book::{Book, Entry},
    chart::{self, About, Across, Curve},
    html::Html,
    numbers::{aligned, grouped, percent},
};

/// Points of a curve at most: of more iterations, several are one point.
const MOST_POINTS: u64 = 60;
/// Conditions that have a curve, and rows of a table at most.
const CURVES: usize = 7;
const MOST_ROWS: usize = 64;
/// The numbers that `samara rl` notes beside a sample's score.
const REWARD: &str = "reward";
const DISTANCE: &str = "kl";

/// Samples of a condition in some iterations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Samples {
    made: u64,
    /// Those that have a score, and the sums of their numbers.
    valid: u64,
    objective: f64,
    reward: f64,
    distance: f64,
    best: Option<f64>,
}

impl Samples {
    fn add(&mut self, entry: &Entry<'_>, number: impl Fn(&str) -> Option<f64>) {
        self.made += 1;
        let Some(objective) = entry.objective else { return };
        self.valid += 1;
        self.objective += objective;
        self.reward += number(REWARD).unwrap_or(0.0);
        self.distance += number(DISTANCE).unwrap_or(0.0);
        self.best = Some(self.best.map_or(objective, |best| best.max(objective)));
    }

    fn with(self, other: Self) -> Self {
        Self {
            made: self.made + other.made,
            valid: self.valid + other.valid,
            objective: self.objective + other.objective,
            reward: self.reward + other.reward,
            distance: self.distance + other.distance,
            best: [self.best, other.best].into_iter().flatten().reduce(f64::max),
        }
    }
}

/// What is told of samples: its title, and its value, if there is any.
struct Measure {
    title: &'static str,
    percent: bool,
    value: fn(&Samples) -> Option<f64>,
}

fn mean(sum: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

const MEASURES: [Measure; 4] = [
    Measure { title: "Mean reward", percent: false, value: |samples| mean(samples.reward, samples.valid) },
    Measure {
        title: "Distance (KL), nats a sample",
        percent: false,
        value: |samples| mean(samples.distance, samples.valid),
    },
    Measure { title: "Valid", percent: true, value: |samples| mean(samples.valid as f64, samples.made) },
    Measure {
        title: "Mean objective",
        percent: false,
        value: |samples| mean(samples.objective, samples.made),
    },
];
/// How to read them.
const REMARK: &str = "Reward and distance from the first step's model are means over the samples that have a score; in the mean \
                      objective one without a score counts 0.";

/// A policy as it learnt.
pub struct Policy {
    conditions: Vec<String>,
    /// Samples of a point; the last may have fewer.
    each: u64,
    /// Of every point the samples of each condition.
    points: Vec<Vec<Samples>>,
    last: u64,
}

impl Policy {
    /// Whether a run with these settings is one of `samara rl`.
    pub fn is_of(config: &str) -> bool {
        settings::conditions(config).is_some()
    }

    /// Of a run's settings and its candidates; `None` of a run that is none of `samara rl`, or has no sample yet.
    pub fn of(config: &str, book: &Book) -> Option<Self> {
        let (conditions, group) = settings::conditions(config)?;
        let last = book.len();
        let iteration = group.saturating_mul(conditions.len() as u64);
        let each = iteration.saturating_mul(last.div_ceil(iteration).div_ceil(MOST_POINTS).max(1));
        let mut points = vec![vec![Samples::default(); conditions.len()]; last.div_ceil(each) as usize];
        for entry in book.entries() {
            let point = points.get_mut((entry.index / each) as usize);
            if let Some(samples) = point.and_then(|point| point.get_mut(entry.island as usize)) {
                samples.add(&entry, |name| book.metric(entry.index, name));
            }
        }
        (last > 0).then_some(Self { conditions, each, points, last })
    }

    /// How far a point is: the samples up to its end.
    fn at(&self, point: usize) -> f64 {
        (self.each.saturating_mul(point as u64 + 1)).min(self.last) as f64
    }

    /// A curve of what `samples` takes of each point.
    fn curve(&self, measure: &Measure, look: usize, samples: impl Fn(&[Samples]) -> Samples) -> Curve {
        let told = |(place, point): (usize, &Vec<Samples>)| {
            Some((self.at(place), (measure.value)(&samples(point))?))
        };
        Curve { points: self.points.iter().enumerate().filter_map(told).collect(), look, ..Curve::default() }
    }

    /// The samples of a condition at a point.
    fn samples(&self, point: Option<&Vec<Samples>>, condition: usize) -> Samples {
        point.and_then(|point| point.get(condition)).copied().unwrap_or_default()
    }
}

/// What a policy has learnt, condition by condition: curves, and its first and last point.
pub(crate) fn one(html: &mut Html, policy: &Policy) {
    let names = policy.conditions.iter().take(CURVES);
    keys(html, names.enumerate().map(|(place, name)| (place, &**name)));
    let curves = |measure: &Measure| -> Vec<Curve> {
        let shown = policy.conditions.len().min(CURVES);
        (0..shown).map(|one| policy.curve(measure, one, |point| point[one])).collect()
    };
    charts(html, "by condition", policy.last, curves);
    table(html, &HEADS, &ends(policy));
    html.element("p", &[("class", "remark")], &remark(policy));
}

/// The first two columns of a policy's own table.
const HEADS: [&str; 2] = ["condition", "when"];

/// The first and the last point of each condition.
fn ends(policy: &Policy) -> Vec<(Vec<String>, Samples)> {
    let rows = (0..policy.conditions.len()).take(MOST_ROWS).flat_map(|one| {
        let point = |at: Option<&Vec<Samples>>| policy.samples(at, one);
        let name = policy.conditions[one].clone();
        let first = (vec![name.clone(), "first".to_owned()], point(policy.points.first()));
        [first, (vec![name, "last".to_owned()], point(policy.points.last()))]
    });
    rows.collect()
}

/// What its points are.
pub(crate) fn remark(policy: &Policy) -> String {
    format!("Each point is of {} samples, the first and the last too. {REMARK}", grouped(policy.each))
}

/// The same table for a file without pictures: its heads, and its rows.
pub(crate) fn rows(policy: &Policy) -> (Vec<&'static str>, Vec<Vec<String>>) {
    (heads(&HEADS), cells(&ends(policy)))
}

/// What several policies came to, each with its name and its look. `looks` has what belongs to each look.
pub(crate) fn several(html: &mut Html, policies: &[(usize, &str, Policy)], looks: &[(usize, &str)]) {
    keys(html, looks.iter().copied());
    let all = |point: &[Samples]| point.iter().fold(Samples::default(), |sum, one| sum.with(*one));
    let last = policies.iter().map(|(_, _, policy)| policy.last).max().unwrap_or(0);
    charts(html, "of all conditions", last, |measure| {
        policies.iter().map(|(look, _, policy)| policy.curve(measure, *look, all)).collect()
    });
    let rows = policies.iter().flat_map(|(_, name, policy)| {
        let names = policy.conditions.iter().enumerate();
        names.map(|(one, condition)| {
            let name = samara_search::commanding::one_line(name);
            (vec![name, condition.clone()], policy.samples(policy.points.last(), one))
        })
    });
    table(html, &["run", "condition"], &rows.take(MOST_ROWS).collect::<Vec<_>>());
    let told = format!("A line is a run, a row what it came to at its last point. {REMARK}");
    html.element("p", &[("class", "remark")], &told);
}

fn keys<'a>(html: &mut Html, names: impl Iterator<Item = (usize, &'a str)>) {
    html.within("p", &[("class", "keys")], |html| {
        for (look, name) in names {
            html.within("span", &[("class", "key")], |html| {
                html.swatch("swatch", chart::look(look).0);
                html.text(name);
            });
        }
    });
}

fn charts(html: &mut Html, whose: &str, last: u64, curves: impl Fn(&Measure) -> Vec<Curve>) {
    html.within("div", &[("class", "figures")], |html| {
        for measure in &MEASURES {
            let label = format!("{} {whose} over samples", measure.title);
            let across = Across { unit: "samples", ..Across::candidates(last) };
            let about = About { label: &label, percent: measure.percent, from_zero: measure.percent, across };
            let title =
                if measure.percent { format!("{}, %", measure.title) } else { measure.title.to_owned() };
            figure(html, &title, "", chart::curves(about, &curves(measure)));
        }
    });
}

/// Columns of numbers.
const NUMBERS: [&str; 6] = ["made", "valid %", "mean objective", "best", "mean reward", "distance"];
/// Where they stand, behind two texts that say whose they are.
pub(crate) const PLACES: [usize; 6] = [2, 3, 4, 5, 6, 7];

fn heads(whose: &[&'static str; 2]) -> Vec<&'static str> {
    whose.iter().chain(&NUMBERS).copied().collect()
}

fn table(html: &mut Html, whose: &[&'static str; 2], rows: &[(Vec<String>, Samples)]) {
    tables::table(html, &heads(whose), &PLACES, &cells(rows));
}

/// A row of numbers for each of some samples, behind two texts that say whose they are.
fn cells(rows: &[(Vec<String>, Samples)]) -> Vec<Vec<String>> {
    let column = |value: &dyn Fn(&Samples) -> Option<f64>| -> Vec<String> {
        let held: Vec<f64> = rows.iter().filter_map(|(_, samples)| value(samples)).collect();
        let mut texts = aligned(&held).into_iter();
        let told =
            |samples: &Samples| value(samples).and_then(|_| texts.next()).unwrap_or_else(|| "–".to_owned());
        rows.iter().map(|(_, samples)| samples).map(told).collect()
    };
    let [reward, distance, _, objective] = MEASURES.each_ref().map(|measure| column(&measure.value));
    let best = column(&|samples| samples.best);
    let cells = rows.iter().enumerate().map(|(place, (names, samples))| {
        let valid = percent(samples.valid as usize, samples.made as usize);
        let numbers = [&reward, &distance, &objective, &best].map(|column| column[place].clone());
        let [reward, distance, objective, best] = numbers;
        [&names[..], &[grouped(samples.made), valid, objective, best, reward, distance]].concat()
    });
    cells.collect()
}
