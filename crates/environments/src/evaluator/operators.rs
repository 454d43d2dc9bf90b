//! The operators, and which of them is used: by weights, or by weights times what each has brought.
//!
//! A bandit draws by the weights times the square of what is known of each operator's worth, but for a part that the
//! weights alone decide. An operator is paid for a candidate that is better than its parent, by how much better against what improvements are
//! usual on the island, so that many tiny steps don't outweigh a few good ones. Older candidates count less, since what
//! pays changes while a program improves. Everything follows from settled candidates.

use samara_qd::Stream;

use super::{
    gp::Edit,
    settings::{Choice, VariationSettings},
};

/// How a candidate is made from its parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator {
    /// A model writes SEARCH/REPLACE blocks.
    Diff,
    /// A model writes the whole program anew.
    Rewrite,
    /// A model combines two or three programs.
    Crossover,
    /// A model repairs a program that failed.
    Fix,
    /// No model: an edit of the text.
    Gp(Edit),
}

/// What the name of an operator ends with where a larger change was asked for.
const LARGER: &str = "_larger";

impl Operator {
    /// All operators.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Diff, Self::Rewrite, Self::Crossover, Self::Fix].into_iter().chain(Edit::ALL.map(Self::Gp))
    }

    /// Its name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Diff => "diff",
            Self::Rewrite => "rewrite",
            Self::Crossover => "crossover",
            Self::Fix => "fix",
            Self::Gp(edit) => edit.name(),
        }
    }

    /// Its name in a plan, which says whether a larger change is asked for.
    pub(super) fn planned(self, larger: bool) -> String {
        format!("{}{}", self.name(), if larger { LARGER } else { "" })
    }

    /// The operator of a plan, and whether a larger change is asked for; `None` for what is no variation, such as a seed.
    pub fn of_plan(name: &str) -> Option<(Self, bool)> {
        let (bare, larger) = name.strip_suffix(LARGER).map_or((name, false), |bare| (bare, true));
        Self::all().find(|operator| operator.name() == bare).map(|operator| (operator, larger))
    }

    /// Whether it asks a model.
    pub fn asks(self) -> bool {
        !matches!(self, Self::Gp(_))
    }
}

/// How much of its weight, `gp` or `carry`, each edit is at first.
fn share(edit: Edit) -> f64 {
    match edit {
        Edit::Step => 2.0,
        Edit::Jump | Edit::Swap | Edit::Row => 1.5,
        Edit::Merge => 1.0,
        Edit::Fine | Edit::Code | Edit::Statement => 0.5,
        // A new best is followed by its step in any case; older steps seldom help again.
        Edit::Again | Edit::Blend => 0.25,
        Edit::Surrogate => 1.0,
    }
}

/// Which weight an edit has a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gp,
    Carry,
    Tune,
}

fn kind(edit: Edit) -> Kind {
    match edit {
        Edit::Merge | Edit::Again | Edit::Blend => Kind::Carry,
        Edit::Surrogate => Kind::Tune,
        Edit::Fine | Edit::Step | Edit::Jump | Edit::Swap | Edit::Row | Edit::Code | Edit::Statement => {
            Kind::Gp
        }
    }
}

/// After so many candidates of an operator, one counts e times less.
const MEMORY: f64 = 40.0;
/// What an operator is taken to have brought before it was tried, and how much that counts.
const BELIEVED: f64 = 0.25;
const BELIEVED_TRIALS: f64 = 3.0;
/// A lucky candidate pays so many usual improvements at most.
const MOST_REWARD: f64 = 8.0;
/// The part of choices that the weights alone decide: less of it ends in poorer local optima after many candidates.
const FLOOR: f64 = 0.25;

/// What is known of an operator; sums are discounted.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Arm {
    operator: Operator,
    weight: f64,
    trials: f64,
    reward: f64,
}

impl Arm {
    fn worth(&self) -> f64 {
        (self.reward + BELIEVED * BELIEVED_TRIALS) / (self.trials + BELIEVED_TRIALS)
    }
}

/// The operators of an island, with what they have brought.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operators {
    arms: Vec<Arm>,
    choice: Choice,
    /// The usual improvement, a discounted mean.
    usual: f64,
}

impl Operators {
    /// Before the first candidate. One that only climbs learns nothing from other programs.
    pub(super) fn new(settings: &VariationSettings, choice: Choice, climbs: bool) -> Self {
        let whole = |wanted: Kind| -> f64 {
            Edit::ALL.into_iter().filter(|edit| kind(*edit) == wanted).map(share).sum()
        };
        let weight = |operator: Operator| match operator {
            Operator::Diff => settings.diff,
            Operator::Rewrite => settings.rewrite,
            Operator::Crossover => settings.crossover,
            Operator::Fix => settings.fix,
            Operator::Gp(edit) => {
                let all = match kind(edit) {
                    Kind::Gp => settings.gp,
                    Kind::Carry | Kind::Tune if climbs => 0.0,
                    Kind::Carry => settings.carry,
                    Kind::Tune => settings.tune,
                };
                all * share(edit) / whole(kind(edit))
            }
        };
        let arm = |operator| Arm { operator, weight: weight(operator), trials: 0.0, reward: 0.0 };
        Self { arms: Operator::all().map(arm).collect(), choice, usual: 0.0 }
    }

    /// Whether steps are carried over from other programs.
    pub(super) fn carries(&self) -> bool {
        self.uses(Edit::Again)
    }

    /// Whether an edit has a weight.
    pub(super) fn uses(&self, edit: Edit) -> bool {
        self.arms.iter().any(|arm| arm.operator == Operator::Gp(edit) && arm.weight > 0.0)
    }

    /// How an operator is chosen: by the weights alone while the best stagnates, since what has paid pays no more.
    pub(super) fn choice(&self, stagnates: bool) -> Choice {
        if stagnates { Choice::Weights } else { self.choice }
    }

    /// An operator of those that may be used now.
    pub(super) fn draw(
        &self,
        choice: Choice,
        stream: &mut Stream,
        may: impl Fn(Operator) -> bool,
    ) -> Option<Operator> {
        let weight = |arm: &Arm| if may(arm.operator) { arm.weight } else { 0.0 };
        let weights: Vec<f64> = self.arms.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        let drawn = match choice {
            Choice::Weights => stream.weighted(&weights)?,
            Choice::Bandit => {
                let worth = |(arm, weight): (&Arm, &f64)| weight * arm.worth() * arm.worth();
                let whole: f64 = self.arms.iter().zip(&weights).map(worth).sum();
                let chance = |(arm, weight): (&Arm, &f64)| {
                    (1.0 - FLOOR) * worth((arm, weight)) / whole + FLOOR * weight / total
                };
                let chances: Vec<f64> = self.arms.iter().zip(&weights).map(chance).collect();
                if total > 0.0 && whole > 0.0 {
                    stream.weighted(&chances)?
                } else {
                    stream.weighted(&weights)?
                }
            }
        };
        Some(self.arms[drawn].operator)
    }

    /// Hears what a candidate of an operator gained over its parent: above 0 for a better one.
    pub(super) fn learn(&mut self, operator: Operator, gain: f64) {
        let gain = if gain.is_finite() { gain.max(0.0) } else { 0.0 };
        if gain > 0.0 {
            self.usual = if self.usual == 0.0 { gain } else { 0.9 * self.usual + 0.1 * gain };
        }
        let reward = if gain > 0.0 { (gain / self.usual).min(MOST_REWARD) } else { 0.0 };
        let keep = libm::exp(-1.0 / MEMORY);
        if let Some(arm) = self.arms.iter_mut().find(|arm| arm.operator == operator) {
            arm.trials = keep * arm.trials + 1.0;
            arm.reward = keep * arm.reward + reward;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(operators: &Operators) -> std::collections::BTreeMap<Operator, usize> {
        let mut counts = std::collections::BTreeMap::new();
        for index in 0..1000 {
            let drawn = operators
                .draw(operators.choice(false), &mut Stream::new(1, index), |_| true)
                .expect("an operator");
            *counts.entry(drawn).or_default() += 1;
        }
        counts
    }

    #[test]
    fn operators_and_plans_have_names_that_are_read_back() {
        for operator in Operator::all() {
            for larger in [false, true] {
                assert_eq!(Operator::of_plan(&operator.planned(larger)), Some((operator, larger)));
            }
        }
        assert_eq!(Operator::of_plan("seed"), None);
    }

    #[test]
    fn what_pays_is_used_more_and_nothing_is_given_up() {
        let settings = VariationSettings {
            gp: 1.0,
            diff: 1.0,
            rewrite: 1.0,
            crossover: 0.0,
            fix: 0.0,
            ..Default::default()
        };
        let mut operators = Operators::new(&settings, Choice::Bandit, false);
        for _ in 0..100 {
            operators.learn(Operator::Diff, 1.0);
            operators.learn(Operator::Rewrite, 0.0);
        }
        let counts = counts(&operators);
        assert!(counts[&Operator::Diff] > 2 * counts[&Operator::Rewrite], "{counts:?}");
        assert!(counts[&Operator::Rewrite] > 10, "{counts:?}");
        assert!(!counts.contains_key(&Operator::Crossover), "without a weight it is never used");
    }

    #[test]
    fn a_large_gain_pays_more_than_a_tiny_one_and_a_loss_nothing() {
        let mut operators = Operators::new(&VariationSettings::default(), Choice::Bandit, false);
        operators.learn(Operator::Gp(Edit::Step), 1.0);
        operators.learn(Operator::Gp(Edit::Fine), 1e-6);
        operators.learn(Operator::Gp(Edit::Row), -5.0);
        let reward =
            |edit| operators.arms.iter().find(|arm| arm.operator == Operator::Gp(edit)).map(|arm| arm.reward);
        assert!(reward(Edit::Step) > reward(Edit::Fine) && reward(Edit::Fine) > reward(Edit::Row));
        assert_eq!(reward(Edit::Row), Some(0.0));
    }

    #[test]
    fn one_that_only_climbs_learns_nothing_from_other_programs() {
        let settings = VariationSettings {
            gp: 1.0,
            diff: 0.0,
            rewrite: 0.0,
            crossover: 0.0,
            fix: 0.0,
            ..Default::default()
        };
        let counts = counts(&Operators::new(&settings, Choice::Weights, true));
        assert!(
            counts.keys().all(|operator| matches!(operator, Operator::Gp(edit) if kind(*edit) == Kind::Gp))
        );
    }
}
