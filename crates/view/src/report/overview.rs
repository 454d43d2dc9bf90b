//! What was searched, how it stands, and how it went: the head of a report, its figures, curves and maps.

use std::time::Duration;

use samara_search::{Algorithm, FateCounts, Genome, commanding::one_line};

use super::{Run, State};
use crate::{
    chart::{self, About, Curve},
    gallery::Gallery,
    html::Html,
    numbers::{fixed, grouped, number, percent},
    picture::{self, OtherAxes},
    projection::objectives,
    report::page::Section,
    trace::Point,
};

/// The fates by name, with the colour and the count of each.
pub(super) const FATES: [(&str, &str, fn(&FateCounts) -> u64); 5] = [
    ("new", "var(--new)", |fates| fates.new),
    ("improved", "var(--improved)", |fates| fates.improved),
    ("not better", "var(--not-better)", |fates| fates.not_better),
    ("invalid", "var(--invalid)", |fates| fates.invalid),
    ("failed", "var(--failed)", |fates| fates.failed),
];

/// A curve of a run: its title, its value at a point, and how it is shown.
pub(super) struct Measure {
    pub(super) title: &'static str,
    pub(super) value: fn(&Point) -> Option<f64>,
    pub(super) percent: bool,
    pub(super) from_zero: bool,
}

/// The curves that every run has.
pub(super) const MEASURES: [Measure; 4] = [
    Measure { title: "QD score", value: |point| Some(point.qd_score), percent: false, from_zero: false },
    Measure { title: "Coverage", value: |point| Some(point.coverage), percent: true, from_zero: true },
    Measure { title: "Best objective", value: |point| point.best, percent: false, from_zero: false },
    Measure { title: "Mean over cells", value: |point| point.mean, percent: false, from_zero: false },
];

impl Measure {
    /// A value as it stands beside the curve.
    pub(super) fn told(&self, value: f64) -> String {
        if self.percent {
            let [percent] = fixed([value * 100.0], 1);
            return format!("{percent} %");
        }
        number(value)
    }
}

/// The line below the title.
pub(super) fn lead(html: &mut Html, run: &Run) {
    let header = &run.view.header;
    html.within("p", &[("class", "lead")], |html| {
        state(html, run);
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
const MEANT: [&str; 6] = ["completed", "target", "patience", "budget", "wall_time", "interrupted"];

/// Whether it goes on, as a mark and in words.
fn state(html: &mut Html, run: &Run) {
    let settled = grouped(run.view.replay.settled());
    let planned = grouped(run.view.settings.total_steps);
    let (class, told) = match &run.state {
        State::Running => {
            ("state running", format!("running: {settled} of {planned} candidates when this was written"))
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
pub(super) fn moment(text: &str) -> String {
    match humantime::parse_rfc3339(text) {
        Ok(_) => format!("{} UTC", text.get(..16).unwrap_or(text).replace('T', " ")),
        Err(_) => one_line(text),
    }
}

/// How long the run took, if it went on without a pause.
fn wall_time(run: &Run) -> Option<Duration> {
    let [session] = &run.view.sessions[..] else { return None };
    let [begun, ended] =
        [&run.view.header.created, &session.ended].map(|text| humantime::parse_rfc3339(text).ok());
    ended?.duration_since(begun?).ok().filter(|_| matches!(run.state, State::Ended(_)))
}

/// A duration in its two largest units.
pub(super) fn duration(of: Duration) -> String {
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
pub(super) fn milliseconds(ms: f64) -> String {
    if ms < 1000.0 {
        return format!("{} ms", if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") });
    }
    // A crafted record may say more than a duration holds.
    Duration::try_from_secs_f64(ms / 1000.0).map_or_else(|_| number(ms / 1000.0) + " s", duration)
}

/// A figure: its name, its value, and what is said of it.
pub(super) type Figure = (&'static str, String, String);

/// The run in figures.
pub(super) fn figures(run: &Run) -> Vec<Figure> {
    let population = run.view.replay.population();
    let stats = population.overall().archive().stats();
    let totals = &run.view.totals;
    let or_none = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), number);
    let cells =
        format!("{} of {} cells", grouped(stats.cells_filled as u64), grouped(stats.cells_total as u64));
    let by = stats.best_id.map_or_else(String::new, |best| format!("by candidate {best}"));
    let offset = run.view.settings.qd_offset;
    let less = if offset == 0.0 { String::new() } else { format!("less {} each", number(offset)) };
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
            let rate = if rate >= 1.0 {
                format!("{} candidates/s", number((rate * 10.0).round() / 10.0))
            } else {
                format!("{} candidates/min", number((rate * 600.0).round() / 10.0))
            };
            figures.push(("Wall time", duration(time), rate));
        }
        None if lived > 0.0 => {
            figures.push(("Work", milliseconds(lived), "the times of all candidates".to_owned()));
        }
        None => {}
    }
    figures
}

/// The figures as tiles, what became of candidates, and the hash.
pub(super) fn tiles(html: &mut Html, run: &Run) {
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
fn fates(html: &mut Html, fates: &FateCounts) {
    let all = fates.total();
    if all == 0 {
        return;
    }
    html.within("div", &[("class", "fates")], |html| {
        html.within("div", &[("class", "bar"), ("aria-hidden", "true")], |html| {
            for (_, colour, count) in FATES.iter().filter(|(.., count)| count(fates) > 0) {
                let width = 100.0 * count(fates) as f64 / all as f64;
                html.element("span", &[("style", &format!("width:{width:.3}%;background:{colour}"))], "");
            }
        });
        html.within("p", &[("class", "keys")], |html| {
            for (name, colour, count) in FATES {
                html.within("span", &[("class", "key")], |html| {
                    html.element("i", &[("style", &format!("background:{colour}"))], "");
                    html.text(&format!("{name} "));
                    html.element("b", &[], &grouped(count(fates)));
                    html.text(&format!(" ({} %)", percent(count(fates) as usize, all as usize)));
                });
            }
        });
    });
}

/// What was searched: the environment, its axes, the models.
pub(super) fn searched(html: &mut Html, run: &Run) {
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
pub(super) fn subject(run: &Run) -> Vec<(String, String)> {
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
        search.push(format!("{} cells", grouped(view.tessellation.cells() as u64)));
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

/// The curves of a run.
pub(super) fn curves(html: &mut Html, run: &Run) {
    let points = run.trace.points();
    let candidates = run.view.replay.settled();
    html.within("div", &[("class", "figures")], |html| {
        for measure in &MEASURES {
            let values =
                points.iter().filter_map(|point| Some((point.candidates as f64, (measure.value)(point)?)));
            let curve = Curve { points: values.collect(), ..Curve::default() };
            let last = curve.points.last().map(|(_, y)| measure.told(*y));
            let label = format!(
                "{} over candidates, {} at the end",
                measure.title,
                last.as_deref().unwrap_or("without a value")
            );
            let Measure { percent, from_zero, .. } = *measure;
            let about = About { label: &label, percent, from_zero, candidates };
            let svg = chart::curves(about, &[curve]);
            figure(html, measure.title, &last.unwrap_or_default(), svg);
        }
        let xs: Vec<f64> = points.iter().map(|point| point.candidates as f64).collect();
        // From the bottom: what entered, then what did not.
        let parts: Vec<(&'static str, Vec<f64>)> = FATES
            .iter()
            .map(|(_, colour, count)| {
                (*colour, points.iter().map(|point| count(&point.fates) as f64).collect())
            })
            .collect();
        let svg = chart::stacked("What became of candidates, counted from the first", &xs, &parts);
        figure(html, "Fates", "in the colours of the bar above", svg);
        if points.last().is_some_and(|last| last.spent.tokens > 0) {
            let tokens: fn(&Point) -> f64 = |point| point.spent.tokens as f64;
            let money: fn(&Point) -> f64 = |point| point.spent.money;
            let spent: &[(&str, fn(&Point) -> f64)] =
                if points.last().is_some_and(|last| last.spent.money > 0.0) {
                    &[("Tokens", tokens), ("Cost", money)]
                } else {
                    &[("Tokens", tokens)]
                };
            for (title, value) in spent {
                let curve = points.iter().map(|point| (point.candidates as f64, value(point)));
                let last = points.last().map_or(0.0, value);
                let about = About { label: title, percent: false, from_zero: true, candidates };
                let svg = chart::curves(about, &[Curve { points: curve.collect(), ..Curve::default() }]);
                let told = if *title == "Tokens" { grouped(last as u64) } else { number(last) };
                figure(html, title, &told, svg);
            }
        }
    });
}

/// A drawing below its title and what is said beside it.
pub(super) fn figure(html: &mut Html, title: &str, beside: &str, svg: crate::svg::Svg) {
    html.within("figure", &[], |html| {
        html.within("figcaption", &[], |html| {
            html.element("b", &[], title);
            html.text(" ");
            html.element("span", &[], beside);
        });
        html.drawing(svg);
    });
}

/// The archive of the run and, if there are several, of every island.
///
/// # Errors
/// Axes that are not those of the archive.
pub(super) fn maps(html: &mut Html, section: &Section<'_>) -> Result<(), OtherAxes> {
    let run = section.run;
    let population = run.view.replay.population();
    let overall = population.overall();
    let gallery = Gallery::of(overall);
    let told: std::collections::BTreeSet<u64> = super::told(&run.view).iter().map(|elite| elite.id).collect();
    let place = |candidate| told.contains(&candidate).then(|| section.place(candidate));
    let ends = objectives(overall.archive());
    let figures = picture::figures(overall.archive(), &run.view.axes, &gallery, ends, &place)?;
    let islands = population.islands();
    let mut remarks: Vec<String> = figures.iter().filter_map(|figure| figure.remark.clone()).collect();
    remarks.dedup();
    if run.view.axes.len() > 2 {
        remarks.insert(0, "each map is the best over all other axes".to_owned());
    }
    remarks.extend(gallery.remark());
    if !told.is_empty() {
        remarks.push("a cell leads to its elite".to_owned());
    }
    html.within("div", &[("class", "legend")], |html| {
        if let Some(bar) = picture::colour_bar(overall.archive()) {
            html.element("span", &[], "objective");
            html.drawing(bar);
        }
        html.element("span", &[("class", "remark")], &remarks.join("; "));
    });
    let class = if figures.len() == 1 && islands.len() == 1 { "figures one" } else { "figures" };
    html.within("div", &[("class", class)], |html| {
        for shown in figures {
            let beside = if islands.len() > 1 { "the best of all islands" } else { "" };
            figure(html, &shown.title, beside, shown.svg);
        }
    });
    if islands.len() > 1 {
        html.element(section.below, &[], "Islands");
        html.within("div", &[("class", "figures")], |html| {
            for (number_of, island) in islands.iter().enumerate() {
                let gallery = Gallery::of(island);
                let figures = picture::figures(island.archive(), &run.view.axes, &gallery, ends, &place);
                let stats = island.archive().stats();
                let best =
                    stats.best.map_or_else(|| "empty".to_owned(), |best| format!("best {}", number(best)));
                let beside =
                    format!("{best}, {} cells, QD score {}", stats.cells_filled, number(stats.qd_score));
                // The first two axes: the rest is in the maps of all islands.
                if let Some(shown) = figures.unwrap_or_default().into_iter().next() {
                    figure(html, &format!("Island {number_of}"), &beside, shown.svg);
                }
            }
        });
    }
    Ok(())
}

/// Whether a genome is read as code, and in which language.
pub(super) fn language(run: &Run, path: &str) -> crate::code::Language {
    use crate::code::Language;
    match Language::of(path) {
        Language::Unknown if run.programs && path.is_empty() => Language::Python,
        known => known,
    }
}

/// The files of a genome; what is no file has an empty path.
pub(super) fn files(genome: &Genome) -> Vec<(String, String)> {
    match genome {
        Genome::Files(files) => {
            files.iter().map(|(path, text)| (path.to_owned(), text.to_string())).collect()
        }
        other => vec![(String::new(), other.text().into_owned())],
    }
}
