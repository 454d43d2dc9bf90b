//! What goes out to workers and what comes back: tickets and finished candidates. All of it can be sent to another
//! machine.

use std::{collections::BTreeMap, sync::Arc};

use samara_qd::Stream;
use serde::{Deserialize, Serialize};

use crate::{Artifact, Charge, Genome, Score};

/// A candidate that another one is made from, as it stood in the archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    /// Its index.
    pub id: u64,
    /// What it is.
    pub genome: Arc<Genome>,
    /// How it did; `None` for a candidate that is known by its text alone (one of a prompt pool).
    pub score: Option<Arc<Score>>,
}

/// What a candidate will be made from; drawn by the search, carried out by a worker.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// How it is made, in the environment's word; the journal keeps it.
    pub operator: String,
    /// Whether it is created from nothing (or from a pool) rather than varied from elites.
    pub fresh: bool,
    /// The candidates it descends from: elites, or those whose texts a prompt will show.
    pub parents: Vec<Parent>,
    /// What else a prompt will show: seeds, examples of a pool. Where `parents` are shown, they are not repeated here
    /// unless their order among the others matters.
    pub material: Vec<Arc<Genome>>,
    /// Other candidates that a prompt shows and that it does not descend from, such as the best of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Parent>,
    /// Numbers that its evaluation depends on and that follow from what was known at the horizon, such as the best
    /// objective that a cascade compares with. Part of what evaluations are shared by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, f64>,
    /// The least and the greatest value of numbers that had settled at the horizon, by name: what measures are scaled
    /// with when a candidate is judged. Not part of what evaluations are shared by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scales: BTreeMap<String, [f64; 2]>,
    /// Whether the candidate is its material as it is, such as a seed that every island begins with. No screen looks at
    /// it: that it equals another candidate is no accident.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verbatim: bool,
    /// How the candidate did, where that is known: one of another run. It is its only material, as it is, and nothing is
    /// written or evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored: Option<Arc<Score>>,
}

impl Plan {
    /// A candidate made without a parent, from `material` (often empty).
    pub fn fresh(operator: impl Into<String>, material: Vec<Arc<Genome>>) -> Self {
        Self { operator: operator.into(), fresh: true, material, ..Self::default() }
    }

    /// A candidate that descends from `parents`.
    pub fn varied(operator: impl Into<String>, parents: Vec<Parent>) -> Self {
        Self { operator: operator.into(), parents, ..Self::default() }
    }

    /// The genomes it is made from: the material, or the parents' where there is none.
    pub fn sources(&self) -> Vec<&Arc<Genome>> {
        if self.material.is_empty() {
            self.parents.iter().map(|parent| &parent.genome).collect()
        } else {
            self.material.iter().collect()
        }
    }
}

/// One candidate to make: everything a worker needs beside the environment itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The candidate's index.
    pub index: u64,
    /// The run's seed.
    pub seed: u64,
    /// How many candidates were settled when it was planned. What it may ask the [`crate::Index`] about ends there.
    pub horizon: u64,
    /// Its island.
    pub island: u32,
    /// The position of its generator in the ensemble, if there is one.
    pub generator: Option<u32>,
    /// What it is made from.
    pub plan: Plan,
    /// Its random stream, where the plan left it.
    pub stream: Stream,
}

/// How a candidate's life went, before an archive has seen it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was evaluated.
    Scored {
        /// What was evaluated.
        genome: Arc<Genome>,
        /// How it did.
        score: Score,
    },
    /// Nothing usable was written.
    Invalid(Unscored),
    /// It was written, but its evaluation went wrong.
    Failed(Unscored),
}

/// A candidate without a score.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Unscored {
    /// What was written, if anything.
    pub genome: Option<Arc<Genome>>,
    /// The reason, for a person.
    pub why: String,
    /// What its evaluation left, such as its error output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
}

/// What a worker brings back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The candidate's index.
    pub index: u64,
    /// How it went.
    pub outcome: Outcome,
    /// What its calls cost.
    pub charge: Charge,
    /// The sum of its calls' latencies, in milliseconds. Only a bandit that counts seconds looks at it.
    pub model_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_made_from_its_material_or_else_from_its_parents() {
        let genome = |text: &str| Arc::new(Genome::text_of(text));
        let parents = vec![Parent { id: 4, genome: genome("parent"), score: None }];
        let mut plan = Plan::varied("crossover", parents);
        assert!(!plan.fresh);
        assert_eq!(plan.sources(), [&genome("parent")]);
        plan.material = vec![genome("parent"), genome("seed")];
        assert_eq!(plan.sources(), [&genome("parent"), &genome("seed")]);
        let fresh = Plan::fresh("create", Vec::new());
        assert!(fresh.fresh && fresh.sources().is_empty());
    }
}
