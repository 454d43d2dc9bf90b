//! `sodarace`: creatures that walk, written as Python programs.
//!
//! A program's `make_walker()` builds a walker; the sandbox runs it, the physics of [`samara_sodarace`] lets the
//! creature walk. It is measured by its height, width and mass, and the objective is how far it walks (Lehman et al.
//! 2022, ELM, arXiv 2206.08896, section 4). [`programs`] is the Python that programs may use, with the seed designs;
//! `read` takes a walker out of what a program returned.

pub mod programs;
mod read;
pub mod settings;

use std::sync::Arc;

use samara_engine::{Abort, About, Bench, Environment, Future};
use samara_sandbox::{Job, Value};
use samara_search::{Invalid, Score, schema};
use samara_sodarace::{Evaluation, Verdict};

pub use programs::{ENTRY, SEEDS, Seed, preamble, seed};
pub use read::walker;
pub use settings::{DEFAULT_MS, SodaraceSettings};

use crate::{
    program::{self, Format, Phrases, Programs, Task, Writer},
    source::{Source, expect_axes},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "sodarace";

/// Height, width and mass.
const MEASURES: usize = 3;

struct Sodarace {
    physics: Arc<samara_sodarace::Conditions>,
    ms: u32,
    validate: bool,
}

/// Builds it, reading the seeds.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    let settings: SodaraceSettings = schema::read(source.section, "environment")?;
    settings.validate()?;
    expect_axes(source.axes, MEASURES, "environment `sodarace` (height, width and mass)")?;
    let seeds = settings.read_seeds(source.inputs)?;
    let physics = Arc::new(settings.physics());
    let (ms, validate) = (settings.ms, settings.validate);
    let writer = Writer::new(source, settings.writing, format())?;
    Ok(Programs::new(Sodarace { physics, ms, validate }, Arc::new(writer), seeds))
}

/// The physics' settings and the simulated milliseconds of a run, from the `[environment]` section of its resolved
/// configuration.
///
/// # Errors
/// A configuration that is none of this environment.
pub fn circumstances(config: &str) -> Result<(samara_sodarace::Conditions, u32), Invalid> {
    let table = config.parse::<toml::Table>();
    let section = table.ok().and_then(|mut table| table.remove("environment"));
    let Some(toml::Value::Table(section)) = section else {
        return Err(Invalid::new("environment", "is missing", "name a run of `sodarace`"));
    };
    let settings: SodaraceSettings = schema::read(&section, "environment")?;
    Ok((settings.physics(), settings.ms))
}

/// The prompts that the embedded walker model has learnt.
fn format() -> Format {
    let messages = [
        "Change make_walker.",
        "Change a number.",
        "Change some numbers.",
        "Change the size.",
        "Add a muscle.",
        "Remove a muscle.",
        "Add a joint.",
        "Change a muscle.",
    ];
    Format {
        header: "def make_walker():\n".to_owned(),
        functions: vec!["make_walker".to_owned()],
        phrases: Phrases {
            old: "# A buggy version of make_walker:".to_owned(),
            fixed: "# The fixed version of make_walker:".to_owned(),
            modify: "# A new walker, changed from the one above:".to_owned(),
            combine: "# A new walker, combined from the ones above:".to_owned(),
            similar: "# A new walker, of the same kind as the ones above:".to_owned(),
            between: "\n\n".to_owned(),
        },
        file: "walker.py".to_owned(),
        messages: messages.map(str::to_owned).to_vec(),
        ..Format::default()
    }
}

impl Task for Sodarace {
    const NAME: &'static str = NAME;

    fn about(&self) -> About {
        About::Walkers
    }

    fn evaluate<'a>(&'a self, program: &'a str, bench: &'a mut Bench) -> Future<'a, Score> {
        Box::pin(async move {
            let job = Job { prelude: preamble(), ..bench.job(program, ENTRY)? };
            let made = program::run::value(job, bench).await.map_err(|abort| abort.of("make_walker()"))?;
            let (physics, ms, validate) = (Arc::clone(&self.physics), self.ms, self.validate);
            // What is made of a program's value is made on a thread that may block, and within limits.
            let walked = bench.compute(move || walk(&made, validate, &physics, ms)).await?;
            judge(walked.map_err(Abort::invalid)?)
        })
    }
}

/// Takes the walker out of a value and lets it walk; `Err` says for a person why it can't.
fn walk(
    made: &Value,
    validate: bool,
    physics: &samara_sodarace::Conditions,
    ms: u32,
) -> Result<Evaluation, String> {
    let walker = walker(made)?;
    if validate && !walker.validate() {
        return Err(
            "the walker is beyond OpenELM's limits: an amplitude above 10, more than 10 connections at a \
                    joint, or joints closer than 0.003 (environment.validate)"
                .to_owned(),
        );
    }
    samara_sodarace::evaluate(&walker, physics, ms).map_err(|rejection| rejection.to_string())
}

fn judge(evaluation: Evaluation) -> Result<Score, Abort> {
    let shape = evaluation.morphology;
    match (evaluation.verdict, evaluation.fitness) {
        (Verdict::Scored, Some(fitness)) => {
            Ok(Score::new(fitness, vec![shape.height, shape.width, shape.mass]))
        }
        (Verdict::Unsettled, _) => {
            let steps = evaluation.settling_steps;
            Err(Abort::failed(format!("the creature did not come to rest in {steps} steps")))
        }
        (Verdict::NoConnections, _) => Err(Abort::invalid("nothing of the walker is connected")),
        (Verdict::NotFinite | Verdict::Scored, _) => Err(Abort::failed("the creature flew apart")),
    }
}
