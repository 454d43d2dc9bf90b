//! The pool: warm servers of an evaluator, lent to one evaluation at a time and replaced when they break.

use super::{CandidateCall, CandidateReply, EvaluationJob, EvaluationVerdict, EvaluatorOptions};
use crate::error::SandboxError;
use crate::tier::Tier;
use crate::verdict::Isolation;
use std::sync::Arc;

/// Runs evaluations. Share it between threads: each call of [`Evaluators::run`] takes one server.
#[derive(Debug)]
pub struct Evaluators {
    slots: usize,
    version: Arc<str>,
}

impl Evaluators {
    /// Starts the servers, which run the harness.
    ///
    /// # Errors
    /// If namespaces can't be used here, or the harness does not come to its end.
    pub fn start(_options: &EvaluatorOptions) -> Result<Self, SandboxError> {
        Err(SandboxError::Server("evaluators can't be started yet".to_owned()))
    }

    /// Runs an evaluation, waiting for a server if all are busy. `calls` runs the candidate apart, for evaluators that
    /// ask for it.
    ///
    /// # Errors
    /// If the job can't be sent, or no server can be started any more.
    pub fn run(
        &self,
        _job: &EvaluationJob,
        _calls: &mut dyn FnMut(CandidateCall) -> CandidateReply,
    ) -> Result<EvaluationVerdict, SandboxError> {
        Err(SandboxError::Server("evaluators can't be started yet".to_owned()))
    }

    /// The isolation that evaluations run in.
    pub fn isolation(&self) -> Isolation {
        Isolation { tier: Tier::Jail, python: self.version.clone() }
    }

    /// Evaluations at once.
    pub fn slots(&self) -> usize {
        self.slots
    }
}
