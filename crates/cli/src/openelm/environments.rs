//! OpenELM's environments and what each of them is here.

use samara_search::{Invalid, nearest};
use serde_json::Value as Yaml;
use toml::Value;

use super::{axes, generator, numbers_of, sampling, texts, texts_of};
use crate::translation::{Settings, Source};

/// An environment of OpenELM's that samara has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sodarace,
    Image,
    Text,
    String,
    Function,
    Problem,
    Probsol,
}

/// Their names, in the order of the variants.
const NAMES: [(&str, Kind); 7] = [
    ("sodarace", Kind::Sodarace),
    ("image_evolution", Kind::Image),
    ("lmx_generation", Kind::Text),
    ("string_evolution", Kind::String),
    ("function_optim", Kind::Function),
    ("p3_problem", Kind::Problem),
    ("p3_probsol", Kind::Probsol),
];

/// What is said of a key that the environment does not read.
const ELSEWHERE: &str = "another of OpenELM's environments reads it";

/// Environments of programs.
const PROGRAMS: &[Kind] = &[Kind::Sodarace, Kind::Image, Kind::Problem, Kind::Probsol];
const TEXTS: &[Kind] = &[Kind::Text];

/// Keys that only some environments read, and these.
const OWNERS: [(&str, &[Kind]); 31] = [
    ("model.frequency_penalty", TEXTS),
    ("model.presence_penalty", TEXTS),
    ("qd.crossover", PROGRAMS),
    ("qd.crossover_parents", PROGRAMS),
    ("env.timeout", PROGRAMS),
    ("env.sandbox", PROGRAMS),
    ("env.sandbox_server", PROGRAMS),
    ("env.crossover", PROGRAMS),
    ("env.eval_ms", &[Kind::Sodarace]),
    ("env.behavior_space", &[Kind::Sodarace]),
    ("env.starting_seeds", &[Kind::Sodarace]),
    ("env.instruction", &[Kind::Sodarace]),
    ("env.target", &[Kind::Image, Kind::String]),
    ("env.starting_seed", &[Kind::Problem]),
    ("env.eval_k", &[Kind::Probsol]),
    ("env.solution_init_method", TEXTS),
    ("env.mutation_method", TEXTS),
    ("env.fitness_method", TEXTS),
    ("env.fitness_query", TEXTS),
    ("env.few_shot_template", TEXTS),
    ("env.prompt_template", TEXTS),
    ("env.num_fewshot", TEXTS),
    ("env.instruction_prompt", TEXTS),
    ("env.quality_feedback_prompt", TEXTS),
    ("env.ai_feedback_entries", TEXTS),
    ("env.quality_ai_feedback_entries", TEXTS),
    ("env.add_only_improved_completions_to_prompt_pool", TEXTS),
    ("env.classifier_model", TEXTS),
    ("env.max_prompt_pool_size", TEXTS),
    ("env.init_size_prompt_pool", TEXTS),
    ("env.prompt_pool_path", TEXTS),
];

impl Kind {
    pub(super) fn of(source: &Source<'_>) -> Result<Self, Invalid> {
        const KEY: &str = "env.env_name";
        let name = source.text(KEY)?.unwrap_or("sodarace");
        if let Some((_, kind)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Ok(*kind);
        }
        let what = format!("`{name}` is not translated");
        let hint = match name {
            "qdaif" => "write an experiment with the environment poetry, which has its poems".to_owned(),
            "prompt_evolution" => "write an experiment with the environment of the same name".to_owned(),
            _ => nearest(name, &NAMES.map(|(name, _)| name)),
        };
        Err(Invalid::new(KEY, what, hint))
    }

    /// OpenELM's name.
    pub(super) fn upstream(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Samara's.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sodarace => "sodarace",
            Self::Image => "image",
            Self::Text => "lmx_generation",
            Self::String => "string",
            Self::Function => "function",
            Self::Problem => "p3_problem",
            Self::Probsol => "p3_probsol",
        }
    }

    /// Initial steps and all, by OpenELM's defaults.
    pub(super) fn steps(self) -> (i64, i64) {
        if self == Self::Text { (50, 2000) } else { (250, 2500) }
    }

    /// Keys that this environment does not read, each with the reason.
    pub(super) fn ignored(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let others = OWNERS.iter().filter(move |(_, owners)| !owners.contains(&self));
        others.map(|(key, _)| (*key, ELSEWHERE))
    }

    pub(super) fn translate(self, source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
        match self {
            Self::Text => return texts::translate(source, settings),
            Self::String => return string(source, settings),
            Self::Function => {
                settings.put("environment.dimensions", 2);
                return axes(source, &named(&["x", "y"], &[[-4.0, 4.0]; 2]), 5, settings);
            }
            Self::Sodarace => sodarace(source, settings)?,
            Self::Image => image(source, settings)?,
            Self::Problem | Self::Probsol => puzzle(source, self, settings)?,
        }
        programs(source, self, settings)
    }
}

fn named(names: &[&str], ranges: &[[f64; 2]]) -> Vec<(String, [f64; 2])> {
    names.iter().zip(ranges).map(|(name, range)| ((*name).to_owned(), *range)).collect()
}

/// What all environments of programs share: the operator, how models are asked, the sandbox.
fn programs(source: &Source<'_>, kind: Kind, settings: &mut Settings) -> Result<(), Invalid> {
    let crossed = [source.flag("qd.crossover")?, source.flag("env.crossover")?].contains(&Some(true));
    let operator = match (crossed, source.text("model.model_name")?) {
        (true, _) => "crossover",
        (false, Some("diff")) => "diff",
        (false, _) => "prompt",
    };
    settings.put("search.operator", operator);
    if crossed {
        settings.put_some("environment.writing.few_shot", source.whole("qd.crossover_parents")?);
    }
    let path = source.text("model.model_path")?;
    generator(source, settings)?;
    if operator == "diff" && path.is_none() {
        settings.put("models.generator.model", "CarperAI/diff-codegen-350m-v2");
    }
    sampling(source, "environment.writing", (1.1, 512), settings)?;
    let timeout = match kind {
        Kind::Problem | Kind::Probsol => 1.0,
        _ => 5.0,
    };
    settings.put("sandbox.wall_s", source.number("env.timeout")?.unwrap_or(timeout));
    // Upstream runs programs in its own process unless told otherwise; here they are never without a sandbox.
    if source.flag("env.sandbox")? == Some(true) {
        let server = source.text("env.sandbox_server")?.unwrap_or("http://localhost:5000");
        settings.put("sandbox.server", server);
    }
    Ok(())
}

fn sodarace(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    const SPACE: &str = "env.behavior_space";
    // Its simulator with what it gets wrong: the configuration's numbers are for that one.
    settings.put("environment.law", "openelm");
    settings.put("environment.ms", source.whole("env.eval_ms")?.unwrap_or(1000));
    let seeds = texts_of(source, "env.starting_seeds")?.unwrap_or_else(|| vec!["square"]);
    settings.put("environment.seeds", Value::Array(seeds.into_iter().map(Value::from).collect()));
    let instruction = match source.whole("env.instruction")? {
        None => None,
        Some(0) => Some("nothing"),
        Some(1) => Some("header"),
        Some(2) => Some("modify"),
        Some(3) => Some("combine"),
        Some(other) => {
            return Err(Invalid::new("env.instruction", format!("is {other}"), "write 0 to 3"));
        }
    };
    settings.put_some("environment.writing.instruction", instruction);
    let mut ranges = vec![[0.0, 500.0], [0.0, 500.0], [0.0, 1000.0]];
    if let Some(space) = source.read(SPACE, Yaml::as_array, "a list of ranges")? {
        let range = |value: &Yaml| {
            let bad = |_| Invalid::new(SPACE, "holds what is no range", "write two numbers an axis");
            <[f64; 2]>::try_from(numbers_of(value, SPACE)?).map_err(bad)
        };
        ranges = space.iter().map(range).collect::<Result<_, _>>()?;
        if ranges.len() != 3 {
            return Err(Invalid::new(SPACE, format!("has {} ranges", ranges.len()), "write three ranges"));
        }
    }
    axes(source, &named(&["height", "width", "mass"], &ranges), 5, settings)
}

fn image(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    if let Some(target) = source.text("env.target")?.filter(|target| *target != "circle") {
        return Err(Invalid::new("env.target", format!("is `{target}`"), "the target is a circle"));
    }
    axes(source, &named(&["red", "green", "blue"], &[[0.0, 255.0]; 3]), 5, settings)
}

/// The letters of Python's `string.ascii_letters`.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn string(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    let target = source.text("env.target")?.unwrap_or("MapElites");
    settings.put("environment.target", target);
    settings.put("environment.alphabet", LETTERS);
    let letters = 1..=target.chars().count();
    let names: Vec<(String, [f64; 2])> =
        letters.map(|i| (format!("letter {i}"), [0.0, LETTERS.len() as f64])).collect();
    axes(source, &names, 5, settings)
}

fn puzzle(source: &Source<'_>, kind: Kind, settings: &mut Settings) -> Result<(), Invalid> {
    let number = source.whole("env.starting_seed")?.unwrap_or(3);
    let features = named(&["tokens", "calls"], &[[0.0, 100.0], [0.0, 8.0]]);
    if kind == Kind::Problem {
        settings.put("environment.puzzle", number);
    } else {
        // Upstream samples k solutions for pass@k.
        let k = source.whole("env.eval_k")?.unwrap_or(100);
        settings.put("environment.k", k);
        settings.put("environment.samples", k);
    }
    axes(source, &features, 5, settings)
}
