//! The archive: the best candidates of every cell, and statistics that cost under a microsecond, however many cells.
//!
//! One structure of arrays: slot `cell * depth + rank` holds an id, an objective and measures; cells list their
//! entries best first. An elite gives way only to a strictly better one, and a newcomer ranks below its equals.
//! With soft thresholds (CMA-MAE; Fontaine & Nikolaidis 2023, arXiv 2205.10752) a cell accepts what beats its
//! threshold, which follows what it accepts, even if that is worse than what it holds.

use std::num::NonZeroU32;

use crate::{ExactSum, Places, QdError, Tessellation, places::Crowd};
use serde::{Deserialize, Serialize};

/// A batch of a share of the archive's cells or more is not small: one of so many.
const DENSE: usize = 8;

/// What an archive keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Entries per cell. Default 1.
    pub depth: usize,
    /// Soft thresholds; needs a depth of 1. Default: none.
    pub soft: Option<Soft>,
    /// Subtracted from every elite's objective in the QD score. Default 0.
    pub qd_offset: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { depth: 1, soft: None, qd_offset: 0.0 }
    }
}

/// Soft thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Soft {
    /// How far a threshold moves towards what the cell accepts, 0 to 1.
    pub learning_rate: f64,
    /// The threshold of an empty cell.
    pub threshold_min: f64,
}

/// A candidate to add.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The caller's name for it.
    pub id: u64,
    /// Higher is better.
    pub objective: f64,
    /// One per dimension.
    pub measures: Vec<f64>,
}

/// An entry of the archive. Rank 0 is the best of its cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elite<'a> {
    /// The caller's name for it.
    pub id: u64,
    /// Its cell.
    pub cell: usize,
    /// Its place in the cell.
    pub rank: usize,
    /// Higher is better.
    pub objective: f64,
    /// One per dimension.
    pub measures: &'a [f64],
}

/// What became of an added candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It fills a cell that was empty.
    New,
    /// It entered a cell that held something; with depth, at any rank.
    Improved,
    /// The cell holds better.
    NotAdded,
}

/// The answer to [`Archive::add`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Added {
    /// What became of it.
    pub status: Status,
    /// The improvement value: its objective minus the cell's threshold before, at most `f64::MAX` either way. The
    /// threshold of a filled cell is its best objective (or its soft threshold), that of an empty one 0 (or
    /// `threshold_min`). In Dominated Novelty Search: its dominated novelty ([`Archive::dominated_novelty`]) when it was
    /// offered. In an archive for whoever is novel: see [`crate::novelty`].
    pub value: f64,
    /// Its cell; in an archive without cells its place, or if it entered none, that of the nearest elite.
    pub cell: usize,
    /// Its place in the cell, if it entered.
    pub rank: Option<usize>,
    /// The id that left the archive to make room.
    pub displaced: Option<u64>,
}

/// Statistics over cells: a cell counts once, with its best entry (rank 0). They follow from what the archive holds,
/// not from how it came to hold it (but for `best` of a soft archive), and are always finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Cells that hold something.
    pub cells_filled: usize,
    /// All cells.
    pub cells_total: usize,
    /// Filled / total.
    pub coverage: f64,
    /// Sum over filled cells of objective minus `qd_offset`: the exact sum, rounded once. Where it is beyond every
    /// `f64`, the largest finite one, with its sign.
    pub qd_score: f64,
    /// The best objective ever added. (A soft archive may no longer hold it.)
    pub best: Option<f64>,
    /// The id of the first candidate that reached it.
    pub best_id: Option<u64>,
    /// Mean objective of filled cells: the exact mean, rounded once. `None` if no cell is filled.
    pub mean: Option<f64>,
}

/// Slots of an archive at most: all are allocated.
const MAX_SLOTS: usize = 1 << 26;

/// Measures of all slots together at most.
const MAX_MEASURES: usize = 1 << 28;

/// The archive.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    tessellation: Tessellation,
    rules: Rules,
    dims: usize,
    ids: Vec<u64>,
    objectives: Vec<f64>,
    measures: Vec<f64>,
    /// Entries per cell.
    counts: Vec<u32>,
    /// Soft thresholds per cell; empty without soft rules.
    pub(crate) thresholds: Vec<f64>,
    occupied: Vec<u32>,
    /// Who is near whom, in Dominated Novelty Search.
    pub(crate) crowd: Option<Crowd>,
    /// The objectives of rank 0.
    sum: ExactSum,
    pub(crate) best: Option<(f64, u64)>,
}

impl Archive {
    /// An empty archive.
    ///
    /// # Errors
    /// A depth of 0, a depth beside soft thresholds, either of them without cells, a learning rate outside 0 to 1, values
    /// that are not finite, or more slots than fit.
    pub fn new(tessellation: Tessellation, rules: Rules) -> Result<Self, QdError> {
        validate(&rules)?;
        let crowd = match tessellation {
            Tessellation::Places(_) if rules.depth > 1 || rules.soft.is_some() => {
                let what = "an archive without cells has one elite a place and no thresholds";
                return Err(QdError::Rules(what.into()));
            }
            Tessellation::Places(ref places) => places.novelty().is_none().then(Crowd::default),
            Tessellation::Grid(_) | Tessellation::Cvt(_) => None,
        };
        let (cells, dims) = (tessellation.cells(), tessellation.dims());
        let fits = |slots: &usize| {
            *slots <= MAX_SLOTS && slots.checked_mul(dims).is_some_and(|measures| measures <= MAX_MEASURES)
        };
        let Some(slots) = cells.checked_mul(rules.depth).filter(fits) else {
            return Err(QdError::Rules(format!(
                "{cells} cells of depth {} with {dims} measures each are more than fit",
                rules.depth
            )));
        };
        Ok(Self {
            tessellation,
            rules,
            dims,
            ids: vec![0; slots],
            objectives: vec![0.0; slots],
            measures: vec![0.0; slots * dims],
            counts: vec![0; cells],
            thresholds: rules.soft.map_or(Vec::new(), |soft| vec![soft.threshold_min; cells]),
            occupied: Vec::new(),
            crowd,
            sum: ExactSum::default(),
            best: None,
        })
    }

    /// Its cells.
    pub fn tessellation(&self) -> &Tessellation {
        &self.tessellation
    }

    /// Its places, if it has no cells.
    pub(crate) fn places(&self) -> Option<&Places> {
        match &self.tessellation {
            Tessellation::Places(places) => Some(places),
            Tessellation::Grid(_) | Tessellation::Cvt(_) => None,
        }
    }

    /// The cell of finite measures, one per dimension; in an archive without cells the place of the elite nearest to them,
    /// and `None` while there is none.
    pub fn cell_of(&self, measures: &[f64]) -> Option<usize> {
        match &self.tessellation {
            Tessellation::Places(places) => self.nearest_place(places, measures),
            cells => Some(cells.cell(measures)),
        }
    }

    /// Its rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Offers a candidate.
    ///
    /// # Errors
    /// A measure or an objective that is not finite, or the wrong number of measures; the archive is unchanged.
    #[inline]
    pub fn add(&mut self, id: u64, objective: f64, measures: &[f64]) -> Result<Added, QdError> {
        self.check(objective, measures)?;
        if self.places().is_some() {
            return Ok(self.add_placed(id, objective, measures));
        }
        let cell = self.tessellation.cell(measures);
        Ok(if self.rules.soft.is_some() {
            self.add_soft(cell, id, objective, measures)
        } else if self.rules.depth == 1 {
            self.add_flat(cell, id, objective, measures)
        } else {
            self.add_deep(cell, id, objective, measures)
        })
    }

    #[inline]
    pub(crate) fn check(&self, objective: f64, measures: &[f64]) -> Result<(), QdError> {
        if measures.len() != self.dims {
            return Err(QdError::Dimensions { expected: self.dims, given: measures.len() });
        }
        if let Some(position) = measures.iter().position(|measure| !measure.is_finite()) {
            return Err(QdError::Measure { position, value: measures[position] });
        }
        if !objective.is_finite() {
            return Err(QdError::Objective(objective));
        }
        Ok(())
    }

    #[inline]
    fn add_flat(&mut self, cell: usize, id: u64, objective: f64, measures: &[f64]) -> Added {
        let filled = self.counts[cell] > 0;
        // An empty slot holds the objective 0.
        let value = gap(objective, self.objectives[cell]);
        if filled && objective <= self.objectives[cell] {
            return Added { status: Status::NotAdded, value, cell, rank: None, displaced: None };
        }
        let displaced = filled.then_some(self.ids[cell]);
        self.put(cell, id, objective, measures);
        Added {
            status: if filled { Status::Improved } else { Status::New },
            value,
            cell,
            rank: Some(0),
            displaced,
        }
    }

    fn add_soft(&mut self, cell: usize, id: u64, objective: f64, measures: &[f64]) -> Added {
        let threshold = self.thresholds[cell];
        let value = gap(objective, threshold);
        if objective <= threshold {
            return Added { status: Status::NotAdded, value, cell, rank: None, displaced: None };
        }
        let filled = self.counts[cell] > 0;
        let displaced = filled.then_some(self.ids[cell]);
        let rate = self.rules.soft.map_or(1.0, |soft| soft.learning_rate);
        self.thresholds[cell] = finite(threshold * (1.0 - rate) + objective * rate);
        self.put(cell, id, objective, measures);
        Added {
            status: if filled { Status::Improved } else { Status::New },
            value,
            cell,
            rank: Some(0),
            displaced,
        }
    }

    /// Writes the only slot of a cell (depth 1).
    #[inline]
    pub(crate) fn put(&mut self, cell: usize, id: u64, objective: f64, measures: &[f64]) {
        self.replace_in_sum(self.objectives[cell], objective);
        self.write(cell, id, objective, measures);
        if self.counts[cell] == 0 {
            self.counts[cell] = 1;
            self.occupied.push(cell as u32);
        }
        self.note_best(id, objective);
    }

    fn add_deep(&mut self, cell: usize, id: u64, objective: f64, measures: &[f64]) -> Added {
        let depth = self.rules.depth;
        let (first, count) = (cell * depth, self.counts[cell] as usize);
        let value = gap(objective, self.objectives[first]);
        let rank = self.objectives[first..first + count].partition_point(|held| *held >= objective);
        if rank == depth {
            return Added { status: Status::NotAdded, value, cell, rank: None, displaced: None };
        }
        let displaced = (count == depth).then_some(self.ids[first + depth - 1]);
        if rank == 0 {
            self.replace_in_sum(self.objectives[first], objective);
        }
        for slot in (first + rank..first + count.min(depth - 1)).rev() {
            self.ids[slot + 1] = self.ids[slot];
            self.objectives[slot + 1] = self.objectives[slot];
            self.measures.copy_within(slot * self.dims..(slot + 1) * self.dims, (slot + 1) * self.dims);
        }
        self.write(first + rank, id, objective, measures);
        if count == 0 {
            self.occupied.push(cell as u32);
        }
        self.counts[cell] = (count + 1).min(depth) as u32;
        self.note_best(id, objective);
        let status = if count == 0 { Status::New } else { Status::Improved };
        Added { status, value, cell, rank: Some(rank), displaced }
    }

    #[inline]
    fn write(&mut self, slot: usize, id: u64, objective: f64, measures: &[f64]) {
        self.ids[slot] = id;
        self.objectives[slot] = objective;
        self.measures[slot * self.dims..(slot + 1) * self.dims].copy_from_slice(measures);
    }

    /// A cell's best objective changes; that of an empty one is stored as 0.
    fn replace_in_sum(&mut self, old: f64, new: f64) {
        self.sum.subtract(old);
        self.sum.add(new);
    }

    #[inline]
    fn note_best(&mut self, id: u64, objective: f64) {
        if self.best.is_none_or(|(best, _)| objective > best) {
            self.best = Some((objective, id));
        }
    }

    /// Offers candidates together: each is judged against the archive as it was before, and of those accepted for a
    /// cell the best (of equals the first) is stored. With soft thresholds the batch rule of Fontaine & Nikolaidis
    /// 2023 moves the threshold by the mean of the accepted. `rank` is set for those stored. In Dominated
    /// Novelty Search a batch is a generation: the best of all that is held and new have the places.
    ///
    /// # Errors
    /// As [`Archive::add`], for any of them: then none is added. A depth above 1.
    pub fn add_batch(&mut self, batch: &[Entry]) -> Result<Vec<Added>, QdError> {
        if self.rules.depth != 1 {
            return Err(QdError::Rules("batches need a depth of 1".into()));
        }
        for entry in batch {
            self.check(entry.objective, &entry.measures)?;
        }
        if self.places().is_some() {
            return Ok(self.add_placed_batch(batch));
        }
        Ok(self.add_together(batch.len(), |i| (batch[i].id, batch[i].objective, &batch[i].measures[..])))
    }

    /// The same of candidates that come as columns, without memory of their own: their ids count up from `first`, and
    /// `measures` has those of one candidate behind those of the other.
    ///
    /// # Errors
    /// As [`Archive::add_batch`]; as many measures as do not fit.
    pub fn add_columns(
        &mut self,
        first: u64,
        objectives: &[f64],
        measures: &[f64],
    ) -> Result<Vec<Added>, QdError> {
        let (dims, count) = (self.dims, objectives.len());
        if measures.len() != count * dims {
            return Err(QdError::Dimensions { expected: dims, given: measures.len().div_ceil(count.max(1)) });
        }
        if self.places().is_some() || self.rules.depth != 1 {
            let rows = objectives.iter().zip(measures.chunks(dims)).zip(first..);
            let entries: Vec<Entry> = rows
                .map(|((objective, measures), id)| Entry {
                    id,
                    objective: *objective,
                    measures: measures.to_vec(),
                })
                .collect();
            return self.add_batch(&entries);
        }
        if let Some(place) = measures.iter().position(|measure| !measure.is_finite()) {
            return Err(QdError::Measure { position: place % dims, value: measures[place] });
        }
        if let Some(objective) = objectives.iter().find(|objective| !objective.is_finite()) {
            return Err(QdError::Objective(*objective));
        }
        let entry = |i: usize| (first + i as u64, objectives[i], &measures[i * dims..(i + 1) * dims]);
        Ok(self.add_together(count, entry))
    }

    /// Adds entries that were checked: `entry` has the id, the objective and the measures of each.
    fn add_together<'a>(
        &mut self,
        count: usize,
        entry: impl Fn(usize) -> (u64, f64, &'a [f64]),
    ) -> Vec<Added> {
        let judged = |i| {
            let (_, objective, measures) = entry(i);
            self.judge(objective, measures)
        };
        let mut answers: Vec<Added> = (0..count).map(judged).collect();
        let winners = if self.rules.soft.is_none() && count >= self.counts.len() / DENSE {
            self.winners(&answers, |i| entry(i).1)
        } else {
            self.winners_by_order(&answers, |i| entry(i).1)
        };
        for winner in winners {
            let cell = answers[winner].cell;
            answers[winner].displaced = (self.counts[cell] > 0).then_some(self.ids[cell]);
            answers[winner].rank = Some(0);
            let (id, objective, measures) = entry(winner);
            self.put(cell, id, objective, measures);
        }
        answers
    }

    /// The best of those accepted for each cell, of equals the first, in the order of cells. For batches that are not small
    /// beside the archive: it looks at every cell.
    fn winners(&self, answers: &[Added], objective: impl Fn(usize) -> f64) -> Vec<usize> {
        let mut best: Vec<Option<usize>> = vec![None; self.counts.len()];
        for (i, added) in answers.iter().enumerate().filter(|(_, added)| added.status != Status::NotAdded) {
            let held = &mut best[added.cell];
            if held.is_none_or(|held| objective(i) > objective(held)) {
                *held = Some(i);
            }
        }
        best.into_iter().flatten().collect()
    }

    /// The same by sorting what was accepted, which also moves soft thresholds.
    fn winners_by_order(&mut self, answers: &[Added], objective: impl Fn(usize) -> f64) -> Vec<usize> {
        let mut accepted: Vec<usize> =
            (0..answers.len()).filter(|i| answers[*i].status != Status::NotAdded).collect();
        // By cell, and within a cell in the order of the batch.
        accepted.sort_by_key(|i| answers[*i].cell);
        let first_best = |a: usize, b: &usize| if objective(*b) > objective(a) { *b } else { a };
        let mut winners = Vec::new();
        for group in accepted.chunk_by(|a, b| answers[*a].cell == answers[*b].cell) {
            winners.push(group.iter().fold(group[0], first_best));
            self.move_threshold(answers[group[0]].cell, group.iter().map(|i| objective(*i)));
        }
        winners
    }

    #[inline]
    fn judge(&self, objective: f64, measures: &[f64]) -> Added {
        let cell = self.tessellation.cell(measures);
        let filled = self.counts[cell] > 0;
        let threshold = match self.rules.soft {
            Some(_) => self.thresholds[cell],
            None => self.objectives[cell],
        };
        let accepted = objective > threshold || (self.rules.soft.is_none() && !filled);
        let status = match (accepted, filled) {
            (false, _) => Status::NotAdded,
            (true, true) => Status::Improved,
            (true, false) => Status::New,
        };
        Added { status, value: gap(objective, threshold), cell, rank: None, displaced: None }
    }

    fn move_threshold(&mut self, cell: usize, accepted: impl ExactSizeIterator<Item = f64>) {
        let Some(soft) = self.rules.soft else { return };
        let count = accepted.len();
        if let Some(mean) = mean(&accepted.collect(), count) {
            // `powi` may differ between platforms in its last bits.
            let kept = libm::pow(1.0 - soft.learning_rate, count as f64);
            self.thresholds[cell] = finite(kept * self.thresholds[cell] + mean * (1.0 - kept));
        }
    }

    /// Distance of two cells in steps of cells: neighbours are about 1 apart. Without cells that of two elites, in units of
    /// how far apart as many would be if they lay evenly over a box of one unit a side.
    pub fn distance(&self, a: usize, b: usize) -> f64 {
        let Some(places) = self.places() else { return self.tessellation.distance(a, b) };
        match (self.elite(a), self.elite(b)) {
            (Some(a), Some(b)) => places.distance(a.measures, b.measures) / places.spacing(),
            _ => self.tessellation.distance(a, b),
        }
    }

    /// The best entry of a cell.
    pub fn elite(&self, cell: usize) -> Option<Elite<'_>> {
        self.elites(cell).next()
    }

    /// The entries of a cell, best first.
    pub fn elites(&self, cell: usize) -> impl Iterator<Item = Elite<'_>> {
        let count = self.counts.get(cell).map_or(0, |count| *count as usize);
        (0..count).map(move |rank| self.at(cell, rank))
    }

    pub(crate) fn at(&self, cell: usize, rank: usize) -> Elite<'_> {
        let slot = cell * self.rules.depth + rank;
        let measures = &self.measures[slot * self.dims..(slot + 1) * self.dims];
        Elite { id: self.ids[slot], cell, rank, objective: self.objectives[slot], measures }
    }

    /// How many entries a cell holds.
    pub(crate) fn count(&self, cell: usize) -> usize {
        self.counts[cell] as usize
    }

    /// Filled cells, in the order in which they were first filled.
    pub fn occupied(&self) -> &[u32] {
        &self.occupied
    }

    /// Every entry, by cell and then by rank.
    pub fn iter(&self) -> impl Iterator<Item = Elite<'_>> {
        (0..self.counts.len()).flat_map(|cell| self.elites(cell))
    }

    /// A filled cell's soft threshold; `None` without soft rules or for an empty cell.
    pub fn threshold(&self, cell: usize) -> Option<f64> {
        (self.counts.get(cell).is_some_and(|count| *count > 0))
            .then(|| self.thresholds.get(cell).copied())
            .flatten()
    }

    /// The statistics, in constant time.
    pub fn stats(&self) -> Stats {
        let (filled, total) = (self.occupied.len(), self.counts.len());
        let mut score = self.sum.clone();
        score.add_times(-self.rules.qd_offset, filled as u32);
        Stats {
            cells_filled: filled,
            cells_total: total,
            coverage: filled as f64 / total as f64,
            qd_score: score.value(),
            best: self.best.map(|(objective, _)| objective),
            best_id: self.best.map(|(_, id)| id),
            mean: mean(&self.sum, filled),
        }
    }
}

/// `None` of no numbers. There are never more than slots, so that their count fits.
fn mean(sum: &ExactSum, count: usize) -> Option<f64> {
    NonZeroU32::new(count as u32).map(|count| sum.divided_by(count))
}

/// How far `objective` is above `threshold`.
#[inline]
pub(crate) fn gap(objective: f64, threshold: f64) -> f64 {
    finite(objective - threshold)
}

/// What rounding carried beyond every number is the largest one.
#[inline]
fn finite(x: f64) -> f64 {
    x.clamp(f64::MIN, f64::MAX)
}

fn validate(rules: &Rules) -> Result<(), QdError> {
    let bad = |what: String| Err(QdError::Rules(what));
    if rules.depth == 0 {
        return bad("a depth of 0 keeps nothing".into());
    }
    if !rules.qd_offset.is_finite() {
        return bad(format!("the QD score's offset is {}, not a finite number", rules.qd_offset));
    }
    match rules.soft {
        Some(_) if rules.depth > 1 => bad("soft thresholds need a depth of 1".into()),
        Some(soft) if !(0.0..=1.0).contains(&soft.learning_rate) => {
            bad(format!("the learning rate is {}, not between 0 and 1", soft.learning_rate))
        }
        Some(soft) if !soft.threshold_min.is_finite() => {
            bad(format!("the minimum threshold is {}, not a finite number", soft.threshold_min))
        }
        _ => Ok(()),
    }
}
