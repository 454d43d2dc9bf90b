//! A grid: the product of its axes, cells numbered row-major (the last axis runs fastest).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Axis, QdError, axis::Cut};

/// Cells of a grid at most: an archive allocates all of them.
const MAX_CELLS: usize = 1 << 24;

/// A grid of cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Cut>", into = "Vec<Axis>")]
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
        let cells = count(axes.iter().map(|axis| (axis.name(), axis.cells())))?;
        Ok(Self { axes, cells })
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

    /// Euclidean distance of two cells in steps of cells. On an axis of categories, different ones are one step apart.
    pub fn distance(&self, mut a: usize, mut b: usize) -> f64 {
        let mut sum = 0.0;
        for axis in self.axes.iter().rev() {
            let step = axis.steps(a % axis.cells(), b % axis.cells()) as f64;
            sum += step * step;
            a /= axis.cells();
            b /= axis.cells();
        }
        sum.sqrt()
    }
}

/// The cells of a grid whose axes have these names and numbers of cells.
fn count<'a>(axes: impl Iterator<Item = (&'a str, usize)>) -> Result<usize, QdError> {
    let bad = |what: String| Err(QdError::Tessellation(what));
    let (mut names, mut all) = (BTreeSet::new(), 1_usize);
    for (name, cells) in axes {
        if !names.insert(name) {
            return bad(format!("two axes are called `{name}`"));
        }
        all = match all.checked_mul(cells) {
            Some(all) if all <= MAX_CELLS => all,
            _ => return bad(format!("the grid has more than {MAX_CELLS} cells")),
        };
    }
    if names.is_empty() {
        return bad("a grid needs an axis".into());
    }
    Ok(all)
}

impl TryFrom<Vec<Cut>> for Grid {
    type Error = QdError;

    /// The axes are counted before any is built: a few characters can ask for many edges.
    fn try_from(cuts: Vec<Cut>) -> Result<Self, QdError> {
        count(cuts.iter().map(|cut| (cut.name.as_str(), cut.cells())))?;
        Self::new(cuts.into_iter().map(Axis::try_from).collect::<Result<_, _>>()?)
    }
}

impl From<Grid> for Vec<Axis> {
    fn from(grid: Grid) -> Self {
        grid.axes
    }
}
