//! One measure cut into cells, evenly or at ticks, or a cell for each of some categories.
//!
//! The cell of a value is the number of inner edges at or below it: a value on an edge goes up, and values outside
//! the range go to the first and the last cell. The measure of a category is its index, 0 for the first, so that its
//! edges lie half way between two indices.

use std::collections::BTreeSet;

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
    /// The names of the cells; empty unless the cells are categories.
    categories: Vec<String>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    categories: Option<Vec<String>>,
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
        Ok(Self {
            name: name.into(),
            edges,
            even: Some((lo, hi, bins as f64 / (hi - lo))),
            categories: Vec::new(),
        })
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
        Ok(Self { name: name.into(), edges, even: None, categories: Vec::new() })
    }

    /// A cell for each category, in this order. A measure is the index of its category.
    ///
    /// # Errors
    /// No categories or more than 2^24, one without a name, or two of one name.
    pub fn categories(name: impl Into<String>, categories: Vec<String>) -> Result<Self, QdError> {
        let count = categories.len();
        if count == 0 || count > MAX_CELLS {
            return Err(QdError::Tessellation(format!("{count} categories: an axis has 1 to {MAX_CELLS}")));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = categories.iter().find(|category| !names.insert(category.as_str())) {
            return Err(QdError::Tessellation(format!("two categories are called `{twice}`")));
        }
        if names.contains("") {
            return Err(QdError::Tessellation("a category has no name".into()));
        }
        let edges = (1..count).map(|i| i as f64 - 0.5).collect();
        Ok(Self { name: name.into(), edges, even: None, categories })
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

    /// The names of the cells, if they are categories.
    pub fn category_names(&self) -> Option<&[String]> {
        (!self.categories.is_empty()).then_some(&*self.categories)
    }

    /// How far two cells are apart: steps from one to the other. Categories have no order: two of them are one step apart.
    #[inline]
    pub fn steps(&self, a: usize, b: usize) -> usize {
        if self.categories.is_empty() { a.abs_diff(b) } else { usize::from(a != b) }
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
        let ticks = self.ticks.as_ref().map_or(1, |ticks| ticks.len() + 1);
        self.bins.unwrap_or(1).max(ticks).max(self.categories.as_ref().map_or(1, Vec::len))
    }
}

impl TryFrom<Cut> for Axis {
    type Error = QdError;

    fn try_from(cut: Cut) -> Result<Self, QdError> {
        match (cut.range, cut.bins, cut.ticks, cut.categories) {
            (Some((lo, hi)), Some(bins), None, None) => Self::bins(cut.name, lo, hi, bins),
            (None, None, Some(ticks), None) => Self::ticks(cut.name, ticks),
            (None, None, None, Some(categories)) => Self::categories(cut.name, categories),
            _ => {
                let what = format!("axis `{}` needs a range with bins, ticks, or categories", cut.name);
                Err(QdError::Tessellation(what))
            }
        }
    }
}

impl From<Axis> for Cut {
    fn from(axis: Axis) -> Self {
        let bins = axis.even.is_some().then(|| axis.cells());
        let range = axis.range();
        let named = !axis.categories.is_empty();
        let ticks = (axis.even.is_none() && !named).then_some(axis.edges);
        Self { name: axis.name, range, bins, ticks, categories: named.then_some(axis.categories) }
    }
}
