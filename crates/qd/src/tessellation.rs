//! How the space of measures is divided into cells: a closed choice. Knows nothing of what the cells hold.

use serde::{Deserialize, Serialize};

use crate::cvt::Cvt;
use crate::grid::Grid;

/// A division of the space of measures into cells, numbered from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tessellation {
    /// The product of axes (Mouret and Clune, "Illuminating search spaces by mapping elites", 2015).
    Grid(Grid),
    /// The nearest of a set of centroids (Vassiliades et al., "Using centroidal Voronoi tessellations to scale
    /// up MAP-Elites", 2018).
    Cvt(Cvt),
}

impl Tessellation {
    /// Number of measures, at least 1.
    pub fn dims(&self) -> usize {
        match self {
            Tessellation::Grid(grid) => grid.axes().len(),
            Tessellation::Cvt(cvt) => cvt.dims(),
        }
    }

    /// Number of cells, at least 1.
    pub fn cells(&self) -> usize {
        match self {
            Tessellation::Grid(grid) => grid.cells(),
            Tessellation::Cvt(cvt) => cvt.cells(),
        }
    }

    /// The cell of finite `measures`.
    ///
    /// # Panics
    /// When their number is not [`Tessellation::dims`].
    #[inline]
    pub fn cell(&self, measures: &[f64]) -> usize {
        match self {
            Tessellation::Grid(grid) => grid.cell(measures),
            Tessellation::Cvt(cvt) => cvt.nearest(measures),
        }
    }

    /// Distance between two cells, in units of a cell: on a grid the Euclidean distance of the index vectors; of
    /// a CVT the Euclidean distance of the centroids over [`Cvt::spacing`].
    ///
    /// # Panics
    /// When there is no such cell.
    pub fn distance(&self, a: usize, b: usize) -> f64 {
        assert!(a < self.cells() && b < self.cells(), "cells {a} and {b} of {}", self.cells());
        match self {
            Tessellation::Grid(grid) => grid.distance(a, b),
            Tessellation::Cvt(cvt) => cvt.distance(a, b),
        }
    }
}
