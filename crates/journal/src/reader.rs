//! Reading a run, while it goes on or long after.
//!
//! Never writes, never waits for the writer. What the columns mean is in `row`; how whole runs become other
//! files in [`crate::export`].

use crate::error::JournalError;
use crate::file;
use crate::record::{Candidate, FateCounts, Genome, Header, ModelCall, SessionEnd, Settled, Totals};
use crate::row;
use crate::schema::FORMAT_VERSION;
use crate::text::Unpacker;
use rusqlite::{Connection, OptionalExtension as _, Params, Row};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A reader of one run's journal. Any number of them may be open while the run goes on.
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    header: Header,
    unpacker: RefCell<Unpacker>,
    examples: RefCell<Examples>,
}

impl Reader {
    /// Opens a run to read it, from the path of the file or of its directory.
    ///
    /// # Errors
    /// If the file is missing, not a journal, of another version, cut off or damaged.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let path = file::journal_path(path);
        let connection = file::connect_reader(&path)?;
        let found = file::check_format(&connection, &path)?;
        if found < FORMAT_VERSION {
            return Err(JournalError::Older { path, found, known: FORMAT_VERSION });
        }
        let header = read_header(&connection).map_err(|error| JournalError::sqlite(&path, error))?;
        let (unpacker, examples) = (RefCell::new(Unpacker::new()), RefCell::default());
        Ok(Self { connection, path, header, unpacker, examples })
    }

    /// What the run is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where the journal is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The initial prompt pool; `None` if the run was not set up.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn pool(&self) -> Result<Option<Vec<String>>, JournalError> {
        let (_, set_up) = self.all_totals()?;
        let select = "SELECT t.codec, t.size, t.body FROM pool p LEFT JOIN texts t ON t.id = p.text \
                      ORDER BY p.position";
        let texts = self.list(select, [], |row| {
            row::text(row, 0, &mut self.unpacker.borrow_mut())?.ok_or(rusqlite::Error::QueryReturnedNoRows)
        })?;
        Ok(set_up.then_some(texts))
    }

    /// The calls that made the initial pool.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn set_up_calls(&self) -> Result<Vec<ModelCall>, JournalError> {
        self.calls(None)
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
        Ok(self.all_totals()?.0)
    }

    /// How answers were scored, in alphabetical order: one method, or more if a resumed run met another server.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn methods(&self) -> Result<Vec<String>, JournalError> {
        let select = "SELECT DISTINCT method FROM calls WHERE method IS NOT NULL ORDER BY method";
        self.list(select, [], |row| row.get(0))
    }

    /// How many calls were answered without asking anybody: from a cache or a recording.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn found_calls(&self) -> Result<u64, JournalError> {
        let select = "SELECT count(*) FROM calls WHERE attempts = 0 AND error IS NULL";
        Ok(self.list(select, [], |row| row.get::<_, i64>(0))?.first().map_or(0, |count| count.unsigned_abs()))
    }

    fn all_totals(&self) -> Result<(Totals, bool), JournalError> {
        read_totals(&self.connection).map_err(|error| self.fail(error))
    }

    /// Hands over every settled candidate in index order, without its calls, one at a time: the state of the run
    /// when it was called, whatever is settled meanwhile.
    ///
    /// # Errors
    /// Those of `f`, and if the journal can't be read.
    pub fn fold<E: From<JournalError>>(&self, f: &mut dyn FnMut(Settled) -> Result<(), E>) -> Result<(), E> {
        let fail = |error| E::from(self.fail(error));
        let select = format!("SELECT {} ORDER BY c.id", row::SETTLED_COLUMNS);
        let mut statement = self.connection.prepare_cached(&select).map_err(fail)?;
        let mut rows = statement.query([]).map_err(fail)?;
        let mut expected = 0;
        while let Some(row) = rows.next().map_err(fail)? {
            let settled = self.settled(row).map_err(fail)?;
            self.check_order(expected, settled.index)?;
            expected += 1;
            f(settled)?;
        }
        Ok(())
    }

    fn check_order(&self, expected: u64, found: u64) -> Result<(), JournalError> {
        if expected == found {
            return Ok(());
        }
        Err(JournalError::damaged(&self.path, format!("candidate {expected} is missing")))
    }

    /// A candidate with everything that made it; `None` if it isn't settled.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn candidate(&self, index: u64) -> Result<Option<Candidate>, JournalError> {
        let found = self.one(index, |row| Ok((self.settled(row)?, row.get(row::ISOLATION)?)))?;
        let Some((settled, isolation)) = found else { return Ok(None) };
        let calls = self.calls(Some(settled.index as i64))?;
        Ok(Some(Candidate {
            index: settled.index,
            parents: settled.parents,
            genome: settled.genome,
            measures: settled.measures,
            objective: settled.objective,
            fate: settled.fate,
            cell: settled.cell,
            rank: settled.rank,
            live_ms: settled.live_ms,
            isolation,
            arm: settled.arm,
            calls,
        }))
    }

    /// A candidate's genome; `None` if it has none or isn't settled.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn genome(&self, index: u64) -> Result<Option<Genome>, JournalError> {
        Ok(self.one(index, |row| self.settled(row))?.and_then(|settled| settled.genome))
    }

    /// How the sessions of the run ended, the first one first.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn sessions(&self) -> Result<Vec<SessionEnd>, JournalError> {
        self.list("SELECT reason, candidates, ended FROM sessions ORDER BY id", [], |row| {
            Ok(SessionEnd { reason: row.get(0)?, candidates: row::integer(row, 1)?, ended: row.get(2)? })
        })
    }

    /// Runs `work` on one unchanging state of the run, however many statements it takes.
    pub(crate) fn snapshot<T>(
        &self,
        work: impl FnOnce() -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let transaction = self.connection.unchecked_transaction().map_err(|error| self.fail(error))?;
        let result = work()?;
        transaction.finish().map_err(|error| self.fail(error))?;
        Ok(result)
    }

    /// The largest number of measures that a candidate has.
    pub(crate) fn measure_count(&self) -> Result<usize, JournalError> {
        let select = "SELECT coalesce(max(json_array_length(measures)), 0) FROM candidates";
        let count: u32 =
            self.connection.query_row(select, [], |row| row.get(0)).map_err(|error| self.fail(error))?;
        Ok(count as usize)
    }

    fn one<T>(
        &self,
        index: u64,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, JournalError> {
        let Ok(index) = i64::try_from(index) else { return Ok(None) };
        let select = format!("SELECT {} WHERE c.id = ?1", row::SETTLED_COLUMNS);
        let query = || self.connection.prepare_cached(&select)?.query_row([index], read).optional();
        query().map_err(|error| self.fail(error))
    }

    fn calls(&self, candidate: Option<i64>) -> Result<Vec<ModelCall>, JournalError> {
        let select = format!("SELECT {} WHERE k.candidate IS ?1 ORDER BY k.id", row::CALL_COLUMNS);
        self.list(&select, [candidate], |row| row::call(row, &mut self.unpacker.borrow_mut()))
    }

    fn list<T>(
        &self,
        select: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let query = || {
            self.connection.prepare_cached(select)?.query_map(values, read)?.collect::<rusqlite::Result<_>>()
        };
        query().map_err(|error| self.fail(error))
    }

    fn settled(&self, row: &Row<'_>) -> rusqlite::Result<Settled> {
        let mut unpacker = self.unpacker.borrow_mut();
        let mut examples = self.examples.borrow_mut();
        row::settled(row, &mut unpacker, &mut |id| examples.find(&self.connection, id))
    }

    fn fail(&self, error: rusqlite::Error) -> JournalError {
        JournalError::sqlite(&self.path, error)
    }
}

/// The few-shot examples that were read last: elites are shown again and again.
struct Examples {
    known: HashMap<i64, Arc<str>>,
    bytes: usize,
    unpacker: Unpacker,
}

impl Default for Examples {
    fn default() -> Self {
        Self { known: HashMap::new(), bytes: 0, unpacker: Unpacker::new() }
    }
}

impl Examples {
    /// When the known examples take more than this, they are forgotten.
    const MOST_BYTES: usize = 8 << 20;

    fn find(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<Arc<str>> {
        if let Some(text) = self.known.get(&id) {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = connection
            .prepare_cached("SELECT codec, size, body FROM texts WHERE id = ?1")?
            .query_row([id], |row| row::text(row, 0, &mut self.unpacker))?
            .ok_or(rusqlite::Error::QueryReturnedNoRows)?
            .into();
        if self.bytes > Self::MOST_BYTES {
            self.known.clear();
            self.bytes = 0;
        }
        // The entry itself counts too, so that endless short texts are forgotten as well.
        self.bytes += text.len() + 64;
        self.known.insert(id, Arc::clone(&text));
        Ok(text)
    }
}

fn read_header(connection: &Connection) -> rusqlite::Result<Header> {
    let select = "SELECT config, experiment, environment, seed, samara, created FROM run";
    connection.query_row(select, [], |row| {
        Ok(Header {
            config: row.get(0)?,
            experiment: row.get(1)?,
            environment: row.get(2)?,
            seed: row::seed(row, 3)?,
            samara: row.get(4)?,
            created: row.get(5)?,
        })
    })
}

/// The run's sums, and whether it was set up.
pub(crate) fn read_totals(connection: &Connection) -> rusqlite::Result<(Totals, bool)> {
    let select = "SELECT candidates, calls, tokens_in, tokens_out, cost, new, improved, not_better, invalid, failed, \
                  set_up FROM totals";
    connection.prepare_cached(select)?.query_row([], |row| {
        let count = |column| row::integer(row, column);
        let fates = FateCounts {
            new: count(5)?,
            improved: count(6)?,
            not_better: count(7)?,
            invalid: count(8)?,
            failed: count(9)?,
        };
        let totals = Totals {
            candidates: count(0)?,
            calls: count(1)?,
            tokens_in: count(2)?,
            tokens_out: count(3)?,
            cost: row.get(4)?,
            fates,
        };
        Ok((totals, row.get(10)?))
    })
}
