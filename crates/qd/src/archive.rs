//! The archive: the best candidates of each cell. [`Archive::add`] is the whole story: check the candidate, find
//! its cell, compare with what the cell demands, and let it enter. Genomes, files and models are not known here;
//! `batch.rs`, `select.rs`, `digest.rs` and `stored.rs` hold the rest of what an archive can do.
//!
//! Filled cells are rows, numbered in the order of first filling, so memory follows what was found and not what
//! could be. Each row has room for `depth` entries.

use crate::entry::{Added, Elite, Stats, Status};
use crate::error::QdError;
use crate::rules::Rules;
use crate::sum::ExactSum;
use crate::tessellation::Tessellation;

/// Marks a cell without a row.
const EMPTY: u32 = u32::MAX;

/// The best candidates of each cell, by id; the caller keeps the genomes.
///
/// A candidate enters a cell when its objective is strictly higher than that of the worst kept, so on a tie the
/// first stays. With [`Rules::depth`] above 1 a cell keeps its best, best first, a newcomer below its equals.
#[derive(Clone, Debug)]
pub struct Archive {
    pub(crate) tessellation: Tessellation,
    pub(crate) rules: Rules,
    dims: usize,
    /// By cell: its row, or `EMPTY`.
    row_of: Vec<u32>,
    /// By row: its cell.
    occupied: Vec<u32>,
    /// By row: the threshold that an objective must exceed to enter; minus infinity while there is a free place.
    bar: Vec<f64>,
    /// By row: its number of entries.
    filled: Vec<u32>,
    /// By row and rank.
    id: Vec<u64>,
    objective: Vec<f64>,
    /// By row, rank and dimension.
    measures: Vec<f64>,
    /// Over the best of each cell.
    sum: ExactSum,
    entries: usize,
    pub(crate) best: Option<(f64, u64)>,
}

impl Archive {
    /// An empty archive.
    ///
    /// # Errors
    /// Rules outside of their ranges, see [`Rules`].
    pub fn new(tessellation: Tessellation, rules: Rules) -> Result<Archive, QdError> {
        rules.check()?;
        Ok(Archive {
            dims: tessellation.dims(),
            row_of: vec![EMPTY; tessellation.cells()],
            tessellation,
            rules,
            occupied: Vec::new(),
            bar: Vec::new(),
            filled: Vec::new(),
            id: Vec::new(),
            objective: Vec::new(),
            measures: Vec::new(),
            sum: ExactSum::new(),
            entries: 0,
            best: None,
        })
    }

    /// Offers a candidate. `id` is the caller's name for it, and should be unique.
    ///
    /// # Errors
    /// The objective or a measure is not finite, or there are too many or too few measures; the archive is then
    /// unchanged.
    #[inline]
    pub fn add(&mut self, id: u64, objective: f64, measures: &[f64]) -> Result<Added, QdError> {
        let cell = self.locate(id, objective, measures)?;
        let bar = self.bar(cell);
        // Nearly every candidate of a long run ends here.
        if objective <= bar {
            let value = objective - bar;
            return Ok(Added { status: Status::NotAdded, value, cell, rank: None, displaced: None });
        }
        Ok(self.enter(cell, id, objective, measures))
    }

    /// The cell of a candidate that may be offered.
    #[inline]
    pub(crate) fn locate(&self, id: u64, objective: f64, measures: &[f64]) -> Result<usize, QdError> {
        let sound = measures.len() == self.dims && objective.is_finite();
        if !(sound && measures.iter().all(|x| x.is_finite())) {
            return Err(refusal(id, objective, measures, self.dims));
        }
        Ok(self.tessellation.cell(measures))
    }

    /// What an objective must exceed to enter the cell.
    #[inline]
    pub(crate) fn bar(&self, cell: usize) -> f64 {
        match self.row_of[cell] {
            EMPTY => self.rules.floor(),
            row => self.bar[row as usize],
        }
    }

    /// How a candidate for the cell is judged: its status and its improvement value.
    pub(crate) fn judge(&self, cell: usize, objective: f64) -> (Status, f64) {
        let bar = self.bar(cell);
        let status = match self.row_of[cell] {
            _ if objective <= bar => Status::NotAdded,
            EMPTY => Status::New,
            _ => Status::Improved,
        };
        (status, objective - if bar == f64::NEG_INFINITY { 0.0 } else { bar })
    }

    /// Lets a candidate enter that exceeds the cell's bar.
    #[inline(never)]
    fn enter(&mut self, cell: usize, id: u64, objective: f64, measures: &[f64]) -> Added {
        let (status, value) = self.judge(cell, objective);
        let bar = self.rules.soft.map(|soft| {
            let rate = soft.learning_rate;
            self.bar(cell) * (1.0 - rate) + objective * rate
        });
        let (rank, displaced) = self.insert(cell, id, objective, measures);
        if let Some(bar) = bar {
            self.set_bar(cell, bar);
        }
        Added { status, value, cell, rank: Some(rank), displaced }
    }

    /// Puts a candidate that was admitted into its cell, below its equals; with soft thresholds in place of the
    /// elite. Returns its rank and the id of the entry that it pushed out.
    pub(crate) fn insert(
        &mut self,
        cell: usize,
        id: u64,
        objective: f64,
        measures: &[f64],
    ) -> (usize, Option<u64>) {
        let row = self.row(cell);
        let (depth, base, count) = (self.rules.depth, row * self.rules.depth, self.filled[row] as usize);
        let rank = match self.rules.soft {
            Some(_) => 0,
            None => self.objective[base..base + count].partition_point(|&other| other >= objective),
        };
        if rank == 0 {
            if count > 0 {
                self.sum.subtract(self.objective[base]);
            }
            self.sum.add(objective);
        }
        let displaced = (count == depth).then(|| self.id[base + depth - 1]);
        let kept = count.min(depth - 1);
        self.shift(base + rank, base + kept);
        self.id[base + rank] = id;
        self.objective[base + rank] = objective;
        self.measures[(base + rank) * self.dims..][..self.dims].copy_from_slice(measures);
        self.filled[row] = kept as u32 + 1;
        self.entries += usize::from(displaced.is_none());
        if kept + 1 == depth {
            self.bar[row] = self.objective[base + depth - 1];
        }
        if self.best.is_none_or(|(best, _)| objective > best) {
            self.best = Some((objective, id));
        }
        (rank, displaced)
    }

    /// The cell's row, made if it has none.
    fn row(&mut self, cell: usize) -> usize {
        if self.row_of[cell] == EMPTY {
            let (row, depth) = (self.occupied.len(), self.rules.depth);
            self.row_of[cell] = row as u32;
            self.occupied.push(cell as u32);
            self.bar.push(f64::NEG_INFINITY);
            self.filled.push(0);
            self.id.resize((row + 1) * depth, 0);
            self.objective.resize((row + 1) * depth, 0.0);
            self.measures.resize((row + 1) * depth * self.dims, 0.0);
        }
        self.row_of[cell] as usize
    }

    /// Moves the entries `from..to` one place down.
    fn shift(&mut self, from: usize, to: usize) {
        self.id.copy_within(from..to, from + 1);
        self.objective.copy_within(from..to, from + 1);
        self.measures.copy_within(from * self.dims..to * self.dims, (from + 1) * self.dims);
    }

    /// Sets the soft threshold of a filled cell.
    pub(crate) fn set_bar(&mut self, cell: usize, bar: f64) {
        self.bar[self.row_of[cell] as usize] = bar;
    }

    /// The tessellation that the archive was made with.
    pub fn tessellation(&self) -> &Tessellation {
        &self.tessellation
    }

    /// The rules that the archive was made with.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What an objective must exceed to enter the cell: that of the worst kept, or the soft threshold; `None`
    /// while any objective may enter.
    ///
    /// # Panics
    /// When there is no such cell.
    pub fn threshold(&self, cell: usize) -> Option<f64> {
        Some(self.bar(cell)).filter(|bar| bar.is_finite())
    }

    /// The best entry of the cell; `None` when it is empty.
    ///
    /// # Panics
    /// When there is no such cell.
    pub fn elite(&self, cell: usize) -> Option<Elite<'_>> {
        self.elites(cell).next()
    }

    /// The entries of the cell, best first.
    ///
    /// # Panics
    /// When there is no such cell.
    pub fn elites(&self, cell: usize) -> impl ExactSizeIterator<Item = Elite<'_>> + use<'_> {
        let row = self.row_of[cell];
        let count = if row == EMPTY { 0 } else { self.filled[row as usize] as usize };
        (0..count).map(move |rank| self.at(row as usize, rank))
    }

    /// The entry at a rank that the row has.
    pub(crate) fn at(&self, row: usize, rank: usize) -> Elite<'_> {
        let slot = row * self.rules.depth + rank;
        Elite {
            id: self.id[slot],
            cell: self.occupied[row] as usize,
            rank,
            objective: self.objective[slot],
            measures: &self.measures[slot * self.dims..][..self.dims],
        }
    }

    /// Number of entries of the row.
    pub(crate) fn count(&self, row: usize) -> usize {
        self.filled[row] as usize
    }

    /// The filled cells, in the order in which they were first filled (of a batch: in the order of cells).
    pub fn occupied(&self) -> &[u32] {
        &self.occupied
    }

    /// Every entry, by cell and then rank.
    pub fn iter(&self) -> impl Iterator<Item = Elite<'_>> + use<'_> {
        let filled = self.row_of.iter().filter(|&&row| row != EMPTY).map(|&row| row as usize);
        filled.flat_map(move |row| (0..self.count(row)).map(move |rank| self.at(row, rank)))
    }

    /// The archive in numbers; kept as candidates enter, so this costs the same for any archive.
    pub fn stats(&self) -> Stats {
        let (filled, total) = (self.occupied.len(), self.row_of.len());
        let sum = self.sum.value();
        Stats {
            cells_filled: filled,
            cells_total: total,
            entries: self.entries,
            coverage: filled as f64 / total as f64,
            qd_score: sum - filled as f64 * self.rules.qd_offset,
            best: self.best.map(|(objective, _)| objective),
            best_id: self.best.map(|(_, id)| id),
            mean: (filled > 0).then(|| sum / filled as f64),
        }
    }
}

/// Why a candidate cannot be offered.
#[cold]
fn refusal(id: u64, objective: f64, measures: &[f64], expected: usize) -> QdError {
    if measures.len() != expected {
        return QdError::WrongDimensions { id, expected, got: measures.len() };
    }
    match measures.iter().position(|x| !x.is_finite()) {
        Some(dimension) => QdError::NonFiniteMeasure { id, dimension, value: measures[dimension] },
        None => QdError::NonFiniteObjective { id, value: objective },
    }
}
