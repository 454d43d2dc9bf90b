//! What samara evolves, one module per environment, one line each in the [`REGISTRY`].
//!
//! - [`lmx`]: texts, by language-model crossover and AI feedback (QDAIF);
//! - [`function`]: vectors, against an Ackley function;
//! - [`functions`]: vectors, against the functions of the literature, by emitters;
//! - [`mod@evaluator`]: anybody's program, against anybody's evaluator;
//! - [`poetry`]: texts of named kinds, rewritten from one kind to another (QDAIF);
//! - [`prompt_evolution`]: instructions, against the items of a data set;
//! - [`string`]: letters, against a target;
//! - [`image`]: programs that draw, against a disc;
//! - [`p3`]: programs that solve a puzzle, and new puzzles with a solution;
//! - [`sodarace`]: programs that build creatures, which walk;
//! - [`own`]: what the program that samara is part of brings along, such as a class of Python; no entry of the registry.
//!
//! [`program`] is what environments of programs share: writing new programs from old ones, and running them.
//! [`emitted()`] has the emitters of a recorded run again. [`source`] is what environments are built from, [`inputs`] how they read the files that a run keeps.
//!
//! [`builtin`] holds the experiments and seed pools that come with samara. Environments spawn nothing and know no
//! files of a run.

mod answer;
pub mod builtin;
pub mod continued;
mod emitted;
pub mod evaluator;
mod fences;
pub mod function;
pub mod functions;
pub mod image;
pub mod inputs;
pub mod lmx;
pub mod own;
pub mod p3;
pub mod poetry;
pub mod program;
pub mod prompt_evolution;
mod shingles;
mod simple;
pub mod sodarace;
pub mod source;
pub mod string;
mod template;

use std::sync::Arc;

use samara_engine::{Environment, Evaluator, EvaluatorSpec};
use samara_search::{Invalid, SearchSettings, Strategy, nearest};
use schemars::{Schema, SchemaGenerator};

pub use emitted::emitted;
pub use inputs::{InputFile, Inputs};
pub use source::Source;

/// How an environment is built from its `[environment]` section.
pub struct Entry {
    /// Its name in `experiment.environment`.
    pub name: &'static str,
    /// What it evolves, in a line.
    pub summary: &'static str,
    /// The baselines that it knows beside `random_search`, by their names in `search.strategy`.
    pub strategies: &'static [&'static str],
    /// The JSON schema of its section.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    build: fn(&Source<'_>) -> Result<Arc<dyn Environment>, Invalid>,
}

/// Every environment.
pub const REGISTRY: &[Entry] = &[
    Entry {
        name: lmx::NAME,
        summary: "texts, by language-model crossover and AI feedback (QDAIF)",
        strategies: &lmx::strategy::NAMES,
        schema: SchemaGenerator::subschema_for::<lmx::settings::LmxSettings>,
        build: lmx::build,
    },
    Entry {
        name: evaluator::NAME,
        summary: "anybody's program against anybody's evaluator, which runs in the sandbox",
        strategies: &evaluator::settings::STRATEGIES,
        schema: SchemaGenerator::subschema_for::<evaluator::settings::EvolveSettings>,
        build: evaluator::build,
    },
    Entry {
        name: function::NAME,
        summary: "vectors that climb a negated Ackley function",
        strategies: &[],
        schema: SchemaGenerator::subschema_for::<function::FunctionSettings>,
        build: function::build,
    },
    Entry {
        name: functions::NAME,
        summary: "vectors against the functions of the literature: sphere, Rastrigin, arm",
        strategies: &[],
        schema: SchemaGenerator::subschema_for::<functions::FunctionsSettings>,
        build: functions::build,
    },
    Entry {
        name: image::NAME,
        summary: "programs that draw, towards a yellow disc; runs them in the sandbox",
        strategies: &[program::FRESH],
        schema: SchemaGenerator::subschema_for::<image::ImageSettings>,
        build: image::build,
    },
    Entry {
        name: p3::problem::NAME,
        summary: "programs that solve a puzzle (P3), told apart by their text; runs them in the sandbox",
        strategies: &[program::FRESH],
        schema: SchemaGenerator::subschema_for::<p3::problem::ProblemSettings>,
        build: p3::problem::build,
    },
    Entry {
        name: p3::probsol::NAME,
        summary: "puzzles with solutions that few find (P3); runs them in the sandbox",
        strategies: &[program::FRESH],
        schema: SchemaGenerator::subschema_for::<p3::probsol::ProbsolSettings>,
        build: p3::probsol::build,
    },
    Entry {
        name: poetry::NAME,
        summary: "texts of named kinds, such as genres and tones, rewritten from one to another (QDAIF)",
        strategies: &[],
        schema: SchemaGenerator::subschema_for::<poetry::settings::PoetrySettings>,
        build: poetry::build,
    },
    Entry {
        name: prompt_evolution::NAME,
        summary: "instructions that a model follows on the items of a data set",
        strategies: &[],
        schema: SchemaGenerator::subschema_for::<prompt_evolution::settings::PromptSettings>,
        build: prompt_evolution::build,
    },
    Entry {
        name: sodarace::NAME,
        summary: "programs that build creatures, told apart by their shape, that walk; runs them in the sandbox",
        strategies: &[program::FRESH],
        schema: SchemaGenerator::subschema_for::<sodarace::SodaraceSettings>,
        build: sodarace::build,
    },
    Entry {
        name: string::NAME,
        summary: "letters that approach a target string",
        strategies: &[],
        schema: SchemaGenerator::subschema_for::<string::StringSettings>,
        build: string::build,
    },
];

/// Settings whose place was another one in earlier versions, put where they belong: `search.novelty` is the section
/// of `lmx_generation` alone.
pub fn translate(config: &mut toml::Table) {
    let named =
        |table: &toml::Table| table.get("environment").and_then(toml::Value::as_str) == Some(lmx::NAME);
    let is_lmx = config.get("experiment").and_then(toml::Value::as_table).is_some_and(named);
    let Some(toml::Value::Table(search)) = config.get_mut("search") else { return };
    let Some(novelty) = search.remove("novelty") else { return };
    let section = config.entry("environment").or_insert_with(|| toml::Table::new().into());
    if is_lmx && let toml::Value::Table(section) = section {
        section.entry("novelty").or_insert(novelty);
    }
}

/// The environment's entry.
///
/// # Errors
/// There is none of that name.
pub fn entry(name: &str) -> Result<&'static Entry, Invalid> {
    REGISTRY.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let names: Vec<&str> = REGISTRY.iter().map(|entry| entry.name).collect();
        let hint = format!("the environments are {}", names.join(", "));
        Invalid::new("experiment.environment", format!("there is no environment `{name}`"), hint)
    })
}

/// Environments whose measures may be categories.
const OF_CATEGORIES: [&str; 2] = [poetry::NAME, lmx::NAME];

/// Refuses axes of categories where no measure is the index of one.
fn expect_no_categories(name: &str, source: &Source<'_>) -> Result<(), Invalid> {
    let named = source.axes.iter().position(|axis| axis.categories.is_some());
    match named.filter(|_| !OF_CATEGORIES.contains(&name)) {
        None => Ok(()),
        Some(i) => {
            let what = format!("the measures of `{name}` are numbers, not categories");
            Err(Invalid::new(format!("axes[{i}].categories"), what, "use bins or ticks"))
        }
    }
}

/// Environments whose genomes are vectors.
const OF_VECTORS: [&str; 2] = [function::NAME, functions::NAME];

/// Refuses emitters where there are no vectors.
fn expect_no_emitters(name: &str, source: &Source<'_>) -> Result<(), Invalid> {
    let given = !source.search.emitters.is_empty() || source.search.bandit.is_some();
    if given && !OF_VECTORS.contains(&name) {
        let what = format!("propose vectors, and the genomes of `{name}` are none");
        return Err(Invalid::new("search.emitters", what, "leave them out"));
    }
    Ok(())
}

/// Builds the environment called `name`.
///
/// # Errors
/// An unknown name, a strategy that it doesn't know, categories where its measures are none, emitters where its genomes
/// are no vectors, or a section that it can't use.
pub fn build(name: &str, source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    if name == own::NAME {
        expect_no_emitters(name, source)?;
        return own::build(source);
    }
    let entry = entry(name)?;
    if let Strategy::Own(strategy) = &source.search.strategy
        && !entry.strategies.contains(&&**strategy)
    {
        return Err(unknown_strategy(entry, strategy));
    }
    expect_no_categories(name, source)?;
    expect_no_emitters(name, source)?;
    (entry.build)(source)
}

/// The evaluator that a specification describes, from the inputs that it names: what another machine evaluates with.
///
/// # Errors
/// Those of [`build`]; inputs that are not those of the specification; an environment that has no evaluator.
pub fn evaluator(spec: &EvaluatorSpec, inputs: &Inputs) -> Result<Arc<dyn Evaluator>, Invalid> {
    let environment = evaluating(spec, inputs)?;
    environment.evaluator().ok_or_else(|| asks_models(&spec.environment))
}

/// The environment whose evaluator a specification describes: how its programs are isolated, too.
///
/// # Errors
/// Those of [`fn@evaluator`].
pub fn evaluating(spec: &EvaluatorSpec, inputs: &Inputs) -> Result<Arc<dyn Environment>, Invalid> {
    let search = SearchSettings { operator: spec.operator, ..SearchSettings::default() };
    let source =
        Source { section: &spec.section, axes: &spec.axes, cells: None, search: &search, inputs, own: None };
    let environment = build(&spec.environment, &source)?;
    let read: std::collections::BTreeMap<String, String> =
        inputs.files().iter().map(|file| (file.key.clone(), file.digest())).collect();
    if read != spec.inputs {
        return Err(Invalid::new(
            "inputs",
            "are not those of the evaluator",
            "send the files that it was made from",
        ));
    }
    if environment.evaluator().is_none() {
        return Err(asks_models(&spec.environment));
    }
    Ok(environment)
}

/// What is told of an environment whose evaluations can't run elsewhere.
pub fn asks_models(environment: &str) -> Invalid {
    let what = format!("`{environment}` evaluates nothing without models");
    Invalid::new(
        "experiment.environment",
        what,
        "its candidates are judged where the search runs; workers can ask its models, with --worker-write remote",
    )
}

fn unknown_strategy(entry: &Entry, strategy: &str) -> Invalid {
    let elsewhere = REGISTRY.iter().find(|other| other.strategies.contains(&strategy));
    let mut known = vec!["qdaif", "random_search"];
    known.extend(entry.strategies);
    let what = match elsewhere {
        Some(other) => {
            format!("`{strategy}` is a baseline of {}, which `{}` does not know", other.name, entry.name)
        }
        None => format!("`{strategy}` is not one of its values"),
    };
    Invalid::new("search.strategy", what, nearest(strategy, &known))
}
