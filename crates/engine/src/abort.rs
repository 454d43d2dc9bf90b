//! How a stage of a candidate's life ends early.

use samara_search::Artifact;

use crate::EngineError;

/// Why a stage of a candidate's life ended early.
#[derive(Debug)]
pub enum Abort {
    /// Nothing usable was written: the candidate is invalid, the run goes on.
    Invalid(Reason),
    /// It ran badly: the candidate fails, the run goes on.
    Failed(Reason),
    /// The run can't go on; the candidate stays unsettled and is made again on resume.
    Run(EngineError),
}

/// Why a candidate has no score.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reason {
    /// For a person.
    pub why: String,
    /// What its evaluation left, such as its error output.
    pub artifacts: Vec<Artifact>,
}

impl Abort {
    /// An invalid candidate.
    pub fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(Reason { why: why.into(), artifacts: Vec::new() })
    }

    /// A failed candidate.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed(Reason { why: why.into(), artifacts: Vec::new() })
    }

    /// The same, said of `what`, such as "the solution".
    #[must_use]
    pub fn of(mut self, what: &str) -> Self {
        if let Self::Invalid(reason) | Self::Failed(reason) = &mut self {
            reason.why = format!("{what} {}", reason.why);
        }
        self
    }
}

impl From<EngineError> for Abort {
    fn from(error: EngineError) -> Self {
        Self::Run(error)
    }
}
