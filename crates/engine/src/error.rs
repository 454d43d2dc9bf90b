//! Why a run stops before its end. A failed candidate is not an error: it is a fate.

use samara_journal::JournalError;
use samara_lm::LmError;
use samara_sandbox::SandboxError;
use samara_search::{FoldError, Invalid};

/// The run can't go on. The journal is intact and `samara resume` goes on from it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The settings contradict each other.
    #[error(transparent)]
    Settings(#[from] Invalid),
    /// A model is unreachable, refuses, or can't do what the environment needs.
    #[error("the {role}: {error}")]
    Model {
        /// `generator`, `judge` or `embedder`.
        role: &'static str,
        /// What the client reported.
        error: LmError,
    },
    /// The sandbox can't run programs any more.
    #[error("the sandbox: {0}")]
    Sandbox(SandboxError),
    /// The workers can't evaluate what they were given, or say of it what is not so.
    #[error("the workers: {0}")]
    Workers(String),
    /// Too many candidates in a row failed for the run to be worth its calls.
    #[error(
        "{count} candidates in a row failed, the last because: {last}\nhint: look at the model's server, then \
         `samara resume`; the limit is `search.max_failures`"
    )]
    Failures {
        /// How many in a row.
        count: u64,
        /// Why the last of them failed.
        last: String,
    },
    /// The journal can't be written or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal holds a fate that folding it does not give.
    #[error(
        "{0}\nhint: the journal was written under other rules or edited; what it holds can still be read with \
         `samara export`"
    )]
    Fold(#[from] FoldError),
    /// A bug in samara.
    #[error("internal error: {0}\nhint: this is a bug in samara, please report it")]
    Internal(String),
}

impl EngineError {
    /// Whether the run can go on once the cause is gone. Not if its record contradicts itself.
    pub fn is_resumable(&self) -> bool {
        !matches!(self, Self::Fold(_) | Self::Journal(JournalError::Damaged { .. }) | Self::Settings(_))
    }

    /// One word for logs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Settings(_) => "settings",
            Self::Model { .. } => "model",
            Self::Sandbox(_) => "sandbox",
            Self::Workers(_) => "workers",
            Self::Failures { .. } => "failures",
            Self::Journal(_) => "journal",
            Self::Fold(_) => "fold",
            Self::Internal(_) => "internal",
        }
    }
}
