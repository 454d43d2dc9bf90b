//! What an evaluation works with: the sandbox and threads that may block. No models.

use samara_sandbox::{Ending, Job, SandboxError, Verdict};

use crate::{Abort, EngineError, Programs};

/// Where programs run and simulations are computed.
#[derive(Debug, Clone, Default)]
pub struct Bench {
    programs: Option<Programs>,
    /// The seed of programs: it follows from the content that is evaluated.
    seed: u64,
    isolation: Option<String>,
}

impl Bench {
    /// A bench with a sandbox, if programs are to run. Programs get this seed.
    pub fn new(programs: Option<Programs>, seed: u64) -> Self {
        Self { programs, seed, isolation: None }
    }

    /// How the programs that ran were isolated; `None` if none ran.
    pub fn isolation(&self) -> Option<&str> {
        self.isolation.as_deref()
    }

    /// The same with another seed.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
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
                let isolation = &verdict.isolation;
                self.isolation = Some(format!("{}, Python {}", isolation.tier, isolation.python));
                match verdict.ending {
                    Ending::Failed { why } => Err(Abort::failed(format!("the sandbox: {why}"))),
                    _ => Ok(verdict),
                }
            }
            Err(error @ SandboxError::Job(_)) => Err(Abort::failed(format!("the sandbox: {error}"))),
            Err(error) => Err(EngineError::Sandbox(error).into()),
        }
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
