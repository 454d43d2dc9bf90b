//! A centroidal Voronoi tessellation: each cell is the region nearest to its centroid. Knows nothing of archives;
//! `kmeans.rs` makes centroids, `nearest.rs` finds the nearest.

use serde::{Deserialize, Serialize};

use crate::error::QdError;
use crate::grid::MAX_CELLS;
use crate::kmeans::{self, CvtSettings};
use crate::nearest::{Tree, square_distance};

/// Cells around centroids. A point belongs to the centroid at the least squared Euclidean distance, as computed
/// in f64; on a tie to the lowest-numbered. Measures enter as they are: axes of very different ranges should be
/// scaled first, or the wide ones decide alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<f64>>", into = "Vec<Vec<f64>>")]
pub struct Cvt {
    dims: usize,
    /// Cell by cell, `dims` coordinates each.
    centroids: Vec<f64>,
    tree: Tree,
    spacing: f64,
}

impl Cvt {
    /// Cells around given centroids, in their order, all with the same number of coordinates. Duplicates are
    /// allowed; the later ones stay empty.
    ///
    /// # Errors
    /// No centroid, more than [`MAX_CELLS`], no coordinates, different numbers of them, or one that is not finite.
    pub fn from_centroids(centroids: Vec<Vec<f64>>) -> Result<Cvt, QdError> {
        let fail = |problem: String| Err(QdError::Cvt { problem });
        if centroids.is_empty() || centroids.len() > MAX_CELLS {
            return fail(format!("{} centroids\nhint: at least 1 and at most {MAX_CELLS}", centroids.len()));
        }
        let dims = centroids[0].len();
        if dims == 0 {
            return fail("centroid 0 has no coordinates".to_owned());
        }
        for (i, centroid) in centroids.iter().enumerate() {
            if centroid.len() != dims {
                return fail(format!(
                    "centroid {i} has {} coordinates, the first has {dims}",
                    centroid.len()
                ));
            }
            if let Some(x) = centroid.iter().find(|x| !x.is_finite()) {
                return fail(format!("a coordinate of centroid {i} is {x}, not a finite number"));
            }
        }
        Ok(Cvt::from_flat(centroids.concat(), dims))
    }

    /// Cells of about equal volume over a box: Lloyd's k-means on points drawn uniformly in it (Vassiliades et
    /// al., 2018, section III). A function of the settings and the seed alone.
    ///
    /// # Errors
    /// See [`CvtSettings`] for the ranges.
    pub fn kmeans(settings: &CvtSettings, seed: u64) -> Result<Cvt, QdError> {
        settings.check()?;
        Ok(Cvt::from_flat(kmeans::centroids(settings, seed), settings.ranges.len()))
    }

    fn from_flat(centroids: Vec<f64>, dims: usize) -> Cvt {
        let tree = Tree::new(&centroids, dims);
        let spacing = spacing(&centroids, dims, &tree);
        Cvt { dims, centroids, tree, spacing }
    }

    /// Number of measures.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.centroids.len() / self.dims
    }

    /// The centroids in cell order, [`Cvt::dims`] coordinates each.
    pub fn centroids(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.centroids.chunks_exact(self.dims)
    }

    /// The mean spacing: the mean over the centroids of the distance to their nearest other centroid, so that on
    /// a square lattice neighbours are 1 spacing apart. 1 for a single cell, or when all centroids coincide.
    pub fn spacing(&self) -> f64 {
        self.spacing
    }

    /// The cell of `measures`, which must be finite. Beyond about 1e154 from all centroids squares overflow, all
    /// cells tie, and the result is cell 0.
    ///
    /// # Panics
    /// When the number of measures is not [`Cvt::dims`].
    #[inline]
    pub fn nearest(&self, measures: &[f64]) -> usize {
        assert_eq!(measures.len(), self.dims, "one measure per dimension");
        self.tree.nearest(measures).index as usize
    }

    /// Distance of two centroids in mean spacings.
    pub(crate) fn distance(&self, a: usize, b: usize) -> f64 {
        let at = |cell: usize| &self.centroids[cell * self.dims..][..self.dims];
        square_distance(at(a), at(b)).sqrt() / self.spacing
    }
}

fn spacing(centroids: &[f64], dims: usize, tree: &Tree) -> f64 {
    let count = centroids.len() / dims;
    if count < 2 {
        return 1.0;
    }
    let points = centroids.chunks_exact(dims).enumerate();
    let total: f64 = points.map(|(i, x)| tree.nearest_other(x, i as u32).square.sqrt()).sum();
    let mean = total / count as f64;
    if mean > 0.0 && mean.is_finite() { mean } else { 1.0 }
}

impl From<Cvt> for Vec<Vec<f64>> {
    fn from(cvt: Cvt) -> Self {
        cvt.centroids().map(<[f64]>::to_vec).collect()
    }
}

impl TryFrom<Vec<Vec<f64>>> for Cvt {
    type Error = QdError;

    fn try_from(centroids: Vec<Vec<f64>>) -> Result<Self, QdError> {
        Cvt::from_centroids(centroids)
    }
}
