//! Running a user's evaluator: slots of their own, apart from the calls to models that are in flight.

use std::{fmt, sync::Arc};

use samara_sandbox::{
    CandidateCall, CandidateReply, Ending, EvaluationJob, EvaluationVerdict, EvaluatorOptions, Evaluators,
    Isolation, Job, SandboxError,
};
use tokio::sync::Semaphore;

use crate::Programs;

/// An evaluator that lives in the program that samara is part of, such as a function of Python. It is asked in place of
/// the evaluator's process, and answers what that would.
pub trait OwnEvaluator: Send + Sync {
    /// How evaluations are kept apart and what runs them, for the record, such as `thread, Python 3.11.7`.
    fn isolation(&self) -> String;

    /// Runs an evaluation, on a thread that may block; several at once. Its limit of wall time is the evaluator's to keep.
    /// A verdict of [`samara_sandbox::EvaluationEnding::Failed`] fails the candidate.
    ///
    /// # Errors
    /// The evaluator has failed altogether: the run stops.
    fn run(&self, job: &EvaluationJob) -> Result<EvaluationVerdict, SandboxError>;
}

/// What evaluates.
#[derive(Clone)]
enum Source {
    /// Warm servers in the sandbox of evaluators.
    Sandboxed(Arc<Evaluators>),
    /// The program that samara is part of.
    Own(Arc<dyn OwnEvaluator>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sandboxed(evaluators) => evaluators.fmt(f),
            Self::Own(own) => f.debug_tuple("Own").field(&own.isolation()).finish(),
        }
    }
}

/// Started evaluators. Clones share them.
#[derive(Debug, Clone)]
pub struct EvaluatorSlots {
    source: Source,
    slots: usize,
    free: Arc<Semaphore>,
}

impl EvaluatorSlots {
    /// Starts the warm servers; blocks until they take evaluations.
    ///
    /// # Errors
    /// If evaluators can't be isolated here, or the harness does not come to its end.
    pub fn start(options: &EvaluatorOptions) -> Result<Self, SandboxError> {
        let evaluators = Evaluators::start(options)?;
        let slots = evaluators.slots();
        Ok(Self::of(Source::Sandboxed(Arc::new(evaluators)), slots))
    }

    /// An evaluator of the program that samara is part of, with so many evaluations at once; at least one.
    pub fn own(evaluator: Arc<dyn OwnEvaluator>, slots: usize) -> Self {
        Self::of(Source::Own(evaluator), slots.max(1))
    }

    fn of(source: Source, slots: usize) -> Self {
        Self { source, slots, free: Arc::new(Semaphore::new(slots)) }
    }

    /// The isolation that evaluations run in; `None` of an evaluator of the program that samara is part of.
    pub fn isolation(&self) -> Option<Isolation> {
        match &self.source {
            Source::Sandboxed(evaluators) => Some(evaluators.isolation()),
            Source::Own(_) => None,
        }
    }

    /// How evaluations are isolated and what runs them, such as `jail, Python 3.11.7`.
    pub fn told(&self) -> String {
        match &self.source {
            Source::Sandboxed(evaluators) => evaluators.isolation().told(),
            Source::Own(own) => own.isolation(),
        }
    }

    /// Evaluations at once.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Runs an evaluation on a thread that may block, when a slot is free. `apart` is where the candidate runs when the
    /// evaluator calls it; without it such calls are answered with an error.
    pub(crate) async fn run(
        &self,
        job: EvaluationJob,
        apart: Option<Apart>,
    ) -> Result<EvaluationVerdict, SandboxError> {
        let gone = |error: &dyn fmt::Display| SandboxError::Server(error.to_string());
        let slot = Arc::clone(&self.free).acquire_owned().await.map_err(|error| gone(&error))?;
        let source = self.source.clone();
        let running = tokio::task::spawn_blocking(move || {
            // Freed when the evaluation has ended, even if nobody waits for it any more.
            let _slot = slot;
            match source {
                Source::Sandboxed(evaluators) => evaluators.run(&job, &mut |call| match &apart {
                    Some(apart) => apart.answer(call),
                    None => error("NotApart", "this evaluation has no candidate that runs apart"),
                }),
                Source::Own(own) => own.run(&job),
            }
        });
        running.await.unwrap_or_else(|error| Err(gone(&error)))
    }
}

/// A candidate that runs in the sandbox of programs, away from its evaluator.
#[derive(Debug, Clone)]
pub(crate) struct Apart {
    pub(crate) programs: Programs,
    pub(crate) program: String,
    pub(crate) seed: u64,
}

impl Apart {
    fn answer(&self, call: CandidateCall) -> CandidateReply {
        let CandidateCall { entry, arguments } = call;
        let job = Job { arguments, seed: self.seed, ..self.programs.job(self.program.as_str(), entry) };
        let ending = match self.programs.run_here(&job) {
            Ok(verdict) => verdict.ending,
            Err(refused) => return error("SandboxError", &refused.why()),
        };
        match ending {
            Ending::Ok { value } => CandidateReply::Value(value),
            Ending::Exception { kind, message } => error(&kind, &message),
            Ending::Syntax { message } => error("SyntaxError", &message),
            Ending::Failed { why } => error("SandboxError", &why),
            other => error(other.name(), &format!("the candidate ended with {other:?}")),
        }
    }
}

fn error(kind: &str, message: &str) -> CandidateReply {
    CandidateReply::Error { kind: kind.to_owned(), message: message.to_owned() }
}
