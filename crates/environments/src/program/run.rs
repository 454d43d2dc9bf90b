//! Running a program, and what its verdict means for a candidate.

use samara_engine::{Abort, Bench};
use samara_sandbox::{Clock, Ending, Job, Source, Value, Verdict};

/// Runs a job; its value, or why there is none: a program that does not compile, raises an exception or returns
/// something else than asked is invalid, one that runs into a limit, a signal or a forbidden call has failed.
pub async fn value(job: Job, bench: &mut Bench) -> Result<Value, Abort> {
    let limits = job.limits;
    let Verdict { ending, .. } = bench.execute(job).await?;
    Err(match ending {
        Ending::Ok { value } => return Ok(value),
        Ending::Syntax { message } => Abort::invalid(format!("does not compile: {}", short(&message))),
        Ending::Exception { kind, message } => {
            Abort::invalid(format!("raised {}: {}", short(&kind), short(&message)))
        }
        Ending::Timeout { clock: Clock::Cpu } => {
            let seconds = limits.cpu.as_secs_f64();
            Abort::failed(format!("ran longer than {seconds} s of CPU time (sandbox.cpu_s)"))
        }
        Ending::Timeout { clock: Clock::Wall } => {
            Abort::failed(format!("ran longer than {} s (sandbox.wall_s)", limits.wall.as_secs_f64()))
        }
        Ending::Memory { source } => {
            let mib = limits.memory >> 20;
            let what = match source {
                Source::Host => "was killed with its memory used up",
                Source::Program => "says that it ran out of memory, with most of it in use",
            };
            Abort::failed(format!("{what}: {mib} MiB (sandbox.memory_mb)"))
        }
        Ending::OutputLimit => Abort::failed("printed more than allowed"),
        Ending::ResultLimit { bound, source: Source::Host } => {
            Abort::failed(format!("returned more {bound} than allowed"))
        }
        Ending::ResultLimit { bound, source: Source::Program } => {
            Abort::failed(format!("says that it would return more {bound} than allowed"))
        }
        Ending::Crash { signal } => Abort::failed(format!("was ended by signal {signal}")),
        Ending::Forbidden { syscall } => {
            Abort::failed(format!("made the forbidden system call {}", short(&syscall)))
        }
        Ending::NoResult { exit } => Abort::failed(format!("ended without a result, with exit code {exit}")),
        Ending::BadFrame => Abort::failed("wrote something that is no result"),
        Ending::Failed { why } => Abort::failed(format!("the sandbox: {why}")),
    })
}

/// A program's own words, cut to a line of 200 characters.
fn short(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
