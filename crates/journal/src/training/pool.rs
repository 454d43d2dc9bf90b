//! The candidates of all runs, without their texts, and which of them are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use samara_qd::Tessellation;
use samara_search::{Candidate, ContentDigest, Genome};
use toml::{Table, Value};

use super::TrainingError;
use super::choice::{Choice, Keep};
use crate::reader::Reader;
use crate::run_view::RunView;

/// A candidate that has a genome.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The position of its run.
    pub run: usize,
    /// Its index there.
    pub index: u64,
    /// Its content.
    pub digest: ContentDigest,
    /// Whether it was scored, and how.
    pub objective: Option<f64>,
    pub cell: Option<u64>,
    /// Whether it entered an archive.
    pub entered: bool,
    /// Whether it is an elite at the end.
    pub elite: bool,
    /// Whether models were asked for it: a seed as it is teaches no model to write.
    pub asked: bool,
    /// The indices of its parents.
    pub parents: Vec<u64>,
}

/// All of them, in the order of runs and indices.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub entries: Vec<Entry>,
    /// Where a run's candidate is among the entries.
    places: BTreeMap<(usize, u64), usize>,
    /// The best objective of every cell over all runs.
    best: BTreeMap<u64, f64>,
    /// What objectives count from.
    offset: f64,
}

/// What runs must have in common.
struct Common {
    path: PathBuf,
    environment: String,
    section: Table,
    tessellation: Tessellation,
    offset: f64,
}

impl Pool {
    /// Reads the runs, which must mean the same by an objective and a cell.
    pub(super) fn read(readers: &[Reader]) -> Result<Self, TrainingError> {
        let mut entries = Vec::new();
        let mut first: Option<Common> = None;
        for (run, reader) in readers.iter().enumerate() {
            let from = entries.len();
            let view = RunView::following(reader, &mut |step| entries.extend(entry(run, step.candidate)))?;
            let elites: BTreeSet<u64> = view
                .replay
                .population()
                .islands()
                .iter()
                .flat_map(|island| island.archive().iter().map(|elite| elite.id))
                .collect();
            for entry in &mut entries[from..] {
                entry.elite = elites.contains(&entry.index);
            }
            let common = common(reader, view);
            match &first {
                None => first = Some(common),
                Some(first) => first.check(&common)?,
            }
        }
        Ok(Self::new(entries, first.map_or(0.0, |first| first.offset)))
    }

    /// A pool of entries in their order.
    pub(super) fn new(entries: Vec<Entry>, offset: f64) -> Self {
        let places =
            entries.iter().enumerate().map(|(place, entry)| ((entry.run, entry.index), place)).collect();
        let mut best = BTreeMap::new();
        for (cell, objective) in entries.iter().filter_map(|entry| Some((entry.cell?, entry.objective?))) {
            let best = best.entry(cell).or_insert(objective);
            *best = best.max(objective);
        }
        Self { entries, places, best, offset }
    }

    /// The positions of the entries to learn from, in order, every content once: its best candidate, of equals the
    /// first.
    pub(super) fn kept(&self, choice: &Choice) -> Vec<usize> {
        let wanted = |entry: &Entry| match choice.keep {
            Keep::Admitted => entry.entered,
            Keep::Elites => entry.elite,
        };
        let mut kept: BTreeMap<ContentDigest, (f64, usize)> = BTreeMap::new();
        for (place, entry) in self.entries.iter().enumerate() {
            let Some(objective) = entry.objective else { continue };
            if !wanted(entry) || !entry.asked || !self.is_near_best(entry, choice.min_share) {
                continue;
            }
            let known = kept.entry(entry.digest).or_insert((objective, place));
            if objective > known.0 {
                *known = (objective, place);
            }
        }
        let mut places: Vec<usize> = kept.into_values().map(|(_, place)| place).collect();
        places.sort_unstable();
        places
    }

    fn is_near_best(&self, entry: &Entry, min_share: Option<f64>) -> bool {
        let (Some(share), Some(objective)) = (min_share, entry.objective) else { return true };
        let best = entry.cell.and_then(|cell| self.best.get(&cell)).copied().unwrap_or(objective);
        // Below the offset no part of the best means anything: only the best itself is left.
        objective >= best || objective - self.offset >= share * (best - self.offset) && best > self.offset
    }

    /// The objective above the offset as a part of the best of its cell, 0 to 1; 1 where no part means anything.
    pub(super) fn share(&self, entry: &Entry) -> f64 {
        let best = entry.cell.and_then(|cell| self.best.get(&cell)).copied();
        match (entry.objective, best) {
            (Some(objective), Some(best)) if best > self.offset => {
                ((objective - self.offset) / (best - self.offset)).clamp(0.0, 1.0)
            }
            _ => 1.0,
        }
    }

    /// What to teach a model not to write: contents that models wrote and that never entered nor equal their cell's
    /// best, each once, in order.
    pub(super) fn undesired(&self) -> Vec<usize> {
        let entered = self.entries.iter().filter(|entry| entry.entered || self.is_best(entry));
        let mut known: BTreeSet<ContentDigest> = entered.map(|entry| entry.digest).collect();
        let fresh = |(_, entry): &(usize, &Entry)| entry.asked && known.insert(entry.digest);
        self.entries.iter().enumerate().filter(fresh).map(|(place, _)| place).collect()
    }

    fn is_best(&self, entry: &Entry) -> bool {
        let best = entry.cell.and_then(|cell| self.best.get(&cell));
        best.is_some_and(|best| entry.objective.is_some_and(|objective| objective >= *best))
    }

    /// The parents of an entry that have a genome.
    pub(super) fn parents<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        self.parent_places(entry).map(|place| &self.entries[place])
    }

    /// Their positions.
    pub(super) fn parent_places<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = usize> + 'a {
        entry.parents.iter().filter_map(move |parent| self.places.get(&(entry.run, *parent)).copied())
    }

    /// Why nothing is kept.
    pub(super) fn nothing_kept(&self, choice: &Choice) -> TrainingError {
        let (why, hint) = if self.entries.is_empty() {
            ("no candidate has a text", "export a run whose candidates are texts or programs")
        } else if !self.entries.iter().any(|entry| entry.entered) {
            ("no candidate entered an archive", "see `samara show RUN` for why, and run it longer")
        } else if !self.entries.iter().any(|entry| entry.entered && entry.asked) {
            (
                "no candidate that entered was written by a model",
                "export a run in which a model wrote: seeds and edits without a model teach nothing",
            )
        } else if choice.min_share.is_some() {
            ("no candidate is near enough to the best of its cell", "lower --min-share")
        } else {
            ("no elite was written by a model", "keep all that entered (--keep admitted)")
        };
        TrainingError::Nothing { why: why.to_owned(), hint }
    }
}

fn entry(run: usize, candidate: &Candidate) -> Option<Entry> {
    let genome = candidate.genome.as_ref()?;
    // A vector is nothing that a model writes.
    if matches!(**genome, Genome::Vector(_)) {
        return None;
    }
    Some(Entry {
        run,
        index: candidate.index,
        digest: genome.digest(),
        objective: candidate.objective(),
        cell: candidate.cell,
        entered: candidate.fate.entered(),
        elite: false,
        asked: candidate.charge.calls > 0,
        parents: candidate.parents.clone(),
    })
}

fn common(reader: &Reader, view: RunView) -> Common {
    let header = reader.header();
    let table: Table = header.config.parse().unwrap_or_default();
    let section = match table.get("environment") {
        Some(Value::Table(section)) => section.clone(),
        _ => Table::new(),
    };
    Common {
        path: reader.path().to_owned(),
        environment: header.environment.clone(),
        section,
        tessellation: view.tessellation,
        offset: view.settings.qd_offset,
    }
}

impl Common {
    /// Settings of an environment that say how candidates are written, not what they are worth.
    const WRITING: [&'static str; 2] = ["writing", "instructions"];

    fn check(&self, other: &Self) -> Result<(), TrainingError> {
        let mixed = |key: String| {
            Err(TrainingError::Mixed { first: self.path.clone(), other: other.path.clone(), key })
        };
        if self.environment != other.environment {
            return mixed("experiment.environment".to_owned());
        }
        if self.tessellation != other.tessellation {
            return mixed("axes".to_owned());
        }
        if self.offset != other.offset {
            return mixed("search.qd_offset".to_owned());
        }
        let keys: BTreeSet<&String> = self.section.keys().chain(other.section.keys()).collect();
        let differs = |key: &&&String| {
            !Self::WRITING.contains(&key.as_str()) && self.section.get(**key) != other.section.get(**key)
        };
        match keys.iter().find(differs) {
            Some(key) => mixed(format!("environment.{key}")),
            None => Ok(()),
        }
    }
}
