//! A report: runs as one file that needs nothing else to be read, as HTML or as Markdown.
//!
//! [`page()`] writes the HTML of one run or of several beside each other, out of `overview` (what was searched, in
//! figures), `drawn` (curves and maps), `policy` (what a run of `samara rl` has taught), `tables` (failures, calls, operators), `elites` (the best of every cell, and where
//! the best comes from), `compare` and `differences` (several runs) and `settings`; [`markdown()`] says the same without pictures. What is
//! told of a run is in [`Run`], which whoever reads it fills.

pub(crate) mod compare;
pub(crate) mod differences;
pub(crate) mod drawn;
pub(crate) mod elites;
mod markdown;
pub(crate) mod overview;
pub(crate) mod page;
pub(crate) mod policy;
pub(crate) mod settings;
pub(crate) mod tables;

use std::collections::BTreeMap;

use samara_journal::{Asked, RunView};
use samara_qd::Elite;
use samara_search::Candidate;

use crate::{lineage::Lineage, texts, trace::Trace};

pub use markdown::markdown;
pub use page::page;
pub use policy::Policy;

/// Elites that are told with their texts at most: the best.
const MOST_ELITES: usize = 400;

/// A run as it was read.
pub struct Run {
    /// As whoever asks for the report calls it, such as its path.
    pub name: String,
    /// The run and its archives.
    pub view: RunView,
    /// As it went.
    pub trace: Trace,
    /// What models were asked.
    pub asked: Vec<Asked>,
    /// Whether it goes on.
    pub state: State,
    /// How answers were scored.
    pub methods: Vec<String>,
    /// What the run read when it began.
    pub inputs: Vec<Given>,
    /// The candidates that [`told`] names, and the first parent of each.
    pub members: BTreeMap<u64, Candidate>,
    /// The best candidate and its ancestors; `None` if none has a score.
    pub lineage: Option<Lineage>,
    /// Whether genomes are programs.
    pub programs: bool,
    /// What the environment evolves, in a line; empty if it is unknown.
    pub about: String,
    /// What a run of `samara rl` has taught its model; the dashboard makes it of what it holds of each candidate.
    pub policy: Option<Policy>,
}

/// Whether a run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Somebody writes it.
    Running,
    /// Its last session ended, for this reason.
    Ended(String),
    /// Its last session did not come to record its end.
    Killed,
}

impl State {
    /// Of a run that somebody writes, or not.
    pub fn of(view: &RunView, running: bool) -> Self {
        let last = view.sessions.last().filter(|last| last.candidates >= view.replay.settled());
        match last {
            _ if running => Self::Running,
            Some(last) => Self::Ended(last.reason.clone()),
            None => Self::Killed,
        }
    }

    /// In a word or two.
    pub fn told(&self) -> &str {
        match self {
            Self::Running => "running",
            Self::Ended(reason) => reason,
            Self::Killed => "killed",
        }
    }
}

/// A file that a run read when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What it is for.
    pub key: String,
    /// Where it was.
    pub path: String,
    /// Its length in bytes.
    pub bytes: usize,
    /// The SHA-256 of its content, in hex.
    pub digest: String,
}

/// The elites that a report tells with their texts, in the order of the axes: the best of every cell, or the best of those
/// if there are too many.
pub fn told(view: &RunView) -> Vec<Elite<'_>> {
    let archive = view.replay.population().overall().archive();
    let best: Vec<Elite<'_>> = archive.best_of(MOST_ELITES);
    // The worst of them; equals beyond it are not told.
    let kept: std::collections::BTreeSet<u64> = best.iter().map(|elite| elite.id).collect();
    let in_order = texts::in_order(archive);
    in_order.into_iter().filter(|elite| elite.rank == 0 && kept.contains(&elite.id)).collect()
}

#[cfg(test)]
pub(crate) mod tests;
