//! Driving a search: environments' access to the world, workers, the journal, resume and Ctrl-C.
//!
//! Read [`run`] first: it is the loop around [`samara_search::Search`]. `life` is what a worker does with a ticket.
//! The other modules are what those two are made of:
//!
//! - [`environment`]: what is evolved (the [`Environment`] and [`Evaluator`] traits); [`abort`]: how a stage ends early;
//! - [`context`]: one candidate's access to language models, with seeds derived from (run seed, candidate, call);
//!   [`bench`](mod@bench): its access to the sandbox; `evaluations`: what equal drafts share;
//! - [`spec`]: what an evaluator is made from, as data;
//! - [`programs`]: the `[sandbox]` section, and the programs that an evaluation may run in it; `remote`: the same on a
//!   sandbox server;
//! - [`evaluator_slots`]: a user's evaluator, and how many evaluations run at once;
//! - [`own`]: an environment of the program that samara is part of, and how it asks models from threads that block;
//! - [`prepare`](mod@prepare): an environment's setup, before candidate 0;
//! - [`event`]: what an observer hears; [`error`]: why a run stops.
//!
//! - [`workers`]: evaluations on other machines.
//!
//! This crate never prints, speaks HTTP to sandbox servers and to coordinators only, and knows no concrete environment.

pub mod abort;
pub mod bench;
pub mod context;
pub mod environment;
pub mod error;
mod evaluations;
pub mod evaluator_slots;
pub mod event;
pub mod in_flight;
mod life;
mod log;
mod noting;
pub mod own;
pub mod prepare;
pub mod programs;
mod remote;
pub mod run;
pub mod spec;
pub mod workers;

pub use abort::{Abort, Reason};
pub use bench::Bench;
pub use context::{Context, Models, Question, Roles, Tools};
pub use environment::{About, Environment, Evaluator, Future, Screen};
pub use error::EngineError;
pub use evaluator_slots::{EvaluatorSlots, OwnEvaluator};
pub use event::{Ended, Ending, Event, Session};
pub use in_flight::CallsInFlight;
pub use own::{Asker, OwnEnvironment, Talked, Unanswered};
pub use prepare::{Prepared, prepare};
pub use programs::{Programs, SandboxSettings};
pub use run::{Command, Control, Run};
pub use spec::EvaluatorSpec;
