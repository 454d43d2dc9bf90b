//! What was searched and how it stands: the head of a report and its figures.

use std::time::Duration;

use samara_journal::controls;
use samara_search::{Algorithm, FateCounts, commanding::one_line};

use super::{Run, State};
use crate::{
    html::Html,
    numbers::{grouped, number, percent},
    projection::holders,
};

/// A fate: its name, its colour and its count.
pub(crate) type Fated = (&'static str, &'static str, fn(&FateCounts) -> u64);

/// All fates, from the best.
pub(crate) const FATES: [Fated; 5] = [
    ("new", "var(--new)", |fates| fates.new),
    ("improved", "var(--improved)", |fates| fates.improved),
    ("not better", "var(--not-better)", |fates| fates.not_better),
    ("invalid", "var(--invalid)", |fates| fates.invalid),
    ("failed", "var(--failed)", |fates| fates.failed),
];

/// The line below the title, on a page that follows the run or not.
pub(crate) fn lead(html: &mut Html, run: &Run, follows: bool) {
    let header = &run.view.header;
    html.within("p", &[("class", "lead")], |html| {
        state(html, run, follows);
        let mut facts = vec![one_line(&header.environment), format!("seed {}", header.seed)];
        facts.push(format!("begun {}", moment(&header.created)));
        facts.push(format!("samara {}", one_line(&header.samara)));
        for fact in facts {
            html.element("span", &[("class", "fact")], &fact);
        }
    });
    why(html, run);
}

/// Reasons by which a run ends as it was meant to, or as somebody wished.
pub(crate) const MEANT: [&str; 6] = ["completed", "target", "patience", "budget", "wall_time", "interrupted"];

/// Whether it goes on, as a mark and in words.
fn state(html: &mut Html, run: &Run, follows: bool) {
    let settled = grouped(run.view.replay.settled());
    let planned = grouped(controls::planned(&run.view.controls, run.view.settings.total_steps));
    let (class, told) = match &run.state {
        State::Running => {
            // A report stays as it is while the run goes on; a page that follows the run says so itself.
            let then = if follows { "" } else { " when this was written" };
            ("state running", format!("running: {settled} of {planned} candidates{then}"))
        }
        State::Killed => ("state killed", format!("killed after {settled} of {planned} candidates")),
        State::Ended(reason) if reason == "completed" => {
            ("state ended", format!("completed: {settled} candidates"))
        }
        State::Ended(reason) if MEANT.contains(&&**reason) => {
            ("state ended", format!("ended after {settled} of {planned} candidates: {reason}"))
        }
        State::Ended(_) => ("state killed", format!("stopped after {settled} of {planned} candidates")),
    };
    html.element("span", &[("class", class)], &told);
}

/// Why a run stopped, if that takes more than a word.
fn why(html: &mut Html, run: &Run) {
    if let State::Ended(reason) = &run.state
        && !MEANT.contains(&&**reason)
    {
        let first = reason.lines().next().unwrap_or_default();
        html.element("p", &[("class", "why")], &super::settings::cut(first, 300));
    }
}

/// A moment of RFC 3339 as people read it: to the minute, without a `T`.
pub(crate) fn moment(text: &str) -> String {
    match humantime::parse_rfc3339(text) {
        Ok(_) => format!("{} UTC", text.get(..16).unwrap_or(text).replace('T', " ")),
        Err(_) => one_line(text),
    }
}

/// How long the run took, if it went on without a pause.
pub(crate) fn wall_time(run: &Run) -> Option<Duration> {
    let [session] = &run.view.sessions[..] else { return None };
    let [begun, ended] =
        [&run.view.header.created, &session.ended].map(|text| humantime::parse_rfc3339(text).ok());
    ended?.duration_since(begun?).ok().filter(|_| matches!(run.state, State::Ended(_)))
}

/// A duration in its two largest units.
pub(crate) fn duration(of: Duration) -> String {
    let seconds = of.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds < 10 => format!("{:.1} s", of.as_secs_f64()),
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{} d {hours} h", grouped(days)),
    }
}

/// Milliseconds as [`duration`] tells them, shorter ones as they are.
pub(crate) fn milliseconds(ms: f64) -> String {
    if ms < 1000.0 {
        return format!("{} ms", if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") });
    }
    // A crafted record may say more than a duration holds.
    Duration::try_from_secs_f64(ms / 1000.0).map_or_else(|_| number(ms / 1000.0) + " s", duration)
}

/// A figure: its name, its value, and what is said of it.
pub(crate) type Figure = (&'static str, String, String);

/// The run in figures.
pub(crate) fn figures(run: &Run) -> Vec<Figure> {
    let population = run.view.replay.population();
    let archive = population.overall().archive();
    let (stats, holders) = (archive.stats(), holders(archive));
    let totals = &run.view.totals;
    let or_none = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), number);
    let cells =
        format!("{} of {} {holders}", grouped(stats.cells_filled as u64), grouped(stats.cells_total as u64));
    let by = stats.best_id.map_or_else(String::new, |best| format!("by candidate {best}"));
    let offset = run.view.settings.qd_offset;
    let less = if offset == 0.0 { String::new() } else { format!("counted from {}", number(offset)) };
    let entered = totals.fates.new + totals.fates.improved;
    let mut figures = vec![
        ("Best objective", or_none(stats.best), by),
        ("QD score", number(stats.qd_score), less),
        ("Coverage", format!("{} %", percent(stats.cells_filled, stats.cells_total)), cells),
        ("Mean over cells", or_none(stats.mean), String::new()),
        ("Candidates", grouped(totals.candidates), format!("{} entered the archive", grouped(entered))),
    ];
    if totals.calls > 0 {
        let cached: u64 = run.asked.iter().map(|asked| asked.cached).sum();
        let of_cache = if cached > 0 { format!("{} from a cache", grouped(cached)) } else { String::new() };
        figures.push(("Model calls", grouped(totals.calls), of_cache));
        let tokens = totals.tokens_in.saturating_add(totals.tokens_out);
        let parts = format!("{} in, {} out", grouped(totals.tokens_in), grouped(totals.tokens_out));
        figures.push(("Tokens", grouped(tokens), parts));
        let each = format!("{} a candidate", number(totals.cost / totals.candidates.max(1) as f64));
        let each = if totals.cost > 0.0 { each } else { "no model has a price".to_owned() };
        figures.push(("Cost", number(totals.cost), each));
    }
    let lived = run.trace.all().live_ms;
    match wall_time(run) {
        Some(time) => {
            let rate = totals.candidates as f64 / time.as_secs_f64().max(1e-3);
            let (count, unit) = pace(rate);
            figures.push(("Wall time", duration(time), format!("{count} candidates/{unit}")));
        }
        None if lived > 0.0 => {
            figures.push(("Work", milliseconds(lived), "of all candidates".to_owned()));
        }
        None => {}
    }
    figures
}

/// How many a second, or a minute where these are few, with a digit behind the point where that says something; and which.
pub(crate) fn pace(rate: f64) -> (String, &'static str) {
    match rate {
        rate if rate >= 100.0 => (grouped(rate.round() as u64), "s"),
        rate if rate >= 1.0 => (number((rate * 10.0).round() / 10.0), "s"),
        rate => (number((rate * 600.0).round() / 10.0), "min"),
    }
}

/// The figures as tiles, what became of candidates, and the hash.
pub(crate) fn tiles(html: &mut Html, run: &Run) {
    html.within("dl", &[("class", "tiles")], |html| {
        for (name, value, remark) in figures(run) {
            html.within("div", &[], |html| {
                html.element("dt", &[], name);
                html.element("dd", &[("class", "value")], &value);
                html.element("dd", &[("class", "remark")], &remark);
            });
        }
    });
    fates(html, &run.view.totals.fates);
    html.within("p", &[("class", "hash")], |html| {
        html.text("Archive hash ");
        html.element("code", &[], &run.view.replay.population().archive_hash());
    });
}

/// What became of candidates, as parts of a bar with their names below.
pub(crate) fn fates(html: &mut Html, fates: &FateCounts) {
    let all = fates.total();
    if all == 0 {
        return;
    }
    html.within("div", &[("class", "fates")], |html| {
        let share = |count: &fn(&FateCounts) -> u64| count(fates) as f64 / all as f64;
        let parts: Vec<(&str, f64)> = FATES
            .iter()
            .map(|(_, colour, count)| (*colour, share(count)))
            .filter(|(_, share)| *share > 0.0)
            .collect();
        html.bar("bar", &parts);
        html.within("p", &[("class", "keys")], |html| {
            for (name, colour, count) in FATES {
                html.within("span", &[("class", "key")], |html| {
                    html.swatch("swatch", colour);
                    html.text(&format!("{name} "));
                    html.element("b", &[], &grouped(count(fates)));
                    html.text(&format!(" ({} %)", percent(count(fates) as usize, all as usize)));
                });
            }
        });
    });
}

/// What was searched: the environment, its axes, the models.
pub(crate) fn searched(html: &mut Html, run: &Run) {
    html.within("dl", &[("class", "facts")], |html| {
        for (name, fact) in subject(run) {
            html.within("div", &[], |html| {
                html.element("dt", &[], &name);
                html.element("dd", &[], &fact);
            });
        }
    });
}

/// What was searched, fact by fact.
pub(crate) fn subject(run: &Run) -> Vec<(String, String)> {
    let view = &run.view;
    let mut facts = Vec::new();
    let environment = one_line(&view.header.environment);
    let about = if run.about.is_empty() { environment } else { format!("{environment}: {}", run.about) };
    facts.push(("Environment".to_owned(), about));
    facts.extend(super::settings::subject(&view.header.config));
    let grid = view.settings.algorithm == Algorithm::MapElites;
    let axes: Vec<String> = view.axes.iter().map(|one| axis(one, grid)).collect();
    facts.push((if axes.len() == 1 { "Axis" } else { "Axes" }.to_owned(), axes.join("; ")));
    let settings = &view.settings;
    let mut search =
        vec![format!("{}, strategy {}", algorithm(settings.algorithm), one_line(settings.strategy.name()))];
    if !grid {
        let holders = holders(view.replay.population().overall().archive());
        search.push(format!("{} {holders}", grouped(view.tessellation.cells() as u64)));
    }
    if settings.islands.count > 1 {
        search.push(format!("{} islands", settings.islands.count));
    }
    if settings.depth > 1 {
        search.push(format!("{} elites a cell", settings.depth));
    }
    search.push(format!("window {}", settings.window));
    facts.push(("Search".to_owned(), search.join(", ")));
    facts.extend(super::settings::models(&view.header.config));
    if !run.methods.is_empty() {
        let methods: Vec<String> = run.methods.iter().map(|method| one_line(method)).collect();
        facts.push(("Scored by".to_owned(), methods.join(", ")));
    }
    facts
}

fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::MapElites => "MAP-Elites",
        Algorithm::CvtMapElites => "CVT-MAP-Elites",
        Algorithm::DominatedNovelty => "Dominated Novelty Search",
        Algorithm::LocalCompetition => "Novelty Search with Local Competition",
    }
}

fn axis(axis: &samara_search::AxisSettings, grid: bool) -> String {
    let name = one_line(&axis.name);
    if let Some(categories) = &axis.categories {
        let most = 12;
        let shown: Vec<String> = categories.iter().take(most).map(|category| one_line(category)).collect();
        let more = if categories.len() > most { ", …" } else { "" };
        return format!("{name} ({}{more})", shown.join(", "));
    }
    let [lo, hi] = axis.range.map(number);
    let cells = match (&axis.ticks, axis.bins) {
        _ if !grid => String::new(),
        (Some(ticks), _) => format!(" in {} cells", ticks.len() + 1),
        (None, Some(bins)) => format!(" in {bins} cells"),
        (None, None) => String::new(),
    };
    format!("{name} ({lo} to {hi}{cells})")
}
