//! Centroidal Voronoi tessellations: a given number of cells of about equal volume in any number of dimensions.
//!
//! Vassiliades, Chatzilygeroudis & Mouret 2016 (arXiv 1610.05729): uniform samples of the measure space are
//! clustered by k-means, and a cell is what is nearest to its centroid.

use serde::{Deserialize, Serialize};

use crate::{
    QdError, Stream,
    kdtree::{KdTree, Near, squared_distance},
};

/// Cells of a CVT at most.
const MAX_CELLS: usize = 1 << 24;

/// Queries of up to this many dimensions are scaled without an allocation.
const ON_STACK: usize = 8;

/// Cells around centroids.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Description", into = "Description")]
pub struct Cvt {
    dims: usize,
    centroids: Vec<f64>,
    /// What a unit of each measure counts in distances: 1 / (hi - lo), or 1 for given centroids.
    scale: Vec<f64>,
    /// Over scaled centroids.
    tree: KdTree,
    spacing: f64,
}

/// The serialised form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    centroids: Vec<Vec<f64>>,
    scale: Vec<f64>,
}

/// How a CVT is made.
#[derive(Debug, Clone, PartialEq)]
pub struct CvtSettings {
    /// Number of cells. Default 1,000.
    pub cells: usize,
    /// Uniform samples to cluster, at least as many as cells. Default 25,000.
    pub samples: usize,
    /// Lowest and highest value of every measure.
    pub ranges: Vec<(f64, f64)>,
    /// Most iterations of k-means. Default 100.
    pub max_iterations: usize,
    /// k-means ends when the sum of the centroids' squared steps is at most this part of the samples' variance
    /// (scikit-learn's rule, and its default). Default 1e-4.
    pub tolerance: f64,
}

impl Default for CvtSettings {
    fn default() -> Self {
        Self { cells: 1000, samples: 25_000, ranges: Vec::new(), max_iterations: 100, tolerance: 1e-4 }
    }
}

impl CvtSettings {
    fn validate(&self) -> Result<(), QdError> {
        let bad = |what: String| Err(QdError::Tessellation(what));
        if self.cells == 0 || self.cells > MAX_CELLS || self.samples < self.cells {
            return bad(format!("a CVT of {} cells can't be made from {} samples", self.cells, self.samples));
        }
        if self.ranges.is_empty() {
            return bad("a CVT needs a range".into());
        }
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return bad(format!("a tolerance of {} never ends k-means", self.tolerance));
        }
        match self.ranges.iter().find(|(lo, hi)| !((hi - lo).is_finite() && lo < hi)) {
            Some((lo, hi)) => bad(format!("[{lo}, {hi}] is no finite range")),
            None => Ok(()),
        }
    }
}

impl Cvt {
    /// A tessellation around given centroids; distances are Euclidean in the measures' own units.
    ///
    /// # Errors
    /// No centroids, centroids of different lengths, or values that are not finite.
    pub fn from_centroids(centroids: Vec<Vec<f64>>) -> Result<Self, QdError> {
        let dims = centroids.first().map_or(0, Vec::len);
        Self::scaled(centroids, vec![1.0; dims])
    }

    fn scaled(centroids: Vec<Vec<f64>>, scale: Vec<f64>) -> Result<Self, QdError> {
        let dims = scale.len();
        if let Some(scale) = scale.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
            return Err(QdError::Tessellation(format!("a measure can't be scaled by {scale}")));
        }
        if dims == 0 || centroids.len() > MAX_CELLS {
            return Err(QdError::Tessellation(format!("{} centroids of {dims} dimensions", centroids.len())));
        }
        if centroids.iter().any(|centroid| centroid.len() != dims) {
            return Err(QdError::Tessellation("centroids must all have the same length".into()));
        }
        let flat: Vec<f64> = centroids.into_iter().flatten().collect();
        if let Some(value) = flat.iter().find(|value| !value.is_finite()) {
            return Err(QdError::Tessellation(format!("a centroid holds {value}, not a finite number")));
        }
        Ok(Self::index(flat, scale))
    }

    /// A tessellation made by k-means (Lloyd's algorithm) from uniform samples; the same for the same seed. Every
    /// measure is scaled by its range, here and in distances, so that a wide axis counts no more than a narrow one.
    ///
    /// # Errors
    /// No cells, fewer samples than cells, or a range that is not finite or empty.
    pub fn kmeans(settings: &CvtSettings, seed: u64) -> Result<Self, QdError> {
        settings.validate()?;
        let mut stream = Stream::named(seed, "cvt");
        let dims = settings.ranges.len();
        // Samples are clustered in the unit cube.
        let mut samples: Vec<f64> = (0..settings.samples * dims).map(|_| stream.unit()).collect();
        let mut centroids = samples[..settings.cells * dims].to_vec();
        sort_for_locality(&mut samples, dims);
        lloyd(&samples, &mut centroids, dims, settings);
        for centroid in centroids.chunks_exact_mut(dims) {
            for (x, (lo, hi)) in centroid.iter_mut().zip(&settings.ranges) {
                *x = (lo + (hi - lo) * *x).clamp(*lo, *hi);
            }
        }
        Ok(Self::index(centroids, settings.ranges.iter().map(|(lo, hi)| 1.0 / (hi - lo)).collect()))
    }

    fn index(centroids: Vec<f64>, scale: Vec<f64>) -> Self {
        let dims = scale.len();
        let scaled: Vec<f64> =
            centroids.iter().zip(scale.iter().cycle()).map(|(x, scale)| x * scale).collect();
        let tree = KdTree::new(&scaled, dims);
        let spacing = mean_spacing(&scaled, dims, &tree);
        Self { dims, centroids, scale, tree, spacing }
    }

    /// Number of measures.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.centroids.len() / self.dims
    }

    /// The centroid of a cell.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn centroid(&self, cell: usize) -> &[f64] {
        &self.centroids[cell * self.dims..][..self.dims]
    }

    /// The cell of finite measures: the nearest centroid, of equally near ones the first.
    #[inline]
    pub fn cell(&self, measures: &[f64]) -> usize {
        if self.dims > ON_STACK {
            let scaled: Vec<f64> = measures.iter().zip(&self.scale).map(|(x, scale)| x * scale).collect();
            return self.tree.nearest(&scaled).id as usize;
        }
        let mut scaled = [0.0; ON_STACK];
        for ((scaled, x), scale) in scaled.iter_mut().zip(measures).zip(&self.scale) {
            *scaled = x * scale;
        }
        self.tree.nearest(&scaled[..self.dims]).id as usize
    }

    /// Distance of two cells' centroids in units of the mean distance from a centroid to its nearest other one:
    /// neighbouring cells are about 1 apart, as in a grid.
    pub fn distance(&self, a: usize, b: usize) -> f64 {
        let pairs = self.centroid(a).iter().zip(self.centroid(b)).zip(&self.scale);
        let squared: f64 = pairs.map(|((a, b), scale)| ((a - b) * scale) * ((a - b) * scale)).sum();
        squared.sqrt() / self.spacing
    }
}

/// Assigns and averages until the centroids rest. A cluster that lost all its samples keeps its centroid.
fn lloyd(samples: &[f64], centroids: &mut [f64], dims: usize, settings: &CvtSettings) {
    let cells = centroids.len() / dims;
    // The variance of a uniform coordinate is 1/12.
    let rest = settings.tolerance / 12.0;
    let mut nearest = vec![u32::MAX; samples.len() / dims];
    for _ in 0..settings.max_iterations {
        let tree = KdTree::new(centroids, dims);
        let mut sums = vec![0.0; centroids.len()];
        let mut counts = vec![0_u32; cells];
        let mut moved = false;
        for (sample, nearest) in samples.chunks_exact(dims).zip(&mut nearest) {
            let found = tree.nearest_of(sample, u32::MAX, to_beat(*nearest, sample, centroids, dims)).id;
            moved |= found != *nearest;
            *nearest = found;
            counts[found as usize] += 1;
            for (sum, x) in sums[found as usize * dims..][..dims].iter_mut().zip(sample) {
                *sum += x;
            }
        }
        let step = average(centroids, &sums, &counts, dims);
        if !moved || step <= rest {
            break;
        }
    }
}

/// Last iteration's centroid is nearly always nearest still: knowing its distance spares most of the search.
fn to_beat(last: u32, sample: &[f64], centroids: &[f64], dims: usize) -> Near {
    if last == u32::MAX {
        return Near { id: u32::MAX, squared: f64::INFINITY };
    }
    Near { id: last, squared: squared_distance(&centroids[last as usize * dims..][..dims], sample) }
}

/// Moves every centroid to its samples' mean; the sum of squared steps.
fn average(centroids: &mut [f64], sums: &[f64], counts: &[u32], dims: usize) -> f64 {
    let mut step = 0.0;
    for (cell, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        for i in cell * dims..(cell + 1) * dims {
            let mean = sums[i] / f64::from(*count);
            step += (mean - centroids[i]) * (mean - centroids[i]);
            centroids[i] = mean;
        }
    }
    step
}

/// Orders samples along a coarse grid, so that neighbours in memory search the same part of the tree.
fn sort_for_locality(samples: &mut Vec<f64>, dims: usize) {
    let mut order: Vec<&[f64]> = samples.chunks_exact(dims).collect();
    order.sort_by_cached_key(|sample| {
        let row = |x: f64| (x * 64.0) as u32;
        let second = sample.get(1).map_or(0, |x| row(*x));
        // Every other row runs backwards, so that the path never jumps.
        let along = row(sample[0]);
        (second, if second % 2 == 0 { along } else { 63 - along.min(63) })
    });
    *samples = order.concat();
}

fn mean_spacing(centroids: &[f64], dims: usize, tree: &KdTree) -> f64 {
    let nothing = Near { id: u32::MAX, squared: f64::INFINITY };
    let distances = centroids
        .chunks_exact(dims)
        .enumerate()
        .map(|(cell, centroid)| tree.nearest_of(centroid, cell as u32, nothing).squared.sqrt());
    let mean = distances.sum::<f64>() / (centroids.len() / dims) as f64;
    if mean.is_finite() && mean > 0.0 { mean } else { 1.0 }
}

impl PartialEq for Cvt {
    fn eq(&self, other: &Self) -> bool {
        self.scale == other.scale && self.centroids == other.centroids
    }
}

impl TryFrom<Description> for Cvt {
    type Error = QdError;

    fn try_from(description: Description) -> Result<Self, QdError> {
        Self::scaled(description.centroids, description.scale)
    }
}

impl From<Cvt> for Description {
    fn from(cvt: Cvt) -> Self {
        let centroids = cvt.centroids.chunks_exact(cvt.dims).map(<[f64]>::to_vec).collect();
        Self { centroids, scale: cvt.scale }
    }
}
