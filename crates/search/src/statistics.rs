//! Comparing runs: the mean of a few seeds with a bootstrap interval (Efron 1979).
//!
//! Percentile bootstrap over seeds: seeds are drawn with replacement many times over, and the interval holds the
//! middle part of the means. Deterministic: what is drawn comes from a named stream. With few seeds the interval is
//! somewhat too narrow, as percentile intervals are.

use std::collections::BTreeMap;

use samara_qd::Stream;
use serde::Serialize;

/// Resamples of the bootstrap over seeds.
pub const RESAMPLES: u32 = 10_000;
/// The part of them that an interval holds.
pub const LEVEL: f64 = 0.95;

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

/// How an interval lies to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// Disjoint, and lower.
    Below,
    /// Disjoint, and higher.
    Above,
    /// They have points in common.
    Overlaps,
}

impl Against {
    /// How one interval lies to another.
    pub fn of(theirs: &Interval, ours: &Interval) -> Self {
        match (theirs.disjoint(ours), theirs.mean < ours.mean) {
            (false, _) => Self::Overlaps,
            (true, true) => Self::Below,
            (true, false) => Self::Above,
        }
    }

    /// As people read it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Below => "below, disjoint",
            Self::Above => "above, disjoint",
            Self::Overlaps => "overlaps",
        }
    }
}

/// The drawings by which runs of so many seeds are compared, from the first of these alone: the same for every number of
/// every strategy.
///
/// # Panics
/// If there is no seed.
pub fn over_seeds(first: u64, seeds: usize) -> Resamples {
    Resamples::new(seeds, RESAMPLES, &mut Stream::named(first, "bootstrap over seeds"))
}

/// The difference of two means, the second less than the first, of values that have nothing to do with each other: both
/// are drawn anew each time. Where each value has its counterpart, an interval over their differences is narrower.
///
/// # Panics
/// If either has no value.
pub fn difference(of: &[f64], and: &[f64], stream: &mut Stream) -> Interval {
    assert!(!of.is_empty() && !and.is_empty(), "a difference needs values");
    // Sums of differences from one value: equal values then differ by exactly nothing.
    let base = and[0];
    let mean = |values: &[f64], take: &mut dyn FnMut(usize) -> usize| {
        let sum: f64 = (0..values.len()).map(|i| values[take(i)] - base).sum();
        sum / values.len() as f64
    };
    let exact = mean(of, &mut |i| i) - mean(and, &mut |i| i);
    let mut drawn: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let one = mean(of, &mut |_| stream.index(of.len()));
            one - mean(and, &mut |_| stream.index(and.len()))
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    let at = |part: f64| drawn[((part * f64::from(RESAMPLES)).ceil() as usize).clamp(1, drawn.len()) - 1];
    Interval { mean: exact, low: at(tail), high: at(1.0 - tail) }
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
    fn a_difference_of_means_holds_what_it_is_and_is_told_from_nothing_where_it_is_large() {
        let stream = || Stream::named(0, "difference");
        let far = difference(&[10.0, 11.0, 12.0], &[1.0, 2.0], &mut stream());
        assert_eq!(far.mean, 9.5);
        assert!(far.low >= 8.0 && far.high <= 11.0 && far.low < far.mean && far.mean < far.high);
        let none = difference(&[0.1; 4], &[0.1; 3], &mut stream());
        assert_eq!(none, Interval { mean: 0.0, low: 0.0, high: 0.0 });
        let one = difference(&[3.0], &[1.0], &mut stream());
        assert_eq!(one, Interval { mean: 2.0, low: 2.0, high: 2.0 });
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
