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

use samara_engine::{
    Context, Environment, Future, Invalid, Operator, Outcome, Plan, Roles, State, Trouble, decode,
};
use samara_qd::Stream;
use samara_sodarace::{Evaluation, Rejection, Verdict, Walker};

pub use programs::{ENTRY, SEEDS, Seed, preamble, runnable, seed};
pub use read::walker;
pub use settings::{DEFAULT_MS, Settings};

use crate::{
    Parts, expect_axes,
    program::{self, Bad, Format, Judged, Phrases, Writer, outcome, unscored},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "sodarace";

/// Height, width and mass.
const MEASURES: usize = 3;

struct Sodarace {
    writer: Writer,
    seeds: Vec<Arc<str>>,
    physics: Arc<samara_sodarace::Settings>,
    ms: u32,
    validate: bool,
}

/// Builds it, reading the seeds.
pub(crate) fn build(parts: &Parts<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    let settings: Settings = decode(parts.section, "environment")?;
    settings.validate()?;
    expect_axes(parts.axes, MEASURES, "environment `sodarace` (height, width and mass)")?;
    let seeds = settings.read_seeds(parts.folder)?;
    let physics = Arc::new(settings.physics());
    let (ms, validate) = (settings.ms, settings.validate);
    let writer = Writer::new(parts.operator.unwrap_or(Operator::Prompt), settings.writing, format())?;
    Ok(Arc::new(Sodarace { writer, seeds, physics, ms, validate }))
}

/// The physics' settings and the simulated milliseconds of a run, from the `[environment]` section of its resolved
/// configuration.
///
/// # Errors
/// A configuration that is none of this environment.
pub fn circumstances(config: &str) -> Result<(samara_sodarace::Settings, u32), Invalid> {
    let table = config.parse::<toml::Table>();
    let section = table.ok().and_then(|mut table| table.remove("environment"));
    let Some(toml::Value::Table(section)) = section else {
        return Err(Invalid::new("environment", "is missing", "name a run of `sodarace`"));
    };
    let settings: Settings = decode(&section, "environment")?;
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
        stops: ["\n\n", "\n#", "\ndef", "\n<"].map(str::to_owned).to_vec(),
        ..Format::default()
    }
}

impl Environment for Sodarace {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        self.writer.roles()
    }

    fn create(&self, _state: &State, stream: &mut Stream) -> Plan {
        self.writer.seeded(&self.seeds, stream)
    }

    fn vary(&self, state: &State, stream: &mut Stream) -> Option<Plan> {
        self.writer.varied(state, stream)
    }

    fn live<'a>(&'a self, plan: Plan, context: &'a mut Context) -> Future<'a, Outcome> {
        Box::pin(async move {
            let text = match self.writer.write(&plan, context).await? {
                Ok(text) => text,
                Err(bad) => return Ok(unscored(bad, None)),
            };
            let job = context.job(runnable(&text), ENTRY)?;
            let made = program::run::value(job, context).await?.map_err(|bad| bad.of("make_walker()"));
            let walked = match made.and_then(|value| walker(&value).map_err(Bad::Invalid)) {
                Ok(walker) => self.walk(walker, context).await?,
                Err(bad) => Err(bad),
            };
            Ok(outcome(text, walked))
        })
    }
}

impl Sodarace {
    /// Measures and objective of a walker.
    async fn walk(&self, walker: Walker, context: &Context) -> Result<Judged, Trouble> {
        if self.validate && !walker.validate() {
            return Ok(Err(Bad::invalid(
                "the walker is beyond OpenELM's limits: an amplitude above 10, more than 10 connections at a joint, or \
                 joints closer than 0.003 (environment.validate)",
            )));
        }
        let (physics, ms) = (Arc::clone(&self.physics), self.ms);
        let evaluation = context.compute(move || samara_sodarace::evaluate(&walker, &physics, ms)).await?;
        Ok(judge(evaluation))
    }
}

fn judge(evaluation: Result<Evaluation, Rejection>) -> Judged {
    let evaluation = evaluation.map_err(|rejection| Bad::Invalid(rejection.to_string()))?;
    let shape = evaluation.morphology;
    match (evaluation.verdict, evaluation.fitness) {
        (Verdict::Scored, Some(fitness)) => Ok((vec![shape.height, shape.width, shape.mass], fitness)),
        (Verdict::Unsettled, _) => {
            let steps = evaluation.settling_steps;
            Err(Bad::Failed(format!("the creature did not come to rest in {steps} steps")))
        }
        (Verdict::NoConnections, _) => Err(Bad::invalid("nothing of the walker is connected")),
        (Verdict::NotFinite | Verdict::Scored, _) => Err(Bad::Failed("the creature flew apart".into())),
    }
}
