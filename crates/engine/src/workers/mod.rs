//! Evaluations on other machines: a coordinator that drives the run, and workers that evaluate for it.
//!
//! ```text
//! Asking      models that workers have: each attempt at a question goes through a desk of its own
//! Scattered   an evaluator that evaluates in free slots here and through the desk elsewhere; checks a share of results
//! Desk        the coordinator's side: what waits, who holds what until when, which results count
//! Link        how a worker's message comes to the desk and its reply back: the only thing that a transport is
//! work        the worker's side: greets, fetches inputs, takes tickets, answers, leaves
//! ```
//!
//! The journal is the only truth; everything here may be lost. A [`Ticket`] is a function of the run's state, so a lost
//! one is given out again under the same id, and of several results the first counts. What travels is the
//! evaluation of a draft and, if the run wants it, an attempt at a question to a model; everything else is done by the
//! coordinator.
//!
//! - [`message`]: what is said, and by which version of the protocol; [`task`]: what evaluations need beside the draft;
//! - [`desk`], [`scattered`], [`asking`]: the coordinator; [`mod@work`], [`cache`]: the worker;
//! - [`link`]: transports: within a process, over HTTP, and through a NATS server.

pub mod asking;
pub mod cache;
pub mod desk;
pub mod link;
pub mod message;
pub mod scattered;
pub mod task;
pub mod work;

pub use asking::{Asking, token_of_questions};
pub use desk::{Census, Desk, Patience, WorkerSeen};
pub use link::{Broker, HttpLink, Link, LinkError, Local, NatsDesk, NatsLink};
pub use message::{Answer, Outcome, PROTOCOL, Reply, Request, Ticket, Work};
pub use scattered::Scattered;
pub use task::{Duty, Meant, Task, TaskFile};
pub use work::{Done, Equip, Equipped, Heard, Me, Tally, work};
