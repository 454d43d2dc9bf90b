//! The journal as a file: what is checked before SQLite sees it, the lock of its writer, how connections are set.
//!
//! Knows nothing of candidates. The tables are in [`crate::schema`], the errors in [`crate::error`].

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use crate::error::JournalError;
use crate::schema::{APPLICATION_ID, FORMAT_VERSION, stranger};
use crate::wal::{self, Log};

/// The name of a journal in its run's directory.
pub const FILE_NAME: &str = "run.db";

/// How long a statement waits for another connection's lock.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a connection is set. `journal_size_limit` shortens the WAL again after a long reader has made it grow.
const WRITER_SETTINGS: &str = "
PRAGMA cell_size_check = ON;
PRAGMA synchronous = NORMAL;
PRAGMA foreign_keys = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -16384;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA journal_size_limit = 67108864;
";

const READER_SETTINGS: &str = "
PRAGMA cell_size_check = ON;
PRAGMA query_only = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -8192;
";

/// Bytes of one value or row that SQLite hands over at most: 128 MiB, twice the largest text.
const LONGEST_VALUE: i32 = 128 << 20;

/// SQLite's file header; the fields are in section 1.3 of its file format description.
const HEADER_LENGTH: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The journal at `path`, or in the directory at `path`.
pub(crate) fn journal_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() }
}

/// What a file's length and time were: a file that is read as one that doesn't change must not have changed.
pub(crate) type Stamp = (u64, Option<std::time::SystemTime>);

/// A connection that reads a journal.
pub(crate) struct ReadConnection {
    pub(crate) connection: Connection,
    /// Set if SQLite reads the file as one that doesn't change.
    pub(crate) stamp: Option<Stamp>,
    /// Keeps writers away from a file that is read as one that doesn't change.
    _lock: Option<File>,
}

/// The length and time of a file.
pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    let data = std::fs::metadata(path).ok()?;
    Some((data.len(), data.modified().ok()))
}

/// The file beside a journal that its writer locks.
fn lock_path(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

/// Whether somebody writes the journal of this run (the file or its directory) at this moment. For that it holds the lock
/// as a reader for an instant; a writer that wants it then waits.
pub fn is_written(run: &Path) -> bool {
    let lock = lock_path(&journal_path(run));
    // What is no file answers nobody, or late.
    std::fs::symlink_metadata(&lock).is_ok_and(|data| data.is_file())
        && File::open(&lock).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// How often, and how long apart, a writer asks for a lock that somebody holds.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The right to write the journal at `path`, until it is dropped or the process ends.
pub(crate) fn lock(path: &Path) -> Result<File, JournalError> {
    let beside = lock_path(path);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&beside)
        .map_err(|error| JournalError::io(&beside, error))?;
    // Whoever only asks whether the run is written holds the lock for an instant.
    for attempt in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(JournalError::io(&beside, error)),
        }
    }
    Ok(file)
}

/// Opens a file of our own making (an empty one when the run is new) to write it.
pub(crate) fn connect_writer(path: &Path) -> Result<Connection, JournalError> {
    check_beside(path)?;
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
pub(crate) fn connect_reader(path: &Path) -> Result<ReadConnection, JournalError> {
    check_bytes(path)?;
    let probe = |connection: Connection| {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        connection.execute_batch(READER_SETTINGS)?;
        connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
        Ok(connection)
    };
    let fail = |error| JournalError::sqlite(path, error);
    if let Some(lock) = rests(path) {
        let stamp = stamp(path);
        let connection = open_immutable(path).and_then(probe).map_err(fail)?;
        return Ok(ReadConnection { connection, stamp, _lock: lock });
    }
    let opened = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(probe);
    let opened = match opened {
        // Reading a WAL database needs a -shm file beside it. If that can't be made and there is no WAL, nobody
        // writes: then SQLite may read the file as one that doesn't change.
        Err(error) if lacks_shared_memory(&error) && wal::length(path) == 0 => {
            open_immutable(path).and_then(probe)
        }
        other => other,
    };
    Ok(ReadConnection { connection: opened.map_err(fail)?, stamp: None, _lock: None })
}

/// Whether a journal is of an older format and nobody writes it: then it is read without leaving anything beside it.
/// With that comes the shared lock, where there is a file to lock.
fn rests(path: &Path) -> Option<Option<File>> {
    if wal::length(path) > 0 {
        return None;
    }
    let mut header = [0; HEADER_LENGTH];
    File::open(path).ok()?.read_exact(&mut header).ok()?;
    let version = u32::from_be_bytes([header[60], header[61], header[62], header[63]]);
    if !(1..FORMAT_VERSION).contains(&version) {
        return None;
    }
    match File::open(lock_path(path)) {
        Ok(lock) => lock.try_lock_shared().ok().map(|()| Some(lock)),
        Err(_) => Some(None),
    }
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    harden(&connection)?;
    Ok(connection)
}

/// A file of somebody else is data: nothing in its schema runs, and no value is longer than a journal's can be.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    Ok(())
}

fn lacks_shared_memory(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let escaped: String = path.to_string_lossy().chars().map(uri_part).collect();
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)?;
    harden(&connection)?;
    Ok(connection)
}

fn uri_part(c: char) -> String {
    match c {
        '%' | '?' | '#' => format!("%{:02x}", u32::from(c)),
        _ => c.to_string(),
    }
}

/// Refuses what is no regular file, before it is opened: a FIFO would never answer. A link to a regular file is fine.
fn check_regular(path: &Path) -> Result<(), JournalError> {
    let data = std::fs::metadata(path).map_err(|error| JournalError::io(path, error))?;
    not_a_file(&data).map_or(Ok(()), |what| Err(JournalError::NotAFile { path: path.to_owned(), what }))
}

/// Refuses what is no regular file, or a link, where SQLite's and the writer's own files are: a link would make us write
/// somewhere else.
pub(crate) fn check_beside(path: &Path) -> Result<(), JournalError> {
    for beside in companions(path) {
        let Ok(data) = std::fs::symlink_metadata(&beside) else { continue };
        let what = if data.is_symlink() { Some("a link") } else { not_a_file(&data) };
        if let Some(what) = what {
            return Err(JournalError::NotAFile { path: beside, what });
        }
    }
    Ok(())
}

/// What may lie beside a journal and is part of it.
fn companions(path: &Path) -> [PathBuf; 4] {
    let ending = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    [ending("-wal"), ending("-shm"), ending("-journal"), lock_path(path)]
}

#[cfg(unix)]
fn not_a_file(data: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = data.file_type();
    match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("a directory"),
        () if kind.is_fifo() => Some("a FIFO"),
        () if kind.is_socket() => Some("a socket"),
        () => Some("a device"),
    }
}

#[cfg(not(unix))]
fn not_a_file(data: &Metadata) -> Option<&'static str> {
    match () {
        () if data.is_file() => None,
        () if data.is_dir() => Some("a directory"),
        () => Some("a device"),
    }
}

/// Whether writing to `path` would write to the journal of this run (the file or its directory), or to one of the files
/// that belong to it, by whatever name.
pub fn same_file(path: &Path, run: &Path) -> bool {
    let journal = journal_path(run);
    let parts = || std::iter::once(journal.clone()).chain(companions(&journal));
    match identity(path) {
        Some(found) => parts().any(|part| identity(&part) == Some(found)),
        // What isn't there yet could become the log of a run that is being read.
        None => {
            let place = |path: &Path| {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                let folder = parent.unwrap_or(Path::new(".")).canonicalize().ok()?;
                Some(folder.join(path.file_name()?))
            };
            place(path).is_some_and(|found| parts().any(|part| place(&part).as_ref() == Some(&found)))
        }
    }
}

/// What tells two existing files apart, links followed.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

/// What tells two existing files apart, symbolic links followed.
#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

/// Checks what can be told from a file's bytes alone: that it exists, is of SQLite and is whole.
///
/// A writer may be at work meanwhile. Pages go from the log to the file before the log begins anew, so the log is read
/// first and the file's length last: whatever was in neither is missing.
pub(crate) fn check_bytes(path: &Path) -> Result<(), JournalError> {
    let fail = |error| JournalError::io(path, error);
    check_regular(path)?;
    check_beside(path)?;
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

/// Checks whose database it is and that its schema is exactly that of its format, and returns its format version if that is not a newer one.
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
    match stranger(connection, version).map_err(|error| JournalError::sqlite(&path, error))? {
        Some(detail) => Err(JournalError::Altered { path, detail }),
        None => Ok(version),
    }
}
