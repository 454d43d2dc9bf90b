//! The request of `/v1/run`: a job as JSON, with limits that no client can raise beyond a ceiling.

use crate::job::{Job, Limits};
use crate::json;
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    program: String,
    entry: String,
    #[serde(default)]
    arguments: Vec<serde_json::Value>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    limits: Wanted,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Wanted {
    cpu_seconds: Option<f64>,
    wall_seconds: Option<f64>,
    memory_bytes: Option<u64>,
    output_bytes: Option<u32>,
    scratch_bytes: Option<u64>,
}

/// Longest CPU time that a request may ask for, in seconds.
pub(crate) const MOST_CPU: f64 = 60.0;
const MOST_WALL: f64 = 300.0;
const MOST_MEMORY: u64 = 4 << 30;
const MOST_OUTPUT: u32 = 4 << 20;
const MOST_SCRATCH: u64 = 256 << 20;

pub(super) fn read(body: &serde_json::Value) -> Result<Job, String> {
    let run = Run::deserialize(body).map_err(|error| format!("no job: {error}"))?;
    let wanted = &run.limits;
    let cpu = seconds(wanted.cpu_seconds.unwrap_or(2.0), MOST_CPU)?;
    let wall = wanted.wall_seconds.map_or(Ok(wall(cpu)), |wanted| seconds(wanted, MOST_WALL))?;
    let limits = Limits {
        cpu,
        wall,
        memory: at_most(wanted.memory_bytes, 256 << 20, MOST_MEMORY, "memory_bytes")?,
        output: at_most(wanted.output_bytes, 64 << 10, MOST_OUTPUT, "output_bytes")?,
        scratch_bytes: at_most(wanted.scratch_bytes, 16 << 20, MOST_SCRATCH, "scratch_bytes")?,
        ..Limits::default()
    };
    let arguments = run.arguments.iter().map(json::to_value).collect::<Result<_, _>>()?;
    Ok(Job { arguments, limits, seed: run.seed, ..Job::new(run.program, run.entry) })
}

fn at_most<T: Copy + PartialOrd + std::fmt::Display>(
    wanted: Option<T>,
    usual: T,
    most: T,
    name: &str,
) -> Result<T, String> {
    match wanted {
        Some(wanted) if wanted > most => Err(format!("{name} is {wanted}, more than {most}")),
        wanted => Ok(wanted.unwrap_or(usual)),
    }
}

/// The wall time that goes with a CPU time if a request gives none: five times as much, and 10 s at least, so that a
/// short limit is not met by a program that only waits for its turn on a busy machine.
pub(crate) fn wall(cpu: Duration) -> Duration {
    (cpu * 5).max(Duration::from_secs(10))
}

/// A time limit from a request.
pub(crate) fn seconds(wanted: f64, most: f64) -> Result<Duration, String> {
    if wanted > 0.0 && wanted <= most {
        Ok(Duration::from_secs_f64(wanted))
    } else {
        Err(format!("a time of {wanted} s is not above 0 and at most {most}"))
    }
}
