//! The evaluators of other systems than Linux: they never start, but what uses them can be built.

use super::{CandidateCall, CandidateReply, EvaluationJob, EvaluationVerdict, EvaluatorOptions};
use crate::error::SandboxError;
use crate::verdict::Isolation;

/// Runs evaluators on Linux; on this system they never start.
#[derive(Debug)]
pub enum Evaluators {}

impl Evaluators {
    /// Never starts here.
    ///
    /// # Errors
    /// Always [`SandboxError::NotLinux`].
    pub fn start(_options: &EvaluatorOptions) -> Result<Self, SandboxError> {
        Err(SandboxError::NotLinux)
    }

    /// Runs an evaluation.
    ///
    /// # Errors
    /// None: nothing has started that it could be called on.
    pub fn run(
        &self,
        _job: &EvaluationJob,
        _calls: &mut dyn FnMut(CandidateCall) -> CandidateReply,
    ) -> Result<EvaluationVerdict, SandboxError> {
        match *self {}
    }

    /// The isolation that evaluations run in.
    pub fn isolation(&self) -> Isolation {
        match *self {}
    }

    /// Evaluations at once.
    pub fn slots(&self) -> usize {
        match *self {}
    }
}
