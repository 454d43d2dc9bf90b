//! Runs a user's evaluator on candidates: a second sandbox beside the one for programs, with a wider policy.
//!
//! An evaluator is code that a user has chosen, and it does what evaluators do: it starts interpreters and compilers,
//! has threads and temporary files, and imports packages of the user's own. So it may fork, execute and read what its
//! options show. It may not reach the host's files, network and processes, and all that it has started ends with it.
//!
//! - [`Evaluators`] is a pool of warm servers, each in a jail of its own, set up by [`EvaluatorOptions`];
//! - it takes an [`EvaluationJob`] and gives an [`EvaluationVerdict`];
//! - `plan` (what is visible), `interpreter`, `start` (bringing a server up), `evaluator.py` (the server and the
//!   supervisor of each evaluation) and `watch` (the host's end);
//! - a [`CandidateCall`] is how an evaluator reaches a candidate that must not see it.

#[cfg(target_os = "linux")]
mod interpreter;
mod job;
mod options;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod start;
mod verdict;
#[cfg(target_os = "linux")]
mod watch;

#[cfg(target_os = "linux")]
mod pool;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod pool;

pub use job::{CandidateCall, CandidateReply, EvaluationJob, EvaluationLimits};
pub use options::EvaluatorOptions;
pub use pool::Evaluators;
pub use verdict::{EvaluationEnding, EvaluationVerdict};
