//! The journal as a file: what is checked before SQLite sees it, the lock of its writer, how connections are set.
//!
//! Knows nothing of candidates. The tables are in [`crate::schema`], the errors in [`crate::error`].

use crate::error::JournalError;
use crate::schema::{APPLICATION_ID, FORMAT_VERSION};
use crate::wal::{self, Log};
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of a journal in its run's directory.
pub const FILE_NAME: &str = "run.db";

/// How long a statement waits for another connection's lock.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a connection is set. `journal_size_limit` shortens the WAL again after a long reader has made it grow.
const WRITER_SETTINGS: &str = "
PRAGMA synchronous = NORMAL;
PRAGMA foreign_keys = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -16384;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA journal_size_limit = 67108864;
";

const READER_SETTINGS: &str = "
PRAGMA query_only = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -8192;
";

/// SQLite's file header; the fields are in section 1.3 of its file format description.
const HEADER_LENGTH: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The journal at `path`, or in the directory at `path`.
pub(crate) fn journal_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() }
}

/// The right to write the journal at `path`, until it is dropped or the process ends.
pub(crate) fn lock(path: &Path) -> Result<File, JournalError> {
    let beside = path.with_extension("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&beside)
        .map_err(|error| JournalError::io(&beside, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(JournalError::io(&beside, error)),
    }
}

/// Opens a file of our own making (an empty one when the run is new) to write it.
pub(crate) fn connect_writer(path: &Path) -> Result<Connection, JournalError> {
    let connect = || {
        let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(WRITER_SETTINGS)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    connect().map_err(|error| JournalError::sqlite(path, error))
}

/// Opens an existing journal to read it, in a directory that can't be written too.
pub(crate) fn connect_reader(path: &Path) -> Result<Connection, JournalError> {
    check_bytes(path)?;
    let probe = |connection: Connection| {
        connection.execute_batch(READER_SETTINGS)?;
        connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
        Ok(connection)
    };
    let opened = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(probe);
    let opened = match opened {
        // Reading a WAL database needs a -shm file beside it. If that can't be made and there is no WAL, nobody
        // writes: then SQLite may read the file as one that doesn't change.
        Err(error) if lacks_shared_memory(&error) && wal::length(path) == 0 => {
            open_immutable(path).and_then(probe)
        }
        other => other,
    };
    opened.map_err(|error| JournalError::sqlite(path, error))
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn lacks_shared_memory(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let escaped: String = path.to_string_lossy().chars().map(uri_part).collect();
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
}

fn uri_part(c: char) -> String {
    match c {
        '%' | '?' | '#' => format!("%{:02x}", u32::from(c)),
        _ => c.to_string(),
    }
}

/// Checks what can be told from a file's bytes alone: that it exists, is of SQLite and is whole.
///
/// A writer may be at work meanwhile. Pages go from the log to the file before the log begins anew, so the log is read
/// first and the file's length last: whatever was in neither is missing.
pub(crate) fn check_bytes(path: &Path) -> Result<(), JournalError> {
    let fail = |error| JournalError::io(path, error);
    let file = File::open(path).map_err(fail)?;
    // A log that is gone by now has gone into the file; one that can't be read, SQLite will name.
    let log = if wal::length(path) > 0 { Log::read(path).unwrap_or_default() } else { Log::default() };
    let mut header = Vec::with_capacity(HEADER_LENGTH);
    (&file).take(HEADER_LENGTH as u64).read_to_end(&mut header).map_err(fail)?;
    let found = file.metadata().map_err(fail)?.len();
    let has_log = wal::length(path) > 0;
    let path = path.to_owned();
    if found == 0 && !has_log {
        return Err(JournalError::Empty { path });
    }
    if !MAGIC.starts_with(&header[..header.len().min(MAGIC.len())]) {
        return Err(JournalError::NotSqlite { path });
    }
    // While there is a log, the header may be ahead of the file.
    let claimed = if has_log { 0 } else { expected_length(&header) };
    match log.lacks(found).or(Some(claimed).filter(|claimed| found < *claimed)) {
        Some(expected) => Err(JournalError::Truncated { path, expected, found }),
        None => Ok(()),
    }
}

/// The length in bytes that a file's header claims.
fn expected_length(header: &[u8]) -> u64 {
    if header.len() < HEADER_LENGTH {
        return HEADER_LENGTH as u64;
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    page * u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]))
}

/// Checks whose database it is, and returns its format version if that is not a newer one.
pub(crate) fn check_format(connection: &Connection, path: &Path) -> Result<u32, JournalError> {
    let pragma = |name: &str| -> Result<i64, JournalError> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|error| JournalError::sqlite(path, error))
    };
    // An application's id is any 32 bits; SQLite shows them as a signed number.
    let application = pragma("application_id")? as u32;
    let version = u32::try_from(pragma("user_version")?).unwrap_or(u32::MAX);
    let path = path.to_owned();
    if application == 0 && pragma("schema_version")? == 0 {
        return Err(JournalError::Empty { path });
    }
    if application != APPLICATION_ID {
        return Err(JournalError::Foreign { path, application });
    }
    if version > FORMAT_VERSION {
        return Err(JournalError::Newer { path, found: version, known: FORMAT_VERSION });
    }
    if version == 0 {
        return Err(JournalError::Damaged { path, detail: "it has no format version".to_owned() });
    }
    Ok(version)
}
