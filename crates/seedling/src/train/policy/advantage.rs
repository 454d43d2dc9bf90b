//! What each sample of a group counts in the gradient: how much better it was than the others.

/// How far the distribution that [`entropic`] weighs by is from uniform, in nats.
const DIVERGENCE: f64 = std::f64::consts::LN_2;
/// The steepest weighing, over the spread of the rewards: with it nothing but the best counts.
const STEEPEST: f64 = 40.0;
/// Halvings of the interval that the steepness is looked for in.
const HALVINGS: usize = 60;

/// Each reward less the mean of the others' (Ahmadian et al. 2024, arXiv 2402.14740, equation 7): the gradient's
/// expectation is that of the mean reward, its variance far lower. They sum to 0; a single sample has nothing to be
/// compared with and counts nothing.
pub fn leave_one_out(rewards: &[f64]) -> Vec<f64> {
    let others = rewards.len().saturating_sub(1) as f64;
    if others == 0.0 {
        return vec![0.0; rewards.len()];
    }
    let sum: f64 = rewards.iter().sum();
    rewards.iter().map(|reward| reward - (sum - reward) / others).collect()
}

/// Weights that favour the best: exp(b reward), over the mean of the others', less 1. The steepness b is where the
/// distribution that is proportional to exp(b reward) is ln 2 nats from uniform (arXiv 2601.16175): about half of the
/// group then counts as good, however the rewards are scaled. Rewards that are all the same count nothing.
pub fn entropic(rewards: &[f64]) -> Vec<f64> {
    let others = rewards.len().saturating_sub(1) as f64;
    let most = rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = rewards.iter().copied().fold(f64::INFINITY, f64::min);
    let spread = most - least;
    if others == 0.0 || spread <= 0.0 || spread.is_nan() {
        return vec![0.0; rewards.len()];
    }
    let above: Vec<f64> = rewards.iter().map(|reward| (reward - most) / spread).collect();
    let steepness = steepness(&above);
    let weights: Vec<f64> = above.iter().map(|x| libm::exp(steepness * x)).collect();
    let sum: f64 = weights.iter().sum();
    // One sample that is far above all others would count without limit.
    let most = rewards.len() as f64;
    let weigh = |weight: &f64| (weight * others / (sum - weight).max(f64::MIN_POSITIVE) - 1.0).min(most);
    weights.iter().map(weigh).collect()
}

/// The least steepness at which the distribution is [`DIVERGENCE`] from uniform, if any is.
fn steepness(above: &[f64]) -> f64 {
    let (mut low, mut high) = (0.0, STEEPEST);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if divergence(above, middle) < DIVERGENCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// How far the distribution that is proportional to exp(b x) is from uniform, in nats.
fn divergence(above: &[f64], b: f64) -> f64 {
    let weights: Vec<f64> = above.iter().map(|x| libm::exp(b * x)).collect();
    let sum: f64 = weights.iter().sum();
    let mean: f64 = weights.iter().zip(above).map(|(weight, x)| weight * b * x).sum::<f64>() / sum;
    mean - libm::log(sum / above.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(found: &[f64], expected: &[f64]) -> bool {
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9)
    }

    #[test]
    fn each_sample_is_compared_with_the_mean_of_the_others() {
        assert!(close(&leave_one_out(&[4.0, 1.0, 1.0]), &[3.0, -1.5, -1.5]));
        assert_eq!(leave_one_out(&[7.0]), [0.0]);
        assert_eq!(entropic(&[7.0]), [0.0]);
        assert_eq!(entropic(&[2.0, 2.0, 2.0]), [0.0; 3]);
    }

    #[test]
    fn half_of_a_group_that_is_equally_good_counts_and_the_rest_does_not() {
        // Uniform over half of them is ln 2 from uniform over all, at any steepness that is enough.
        let weights = entropic(&[1.0, 1.0, 0.0, 0.0]);
        assert!(close(&weights, &[2.0, 2.0, -1.0, -1.0]), "{weights:?}");
    }

    proptest! {
        #[test]
        fn leaving_one_out_sums_to_nothing_and_does_not_see_a_shift(
            rewards in prop::collection::vec(-5.0..5.0_f64, 2..40),
            shift in -9.0..9.0_f64,
        ) {
            let advantages = leave_one_out(&rewards);
            prop_assert!(advantages.iter().sum::<f64>().abs() < 1e-9 * rewards.len() as f64 * 10.0);
            let shifted: Vec<f64> = rewards.iter().map(|reward| reward + shift).collect();
            prop_assert!(close(&leave_one_out(&shifted), &advantages));
        }

        #[test]
        fn entropic_weights_rise_with_the_reward_and_see_neither_shift_nor_scale(
            rewards in prop::collection::vec(-5.0..5.0_f64, 4..40),
            shift in -9.0..9.0_f64,
            scale in 0.1..10.0_f64,
        ) {
            let weights = entropic(&rewards);
            for (a, x) in rewards.iter().zip(&weights) {
                for (b, y) in rewards.iter().zip(&weights) {
                    prop_assert!(a < b || x >= y);
                }
            }
            let other: Vec<f64> = rewards.iter().map(|reward| scale * reward + shift).collect();
            for (x, y) in weights.iter().zip(entropic(&other)) {
                prop_assert!((x - y).abs() < 1e-6 * (1.0 + x.abs()), "{x} {y}");
            }
        }
    }
}
