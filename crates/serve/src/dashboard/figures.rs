//! The list of runs: what is known of each, and which have grown.

use std::cmp::Reverse;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use samara_journal::Reader;
use samara_view::dashboard::Shown;
use samara_view::dashboard::runs::{Figures, Known, Listed};
use samara_view::report::State;

use super::library::{Library, MOST_HELD, Shelf, Stamp, Trouble};

/// Bytes of the journals that are read before anybody asks for them, beside the first.
const MOST_AHEAD: u64 = 512 << 20;

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
    /// All runs as they are known by now. Those that are not are read beside this, which waits for it as long as
    /// `patience` lasts.
    pub(crate) fn listed(self: &Arc<Self>, patience: Duration) -> Vec<Listed> {
        self.look_around();
        let begun = Instant::now();
        let shelves = self.shelves();
        if shelves.iter().any(|shelf| kept(shelf).is_none_or(|kept| is_stale(shelf, &kept))) {
            self.read_on();
            while self.is_reading() && begun.elapsed() < patience {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        let known = |shelf: &Shelf| kept(shelf).map_or(Known::Unread, |kept| kept.known);
        shelves.iter().map(|shelf| Listed { name: shelf.name.clone(), known: known(shelf) }).collect()
    }

    /// Reads the youngest runs on a thread of its own, as many as are kept, so that whoever looks at one rarely waits.
    pub(crate) fn read_ahead(self: &Arc<Self>) {
        let library = Arc::clone(self);
        let youngest = |shelf: &Arc<Shelf>| shelf.stamp().iter().flatten().map(|(_, time)| *time).max();
        std::thread::spawn(move || {
            let mut shelves = library.shelves();
            shelves.sort_by_cached_key(|shelf| Reverse(youngest(shelf)));
            let mut bytes = 0;
            for shelf in shelves.into_iter().take(MOST_HELD) {
                while library.is_asked() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                bytes += size(&shelf);
                if bytes > MOST_AHEAD && bytes > size(&shelf) {
                    return;
                }
                if kept(&shelf).is_none_or(|kept| is_stale(&shelf, &kept)) {
                    library.read_figures(&shelf);
                    shelf.news.store(true, Ordering::Release);
                }
                // Who can't be read has said so.
                let _ = library.with_calls(&shelf, |_, _| Ok(()));
            }
        });
    }

    /// Begins to read what is not known yet on a thread of its own, the small ones first and what somebody else is reading
    /// last, unless that is done already.
    fn read_on(self: &Arc<Self>) {
        if self.reading.swap(true, Ordering::AcqRel) {
            return;
        }
        let library = Arc::clone(self);
        std::thread::spawn(move || {
            let mut shelves = library.shelves();
            shelves.sort_by_cached_key(|shelf| (shelf.is_busy(), size(shelf)));
            for shelf in shelves {
                if kept(&shelf).is_none_or(|kept| is_stale(&shelf, &kept)) {
                    library.read_figures(&shelf);
                    shelf.news.store(true, Ordering::Release);
                }
            }
            library.reading.store(false, Ordering::Release);
        });
    }

    fn is_reading(&self) -> bool {
        self.reading.load(Ordering::Acquire)
    }

    /// The runs that have grown since they were looked at last. Those that nobody has read yet are read beside this, and
    /// are among them the next time.
    pub(crate) fn grown(self: &Arc<Self>) -> Vec<Grown> {
        let (mut grown, mut unread) = (Vec::new(), false);
        for shelf in self.shelves() {
            let before = kept(&shelf);
            let news = shelf.news.swap(false, Ordering::AcqRel);
            let known = match &before {
                Some(kept) if !is_stale(&shelf, kept) => Some(kept.known.clone()).filter(|_| news),
                None => {
                    unread = true;
                    None
                }
                Some(_) => Some(self.read_figures(&shelf)),
            };
            let Some(known) = known else { continue };
            // A rate changes without a candidate, and is no growth.
            let told = Grown::of(&shelf.name, &known);
            if news || before.is_none_or(|kept| Grown::of(&shelf.name, &kept.known) != told) {
                grown.push(told);
            }
        }
        if unread {
            self.read_on();
        }
        grown
    }

    fn read_figures(&self, shelf: &Shelf) -> Known {
        // Before it is read: what comes meanwhile is read the next time.
        let stamp = shelf.stamp();
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let figures = |shown: Shown<'_>, _: &Reader| Ok(Figures::of(shown.run, shelf.rate()));
            // A run that grows is read again and again, and so is to be kept.
            if kept(shelf).is_some() { self.with(shelf, figures) } else { self.in_passing(shelf, figures) }
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

/// Bytes of its files.
fn size(shelf: &Shelf) -> u64 {
    shelf.stamp().iter().flatten().map(|(length, _)| *length).sum()
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
