//! What a person may change in a search that goes on, and the first candidate that each change is for.
//!
//! An [`Order`] is what is asked, a [`Change`] what it comes to at this moment, [`Limits`] what holds from then on. A
//! change is recorded with the number of candidates that were settled and applied again at that very place
//! ([`Scheduled`]), so that a run that is resumed plans every candidate from the state that it was first planned from.

use serde::{Deserialize, Serialize};

use crate::{BudgetSettings, Invalid, SearchSettings, settings::MOST_STEPS};

/// Characters of a note at most.
pub const MOST_NOTE: usize = 4000;

/// What a person asks of a run that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Begin no further candidate, finish those that are alive, and end.
    Finish,
    /// The same once so many more are settled. Those that have begun by now are made in any case.
    StopAfter(u64),
    /// A limit that is there becomes greater.
    Budget(Limit),
    /// A text above the prompts of models that are told instructions, from the next candidate on: in the place of an
    /// earlier note; an empty one takes it away.
    Note(String),
}

/// A limit of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// `search.total_steps`.
    Candidates(u64),
    /// `search.budget.calls`.
    Calls(u64),
    /// `search.budget.tokens`.
    Tokens(u64),
    /// `search.budget.money`.
    Money(f64),
    /// `search.budget.wall_time_s`, of this session and of later ones.
    Time(f64),
}

/// All limits of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Candidates in total.
    pub total_steps: u64,
    /// What may be spent.
    pub budget: BudgetSettings,
}

/// What an order comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The first candidate that it is for: the first that is not made, or that is made under it.
    pub first: u64,
    /// The limits from then on.
    pub limits: Limits,
}

/// A change that was recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scheduled {
    /// After how many settled candidates it came.
    pub after: u64,
    /// What it came to.
    pub change: Change,
}

/// Where a search stands when an order comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stand {
    /// Candidates that are settled.
    pub settled: u64,
    /// The first that was not handed out yet.
    pub begun: u64,
    /// The first that was not planned yet.
    pub planned: u64,
}

impl Limits {
    /// Those of some settings.
    pub fn of(settings: &SearchSettings) -> Self {
        Self { total_steps: settings.total_steps, budget: settings.budget }
    }

    /// Takes the limit that a setting is for from `other`: `search.budget` is for all but the candidates.
    pub fn take(&mut self, key: &str, other: &Self) {
        match key {
            "search.total_steps" => self.total_steps = other.total_steps,
            "search.budget" => self.budget = other.budget,
            "search.budget.calls" => self.budget.calls = other.budget.calls,
            "search.budget.tokens" => self.budget.tokens = other.budget.tokens,
            "search.budget.money" => self.budget.money = other.budget.money,
            "search.budget.wall_time_s" => self.budget.wall_time_s = other.budget.wall_time_s,
            _ => {}
        }
    }
}

impl Limit {
    /// The setting that it is.
    pub fn key(self) -> &'static str {
        match self {
            Self::Candidates(_) => "search.total_steps",
            Self::Calls(_) => "search.budget.calls",
            Self::Tokens(_) => "search.budget.tokens",
            Self::Money(_) => "search.budget.money",
            Self::Time(_) => "search.budget.wall_time_s",
        }
    }

    /// The setting with its value, as `--set` takes it.
    pub fn setting(self) -> String {
        let key = self.key();
        match self {
            Self::Candidates(most) | Self::Calls(most) | Self::Tokens(most) => format!("{key}={most}"),
            Self::Money(most) | Self::Time(most) => format!("{key}={most:?}"),
        }
    }

    /// The limit that a setting is, if it is one.
    pub fn read(setting: &str) -> Option<Self> {
        let (key, value) = setting.split_once('=')?;
        let whole = || value.trim().replace('_', "").parse().ok();
        let number = || value.trim().replace('_', "").parse().ok().filter(|most: &f64| most.is_finite());
        match key.trim() {
            "search.total_steps" => whole().map(Self::Candidates),
            "search.budget.calls" => whole().map(Self::Calls),
            "search.budget.tokens" => whole().map(Self::Tokens),
            "search.budget.money" => number().map(Self::Money),
            "search.budget.wall_time_s" => number().map(Self::Time),
            _ => None,
        }
    }

    /// Puts it in the place of the one that is there.
    pub fn hold(self, limits: &mut Limits) {
        match self {
            Self::Candidates(most) => limits.total_steps = most,
            Self::Calls(most) => limits.budget.calls = Some(most),
            Self::Tokens(most) => limits.budget.tokens = Some(most),
            Self::Money(most) => limits.budget.money = Some(most),
            Self::Time(most) => limits.budget.wall_time_s = Some(most),
        }
    }

    /// This number, and the one that is there.
    fn beside(self, limits: &Limits) -> (f64, Option<f64>) {
        let budget = &limits.budget;
        match self {
            Self::Candidates(most) => (most as f64, Some(limits.total_steps as f64)),
            Self::Calls(most) => (most as f64, budget.calls.map(|most| most as f64)),
            Self::Tokens(most) => (most as f64, budget.tokens.map(|most| most as f64)),
            Self::Money(most) => (most, budget.money),
            Self::Time(most) => (most, budget.wall_time_s),
        }
    }
}

impl Order {
    /// What it is, in the words of `samara control`.
    pub fn told(&self) -> String {
        match self {
            Self::Finish => "finish".to_owned(),
            Self::StopAfter(more) => format!("stop after {more} more"),
            Self::Budget(limit) => format!("budget {}", limit.setting()),
            Self::Note(text) if text.is_empty() => "no note".to_owned(),
            Self::Note(text) => format!("note: {text}"),
        }
    }

    /// The settings that a change of this kind is recorded as.
    pub fn settings(&self, change: &Change) -> Vec<String> {
        match self {
            Self::Finish | Self::StopAfter(_) => {
                vec![Limit::Candidates(change.limits.total_steps).setting()]
            }
            Self::Budget(limit) => vec![limit.setting()],
            Self::Note(_) => Vec::new(),
        }
    }

    /// What it comes to where a search with these settings stands there.
    ///
    /// # Errors
    /// It would change nothing, or could not be kept: why.
    pub(crate) fn change(&self, settings: &SearchSettings, stand: Stand) -> Result<Change, String> {
        let mut limits = Limits::of(settings);
        let first = match self {
            Self::Finish => self.stop(stand.begun, &mut limits)?,
            Self::StopAfter(more) => {
                self.stop(stand.settled.saturating_add(*more).max(stand.begun), &mut limits)?
            }
            Self::Budget(limit) => {
                raise(*limit, settings, &mut limits)?;
                stand.planned
            }
            Self::Note(text) => {
                if text.chars().count() > MOST_NOTE {
                    return Err(format!("a note has {MOST_NOTE} characters at most"));
                }
                stand.begun
            }
        };
        Ok(Change { first, limits })
    }

    fn stop(&self, total: u64, limits: &mut Limits) -> Result<u64, String> {
        if total >= limits.total_steps {
            return Err(format!("the run ends after {} candidates by itself", limits.total_steps));
        }
        limits.total_steps = total;
        Ok(total)
    }
}

fn raise(limit: Limit, settings: &SearchSettings, limits: &mut Limits) -> Result<(), String> {
    let key = limit.key();
    match limit.beside(limits) {
        (_, None) => return Err(format!("{key} is not limited: there is nothing to raise")),
        (to, Some(now)) if to.is_nan() || to <= now => {
            return Err(format!(
                "{key} is {now}, and can only be raised\nhint: finish or stop-after end the run"
            ));
        }
        (to, Some(_)) if to > MOST_STEPS as f64 => {
            return Err(format!("{key} is at most {MOST_STEPS}"));
        }
        _ => {}
    }
    limit.hold(limits);
    let raised =
        SearchSettings { total_steps: limits.total_steps, budget: limits.budget, ..settings.clone() };
    raised.validate().map_err(|invalid: Invalid| invalid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SearchSettings {
        let budget = BudgetSettings { calls: Some(100), ..BudgetSettings::default() };
        SearchSettings { total_steps: 200, budget, ..SearchSettings::default() }
    }

    const STAND: Stand = Stand { settled: 20, begun: 36, planned: 52 };

    fn change(order: &Order) -> Result<(u64, u64, Option<u64>), String> {
        let change = order.change(&settings(), STAND)?;
        Ok((change.first, change.limits.total_steps, change.limits.budget.calls))
    }

    #[test]
    fn what_has_begun_is_made_and_nothing_beyond() {
        assert_eq!(change(&Order::Finish), Ok((36, 36, Some(100))));
        assert_eq!(change(&Order::StopAfter(3)), Ok((36, 36, Some(100))), "more than three have begun");
        assert_eq!(change(&Order::StopAfter(100)), Ok((120, 120, Some(100))));
        assert!(change(&Order::StopAfter(180)).is_err_and(|why| why.contains("200 candidates by itself")));
        assert!(change(&Order::StopAfter(u64::MAX)).is_err());
    }

    #[test]
    fn a_budget_that_is_there_is_raised_for_what_is_not_planned_yet() {
        assert_eq!(change(&Order::Budget(Limit::Calls(150))), Ok((52, 200, Some(150))));
        assert_eq!(change(&Order::Budget(Limit::Candidates(300))), Ok((52, 300, Some(100))));
        for limit in [
            Limit::Calls(100),
            Limit::Candidates(1),
            Limit::Tokens(5),
            Limit::Money(f64::NAN),
            Limit::Candidates(u64::MAX),
        ] {
            assert!(change(&Order::Budget(limit)).is_err(), "{limit:?}");
        }
    }

    #[test]
    fn a_note_is_for_the_next_candidate_and_has_an_end() {
        assert_eq!(change(&Order::Note("rhyme".into())), Ok((36, 200, Some(100))));
        assert!(change(&Order::Note("a".repeat(MOST_NOTE + 1))).is_err());
    }

    #[test]
    fn a_limit_is_read_from_the_setting_that_it_is_recorded_as() {
        for limit in [
            Limit::Candidates(7),
            Limit::Calls(1),
            Limit::Tokens(1 << 50),
            Limit::Money(0.1),
            Limit::Money(3.0),
            Limit::Time(1e20),
        ] {
            assert_eq!(Limit::read(&limit.setting()), Some(limit));
            let mut limits = Limits::of(&settings());
            let mut other = limits;
            limit.hold(&mut other);
            limits.take(limit.key(), &other);
            assert_eq!(limits, other);
        }
        assert_eq!(Limit::read("search.total_steps = 1_000"), Some(Limit::Candidates(1000)));
        for other in
            ["search.seed=1", "search.total_steps=-1", "search.budget.money=nan", "search.budget.calls"]
        {
            assert_eq!(Limit::read(other), None, "{other}");
        }
    }

    #[test]
    fn orders_are_read_as_they_are_written() {
        for (order, json) in [
            (Order::Finish, r#""finish""#),
            (Order::StopAfter(3), r#"{"stop-after":3}"#),
            (Order::Budget(Limit::Money(0.5)), r#"{"budget":{"money":0.5}}"#),
            (Order::Note("a".into()), r#"{"note":"a"}"#),
        ] {
            assert_eq!(serde_json::to_string(&order).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<Order>(json).expect("an order"), order);
        }
    }
}
