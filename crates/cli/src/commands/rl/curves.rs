//! What is known of an iteration, row by row.

use std::collections::BTreeSet;

use samara_seedling::train::policy::LogProbabilities;
use samara_view::numbers::number;
use serde::{Deserialize, Serialize};

use super::{conditions::Evaluated, rollouts::Written};

/// The samples of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Group {
    /// The part that has an objective.
    pub valid: f64,
    /// The mean objective; a sample without one counts 0.
    pub mean: f64,
    /// The best objective; 0 without any.
    pub best: f64,
}

impl Group {
    pub(super) fn of<'a>(evaluated: impl Iterator<Item = &'a Evaluated>) -> Self {
        let objectives: Vec<Option<f64>> = evaluated.map(Evaluated::objective).collect();
        let count = objectives.len().max(1) as f64;
        let valid: Vec<f64> = objectives.into_iter().flatten().collect();
        Self {
            valid: valid.len() as f64 / count,
            mean: valid.iter().sum::<f64>() / count,
            best: valid.iter().copied().reduce(f64::max).unwrap_or(0.0),
        }
    }
}

/// An iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    /// From 1.
    pub iteration: u64,
    /// Samples so far.
    pub samples: u64,
    /// The mean reward, without what the distance costs.
    pub reward: f64,
    /// How far the policy was from the first step's model, and how undecided it was, in nats a token.
    pub kl: f64,
    pub entropy: f64,
    /// What a nat cost.
    pub kl_weight: f64,
    /// The gradient's norm.
    pub norm: f64,
    /// The part of the samples whose programs are different.
    pub distinct: f64,
    /// By condition.
    pub groups: Vec<Group>,
}

/// Nats a token: how far the policy was from the reference, and how undecided, by its own samples.
pub(super) fn distances(written: &[Written], told: &[LogProbabilities]) -> (f64, f64) {
    let tokens = written.iter().map(|one| one.rollout.written.len()).sum::<usize>().max(1) as f64;
    let apart: f64 = told.iter().map(|one| one.policy - one.reference).sum();
    let likely: f64 = told.iter().map(|one| one.policy).sum();
    (apart / tokens, -likely / tokens)
}

/// The part of the samples whose programs are different.
pub(super) fn distinct(written: &[Written]) -> f64 {
    let programs: BTreeSet<_> = written.iter().map(|one| *one.program.digest().as_bytes()).collect();
    programs.len() as f64 / written.len().max(1) as f64
}

/// `curves.csv`.
pub(super) fn to_csv(rows: &[Row], conditions: &[&str]) -> String {
    let mut text = "iteration,samples,reward,kl,entropy,kl_weight,norm,distinct".to_owned();
    for condition in conditions {
        text += &format!(",{condition}_mean,{condition}_best,{condition}_valid");
    }
    text.push('\n');
    for row in rows {
        let Row { iteration, samples, reward, kl, entropy, kl_weight, norm, distinct, groups } = row;
        text += &format!("{iteration},{samples},{reward},{kl},{entropy},{kl_weight},{norm},{distinct}");
        for Group { valid, mean, best } in groups {
            text += &format!(",{mean},{best},{valid}");
        }
        text.push('\n');
    }
    text
}

/// A line on what an iteration came to.
pub(super) fn told(row: &Row, conditions: &[&str]) -> String {
    let valid = row.groups.iter().map(|group| group.valid).sum::<f64>() / row.groups.len().max(1) as f64;
    let means =
        conditions.iter().zip(&row.groups).map(|(name, group)| format!("{name} {}", number(group.mean)));
    let means = means.collect::<Vec<_>>().join(", ");
    format!("mean {means}  valid {:.0} %  KL {}", 100.0 * valid, number(row.kl))
}
