//! One measure cut into cells. A cell's number is the number of inner edges at or below the value, so a value on
//! an edge goes up, and values below or above the range fall into the first or last cell. Knows nothing of
//! archives; `grid.rs` joins axes.

use serde::{Deserialize, Serialize};

use crate::error::QdError;
use crate::grid::MAX_CELLS;

/// A named measure and its inner edges, either uniform bins over a range or custom ticks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredAxis", into = "StoredAxis")]
pub struct Axis {
    name: String,
    cut: Cut,
    /// Strictly increasing; one less than the cells.
    edges: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    /// `scale` is bins per unit of the measure.
    Bins {
        lo: f64,
        hi: f64,
        scale: f64,
    },
    Ticks,
}

/// The stored form: `{name, range: [lo, hi], bins}` or `{name, ticks}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAxis {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<(f64, f64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bins: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticks: Option<Vec<f64>>,
}

impl Axis {
    /// `bins` cells of equal width over `[lo, hi]`. The inner edges are `lo + i * ((hi - lo) / bins)`, in that
    /// order of operations, as numpy's `linspace` gives them: with 10 bins over `[0, 1]` the value 0.3 lies in
    /// cell 2, since the third edge is 0.30000000000000004.
    ///
    /// # Errors
    /// `bins` is 0 or above [`MAX_CELLS`]; a bound is not finite; `lo >= hi`; or the range is so narrow for so
    /// many bins that edges coincide.
    pub fn bins(name: impl Into<String>, lo: f64, hi: f64, bins: usize) -> Result<Axis, QdError> {
        let name = name.into();
        let fail = |problem: String| Err(QdError::Axis { name: name.clone(), problem });
        if bins == 0 || bins > MAX_CELLS {
            return fail(format!("{bins} bins\nhint: at least 1 and at most {MAX_CELLS}"));
        }
        if !(lo.is_finite() && hi.is_finite() && (hi - lo).is_finite()) {
            return fail(format!("range [{lo}, {hi}] is not finite"));
        }
        if lo >= hi {
            return fail(format!("range [{lo}, {hi}] is empty\nhint: give the lower bound first"));
        }
        let step = (hi - lo) / bins as f64;
        let edges: Vec<f64> = (1..bins).map(|i| lo + i as f64 * step).collect();
        let bounds = [lo].into_iter().chain(edges.iter().copied()).chain([hi]);
        if !bounds.clone().zip(bounds.skip(1)).all(|(a, b)| a < b) {
            return fail(format!("range [{lo}, {hi}] is too narrow for {bins} bins"));
        }
        Ok(Axis { name, cut: Cut::Bins { lo, hi, scale: bins as f64 / (hi - lo) }, edges })
    }

    /// Cells cut at `edges`, the inner edges: n edges make n + 1 cells, the first and last of them unbounded.
    ///
    /// # Errors
    /// There is no edge, there are [`MAX_CELLS`] or more, one is not finite, or they don't strictly increase.
    pub fn ticks(name: impl Into<String>, edges: Vec<f64>) -> Result<Axis, QdError> {
        let name = name.into();
        let fail = |problem: String| Err(QdError::Axis { name: name.clone(), problem });
        if edges.is_empty() || edges.len() >= MAX_CELLS {
            return fail(format!("{} ticks\nhint: at least 1 and fewer than {MAX_CELLS}", edges.len()));
        }
        if let Some(x) = edges.iter().find(|x| !x.is_finite()) {
            return fail(format!("tick {x} is not a finite number"));
        }
        if let Some(w) = edges.windows(2).find(|w| w[0] >= w[1]) {
            return fail(format!("tick {} does not lie above the tick {} before it", w[1], w[0]));
        }
        Ok(Axis { name, cut: Cut::Ticks, edges })
    }

    /// The measure's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of cells, at least 1.
    pub fn cells(&self) -> usize {
        self.edges.len() + 1
    }

    /// The inner edges, strictly increasing, one less than the cells.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// The range `(lo, hi)` of uniform bins; `None` for ticks, which have no outer bounds.
    pub fn range(&self) -> Option<(f64, f64)> {
        match self.cut {
            Cut::Bins { lo, hi, .. } => Some((lo, hi)),
            Cut::Ticks => None,
        }
    }

    /// The cell of `x`: the number of inner edges at or below it, from 0 to `cells() - 1`. Archives refuse NaN;
    /// here it gives 0, being above no edge.
    #[inline]
    pub fn cell(&self, x: f64) -> usize {
        match self.cut {
            Cut::Bins { lo, scale, .. } => self.cell_near(x, ((x - lo) * scale) as usize),
            Cut::Ticks => self.edges.partition_point(|&edge| edge <= x),
        }
    }

    /// Corrects a guess, which rounding puts one cell off at most times, by comparing with the edges themselves.
    #[inline]
    fn cell_near(&self, x: f64, guess: usize) -> usize {
        let edges = self.edges.as_slice();
        let mut cell = guess.min(edges.len());
        while cell < edges.len() && edges[cell] <= x {
            cell += 1;
        }
        while cell > 0 && edges[cell - 1] > x {
            cell -= 1;
        }
        cell
    }
}

impl From<Axis> for StoredAxis {
    fn from(axis: Axis) -> Self {
        let bins = axis.cells();
        match axis.cut {
            Cut::Bins { lo, hi, .. } => {
                StoredAxis { name: axis.name, range: Some((lo, hi)), bins: Some(bins), ticks: None }
            }
            Cut::Ticks => StoredAxis { name: axis.name, range: None, bins: None, ticks: Some(axis.edges) },
        }
    }
}

impl TryFrom<StoredAxis> for Axis {
    type Error = QdError;

    fn try_from(stored: StoredAxis) -> Result<Self, QdError> {
        match (stored.range, stored.bins, stored.ticks) {
            (Some((lo, hi)), Some(bins), None) => Axis::bins(stored.name, lo, hi, bins),
            (None, None, Some(ticks)) => Axis::ticks(stored.name, ticks),
            _ => Err(QdError::Axis {
                name: stored.name,
                problem: "needs either range and bins, or ticks".to_owned(),
            }),
        }
    }
}
