//! `sodarace`: creatures that walk, written as Python programs.
//!
//! A program's `make_walker()` builds a walker; the sandbox runs it, the physics of [`samara_sodarace`] lets the
//! creature walk. It is measured by its height, width and mass, and the objective is how far it walks (Lehman et al.
//! 2022, ELM, arXiv 2206.08896, section 4). [`programs`] is the Python that programs may use, with the seed designs;
//! `read` takes a walker out of what a program returned.

mod film;
pub mod programs;
mod read;
pub mod settings;

use std::sync::Arc;

use samara_engine::{Abort, About, Bench, Environment, Future};
use samara_sandbox::{Job, Value};
use samara_search::{Artifact, Invalid, Score, schema};
use samara_sodarace::{Evaluation, Verdict};

pub use programs::{ENTRY, SEEDS, Seed, preamble, seed};
pub use read::walker;
pub use settings::{DEFAULT_MS, OverTerrains, SodaraceSettings, Terrains};

use crate::{
    program::{self, Format, Phrases, Programs, Task, Writer},
    source::{Source, expect_axes},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "sodarace";

struct Sodarace {
    grounds: Arc<Grounds>,
}

/// Where and how long every creature walks, and what its distances come to.
struct Grounds {
    /// One for each terrain.
    physics: Vec<samara_sodarace::Conditions>,
    over: OverTerrains,
    ms: u32,
    validate: bool,
}

/// Builds it, reading the seeds.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    let settings: SodaraceSettings = schema::read(source.section, "environment")?;
    settings.validate()?;
    let what = match settings.over_terrains {
        OverTerrains::Axes => "environment `sodarace` (height, width, mass and the distance on each terrain)",
        OverTerrains::Mean | OverTerrains::Worst => "environment `sodarace` (height, width and mass)",
    };
    expect_axes(source.axes, settings.measures(), what)?;
    let seeds = settings.read_seeds(source.inputs)?;
    let (physics, over) = (settings.physics(), settings.over_terrains);
    let grounds = Grounds { physics, over, ms: settings.ms, validate: settings.validate };
    let writer = Writer::new(source, settings.writing, format())?;
    Ok(Programs::new(Sodarace { grounds: Arc::new(grounds) }, Arc::new(writer), seeds))
}

/// The physics' settings on each terrain and the simulated milliseconds of a run, from the `[environment]` section of its
/// resolved configuration; one terrain or more.
///
/// # Errors
/// A configuration that is none of this environment.
pub fn circumstances(config: &str) -> Result<(Vec<samara_sodarace::Conditions>, u32), Invalid> {
    let table = config.parse::<toml::Table>();
    let section = table.ok().and_then(|mut table| table.remove("environment"));
    let Some(toml::Value::Table(section)) = section else {
        return Err(Invalid::new("environment", "is missing", "name a run of `sodarace`"));
    };
    let settings: SodaraceSettings = schema::read(&section, "environment")?;
    settings.validate()?;
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
            let grounds = Arc::clone(&self.grounds);
            // What is made of a program's value is made on a thread that may block, and within limits.
            let walked = bench.compute(move || walk(&made, &grounds)).await?;
            let (walked, film) = walked.map_err(Abort::invalid)?;
            Ok(Score { artifacts: film.into_iter().collect(), ..judge(&self.grounds, &walked)? })
        })
    }
}

/// Takes the walker out of a value and lets it walk on each terrain, filmed on the first; `Err` says for a person why it
/// can't.
fn walk(made: &Value, grounds: &Grounds) -> Result<(Vec<Evaluation>, Option<Artifact>), String> {
    let walker = walker(made)?;
    if grounds.validate && !walker.validate() {
        return Err(
            "the walker is beyond OpenELM's limits: an amplitude above 10, more than 10 connections at a \
                    joint, or joints closer than 0.003 (environment.validate)"
                .to_owned(),
        );
    }
    let mut film = None;
    let mut walked = Vec::with_capacity(grounds.physics.len());
    for (place, physics) in grounds.physics.iter().enumerate() {
        let evaluation = if place == 0 {
            film::evaluate(&walker, physics, grounds.ms).map(|(evaluation, made)| {
                film = made;
                evaluation
            })
        } else {
            samara_sodarace::evaluate(&walker, physics, grounds.ms)
        };
        walked.push(evaluation.map_err(|rejection| rejection.to_string())?);
    }
    Ok((walked, film))
}

/// The score of a creature that could walk on every terrain.
fn judge(grounds: &Grounds, walked: &[Evaluation]) -> Result<Score, Abort> {
    let several = walked.len() > 1;
    let mut distances = Vec::with_capacity(walked.len());
    for (evaluation, physics) in walked.iter().zip(&grounds.physics) {
        let on = if several { format!(" (on {})", physics.terrain.name()) } else { String::new() };
        distances.push(distance(evaluation, &on)?);
    }
    let Some(Evaluation { morphology: shape, .. }) = walked.first() else {
        return Err(Abort::failed("there is no terrain to walk on"));
    };
    let objective = match grounds.over {
        OverTerrains::Mean | OverTerrains::Axes => distances.iter().sum::<f64>() / distances.len() as f64,
        OverTerrains::Worst => distances.iter().copied().fold(f64::INFINITY, f64::min),
    };
    let mut score = Score::new(objective, vec![shape.height, shape.width, shape.mass]);
    if grounds.over == OverTerrains::Axes {
        score.measures.extend(&distances);
    }
    if several {
        let named = grounds.physics.iter().zip(distances).enumerate();
        let metric = |(place, (physics, distance)): (usize, (&samara_sodarace::Conditions, f64))| {
            (format!("distance_{}_{}", place + 1, physics.terrain.name()), distance)
        };
        score.metrics = named.map(metric).collect();
    }
    Ok(score)
}

fn distance(evaluation: &Evaluation, on: &str) -> Result<f64, Abort> {
    match (evaluation.verdict, evaluation.fitness) {
        (Verdict::Scored, Some(fitness)) => Ok(fitness),
        (Verdict::Unsettled, _) => {
            let steps = evaluation.settling_steps;
            Err(Abort::failed(format!("the creature did not come to rest in {steps} steps{on}")))
        }
        (Verdict::NoConnections, _) => Err(Abort::invalid("nothing of the walker is connected")),
        (Verdict::NotFinite | Verdict::Scored, _) => {
            Err(Abort::failed(format!("the creature flew apart{on}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grounds(over: OverTerrains) -> Grounds {
        let settings: SodaraceSettings = toml::from_str(
            "terrain = [\"flat\", { kind = \"tunnel\", height = 60 }]\nms = 2000\nseeds = [\"square\"]\n",
        )
        .expect("settings");
        settings.validate().expect("terrains");
        Grounds { physics: settings.physics(), over, ms: settings.ms, validate: true }
    }

    /// An evaluation that went this far.
    fn walked(distance: Option<f64>) -> Evaluation {
        let walker: samara_sodarace::Walker = serde_json::from_str(
            r#"{"joints": [[0, 0], [1, 0]], "muscles": [[0, 1, {"type": "distance", "amplitude": 0, "phase": 0}]]}"#,
        )
        .expect("a walker");
        let stands = samara_sodarace::evaluate(&walker, &samara_sodarace::Conditions::default(), 100);
        let verdict = if distance.is_some() { Verdict::Scored } else { Verdict::Unsettled };
        Evaluation { verdict, fitness: distance, ..stands.expect("it stands") }
    }

    #[test]
    fn distances_over_several_terrains_come_to_their_mean_their_least_or_axes() {
        let both = [walked(Some(5.0)), walked(Some(3.0))];
        for (over, objective, measures) in
            [(OverTerrains::Mean, 4.0, 3), (OverTerrains::Worst, 3.0, 3), (OverTerrains::Axes, 4.0, 5)]
        {
            let score = judge(&grounds(over), &both).unwrap_or_else(|_| panic!("{over:?}: a score"));
            assert_eq!((score.objective, score.measures.len()), (objective, measures));
            let metrics: Vec<(&str, f64)> =
                score.metrics.iter().map(|(name, distance)| (name.as_str(), *distance)).collect();
            assert_eq!(metrics, [("distance_1_flat", 5.0), ("distance_2_tunnel", 3.0)]);
        }
        let axes = judge(&grounds(OverTerrains::Axes), &both).unwrap_or_else(|_| panic!("a score"));
        assert_eq!(axes.measures[3..], [5.0, 3.0]);
    }

    #[test]
    fn a_creature_that_does_not_rest_on_one_terrain_has_failed() {
        let walked = [walked(Some(5.0)), walked(None)];
        assert!(judge(&grounds(OverTerrains::Mean), &walked).is_err());
    }

    #[test]
    fn no_terrain_too_many_and_impossible_ones_are_refused() {
        for terrain in
            ["[]", "{ kind = \"tunnel\", height = -1 }", "[\"flat\", { kind = \"rough\", length = 2 }]"]
        {
            let settings: SodaraceSettings =
                toml::from_str(&format!("terrain = {terrain}")).expect("settings");
            assert!(settings.validate().is_err(), "{terrain}");
        }
        let many = format!("terrain = [{}]", "\"flat\", ".repeat(11));
        let settings: SodaraceSettings = toml::from_str(&many).expect("settings");
        assert!(settings.validate().is_err());
        let openelm = "law = \"openelm\"\nterrain = [\"flat\", \"flat\"]";
        assert!(toml::from_str::<SodaraceSettings>(openelm).expect("settings").validate().is_err());
    }
}
