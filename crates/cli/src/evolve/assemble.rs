//! The settings that the arguments of `samara evolve` come to.
//!
//! `--set` goes over the other options, these over a configuration file, that over a directory's `experiment.toml` or a
//! built-in program's, and that over the defaults of `environment.preset`.

use std::path::{Path, PathBuf};

use samara_environments::evaluator;
use samara_lm::{ModelSettings, files};
use samara_search::{Invalid, nearest};
use toml::{Table, Value};

use super::{
    builtin, directory, openevolve, script,
    servers::{self, Over},
    toolchains, yaml,
};
use crate::{
    args::Evolve,
    exit::{Failure, quoted},
    translation::{Translation, toml_of},
};

/// Where the settings come from, and what they are.
pub(crate) struct Assembled {
    /// The settings, defaults not filled in.
    pub table: Table,
    /// What errors call their source.
    pub origin: String,
    /// Where relative paths in them start.
    pub folder: PathBuf,
    /// What became of a configuration of OpenEvolve's.
    pub translation: Translation,
    /// A built-in program, whose files are not on disk yet.
    pub builtin: Option<&'static str>,
}

/// A file of settings at most, in bytes.
const MOST_BYTES: u64 = samara_journal::record::MAX_CONFIG_BYTES as u64;

/// Puts the settings together; reads files, writes none.
///
/// # Errors
/// What is named is not there, is ambiguous, or can't be read.
pub(crate) fn assemble(args: &Evolve) -> Result<Assembled, Failure> {
    let what = args.what.as_deref().unwrap_or_default();
    let mut assembled = named(what, args)?;
    configure(&mut assembled, args)?;
    let over = options(args)?;
    if args.command.is_some() {
        forget_evaluator(&mut assembled.table);
    }
    merge(&mut assembled.table, over);
    models(&mut assembled.table, args)?;
    if args.primary_model.is_some() || (args.model.is_empty() && is_configured(&assembled)) {
        let address = servers::default_address(|name| std::env::var(name).ok());
        servers::complete_addresses(&mut assembled.table, &address);
    }
    if overriding(args) != Over::default() || is_configured(&assembled) {
        servers::prefer_chat(&mut assembled.table);
    }
    if assembled.builtin.is_none() && toolchains::wants_rust(&assembled.table, &assembled.folder) {
        let rust = toolchains::Rust::find(|name| std::env::var(name).ok());
        let told = rust.map(|rust| rust.show(&mut assembled.table));
        assembled.translation.remarks.extend(told);
    }
    if !has_model(&assembled.table, &args.set) {
        forget_operators(&mut assembled.table);
    }
    if let Some(name) = &args.preset {
        // A preset that does not exist is told before anything that depends on it.
        let known = evaluator::presets::Preset::ALL.map(evaluator::presets::Preset::name);
        if !known.contains(&name.as_str()) {
            let hint = nearest(name, &known);
            return Err(Failure::usage(format!("--preset {name}: there is no such preset\nhint: {hint}")));
        }
    }
    Ok(assembled)
}

/// Whether a configuration of OpenEvolve's says which models are asked.
fn is_configured(assembled: &Assembled) -> bool {
    assembled.translation.settings.contains_key("models")
}

/// What the first argument names.
fn named(what: &str, args: &Evolve) -> Result<Assembled, Failure> {
    let path = Path::new(what);
    if let Some(evaluator) = &args.evaluator {
        for path in [path, evaluator] {
            if !path.exists() {
                return Err(Failure::usage(format!("{}: there is no such file", path.display())));
            }
        }
        return match script::Script::of(evaluator) {
            Some(script) => of_script(path, evaluator, &script),
            None => Ok(of_parts(path, evaluator)),
        };
    }
    if let Some(command) = args.command.as_deref().filter(|_| is_program(path)) {
        let mut assembled = of_program(&directory::program(path)?);
        put(&mut assembled.table, "environment.evaluation.command", command.into());
        return Ok(assembled);
    }
    if path.is_dir() {
        return of_directory(path, args);
    }
    if path.is_file() {
        let toml = path.extension().is_some_and(|ending| ending == "toml");
        return if toml { of_file(path) } else { Err(lonely(path)) };
    }
    if let Some(table) = builtin::settings(what) {
        return Ok(Assembled {
            table: table.map_err(|error| Failure::internal(format!("{what}: {error}")))?,
            origin: format!("{what} (built in)"),
            folder: PathBuf::from("."),
            translation: Translation::default(),
            builtin: builtin::all().map(|(name, _)| name).find(|name| *name == what),
        });
    }
    let names: Vec<&str> = builtin::all().map(|(name, _)| name).collect();
    let hint = nearest(what, &names);
    Err(Failure::usage(format!("{what}: no directory, no file, and no built-in program\nhint: {hint}")))
}

fn lonely(program: &Path) -> Failure {
    let program = program.display();
    Failure::usage(format!(
        "{program}: there is no evaluator\nhint: name it behind the program: samara evolve {} evaluator.py; or name a \
         command: --command \"./score {{program}}\"",
        quoted(&program.to_string())
    ))
}

/// Whether this is a program to begin with, and not settings of a run.
fn is_program(path: &Path) -> bool {
    let is_toml = path.extension().is_some_and(|ending| ending == "toml");
    (path.is_file() && !is_toml) || (path.is_dir() && directory::experiment(path).is_none())
}

fn of_parts(program: &Path, evaluator: &Path) -> Assembled {
    let mut assembled = of_program(program);
    put(&mut assembled.table, "environment.evaluation.evaluator", text(evaluator));
    assembled
}

/// A program and what evaluates it in another language: a command, which runs in the folder that holds both.
fn of_script(program: &Path, evaluator: &Path, script: &script::Script) -> Result<Assembled, Failure> {
    let absolute = |path: &Path| {
        std::path::absolute(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    };
    let (inner, outer) = (absolute(program)?, absolute(evaluator)?);
    let base = outer.ancestors().skip(1).find(|base| inner.starts_with(base));
    let base = base.filter(|base| base.parent().is_some()).ok_or_else(|| {
        let hint = "put the two into one folder";
        Failure::usage(format!("{}: no folder holds it and the program\nhint: {hint}", evaluator.display()))
    })?;
    // Both begin with it.
    let within = |path: &Path| path.strip_prefix(base).unwrap_or(path).to_owned();
    let mut assembled = of_program(&within(&inner));
    let name = inner.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    put(&mut assembled.table, "experiment.name", plain(name.unwrap_or("evolve")).into());
    let command = script.command(&within(&outer).to_string_lossy());
    put(&mut assembled.table, "environment.evaluation.command", command.into());
    assembled.folder = base.to_owned();
    Ok(assembled)
}

fn of_program(program: &Path) -> Assembled {
    let folder = std::path::absolute(program).ok().and_then(|path| path.parent().map(Path::to_owned));
    let name = folder.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    let mut table = Table::new();
    put(&mut table, "experiment.name", plain(name.unwrap_or("evolve")).into());
    put(&mut table, "experiment.environment", evaluator::NAME.into());
    put(&mut table, "environment.program", text(program));
    Assembled {
        table,
        origin: program.display().to_string(),
        folder: PathBuf::from("."),
        translation: Translation::default(),
        builtin: None,
    }
}

fn of_directory(path: &Path, args: &Evolve) -> Result<Assembled, Failure> {
    if let Some(file) = directory::experiment(path) {
        return of_file(&file);
    }
    let found = directory::search(path)?;
    let mut assembled = of_parts(&found.program, &found.evaluator);
    if let Some(config) = &found.config {
        read_config(&mut assembled, config, overriding(args))?;
    }
    Ok(assembled)
}

fn of_file(path: &Path) -> Result<Assembled, Failure> {
    let table = read_toml(path)?;
    let environment = table.get("experiment").and_then(|section| section.get("environment"));
    if environment.and_then(Value::as_str) != Some(evaluator::NAME) {
        let file = path.display();
        let hint = format!("`samara run {file}` runs any experiment");
        let what = format!("experiment.environment is not `{}`", evaluator::NAME);
        return Err(Failure::usage(format!("{file}: {what}\nhint: {hint}")));
    }
    Ok(Assembled {
        table,
        origin: path.display().to_string(),
        folder: openevolve::folder_of(path).to_owned(),
        translation: Translation::default(),
        builtin: None,
    })
}

/// What `--config` names, in place of what a directory holds.
fn configure(assembled: &mut Assembled, args: &Evolve) -> Result<(), Failure> {
    let Some(config) = &args.config else { return Ok(()) };
    if config.extension().is_some_and(|ending| ending == "toml") {
        let mut over = read_toml(config)?;
        over.remove("experiment");
        merge(&mut assembled.table, over);
        return Ok(());
    }
    if let Some(directory) = args.what.as_deref().map(Path::new).filter(|path| path.is_dir())
        && directory::experiment(directory).is_none()
        && args.evaluator.is_none()
    {
        // Its own configuration has been read: begin without it.
        let found = directory::search(directory)?;
        *assembled = of_parts(&found.program, &found.evaluator);
    }
    read_config(assembled, config, overriding(args))
}

/// What the options say of models, over a configuration's.
fn overriding(args: &Evolve) -> Over {
    Over { models: !args.model.is_empty() || args.primary_model.is_some(), address: args.api_base.is_some() }
}

fn read_config(assembled: &mut Assembled, config: &Path, over: Over) -> Result<(), Failure> {
    let file = config.display();
    let text = files::read_text(config, MOST_BYTES)
        .map_err(|error| Failure::usage(format!("{file} can't be read: {error}")))?;
    let mut yaml = yaml::read(&text).map_err(|error| Failure::usage(format!("{file}: not YAML: {error}")))?;
    let named = |invalid: Invalid| Failure::usage(format!("{file}: {invalid}"));
    let remarks = servers::clear(&mut yaml, over).map_err(named)?;
    let mut translation = openevolve::translate(&yaml).map_err(named)?;
    translation.remarks = remarks;
    merge(&mut assembled.table, translation.settings.clone());
    assembled.translation = translation;
    Ok(())
}

fn read_toml(path: &Path) -> Result<Table, Failure> {
    let file = path.display();
    let text = files::read_text(path, MOST_BYTES)
        .map_err(|error| Failure::usage(format!("{file} can't be read: {error}")))?;
    text.parse().map_err(|error: toml::de::Error| Failure::usage(format!("{file}: not TOML: {error}")))
}

/// What the options say, but for models.
fn options(args: &Evolve) -> Result<Table, Failure> {
    let mut table = Table::new();
    if let Some(iterations) = args.iterations {
        // Its range is far below.
        let iterations = i64::try_from(iterations).unwrap_or(i64::MAX);
        put(&mut table, "search.total_steps", openevolve::steps(iterations, "--iterations")?.into());
    }
    if let Some(target) = args.target_score {
        put(&mut table, "search.target_score", target.into());
    }
    if let Some(command) = &args.command {
        put(&mut table, "environment.evaluation.command", command.as_str().into());
    }
    if let Some(seed) = args.seed {
        let too_large = |_| Failure::usage(format!("--seed {seed}: seeds go from 0 to 2^63 - 1"));
        put(&mut table, "search.seed", i64::try_from(seed).map_err(too_large)?.into());
    }
    if let Some(preset) = &args.preset {
        put(&mut table, "environment.preset", preset.as_str().into());
    }
    if let Some(arguments) = &args.evaluator_args {
        let bad = |what: String| {
            Failure::usage(format!(
                "--evaluator-args: {what}\nhint: write a JSON object, such as '{{\"n\": 26}}'"
            ))
        };
        let value: serde_json::Value =
            serde_json::from_str(arguments).map_err(|error| bad(error.to_string()))?;
        let value = toml_of(&value).filter(Value::is_table);
        put(
            &mut table,
            "environment.evaluation.arguments",
            value.ok_or_else(|| bad("it is no object".into()))?,
        );
    }
    Ok(table)
}

/// The word for no model.
const NONE: &str = "none";

/// The models that the options name, in place of those of a configuration.
fn models(table: &mut Table, args: &Evolve) -> Result<(), Failure> {
    if args.model.iter().any(|model| model == NONE) {
        if args.model.len() > 1 {
            return Err(Failure::usage(
                "--model none: another model is named beside it\nhint: name one or the other",
            ));
        }
        if let Some(Value::Table(models)) = table.get_mut("models") {
            models.remove("generator");
            if models.is_empty() {
                table.remove("models");
            }
        }
        return Ok(());
    }
    let named = [(&args.primary_model, 1.0), (&args.secondary_model, 0.2)];
    let mut members: Vec<(Table, f64)> = Vec::new();
    for (name, weight) in named.into_iter().filter_map(|(name, weight)| Some((name.as_ref()?, weight))) {
        let model =
            [("provider", "openai"), ("model", name)].map(|(key, value)| (key.to_owned(), value.into()));
        members.push((model.into_iter().collect(), weight));
    }
    for model in &args.model {
        let bare = args.api_base.is_some() && !model.contains(':');
        let string = if bare { format!("openai:{model}") } else { model.clone() };
        let settings = ModelSettings::parse(&string)?;
        // Only what differs from the defaults: the table is for people to read.
        let (written, defaults) = (as_table(&settings)?, as_table(&ModelSettings::default())?);
        let told = |(key, value): &(String, Value)| key == "provider" || defaults.get(key) != Some(value);
        members.push((written.into_iter().filter(told).collect(), 1.0));
    }
    if members.is_empty() {
        return address_of_configured(table, args.api_base.as_deref());
    }
    if let Some(url) = &args.api_base {
        members.iter_mut().for_each(|(model, _)| drop(model.insert("base_url".into(), url.as_str().into())));
    }
    let generator = match members.len() {
        1 => members.remove(0).0,
        _ => {
            let member = |(mut model, weight): (Table, f64)| {
                model.insert("weight".into(), weight.into());
                Value::Table(model)
            };
            let list: Vec<Value> = members.into_iter().map(member).collect();
            Table::from_iter([("ensemble".to_owned(), Value::Array(list))])
        }
    };
    put(table, "models.generator", Value::Table(generator));
    Ok(())
}

/// `--api-base` alone: the models of the configuration, at this address; without any, the server's first.
fn address_of_configured(table: &mut Table, url: Option<&str>) -> Result<(), Failure> {
    let Some(url) = url else { return Ok(()) };
    let generator = table.get_mut("models").and_then(|models| models.get_mut("generator"));
    match generator {
        None => {
            put(table, "models.generator.provider", "openai".into());
            put(table, "models.generator.base_url", url.into());
        }
        Some(Value::String(model)) => {
            let mut settings = ModelSettings::parse(model)?;
            settings.base_url = Some(url.to_owned());
            put(table, "models.generator", Value::Table(as_table(&settings)?));
        }
        Some(Value::Table(model)) => match model.get_mut("ensemble") {
            Some(Value::Array(members)) => {
                for member in members.iter_mut().filter_map(Value::as_table_mut) {
                    member.insert("base_url".into(), url.into());
                }
            }
            _ => drop(model.insert("base_url".into(), url.into())),
        },
        Some(_) => {}
    }
    Ok(())
}

fn as_table(settings: &ModelSettings) -> Result<Table, Failure> {
    Table::try_from(settings).map_err(|error| Failure::internal(format!("a model can't be written: {error}")))
}

/// Whether a model writes programs, by the settings or by `--set`.
pub(crate) fn has_model(table: &Table, set: &[String]) -> bool {
    let named = |set: &String| set.split(['=', '.']).take(2).eq(["models", "generator"]);
    let in_table = table.get("models").and_then(|models| models.get("generator")).is_some();
    in_table || set.iter().any(named)
}

/// The operators that ask a model.
const ASKING: [&str; 4] = ["diff", "rewrite", "crossover", "fix"];

/// Whether the settings say how often models are asked.
pub(crate) fn asks(table: &Table) -> bool {
    let variation = table.get("environment").and_then(|section| section.get("variation"));
    ASKING.iter().any(|name| variation.is_some_and(|variation| variation.get(name).is_some()))
}

/// Leaves all to the operator that asks nobody.
pub(crate) fn ask_nobody(table: &mut Table) {
    for name in ASKING {
        put(table, &format!("environment.variation.{name}"), 0.0.into());
    }
    let own = table["environment"]["variation"].get("gp").is_some();
    if !own {
        put(table, "environment.variation.gp", 1.0.into());
    }
}

/// Forgets how often models are asked where nobody is there to ask.
fn forget_operators(table: &mut Table) {
    let variation = table.get_mut("environment").and_then(|section| section.get_mut("variation"));
    if let Some(variation) = variation.and_then(Value::as_table_mut) {
        ASKING.iter().for_each(|name| drop(variation.remove(*name)));
    }
}

/// Forgets the evaluator of a file of settings, in whose place a command is named.
fn forget_evaluator(table: &mut Table) {
    let evaluation = table.get_mut("environment").and_then(|section| section.get_mut("evaluation"));
    if let Some(evaluation) = evaluation.and_then(Value::as_table_mut) {
        evaluation.remove("evaluator");
    }
}

/// Sets a dotted key. What stands in a section's place gives way.
pub(crate) fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((section, rest)) => {
            let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if !entry.is_table() {
                *entry = Value::Table(Table::new());
            }
            if let Some(inner) = entry.as_table_mut() {
                put(inner, rest, value);
            }
        }
    }
}

/// Lays settings over others: sections key by key, everything else as a whole. A model replaces a model.
fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) if key != "generator" => merge(inner, over),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

fn text(path: &Path) -> Value {
    path.to_string_lossy().into_owned().into()
}

/// A folder's name as that of an experiment.
fn plain(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    if plain.is_empty() { "evolve".to_owned() } else { plain }
}

#[cfg(test)]
mod tests;
