//! What samara evolves, one module per environment, one line each in the [`REGISTRY`].
//!
//! - [`lmx`]: texts, by language-model crossover and AI feedback (QDAIF);
//! - [`function`]: vectors, against an Ackley function;
//! - [`string`]: letters, against a target;
//! - [`image`]: programs that draw, against a disc;
//! - [`p3`]: programs that solve a puzzle, and new puzzles with a solution;
//! - [`sodarace`]: programs that build creatures, which walk.
//!
//! [`program`] is what environments of programs share: writing new programs from old ones, and running them.
//!
//! [`builtin`] holds the experiments and seed pools that come with samara. Environments spawn nothing and know no
//! files of a run.

pub mod builtin;
pub mod function;
pub mod image;
pub mod lmx;
pub mod p3;
pub mod program;
pub mod sodarace;
pub mod string;

use std::{path::Path, sync::Arc};

use samara_engine::{AxisSettings, Environment, Invalid, Operator};

/// How an environment is built from its `[environment]` section.
pub struct Entry {
    /// Its name in `experiment.environment`.
    pub name: &'static str,
    /// What it evolves, in a line.
    pub summary: &'static str,
    build: fn(&Parts<'_>) -> Result<Arc<dyn Environment>, Invalid>,
}

/// What an environment is built from.
pub struct Parts<'a> {
    /// Its section.
    pub section: &'a toml::Table,
    /// The archive's axes, which must fit its measures.
    pub axes: &'a [AxisSettings],
    /// `search.operator`, for environments of programs.
    pub operator: Option<Operator>,
    /// Where relative paths in its section start.
    pub folder: &'a Path,
}

/// Every environment.
pub const REGISTRY: &[Entry] = &[
    Entry {
        name: lmx::NAME,
        summary: "texts, by language-model crossover and AI feedback (QDAIF)",
        build: lmx::build,
    },
    Entry {
        name: function::NAME,
        summary: "vectors that climb a negated Ackley function",
        build: function::build,
    },
    Entry {
        name: image::NAME,
        summary: "programs that draw, towards a yellow disc; runs them in the sandbox",
        build: image::build,
    },
    Entry {
        name: p3::problem::NAME,
        summary: "programs that solve a puzzle (P3), told apart by their text; runs them in the sandbox",
        build: p3::problem::build,
    },
    Entry {
        name: p3::probsol::NAME,
        summary: "puzzles with solutions that few find (P3); runs them in the sandbox",
        build: p3::probsol::build,
    },
    Entry {
        name: sodarace::NAME,
        summary: "programs that build creatures, told apart by their shape, that walk; runs them in the sandbox",
        build: sodarace::build,
    },
    Entry { name: string::NAME, summary: "letters that approach a target string", build: string::build },
];

/// Builds the environment called `name`.
///
/// # Errors
/// An unknown name, or a section that it can't use.
pub fn build(name: &str, parts: &Parts<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    match REGISTRY.iter().find(|entry| entry.name == name) {
        Some(entry) => (entry.build)(parts),
        None => {
            let names: Vec<&str> = REGISTRY.iter().map(|entry| entry.name).collect();
            let hint = format!("the environments are {}", names.join(", "));
            Err(Invalid::new("experiment.environment", format!("there is no environment `{name}`"), hint))
        }
    }
}

/// Refuses an operator on programs where there are none.
fn expect_no_operator(parts: &Parts<'_>) -> Result<(), Invalid> {
    match parts.operator {
        None => Ok(()),
        Some(operator) => {
            let what = format!("`{}` varies programs, and this environment has none", operator.name());
            Err(Invalid::new("search.operator", what, "leave it out"))
        }
    }
}

/// Refuses axes that are not one per measure.
fn expect_axes(axes: &[AxisSettings], measures: usize, of: &str) -> Result<(), Invalid> {
    if axes.len() == measures {
        return Ok(());
    }
    let what = format!("there are {} axes, but {of} gives {measures} measures", axes.len());
    Err(Invalid::new("axes", what, "write one [[axes]] entry per measure, in their order"))
}
