//! Runs any Python program under limits, fast, and is safe from it. On Linux only: elsewhere the crate builds, and
//! [`Sandbox::start`] refuses.
//!
//! - [`Sandbox`] is a pool of warm fork servers; it takes a [`Job`] and gives a [`Verdict`];
//! - [`tier`]: how strongly programs are isolated; [`Sandbox::start`] takes the strongest that works;
//! - [`value`] and [`codec`]: the plain data that goes in and comes out, and its wire format;
//! - `policy`: allowed system calls as data, `bpf`: the same as a filter; `plan` (what is visible), `library` (without the
//!   host's paths), `launch` (the way
//!   into the confinement), `start` (bringing a fork server up), `server` and `server.py` (its two ends), `watch`
//!   (limits) and `judge` (what became of it).
//!
//! Memory, processes and CPU time are limited by rlimits and by the host's own clocks, not by cgroups. A program is one
//! process that can't fork, so RLIMIT_AS bounds its memory and `wait4` tells its peak; scratch has a size of its own. A
//! cgroup would need root or delegation, differs between two versions, and costs a directory and a move per program.
//!
//! Knows nothing of candidates and scores. The only crate of the project with `unsafe`: `sys` and one line of `launch`.

pub mod codec;
pub mod doctor;
pub mod error;
pub mod evaluator;
mod int;
pub mod job;
pub mod json;
mod keys;
mod options;
mod printable;
pub mod text;
pub mod tier;
pub mod told;
pub mod value;
pub mod verdict;

// What makes system calls is Linux alone.
#[cfg(target_os = "linux")]
mod access_times;
#[cfg(target_os = "linux")]
mod bpf;
#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod launch;
#[cfg(target_os = "linux")]
mod library;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
pub mod policy;
#[cfg(target_os = "linux")]
mod python;
#[cfg(target_os = "linux")]
pub mod sandbox;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod start;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod watch;

#[cfg(target_os = "linux")]
pub mod defence;

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
pub mod sandbox;

pub use codec::Budget;
pub use error::SandboxError;
pub use evaluator::{
    CandidateCall, CandidateReply, EvaluationEnding, EvaluationJob, EvaluationLimits, EvaluationVerdict,
    EvaluatorOptions, Evaluators,
};
pub use job::{Job, Limits};
pub use options::SandboxOptions;
pub use sandbox::Sandbox;
pub use tier::Tier;
pub use value::Value;
pub use verdict::{Clock, Ending, Isolation, Source, Verdict};
