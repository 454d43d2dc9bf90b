//! From logits to a token, and to log-probabilities.

use crate::{Stream, kernel::Real};

/// Draws a token. With temperature 0 the first of the most probable ones.
pub(super) fn draw(
    logits: &[f32],
    temperature: f64,
    top_p: f64,
    stream: &mut Stream,
    scratch: &mut Vec<f32>,
) -> u32 {
    let (best, top) = best(logits);
    if temperature == 0.0 {
        return best;
    }
    scratch.clear();
    scratch.extend_from_slice(logits);
    f32::exp_shifted(scratch, top, (1.0 / temperature) as f32);
    if top_p < 1.0 {
        cut(scratch, top_p);
    }
    let total: f64 = scratch.iter().map(|x| f64::from(*x)).sum();
    let mut rest = stream.unit() * total;
    for (token, weight) in scratch.iter().enumerate() {
        rest -= f64::from(*weight);
        if rest < 0.0 {
            return token as u32;
        }
    }
    // Rounding can leave a little; the most probable token takes it.
    best
}

/// The first of the highest logits.
fn best(logits: &[f32]) -> (u32, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (token, logit) in logits.iter().enumerate() {
        if *logit > best.1 {
            best = (token as u32, *logit);
        }
    }
    best
}

/// Keeps the most probable tokens that together reach `top_p` of the mass; ties keep the order of tokens.
fn cut(weights: &mut [f32], top_p: f64) {
    let total: f64 = weights.iter().map(|x| f64::from(*x)).sum();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]).then(a.cmp(b)));
    let mut mass = 0.0;
    for token in order {
        if mass >= top_p * total {
            weights[token] = 0.0;
        } else {
            mass += f64::from(weights[token]);
        }
    }
}

/// The logarithm of the sum of the logits' exponentials: a logit less it is a log-probability.
pub(super) fn log_normaliser(logits: &[f32], scratch: &mut Vec<f32>) -> f64 {
    let (_, top) = best(logits);
    scratch.clear();
    scratch.extend_from_slice(logits);
    let sum = f32::exp_shifted(scratch, top, 1.0);
    f64::from(top) + libm::log(f64::from(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_distribution_and_the_nucleus_cuts_its_tail() {
        let logits = [0.0, 1.0_f32.ln(), 2.0_f32.ln(), 4.0_f32.ln()];
        let mut stream = Stream::new(1, 0);
        let mut counts = [[0_u32; 4]; 2];
        for _ in 0..8000 {
            counts[0][draw(&logits, 1.0, 1.0, &mut stream, &mut Vec::new()) as usize] += 1;
            counts[1][draw(&logits, 1.0, 0.6, &mut stream, &mut Vec::new()) as usize] += 1;
        }
        assert!((900..1100).contains(&counts[0][0]) && (3850..4150).contains(&counts[0][3]), "{counts:?}");
        assert_eq!(counts[1][..2], [0, 0], "the two likeliest hold 6 / 8 of the mass");
        assert!((5150..5500).contains(&counts[1][3]), "{counts:?}");
    }

    #[test]
    fn temperature_zero_takes_the_first_of_the_best() {
        let mut stream = Stream::new(1, 0);
        assert_eq!(draw(&[1.0, 3.0, 3.0], 0.0, 1.0, &mut stream, &mut Vec::new()), 1);
    }

    #[test]
    fn log_probabilities_sum_to_one() {
        let logits = [0.3, -2.0, 5.0];
        let normaliser = log_normaliser(&logits, &mut Vec::new());
        let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - normaliser).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
    }
}
