//! How measure space is cut into cells: a grid, a CVT, or not at all.

use serde::{Deserialize, Serialize};

use crate::{Cvt, Grid, Places};

/// The cells of an archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tessellation {
    /// The product of axes.
    Grid(Grid),
    /// What is nearest to each centroid.
    Cvt(Cvt),
    /// No cells: a number of places, which the archive gives away (Dominated Novelty Search).
    Places(Places),
}

impl Tessellation {
    /// Number of measures.
    #[inline]
    pub fn dims(&self) -> usize {
        match self {
            Self::Grid(grid) => grid.axes().len(),
            Self::Cvt(cvt) => cvt.dims(),
            Self::Places(places) => places.units().len(),
        }
    }

    /// Number of cells, or of places.
    pub fn cells(&self) -> usize {
        match self {
            Self::Grid(grid) => grid.cells(),
            Self::Cvt(cvt) => cvt.cells(),
            Self::Places(places) => places.places(),
        }
    }

    /// The cell of finite measures, `dims()` of them; 0 where there are no cells, but places: [`crate::Archive::cell_of`]
    /// knows which one is near.
    #[inline]
    pub fn cell(&self, measures: &[f64]) -> usize {
        match self {
            Self::Grid(grid) => grid.cell(measures),
            Self::Cvt(cvt) => cvt.cell(measures),
            Self::Places(_) => 0,
        }
    }

    /// Distance of two cells, in steps of cells (for a CVT, see [`Cvt::distance`]); infinite between places, which lie
    /// wherever their elites do.
    pub fn distance(&self, a: usize, b: usize) -> f64 {
        match self {
            Self::Grid(grid) => grid.distance(a, b),
            Self::Cvt(cvt) => cvt.distance(a, b),
            Self::Places(_) if a == b => 0.0,
            Self::Places(_) => f64::INFINITY,
        }
    }
}
