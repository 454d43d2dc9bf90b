//! One run as it goes: figures, curves, failures, calls, what is left of its budget, what it was begun from.

use samara_journal::{EventKind, RunView};

use super::{
    Shown,
    address::{Address, ArchiveAsked},
    page::{Page, Tab, heading},
    policy,
    runs::rate,
    workers,
};
use crate::{
    html::Html,
    numbers::{grouped, number, percent},
    report::{
        Run, State, drawn,
        overview::{self, duration},
        page::Section,
        settings, tables,
    },
    trace::Over,
};

/// Points of a curve: two pixels each, so that an update stays small.
const POINTS: usize = 150;

/// How far a run may go, with what it was resumed with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    pub(super) candidates: u64,
    calls: Option<u64>,
    tokens: Option<u64>,
    money: Option<f64>,
}

impl Limits {
    pub(super) fn of(view: &RunView) -> Self {
        let budget = &view.settings.budget;
        let mut limits = Self {
            candidates: view.settings.total_steps,
            calls: budget.calls,
            tokens: budget.tokens,
            money: budget.money,
        };
        let changes = view.controls.iter().filter_map(|event| match &event.kind {
            EventKind::Control(control) => Some(&control.settings),
            EventKind::Migration(_) | EventKind::Work(_) => None,
        });
        for (key, value) in changes.flatten().filter_map(|set| set.split_once('=')) {
            let (key, value) = (key.trim(), value.trim().replace('_', ""));
            match key {
                "search.total_steps" => limits.candidates = value.parse().unwrap_or(limits.candidates),
                "search.budget.calls" => limits.calls = value.parse().ok().or(limits.calls),
                "search.budget.tokens" => limits.tokens = value.parse().ok().or(limits.tokens),
                "search.budget.money" => limits.money = value.parse().ok().or(limits.money),
                _ => {}
            }
        }
        limits
    }
}

/// The budget that a run goes on with, as far as pages tell it.
pub(super) fn limits_of(view: &RunView) -> samara_search::BudgetSettings {
    let Limits { calls, tokens, money, .. } = Limits::of(view);
    samara_search::BudgetSettings { calls, tokens, money, ..view.settings.budget }
}

/// The page of a run with its curves over something. `seen` are the candidates per second that somebody saw come.
pub fn page(shown: Shown<'_>, seen: Option<f64>, over: Over) -> Page {
    let run = shown.run;
    let section = Section { run, number: 1, heading: "h2", below: "h3" };
    let mut page = Page::of_run(shown.name, Tab::Overview, &*run.view.header.experiment);
    page.alive("head", |html| {
        heading(html, &run.view.header.experiment);
        overview::lead(html, run, true);
    });
    page.alive("figures", |html| {
        overview::tiles(html, run);
        budget(html, run, seen);
    });
    policy::add(&mut page, shown);
    page.alive("curves", |html| {
        html.element("h2", &[], "Curves");
        if shown.book.is_empty() {
            nothing_yet(html, &run.state);
        } else {
            overs(html, shown, over);
            drawn::curves(html, run, over, POINTS);
        }
    });
    page.part("ways", |html| {
        html.within("p", &[("class", "onwards")], |html| {
            let link = Address::Archive(shown.name.to_owned(), ArchiveAsked::default()).link();
            html.element("a", &[("href", &link)], "The archive and its elites");
            if let Some(best) = run.view.replay.population().overall().archive().stats().best_id {
                let link = Address::Candidate(shown.name.to_owned(), best, None).link();
                html.element("a", &[("href", &link)], "The best candidate");
            }
            if let Some(last) = shown.book.len().checked_sub(1) {
                let link = Address::Candidate(shown.name.to_owned(), last, None).link();
                html.element("a", &[("href", &link)], "The last candidate");
            }
        });
    });
    page.alive("failures", |html| {
        html.element("h2", &[], "Failures");
        tables::failures(html, &section);
    });
    page.alive("calls", |html| {
        html.element("h2", &[], "Model calls");
        calls(html, run);
    });
    if !run.view.workers.is_empty() {
        page.alive("workers", |html| {
            html.element("h2", &[], "Workers");
            workers::table(html, &run.view.workers);
        });
    }
    page.part("searched", |html| {
        html.element("h2", &[], "What was searched");
        overview::searched(html, run);
    });
    page.part("settings", |html| {
        html.element("h2", &[], "Settings and inputs");
        settings::stored(html, &section);
    });
    page
}

/// Why there is nothing to see of a run without candidates, and what to do.
pub(super) fn nothing_yet(html: &mut Html, state: &State) {
    let told = match state {
        State::Running => "No candidate has settled yet: this page follows the run.",
        State::Killed | State::Ended(_) => {
            "The run ended before its first candidate settled: `samara resume` with its folder goes on with it."
        }
    };
    html.within("p", &[("class", "remark")], |html| html.prose(told));
}

/// What the curves can go over, as far as it was counted.
fn overs(html: &mut Html, shown: Shown<'_>, here: Over) {
    let all = shown.run.trace.all();
    let counted = |over: &Over| match over {
        Over::Candidates | Over::Evaluations => true,
        Over::Time => all.live_ms > 0.0,
        Over::Tokens => all.spent.tokens > 0,
        Over::Money => all.spent.money > 0.0,
    };
    html.within("p", &[("class", "onwards small")], |html| {
        html.element("span", &[("class", "remark")], "Over");
        for over in Over::ALL.into_iter().filter(counted) {
            let link = Address::Run(shown.name.to_owned(), over).link();
            let current: &[(&str, &str)] = if over == here { &[("aria-current", "true")] } else { &[] };
            html.element("a", &[&[("href", &*format!("{link}#curves"))], current].concat(), over.name());
        }
    });
}

fn calls(html: &mut Html, run: &Run) {
    let calls = tables::calls(run);
    if calls.is_empty() {
        html.element("p", &[("class", "remark")], "No model was asked.");
    } else {
        tables::table(html, &tables::CALLS, &tables::CALL_NUMBERS, &calls);
    }
}

/// What is spent of every limit, and how long the run still takes.
fn budget(html: &mut Html, run: &Run, seen: Option<f64>) {
    let limits = Limits::of(&run.view);
    let totals = &run.view.totals;
    let tokens = totals.tokens_in.saturating_add(totals.tokens_out);
    let counted = |name, spent: u64, limit: Option<u64>| {
        Some((name, spent as f64, limit? as f64, grouped(spent), grouped(limit?)))
    };
    let money = limits.money.map(|limit| ("money", totals.cost, limit, number(totals.cost), number(limit)));
    let rows = [
        // Of a run that has made all of them, the figures above say so.
        counted("candidates", totals.candidates, Some(limits.candidates))
            .filter(|_| totals.candidates < limits.candidates),
        counted("calls", totals.calls, limits.calls),
        counted("tokens", tokens, limits.tokens),
        money,
    ];
    html.within("dl", &[("class", "budget")], |html| {
        for (name, spent, limit, told, of) in rows.into_iter().flatten() {
            let share = (spent / limit.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
            html.within("div", &[], |html| {
                html.element("dt", &[], name);
                html.within("dd", &[], |html| {
                    html.bar("spent", &[("var(--link)", share), ("var(--hole)", 1.0 - share)]);
                    let percent = percent((share * 1e6) as usize, 1_000_000);
                    html.element("span", &[], &format!("{told} of {of} ({percent} %)"));
                });
            });
        }
        if let (State::Running, Some(seen)) = (&run.state, seen.filter(|seen| *seen > 0.0)) {
            let left = limits.candidates.saturating_sub(totals.candidates) as f64 / seen;
            let time = std::time::Duration::try_from_secs_f64(left.round()).map(duration);
            html.within("div", &[], |html| {
                html.element("dt", &[], "rate");
                let left = time.map_or_else(|_| String::new(), |time| format!(", {time} left"));
                html.element("dd", &[], &format!("{}{left}", rate(seen)));
            });
        }
    });
}
