//! The plain values that go into and come out of an archive.

use serde::{Deserialize, Serialize};

/// A candidate to be offered, for [`Archive::add_batch`](crate::Archive::add_batch).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The caller's name for the candidate; unique within the run.
    pub id: u64,
    /// Higher is better; finite.
    pub objective: f64,
    /// One finite value per dimension of the tessellation.
    pub measures: Vec<f64>,
}

/// An entry of the archive, as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elite<'a> {
    /// The candidate's id.
    pub id: u64,
    /// The cell it lies in.
    pub cell: usize,
    /// Its place in the cell, 0 the best.
    pub rank: usize,
    /// Higher is better; finite.
    pub objective: f64,
    /// One finite value per dimension of the tessellation.
    pub measures: &'a [f64],
}

/// How the archive judged a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The cell was empty and was filled.
    New,
    /// The candidate entered a cell that held others: with depth 1 in place of its elite, else at any rank.
    Improved,
    /// The archive is unchanged.
    NotAdded,
}

/// The outcome of offering one candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Added {
    /// How it was judged.
    pub status: Status,
    /// The improvement value: the objective minus the cell's threshold before, which is the objective (with
    /// depth: the worst kept, 0 while the cell has a free place) or the soft threshold that had to be exceeded;
    /// for an empty cell 0, or `threshold_min`.
    pub value: f64,
    /// The cell of its measures.
    pub cell: usize,
    /// Its place in the cell, 0 the best; `None` when it did not enter.
    pub rank: Option<usize>,
    /// The id of the entry that left the archive to make place.
    pub displaced: Option<u64>,
}

/// The archive in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// Cells that hold at least one entry.
    pub cells_filled: usize,
    /// Cells of the tessellation.
    pub cells_total: usize,
    /// Entries over all cells; with depth 1 as many as filled cells.
    pub entries: usize,
    /// Filled cells over all cells, 0 to 1. Entries below the best of a cell don't count.
    pub coverage: f64,
    /// Sum over filled cells of the best objective minus `qd_offset`; the sum of the objectives is exact before it
    /// is rounded once.
    pub qd_score: f64,
    /// The highest objective ever admitted; `None` before the first. Soft thresholds can let its elite go.
    pub best: Option<f64>,
    /// The candidate that first reached it.
    pub best_id: Option<u64>,
    /// Mean of the cells' best objectives, without offset; `None` when no cell is filled.
    pub mean: Option<f64>,
}
