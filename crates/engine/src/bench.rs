//! What an evaluation works with: the sandbox and threads that may block. No models.

use samara_sandbox::{
    Ending, EvaluationEnding, EvaluationJob, EvaluationVerdict, Isolation, Job, SandboxError, Verdict,
};

use crate::{Abort, EngineError, EvaluatorSlots, Programs, evaluator_slots::Apart};

/// Where programs run and simulations are computed.
#[derive(Debug, Clone, Default)]
pub struct Bench {
    programs: Option<Programs>,
    evaluators: Option<EvaluatorSlots>,
    /// The seed of programs: it follows from the content that is evaluated.
    seed: u64,
    isolation: Option<String>,
    /// The candidate whose draft is evaluated.
    candidate: Option<u64>,
    /// The worker that has evaluated it, and how long it took, in milliseconds.
    worker: Option<(String, f64)>,
}

impl Bench {
    /// A bench with a sandbox, if programs are to run. Programs get this seed.
    pub fn new(programs: Option<Programs>, seed: u64) -> Self {
        Self { programs, seed, ..Self::default() }
    }

    /// The same with the user's evaluator, if there is one.
    #[must_use]
    pub fn with_evaluators(self, evaluators: Option<EvaluatorSlots>) -> Self {
        Self { evaluators, ..self }
    }

    /// How the programs that ran were isolated; `None` if none ran.
    pub fn isolation(&self) -> Option<&str> {
        self.isolation.as_deref()
    }

    /// The same for an evaluation of this candidate's draft, with this seed.
    pub(crate) fn assign(&mut self, candidate: u64, seed: u64) {
        self.candidate = Some(candidate);
        self.seed = seed;
    }

    /// The candidate whose draft is evaluated; `None` before the search.
    pub(crate) fn candidate(&self) -> Option<u64> {
        self.candidate
    }

    /// The seed of programs.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The worker that has evaluated the draft, and how long it took, in milliseconds; `None` if that was here.
    pub(crate) fn worker(&self) -> Option<&(String, f64)> {
        self.worker.as_ref()
    }

    /// Notes the worker of an evaluation, and how long it took.
    pub(crate) fn note_worker(&mut self, worker: Option<(String, f64)>) {
        self.worker = worker.or(self.worker.take());
    }

    /// Notes the isolation of an evaluation that another bench has run.
    pub(crate) fn note_isolation(&mut self, isolation: Option<String>) {
        self.isolation = isolation.or(self.isolation.take());
    }

    /// A call of `entry` in `program` under the run's limits, for [`Bench::execute`].
    ///
    /// # Errors
    /// The environment's roles don't name the sandbox.
    pub fn job(&self, program: impl Into<String>, entry: impl Into<String>) -> Result<Job, Abort> {
        let job = self.programs()?.job(program, entry);
        Ok(Job { seed: self.seed, ..job })
    }

    /// Runs a program in the sandbox. What the program does is in the verdict; a verdict of
    /// [`Ending::Failed`], which is about the sandbox, fails the candidate.
    ///
    /// # Errors
    /// The sandbox failed, for this job or altogether.
    pub async fn execute(&mut self, job: Job) -> Result<Verdict, Abort> {
        match self.programs()?.run(job).await {
            Ok(verdict) => {
                self.ran_in(&verdict.isolation);
                match verdict.ending {
                    Ending::Failed { why } => Err(Abort::failed(format!("the sandbox: {why}"))),
                    _ => Ok(verdict),
                }
            }
            Err(error @ SandboxError::Job(_)) => Err(Abort::failed(format!("the sandbox: {error}"))),
            Err(error) => Err(EngineError::Sandbox(error).into()),
        }
    }

    /// Runs the user's evaluator. The job's seed is added to that of this bench: equal content gets equal chance, and
    /// repetitions are told apart by small numbers. A verdict of [`EvaluationEnding::Failed`], which is about the
    /// sandbox, fails the candidate.
    ///
    /// # Errors
    /// The sandbox failed, for this job or altogether; or the environment has no options for an evaluator.
    pub async fn evaluate(&mut self, job: EvaluationJob) -> Result<EvaluationVerdict, Abort> {
        self.evaluate_with(job, None).await
    }

    /// The same, for an evaluator that must not be seen by the candidate: `candidate_call` in it runs `program` in the
    /// sandbox of programs, under the run's limits.
    ///
    /// # Errors
    /// As [`Bench::evaluate`]; or the environment's roles don't name the sandbox.
    pub async fn evaluate_apart(
        &mut self,
        job: EvaluationJob,
        program: impl Into<String>,
    ) -> Result<EvaluationVerdict, Abort> {
        let apart = Apart { programs: self.programs()?.clone(), program: program.into(), seed: self.seed };
        self.evaluate_with(job, Some(apart)).await
    }

    async fn evaluate_with(
        &mut self,
        job: EvaluationJob,
        apart: Option<Apart>,
    ) -> Result<EvaluationVerdict, Abort> {
        let missing = "the environment evaluates, without options for an evaluator";
        let evaluators = self.evaluators.as_ref();
        let evaluators = evaluators.ok_or_else(|| Abort::from(EngineError::Internal(missing.to_owned())))?;
        let seed = self.seed.wrapping_add(job.seed);
        let isolation = evaluators.told();
        match evaluators.run(EvaluationJob { seed, ..job }, apart).await {
            Ok(verdict) => {
                self.isolation = Some(isolation);
                match verdict.ending {
                    EvaluationEnding::Failed { why } => Err(Abort::failed(format!("the sandbox: {why}"))),
                    _ => Ok(verdict),
                }
            }
            Err(error @ SandboxError::Job(_)) => Err(Abort::failed(format!("the sandbox: {error}"))),
            Err(error) => Err(EngineError::Sandbox(error).into()),
        }
    }

    fn ran_in(&mut self, isolation: &Isolation) {
        self.isolation = Some(isolation.told());
    }

    /// Computes something that takes longer than a worker may block, such as a simulation. It must depend on nothing
    /// but its captures.
    ///
    /// # Errors
    /// It panicked, which is a bug.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Abort> {
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| EngineError::Internal(format!("a computation did not end well: {error}")).into())
    }

    fn programs(&self) -> Result<&Programs, Abort> {
        let missing = "the environment runs programs, which its roles don't name";
        self.programs.as_ref().ok_or_else(|| EngineError::Internal(missing.to_owned()).into())
    }
}
