//! The list of runs: what is known of each, and which have grown.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use samara_view::dashboard::runs::{Figures, Known, Listed};
use samara_view::report::State;

use super::library::{Library, Shelf, Stamp, Trouble};

/// What the list knows of a run.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    stamp: Stamp,
    known: Known,
}

/// A run that has grown.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Grown {
    name: String,
    state: String,
    candidates: u64,
    best: Option<f64>,
    qd_score: f64,
    cells: usize,
}

impl Grown {
    fn of(name: &str, known: &Known) -> Self {
        let grown = Self {
            name: name.to_owned(),
            state: String::new(),
            candidates: 0,
            best: None,
            qd_score: 0.0,
            cells: 0,
        };
        match known {
            Known::Read(figures) => Self {
                state: figures.state.told().chars().take(100).collect(),
                candidates: figures.candidates[0],
                best: figures.best,
                qd_score: figures.qd_score,
                cells: figures.cells[0],
                ..grown
            },
            Known::Unread => grown,
            Known::Broken(_) => Self { state: "broken".to_owned(), ..grown },
        }
    }
}

impl Library {
    /// All runs as they are known by now. Those that are not are read, for as long as `patience` lasts.
    pub(crate) fn listed(&self, patience: Duration) -> Vec<Listed> {
        self.look_around();
        let begun = Instant::now();
        let shelves = self.shelves();
        let listed = shelves.iter().map(|shelf| {
            let known = match kept(shelf) {
                Some(kept) if !is_stale(shelf, &kept) => kept.known,
                _ if begun.elapsed() < patience => self.read_figures(shelf),
                Some(kept) => kept.known,
                None => Known::Unread,
            };
            Listed { name: shelf.name.clone(), known }
        });
        listed.collect()
    }

    /// The runs that have grown since they were looked at last. Those that were never read come one by one, as long as
    /// `patience` lasts.
    pub(crate) fn grown(&self, patience: Duration) -> Vec<Grown> {
        let begun = Instant::now();
        let mut grown = Vec::new();
        for shelf in self.shelves() {
            let before = kept(&shelf);
            if before.as_ref().is_some_and(|kept| !is_stale(&shelf, kept)) || begun.elapsed() > patience {
                continue;
            }
            let known = self.read_figures(&shelf);
            // A rate changes without a candidate, and is no growth.
            let told = Grown::of(&shelf.name, &known);
            if before.is_none_or(|kept| Grown::of(&shelf.name, &kept.known) != told) {
                grown.push(told);
            }
        }
        grown
    }

    fn read_figures(&self, shelf: &Shelf) -> Known {
        // Before it is read: what comes meanwhile is read the next time.
        let stamp = shelf.stamp();
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.with(shelf, |shown, _| Ok(Figures::of(shown.run, shelf.rate())))
        }));
        let known = match read {
            Ok(Ok(figures)) => Known::Read(Box::new(figures)),
            Ok(Err(Trouble::Broken(why) | Trouble::NotThere(why))) => Known::Broken(why),
            Err(_) => Known::Broken("reading it failed: this is an error of samara's".to_owned()),
        };
        let kept = Kept { stamp, known: known.clone() };
        *shelf.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        known
    }
}

fn kept(shelf: &Shelf) -> Option<Kept> {
    shelf.listed.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Whether a run may be another by now: its files have changed, or it ended without writing, as one that was killed does.
fn is_stale(shelf: &Shelf, kept: &Kept) -> bool {
    let running = matches!(&kept.known, Known::Read(figures) if figures.state == State::Running);
    kept.stamp != shelf.stamp()
        || running != (running || shelf.is_written())
        || (running && !shelf.is_written())
}
