//! A grid: the product of its axes, cells numbered row-major (the last axis runs fastest).

use serde::{Deserialize, Serialize};

use crate::{Axis, QdError};

/// Cells of a grid at most: an archive allocates all of them.
const MAX_CELLS: usize = 1 << 24;

/// A grid of cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Axis>", into = "Vec<Axis>")]
pub struct Grid {
    axes: Vec<Axis>,
    cells: usize,
}

impl Grid {
    /// The product of `axes`.
    ///
    /// # Errors
    /// No axes, two axes of one name, or more than 2^24 cells.
    pub fn new(axes: Vec<Axis>) -> Result<Self, QdError> {
        if axes.is_empty() {
            return Err(QdError::Tessellation("a grid needs an axis".into()));
        }
        if let Some(axis) =
            axes.iter().enumerate().find(|(i, axis)| axes[..*i].iter().any(|a| a.name() == axis.name()))
        {
            return Err(QdError::Tessellation(format!("two axes are called `{}`", axis.1.name())));
        }
        let cells = axes.iter().try_fold(1_usize, |cells, axis| cells.checked_mul(axis.cells()));
        match cells {
            Some(cells) if cells <= MAX_CELLS => Ok(Self { axes, cells }),
            _ => Err(QdError::Tessellation(format!("the grid has more than {MAX_CELLS} cells"))),
        }
    }

    /// Its axes.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// The cell of finite measures, one per axis.
    #[inline]
    pub fn cell(&self, measures: &[f64]) -> usize {
        self.axes.iter().zip(measures).fold(0, |cell, (axis, x)| cell * axis.cells() + axis.cell(*x))
    }

    /// A cell's index along every axis.
    pub fn unravel(&self, mut cell: usize) -> Vec<usize> {
        let mut place = vec![0; self.axes.len()];
        for (position, axis) in self.axes.iter().enumerate().rev() {
            place[position] = cell % axis.cells();
            cell /= axis.cells();
        }
        place
    }

    /// Euclidean distance of two cells in steps of cells.
    pub fn distance(&self, mut a: usize, mut b: usize) -> f64 {
        let mut sum = 0.0;
        for axis in self.axes.iter().rev() {
            let step = (a % axis.cells()).abs_diff(b % axis.cells()) as f64;
            sum += step * step;
            a /= axis.cells();
            b /= axis.cells();
        }
        sum.sqrt()
    }
}

impl TryFrom<Vec<Axis>> for Grid {
    type Error = QdError;

    fn try_from(axes: Vec<Axis>) -> Result<Self, QdError> {
        Self::new(axes)
    }
}

impl From<Grid> for Vec<Axis> {
    fn from(grid: Grid) -> Self {
        grid.axes
    }
}
