//! Running a program, and what its verdict means for a candidate.

use samara_engine::{Context, Trouble};
use samara_sandbox::{Clock, Job, Outcome as Ending, Value, Verdict};

/// Why a program gave nothing to score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bad {
    /// It is no usable program: it does not compile, raises an exception or returns something else than asked.
    Invalid(String),
    /// It ran badly: into a limit, a signal or a forbidden call.
    Failed(String),
}

impl Bad {
    /// An unusable program.
    pub fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(why.into())
    }

    /// The same, told about `what`, such as "the solution".
    #[must_use]
    pub fn of(self, what: &str) -> Self {
        match self {
            Self::Invalid(why) => Self::Invalid(format!("{what} {why}")),
            Self::Failed(why) => Self::Failed(format!("{what} {why}")),
        }
    }
}

/// Runs a job; its value, or why there is none.
pub async fn value(job: Job, context: &mut Context) -> Result<Result<Value, Bad>, Trouble> {
    let limits = job.limits;
    let Verdict { outcome, .. } = context.execute(job).await?;
    let failed = |why: String| Ok(Err(Bad::Failed(why)));
    match outcome {
        Ending::Ok { value } => Ok(Ok(value)),
        Ending::Syntax { message } => Ok(Err(Bad::Invalid(format!("does not compile: {}", short(&message))))),
        Ending::Exception { kind, message } => {
            Ok(Err(Bad::Invalid(format!("raised {}: {}", short(&kind), short(&message)))))
        }
        Ending::Timeout { clock: Clock::Cpu } => {
            failed(format!("ran longer than {} s of CPU time (sandbox.cpu_s)", limits.cpu.as_secs_f64()))
        }
        Ending::Timeout { clock: Clock::Wall } => {
            failed(format!("ran longer than {} s (sandbox.wall_s)", limits.wall.as_secs_f64()))
        }
        Ending::Memory => failed(format!("used more than {} MiB (sandbox.memory_mb)", limits.memory >> 20)),
        Ending::OutputLimit => failed("printed more than allowed".into()),
        Ending::ResultLimit => failed("returned more than allowed".into()),
        Ending::Crash { signal } => failed(format!("was ended by signal {signal}")),
        Ending::Forbidden { syscall } => {
            failed(format!("made the forbidden system call {}", short(&syscall)))
        }
        Ending::NoResult { exit } => failed(format!("ended without a result, with exit code {exit}")),
        Ending::BadFrame => failed("wrote something that is no result".into()),
        Ending::Failed { why } => Err(Trouble::Candidate(format!("the sandbox: {why}"))),
    }
}

/// A program's own words, cut to a line of 200 characters.
fn short(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
