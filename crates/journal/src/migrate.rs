//! A journal of an older format, brought up to date: the tables, then every row with what the new format has beside it.
//!
//! Runs in the caller's transaction. What the old format didn't record stays unknown: the run has no id, its inputs and
//! cells are not in it, and its candidates have neither horizon nor operator.

use rusqlite::OptionalExtension as _;
use samara_search::Candidate;

use crate::check::{Sums, integer};
use crate::columns::{select_calls, select_candidate};
use crate::contents;
use crate::error::JournalError;
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::reader::cached_and_methods;
use crate::record::{Life, ModelCall};
use crate::row::Rows;
use crate::schema::{self, FORMAT_VERSION};
use crate::store::Store;
use crate::texts::Texts;

/// Brings the journal from this format up to date; its sums.
pub(crate) fn to_current(store: &mut Store, from: u32) -> Result<Ledger, JournalError> {
    let path = store.path().to_owned();
    let fault = |fault| JournalError::fault(&path, None, fault);
    let connection = store.connection();
    let mut ledger = Ledger::read(connection, from).map_err(fault)?;
    let (header, _) = contents::read_header(connection, from).map_err(fault)?;
    let ends = contents::read_sessions(connection, None).map_err(fault)?;
    let (_, pool) = contents::read_pool(connection, &mut Texts::new()).map_err(fault)?;
    (ledger.cached, ledger.methods) =
        cached_and_methods(connection, ledger.totals.calls).map_err(|error| store.fail(error))?;
    ledger.pool = pool;
    schema::migrate(connection, from).map_err(|error| store.fail(error))?;
    contents::write_header(store, &header, from)?;
    store.execute("DELETE FROM sessions", [])?;
    for (position, end) in (0_i64..).zip(&ends) {
        contents::write_session(store, position, end)?;
    }
    ledger.sessions = ends.len() as u64;
    let mut texts = Texts::new();
    ledger.set_up_calls = calls(store, &mut texts, None).map_err(fault)?.1;
    for index in 0..ledger.totals.candidates {
        let (candidate, life, digest) = candidate(store, &mut texts, index)
            .map_err(|fault| JournalError::fault(&path, Some(index), fault))?;
        let sums = Sums::of(&life.calls)?;
        store.candidate(&candidate, &life, &sums, digest)?;
    }
    Ok(ledger)
}

type Digest = Option<crate::checksum::Digest>;

fn calls(
    store: &Store,
    texts: &mut Texts,
    candidate: Option<i64>,
) -> Result<(Vec<ModelCall>, Digest), Fault> {
    let connection = store.connection();
    let select = format!("{} WHERE k.candidate IS ?1 ORDER BY k.id", select_calls(FORMAT_VERSION));
    let mut statement = connection.prepare_cached(&select)?;
    Rows { connection, texts, checked: false }.calls(&mut statement.query([candidate])?)
}

/// A candidate of the old format, read from the new tables, where its checksums are missing.
fn candidate(store: &Store, texts: &mut Texts, index: u64) -> Result<(Candidate, Life, Digest), Fault> {
    let id = integer("a candidate's index", index).map_err(|error| Fault::Wrong(error.to_string()))?;
    let connection = store.connection();
    let (calls, digest) = calls(store, texts, Some(id))?;
    let select = format!("{} WHERE c.id = ?1", select_candidate(FORMAT_VERSION));
    let mut rows = Rows { connection, texts, checked: false };
    let read = |row: &rusqlite::Row<'_>| {
        Ok(rows.candidate(row).and_then(|(candidate, lived)| {
            let isolation = row.get(crate::columns::at::ISOLATION)?;
            Ok((candidate, Life { calls: Vec::new(), live_ms: lived.live_ms, isolation, ..Life::default() }))
        }))
    };
    let found = connection.prepare_cached(&select)?.query_row([id], read).optional()?;
    let (candidate, life) = found.unwrap_or_else(|| Err(Fault::Wrong("it is missing".to_owned())))?;
    Ok((candidate, Life { calls, ..life }, digest))
}
