//! What became of an evaluation.

use crate::verdict::{Clock, Isolation};
use std::time::Duration;

/// How an evaluation ended and what it used, as the host saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationVerdict {
    /// How it ended.
    pub ending: EvaluationEnding,
    /// What was written to standard output, up to the limit; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// The same of standard error.
    pub stderr: String,
    /// CPU time of all processes together.
    pub cpu: Duration,
    /// Wall time from handing it over to its end.
    pub wall: Duration,
    /// Most resident memory of all processes together that was seen, in bytes.
    pub peak_memory: u64,
    /// The isolation that it ran in.
    pub isolation: Isolation,
}

/// How an evaluation ended.
///
/// Evaluator and candidate are one process: what `Returned` and `Raised` say is its own claim. The limits, a crash and
/// an exit are what the host saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvaluationEnding {
    /// `evaluate` returned.
    Returned {
        /// JSON as Python writes it: `NaN` and `Infinity` may be in it.
        json: String,
    },
    /// `evaluate` raised an exception, or returned what JSON can't hold, which is a `TypeError`.
    Raised {
        /// The exception's type.
        kind: String,
        /// Its text, cut at 2,000 characters.
        message: String,
        /// Its traceback, cut at 20,000 characters.
        traceback: String,
    },
    /// The process ended without a result.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal ended it.
    Crashed {
        /// The signal's number.
        signal: i32,
    },
    /// It used up its time.
    Time {
        /// Which time.
        clock: Clock,
    },
    /// All processes together used more memory than allowed.
    Memory,
    /// It printed more than allowed.
    Output,
    /// It had more processes than allowed.
    Processes,
    /// It returned more than allowed.
    Result,
    /// The sandbox failed: nothing is known about the evaluation.
    Failed {
        /// What happened.
        why: String,
    },
}

impl EvaluationEnding {
    /// The ending's name in JSON and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Returned { .. } => "returned",
            Self::Raised { .. } => "raised",
            Self::Exited { .. } => "exited",
            Self::Crashed { .. } => "crashed",
            Self::Time { .. } => "time",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Processes => "processes",
            Self::Result => "result",
            Self::Failed { .. } => "failed",
        }
    }
}
