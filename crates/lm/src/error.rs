//! What can go wrong with a model, in kinds that callers tell apart.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The settings, a script or the environment's variables can't be used.
    Configuration,
    /// No connection could be made.
    Unreachable,
    /// The server refuses us or does not know the model (401, 403, 404).
    Refused,
    /// The server could not cope to the end of the retries (429, 5xx, resets).
    Overloaded,
    /// No answer in time.
    Timeout,
    /// The answer is not what was asked for: broken, too large, or with numbers that are none.
    Malformed,
    /// The server finds the request invalid.
    Invalid,
    /// The model can't do this.
    Unsupported,
    /// The run's budget does not allow the call.
    Budget,
    /// The recording that is replayed does not hold the request.
    Missing,
    /// The cache or the recording can't be read or written.
    Storage,
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LmError {
    /// Its kind.
    pub kind: ErrorKind,
    /// What failed, in a line without secrets.
    pub message: String,
    /// What to do, if something can be done.
    pub hint: Option<String>,
    /// Attempts made.
    pub attempts: u32,
}

impl LmError {
    /// A failure without attempts.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, attempts: 0 }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for LmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.attempts > 1 {
            write!(f, " (after {} attempts)", self.attempts)?;
        }
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl std::error::Error for LmError {}
