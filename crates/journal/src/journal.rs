//! The writer of a run: one per run, one transaction for each settled candidate.
//!
//! Owns the lock, the transactions and the running totals. Rows are written by `store`, read by
//! [`crate::reader`].

use crate::check;
use crate::error::JournalError;
use crate::file;
use crate::reader::{Reader, read_totals};
use crate::record::{Candidate, Header, ModelCall, Totals};
use crate::schema::{APPLICATION_ID, FORMAT_VERSION, migrate};
use crate::store::{Store, charge, sums_of};
use rusqlite::params;
use std::fs::{File, OpenOptions};
use std::path::Path;

/// The writer of one run's journal.
///
/// It holds an exclusive lock on a file beside the journal (`run.lock` for `run.db`), which the operating system
/// releases when the process ends, however it ends. What a method has returned `Ok` for survives a kill of the
/// process at any time. A power loss may cost the last settled candidates (`synchronous = NORMAL` writes through to
/// the disk at checkpoints, a few MB apart), never the ones before, and never the file's consistency.
pub struct Journal {
    // Dropped in this order: the database is closed before the lock is given up.
    store: Store,
    totals: Totals,
    set_up: bool,
    _lock: File,
}

impl Journal {
    /// Starts the journal of a new run at `path`. A file that a killed creation left, with nothing recorded in it, is
    /// begun anew.
    ///
    /// # Errors
    /// If the file exists, is being created by another process or can't be written.
    pub fn create(path: &Path, header: &Header) -> Result<Self, JournalError> {
        if path.exists() && !holds_nothing(path) {
            return Err(JournalError::Exists { path: path.to_owned() });
        }
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
            let mut journal = Self { store, totals: Totals::default(), set_up: false, _lock: lock };
            journal.transact(|store, _| write_header(store, header))?;
            Ok(journal)
        };
        // What could not be begun must not stand in the way of the next attempt.
        start().inspect_err(|_| remove_unfinished(path))
    }

    /// Opens the journal of a run to go on with it, from the path of the file or of its directory. A journal of an
    /// earlier format version is brought up to date.
    ///
    /// # Errors
    /// If the file is missing, not a journal, of a newer version, cut off, damaged, in use or read-only.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let path = file::journal_path(path);
        // Checked before anything is written: no lock beside a foreign file, no WAL for a foreign database.
        let version = file::check_format(&file::connect_reader(&path)?, &path)?;
        check_writable(&path)?;
        let lock = file::lock(&path)?;
        let connection = file::connect_writer(&path)?;
        let store = Store::new(connection, path);
        let mut journal = Self { store, totals: Totals::default(), set_up: false, _lock: lock };
        if version < FORMAT_VERSION {
            journal.transact_sql(|store| {
                migrate(store.connection(), version).map_err(|error| store.fail(error))
            })?;
        }
        (journal.totals, journal.set_up) = journal.consistent_totals()?;
        Ok(journal)
    }

    /// The run's sums, if they agree with its candidates.
    fn consistent_totals(&self) -> Result<(Totals, bool), JournalError> {
        let connection = self.store.connection();
        let (totals, set_up) = read_totals(connection).map_err(|error| self.store.fail(error))?;
        let next: i64 = connection
            .query_row("SELECT coalesce(max(id) + 1, 0) FROM candidates", [], |row| row.get(0))
            .map_err(|error| self.store.fail(error))?;
        if u64::try_from(next).ok() != Some(totals.candidates) {
            let detail = format!("the candidates end before {next}, its totals say {}", totals.candidates);
            return Err(JournalError::damaged(self.store.path(), detail));
        }
        Ok((totals, set_up))
    }

    /// Records the initial prompt pool and the calls that made it, in one transaction: once, before the first
    /// candidate.
    ///
    /// # Errors
    /// If that was done before, a candidate was settled before, a number isn't finite, or it can't be written; then
    /// nothing is recorded.
    pub fn set_up(&mut self, pool: &[String], calls: &[ModelCall]) -> Result<(), JournalError> {
        if self.set_up || self.totals.candidates > 0 {
            return Err(JournalError::LateSetUp { path: self.store.path().to_owned() });
        }
        check::calls(calls)?;
        let sums = sums_of(calls)?;
        self.transact(|store, totals| {
            for (position, text) in (0_i64..).zip(pool) {
                let id = store.text(text)?;
                store.execute("INSERT INTO pool (position, text) VALUES (?1, ?2)", [position, id])?;
            }
            for call in calls {
                store.call(None, call)?;
            }
            charge(totals, &sums)?;
            store.totals(totals, true)
        })?;
        self.set_up = true;
        Ok(())
    }

    /// Records a settled candidate, with its calls and the run's new sums, in one transaction.
    ///
    /// # Errors
    /// If its index is not the next one, a number isn't finite or too large, or it can't be written; then the
    /// journal stays as it was, and the same candidate can be appended once the cause is gone.
    pub fn append(&mut self, candidate: &Candidate) -> Result<(), JournalError> {
        let (expected, found) = (self.totals.candidates, candidate.index);
        if found != expected {
            return Err(JournalError::Gap { path: self.store.path().to_owned(), expected, found });
        }
        check::candidate(candidate)?;
        let sums = sums_of(&candidate.calls)?;
        let index = check::integer("a candidate's index", candidate.index)?;
        let set_up = self.set_up;
        self.transact(|store, totals| {
            store.candidate(candidate, &sums)?;
            for call in &candidate.calls {
                store.call(Some(index), call)?;
            }
            charge(totals, &sums)?;
            totals.candidates += 1;
            totals.fates.count(&candidate.fate);
            store.totals(totals, set_up)
        })
    }

    /// Notes why this session of the run ended. A run that is resumed gets one note a session.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn finish(&mut self, reason: &str) -> Result<(), JournalError> {
        let candidates = check::integer("a number of candidates", self.totals.candidates)?;
        self.transact(|store, _| {
            store.execute(
                "INSERT INTO sessions (ended, candidates, reason) \
                 VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?1, ?2)",
                params![candidates, reason],
            )
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
        &self.totals
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

    /// Does all of `work` or nothing of it; the totals follow only what was committed.
    fn transact(
        &mut self,
        work: impl FnOnce(&mut Store, &mut Totals) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let mut totals = self.totals;
        self.transact_sql(|store| work(store, &mut totals))?;
        self.totals = totals;
        Ok(())
    }

    fn transact_sql(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let store = &mut self.store;
        store.execute("BEGIN IMMEDIATE", [])?;
        let done = work(store).and_then(|()| store.execute("COMMIT", []));
        if done.is_err() && !store.connection().is_autocommit() {
            // SQLite may have rolled back by itself. If not even that works, the next open does it: what failed
            // first is what the user must hear.
            let _ = store.execute("ROLLBACK", []);
        }
        done
    }
}

/// The tables, and what the run is.
fn write_header(store: &mut Store, header: &Header) -> Result<(), JournalError> {
    let tables = || {
        migrate(store.connection(), 0)?;
        store.connection().pragma_update(None, "application_id", APPLICATION_ID)
    };
    tables().map_err(|error| store.fail(error))?;
    store.execute(
        "INSERT INTO run (config, experiment, environment, seed, samara, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            header.config,
            header.experiment,
            header.environment,
            header.seed.to_string(),
            header.samara,
            header.created
        ],
    )
}

/// SQLite opens a file it may not write without a word; the operating system tells.
fn check_writable(path: &Path) -> Result<(), JournalError> {
    OpenOptions::new().write(true).open(path).map(|_| ()).map_err(|error| JournalError::io(path, error))
}

/// Whether a file is a journal whose creation was cut off.
fn holds_nothing(path: &Path) -> bool {
    let checked =
        file::connect_reader(path).and_then(|connection| file::check_format(&connection, path).map(|_| ()));
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
