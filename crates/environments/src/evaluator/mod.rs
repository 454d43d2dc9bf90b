//! Anybody's program against anybody's evaluator: `samara evolve`.
//!
//! A genome is always a set of files ([`samara_search::Genome::Files`]); a single file has the digest of its text.

pub mod evaluation;
pub mod presets;
pub mod settings;

/// Its name in `experiment.environment`.
pub const NAME: &str = "evaluator";
