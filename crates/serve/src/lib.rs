//! samara over HTTP: the sandbox, with the routes that OpenELM's environments post to, and the dashboard of runs
//! ([`dashboard`]), which shares its connections with nobody.
//!
//! | route | what |
//! |---|---|
//! | `POST /v1/run` | a job as JSON -> a verdict as JSON |
//! | `POST /gen_racer`, `/eval_imageoptim_func`, `/eval_p3_solution` | OpenELM's, see [`openelm`] |
//! | `GET /health`, `GET /metrics` | for operators; health needs no token |
//!
//! and, for evaluations on other machines, `POST /v1/work` of a run's coordinator ([`workers`]).
//!
//! - [`App`] answers requests and has no socket; [`serve`] gives it connections;
//! - [`Bounds`]: everything has one. What a request can make the server allocate is taken from a counted budget first
//!   (`memory`);
//! - `gate`: who is let in; `places` and `wire`: how long a connection may stay; `read`: bodies; `run`: turns on the
//!   sandbox; `pieces`: answers as they are written.
//!
//! Nothing that takes long happens on an async thread: values are read, checked and written on blocking threads, as many at
//! once as there are CPUs. Knows nothing of candidates, journals and the engine.

mod app;
mod bounds;
pub mod control;
pub mod dashboard;
mod gate;
pub mod job;
mod listen;
mod memory;
mod metrics;
pub mod openelm;
mod pieces;
mod places;
mod read;
mod refusal;
mod run;
mod walker;
pub mod watch;
mod wire;
pub mod workers;

pub use app::App;
pub use bounds::{Bounds, BoundsError};
pub use gate::Access;
pub use listen::serve;
