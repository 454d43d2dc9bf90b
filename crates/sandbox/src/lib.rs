//! Runs any Python program under limits, fast, and is safe from it.
//!
//! - [`Sandbox`] is a pool of warm fork servers; it takes a [`Job`] and gives a [`Verdict`];
//! - [`tier`]: how strongly programs are isolated; [`Sandbox::start`] takes the strongest that works;
//! - [`value`] and [`codec`]: the plain data that goes in and comes out, and its wire format;
//! - [`policy`]: allowed system calls as data, `bpf`: the same as a filter; `plan` (what is visible), `launch` (the way
//!   into the confinement), `server` and `server.py` (the two ends of a fork server), `watch` (limits and judging).
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
