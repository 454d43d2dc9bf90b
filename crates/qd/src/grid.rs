//! A grid of cells: the product of its axes. Knows nothing of archives; `tessellation.rs` puts it beside the CVT.

use serde::{Deserialize, Serialize};

use crate::axis::Axis;
use crate::error::QdError;

/// The most cells a tessellation may have: 2^24. More would spend memory on cells that no run can fill.
pub const MAX_CELLS: usize = 1 << 24;

/// Cells cut by one axis per measure, each with its own bins or ticks. Cells are numbered in row-major order:
/// the last axis varies fastest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Axis>", into = "Vec<Axis>")]
pub struct Grid {
    axes: Vec<Axis>,
    cells: usize,
}

impl Grid {
    /// The grid of these axes.
    ///
    /// # Errors
    /// No axis, two axes of one name, or more than [`MAX_CELLS`] cells in all.
    pub fn new(axes: Vec<Axis>) -> Result<Grid, QdError> {
        let fail = |problem: String| Err(QdError::Grid { problem });
        if axes.is_empty() {
            return fail("no axes\nhint: give at least one".to_owned());
        }
        for (i, axis) in axes.iter().enumerate() {
            if axes[..i].iter().any(|other| other.name() == axis.name()) {
                return fail(format!("two axes are named {:?}", axis.name()));
            }
        }
        let product = axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.cells()));
        match product {
            Some(cells) if cells <= MAX_CELLS => Ok(Grid { axes, cells }),
            _ => fail(format!("more than {MAX_CELLS} cells\nhint: use fewer bins, or a CVT")),
        }
    }

    /// The axes, in the order of the measures.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Number of cells, the product of the axes' cells.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// The cell of `measures`, one value per axis.
    ///
    /// # Panics
    /// When the number of measures is not the number of axes.
    #[inline]
    pub fn cell(&self, measures: &[f64]) -> usize {
        assert_eq!(measures.len(), self.axes.len(), "one measure per axis");
        self.axes.iter().zip(measures).fold(0, |cell, (axis, &x)| cell * axis.cells() + axis.cell(x))
    }

    /// The cell's number along each axis.
    ///
    /// # Panics
    /// When there is no such cell.
    pub fn unravel(&self, cell: usize) -> Vec<usize> {
        assert!(cell < self.cells, "cell {cell} of {}", self.cells);
        let mut rest = cell;
        let mut index: Vec<usize> =
            self.axes.iter().rev().map(|axis| split(&mut rest, axis.cells())).collect();
        index.reverse();
        index
    }

    /// The inverse of [`Grid::unravel`].
    ///
    /// # Panics
    /// When the index has the wrong length or lies outside of the grid.
    pub fn ravel(&self, index: &[usize]) -> usize {
        assert_eq!(index.len(), self.axes.len(), "one index per axis");
        self.axes.iter().zip(index).fold(0, |cell, (axis, &i)| {
            assert!(i < axis.cells(), "index {i} on an axis of {} cells", axis.cells());
            cell * axis.cells() + i
        })
    }

    /// Euclidean distance of two cells' index vectors, in cells.
    pub(crate) fn distance(&self, a: usize, b: usize) -> f64 {
        let (mut a, mut b) = (a, b);
        let square = self.axes.iter().rev().map(|axis| {
            let gap = split(&mut a, axis.cells()).abs_diff(split(&mut b, axis.cells())) as f64;
            gap * gap
        });
        square.sum::<f64>().sqrt()
    }
}

/// Takes the fastest-varying index off a cell's number.
fn split(rest: &mut usize, cells: usize) -> usize {
    let index = *rest % cells;
    *rest /= cells;
    index
}

impl From<Grid> for Vec<Axis> {
    fn from(grid: Grid) -> Self {
        grid.axes
    }
}

impl TryFrom<Vec<Axis>> for Grid {
    type Error = QdError;

    fn try_from(axes: Vec<Axis>) -> Result<Self, QdError> {
        Grid::new(axes)
    }
}
