//! Stored answers in an SQLite file, by the digest of what was asked.
//!
//! SQLite because one file is then shared by any number of processes, survives a kill of any of them, and stays
//! within a size without a scan. A row is trusted only if its own digest matches. `cache.rs` decides what may be stored,
//! and which stored result answers a request.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};
use samara_seedling::files;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{error::LmError, operation::Value};

/// `PRAGMA application_id`: the bytes `SAMX`.
const APPLICATION_ID: i64 = u32::from_be_bytes(*b"SAMX") as i64;
const FORMAT_VERSION: i64 = 1;

/// How long a statement waits for another process's lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// The tables of format 1. id: the order of arrival; outcome: a [`StoredResult`] as JSON; digest: the first 16 bytes of
/// the SHA-256 of key and outcome.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS exchanges (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, outcome TEXT NOT NULL, digest BLOB NOT NULL
)";

/// What a stored result is looked up by: the SHA-256 of who was asked for what.
pub(crate) type Key = [u8; 32];

/// How an operation ended, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredResult {
    Answer { value: Value, tokens_in: u64, tokens_out: u64, estimated: bool, latency_ms: f64 },
    Error(LmError),
}

/// A row, as far as it can be trusted.
#[derive(Debug, PartialEq)]
pub(crate) enum Row {
    Absent,
    Damaged,
    Intact(StoredResult),
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    max_bytes: Option<u64>,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// It is a database of something else.
    #[error("it is a database of another program")]
    Foreign,
    /// Another version of samara wrote it.
    #[error("it has format version {0}, and this samara reads version {FORMAT_VERSION}")]
    Version(i64),
    /// A result can't be written as JSON.
    #[error("an answer can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It can't be opened, or is a FIFO, a device or a folder.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// SQLite can't use it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl Store {
    /// Opens or makes a file to read and write; at most about `max_bytes` of it are in use.
    pub(crate) fn open(path: &Path, max_bytes: Option<u64>) -> Result<Self, StoreError> {
        let begun = Instant::now();
        loop {
            match Self::begin(path, max_bytes) {
                // For a change of the journal's mode SQLite waits for nobody, whatever it was told.
                Err(StoreError::Sqlite(error)) if is_busy(&error) && begun.elapsed() < LOCK_TIMEOUT => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                opened => return opened,
            }
        }
    }

    fn begin(path: &Path, max_bytes: Option<u64>) -> Result<Self, StoreError> {
        // SQLite would wait for a FIFO.
        if path.exists() {
            files::open(path)?;
        }
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(LOCK_TIMEOUT)?;
        // Checked and made in one transaction: two processes may begin at the same moment.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if pragma(&transaction, "schema_version")? == 0 {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", FORMAT_VERSION)?;
        }
        check(&transaction)?;
        transaction.commit()?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self { connection, max_bytes })
    }

    /// Opens a file to read it only.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        if path.exists() {
            files::open(path)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(LOCK_TIMEOUT)?;
        check(&connection)?;
        Ok(Self { connection, max_bytes: None })
    }

    /// The row of a key.
    pub(crate) fn find(&self, key: &Key) -> Result<Row, StoreError> {
        Ok(find(&self.connection, key)?)
    }

    /// Stores a result, unless there is one already and `keep` says to keep it; returns the one that is stored now.
    pub(crate) fn put(
        &mut self,
        key: &Key,
        result: StoredResult,
        keep: impl Fn(&StoredResult) -> bool,
    ) -> Result<StoredResult, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Row::Intact(stored) = find(&transaction, key)?
            && keep(&stored)
        {
            return Ok(stored);
        }
        let text = serde_json::to_string(&result)?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO exchanges (key, outcome, digest) VALUES (?1, ?2, ?3)")?
            .execute(params![key, text, digest(key, &text)])?;
        if let Some(max_bytes) = self.max_bytes {
            evict(&transaction, max_bytes)?;
        }
        transaction.commit()?;
        Ok(result)
    }

    /// Leaves a single file that can be read in a folder that can't be written.
    pub(crate) fn finish(&self) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, "journal_mode", "DELETE")?)
    }
}

fn find(connection: &Connection, key: &Key) -> rusqlite::Result<Row> {
    let mut statement = connection.prepare_cached("SELECT outcome, digest FROM exchanges WHERE key = ?1")?;
    let row = statement.query_row([key], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
    // An outcome that is no longer text is as damaged as one with the wrong digest.
    let row = match row {
        Err(rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)) => {
            return Ok(Row::Damaged);
        }
        row => row.optional()?,
    };
    let Some((text, stored)) = row else { return Ok(Row::Absent) };
    if stored != digest(key, &text) {
        return Ok(Row::Damaged);
    }
    Ok(serde_json::from_str(&text).map_or(Row::Damaged, Row::Intact))
}

fn digest(key: &Key, text: &str) -> Vec<u8> {
    Sha256::new().chain_update(key).chain_update(text).finalize()[..16].to_vec()
}

/// Deletes the oldest twentieth as often as needed until at most `max_bytes` of the file are in use.
fn evict(connection: &Connection, max_bytes: u64) -> rusqlite::Result<()> {
    let used = || -> rusqlite::Result<u64> {
        let pages = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
        Ok((pages * pragma(connection, "page_size")?).unsigned_abs())
    };
    while used()? > max_bytes {
        let deleted = connection.execute(
            "DELETE FROM exchanges WHERE id <= (SELECT min(id) + (max(id) - min(id)) / 20 FROM exchanges)",
            [],
        )?;
        if deleted == 0 {
            break;
        }
    }
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Whether the file is a cache or a recording, and of this version.
fn check(connection: &Connection) -> Result<(), StoreError> {
    if pragma(connection, "application_id")? != APPLICATION_ID {
        return Err(StoreError::Foreign);
    }
    match pragma(connection, "user_version")? {
        FORMAT_VERSION => Ok(()),
        other => Err(StoreError::Version(other)),
    }
}

/// Whether another process holds the file just now.
fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Finish;

    fn result(text: &str) -> StoredResult {
        let value = Value::Text(text.into(), Finish::Stop);
        StoredResult::Answer { value, tokens_in: 1, tokens_out: 2, estimated: false, latency_ms: 0.1 }
    }

    fn key(number: u32) -> Key {
        Sha256::digest(number.to_le_bytes()).into()
    }

    #[test]
    fn the_first_stored_answer_holds_for_every_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let path = path.clone();
                std::thread::spawn(move || {
                    let mut store = Store::open(&path, None).expect("opens");
                    let put = |n| store.put(&key(n), result(&format!("{thread}")), |_| true).expect("stored");
                    (0..50).map(put).collect::<Vec<_>>()
                })
            })
            .collect();
        let stored: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        for other in &stored[1..] {
            assert_eq!(other, &stored[0], "all have the same answers");
        }
    }

    #[test]
    fn many_that_make_the_same_file_at_once_all_have_it() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("cache");
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| Store::open(&path, None).expect("opens"));
                }
            });
        }
    }

    #[test]
    fn a_row_that_was_changed_is_not_trusted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        let mut store = Store::open(&path, None).expect("opens");
        store.put(&key(1), result("good"), |_| true).expect("stored");
        assert_eq!(store.find(&key(1)).expect("found"), Row::Intact(result("good")));
        let change = "UPDATE exchanges SET outcome = replace(outcome, 'good', 'evil')";
        Connection::open(&path).expect("opens").execute(change, []).expect("changed");
        assert_eq!(store.find(&key(1)).expect("found"), Row::Damaged);
        store.put(&key(1), result("again"), |_| true).expect("stored");
        assert_eq!(store.find(&key(1)).expect("found"), Row::Intact(result("again")));
    }

    #[test]
    fn a_bounded_file_loses_the_oldest_and_keeps_the_newest() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        let max_bytes = 256 << 10;
        let mut store = Store::open(&path, Some(max_bytes)).expect("opens");
        for number in 0..2000 {
            store.put(&key(number), result(&"x".repeat(500)), |_| true).expect("stored");
        }
        assert_eq!(store.find(&key(0)).expect("read"), Row::Absent);
        assert!(matches!(store.find(&key(1999)).expect("read"), Row::Intact(_)));
        store.finish().expect("one file");
        assert!(std::fs::metadata(&path).expect("is there").len() <= max_bytes + (64 << 10));
    }

    #[test]
    fn a_file_of_format_1_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("recording");
        let texts = [
            r#"{"answer":{"value":{"text":["peas","stop"]},"tokens_in":1,"tokens_out":2,"estimated":false,"latency_ms":0.1}}"#,
            r#"{"error":{"kind":"timeout","message":"m: no answer in time","hint":null,"attempts":8}}"#,
        ];
        let written = Connection::open(&path).expect("opens");
        written
            .execute_batch(
                "CREATE TABLE exchanges (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, outcome TEXT NOT NULL, digest BLOB NOT NULL);
                 PRAGMA application_id = 0x53414d58; PRAGMA user_version = 1;",
            )
            .expect("made");
        for (number, text) in (0..).zip(texts) {
            let digest = Sha256::new().chain_update(key(number)).chain_update(text).finalize()[..16].to_vec();
            written
                .execute(
                    "INSERT INTO exchanges (key, outcome, digest) VALUES (?1, ?2, ?3)",
                    params![key(number), text, digest],
                )
                .expect("inserted");
        }
        let store = Store::open_to_read(&path).expect("opens");
        assert_eq!(store.find(&key(0)).expect("read"), Row::Intact(result("peas")));
        let error =
            LmError { attempts: 8, ..LmError::new(crate::ErrorKind::Timeout, "m: no answer in time") };
        assert_eq!(store.find(&key(1)).expect("read"), Row::Intact(StoredResult::Error(error)));
        written.pragma_update(None, "user_version", 2).expect("updated");
        let refused = Store::open_to_read(&path).expect_err("a later version").to_string();
        assert_eq!(refused, "it has format version 2, and this samara reads version 1");
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = folder.path().join("notes.txt");
        std::fs::write(
            &text,
            "some notes that are longer than a header of a database, really they are; so there",
        )
        .expect("written");
        assert!(Store::open(&text, None).is_err());
        let foreign = folder.path().join("other.db");
        Connection::open(&foreign).expect("opens").execute_batch("CREATE TABLE a (x)").expect("made");
        assert!(matches!(Store::open(&foreign, None), Err(StoreError::Foreign)));
        assert!(Store::open_to_read(&folder.path().join("missing")).is_err());
    }
}
