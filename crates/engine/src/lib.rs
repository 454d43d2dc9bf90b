//! The search: one owner of state, many workers, the same result at any concurrency.
//!
//! Read [`life`] first: it is the loop, from proposing a candidate to settling its fate. The other modules are
//! what that loop is made of:
//!
//! - [`environment`]: what is evolved (the [`Environment`] trait), as plans and outcomes;
//! - [`state`]: the archive, the genomes of its elites and the prompt [`pool`]: everything a proposal may depend on;
//! - [`ensemble`]: which of several generators writes a candidate;
//! - [`strategy`]: ours and the baselines; [`examples`]: what each shows in prompts; [`novelty`] and [`rouge`]: what
//!   two of them call new; [`statistics`]: what compares runs;
//! - [`context`]: one candidate's access to language models, with seeds derived from (run seed, candidate, call);
//! - [`programs`]: the `[sandbox]` section, and the programs that a candidate's life may run in it;
//! - [`settings`]: the `[search]` and `[[axes]]` sections; [`budget`]: what a run may spend;
//! - [`event`]: what an observer hears; [`error`]: why a run stops.
//!
//! This crate never prints, speaks no HTTP and knows no concrete environment.

pub mod budget;
pub mod context;
pub mod decode;
pub mod ensemble;
pub mod environment;
pub mod error;
pub mod event;
pub mod examples;
pub mod life;
pub mod novelty;
pub mod pool;
pub mod programs;
pub mod rouge;
pub mod settings;
pub mod state;
pub mod statistics;
pub mod strategy;

pub use budget::{Charge, Spending};
pub use context::{Context, Models, Question, Tools};
pub use decode::{decode, nearest};
pub use ensemble::{Choose, Ensemble, EnsembleSettings, Per, Pull};
pub use environment::{Environment, Future, Outcome, Plan, Roles, Trouble};
pub use error::EngineError;
pub use event::{Ended, Ending, Event, Session};
pub use examples::{Example, Examples};
pub use life::{Control, Search};
pub use pool::Pool;
pub use programs::{Programs, SandboxSettings};
pub use settings::{Algorithm, AxisSettings, BudgetSettings, CvtSection, Invalid, Operator, SearchSettings};
pub use state::State;
pub use statistics::{Interval, Resamples};
pub use strategy::{NoveltySection, Strategy};
