//! Which candidates an export writes, and why it stops.

use std::collections::BTreeSet;
use std::io;

use crate::error::JournalError;

/// The candidates to export: those in the set, or all of a run.
pub type Only<'a> = Option<&'a BTreeSet<u64>>;

pub(crate) fn is_wanted(only: Only<'_>, index: u64) -> bool {
    only.is_none_or(|only| only.contains(&index))
}

pub(crate) fn broken(source: io::Error) -> JournalError {
    JournalError::Export { source }
}
