//! Why a run stops before its end. A failed candidate is not an error: it is a fate.

use std::fmt;

use samara_journal::JournalError;
use samara_lm::LmError;
use samara_sandbox::SandboxError;

use crate::Invalid;

/// The run can't go on. The journal is intact and `samara resume` goes on from it.
#[derive(Debug)]
pub enum EngineError {
    /// The settings contradict each other.
    Settings(Invalid),
    /// A model is unreachable, refuses, or can't do what the environment needs.
    Model {
        /// `generator`, `judge` or `embedder`.
        role: &'static str,
        /// What the client reported.
        error: LmError,
    },
    /// The sandbox can't run programs any more.
    Sandbox(SandboxError),
    /// Too many candidates in a row failed for the run to be worth its calls.
    Failures {
        /// How many in a row.
        count: u64,
        /// Why the last of them failed.
        last: String,
    },
    /// The journal can't be written or read.
    Journal(JournalError),
    /// The journal holds a fate that folding it does not give.
    Fold {
        /// The candidate.
        index: u64,
        /// What the journal says.
        recorded: String,
        /// What folding gives.
        folded: String,
    },
    /// A bug in samara.
    Internal(String),
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(invalid) => invalid.fmt(f),
            Self::Model { role, error } => write!(f, "the {role}: {error}"),
            Self::Sandbox(error) => write!(f, "the sandbox: {error}"),
            Self::Failures { count, last } => write!(
                f,
                "{count} candidates in a row failed, the last because: {last}\nhint: look at the model's server, \
                 then `samara resume`; the limit is `search.max_failures`"
            ),
            Self::Journal(error) => error.fmt(f),
            Self::Fold { index, recorded, folded } => write!(
                f,
                "candidate {index} is recorded as {recorded}, but replaying the journal gives {folded}\nhint: the \
                 journal was written with other rules or edited; it can still be read with `samara show` and \
                 `samara export`"
            ),
            Self::Internal(what) => {
                write!(f, "internal error: {what}\nhint: this is a bug in samara, please report it")
            }
        }
    }
}

impl std::error::Error for EngineError {}

impl From<JournalError> for EngineError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<Invalid> for EngineError {
    fn from(invalid: Invalid) -> Self {
        Self::Settings(invalid)
    }
}
