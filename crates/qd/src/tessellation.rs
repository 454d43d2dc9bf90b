//! How measure space is cut into cells: a grid or a CVT.

use serde::{Deserialize, Serialize};

use crate::{Cvt, Grid};

/// The cells of an archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tessellation {
    /// The product of axes.
    Grid(Grid),
    /// What is nearest to each centroid.
    Cvt(Cvt),
}

impl Tessellation {
    /// Number of measures.
    #[inline]
    pub fn dims(&self) -> usize {
        match self {
            Self::Grid(grid) => grid.axes().len(),
            Self::Cvt(cvt) => cvt.dims(),
        }
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        match self {
            Self::Grid(grid) => grid.cells(),
            Self::Cvt(cvt) => cvt.cells(),
        }
    }

    /// The cell of finite measures, `dims()` of them.
    #[inline]
    pub fn cell(&self, measures: &[f64]) -> usize {
        match self {
            Self::Grid(grid) => grid.cell(measures),
            Self::Cvt(cvt) => cvt.cell(measures),
        }
    }

    /// Distance of two cells, in steps of cells (for a CVT, see [`Cvt::distance`]).
    pub fn distance(&self, a: usize, b: usize) -> f64 {
        match self {
            Self::Grid(grid) => grid.distance(a, b),
            Self::Cvt(cvt) => cvt.distance(a, b),
        }
    }
}
