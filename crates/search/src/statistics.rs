//! Comparing runs: the mean of a few seeds with a bootstrap interval (Efron 1979).
//!
//! Percentile bootstrap over seeds: seeds are drawn with replacement many times over, and the interval holds the
//! middle part of the means. Deterministic: what is drawn comes from a named stream. With few seeds the interval is
//! somewhat too narrow, as percentile intervals are.

use std::collections::BTreeMap;

use samara_qd::Stream;
use serde::Serialize;

/// A mean and the interval of its resampled values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The mean of the values themselves.
    pub mean: f64,
    /// The lower end; equal to the mean for a single value.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether two intervals have no point in common.
    pub fn disjoint(&self, other: &Self) -> bool {
        self.high < other.low || other.high < self.low
    }
}

/// Drawings with replacement from a number of values, to be used for many lists of that length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resamples {
    /// How often each value was drawn, and in how many drawings: with few values, many drawings are equal.
    drawings: Vec<(Vec<u32>, u32)>,
    total: u32,
}

impl Resamples {
    /// `total` drawings from `values` values, by the stream's numbers.
    ///
    /// # Panics
    /// If either is 0.
    pub fn new(values: usize, total: u32, stream: &mut Stream) -> Self {
        assert!(values > 0 && total > 0, "a drawing needs values");
        let mut drawings: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        for _ in 0..total {
            let mut counts = vec![0; values];
            for _ in 0..values {
                counts[stream.index(values)] += 1;
            }
            *drawings.entry(counts).or_default() += 1;
        }
        Self { drawings: drawings.into_iter().collect(), total }
    }

    /// The mean of the values, and the middle `level` (such as 0.95) of their means under all drawings.
    ///
    /// # Panics
    /// If there are not as many values as were drawn from.
    pub fn interval(&self, values: &[f64], level: f64) -> Interval {
        assert_eq!(self.drawings[0].0.len(), values.len(), "as many values as were drawn from");
        // Sums of differences: equal values then have exactly their own mean.
        let base = values[0];
        let mean = |counts: &[u32]| {
            let sum: f64 = counts.iter().zip(values).map(|(n, x)| f64::from(*n) * (x - base)).sum();
            base + sum / values.len() as f64
        };
        let mut means: Vec<(f64, u32)> =
            self.drawings.iter().map(|(counts, times)| (mean(counts), *times)).collect();
        means.sort_by(|a, b| a.0.total_cmp(&b.0));
        let tail = (1.0 - level) / 2.0;
        let low = self.percentile(&means, tail);
        let high = self.percentile(&means, 1.0 - tail);
        Interval { mean: mean(&vec![1; values.len()]), low, high }
    }

    /// The least mean that at least this part of all drawings does not exceed.
    fn percentile(&self, means: &[(f64, u32)], part: f64) -> f64 {
        let wanted = part * f64::from(self.total);
        let mut seen = 0.0;
        for (mean, times) in means {
            seen += f64::from(*times);
            if seen >= wanted {
                return *mean;
            }
        }
        means[means.len() - 1].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resamples(values: usize) -> Resamples {
        Resamples::new(values, 10_000, &mut Stream::named(0, "bootstrap"))
    }

    #[test]
    fn equal_values_have_an_interval_of_one_point() {
        for value in [0.1, 19.6, -3.0] {
            let interval = resamples(5).interval(&[value; 5], 0.95);
            assert_eq!(interval, Interval { mean: value, low: value, high: value });
        }
    }

    #[test]
    fn two_values_give_the_interval_that_is_worked_out_by_hand() {
        // Means 0, 1/2 and 1 with chances 1/4, 1/2, 1/4: the middle 95 % reaches both ends, the middle 40 % neither.
        let resamples = resamples(2);
        assert_eq!(resamples.interval(&[0.0, 1.0], 0.95), Interval { mean: 0.5, low: 0.0, high: 1.0 });
        assert_eq!(resamples.interval(&[0.0, 1.0], 0.4), Interval { mean: 0.5, low: 0.5, high: 0.5 });
    }

    #[test]
    fn intervals_narrow_with_more_values_as_theory_says() {
        let mut stream = Stream::new(1, 1);
        let mut width = |n: usize| {
            let values: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
            let interval = resamples(n).interval(&values, 0.95);
            interval.high - interval.low
        };
        // 2 x 1.96 / sqrt(n), within what 200 and 50 draws scatter.
        assert!((width(200) - 0.277).abs() < 0.06);
        assert!((width(50) - 0.554).abs() < 0.17);
    }

    #[test]
    fn disjoint_means_no_common_point() {
        let interval = |low, high| Interval { mean: low, low, high };
        assert!(interval(0.0, 1.0).disjoint(&interval(1.1, 2.0)));
        assert!(interval(3.0, 4.0).disjoint(&interval(1.0, 2.0)));
        assert!(!interval(0.0, 1.0).disjoint(&interval(1.0, 2.0)));
    }

    proptest! {
        #[test]
        fn an_interval_lies_within_the_values_and_is_the_same_every_time(
            values in proptest::collection::vec(-100.0..100.0_f64, 1..8),
        ) {
            let interval = resamples(values.len()).interval(&values, 0.95);
            prop_assert_eq!(interval, resamples(values.len()).interval(&values, 0.95));
            let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(*x), h.max(*x)));
            prop_assert!(low - 1e-9 <= interval.low && interval.high <= high + 1e-9);
            prop_assert!(interval.low <= interval.high);
        }
    }
}
