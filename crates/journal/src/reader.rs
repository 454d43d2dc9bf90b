//! Reading a run, while it goes on or long after.
//!
//! Never writes, never waits for the writer. What the columns mean is in `row` and `contents`; how whole runs become
//! other files in [`crate::export`].

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row};
use samara_search::{Candidate, Genome};

use crate::ahead;
use crate::asked::{Asked, AskedSums, Unsummed};
use crate::cells;
use crate::columns::{at, select_calls, select_candidate};
use crate::contents;
use crate::error::JournalError;
use crate::fault::{Fault, wrong};
use crate::file::{self, ReadConnection};
use crate::ledger::Ledger;
use crate::record::{Cells, Event, Header, Input, Life, ModelCall, SessionEnd, Totals};
use crate::row::{LifeColumns, Rows};
use crate::schema::FORMAT_VERSION;
use crate::texts::Texts;

/// A reader of one run's journal. Any number of them may be open while the run goes on.
///
/// It reads the formats 1 and 2 as they are and writes nothing. Whatever it hands over was checked against the checksums
/// of format 3; of older formats, texts against their digests.
pub struct Reader {
    read: ReadConnection,
    path: PathBuf,
    format: u32,
    header: Header,
    begun: u32,
    texts: RefCell<Texts>,
}

impl Reader {
    /// Opens a run to read it, from the path of the file or of its directory.
    ///
    /// # Errors
    /// If the file is missing, no regular file, not a journal as samara writes it, of a newer version, cut off or damaged.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let path = file::journal_path(path);
        let read = file::connect_reader(&path)?;
        let format = file::check_format(&read.connection, &path)?;
        let (header, begun) = contents::read_header(&read.connection, format)
            .map_err(|fault| JournalError::fault(&path, None, fault))?;
        Ok(Self { read, path, format, header, begun, texts: RefCell::new(Texts::new()) })
    }

    /// What the run is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where the journal is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The format version of the file: 1, 2 or 3.
    pub fn format(&self) -> u32 {
        self.format
    }

    /// The format version in which the run began. A later one, if the run was resumed since.
    pub fn begun_format(&self) -> u32 {
        self.begun
    }

    /// Whether the run says what it was begun from: its inputs and cells. Not if it was begun in format 1 or 2.
    pub fn verifiable(&self) -> bool {
        self.begun >= 3
    }

    /// The files that the run read when it began, in their order; none of a run that is not [`Reader::verifiable`].
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn inputs(&self) -> Result<Vec<Input>, JournalError> {
        if self.format < 3 {
            return Ok(Vec::new());
        }
        let count = self.ledger()?.inputs;
        self.contents(|connection, texts| contents::read_inputs(connection, texts, count))
    }

    /// The file that the run read under this key.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn input(&self, key: &str) -> Result<Option<Input>, JournalError> {
        Ok(self.inputs()?.into_iter().find(|input| input.key == key))
    }

    /// The archives' cells; none of a run that is not [`Reader::verifiable`].
    ///
    /// # Errors
    /// If the journal can't be read, or claims more cells than a reader takes on.
    pub fn tessellations(&self) -> Result<Vec<Cells>, JournalError> {
        if self.format < 3 {
            return Ok(Vec::new());
        }
        let count = self.ledger()?.tessellations;
        self.contents(|connection, texts| contents::read_cells(connection, texts, count, cells::parse))
    }

    /// What happened between candidates, in order.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn events(&self) -> Result<Vec<Event>, JournalError> {
        if self.format < 3 {
            return Ok(Vec::new());
        }
        self.snapshot(|| {
            let count = self.ledger()?.events;
            self.contents(|connection, texts| contents::read_events(connection, texts, count))
        })
    }

    /// The initial prompt pool; `None` if the run was not set up.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn pool(&self) -> Result<Option<Vec<String>>, JournalError> {
        self.snapshot(|| {
            let ledger = self.ledger()?;
            let (pool, sum) = self.contents(contents::read_pool)?;
            if self.format >= 3 && sum != ledger.pool {
                return Err(
                    self.fault(None, wrong("its pool is not what was recorded: its checksum differs"))
                );
            }
            Ok(ledger.set_up.then_some(pool))
        })
    }

    /// The calls that made the initial pool.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn set_up_calls(&self) -> Result<Vec<ModelCall>, JournalError> {
        self.snapshot(|| {
            let recorded = self.ledger()?.set_up_calls;
            self.calls(None, recorded).map_err(|fault| self.fault(None, fault))
        })
    }

    /// How many candidates are settled.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn len(&self) -> Result<u64, JournalError> {
        Ok(self.totals()?.candidates)
    }

    /// Whether no candidate is settled.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn is_empty(&self) -> Result<bool, JournalError> {
        Ok(self.len()? == 0)
    }

    /// The run's sums; the time this takes doesn't depend on the run's length.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn totals(&self) -> Result<Totals, JournalError> {
        Ok(self.ledger()?.totals)
    }

    /// How answers were scored, in alphabetical order: one method, or more if a resumed run met another server.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn methods(&self) -> Result<Vec<String>, JournalError> {
        Ok(self.cached_and_methods()?.1)
    }

    /// How many calls were answered without asking anybody: from a cache or a recording.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn cached_calls(&self) -> Result<u64, JournalError> {
        Ok(self.cached_and_methods()?.0)
    }

    /// Sums over all calls by role, model and kind, in that order. Their number and tokens are compared with the checked
    /// totals; single calls are checked by [`Reader::candidate`].
    ///
    /// # Errors
    /// If the journal can't be read, or models have more names than a reader takes on.
    pub fn asked(&self) -> Result<Vec<Asked>, JournalError> {
        let mut sums = AskedSums::default();
        self.asked_since(&mut sums)?;
        Ok(sums.told())
    }

    /// Takes the calls into sums that are not among them yet: for whoever follows a run. After an error the sums are of
    /// no use.
    ///
    /// # Errors
    /// As [`Reader::asked`].
    pub fn asked_since(&self, sums: &mut AskedSums) -> Result<(), JournalError> {
        self.snapshot(|| {
            let totals = self.ledger()?.totals;
            sums.go_on(self.connection(), &totals).map_err(|unsummed| match unsummed {
                Unsummed::Fault(fault) => self.fault(None, fault),
                Unsummed::TooMany => JournalError::TooBigToRead {
                    path: self.path.clone(),
                    detail: "it was made with more than a thousand models".to_owned(),
                },
            })
        })
    }

    fn cached_and_methods(&self) -> Result<(u64, Vec<String>), JournalError> {
        let ledger = self.ledger()?;
        if self.format >= 3 {
            return Ok((ledger.cached, ledger.methods));
        }
        cached_and_methods(self.connection(), ledger.totals.calls)
            .map_err(|error| JournalError::sqlite(&self.path, error))
    }

    fn ledger(&self) -> Result<Ledger, JournalError> {
        Ledger::read(self.connection(), self.format).map_err(|fault| self.fault(None, fault))
    }

    /// Hands over every settled candidate in index order, one at a time: the state of the run when it was called,
    /// whatever is settled meanwhile.
    ///
    /// # Errors
    /// Those of `f`, and if the journal can't be read.
    pub fn fold<E: From<JournalError>>(
        &self,
        f: &mut dyn FnMut(Candidate) -> Result<(), E>,
    ) -> Result<(), E> {
        self.fold_lived(0, &mut |candidate, _| f(candidate))
    }

    /// The same from a candidate on, with what its row holds beside it.
    pub(crate) fn fold_lived<E: From<JournalError>>(
        &self,
        first: u64,
        f: &mut dyn FnMut(Candidate, LifeColumns) -> Result<(), E>,
    ) -> Result<(), E> {
        self.snapshot(|| {
            let settled = self.ledger()?.totals.candidates;
            ahead::fold(self, first..settled, f)?;
            Ok(self.check_end(settled)?)
        })
    }

    /// Hands these candidates over, all of which are settled.
    pub(crate) fn some<E: From<JournalError>>(
        &self,
        which: Range<u64>,
        f: &mut dyn FnMut(Candidate, LifeColumns) -> Result<(), E>,
    ) -> Result<(), E> {
        let sqlite = |error| E::from(JournalError::sqlite(&self.path, error));
        let select =
            format!("{} WHERE c.id >= ?1 AND c.id < ?2 ORDER BY c.id", select_candidate(self.format));
        let mut statement = self.connection().prepare_cached(&select).map_err(sqlite)?;
        let ends = [which.start, which.end].map(|end| i64::try_from(end).unwrap_or(i64::MAX));
        let mut rows = statement.query(ends).map_err(sqlite)?;
        let mut next = which.start;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let (candidate, lived) = self.settled(row).map_err(|fault| self.fault(Some(next), fault))?;
            self.check_order(next, candidate.index)?;
            next += 1;
            f(candidate, lived)?;
        }
        Ok(self.check_order(next, which.end)?)
    }

    /// Refuses a candidate behind the last that is settled.
    fn check_end(&self, settled: u64) -> Result<(), JournalError> {
        let select = "SELECT 1 FROM candidates WHERE id >= ?1 LIMIT 1";
        let behind = |end: i64| self.connection().query_row(select, [end], |_| Ok(())).optional();
        let found = i64::try_from(settled).ok().map(behind).transpose();
        match found.map_err(|error| JournalError::sqlite(&self.path, error))?.flatten() {
            Some(()) => {
                Err(JournalError::damaged(&self.path, format!("candidate {settled} is not among its sums")))
            }
            None => Ok(()),
        }
    }

    fn check_order(&self, expected: u64, found: u64) -> Result<(), JournalError> {
        if expected == found {
            return Ok(());
        }
        Err(JournalError::damaged(&self.path, format!("candidate {} is missing", expected.min(found))))
    }

    /// A candidate and how it was lived; `None` if it isn't settled.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn candidate(&self, index: u64) -> Result<Option<(Candidate, Life)>, JournalError> {
        self.one(index, |row| {
            let (candidate, lived) = self.settled(row)?;
            let calls = self.calls(Some(candidate.index as i64), lived.calls_checksum)?;
            let life = Life {
                calls,
                live_ms: lived.live_ms,
                isolation: lived.isolation,
                model: lived.model,
                evaluator: row.get(at::EVALUATOR)?,
                worker: row.get(at::WORKER)?,
            };
            Ok((candidate, life))
        })
    }

    /// A candidate's genome; `None` if it has none or isn't settled.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn genome(&self, index: u64) -> Result<Option<std::sync::Arc<Genome>>, JournalError> {
        Ok(self.one(index, |row| self.settled(row))?.and_then(|(candidate, _)| candidate.genome))
    }

    /// How the sessions of the run ended, the first one first.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn sessions(&self) -> Result<Vec<SessionEnd>, JournalError> {
        self.snapshot(|| {
            let count = if self.format >= 3 { Some(self.ledger()?.sessions) } else { None };
            self.contents(|connection, _| contents::read_sessions(connection, count))
        })
    }

    /// Runs `work` on one unchanging state of the run, however many statements it takes.
    pub(crate) fn snapshot<T, E: From<JournalError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if !self.connection().is_autocommit() {
            return work();
        }
        let sqlite = |error| E::from(JournalError::sqlite(&self.path, error));
        let transaction = self.connection().unchecked_transaction().map_err(sqlite)?;
        let result = work()?;
        transaction.finish().map_err(sqlite)?;
        match self.read.stamp {
            // It was read as a file that doesn't change.
            Some(stamp) if file::stamp(&self.path) != Some(stamp) => {
                Err(JournalError::InUse { path: self.path.clone() }.into())
            }
            _ => Ok(result),
        }
    }

    fn one<T>(
        &self,
        index: u64,
        read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, JournalError> {
        let Ok(id) = i64::try_from(index) else { return Ok(None) };
        self.snapshot(|| {
            let settled = self.ledger()?.totals.candidates;
            let select = format!("{} WHERE c.id = ?1", select_candidate(self.format));
            let query = || {
                let mut statement = self.connection().prepare_cached(&select)?;
                statement.query_row([id], |row| Ok(read(row))).optional()
            };
            let found = query().map_err(|error| JournalError::sqlite(&self.path, error))?;
            match found {
                None if index < settled => Err(self.fault(Some(index), wrong("it is missing"))),
                found => found.transpose().map_err(|fault| self.fault(Some(index), fault)),
            }
        })
    }

    fn calls(
        &self,
        candidate: Option<i64>,
        recorded: Option<crate::checksum::Digest>,
    ) -> Result<Vec<ModelCall>, Fault> {
        let select = format!("{} WHERE k.candidate IS ?1 ORDER BY k.id", select_calls(self.format));
        let mut statement = self.connection().prepare_cached(&select)?;
        let mut texts = self.texts.borrow_mut();
        let (calls, sum) = self.rows(&mut texts).calls(&mut statement.query([candidate])?)?;
        if self.format >= 3 && sum != recorded {
            return Err(wrong("its calls are not what was recorded: their checksum differs"));
        }
        Ok(calls)
    }

    fn settled(&self, row: &Row<'_>) -> Result<(Candidate, LifeColumns), Fault> {
        self.rows(&mut self.texts.borrow_mut()).candidate(row)
    }

    fn rows<'a>(&'a self, texts: &'a mut Texts) -> Rows<'a> {
        Rows { connection: self.connection(), texts, checked: self.format >= FORMAT_VERSION }
    }

    fn contents<T>(
        &self,
        read: impl FnOnce(&Connection, &mut Texts) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        read(self.connection(), &mut self.texts.borrow_mut()).map_err(|fault| self.fault(None, fault))
    }

    fn connection(&self) -> &Connection {
        &self.read.connection
    }

    fn fault(&self, candidate: Option<u64>, fault: Fault) -> JournalError {
        JournalError::fault(&self.path, candidate, fault)
    }
}

/// How many calls were answered without asking anybody, and how answers were scored: of formats whose totals don't say
/// it. No more calls are looked at than the totals claim.
pub(crate) fn cached_and_methods(
    connection: &Connection,
    calls: u64,
) -> rusqlite::Result<(u64, Vec<String>)> {
    let calls = i64::try_from(calls).unwrap_or(i64::MAX);
    let select = "SELECT count(*) FROM (SELECT attempts, error FROM calls LIMIT ?1) WHERE attempts = 0 AND error IS NULL";
    let found: i64 = connection.query_row(select, [calls], |row| row.get(0))?;
    let select = "SELECT DISTINCT method FROM (SELECT method FROM calls LIMIT ?1) WHERE method IS NOT NULL ORDER BY method";
    let mut statement = connection.prepare(select)?;
    let methods = statement.query_map([calls], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok((found.unsigned_abs(), methods))
}
