//! Why a journal, an export or a history can't be written or read, and what to do about it.
//!
//! Paths and numbers only; which check finds what is in `file`.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use samara_search::{FoldError, Invalid};

use crate::fault::Fault;

/// What went wrong with a journal, an export or a history. Where there is a next step for the user, the message has a
/// second line, `hint: ...`.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the file, and the numbers that its message names")]
pub enum JournalError {
    /// There is no such file.
    #[error("there is no file {}\nhint: check the path: a run is a directory with a run.db in it", path.display())]
    Missing { path: PathBuf },
    /// A directory, FIFO, device or socket where a file should be, or a link beside the journal.
    #[error("{} is {what}, not a regular file\nhint: give the run.db of a samara run", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    /// A new run would overwrite this file.
    #[error(
        "{} exists already\nhint: continue it with `samara resume`, or give another directory",
        path.display()
    )]
    Exists { path: PathBuf },
    /// The file has no run in it: its creation was cut off.
    #[error("{} is empty\nhint: nothing was recorded; delete the file and start the run again", path.display())]
    Empty { path: PathBuf },
    /// The file is no SQLite database.
    #[error("{} is not a SQLite database\nhint: give the run.db of a samara run", path.display())]
    NotSqlite { path: PathBuf },
    /// A SQLite database of another application.
    #[error(
        "{} belongs to another application (id {application:#010x})\nhint: give the run.db of a samara run",
        path.display()
    )]
    Foreign { path: PathBuf, application: u32 },
    /// Tables, views, triggers or indexes that no version of samara makes.
    #[error(
        "{} is no journal as samara writes it: {detail}\nhint: somebody changed it; ask where it comes from for the \
         original",
        path.display()
    )]
    Altered { path: PathBuf, detail: String },
    /// Written by a later version of samara.
    #[error(
        "{} has format version {found}, and this samara knows versions up to {known}\n\
         hint: update samara; an older one would misread the run",
        path.display()
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    /// The file ends before its last page.
    #[error(
        "{} is cut off: {found} of {expected} bytes are left\nhint: copy it again, together with run.db-wal if the \
         run was going on, or take a backup",
        path.display()
    )]
    Truncated { path: PathBuf, expected: u64, found: u64 },
    /// The content contradicts itself or its checksums.
    #[error(
        "{} is damaged: {detail}\nhint: take a backup, or rescue what is left with `sqlite3 run.db .recover`",
        path.display()
    )]
    Damaged { path: PathBuf, detail: String },
    /// Folding the recorded candidates gives other archives than were recorded.
    #[error("{} is damaged: {source}\nhint: take a backup", path.display())]
    Fold { path: PathBuf, source: FoldError },
    /// The stored settings can't be used.
    #[error("the settings stored in {}: {source}", path.display())]
    Settings { path: PathBuf, source: Invalid },
    /// The run is valid and larger than a reader takes on.
    #[error("{}: {detail}\nhint: a run this large is nobody's accident; ask where it comes from", path.display())]
    TooBigToRead { path: PathBuf, detail: String },
    /// Another process writes this run.
    #[error(
        "{}: run is in use by another process\nhint: wait for that process or stop it; reading is possible meanwhile",
        path.display()
    )]
    InUse { path: PathBuf },
    /// The disk, or the limit set by `Journal::limit_pages`, is full.
    #[error(
        "no space left to write {}\nhint: free some space and resume; everything that was settled is safe",
        path.display()
    )]
    Full { path: PathBuf },
    /// The file or its directory can't be written.
    #[error(
        "{} can't be written: permission denied\nhint: make the directory and the file writable, or copy the run \
         elsewhere",
        path.display()
    )]
    ReadOnly { path: PathBuf },
    /// A candidate is not the next one.
    #[error("{}: the next candidate is {expected}, not {found}", path.display())]
    Gap { path: PathBuf, expected: u64, found: u64 },
    /// An event belongs after another number of candidates.
    #[error("{}: an event after {found} candidates can't be recorded after {expected}", path.display())]
    EventOrder { path: PathBuf, expected: u64, found: u64 },
    /// The set-up is recorded a second time, or after the first candidate.
    #[error(
        "{}: the run was set up before\nhint: the set-up is recorded once, before the first candidate",
        path.display()
    )]
    LateSetUp { path: PathBuf },
    /// A number of a record is infinite or not a number.
    #[error("{what} is not a finite number\nhint: check the evaluation: journals hold finite numbers only")]
    NotFinite { what: &'static str },
    /// A number or text of a record is beyond what a journal holds.
    #[error("{what} is too large for a journal")]
    TooLarge { what: &'static str },
    /// A record that contradicts itself.
    #[error("a record can't be stored: {what}")]
    Contradiction { what: &'static str },
    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Any other trouble of SQLite.
    #[error("{}: {source}", path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    /// A history can't be understood.
    #[error("{}:{line}: {detail}", path.display())]
    History { path: PathBuf, line: u64, detail: String },
    /// An export's destination failed.
    #[error("the export can't be written: {source}")]
    Export { source: io::Error },
    /// An export can't hold this run.
    #[error("a table can't hold this run: {detail}\nhint: export it as JSONL")]
    TooWide { detail: String },
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

    /// A row of the file at `path` is no record; of this candidate, if it is one's.
    pub(crate) fn fault(path: &Path, candidate: Option<u64>, fault: Fault) -> Self {
        let detail = match fault {
            Fault::Sql(error) if is_about_content(&error) => error.to_string(),
            Fault::Sql(error) => return Self::sqlite(path, error),
            Fault::Wrong(detail) => detail,
        };
        Self::damaged(
            path,
            match candidate {
                Some(index) => format!("candidate {index}: {detail}"),
                None => detail,
            },
        )
    }

    /// The content of the file at `path` contradicts itself.
    pub(crate) fn damaged(path: &Path, detail: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), detail: detail.into() }
    }

    /// The next step for the user, if there is one.
    pub fn hint(&self) -> Option<String> {
        self.to_string().split_once("\nhint: ").map(|(_, hint)| hint.to_owned())
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
    fn a_hint_is_the_second_line_of_a_message() {
        let error = JournalError::Empty { path: "run.db".into() };
        let expected = "run.db is empty\nhint: nothing was recorded; delete the file and start the run again";
        assert_eq!(error.to_string(), expected);
        assert_eq!(
            error.hint().as_deref(),
            Some("nothing was recorded; delete the file and start the run again")
        );
        assert_eq!(JournalError::TooLarge { what: "a text" }.hint(), None);
    }
}
