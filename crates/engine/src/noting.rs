//! What workers elsewhere have evaluated, gathered for the journal: an event for many candidates, and one from time to time.
//!
//! How often depends on the clock, and so do the times themselves; nothing of a search follows from either.

use std::time::{Duration, Instant};

use samara_journal::Work;
use samara_search::{Candidate, Fate};

/// Evaluations of an event at most.
const MOST: usize = 256;
/// How long an evaluation waits to be noted, about.
const OFTEN: Duration = Duration::from_secs(10);

/// What is gathered.
#[derive(Debug, Default)]
pub(crate) struct Noting {
    work: Work,
    since: Option<Instant>,
}

impl Noting {
    /// Adds the evaluation of a candidate.
    pub(crate) fn add(&mut self, worker: &str, ms: f64, candidate: &Candidate) {
        self.since.get_or_insert_with(Instant::now);
        self.work.add(worker, candidate.index, ms, matches!(candidate.fate, Fate::Failed { .. }));
    }

    /// What is to be noted by now.
    pub(crate) fn due(&mut self) -> Option<Work> {
        let late = self.since.is_some_and(|since| since.elapsed() >= OFTEN);
        if late || self.work.count() >= MOST { self.rest() } else { None }
    }

    /// All that is gathered.
    pub(crate) fn rest(&mut self) -> Option<Work> {
        self.since = None;
        let work = std::mem::take(&mut self.work);
        (work.count() > 0).then_some(work)
    }
}
