//! Centroids of a CVT by Lloyd's algorithm ("Least squares quantization in PCM", 1982). Knows nothing of cells or
//! archives; `cvt.rs` makes a tessellation of the result.

use crate::error::QdError;
use crate::grid::MAX_CELLS;
use crate::nearest::{Hit, Tree, square_distance};
use crate::rng::Stream;

/// The most coordinates of samples held at once (2 GiB).
const MAX_COORDINATES: usize = 1 << 28;

/// Settings for [`Cvt::kmeans`](crate::Cvt::kmeans).
#[derive(Clone, Debug, PartialEq)]
pub struct CvtSettings {
    /// Number of centroids: 1 to [`MAX_CELLS`].
    pub cells: usize,
    /// Points drawn uniformly from the box, at least `cells`; 10 or more per cell make cells of even size.
    pub samples: usize,
    /// The box, `(lo, hi)` per measure, finite, `lo < hi`.
    pub ranges: Vec<(f64, f64)>,
    /// Upper bound on the rounds of moving centroids; at least 1.
    pub max_iterations: usize,
    /// Stop when the squared moves of a round sum to at most this times the samples' mean variance per dimension
    /// (scikit-learn's rule); 0 stops only at a fixed point. Not negative.
    pub tolerance: f64,
}

impl CvtSettings {
    /// `cells` cells over `ranges`, with 10 samples per cell but at least 10,000, at most 300 rounds, and a
    /// tolerance of 1e-4.
    pub fn new(cells: usize, ranges: Vec<(f64, f64)>) -> Self {
        let samples = cells.saturating_mul(10).max(10_000);
        CvtSettings { cells, samples, ranges, max_iterations: 300, tolerance: 1e-4 }
    }

    pub(crate) fn check(&self) -> Result<(), QdError> {
        let fail = |problem: String| Err(QdError::Cvt { problem });
        if self.cells == 0 || self.cells > MAX_CELLS {
            return fail(format!("{} cells\nhint: at least 1 and at most {MAX_CELLS}", self.cells));
        }
        if self.samples < self.cells {
            let (samples, cells) = (self.samples, self.cells);
            return fail(format!("{samples} samples for {cells} cells\nhint: take 10 per cell"));
        }
        if self.ranges.is_empty() {
            return fail("no ranges\nhint: give one per measure".to_owned());
        }
        if self.samples.checked_mul(self.ranges.len()).is_none_or(|n| n > MAX_COORDINATES) {
            return fail(format!("more than {MAX_COORDINATES} coordinates of samples"));
        }
        for &(lo, hi) in &self.ranges {
            if !(lo.is_finite() && hi.is_finite() && (hi - lo).is_finite() && lo < hi) {
                return fail(format!("range [{lo}, {hi}] is empty or not finite"));
            }
        }
        if self.max_iterations == 0 {
            return fail("max_iterations is 0".to_owned());
        }
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return fail(format!("tolerance {} is negative or not finite", self.tolerance));
        }
        Ok(())
    }
}

/// The centroids of checked settings, cell by cell.
pub(crate) fn centroids(settings: &CvtSettings, seed: u64) -> Vec<f64> {
    let mut lloyd = Lloyd::new(settings, seed);
    let enough = settings.tolerance * mean_variance(&lloyd.samples, lloyd.dims);
    for _ in 0..settings.max_iterations {
        lloyd.assign();
        if lloyd.step(&settings.ranges) <= enough {
            break;
        }
    }
    lloyd.centroids
}

/// The algorithm's state. `assigned` holds each sample's centroid and its squared distance to it.
struct Lloyd {
    dims: usize,
    samples: Vec<f64>,
    centroids: Vec<f64>,
    assigned: Vec<Hit>,
}

impl Lloyd {
    /// Draws the samples; the first of them, being as random as any, are the first centroids.
    fn new(settings: &CvtSettings, seed: u64) -> Lloyd {
        let mut stream = Stream::named(seed, "cvt");
        let dims = settings.ranges.len();
        let mut samples = Vec::with_capacity(settings.samples * dims);
        for _ in 0..settings.samples {
            samples.extend(settings.ranges.iter().map(|&(lo, hi)| stream.uniform(lo, hi)));
        }
        let centroids = samples[..settings.cells * dims].to_vec();
        let assigned = vec![Hit { index: 0, square: 0.0 }; settings.samples];
        Lloyd { dims, samples, centroids, assigned }
    }

    /// Assigns each sample to its nearest centroid, searching from the one that it had.
    fn assign(&mut self) {
        let tree = Tree::new(&self.centroids, self.dims);
        for (x, hit) in self.samples.chunks_exact(self.dims).zip(&mut self.assigned) {
            let known = &self.centroids[hit.index as usize * self.dims..][..self.dims];
            *hit = tree.nearest_from(x, Hit { index: hit.index, square: square_distance(x, known) });
        }
    }

    /// Moves each centroid to the mean of its samples; returns the sum of the squared moves.
    fn step(&mut self, ranges: &[(f64, f64)]) -> f64 {
        let cells = self.centroids.len() / self.dims;
        let mut counts = vec![0_usize; cells];
        self.assigned.iter().for_each(|hit| counts[hit.index as usize] += 1);
        self.fill_empty(&mut counts);
        let mut means = vec![0.0; self.centroids.len()];
        for (x, hit) in self.samples.chunks_exact(self.dims).zip(&self.assigned) {
            let sum = &mut means[hit.index as usize * self.dims..][..self.dims];
            sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
        }
        for (mean, &count) in means.chunks_exact_mut(self.dims).zip(&counts) {
            for (m, &(lo, hi)) in mean.iter_mut().zip(ranges) {
                // Rounding can carry a mean of points at the border across it.
                *m = (*m / count as f64).clamp(lo, hi);
            }
        }
        let moved = square_distance(&means, &self.centroids);
        self.centroids = means;
        moved
    }

    /// Gives each empty cell the sample farthest from its own centroid, out of a cell that keeps another one.
    fn fill_empty(&mut self, counts: &mut [usize]) {
        let empty: Vec<usize> = (0..counts.len()).filter(|&cell| counts[cell] == 0).collect();
        if empty.is_empty() {
            return;
        }
        let mut farthest: Vec<usize> = (0..self.assigned.len()).collect();
        let square = |i: usize| self.assigned[i].square;
        farthest.sort_unstable_by(|&a, &b| square(b).total_cmp(&square(a)).then(a.cmp(&b)));
        let mut farthest = farthest.into_iter();
        for cell in empty {
            let donor = |i: &usize| counts[self.assigned[*i].index as usize] > 1;
            let sample = farthest.find(donor).expect("there are at least as many samples as cells");
            counts[self.assigned[sample].index as usize] -= 1;
            counts[cell] = 1;
            self.assigned[sample] = Hit { index: cell as u32, square: 0.0 };
        }
    }
}

/// The variance of each coordinate, averaged over the dimensions.
fn mean_variance(samples: &[f64], dims: usize) -> f64 {
    let count = (samples.len() / dims) as f64;
    let column = |d: usize| samples.iter().skip(d).step_by(dims);
    let variance = |d: usize| {
        let mean = column(d).sum::<f64>() / count;
        column(d).map(|x| (x - mean) * (x - mean)).sum::<f64>() / count
    };
    (0..dims).map(variance).sum::<f64>() / dims as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cell_takes_the_farthest_sample_of_a_cell_that_keeps_one() {
        let samples = vec![0.0, 0.1, 0.9, 0.2];
        let at = |index, square| Hit { index, square };
        // Sample 2 is the farthest, but the last of its cell.
        let assigned = vec![at(0, 0.01), at(0, 0.02), at(2, 0.5), at(0, 0.04)];
        let mut lloyd = Lloyd { dims: 1, samples, centroids: vec![0.1, 5.0, 0.2], assigned };
        lloyd.step(&[(0.0, 1.0)]);
        assert_eq!(lloyd.centroids, [0.05, 0.2, 0.9]);
        assert_eq!(lloyd.assigned[3].index, 1);
    }

    #[test]
    fn as_many_cells_as_samples_make_every_sample_a_centroid() {
        let settings = CvtSettings { samples: 50, ..CvtSettings::new(50, vec![(0.0, 1.0), (5.0, 6.0)]) };
        assert_eq!(centroids(&settings, 3), Lloyd::new(&settings, 3).samples);
    }
}
