//! Statistics of predictions and texts.

use std::collections::HashSet;

/// Ranks from 1, equal values sharing their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let same = |i: &&usize| values[**i] == values[order[first]];
        let end = first + order[first..].iter().take_while(same).count().max(1);
        for i in &order[first..end] {
            ranks[*i] = (first + 1 + end) as f64 / 2.0;
        }
        first = end;
    }
    ranks
}

/// Spearman's rank correlation, -1 to 1; 0 if one side does not vary.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let covariance =
        |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let size = libm::sqrt(covariance(&a, &a) * covariance(&b, &b));
    if size > 0.0 { covariance(&a, &b) / size } else { 0.0 }
}

/// The chance that a random positive has a higher score than a random negative, ties counting half (Mann & Whitney
/// 1947); 0.5 if one of the classes is empty.
pub fn area_under_curve(scores: &[f64], labels: &[bool]) -> f64 {
    let positives = labels.iter().filter(|label| **label).count() as f64;
    let negatives = labels.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    let sum: f64 = ranks(scores).iter().zip(labels).filter(|(_, label)| **label).map(|(rank, _)| rank).sum();
    (sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// Expected calibration error (Guo et al. 2017, arXiv 1706.04599) in ten equal bins, against true probabilities in the
/// place of labels drawn from them.
pub fn calibration_error(guesses: &[f64], truths: &[f64]) -> f64 {
    let mut apart = [0.0; 10];
    for (guess, truth) in guesses.iter().zip(truths) {
        apart[((guess * 10.0) as usize).min(9)] += guess - truth;
    }
    apart.iter().map(|sum| sum.abs()).sum::<f64>() / guesses.len().max(1) as f64
}

/// Distinct word trigrams over all word trigrams of texts (distinct-n, Li et al. 2016, arXiv 1510.03055).
pub fn distinct_trigrams(texts: &[&str]) -> f64 {
    let mut seen = HashSet::new();
    let mut count = 0_usize;
    for text in texts {
        let words: Vec<&str> = text.split_whitespace().collect();
        for window in words.windows(3) {
            count += 1;
            seen.insert(window.to_vec());
        }
    }
    seen.len() as f64 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation_sees_order_and_nothing_else() {
        assert_eq!(spearman(&[1.0, 2.0, 10.0], &[-5.0, 0.0, 0.1]), 1.0);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[3.0, 2.0, 1.0]), 0.0);
        assert_eq!(ranks(&[5.0, 1.0, 5.0]), [2.5, 1.0, 2.5]);
    }

    #[test]
    fn the_area_under_the_curve_is_the_chance_of_the_right_order() {
        assert_eq!(area_under_curve(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), 0.75);
        assert_eq!(area_under_curve(&[0.5, 0.5], &[false, true]), 0.5);
        assert_eq!(area_under_curve(&[0.5], &[true]), 0.5);
    }

    #[test]
    fn calibration_compares_means_within_bins() {
        assert!(calibration_error(&[0.21, 0.29], &[0.29, 0.21]) < 1e-12);
        assert!((calibration_error(&[0.9, 0.1], &[0.5, 0.5]) - 0.4).abs() < 1e-12);
    }

    #[test]
    fn trigrams_are_counted_once() {
        assert_eq!(distinct_trigrams(&["a b c d", "a b c"]), 2.0 / 3.0);
        assert_eq!(distinct_trigrams(&["a b"]), 0.0);
    }
}
