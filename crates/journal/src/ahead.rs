//! Settled candidates read ahead by several threads and handed over in their order: most of the time of folding a long run
//! goes into rows, texts and checksums, which do not depend on each other.
//!
//! Each thread has a connection of its own, which may see a later state of the run: what is settled does not change. What a
//! thread can't read is read again by whoever folds, so that errors are those of one reader and come in the candidates'
//! order.

use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use samara_search::Candidate;

use crate::error::JournalError;
use crate::reader::Reader;
use crate::record::Header;
use crate::row::LifeColumns;

/// Candidates from which on it is worth it to begin threads.
const WORTH: u64 = 2048;
/// Candidates that a thread hands over at once.
const PART: u64 = 128;
/// Parts of a thread that may wait to be taken.
const WAITING: usize = 2;
/// Threads at most.
const MOST_THREADS: usize = 4;

/// Candidates in their order.
type Part = Vec<(Candidate, LifeColumns)>;

/// Hands these candidates over, all of which are settled.
pub(crate) fn fold<E: From<JournalError>>(
    reader: &Reader,
    which: Range<u64>,
    f: &mut dyn FnMut(Candidate, LifeColumns) -> Result<(), E>,
) -> Result<(), E> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    if threads < 2 || which.end.saturating_sub(which.start) < WORTH {
        return reader.some(which, f);
    }
    apart(reader, which, threads, f)
}

/// The same with so many threads: part i is read by thread i modulo their number.
fn apart<E: From<JournalError>>(
    reader: &Reader,
    which: Range<u64>,
    threads: usize,
    f: &mut dyn FnMut(Candidate, LifeColumns) -> Result<(), E>,
) -> Result<(), E> {
    std::thread::scope(|scope| {
        let begin = |thread: usize| {
            let (send, parts) = sync_channel(WAITING);
            let twin = Twin::of(reader);
            let mine = cut(which.clone()).skip(thread).step_by(threads);
            // Without this thread its parts are read here.
            let _ = std::thread::Builder::new()
                .name("journal".to_owned())
                .spawn_scoped(scope, move || read(&twin, mine, &send));
            parts
        };
        let coming: Vec<Receiver<Part>> = (0..threads).map(begin).collect();
        for (place, part) in cut(which.clone()).enumerate() {
            match coming[place % threads].recv() {
                Ok(read) => read.into_iter().try_for_each(|(candidate, lived)| f(candidate, lived))?,
                Err(_) => reader.some(part, f)?,
            }
        }
        Ok(())
    })
}

/// What another reader of the same run is opened with.
struct Twin<'a> {
    path: &'a Path,
    header: &'a Header,
}

impl<'a> Twin<'a> {
    fn of(reader: &'a Reader) -> Self {
        Self { path: reader.path(), header: reader.header() }
    }

    /// `None` where that can't be done, or another run is there by now.
    fn open(&self) -> Option<Reader> {
        Reader::open(self.path).ok().filter(|reader| reader.header() == self.header)
    }
}

fn cut(which: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let end = which.end;
    which.step_by(PART as usize).map(move |from| from..end.min(from + PART))
}

/// Reads parts until one can't be read or nobody takes them any more.
fn read(twin: &Twin<'_>, parts: impl Iterator<Item = Range<u64>>, send: &SyncSender<Part>) {
    let Some(reader) = twin.open() else { return };
    for which in parts {
        let mut part = Part::with_capacity(PART as usize);
        let keep = &mut |candidate, lived| {
            part.push((candidate, lived));
            Ok::<(), JournalError>(())
        };
        if reader.some(which, keep).is_err() || send.send(part).is_err() {
            return;
        }
    }
}
