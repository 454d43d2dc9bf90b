//! What a person sees of a running search: a line on stderr.
//!
//! [`Progress`] hears the search and owns the line, [`Pace`] knows how fast it goes and when it will end, and
//! [`line()`] puts into words what is known. Only [`Progress`] knows the time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use samara_engine::{
    CallsInFlight, Ending, Event,
    workers::{Census, Desk},
};
use samara_search::{BudgetSettings, Charge, Search};

use crate::{
    exit::remark,
    screen::{clip, columns},
};
use samara_view::numbers::{brief, number, percent};

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(200);
/// How long a call takes before its age is told.
const WONDERING: Duration = Duration::from_secs(5);
/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// The line; hidden when stderr is no terminal or when asked to be quiet.
pub(crate) struct Progress {
    bar: ProgressBar,
    view: Arc<Mutex<View>>,
    started: Instant,
    quiet: bool,
}

/// What the line is made from.
struct View {
    total: u64,
    settled: u64,
    budget: BudgetSettings,
    calls: Option<Arc<CallsInFlight>>,
    desk: Option<Arc<Desk>>,
    numbers: Option<Numbers>,
    pace: Pace,
    /// The objective that a best is compared with: that of the first candidate of the session that has one, or the best
    /// of those before.
    first: Option<f64>,
    /// Whether it is.
    compares: bool,
}

impl Progress {
    /// A search of `total` candidates, those of earlier sessions among them, within a budget.
    pub(crate) fn new(total: u64, budget: BudgetSettings, quiet: bool) -> Self {
        let (calls, desk, numbers, pace) = (None, None, None, Pace::default());
        let view =
            View { total, settled: 0, budget, calls, desk, numbers, pace, first: None, compares: false };
        let view = Arc::new(Mutex::new(view));
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(total) };
        let (started, seen) = (Instant::now(), view.clone());
        let draw = move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
            let drawn = locked(&seen).line(started.elapsed(), width());
            // A line that can't be written is not shown; the next one is.
            let _ = text.write_str(&drawn);
        };
        // The template is fixed; a bar without it would still count.
        if let Ok(style) = ProgressStyle::with_template("{line}") {
            bar.set_style(style.with_key("line", draw));
        }
        Self { bar, view, started, quiet }
    }

    /// Shows how many model calls wait for their answers, too: a number that whoever asks models counts up and down.
    pub(crate) fn with_calls(self, calls: Arc<CallsInFlight>) -> Self {
        locked(&self.view).calls = Some(calls);
        self
    }

    /// Shows the workers of a desk, too.
    pub(crate) fn with_workers(self, desk: Arc<Desk>) -> Self {
        locked(&self.view).desk = Some(desk);
        self
    }

    /// What says a remark above the line.
    pub(crate) fn teller(&self) -> impl Fn(&str) + Clone + Send + 'static {
        let bar = self.bar.clone();
        move |text| bar.suspend(|| remark(text))
    }

    /// Shows by how much the best has become better in this session, too.
    pub(crate) fn with_change(self) -> Self {
        locked(&self.view).compares = true;
        self
    }

    /// Hears an event of the search.
    pub(crate) fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { search } => {
                self.tell(search);
                self.bar.enable_steady_tick(TICK);
            }
            Event::Settled { search, .. } => {
                if !self.bar.is_hidden() {
                    self.tell(search);
                }
            }
            Event::Ordered { search, live } => {
                {
                    let mut view = locked(&self.view);
                    view.total = search.settings().total_steps;
                    view.budget = search.settings().budget;
                }
                self.bar.set_length(search.settings().total_steps);
                if !self.quiet {
                    let told = crate::commands::control::told(live);
                    self.bar.suspend(|| remark(&format!("asked: {told}")));
                }
            }
            Event::Closing { ending, waiting } => self.closing(*ending, *waiting),
        }
    }

    fn tell(&self, search: &Search) {
        let (settled, numbers) = (search.settled(), Numbers::of(search));
        let mut view = locked(&self.view);
        view.settled = settled;
        view.pace.note(self.started.elapsed(), settled, numbers.spent);
        view.first = view.first.or(numbers.best);
        view.numbers = Some(numbers);
    }

    fn closing(&self, ending: Ending, waiting: usize) {
        if self.quiet {
            return;
        }
        let why = match ending {
            Ending::Interrupted => "interrupted",
            Ending::WallTime => "the wall time is over",
            Ending::Budget => "the budget is spent",
            Ending::Completed => "completed",
            Ending::Target => "the target is reached",
            Ending::Patience => "nothing has become better for long",
        };
        let candidates = if waiting == 1 { "candidate" } else { "candidates" };
        let text = format!("{why}: finishing {waiting} {candidates} (Ctrl-C to stop at once)");
        self.bar.suspend(|| remark(&text));
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn locked(view: &Mutex<View>) -> std::sync::MutexGuard<'_, View> {
    // Every write is whole, so what a panicking thread left can be shown.
    view.lock().unwrap_or_else(PoisonError::into_inner)
}

fn width() -> usize {
    // The last column stays free: some terminals break the line there.
    terminal_size::terminal_size_of(std::io::stderr())
        .map_or(COLUMNS, |(width, _)| usize::from(width.0))
        .saturating_sub(1)
}

impl View {
    fn line(&self, elapsed: Duration, width: usize) -> String {
        let limits = Limits { total: self.total, budget: self.budget };
        let seen = Seen {
            settled: self.settled,
            total: self.total,
            numbers: self.numbers,
            change: self.change(),
            calls: self.calls.as_ref().map(|calls| calls.now()),
            workers: self.desk.as_ref().map(|desk| desk.census()),
            rate: self.pace.rate(elapsed),
            left: self.numbers.map_or(String::new(), |numbers| left(&self.budget, &numbers.spent)),
            eta: self.pace.eta(elapsed, &limits),
            elapsed: elapsed.as_secs_f64(),
        };
        line(&seen, width)
    }
}

impl View {
    /// By how much the best has become better.
    fn change(&self) -> Option<f64> {
        let best = self.numbers.and_then(|numbers| numbers.best).filter(|_| self.compares);
        best.zip(self.first).map(|(best, first)| best - first).filter(|change| *change != 0.0)
    }
}

/// The state in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Numbers {
    /// Filled cells and all cells.
    cells: (usize, usize),
    qd_score: f64,
    best: Option<f64>,
    spent: Charge,
}

impl Numbers {
    fn of(search: &Search) -> Self {
        let stats = search.population().overall().archive().stats();
        Self {
            cells: (stats.cells_filled, stats.cells_total),
            qd_score: stats.qd_score,
            best: stats.best,
            spent: search.spending().total,
        }
    }
}

/// Seconds that a rate looks back.
const BACK: f64 = 60.0;
/// Seconds and candidates that are seen before a rate is told.
const ENOUGH_SECONDS: f64 = 3.0;
const ENOUGH_CANDIDATES: u64 = 5;
/// Seconds between two points that are kept.
const APART: f64 = 0.5;
/// A longer time to go is not told: nothing that was seen for a minute says so much.
const LONGEST: f64 = 30.0 * 86_400.0;

/// How fast a session goes: what was settled and spent at some times of the last minute.
#[derive(Debug, Clone, Default)]
struct Pace {
    points: VecDeque<Point>,
    last: Option<Point>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    seconds: f64,
    settled: u64,
    spent: Charge,
}

/// What ends a search.
#[derive(Debug, Clone, Copy)]
struct Limits {
    total: u64,
    budget: BudgetSettings,
}

impl Pace {
    /// Notes where the search is.
    fn note(&mut self, elapsed: Duration, settled: u64, spent: Charge) {
        let point = Point { seconds: elapsed.as_secs_f64(), settled, spent };
        if self.points.back().is_none_or(|last| point.seconds - last.seconds >= APART) {
            self.points.push_back(point);
        }
        // The first point from before the last minute stays: the rate is over at least that.
        while self.points.get(1).is_some_and(|second| point.seconds - second.seconds >= BACK) {
            self.points.pop_front();
        }
        self.last = Some(point);
    }

    /// The two points that a rate is taken from and the seconds between them up to now; `None` until enough was seen.
    fn seen(&self, elapsed: Duration) -> Option<(Point, Point, f64)> {
        let (first, last) = (*self.points.front()?, self.last?);
        let seconds = elapsed.as_secs_f64() - first.seconds;
        let enough =
            seconds >= ENOUGH_SECONDS && last.settled.saturating_sub(first.settled) >= ENOUGH_CANDIDATES;
        enough.then_some((first, last, seconds))
    }

    /// Candidates a second.
    fn rate(&self, elapsed: Duration) -> Option<f64> {
        let (first, last, seconds) = self.seen(elapsed)?;
        Some((last.settled - first.settled) as f64 / seconds)
    }

    /// Seconds until the nearest limit is reached, if things go on as they did.
    fn eta(&self, elapsed: Duration, limits: &Limits) -> Option<f64> {
        let (first, last, seconds) = self.seen(elapsed)?;
        let budget = &limits.budget;
        let to_go = |limit: f64, last: f64, first: f64| {
            let rate = (last - first) / seconds;
            (rate > 0.0).then(|| (limit - last) / rate)
        };
        let count = |limit: Option<u64>, of: fn(&Charge) -> u64| {
            limit.and_then(|limit| to_go(limit as f64, of(&last.spent) as f64, of(&first.spent) as f64))
        };
        let ends = [
            to_go(limits.total as f64, last.settled as f64, first.settled as f64),
            budget.money.and_then(|money| to_go(money, last.spent.money, first.spent.money)),
            count(budget.tokens, |spent| spent.tokens),
            count(budget.calls, |spent| spent.calls),
            budget.wall_time_s.map(|wall| wall - elapsed.as_secs_f64()),
        ];
        let nearest = ends.into_iter().flatten().fold(f64::INFINITY, f64::min).max(0.0);
        (nearest <= LONGEST).then_some(nearest)
    }
}

/// What is known when the line is drawn.
#[derive(Debug, Clone)]
struct Seen {
    settled: u64,
    total: u64,
    numbers: Option<Numbers>,
    /// By how much the best has become better in this session, if that is told.
    change: Option<f64>,
    /// Model calls in flight, and the age of the oldest.
    calls: Option<(usize, Duration)>,
    /// The workers elsewhere, if there may be some.
    workers: Option<Census>,
    /// Candidates a second.
    rate: Option<f64>,
    /// What the budget leaves.
    left: String,
    /// Seconds.
    eta: Option<f64>,
    /// Seconds.
    elapsed: f64,
}

/// Characters of the bar.
const BAR: usize = 16;
/// The count's place among the parts of the line.
const COUNT: usize = 1;
/// Between parts of the line.
const GAP: &str = "  ";

/// The line, in at most so many columns: what does not fit is left out, the least important first.
fn line(seen: &Seen, width: usize) -> String {
    let told = |part: Option<String>| part.unwrap_or_default();
    let numbers = seen.numbers;
    let covered = numbers.map(|n| percent(n.cells.0, n.cells.1).trim_end_matches(".0").to_owned());
    let cost = numbers.map(|numbers| numbers.spent.money).filter(|money| *money > 0.0);
    // In the order of the line, each with its rank in importance.
    let parts = [
        (8, bar(seen.settled, seen.total)),
        (0, format!("{}/{}", seen.settled, seen.total)),
        (6, told(seen.rate.map(|rate| format!("{}/s", rough(rate))))),
        (7, told(seen.calls.map(|(calls, oldest)| in_flight(calls, oldest)))),
        (7, told(seen.workers.map(staffed))),
        (4, told(covered.map(|percent| format!("coverage {percent} %")))),
        (2, told(numbers.map(|n| format!("QD {}", brief(n.qd_score))))),
        (5, told(numbers.and_then(|n| n.best).map(|best| best_of(best, seen.change)))),
        (3, told(cost.map(|cost| format!("cost {}", number(cost))))),
        (9, seen.left.clone()),
        (10, duration(seen.elapsed)),
        (1, told(seen.eta.map(|seconds| format!("ETA {}", duration(seconds))))),
    ];
    let mut ranked: Vec<usize> = (0..parts.len()).filter(|i| !parts[*i].1.is_empty()).collect();
    ranked.sort_by_key(|i| parts[*i].0);
    let mut taken = 0;
    let mut fits: Vec<usize> = Vec::new();
    for i in ranked {
        // What is left of the count is worth more than anything that fits beside it.
        if i == COUNT && columns(&parts[i].1) > width {
            return clip(&parts[i].1, width);
        }
        let needed = columns(&parts[i].1) + if fits.is_empty() { 0 } else { GAP.len() };
        if taken + needed <= width {
            taken += needed;
            fits.push(i);
        }
    }
    fits.sort_unstable();
    let shown: Vec<&str> = fits.into_iter().map(|i| &*parts[i].1).collect();
    shown.join(GAP)
}

/// Calls in flight. How old the oldest is, is told where somebody might wonder whether anything happens.
fn in_flight(calls: usize, oldest: Duration) -> String {
    let calls = format!("{calls} {}", if calls == 1 { "call" } else { "calls" });
    if oldest < WONDERING { calls } else { format!("{calls}, oldest {}", duration(oldest.as_secs_f64())) }
}

/// Workers elsewhere, and how many of their slots evaluate; what was lost, and what takes long.
fn staffed(Census { workers, slots, held, lost, oldest, .. }: Census) -> String {
    let busy = held.min(slots);
    let mut told =
        format!("{workers} {}, {busy}/{slots} slots", if workers == 1 { "worker" } else { "workers" });
    if lost > 0 {
        told += &format!(", {lost} lost");
    }
    if oldest >= WONDERING {
        told += &format!(", oldest {}", duration(oldest.as_secs_f64()));
    }
    told
}

/// The best objective, with its change behind it.
fn best_of(best: f64, change: Option<f64>) -> String {
    let change = change.map(|change| format!(" ({}{})", if change > 0.0 { "+" } else { "" }, brief(change)));
    format!("best {}{}", brief(best), change.unwrap_or_default())
}

fn bar(settled: u64, total: u64) -> String {
    let filled = (settled.min(total) as f64 / total.max(1) as f64 * BAR as f64) as usize;
    format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled))
}

/// A rate with two digits, or more before its point.
pub(crate) fn rough(rate: f64) -> String {
    match rate {
        rate if rate >= 10.0 => format!("{rate:.0}"),
        rate if rate >= 1.0 => format!("{rate:.1}"),
        rate if rate >= 0.01 => format!("{rate:.2}"),
        rate => number(rate),
    }
}

/// `0:07`, `12:34`, `3:25:45`, `2 d 3 h`.
fn duration(seconds: f64) -> String {
    // The cast saturates.
    let seconds = seconds.round() as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{:02}", seconds % 60),
        (0, hours) => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
        (days, hours) => format!("{days} d {hours} h"),
    }
}

/// What the budget leaves, in the units that it limits.
fn left(budget: &BudgetSettings, spent: &Charge) -> String {
    let money = budget
        .money
        .map(|money| format!("{} of {} money", number((money - spent.money).max(0.0)), number(money)));
    let count = |limit: Option<u64>, spent: u64, unit: &str| {
        limit.map(|limit| format!("{} of {limit} {unit}", limit.saturating_sub(spent)))
    };
    let tokens = count(budget.tokens, spent.tokens, "tokens");
    let calls = count(budget.calls, spent.calls, "calls");
    let amounts: Vec<String> = [money, tokens, calls].into_iter().flatten().collect();
    if amounts.is_empty() { String::new() } else { format!("left {}", amounts.join(", ")) }
}

#[cfg(test)]
mod tests;
