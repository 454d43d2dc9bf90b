//! OpenELM's configuration, translated into samara's settings: `samara run --openelm`.
//!
//! Hydra's groups `model`, `qd` and `env` are tables, or names of them in `defaults`. Every key stands in [`keys`]; what
//! a configuration leaves out has OpenELM's own default where that decides the outcome. Here are the files and what all
//! environments share; [`environments`] has what each environment is, [`texts`] the environment of QDAIF.

mod environments;
mod keys;
#[cfg(test)]
mod tests;
mod texts;

use std::path::{Path, PathBuf};

use samara_lm::files;
use samara_search::{Invalid, nearest};
use serde_json::{Map, Value as Yaml};
use toml::Value;

use crate::{
    evolve::yaml,
    exit::Failure,
    translation::{Settings, Source, Translation, sort},
};
use environments::Kind;

/// A configuration at most, in bytes.
const MOST_BYTES: u64 = samara_journal::record::MAX_CONFIG_BYTES as u64;

/// Reads a configuration and translates it; with the folder in which its relative paths start.
///
/// # Errors
/// It can't be read, is no YAML, or says what can't be translated.
pub(crate) fn read(path: &Path) -> Result<(Translation, PathBuf), Failure> {
    let file = path.display();
    let text = files::read_text(path, MOST_BYTES)
        .map_err(|error| Failure::usage(format!("{file} can't be read: {error}")))?;
    let config = yaml::read(&text).map_err(|error| Failure::usage(format!("{file}: not YAML: {error}")))?;
    let translation = translate(&config).map_err(|invalid| Failure::usage(format!("{file}: {invalid}")))?;
    Ok((translation, crate::evolve::openevolve::folder_of(path).to_owned()))
}

/// Translates a configuration.
///
/// # Errors
/// A value of the wrong kind, an environment or a model that samara has not.
pub(crate) fn translate(config: &Yaml) -> Result<Translation, Invalid> {
    let Yaml::Object(map) = config else {
        let hint = "write the groups model:, qd: and env: with their keys";
        return Err(Invalid::new("configuration", "is no table of keys", hint));
    };
    let map = grouped(map)?;
    let mut translation = Translation::default();
    sort(&map, "", keys::KEYS, &mut translation, &|_, _, _| {});
    let source = Source { map: &map };
    let mut settings = Settings::default();
    let kind = Kind::of(&source)?;
    settings.put("experiment.name", source.text("run_name")?.unwrap_or(kind.upstream()));
    settings.put("experiment.environment", kind.name());
    search(&source, kind, &mut settings)?;
    kind.translate(&source, &mut settings)?;
    for (key, why) in kind.ignored() {
        if source.find(key).is_some() {
            translation.idle.push((key.to_owned(), why));
        }
    }
    translation.settings = settings.0;
    Ok(translation)
}

/// The groups as tables. A group may be given by its name alone, among `defaults` or in its own place.
fn grouped(map: &Map<String, Yaml>) -> Result<Map<String, Yaml>, Invalid> {
    let mut groups = map.clone();
    for (group, name_key) in [("model", "model_name"), ("qd", "qd_name"), ("env", "env_name")] {
        let entries = map.get("defaults").and_then(Yaml::as_array).into_iter().flatten();
        let named = entries.filter_map(|entry| entry.get(group)?.as_str()).next_back().map(str::to_owned);
        let mut table = match groups.remove(group) {
            None | Some(Yaml::Null) => Map::new(),
            Some(Yaml::String(name)) => Map::from_iter([(name_key.to_owned(), name.into())]),
            Some(Yaml::Object(table)) => table,
            Some(_) => {
                let hint = format!("write {group}: with its keys, or the group's name");
                return Err(Invalid::new(group, "is no table of keys", hint));
            }
        };
        if let Some(name) = named {
            table.entry(name_key).or_insert(name.into());
        }
        groups.insert(group.to_owned(), Yaml::Object(table));
    }
    Ok(groups)
}

/// The section `[search]`.
fn search(source: &Source<'_>, kind: Kind, settings: &mut Settings) -> Result<(), Invalid> {
    let (init, total) = kind.steps();
    settings.put("search.init_steps", source.whole("qd.init_steps")?.unwrap_or(init));
    settings.put("search.total_steps", source.whole("qd.total_steps")?.unwrap_or(total));
    settings.put("search.seed", source.whole("qd.seed")?.unwrap_or(42));
    // Upstream makes a batch from one state of its map.
    if let Some(batch) = source.whole("env.batch_size")? {
        settings.put("search.window", batch);
        settings.put("search.concurrency", batch.min(16));
    }
    if let Some(depth) = source.whole("qd.history_length")?.filter(|depth| *depth > 1) {
        settings.put("search.depth", depth);
    }
    let name = source.text("qd.qd_name")?;
    match name {
        Some("cvtmapelites") => {
            settings.put("search.algorithm", "cvt_map_elites");
            let cells = source.whole("qd.n_niches")?.unwrap_or(12);
            settings.put("search.cvt.cells", cells);
            settings.put("search.cvt.samples", source.whole("qd.cvt_samples")?.unwrap_or(10_000).max(cells));
        }
        None | Some("mapelites" | "lmx_mapelites") => {}
        Some(other) => {
            let hint = nearest(other, &["mapelites", "cvtmapelites", "lmx_mapelites"]);
            return Err(Invalid::new("qd.qd_name", format!("`{other}` is no algorithm of OpenELM"), hint));
        }
    }
    Ok(())
}

/// The model that writes, by its type and path.
fn generator(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    let path = source.text("model.model_path")?.filter(|path| !path.is_empty());
    let (provider, model) = match source.text("model.model_type")? {
        _ if source.text("model.model_used")?.is_some() => ("aleph-alpha", source.text("model.model_used")?),
        _ if source.text("model.model_name")? == Some("api") => ("aleph-alpha", Some("luminous-base")),
        Some("openai") => ("openai", path),
        None | Some("hf") => ("huggingface", Some(path.unwrap_or("Salesforce/codegen-350M-mono"))),
        Some(other) => {
            let hint = "hf and openai are; name another model by --set models.generator=PROVIDER:NAME";
            return Err(Invalid::new("model.model_type", format!("`{other}` is not translated"), hint));
        }
    };
    settings.put("models.generator.provider", provider);
    settings.put_some("models.generator.model", model);
    if provider == "openai" {
        settings.put("models.generator.base_url", "https://api.openai.com/v1");
    }
    Ok(())
}

/// How completions are drawn, under the section that an environment has for it.
fn sampling(
    source: &Source<'_>,
    section: &str,
    (temperature, length): (f64, i64),
    settings: &mut Settings,
) -> Result<(), Invalid> {
    let greedy = source.flag("model.do_sample")? == Some(false);
    let temperature = if greedy { 0.0 } else { source.number("model.temp")?.unwrap_or(temperature) };
    settings.put(&format!("{section}.temperature"), temperature);
    settings.put(&format!("{section}.top_p"), source.number("model.top_p")?.unwrap_or(0.95));
    let length = source.whole("model.gen_max_len")?.unwrap_or(length);
    settings.put(&format!("{section}.gen_max_len"), length);
    if let Some(stops) = stops(source)? {
        settings.put(&format!("{section}.stop"), stops);
    }
    Ok(())
}

/// The stop sequences, without those that another one ends sooner: servers take few.
fn stops(source: &Source<'_>) -> Result<Option<Value>, Invalid> {
    let Some(all) = texts_of(source, "model.stop_sequences")? else { return Ok(None) };
    let ends_sooner = |text: &&str| all.iter().any(|other| other != text && text.contains(other));
    let mut least: Vec<&str> = all.iter().filter(|text| !ends_sooner(text)).copied().collect();
    least.sort_unstable();
    least.dedup();
    Ok(Some(Value::Array(least.into_iter().map(Value::from).collect())))
}

/// A list of texts.
fn texts_of<'a>(source: &Source<'a>, key: &str) -> Result<Option<Vec<&'a str>>, Invalid> {
    let Some(list) = source.read(key, Yaml::as_array, "a list of texts")? else { return Ok(None) };
    let text = |value: &'a Yaml| {
        value.as_str().ok_or_else(|| Invalid::new(key, "holds what is no text", "write texts"))
    };
    list.iter().map(text).collect::<Result<Vec<&str>, Invalid>>().map(Some)
}

/// A list of finite numbers.
fn numbers_of(value: &Yaml, key: &str) -> Result<Vec<f64>, Invalid> {
    let bad = || Invalid::new(key, "is no list of numbers", "write numbers");
    let number = |value: &Yaml| value.as_f64().filter(|number| number.is_finite()).ok_or_else(bad);
    value.as_array().ok_or_else(bad)?.iter().map(number).collect()
}

/// The axes of these names and ranges, divided as the configuration says.
fn axes(
    source: &Source<'_>,
    names: &[(String, [f64; 2])],
    default: i64,
    settings: &mut Settings,
) -> Result<(), Invalid> {
    const GRID: &str = "qd.map_grid_size";
    const TICKS: &str = "qd.custom_ticks";
    let sizes = source.find(GRID).map(|value| numbers_of(value, GRID)).transpose()?.unwrap_or_default();
    let ticks = source.find(TICKS).map(|value| numbers_of(value, TICKS)).transpose()?;
    if sizes.len() > 1 && sizes.len() != names.len() {
        let what = format!("has {} numbers for {} axes", sizes.len(), names.len());
        return Err(Invalid::new(GRID, what, "write one for all axes, or one for each"));
    }
    let axis = |(i, (name, range)): (usize, &(String, [f64; 2]))| {
        let mut axis = Settings::default();
        axis.put("name", name.as_str());
        axis.put("range", Value::Array(range.iter().copied().map(Value::from).collect()));
        match &ticks {
            Some(ticks) => axis.put("ticks", Value::Array(ticks.iter().copied().map(Value::from).collect())),
            None => {
                let size = sizes.get(i).or(sizes.first()).map_or(default, |size| *size as i64);
                axis.put("bins", size);
            }
        }
        Value::Table(axis.0)
    };
    settings.put("axes", Value::Array(names.iter().enumerate().map(axis).collect()));
    Ok(())
}
