//! Runs any Python program under limits, fast, and is safe from it.
//!
//! - [`Sandbox`] is a pool of warm fork servers; it takes a [`Job`] and gives a [`Verdict`];
//! - [`tier`]: how strongly programs are isolated; [`Sandbox::start`] takes the strongest that works;
//! - [`value`] and [`codec`]: the plain data that goes in and comes out, and its wire format;
//! - [`policy`]: allowed system calls as data, `bpf`: the same as a filter; `plan` (what is visible), `launch` (the way
//!   into the confinement), `server` and `server.py` (the two ends of a fork server), `watch` (limits and judging).
//!
//! Memory, processes and CPU time are limited by rlimits and by the host's own clocks, not by cgroups. A program is one
//! process that can't fork, so RLIMIT_AS bounds its memory and `wait4` tells its peak; scratch has a size of its own. A
//! cgroup would need root or delegation, differs between two versions, and costs a directory and a move per program.
//!
//! Knows nothing of candidates and scores. The only crate of the project with `unsafe`: `sys` and one line of `launch`.

mod bpf;
pub mod codec;
pub mod doctor;
pub mod error;
pub mod http;
pub mod job;
pub mod json;
mod launch;
mod plan;
pub mod policy;
mod python;
pub mod sandbox;
mod server;
mod sys;
pub mod text;
pub mod tier;
pub mod value;
pub mod verdict;
mod watch;

pub use codec::Budget;
pub use error::SandboxError;
pub use job::{Job, Limits};
pub use sandbox::{Sandbox, Settings};
pub use tier::Tier;
pub use value::Value;
pub use verdict::{Clock, Isolation, Outcome, Verdict};
