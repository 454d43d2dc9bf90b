//! The writer of a run: one per run, one transaction for each settled candidate.
//!
//! Owns the lock, the transactions and the running totals. Rows are written by `store`, read by
//! [`crate::reader`].

use std::fs::{File, OpenOptions};
use std::path::Path;

use samara_search::Candidate;

use crate::check::{self, Sums};
use crate::contents;
use crate::error::JournalError;
use crate::file;
use crate::ledger::Ledger;
use crate::migrate;
use crate::reader::Reader;
use crate::record::{Contents, Event, Header, Life, ModelCall, SessionEnd, Totals};
use crate::schema::{self, APPLICATION_ID, FORMAT_VERSION};
use crate::store::Store;

/// The writer of one run's journal.
///
/// It holds an exclusive lock on a file beside the journal (`run.lock` for `run.db`), which the operating system
/// releases when the process ends, however it ends. What a method has returned `Ok` for survives a kill of the
/// process at any time. A power loss may cost the last settled candidates (`synchronous = NORMAL` writes through to
/// the disk at checkpoints, a few MB apart), never the ones before, and never the file's consistency.
pub struct Journal {
    // Dropped in this order: the database is closed before the lock is given up.
    store: Store,
    ledger: Ledger,
    _lock: File,
}

impl Journal {
    /// Starts the journal of a new run at `path`, with everything that it is made of, in one transaction. A file that a
    /// killed creation left, with nothing recorded in it, is begun anew.
    ///
    /// # Errors
    /// If the file exists, is being created by another process or can't be written; if a text is too large.
    pub fn create(path: &Path, header: &Header, contents: &Contents) -> Result<Self, JournalError> {
        check::header(header)?;
        if path.exists() && !holds_nothing(path) {
            return Err(JournalError::Exists { path: path.to_owned() });
        }
        file::check_beside(path)?;
        let lock = file::lock(path)?;
        // With the lock nobody is creating it at this moment.
        if holds_nothing(path) {
            remove_unfinished(path);
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|error| JournalError::io(path, error))?;
        let start = || {
            let store = Store::new(file::connect_writer(path)?, path.to_owned());
            let mut journal = Self { store, ledger: Ledger::default(), _lock: lock };
            journal.transact(|store, ledger| begin(store, ledger, header, contents))?;
            Ok(journal)
        };
        // What could not be begun must not stand in the way of the next attempt.
        start().inspect_err(|_| remove_unfinished(path))
    }

    /// Opens the journal of a run to go on with it, from the path of the file or of its directory. A journal of an
    /// earlier format version is brought up to date, in one transaction; its inputs are not known
    /// ([`Reader::verifiable`]).
    ///
    /// # Errors
    /// If the file is missing, not a journal, of a newer version, cut off, damaged, in use or read-only.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let path = file::journal_path(path);
        // Checked before anything is written: no lock beside a foreign file, no WAL for a foreign database.
        file::check_format(&file::connect_reader(&path)?.connection, &path)?;
        check_writable(&path)?;
        let lock = file::lock(&path)?;
        let connection = file::connect_writer(&path)?;
        let version = file::check_format(&connection, &path)?;
        let store = Store::new(connection, path);
        let mut journal = Self { store, ledger: Ledger::default(), _lock: lock };
        if version < FORMAT_VERSION {
            journal.transact(|store, ledger| {
                *ledger = migrate::to_current(store, version)?;
                Ok(())
            })?;
        }
        journal.ledger = journal.consistent_ledger()?;
        Ok(journal)
    }

    /// The run's sums, if they agree with its candidates.
    fn consistent_ledger(&self) -> Result<Ledger, JournalError> {
        let connection = self.store.connection();
        let ledger = Ledger::read(connection, FORMAT_VERSION)
            .map_err(|fault| JournalError::fault(self.store.path(), None, fault))?;
        let next: i64 = connection
            .query_row("SELECT coalesce(max(id), -1) FROM candidates", [], |row| row.get(0))
            .map_err(|error| self.store.fail(error))?;
        let next = next.saturating_add(1);
        if u64::try_from(next).ok() != Some(ledger.totals.candidates) {
            let detail =
                format!("the candidates end before {next}, its totals say {}", ledger.totals.candidates);
            return Err(JournalError::damaged(self.store.path(), detail));
        }
        Ok(ledger)
    }

    /// Records the initial prompt pool and the calls that made it, in one transaction: once, before the first
    /// candidate.
    ///
    /// # Errors
    /// If that was done before, a candidate was settled before, a number isn't finite, or it can't be written; then
    /// nothing is recorded.
    pub fn set_up(&mut self, pool: &[String], calls: &[ModelCall]) -> Result<(), JournalError> {
        if self.ledger.set_up || self.ledger.totals.candidates > 0 {
            return Err(JournalError::LateSetUp { path: self.store.path().to_owned() });
        }
        check::calls(calls)?;
        let sums = Sums::of(calls)?;
        self.transact(|store, ledger| {
            ledger.pool = contents::write_pool(store, pool)?;
            ledger.set_up_calls = store.calls(None, calls)?;
            ledger.set_up = true;
            ledger.charge(&sums, calls)
        })
    }

    /// Records a settled candidate with how it was lived, the events that followed it, and the run's new sums, in one
    /// transaction. A candidate's charge and `model_ms` are kept to the bit, whatever its calls add up to.
    ///
    /// # Errors
    /// If its index is not the next one, an event is not right after it, a number isn't finite or too large, or it can't
    /// be written; then the journal stays as it was, and the same candidate can be appended once the cause is gone.
    pub fn append(
        &mut self,
        candidate: &Candidate,
        life: &Life,
        events: &[Event],
    ) -> Result<(), JournalError> {
        let (expected, found) = (self.ledger.totals.candidates, candidate.index);
        if found != expected {
            return Err(JournalError::Gap { path: self.store.path().to_owned(), expected, found });
        }
        check::candidate(candidate, life)?;
        let sums = Sums::of(&life.calls)?;
        let index = check::integer("a candidate's index", candidate.index)?;
        events.iter().try_for_each(|event| self.check_event(event, expected + 1))?;
        self.transact(|store, ledger| {
            let calls = store.calls(Some(index), &life.calls)?;
            store.candidate(candidate, life, &sums, calls)?;
            ledger.charge(&sums, &life.calls)?;
            ledger.totals.candidates += 1;
            ledger.totals.fates.count(&candidate.fate);
            events.iter().try_for_each(|event| note(store, ledger, event))
        })
    }

    /// Records an event between two candidates, such as the settings that a run is resumed with.
    ///
    /// # Errors
    /// If it is not of this moment, or it can't be written.
    pub fn note(&mut self, event: &Event) -> Result<(), JournalError> {
        self.check_event(event, self.ledger.totals.candidates)?;
        self.transact(|store, ledger| note(store, ledger, event))
    }

    fn check_event(&self, event: &Event, expected: u64) -> Result<(), JournalError> {
        if event.after == expected {
            return Ok(());
        }
        Err(JournalError::EventOrder { path: self.store.path().to_owned(), expected, found: event.after })
    }

    /// Notes why this session of the run ended. A run that is resumed gets one note a session.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn finish(&mut self, reason: &str) -> Result<(), JournalError> {
        self.transact(|store, ledger| {
            let ended = contents::now(store.connection()).map_err(|error| store.fail(error))?;
            let end = SessionEnd { reason: reason.to_owned(), candidates: ledger.totals.candidates, ended };
            let position = check::integer("a number of sessions", ledger.sessions)?;
            contents::write_session(store, position, &end)?;
            ledger.sessions += 1;
            Ok(())
        })
    }

    /// A reader of this run, which sees what was settled whenever it is asked.
    ///
    /// # Errors
    /// If the file can't be opened a second time.
    pub fn reader(&self) -> Result<Reader, JournalError> {
        Reader::open(self.store.path())
    }

    /// The run's sums.
    pub fn totals(&self) -> &Totals {
        &self.ledger.totals
    }

    /// Where the journal is.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// Lets the file grow to this many pages (of 4096 bytes) and no further, until the journal is closed: a quota
    /// for shared disks. Appending beyond it is [`JournalError::Full`]. Pages that are in use stay allowed.
    ///
    /// # Errors
    /// If SQLite refuses.
    pub fn limit_pages(&mut self, pages: u32) -> Result<(), JournalError> {
        self.store
            .connection()
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .map_err(|error| self.store.fail(error))
    }

    /// Does all of `work` and writes the new sums, or does nothing of it; the sums in memory follow only what was
    /// committed.
    fn transact(
        &mut self,
        work: impl FnOnce(&mut Store, &mut Ledger) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let mut ledger = self.ledger.clone();
        let store = &mut self.store;
        store.execute("BEGIN IMMEDIATE", [])?;
        let done = work(store, &mut ledger)
            .and_then(|()| store.ledger(&ledger))
            .and_then(|()| store.execute("COMMIT", []));
        if done.is_err() && !store.connection().is_autocommit() {
            // SQLite may have rolled back by itself. If not even that works, the next open does it: what failed
            // first is what the user must hear.
            let _ = store.execute("ROLLBACK", []);
        }
        done?;
        self.ledger = ledger;
        Ok(())
    }
}

/// The tables, and what the run is made of.
fn begin(
    store: &mut Store,
    ledger: &mut Ledger,
    header: &Header,
    contents: &Contents,
) -> Result<(), JournalError> {
    let tables = || {
        schema::migrate(store.connection(), 0)?;
        store.connection().pragma_update(None, "application_id", APPLICATION_ID)
    };
    tables().map_err(|error| store.fail(error))?;
    contents::write_header(store, header, FORMAT_VERSION)?;
    for (position, input) in (0_i64..).zip(&contents.inputs) {
        contents::write_input(store, position, input)?;
    }
    for (position, cells) in (0_i64..).zip(&contents.tessellations) {
        contents::write_cells(store, position, cells)?;
    }
    ledger.inputs = contents.inputs.len() as u64;
    ledger.tessellations = contents.tessellations.len() as u64;
    Ok(())
}

fn note(store: &mut Store, ledger: &mut Ledger, event: &Event) -> Result<(), JournalError> {
    let position = check::integer("a number of events", ledger.events)?;
    contents::write_event(store, position, event)?;
    ledger.events += 1;
    Ok(())
}

/// SQLite opens a file it may not write without a word; the operating system tells.
fn check_writable(path: &Path) -> Result<(), JournalError> {
    OpenOptions::new().write(true).open(path).map(|_| ()).map_err(|error| JournalError::io(path, error))
}

/// Whether a file is a journal whose creation was cut off.
fn holds_nothing(path: &Path) -> bool {
    let checked =
        file::connect_reader(path).and_then(|read| file::check_format(&read.connection, path).map(|_| ()));
    matches!(checked, Err(JournalError::Empty { .. }))
}

/// Removes what a failed creation left; the files may not exist.
fn remove_unfinished(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let _ = std::fs::remove_file(name);
    }
}
