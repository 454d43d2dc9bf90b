//! Anybody's program against anybody's evaluator: `samara evolve`.
//!
//! A genome is always a set of files ([`samara_search::Genome::Files`]); a single file has the digest of its text.

mod blocks;
mod environment;
pub mod evaluation;
pub mod gp;
mod lexer;
pub mod measures;
mod memory;
pub mod operators;
pub mod presets;
mod program;
pub mod prompt;
mod proposer;
mod rewrite;
mod screening;
mod search_replace;
mod secrets;
pub mod settings;

pub use environment::Evolve;
pub(crate) use environment::build;
pub use program::Program;
pub use proposer::Evolver;

#[cfg(test)]
mod several_tests;

/// Its name in `experiment.environment`.
pub const NAME: &str = "evaluator";
