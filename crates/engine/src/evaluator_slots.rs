//! Running a user's evaluator: slots of their own, apart from the calls to models that are in flight.

use std::sync::Arc;

use samara_sandbox::{
    CandidateCall, CandidateReply, Ending, EvaluationJob, EvaluationVerdict, EvaluatorOptions, Evaluators,
    Isolation, Job, SandboxError,
};
use tokio::sync::Semaphore;

use crate::Programs;

/// Started evaluators. Clones share them.
#[derive(Debug, Clone)]
pub struct EvaluatorSlots {
    evaluators: Arc<Evaluators>,
    free: Arc<Semaphore>,
}

impl EvaluatorSlots {
    /// Starts the warm servers; blocks until they take evaluations.
    ///
    /// # Errors
    /// If evaluators can't be isolated here, or the harness does not come to its end.
    pub fn start(options: &EvaluatorOptions) -> Result<Self, SandboxError> {
        let evaluators = Evaluators::start(options)?;
        let free = Arc::new(Semaphore::new(evaluators.slots()));
        Ok(Self { evaluators: Arc::new(evaluators), free })
    }

    /// The isolation that evaluations run in.
    pub fn isolation(&self) -> Isolation {
        self.evaluators.isolation()
    }

    /// Evaluations at once.
    pub fn slots(&self) -> usize {
        self.evaluators.slots()
    }

    /// Runs an evaluation on a thread that may block, when a slot is free. `apart` is where the candidate runs when the
    /// evaluator calls it; without it such calls are answered with an error.
    pub(crate) async fn run(
        &self,
        job: EvaluationJob,
        apart: Option<Apart>,
    ) -> Result<EvaluationVerdict, SandboxError> {
        let gone = |error: &dyn std::fmt::Display| SandboxError::Server(error.to_string());
        let slot = Arc::clone(&self.free).acquire_owned().await.map_err(|error| gone(&error))?;
        let evaluators = Arc::clone(&self.evaluators);
        let running = tokio::task::spawn_blocking(move || {
            // Freed when the evaluation has ended, even if nobody waits for it any more.
            let _slot = slot;
            evaluators.run(&job, &mut |call| match &apart {
                Some(apart) => apart.answer(call),
                None => error("NotApart", "this evaluation has no candidate that runs apart"),
            })
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
