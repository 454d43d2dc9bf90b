//! Why a journal, an export or a history can't be written or read, and what to do about it.
//!
//! Paths and numbers only; which check finds what is in `file`.

use rusqlite::ErrorCode;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong with a journal, an export or a history.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are the file, and the numbers that its message names")]
pub enum JournalError {
    /// There is no such file.
    Missing { path: PathBuf },
    /// A new run would overwrite this file.
    Exists { path: PathBuf },
    /// The file has no run in it: its creation was cut off.
    Empty { path: PathBuf },
    /// The file is no SQLite database.
    NotSqlite { path: PathBuf },
    /// A SQLite database of another application.
    Foreign { path: PathBuf, application: u32 },
    /// Written by a later version of samara.
    Newer { path: PathBuf, found: u32, known: u32 },
    /// Written by an earlier version; reading alone can't bring it up to date.
    Older { path: PathBuf, found: u32, known: u32 },
    /// The file ends before its last page.
    Truncated { path: PathBuf, expected: u64, found: u64 },
    /// The content contradicts itself.
    Damaged { path: PathBuf, detail: String },
    /// Another process writes this run.
    InUse { path: PathBuf },
    /// The disk, or the limit set by `Journal::limit_pages`, is full.
    Full { path: PathBuf },
    /// The file or its directory can't be written.
    ReadOnly { path: PathBuf },
    /// A candidate is not the next one.
    Gap { path: PathBuf, expected: u64, found: u64 },
    /// The set-up is recorded a second time, or after the first candidate.
    LateSetUp { path: PathBuf },
    /// A number of a record is infinite or not a number.
    NotFinite { what: &'static str },
    /// A number or text of a record is beyond what SQLite holds.
    TooLarge { what: &'static str },
    /// A file operation failed.
    Io { path: PathBuf, source: io::Error },
    /// Any other trouble of SQLite.
    Sqlite { path: PathBuf, source: rusqlite::Error },
    /// A line of a history can't be understood.
    History { path: PathBuf, line: u64, detail: String },
    /// An export's destination failed.
    Export { source: io::Error },
}

impl JournalError {
    /// What SQLite reports about the file at `path`.
    pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { path, detail: source.to_string() }
            }
            Some(ErrorCode::TooBig) => Self::TooLarge { what: "a text" },
            None if is_about_content(&source) => Self::Damaged { path, detail: source.to_string() },
            _ => Self::Sqlite { path, source },
        }
    }

    /// What the operating system reports about the file at `path`.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Io { path, source },
        }
    }

    /// The content of the file at `path` contradicts itself.
    pub(crate) fn damaged(path: &Path, detail: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), detail: detail.into() }
    }

    /// The next step for the user, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Missing { .. } => "check the path: a run is a directory with a run.db in it",
            Self::Exists { .. } => "continue it with `samara resume`, or give another directory",
            Self::Empty { .. } => "nothing was recorded; delete the file and start the run again",
            Self::NotSqlite { .. } | Self::Foreign { .. } => "give the run.db of a samara run",
            Self::Newer { .. } => "update samara; an older one would misread the run",
            Self::Older { .. } => "open it for writing once, with `samara resume`, to bring it up to date",
            Self::Truncated { .. } => {
                "copy it again, together with run.db-wal if the run was going on, or take a backup"
            }
            Self::Damaged { .. } => "take a backup, or rescue what is left with `sqlite3 run.db .recover`",
            Self::InUse { .. } => "wait for that process or stop it; reading is possible meanwhile",
            Self::Full { .. } => "free some space and resume; everything that was settled is safe",
            Self::ReadOnly { .. } => "make the directory and the file writable, or copy the run elsewhere",
            Self::LateSetUp { .. } => "the set-up is recorded once, before the first candidate",
            Self::NotFinite { .. } => "check the evaluation: journals hold finite numbers only",
            Self::Gap { .. }
            | Self::TooLarge { .. }
            | Self::Io { .. }
            | Self::Sqlite { .. }
            | Self::History { .. }
            | Self::Export { .. } => return None,
        })
    }

    fn fmt_message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "there is no file {}", path.display()),
            Self::Exists { path } => write!(f, "{} exists already", path.display()),
            Self::Empty { path } => write!(f, "{} is empty", path.display()),
            Self::NotSqlite { path } => write!(f, "{} is not a SQLite database", path.display()),
            Self::Foreign { path, application } => {
                write!(f, "{} belongs to another application (id {application:#010x})", path.display())
            }
            Self::Newer { path, found, known } => write!(
                f,
                "{} has format version {found}, and this samara knows versions up to {known}",
                path.display()
            ),
            Self::Older { path, found, known } => {
                write!(f, "{} has the old format version {found}, the current one is {known}", path.display())
            }
            Self::Truncated { path, expected, found } => {
                write!(f, "{} is cut off: {found} of {expected} bytes are left", path.display())
            }
            Self::Damaged { path, detail } => write!(f, "{} is damaged: {detail}", path.display()),
            Self::InUse { path } => write!(f, "{}: run is in use by another process", path.display()),
            Self::Full { path } => write!(f, "no space left to write {}", path.display()),
            Self::ReadOnly { path } => write!(f, "{} can't be written: permission denied", path.display()),
            Self::Gap { path, expected, found } => {
                write!(f, "{}: the next candidate is {expected}, not {found}", path.display())
            }
            Self::LateSetUp { path } => write!(f, "{}: the run was set up before", path.display()),
            Self::NotFinite { what } => write!(f, "{what} is not a finite number"),
            Self::TooLarge { what } => write!(f, "{what} is too large for a journal"),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Sqlite { path, source } => write!(f, "{}: {source}", path.display()),
            Self::History { path, line, detail } => write!(f, "{}:{line}: {detail}", path.display()),
            Self::Export { source } => write!(f, "the export can't be written: {source}"),
        }
    }
}

/// Whether an error without a SQLite code is about a value that no journal holds.
fn is_about_content(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    matches!(
        error,
        Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
            | Error::FromSqlConversionFailure(..)
            | Error::QueryReturnedNoRows
    )
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_message(f)?;
        self.hint().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Export { source } => Some(source),
            Self::Sqlite { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn of_sqlite(code: i32) -> JournalError {
        let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        JournalError::sqlite(Path::new("run.db"), failure)
    }

    #[test]
    fn codes_of_sqlite_become_the_errors_that_users_know() {
        assert!(matches!(of_sqlite(ffi::SQLITE_FULL), JournalError::Full { .. }));
        assert!(matches!(of_sqlite(ffi::SQLITE_READONLY), JournalError::ReadOnly { .. }));
        assert!(matches!(of_sqlite(ffi::SQLITE_BUSY), JournalError::InUse { .. }));
        assert!(matches!(of_sqlite(ffi::SQLITE_CORRUPT), JournalError::Damaged { .. }));
        assert!(matches!(of_sqlite(ffi::SQLITE_NOTADB), JournalError::Damaged { .. }));
        assert!(matches!(of_sqlite(ffi::SQLITE_TOOBIG), JournalError::TooLarge { .. }));
        let other = of_sqlite(ffi::SQLITE_IOERR_WRITE);
        assert!(matches!(other, JournalError::Sqlite { .. }) && std::error::Error::source(&other).is_some());
    }

    #[test]
    fn errors_of_the_system_become_the_errors_that_users_know() {
        let of_system = |kind: io::ErrorKind| JournalError::io(Path::new("run.db"), kind.into());
        assert!(matches!(of_system(io::ErrorKind::StorageFull), JournalError::Full { .. }));
        assert!(matches!(of_system(io::ErrorKind::ReadOnlyFilesystem), JournalError::ReadOnly { .. }));
        assert!(matches!(of_system(io::ErrorKind::NotFound), JournalError::Missing { .. }));
        assert!(of_system(io::ErrorKind::TimedOut).to_string().starts_with("run.db: "));
    }

    #[test]
    fn an_older_version_says_how_to_bring_it_up_to_date() {
        let error = JournalError::Older { path: "run.db".into(), found: 1, known: 2 };
        let expected = "run.db has the old format version 1, the current one is 2\nhint: open it for writing once, with \
                        `samara resume`, to bring it up to date";
        assert_eq!(error.to_string(), expected);
    }
}
