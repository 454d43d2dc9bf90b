//! Exchanges in an SQLite file: outcomes by the digest of what was asked.
//!
//! SQLite because one file is then shared by any number of processes, survives a kill of any of them, and stays
//! within a size without a scan. A row is trusted only if its own digest fits. What may be kept, and when a kept
//! outcome counts, is `recall.rs`'s to decide.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{LmError, client::Value};

/// `PRAGMA application_id`: the bytes `SAMX`.
const APPLICATION_ID: i64 = u32::from_be_bytes(*b"SAMX") as i64;
const FORMAT_VERSION: i64 = 1;

/// How long a statement waits for another process' lock.
const PATIENCE: Duration = Duration::from_secs(30);

/// id: the order of arrival; digest: the first 16 bytes of the SHA-256 of key and outcome.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS exchanges (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, outcome TEXT NOT NULL, digest BLOB NOT NULL
)";

/// What an exchange is found by: the SHA-256 of who was asked for what.
pub(crate) type Key = [u8; 32];

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Answer { value: Value, tokens_in: u64, tokens_out: u64, estimated: bool, latency_ms: f64 },
    Error(LmError),
}

/// A row, as far as it can be trusted.
#[derive(Debug, PartialEq)]
pub(crate) enum Row {
    Absent,
    Damaged,
    Whole(Outcome),
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    most_bytes: Option<u64>,
}

/// Why a file can't be used.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// It is something else.
    Foreign(String),
    /// SQLite says so.
    Sqlite(rusqlite::Error),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign(what) => f.write_str(what),
            Self::Sqlite(error) => error.fmt(f),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Store {
    /// Opens or makes a file to read and write; at most about `most_bytes` of it are used.
    pub(crate) fn open(path: &Path, most_bytes: Option<u64>) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
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
        Ok(Self { connection, most_bytes })
    }

    /// Opens a file to read it only.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        check(&connection)?;
        Ok(Self { connection, most_bytes: None })
    }

    /// The row of a key.
    pub(crate) fn find(&self, key: &Key) -> Result<Row, StoreError> {
        Ok(find(&self.connection, key)?)
    }

    /// Keeps an outcome unless `stays` says that the one that is there counts more; returns the one that is there now.
    pub(crate) fn keep(
        &mut self,
        key: &Key,
        outcome: Outcome,
        stays: impl Fn(&Outcome) -> bool,
    ) -> Result<Outcome, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Row::Whole(there) = find(&transaction, key)?
            && stays(&there)
        {
            return Ok(there);
        }
        let text = serde_json::to_string(&outcome).map_err(|error| StoreError::Foreign(error.to_string()))?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO exchanges (key, outcome, digest) VALUES (?1, ?2, ?3)")?
            .execute(params![key, text, digest(key, &text)])?;
        if let Some(most) = self.most_bytes {
            shorten(&transaction, most)?;
        }
        transaction.commit()?;
        Ok(outcome)
    }

    /// Leaves a single file that can be read in a folder that can't be written.
    pub(crate) fn finish(&self) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, "journal_mode", "DELETE")?)
    }
}

fn find(connection: &Connection, key: &Key) -> rusqlite::Result<Row> {
    let mut statement = connection.prepare_cached("SELECT outcome, digest FROM exchanges WHERE key = ?1")?;
    let row = statement.query_row([key], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
    // A body that is no text any more is damaged like one of another digest.
    let row = match row {
        Err(rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)) => {
            return Ok(Row::Damaged);
        }
        row => row.optional()?,
    };
    let Some((text, found)) = row else { return Ok(Row::Absent) };
    if found != digest(key, &text) {
        return Ok(Row::Damaged);
    }
    Ok(serde_json::from_str(&text).map_or(Row::Damaged, Row::Whole))
}

fn digest(key: &Key, text: &str) -> Vec<u8> {
    Sha256::new().chain_update(key).chain_update(text).finalize()[..16].to_vec()
}

/// Forgets the oldest twentieth for as long as more than `most` bytes of the file are in use.
fn shorten(connection: &Connection, most: u64) -> rusqlite::Result<()> {
    let used = || -> rusqlite::Result<u64> {
        let pages = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
        Ok((pages * pragma(connection, "page_size")?).unsigned_abs())
    };
    while used()? > most {
        let forgotten = connection.execute(
            "DELETE FROM exchanges WHERE id <= (SELECT min(id) + (max(id) - min(id)) / 20 FROM exchanges)",
            [],
        )?;
        if forgotten == 0 {
            break;
        }
    }
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Whether the file is of exchanges, and of this version.
fn check(connection: &Connection) -> Result<(), StoreError> {
    if pragma(connection, "application_id")? != APPLICATION_ID {
        return Err(StoreError::Foreign("it is a database of something else".into()));
    }
    match pragma(connection, "user_version")? {
        FORMAT_VERSION => Ok(()),
        other => Err(StoreError::Foreign(format!("it has format version {other}, not {FORMAT_VERSION}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Finish;

    fn outcome(text: &str) -> Outcome {
        let value = Value::Text(text.into(), Finish::Stop);
        Outcome::Answer { value, tokens_in: 1, tokens_out: 2, estimated: false, latency_ms: 0.1 }
    }

    fn key(number: u32) -> Key {
        Sha256::digest(number.to_le_bytes()).into()
    }

    #[test]
    fn what_is_kept_first_stays_for_every_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let path = path.clone();
                std::thread::spawn(move || {
                    let mut store = Store::open(&path, None).expect("opens");
                    let keep =
                        |n| store.keep(&key(n), outcome(&format!("{thread}")), |_| true).expect("kept");
                    (0..50).map(keep).collect::<Vec<_>>()
                })
            })
            .collect();
        let kept: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        assert!(kept.iter().all(|kept| *kept == kept[..].to_vec()));
        for other in &kept[1..] {
            assert_eq!(other, &kept[0], "all have the same answers");
        }
    }

    #[test]
    fn a_row_that_was_changed_is_not_trusted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        let mut store = Store::open(&path, None).expect("opens");
        store.keep(&key(1), outcome("good"), |_| true).expect("kept");
        assert_eq!(store.find(&key(1)).expect("found"), Row::Whole(outcome("good")));
        let change = "UPDATE exchanges SET outcome = replace(outcome, 'good', 'evil')";
        Connection::open(&path).expect("opens").execute(change, []).expect("changed");
        assert_eq!(store.find(&key(1)).expect("found"), Row::Damaged);
        store.keep(&key(1), outcome("again"), |_| true).expect("kept");
        assert_eq!(store.find(&key(1)).expect("found"), Row::Whole(outcome("again")));
    }

    #[test]
    fn a_bounded_file_forgets_the_oldest_and_keeps_the_newest() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        let most = 256 << 10;
        let mut store = Store::open(&path, Some(most)).expect("opens");
        for number in 0..2000 {
            store.keep(&key(number), outcome(&"x".repeat(500)), |_| true).expect("kept");
        }
        assert_eq!(store.find(&key(0)).expect("read"), Row::Absent);
        assert!(matches!(store.find(&key(1999)).expect("read"), Row::Whole(_)));
        store.finish().expect("one file");
        assert!(std::fs::metadata(&path).expect("is there").len() <= most + (64 << 10));
    }

    #[test]
    fn another_kind_of_file_is_refused() {
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
        assert!(matches!(Store::open(&foreign, None), Err(StoreError::Foreign(_))));
        assert!(Store::open_to_read(&folder.path().join("missing")).is_err());
    }
}
