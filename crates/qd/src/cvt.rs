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

/// Samples of k-means times dimensions at most.
const MAX_VALUES: usize = 1 << 28;

/// Scaled coordinates of a centroid at most: the square of a distance between two is still a number.
const FURTHEST: f64 = 1e150;

/// The part of samples around given points that is uniform nevertheless, and how far the others lie from their points.
const UNIFORM: f64 = 0.2;
const AROUND: f64 = 0.02;

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
    /// Lowest and highest value of every measure; given centroids have none.
    ranges: Option<Vec<(f64, f64)>>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ranges: Option<Vec<(f64, f64)>>,
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
        if self.samples.checked_mul(self.ranges.len()).is_none_or(|values| values > MAX_VALUES) {
            return bad(format!("{} samples of {} measures don't fit", self.samples, self.ranges.len()));
        }
        scales(&self.ranges).map(|_| ())
    }
}

/// What a unit of each measure counts, that of its range being 1.
fn scales(ranges: &[(f64, f64)]) -> Result<Vec<f64>, QdError> {
    let scale = |(lo, hi): &(f64, f64)| {
        let scale = 1.0 / (hi - lo);
        // The range may be too wide or too narrow for a number to say how much.
        if lo < hi && (hi - lo).is_finite() && scale.is_finite() {
            return Ok(scale);
        }
        Err(QdError::Tessellation(format!("[{lo}, {hi}] is no finite range")))
    };
    ranges.iter().map(scale).collect()
}

impl Cvt {
    /// A tessellation around given centroids; distances are Euclidean in the measures' own units.
    ///
    /// # Errors
    /// No centroids or more than 2^24, centroids of different lengths or of none, values that are not finite, or two
    /// centroids at one place (or too near to each other to tell their distances apart).
    pub fn from_centroids(centroids: Vec<Vec<f64>>) -> Result<Self, QdError> {
        let dims = centroids.first().map_or(0, Vec::len);
        Self::new(flat(centroids, dims)?, vec![1.0; dims], None)
    }

    /// A tessellation made by k-means (Lloyd's algorithm) from uniform samples; the same for the same seed. Every
    /// measure is scaled by its range, here and in distances, so that a wide axis counts no more than a narrow one.
    ///
    /// # Errors
    /// No cells, fewer samples than cells, more samples than fit, a range that is not finite or empty, or one too
    /// narrow to hold that many different centroids.
    pub fn kmeans(settings: &CvtSettings, seed: u64) -> Result<Self, QdError> {
        settings.validate()?;
        let mut stream = Stream::named(seed, "cvt");
        let samples = (0..settings.samples * settings.ranges.len()).map(|_| stream.unit()).collect();
        Self::clustered(samples, settings)
    }

    /// The same from samples that are nearly all near given points: where measures are known to lie, cells are small
    /// and many. One sample in five is uniform, so that no part of the space is without a cell, and each of the others
    /// lies around a point, within a 50th of the ranges, since points of whole numbers may be few.
    ///
    /// # Errors
    /// As [`Cvt::kmeans`]; no points, or one without the measures' number of finite values.
    pub fn kmeans_around(points: &[Vec<f64>], settings: &CvtSettings, seed: u64) -> Result<Self, QdError> {
        settings.validate()?;
        let dims = settings.ranges.len();
        let fits = |point: &Vec<f64>| point.len() == dims && point.iter().all(|x| x.is_finite());
        if points.is_empty() || !points.iter().all(fits) {
            let what = format!("{} points that are not all {dims} finite measures", points.len());
            return Err(QdError::Tessellation(what));
        }
        let mut stream = Stream::named(seed, "cvt");
        let mut samples = Vec::with_capacity(settings.samples * dims);
        for _ in 0..settings.samples {
            let point = (stream.unit() >= UNIFORM).then(|| &points[stream.index(points.len())]);
            for (at, (lo, hi)) in settings.ranges.iter().enumerate() {
                samples.push(match point {
                    None => stream.unit(),
                    Some(point) => {
                        let unit = (point[at] - lo) / (hi - lo) + stream.uniform(-AROUND, AROUND);
                        unit.clamp(0.0, 1.0)
                    }
                });
            }
        }
        Self::clustered(samples, settings)
    }

    /// Clusters samples of the unit cube, the first of which are the centroids to begin with.
    fn clustered(mut samples: Vec<f64>, settings: &CvtSettings) -> Result<Self, QdError> {
        let dims = settings.ranges.len();
        let mut centroids = samples[..settings.cells * dims].to_vec();
        sort_for_locality(&mut samples, dims);
        lloyd(&samples, &mut centroids, dims, settings);
        for centroid in centroids.chunks_exact_mut(dims) {
            for (x, (lo, hi)) in centroid.iter_mut().zip(&settings.ranges) {
                *x = (lo + (hi - lo) * *x).clamp(*lo, *hi);
            }
        }
        Self::new(centroids, scales(&settings.ranges)?, Some(settings.ranges.clone()))
    }

    /// Checks what makes a tessellation, whether it was made here or read, and indexes it.
    fn new(centroids: Vec<f64>, scale: Vec<f64>, ranges: Option<Vec<(f64, f64)>>) -> Result<Self, QdError> {
        let bad = |what: String| Err(QdError::Tessellation(what));
        let dims = scale.len();
        if let Some(scale) = scale.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
            return bad(format!("a measure can't be scaled by {scale}"));
        }
        if let Some(value) = centroids.iter().find(|value| !value.is_finite()) {
            return bad(format!("a centroid holds {value}, not a finite number"));
        }
        if let Some(ranges) = &ranges {
            check_ranges(&centroids, &scale, ranges)?;
        }
        let scaled: Vec<f64> =
            centroids.iter().zip(scale.iter().cycle()).map(|(x, scale)| x * scale).collect();
        if let Some(at) = scaled.iter().position(|value| value.abs() > FURTHEST) {
            return bad(format!("a centroid at {} is too far away for distances to it", centroids[at]));
        }
        let tree = KdTree::new(&scaled, dims);
        let spacing = mean_spacing(&scaled, dims, &tree)?;
        Ok(Self { dims, centroids, scale, ranges, tree, spacing })
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

    /// For one dimension, the interval `(cell, lo, hi)` of every cell, from low to high: from midpoint to midpoint of
    /// neighbouring centroids, the outer ones to the ends of the measure's range, or to infinity if centroids were
    /// given without one. What lies inside belongs to the cell; what lies on a bound, or nearer to it than numbers
    /// of that size can tell, to either of the two that meet there. `None` of more dimensions.
    pub fn intervals(&self) -> Option<Vec<(usize, f64, f64)>> {
        if self.dims != 1 {
            return None;
        }
        let mut order: Vec<usize> = (0..self.cells()).collect();
        order.sort_by(|a, b| self.centroids[*a].total_cmp(&self.centroids[*b]));
        let (lowest, highest) =
            self.ranges.as_ref().map_or((f64::NEG_INFINITY, f64::INFINITY), |ranges| ranges[0]);
        let mut bounds = vec![lowest];
        bounds.extend(
            order.windows(2).map(|pair| f64::midpoint(self.centroids[pair[0]], self.centroids[pair[1]])),
        );
        bounds.push(highest);
        Some(order.iter().zip(bounds.windows(2)).map(|(cell, ends)| (*cell, ends[0], ends[1])).collect())
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

/// The mean distance from a centroid to its nearest other one; 1 for a single centroid. No two may be at one place.
fn mean_spacing(centroids: &[f64], dims: usize, tree: &KdTree) -> Result<f64, QdError> {
    let nothing = Near { id: u32::MAX, squared: f64::INFINITY };
    let mut sum = 0.0;
    for (cell, centroid) in centroids.chunks_exact(dims).enumerate() {
        let nearest = tree.nearest_of(centroid, cell as u32, nothing);
        if nearest.squared == 0.0 {
            return Err(QdError::Tessellation(format!(
                "centroids {cell} and {} are at one place",
                nearest.id
            )));
        }
        sum += nearest.squared.sqrt();
    }
    let mean = sum / (centroids.len() / dims) as f64;
    Ok(if mean.is_finite() { mean } else { 1.0 })
}

/// Centroids one after the other.
fn flat(centroids: Vec<Vec<f64>>, dims: usize) -> Result<Vec<f64>, QdError> {
    if dims == 0 || centroids.is_empty() || centroids.len() > MAX_CELLS {
        return Err(QdError::Tessellation(format!("{} centroids of {dims} dimensions", centroids.len())));
    }
    if centroids.iter().any(|centroid| centroid.len() != dims) {
        return Err(QdError::Tessellation("centroids must all have the same length".into()));
    }
    Ok(centroids.into_iter().flatten().collect())
}

/// Ranges are those from which the scale was made, and no centroid lies outside them.
fn check_ranges(centroids: &[f64], scale: &[f64], ranges: &[(f64, f64)]) -> Result<(), QdError> {
    if scales(ranges)? != scale {
        return Err(QdError::Tessellation("a CVT's scale is not that of its ranges".into()));
    }
    match centroids.iter().zip(ranges.iter().cycle()).find(|(x, (lo, hi))| *x < lo || *x > hi) {
        Some((x, (lo, hi))) => {
            Err(QdError::Tessellation(format!("a centroid at {x} is outside its range [{lo}, {hi}]")))
        }
        None => Ok(()),
    }
}

impl PartialEq for Cvt {
    fn eq(&self, other: &Self) -> bool {
        self.scale == other.scale && self.ranges == other.ranges && self.centroids == other.centroids
    }
}

impl TryFrom<Description> for Cvt {
    type Error = QdError;

    fn try_from(description: Description) -> Result<Self, QdError> {
        let centroids = flat(description.centroids, description.scale.len())?;
        Self::new(centroids, description.scale, description.ranges)
    }
}

impl From<Cvt> for Description {
    fn from(cvt: Cvt) -> Self {
        let centroids = cvt.centroids.chunks_exact(cvt.dims).map(<[f64]>::to_vec).collect();
        Self { centroids, scale: cvt.scale, ranges: cvt.ranges }
    }
}
