//! Several runs beside each other: a table, and their curves in one chart each. Runs that differ in their seed alone are
//! one curve, with a band from the lowest to the highest of them.

use std::collections::{BTreeMap, BTreeSet};

use samara_search::commanding::one_line;

use super::{
    Run,
    differences::differences,
    drawn::{self, MEASURES, Measure},
    settings::{but_for_the_seed, cut, flat},
    tables,
};
use crate::{
    chart::{self, About, Across, Curve},
    html::Html,
    numbers::{aligned, grouped, percent},
};

/// Steps of a curve of several runs.
const STEPS: u64 = 200;

/// Runs that differ in nothing but their seed.
pub(crate) struct Group<'a> {
    pub(crate) name: String,
    pub(crate) runs: Vec<&'a Run>,
}

/// The runs by what they have in common, in the order of the first of each.
pub(crate) fn groups<'a>(runs: &[&'a Run]) -> Vec<Group<'a>> {
    let mut keys: Vec<String> = Vec::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for run in runs {
        let key = but_for_the_seed(&run.view.header.config);
        match keys.iter().position(|held| *held == key) {
            Some(place) => groups[place].runs.push(run),
            None => {
                keys.push(key);
                groups.push(Group { name: String::new(), runs: vec![run] });
            }
        }
    }
    for group in &mut groups {
        // In the order of their seeds, whatever the order they were named in.
        group.runs.sort_by_key(|run| run.view.header.seed);
        group.name = match &group.runs[..] {
            [run] => one_line(&run.name),
            [run, ..] => {
                let strategy = one_line(run.view.settings.strategy.name());
                format!("{} ({strategy}), {} seeds", one_line(&run.view.header.experiment), group.runs.len())
            }
            [] => String::new(),
        };
    }
    told_apart(&mut groups);
    groups
}

/// Settings that are named at most where groups have the same name.
const MOST_NAMED: usize = 3;

/// Groups of the same name are called by the settings in which they differ.
fn told_apart(groups: &mut [Group<'_>]) {
    let settings: Vec<BTreeMap<String, String>> = groups
        .iter()
        .map(|group| group.runs.first().map(|run| flat(&run.view.header.config)).unwrap_or_default())
        .collect();
    let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
    for name in names.iter().collect::<BTreeSet<_>>() {
        let same: Vec<usize> = (0..groups.len()).filter(|place| names[*place] == *name).collect();
        if same.len() < 2 {
            continue;
        }
        let keys: BTreeSet<&String> = same.iter().flat_map(|place| settings[*place].keys()).collect();
        let differs = |key: &&String| {
            same.iter().any(|place| settings[*place].get(*key) != settings[same[0]].get(*key))
        };
        let keys: Vec<&String> = keys.into_iter().filter(differs).collect();
        for place in same {
            let told: Vec<String> = keys
                .iter()
                .take(MOST_NAMED)
                .map(|key| {
                    let value = settings[place].get(*key).map_or("not set", |value| value);
                    cut(&format!("{key} = {value}"), 60)
                })
                .collect();
            groups[place].name += &format!(", {}", told.join(", "));
        }
    }
}

/// The table and the curves; `link` has the address of the run at a place, if it has one.
pub(crate) fn compare(html: &mut Html, runs: &[&Run], link: &dyn Fn(usize) -> Option<String>) {
    html.within("section", &[], |html| {
        tables::linked(html, &HEADS, &NUMBERS, &rows(runs), link);
    });
    let groups = groups(runs);
    differences(html, &groups);
    html.within("section", &[], |html| {
        html.element("h2", &[], "Curves");
        html.within("p", &[("class", "keys")], |html| {
            for (place, group) in groups.iter().enumerate() {
                html.within("span", &[("class", "key")], |html| {
                    html.swatch("swatch", chart::look(place).0);
                    html.text(&group.name);
                });
            }
        });
        if groups.iter().any(|group| group.runs.len() > 1) {
            let band =
                "A line over several seeds is their mean, its band goes from the lowest to the highest.";
            html.element("p", &[("class", "remark")], band);
        }
        html.within("div", &[("class", "figures")], |html| {
            for measure in &MEASURES {
                let curves: Vec<Curve> =
                    groups.iter().enumerate().map(|(place, group)| curve(group, measure, place)).collect();
                let label = format!("{} of {} runs over candidates", measure.title, runs.len());
                let candidates = runs.iter().map(|run| run.view.replay.settled()).max().unwrap_or(0);
                let Measure { percent, from_zero, .. } = *measure;
                let across = Across::candidates(candidates);
                let about = About { label: &label, percent, from_zero, across };
                drawn::figure(html, measure.title, "", chart::curves(about, &curves));
            }
        });
    });
}

/// The heads of [`rows`], and which of its columns are numbers.
pub(crate) const HEADS: [&str; 10] =
    ["run", "experiment", "seed", "state", "candidates", "QD score", "coverage %", "best", "mean", "tokens"];
pub(crate) const NUMBERS: [usize; 7] = [2, 4, 5, 6, 7, 8, 9];

/// A row a run.
pub(crate) fn rows(runs: &[&Run]) -> Vec<Vec<String>> {
    let stats: Vec<_> =
        runs.iter().map(|run| run.view.replay.population().overall().archive().stats()).collect();
    let told = |value: &dyn Fn(usize) -> Option<f64>| -> Vec<String> {
        let values: Vec<f64> = (0..runs.len()).filter_map(value).collect();
        let mut texts = aligned(&values).into_iter();
        (0..runs.len())
            .map(|i| value(i).and_then(|_| texts.next()).unwrap_or_else(|| "–".to_owned()))
            .collect()
    };
    let scores = told(&|i| Some(stats[i].qd_score));
    let best = told(&|i| stats[i].best);
    let means = told(&|i| stats[i].mean);
    let row = |(i, run): (usize, &Run)| {
        let (header, totals) = (&run.view.header, &run.view.totals);
        vec![
            one_line(&run.name),
            one_line(&header.experiment),
            header.seed.to_string(),
            one_line(run.state.told()),
            grouped(totals.candidates),
            scores[i].clone(),
            percent(stats[i].cells_filled, stats[i].cells_total),
            best[i].clone(),
            means[i].clone(),
            grouped(totals.tokens_in.saturating_add(totals.tokens_out)),
        ]
    };
    runs.iter().copied().enumerate().map(row).collect()
}

/// The curve of a group: of a single run its points, of several their mean as far as all of them go.
fn curve(group: &Group<'_>, measure: &Measure, look: usize) -> Curve {
    if let [run] = &group.runs[..] {
        let points = run.trace.points();
        let told = points.iter().filter_map(|point| Some((point.candidates as f64, (measure.value)(point)?)));
        return Curve { points: told.collect(), band: Vec::new(), look };
    }
    let length = group.runs.iter().map(|run| run.view.replay.settled()).min().unwrap_or(0);
    let mut curve = Curve { look, ..Curve::default() };
    let steps = length.min(STEPS);
    for step in 1..=steps {
        let candidates = (u128::from(step) * u128::from(length)).div_ceil(u128::from(steps)) as u64;
        let values: Option<Vec<f64>> =
            group.runs.iter().map(|run| (measure.value)(&run.trace.at(candidates)?)).collect();
        let Some(values) = values else { continue };
        let mean = values.iter().map(|value| value / values.len() as f64).sum();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        curve.points.push((candidates as f64, mean));
        curve.band.push((candidates as f64, low, high));
    }
    curve
}
