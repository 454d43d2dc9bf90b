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
    numbers::{aligned, grouped},
};

/// A number of a run: its name, its value at the end, what it is multiplied by.
struct Told {
    name: &'static str,
    value: fn(&Run) -> Option<f64>,
    scale: f64,
}

fn stats(run: &Run) -> samara_qd::Stats {
    run.view.replay.population().overall().archive().stats()
}

const TOLD: [Told; 3] = [
    Told { name: "QD score", value: |run| Some(stats(run).qd_score), scale: 1.0 },
    Told { name: "coverage %", value: |run| Some(stats(run).coverage), scale: 100.0 },
    Told { name: "best", value: |run| stats(run).best, scale: 1.0 },
];

/// The heads of the two tables, of as many columns as [`rows`] has.
const MEANS: [&str; TOLD.len() + 2] =
    ["settings", TOLD[0].name, TOLD[1].name, TOLD[2].name, "QD score's interval against the first's"];
const AWAY: [&str; TOLD.len() + 2] = ["settings", TOLD[0].name, TOLD[1].name, TOLD[2].name, "QD score is"];

impl Told {
    /// The values of a group, run by run; `None` if one has none.
    fn of(&self, group: &Group<'_>) -> Option<Vec<f64>> {
        let values: Option<Vec<f64>> = group.runs.iter().map(|run| (self.value)(run)).collect();
        Some(values?.into_iter().map(|value| value * self.scale).collect())
    }
}

/// An interval, if all runs have the number, and whether it is over several seeds.
type Found = (Option<Interval>, bool);

/// Intervals below each other, with equally many digits; one over a single seed is its mean.
fn texts(intervals: &[Found]) -> Vec<String> {
    let numbers: Vec<f64> = intervals
        .iter()
        .flat_map(|(interval, _)| interval)
        .flat_map(|one| [one.mean, one.low, one.high])
        .collect();
    let mut written = aligned(&numbers).into_iter();
    let mut text = |(interval, several): &Found| {
        interval.as_ref()?;
        let (mean, low, high) = (written.next()?, written.next()?, written.next()?);
        Some(if *several { format!("{mean} [{low}, {high}]") } else { mean })
    };
    intervals.iter().map(|one| text(one).unwrap_or_else(|| "–".to_owned())).collect()
}

/// Rows of a name, the intervals of all numbers, and what is said of the first of these.
fn rows(
    groups: &[Group<'_>],
    interval: &dyn Fn(&Told, &Group<'_>) -> Found,
    said: &dyn Fn(&Group<'_>) -> &'static str,
) -> Vec<Vec<String>> {
    let columns = TOLD
        .each_ref()
        .map(|told| texts(&groups.iter().map(|group| interval(told, group)).collect::<Vec<_>>()));
    let row = |(place, group): (usize, &Group<'_>)| {
        let mut row = vec![group.name.clone()];
        row.extend(columns.iter().map(|column| column[place].clone()));
        row.push(said(group).to_owned());
        row
    };
    groups.iter().enumerate().map(row).collect()
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
    let rows = means(groups);
    html.within("section", &[("id", "means")], |html| {
        html.element("h2", &[], "Means over seeds");
        tables::table(html, &MEANS, &[1, 2, 3], &rows);
        remarks(html, groups);
    });
    if groups.len() < 2 {
        return;
    }
    html.within("section", &[("id", "differences")], |html| {
        html.element("h2", &[], &format!("Differences from {}", groups[0].name));
        let rows = lying(&groups[1..], &groups[0]);
        tables::table(html, &AWAY, &[1, 2, 3], &rows);
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

fn means(groups: &[Group<'_>]) -> Vec<Vec<String>> {
    let of = |told: &Told, group: &Group<'_>| Some(mean(group, &told.of(group)?));
    let first = &groups[0];
    let against = |group: &Group<'_>| {
        let several = group.runs.len() > 1 && first.runs.len() > 1 && !std::ptr::eq(group, first);
        let both = of(&TOLD[0], group).zip(of(&TOLD[0], first)).filter(|_| several);
        both.map_or("–", |(own, other)| Against::of(&own, &other).text())
    };
    rows(groups, &|told, group| (of(told, group), group.runs.len() > 1), &against)
}

fn lying(groups: &[Group<'_>], first: &Group<'_>) -> Vec<Vec<String>> {
    let several = |group: &Group<'_>| group.runs.len() > 1 && first.runs.len() > 1;
    let between =
        |told: &Told, group: &Group<'_>| Some(apart((group, &told.of(group)?), (first, &told.of(first)?)));
    let verdict = |group: &Group<'_>| match between(&TOLD[0], group) {
        _ if !several(group) => "a single seed",
        Some(interval) if interval.low > 0.0 => "higher",
        Some(interval) if interval.high < 0.0 => "lower",
        Some(_) => "not told apart",
        None => "–",
    };
    rows(groups, &|told, group| (between(told, group), several(group)), &verdict)
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
        let rows = means(&groups);
        let mut sums = [0, 1].map(|i| stats(&runs[i]).qd_score);
        sums.sort_by(f64::total_cmp);
        let expected = format!("{:.4} [{:.4}, {:.4}]", (sums[0] + sums[1]) / 2.0, sums[0], sums[1]);
        assert_eq!((&*rows[0][1], &*rows[0][4]), (&*expected, "–"));
        assert_eq!((&*rows[1][4], &*rows[2][4]), ("below, disjoint", "–"));
        let away = lying(&groups[1..], &groups[0]);
        assert!(rows.iter().all(|row| row.len() == MEANS.len()));
        assert!(away.iter().all(|row| row.len() == AWAY.len()));
        assert!(away[0][1].starts_with('-') && away[0][4] == "lower", "{away:?}");
        assert_eq!(away[1][4], "a single seed");
        let mut html = Html::new();
        differences(&mut html, &groups);
        let html = html.into_text();
        assert!(html.contains("different numbers of candidates, 4 to 14"), "{html}");
        assert!(html.contains("Differences from poems"), "{html}");
    }

    #[test]
    fn equal_runs_are_not_told_apart_and_a_single_run_has_no_table() {
        let runs = [run("a", 1, 9), run("a", 2, 9), run("b", 1, 9), run("b", 2, 9)];
        let groups = groups(&runs.iter().collect::<Vec<_>>());
        let row = &lying(&groups[1..], &groups[0])[0];
        assert_eq!((&*row[1], &*row[4]), ("0 [0, 0]", "not told apart"));
        let mut html = Html::new();
        differences(&mut html, &groups[..1]);
        assert!(html.into_text().contains("Means over seeds"));
        let one = super::super::compare::groups(&[&runs[0]]);
        let mut html = Html::new();
        differences(&mut html, &one);
        assert_eq!(html.into_text(), "");
    }
}
