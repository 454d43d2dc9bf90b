//! OpenEvolve's configuration, translated into samara's settings: a pure function of its text's value.
//!
//! Every key of version 0.4.1 stands in [`keys`]: it is translated, or accepted without an effect, which is
//! told with the reason. A key that isn't there is unknown and told with the nearest one that is.

use std::path::Path;

use samara_search::Invalid;
use serde_json::{Map, Value as Yaml};
use toml::{Table, Value};

use super::keys;
use crate::translation::{Effect, Settings, Source, Translation, like, sort, toml_of};

/// Translates a configuration.
///
/// # Errors
/// A value of the wrong kind, a key that is written in the file, a provider that can't be asked.
pub(crate) fn translate(config: &Yaml) -> Result<Translation, Invalid> {
    let Yaml::Object(map) = config else {
        return Err(Invalid::new(
            "configuration",
            "is no table of keys",
            "write keys such as max_iterations: 100",
        ));
    };
    let mut translation = Translation::default();
    sort(map, "", keys::KEYS, &mut translation, &|key, value, translation| {
        if key == "llm.models" {
            let models = value.as_array().into_iter().flatten().enumerate();
            models.for_each(|(i, model)| sort_model(model, i, translation));
        }
    });
    let source = Source { map };
    let mut settings = Settings::default();
    run(&source, &mut settings)?;
    archive(&source, &mut settings)?;
    evaluation(&source, &mut settings)?;
    variation(&source, &mut settings)?;
    prompt(&source, &mut settings)?;
    if let Some(models) = models(&source)? {
        settings.put("models.generator", models);
    }
    embedder(&source, &mut settings)?;
    if source.find(SIMILARITY).is_some() && source.find(EMBEDDER).is_none() {
        translation
            .idle
            .push((SIMILARITY.to_owned(), "nothing is compared without database.embedding_model"));
    }
    translation.settings = settings.0;
    Ok(translation)
}

fn sort_model(model: &Yaml, position: usize, translation: &mut Translation) {
    for name in model.as_object().into_iter().flat_map(Map::keys) {
        let key = format!("llm.models[{position}].{name}");
        match keys::MODEL_KEYS.iter().find(|(known, _)| known == name) {
            Some((_, Effect::Idle(why))) => translation.idle.push((key, why)),
            Some((_, Effect::Translated)) => {}
            None => {
                translation.unknown.push((key, like(name, keys::MODEL_KEYS)));
            }
        }
    }
}

/// How long it runs.
fn run(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    if let Some(iterations) = source.whole("max_iterations")? {
        settings.put("search.total_steps", steps(iterations, "max_iterations")?);
    }
    settings.put_some("search.seed", source.whole("random_seed")?);
    settings.put_some("environment.language", source.text("language")?);
    let threshold = source.number("convergence_threshold")?;
    match source.whole("early_stopping_patience")? {
        // Below 0 upstream stops once the score equals the threshold.
        Some(patience) if patience < 0 => {
            settings.put("search.target_score", threshold.unwrap_or(THRESHOLD));
        }
        Some(patience) => {
            settings.put("search.patience", patience);
            settings.put("search.patience_margin", threshold.unwrap_or(THRESHOLD));
        }
        None => {}
    }
    Ok(())
}

/// Upstream's `convergence_threshold`.
const THRESHOLD: f64 = 0.001;

/// Candidates of so many iterations: the initial program is one of ours, and none of theirs.
pub(crate) fn steps(iterations: i64, key: &str) -> Result<i64, Invalid> {
    if iterations < 0 {
        return Err(Invalid::new(key, format!("is {iterations}"), "write 0 or more"));
    }
    Ok(iterations.saturating_add(1))
}

/// The archive and its islands.
fn archive(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    let islands = source.whole("database.num_islands")?;
    settings.put_some("search.islands.count", islands);
    if let Some(interval) = source.whole("database.migration_interval")? {
        // Upstream counts candidates of an island, samara those of all.
        settings
            .put("search.islands.migration_interval", interval.saturating_mul(islands.unwrap_or(ISLANDS)));
    }
    if let Some(rate) = source.number("database.migration_rate")? {
        settings.put("search.islands.migrants", (rate * FILLED).ceil().max(0.0) as i64);
    }
    settings.put_some("environment.selection.exploration", source.number("database.exploration_ratio")?);
    settings.put_some("environment.selection.exploitation", source.number("database.exploitation_ratio")?);
    axes(source, settings)
}

/// Upstream's number of islands.
const ISLANDS: i64 = 5;

/// Elites of an island that a rate of migration is a share of: half of the cells of the default axes.
const FILLED: f64 = 50.0;

fn axes(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    const NAMES: &str = "database.feature_dimensions";
    const BINS: &str = "database.feature_bins";
    let names = source.read(NAMES, Yaml::as_array, "a list of names")?;
    if names.is_none() && source.find(BINS).is_none() {
        return Ok(());
    }
    let names: Vec<&str> = match names {
        None => vec!["complexity", "diversity"],
        Some(names) => names
            .iter()
            .map(|name| {
                name.as_str().ok_or_else(|| Invalid::new(NAMES, "holds what is no text", "write names"))
            })
            .collect::<Result<_, _>>()?,
    };
    let bad = || Invalid::new(BINS, "is no number of bins", "write 10, or a number for each dimension");
    let bins_of = |name: &str| match source.find(BINS) {
        None => Ok(10),
        Some(Yaml::Object(each)) => each.get(name).map_or(Ok(10), |bins| bins.as_i64().ok_or_else(bad)),
        Some(bins) => bins.as_i64().ok_or_else(bad),
    };
    let axis = |name: &&str| {
        let entry = [("name".to_owned(), Value::from(*name)), ("bins".to_owned(), bins_of(name)?.into())];
        Ok::<Value, Invalid>(Value::Table(Table::from_iter(entry)))
    };
    let axes: Vec<Value> = names.iter().map(axis).collect::<Result<_, _>>()?;
    settings.put("axes", Value::Array(axes));
    Ok(())
}

/// How programs are evaluated.
fn evaluation(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    let mut put =
        |key: &str, value: Option<Value>| settings.put_some(&format!("environment.evaluation.{key}"), value);
    put("timeout_s", source.number("evaluator.timeout")?.map(Value::from));
    put("memory_mb", source.whole("evaluator.memory_limit_mb")?.map(Value::from));
    put("cascade", source.flag("evaluator.cascade_evaluation")?.map(Value::from));
    put("slots", source.whole("evaluator.parallel_evaluations")?.map(Value::from));
    put("artifacts", source.flag("evaluator.enable_artifacts")?.map(Value::from));
    put("thresholds", thresholds(source)?);
    let arguments = source.read("evaluator.evaluator_args", Yaml::as_object, "a table of arguments")?;
    put("arguments", arguments.and_then(|_| toml_of(source.find("evaluator.evaluator_args")?)));
    Ok(())
}

fn thresholds(source: &Source<'_>) -> Result<Option<Value>, Invalid> {
    const KEY: &str = "evaluator.cascade_thresholds";
    let Some(list) = source.read(KEY, Yaml::as_array, "a list of numbers")? else { return Ok(None) };
    let number = |value: &Yaml| {
        let number = value.as_f64().filter(|number| number.is_finite());
        number.map(Value::Float).ok_or_else(|| Invalid::new(KEY, "holds what is no number", "write numbers"))
    };
    list.iter().map(number).collect::<Result<Vec<_>, _>>().map(|list| Some(Value::Array(list)))
}

/// How new programs are written.
fn variation(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    let diffs = source.flag("diff_based_evolution")?;
    let rewrites = source.number("full_rewrite_probability")?;
    if diffs.is_some() || rewrites.is_some() {
        let share = if diffs == Some(false) { 1.0 } else { rewrites.unwrap_or(0.0) };
        if !(0.0..=1.0).contains(&share) {
            let hint = "write a probability from 0 to 1";
            return Err(Invalid::new("full_rewrite_probability", format!("is {share}"), hint));
        }
        settings.put("environment.variation.diff", 1.0 - share);
        settings.put("environment.variation.rewrite", share);
    }
    settings.put_some("environment.variation.max_bytes", source.whole("max_code_length")?);
    settings.put_some("environment.variation.temperature", source.number("llm.temperature")?);
    settings.put_some("environment.variation.top_p", source.number("llm.top_p")?);
    settings.put_some("environment.variation.max_tokens", source.whole("llm.max_tokens")?);
    Ok(())
}

/// What prompts hold.
fn prompt(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    let task = source.text("prompt.system_message")?.or(source.text("llm.system_message")?);
    // Upstream's default is the name of a template.
    let task = task.filter(|task| !matches!(*task, "system_message" | "evaluator_system_message"));
    settings.put_some("environment.task", task);
    settings.put_some("environment.selection.top_programs", source.whole("prompt.num_top_programs")?);
    settings.put_some("environment.selection.inspirations", source.whole("prompt.num_diverse_programs")?);
    let bytes = source.whole("prompt.max_artifact_bytes")?;
    if source.flag("prompt.include_artifacts")? == Some(false) {
        settings.put("environment.prompt.artifacts_kb", 0);
    } else if let Some(bytes) = bytes {
        settings.put("environment.prompt.artifacts_kb", bytes.max(0).unsigned_abs().div_ceil(1024) as i64);
    }
    Ok(())
}

/// The generator: one model, or an ensemble by weights.
fn models(source: &Source<'_>) -> Result<Option<Value>, Invalid> {
    let shared = Shared::of(source, "llm.")?;
    let mut members: Vec<(Table, f64)> = Vec::new();
    for (which, default) in [("primary", 1.0), ("secondary", 0.2)] {
        let Some(name) = source.text(&format!("llm.{which}_model"))? else { continue };
        let weight = source.number(&format!("llm.{which}_model_weight"))?.unwrap_or(default);
        members.push((shared.model(Some(name)), weight));
    }
    let listed = source.read("llm.models", Yaml::as_array, "a list of models")?;
    for (position, entry) in listed.into_iter().flatten().enumerate() {
        members.push(listed_model(entry, position, &shared)?);
    }
    // A weight of 0 is never chosen.
    members.retain(|(_, weight)| *weight > 0.0);
    Ok(match members.len() {
        0 if shared.says_nothing() => None,
        0 => Some(Value::Table(shared.model(None))),
        1 => members.pop().map(|(model, _)| Value::Table(model)),
        _ => {
            let member = |(mut model, weight): (Table, f64)| {
                model.insert("weight".to_owned(), weight.into());
                Value::Table(model)
            };
            let list = Value::Array(members.into_iter().map(member).collect());
            Some(Value::Table(Table::from_iter([("ensemble".to_owned(), list)])))
        }
    })
}

/// An entry of `llm.models` with its weight.
fn listed_model(entry: &Yaml, position: usize, shared: &Shared<'_>) -> Result<(Table, f64), Invalid> {
    let named =
        |invalid: Invalid| Invalid { key: format!("llm.models[{position}].{}", invalid.key), ..invalid };
    let no_table =
        || Invalid::new(format!("llm.models[{position}]"), "is no table", "write name: and weight:");
    let own = Source { map: entry.as_object().ok_or_else(no_table)? };
    let name = own
        .text("name")
        .map_err(named)?
        .ok_or_else(|| named(Invalid::new("name", "is missing", "name the model")))?;
    let weight = own.number("weight").map_err(named)?.unwrap_or(1.0);
    if weight < 0.0 {
        return Err(named(Invalid::new("weight", format!("is {weight}"), "write 0 or more")));
    }
    let own = Shared::of(&own, "").map_err(named)?;
    Ok((own.or(shared).model(Some(name)), weight))
}

const EMBEDDER: &str = "database.embedding_model";
const SIMILARITY: &str = "database.similarity_threshold";

/// The model that tells near duplicates.
fn embedder(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    let similarity = source.number(SIMILARITY)?;
    let Some(name) = source.text(EMBEDDER)? else { return Ok(()) };
    let mut embedder = Shared::of(source, "llm.")?;
    if let Some(url) = source.text("database.embedding_api_base")? {
        embedder = Shared { base_url: Some(url), ..Shared::default() };
    }
    let mut model = embedder.model(Some(name));
    model.remove("extra");
    settings.put("models.embedder", Value::Table(model));
    // Upstream's default.
    settings.put("environment.screening.embedding", similarity.unwrap_or(0.99));
    Ok(())
}

/// What may be said of all models or of one.
#[derive(Default, Clone)]
struct Shared<'a> {
    base_url: Option<&'a str>,
    api_key_env: Option<&'a str>,
    timeout_s: Option<f64>,
    max_attempts: Option<i64>,
    reasoning_effort: Option<&'a str>,
}

impl<'a> Shared<'a> {
    fn of(source: &Source<'a>, prefix: &str) -> Result<Self, Invalid> {
        let key = |name: &str| format!("{prefix}{name}");
        if let Some(provider) = source.text(&key("provider"))?.filter(|provider| *provider != "openai") {
            let hint = "name a model that samara can ask, such as --model ollama:NAME";
            return Err(Invalid::new(key("provider"), format!("`{provider}` can't be asked"), hint));
        }
        Ok(Self {
            base_url: source.text(&key("api_base"))?.filter(|url| !url.is_empty()),
            api_key_env: variable(source.text(&key("api_key"))?, &key("api_key"))?,
            timeout_s: source.number(&key("timeout"))?,
            max_attempts: source.whole(&key("retries"))?.map(|retries| retries.max(0).saturating_add(1)),
            reasoning_effort: source.text(&key("reasoning_effort"))?,
        })
    }

    /// What is said of one model, and else of all.
    fn or(self, all: &Self) -> Self {
        Self {
            // A key is for the server that it was written beside.
            api_key_env: self.api_key_env.or(if self.base_url.is_none() { all.api_key_env } else { None }),
            base_url: self.base_url.or(all.base_url),
            timeout_s: self.timeout_s.or(all.timeout_s),
            max_attempts: self.max_attempts.or(all.max_attempts),
            reasoning_effort: self.reasoning_effort.or(all.reasoning_effort),
        }
    }

    /// Whether no server is named.
    fn says_nothing(&self) -> bool {
        self.base_url.is_none()
    }

    fn model(&self, name: Option<&str>) -> Table {
        let mut model = Settings::default();
        model.put("provider", "openai");
        model.put_some("model", name);
        model.put_some("base_url", self.base_url);
        model.put_some("api_key_env", self.api_key_env);
        model.put_some("timeout_s", self.timeout_s);
        model.put_some("max_attempts", self.max_attempts);
        model.put_some("extra.reasoning_effort", self.reasoning_effort);
        model.0
    }
}

/// The variable that holds a key. A key itself is refused: settings are stored in every run.
fn variable<'a>(key: Option<&'a str>, name: &str) -> Result<Option<&'a str>, Invalid> {
    let Some(text) = key.filter(|text| !text.is_empty()) else { return Ok(None) };
    let inner = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    let plain = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    inner.filter(plain).map(Some).ok_or_else(|| {
        let hint = "put it into an environment variable and write \"${OPENAI_API_KEY}\": settings are stored in runs";
        Invalid::new(name, "a key is written in the file", hint)
    })
}

/// Makes paths of a configuration that start at its folder start where the command runs.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
