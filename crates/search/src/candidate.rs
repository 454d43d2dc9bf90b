//! A settled candidate: what it was, how it did, what became of it.
//!
//! Everything here follows from the search alone; how its life went in detail (model calls, times, isolation) is the
//! engine's to know and the journal's to keep.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Artifact, Genome, Score};

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Fate {
    /// It filled an empty cell.
    New,
    /// It entered a filled cell.
    Improved,
    /// It was scored, and its cell did not take it: what it holds is as good or better.
    NotBetter,
    /// Nothing usable was written.
    Invalid {
        /// What was wrong with it.
        why: String,
    },
    /// It ran badly.
    Failed {
        /// What went wrong.
        why: String,
    },
}

impl Fate {
    /// The name that the journal and the exports write: `new`, `improved`, `not_better`, `invalid` or `failed`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Improved => "improved",
            Self::NotBetter => "not_better",
            Self::Invalid { .. } => "invalid",
            Self::Failed { .. } => "failed",
        }
    }

    /// The reason of an invalid or failed candidate.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Invalid { why } | Self::Failed { why } => Some(why),
            Self::New | Self::Improved | Self::NotBetter => None,
        }
    }

    /// Whether the candidate entered an archive.
    pub fn entered(&self) -> bool {
        matches!(self, Self::New | Self::Improved)
    }

    /// The fate of a recorded candidate that has no score: its own, unless that needs one.
    pub(crate) fn without_score(self) -> Self {
        match self {
            Self::Invalid { .. } | Self::Failed { .. } => self,
            Self::New | Self::Improved | Self::NotBetter => {
                Self::Failed { why: format!("recorded as {} without a score", self.name()) }
            }
        }
    }

    /// The fate of that name; a reason is for `invalid` and `failed`, and only for them.
    pub fn from_parts(name: &str, why: Option<String>) -> Option<Self> {
        match (name, why) {
            ("new", None) => Some(Self::New),
            ("improved", None) => Some(Self::Improved),
            ("not_better", None) => Some(Self::NotBetter),
            ("invalid", Some(why)) => Some(Self::Invalid { why }),
            ("failed", Some(why)) => Some(Self::Failed { why }),
            _ => None,
        }
    }
}

/// What model calls cost.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Charge {
    /// Calls.
    pub calls: u64,
    /// Tokens, in and out.
    pub tokens: u64,
    /// Money, in the unit of the models' prices; a cached answer counts at the price it had.
    pub money: f64,
}

impl Charge {
    /// The larger of each.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            calls: self.calls.max(other.calls),
            tokens: self.tokens.max(other.tokens),
            money: self.money.max(other.money),
        }
    }
}

impl std::ops::AddAssign for Charge {
    fn add_assign(&mut self, other: Self) {
        // A crafted record may count more than there is.
        self.calls = self.calls.saturating_add(other.calls);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.money += other.money;
    }
}

/// A settled candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its place in the run: 0, 1, 2, ...
    pub index: u64,
    /// Its island: 0 in a run without islands.
    #[serde(default)]
    pub island: u32,
    /// How many candidates were settled when it was planned: what it could know of.
    #[serde(default)]
    pub horizon: u64,
    /// How it was made, in the environment's word, such as `crossover`.
    #[serde(default)]
    pub operator: String,
    /// The indices of its parents, in the order they were used.
    pub parents: Vec<u64>,
    /// The position of its generator in the ensemble; `None` without an ensemble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<u32>,
    /// What was evolved; `None` if nothing was written.
    pub genome: Option<Arc<Genome>>,
    /// How it did; `None` if it was not scored.
    pub score: Option<Arc<Score>>,
    /// What became of it.
    pub fate: Fate,
    /// The archive's cell of its measures.
    pub cell: Option<u64>,
    /// Its place in the cell when it entered, 0 the best.
    pub rank: Option<u32>,
    /// The first candidate with the very same genome, if there was one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<u64>,
    /// What the evaluation of a candidate without a score left; a score has its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// What its calls cost.
    pub charge: Charge,
    /// The sum of its calls' latencies, in milliseconds.
    pub model_ms: f64,
}

impl Candidate {
    /// What its evaluation left, scored or not.
    pub fn all_artifacts(&self) -> &[Artifact] {
        self.score.as_ref().map_or(&self.artifacts, |score| &score.artifacts)
    }

    /// Its objective, if it was scored.
    pub fn objective(&self) -> Option<f64> {
        self.score.as_ref().map(|score| score.objective)
    }

    /// Its measures, if it was scored.
    pub fn measures(&self) -> Option<&[f64]> {
        self.score.as_ref().map(|score| &*score.measures)
    }
}

/// How many candidates had which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is the fate of that name")]
pub struct FateCounts {
    pub new: u64,
    pub improved: u64,
    pub not_better: u64,
    pub invalid: u64,
    pub failed: u64,
}

impl FateCounts {
    /// Counts one more of this fate.
    pub fn count(&mut self, fate: &Fate) {
        match fate {
            Fate::New => self.new += 1,
            Fate::Improved => self.improved += 1,
            Fate::NotBetter => self.not_better += 1,
            Fate::Invalid { .. } => self.invalid += 1,
            Fate::Failed { .. } => self.failed += 1,
        }
    }

    /// All candidates.
    pub fn total(&self) -> u64 {
        self.new + self.improved + self.not_better + self.invalid + self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_is_its_name_and_the_reason_that_some_have() {
        let why = || "it was empty".to_owned();
        let fates = [
            Fate::New,
            Fate::Improved,
            Fate::NotBetter,
            Fate::Invalid { why: why() },
            Fate::Failed { why: why() },
        ];
        for fate in fates {
            let reason = fate.why().map(str::to_owned);
            assert_eq!(Fate::from_parts(fate.name(), reason.clone()), Some(fate.clone()));
            let other = if reason.is_some() { None } else { Some(why()) };
            assert_eq!(Fate::from_parts(fate.name(), other), None);
        }
        assert_eq!(Fate::from_parts("lost", None), None);
    }

    #[test]
    fn a_record_of_an_older_run_lacks_what_was_not_known_then() {
        let text = r#"{"index": 3, "parents": [], "genome": null, "score": null, "cell": null, "rank": null,
            "fate": {"name": "invalid", "why": "it was empty"}, "charge": {"calls": 1, "tokens": 9, "money": 0.5},
            "model_ms": 2.5}"#;
        let candidate: Candidate = serde_json::from_str(text).expect("a record");
        assert_eq!((candidate.island, candidate.horizon, &*candidate.operator), (0, 0, ""));
        assert_eq!((candidate.generator, candidate.copy_of), (None, None));
    }

    #[test]
    fn a_sum_past_the_largest_number_stays_there() {
        let mut sum = Charge { calls: u64::MAX, tokens: u64::MAX - 1, money: 1.0 };
        sum += Charge { calls: 1, tokens: 9, money: 0.5 };
        assert_eq!(sum, Charge { calls: u64::MAX, tokens: u64::MAX, money: 1.5 });
    }
}
