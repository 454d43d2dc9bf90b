//! What is wrong with a row, before the file and the candidate are known that an error names.

/// Why a row is no record.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite's.
    Sql(rusqlite::Error),
    /// A value that no writer writes, or a checksum that doesn't fit.
    Wrong(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// A value that no writer writes.
pub(crate) fn wrong(what: impl Into<String>) -> Fault {
    Fault::Wrong(what.into())
}
