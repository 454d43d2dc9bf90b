//! One measure cut into cells, evenly or at ticks.
//!
//! The cell of a value is the number of inner edges at or below it: a value on an edge goes up, and values outside
//! the range go to the first and the last cell.

use serde::{Deserialize, Serialize};

use crate::QdError;

/// A named measure and its inner edges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Cut", into = "Cut")]
pub struct Axis {
    name: String,
    edges: Vec<f64>,
    /// For even bins: lowest value, highest value, cells per unit.
    even: Option<(f64, f64, f64)>,
}

/// An axis as people write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cut {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<(f64, f64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bins: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticks: Option<Vec<f64>>,
}

/// Cells of one axis at most.
const MAX_CELLS: usize = 1 << 24;

impl Axis {
    /// `bins` even cells over `[lo, hi]`. Edge i is `lo + i * ((hi - lo) / bins)`, in that order of operations.
    ///
    /// # Errors
    /// No bins or more than 2^24, or a range that is not finite, empty, or too narrow for that many bins.
    pub fn bins(name: impl Into<String>, lo: f64, hi: f64, bins: usize) -> Result<Self, QdError> {
        if bins == 0 || bins > MAX_CELLS {
            return Err(QdError::Tessellation(format!("{bins} bins: an axis has 1 to {MAX_CELLS}")));
        }
        if !(lo.is_finite() && hi.is_finite() && lo < hi && (hi - lo).is_finite()) {
            return Err(QdError::Tessellation(format!("[{lo}, {hi}] is no finite range")));
        }
        let step = (hi - lo) / bins as f64;
        let edges: Vec<f64> = (1..bins).map(|i| i as f64 * step + lo).collect();
        increasing(&edges)?;
        Ok(Self { name: name.into(), edges, even: Some((lo, hi, bins as f64 / (hi - lo))) })
    }

    /// Cells between the given inner edges: n edges make n + 1 cells.
    ///
    /// # Errors
    /// No edges, edges that are not finite or not strictly increasing.
    pub fn ticks(name: impl Into<String>, edges: Vec<f64>) -> Result<Self, QdError> {
        if edges.is_empty() || edges.len() >= MAX_CELLS {
            return Err(QdError::Tessellation(format!(
                "{} ticks: an axis has 1 to {}",
                edges.len(),
                MAX_CELLS - 1
            )));
        }
        increasing(&edges)?;
        Ok(Self { name: name.into(), edges, even: None })
    }

    /// The measure's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.edges.len() + 1
    }

    /// The inner edges, increasing.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// Lowest and highest value of even bins; ticks have none.
    pub fn range(&self) -> Option<(f64, f64)> {
        self.even.map(|(lo, hi, _)| (lo, hi))
    }

    /// The cell of a finite value.
    #[inline]
    pub fn cell(&self, x: f64) -> usize {
        let edges = &self.edges[..];
        let Some((lo, _, scale)) = self.even else {
            return edges.partition_point(|edge| *edge <= x);
        };
        // Arithmetic guesses (the cast saturates), the edges decide.
        let mut cell = (((x - lo) * scale) as usize).min(edges.len());
        while cell > 0 && edges[cell - 1] > x {
            cell -= 1;
        }
        while cell < edges.len() && edges[cell] <= x {
            cell += 1;
        }
        cell
    }
}

fn increasing(edges: &[f64]) -> Result<(), QdError> {
    if let Some(edge) = edges.iter().find(|edge| !edge.is_finite()) {
        return Err(QdError::Tessellation(format!("the edge {edge} is not a finite number")));
    }
    match edges.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(QdError::Tessellation(format!(
            "edges must increase strictly, but {} comes before {}",
            pair[0], pair[1]
        ))),
        None => Ok(()),
    }
}

impl Cut {
    /// Cells of the axis, should it turn out to be one.
    pub(crate) fn cells(&self) -> usize {
        self.bins.unwrap_or(1).max(self.ticks.as_ref().map_or(1, |ticks| ticks.len() + 1))
    }
}

impl TryFrom<Cut> for Axis {
    type Error = QdError;

    fn try_from(cut: Cut) -> Result<Self, QdError> {
        match (cut.range, cut.bins, cut.ticks) {
            (Some((lo, hi)), Some(bins), None) => Self::bins(cut.name, lo, hi, bins),
            (None, None, Some(ticks)) => Self::ticks(cut.name, ticks),
            _ => Err(QdError::Tessellation(format!("axis `{}` needs a range with bins, or ticks", cut.name))),
        }
    }
}

impl From<Axis> for Cut {
    fn from(axis: Axis) -> Self {
        let bins = axis.even.is_some().then(|| axis.cells());
        let range = axis.range();
        let ticks = axis.even.is_none().then_some(axis.edges);
        Self { name: axis.name, range, bins, ticks }
    }
}
