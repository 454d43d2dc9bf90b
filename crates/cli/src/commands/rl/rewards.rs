//! From what samples came to, to what they count in the policy's step.

use samara_seedling::train::policy::{LogProbabilities, advantage};
use serde::{Deserialize, Serialize};

use crate::args::Aim;

/// How far below the worst valid program of a batch an invalid one is rewarded.
const BELOW: f64 = 0.1;
/// By how much of itself the weight of the distance changes in an iteration at most.
const FASTEST: f64 = 0.1;
/// How far from its target the distance must be for that, as a part of the target.
const CLIPPED: f64 = 0.5;
/// The weight stays within these.
const WEIGHTS: (f64, f64) = (1e-4, 10.0);

/// The reward of an objective, whose values have a long tail: log(1 + x / scale), below 0 mirrored.
pub(super) fn reward(objective: f64, scale: f64) -> f64 {
    libm::log1p(objective.abs() / scale).copysign(objective)
}

/// The rewards of a batch. A program without an objective is worse than the worst that has one.
pub(super) fn of_batch(objectives: &[Option<f64>], scale: f64) -> Vec<f64> {
    let rewards: Vec<Option<f64>> =
        objectives.iter().map(|objective| objective.map(|objective| reward(objective, scale))).collect();
    let worst = rewards.iter().flatten().copied().reduce(f64::min).unwrap_or(0.0);
    rewards.into_iter().map(|reward| reward.unwrap_or(worst - BELOW)).collect()
}

/// What the distance of a sample from the model that was begun with costs, and how that follows the distance: a
/// proportional controller (Ziegler et al. 2019, arXiv 1909.08593, section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Leash {
    /// Reward that a nat costs.
    pub weight: f64,
    /// Nats a token that it is adapted to; 0 if it stays as it is.
    pub target: f64,
}

impl Leash {
    /// Hears how far the policy was in an iteration, in nats a token.
    pub(super) fn follow(&mut self, distance: f64) {
        if self.target > 0.0 {
            let apart = (distance / self.target - 1.0).clamp(-CLIPPED, CLIPPED);
            self.weight = (self.weight * (1.0 + FASTEST * apart / CLIPPED)).clamp(WEIGHTS.0, WEIGHTS.1);
        }
    }
}

/// What each sample counts: within its condition's group, its reward less what its distance costs, compared with the
/// others'.
pub(super) fn advantages(
    groups: &[usize],
    rewards: &[f64],
    told: &[LogProbabilities],
    (leash, aim): (&Leash, Aim),
) -> Vec<f64> {
    let paid = |at: usize| rewards[at] - leash.weight * (told[at].policy - told[at].reference);
    let mut advantages = vec![0.0; rewards.len()];
    for group in 0..groups.iter().max().map_or(0, |most| most + 1) {
        let own: Vec<usize> = (0..groups.len()).filter(|at| groups[*at] == group).collect();
        let paid: Vec<f64> = own.iter().map(|at| paid(*at)).collect();
        let counted = match aim {
            Aim::Mean => advantage::leave_one_out(&paid),
            Aim::Max => advantage::entropic(&paid),
        };
        for (at, counted) in own.into_iter().zip(counted) {
            advantages[at] = counted;
        }
    }
    advantages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_rise_with_the_objective_and_what_is_invalid_is_worse_than_the_worst() {
        let rewards = of_batch(&[Some(0.0), None, Some(-10.0), Some(30.0)], 10.0);
        assert!(rewards[0] == 0.0 && rewards[2] < 0.0 && (rewards[3] - 4.0_f64.ln()).abs() < 1e-12);
        assert!((rewards[1] - (rewards[2] - BELOW)).abs() < 1e-12);
        assert_eq!(of_batch(&[None, None], 10.0), [-BELOW; 2]);
    }

    #[test]
    fn the_leash_tightens_beyond_its_target_and_loosens_within() {
        let begin = Leash { weight: 0.1, target: 0.2 };
        let after = |distance| {
            let mut leash = begin;
            leash.follow(distance);
            leash.weight
        };
        assert!(after(0.4) > 0.1 && after(0.1) < 0.1 && (after(0.2) - 0.1).abs() < 1e-15);
        assert_eq!(after(0.4), after(40.0));
        let mut fixed = Leash { target: 0.0, ..begin };
        fixed.follow(7.0);
        assert_eq!(fixed.weight, begin.weight);
    }

    #[test]
    fn samples_are_compared_within_their_condition_and_pay_for_their_distance() {
        let near = LogProbabilities { policy: -10.0, reference: -10.0 };
        let far = LogProbabilities { policy: -10.0, reference: -20.0 };
        let told = [near, near, far, near];
        let leash = Leash { weight: 0.1, target: 0.0 };
        let counted = advantages(&[0, 1, 0, 1], &[1.0, 5.0, 1.0, 3.0], &told, (&leash, Aim::Mean));
        assert_eq!(counted, [1.0, 2.0, -1.0, -2.0]);
    }
}
