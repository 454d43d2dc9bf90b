//! From files and `--set` to an experiment that is checked and ready.
//!
//! `--set` goes over the file (or the built-in experiment), that over the defaults. The resolved experiment is what
//! the journal stores, and what `resume` reads back.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use samara_engine::{AxisSettings, Environment, Invalid, SearchSettings, Strategy, decode, nearest};
use samara_environments::{Parts, builtin};
use samara_lm::ModelSettings;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::exit::Failure;

/// The `[experiment]` section.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Naming {
    /// The experiment's name.
    pub name: String,
    /// The environment's name.
    pub environment: String,
}

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sections {
    experiment: Table,
    #[serde(default)]
    search: Table,
    #[serde(default)]
    axes: Vec<Table>,
    #[serde(default)]
    environment: Table,
    #[serde(default)]
    models: BTreeMap<String, Value>,
}

/// The roles that `[models.ROLE]` may name.
const ROLES: [&str; 3] = ["generator", "judge", "embedder"];

/// A checked experiment.
#[derive(Clone)]
pub(crate) struct Experiment {
    pub naming: Naming,
    pub search: SearchSettings,
    pub axes: Vec<AxisSettings>,
    pub environment: Arc<dyn Environment>,
    pub models: BTreeMap<String, ModelSettings>,
    /// The resolved settings as TOML.
    pub resolved: String,
}

/// Where settings come from, for error messages.
struct Origin<'a> {
    file: String,
    folder: PathBuf,
    set: &'a [String],
}

impl Origin<'_> {
    /// One message that names the file (or the `--set`) and the key.
    fn explain(&self, invalid: &Invalid) -> Failure {
        let by_set = self.set.iter().find(|set| {
            let key = set.split('=').next().unwrap_or_default().trim();
            invalid.key == key || invalid.key.starts_with(&format!("{key}.")) || bracketed(key) == invalid.key
        });
        let origin = by_set.map_or_else(|| self.file.clone(), |set| format!("--set {set}"));
        Failure::usage(format!("{origin}: {invalid}"))
    }
}

/// `axes.0.bins` as errors write it: `axes[0].bins`.
fn bracketed(key: &str) -> String {
    let mut written = String::new();
    for part in key.split('.') {
        if part.parse::<usize>().is_ok() {
            written.push_str(&format!("[{part}]"));
        } else {
            written.push_str(if written.is_empty() { "" } else { "." });
            written.push_str(part);
        }
    }
    written
}

/// The experiment that a person named: a built-in one or a file.
pub(crate) fn load(experiment: &str, set: &[String]) -> Result<Experiment, Failure> {
    if let Some(builtin) = builtin::experiment(experiment) {
        let folder = PathBuf::from(".");
        let origin = Origin { file: format!("{experiment} (built in)"), folder, set };
        return resolve(parse(builtin.toml, &origin)?, set, &origin);
    }
    let path = Path::new(experiment);
    let text = std::fs::read_to_string(path).map_err(|error| {
        let names: Vec<&str> = builtin::EXPERIMENTS.iter().map(|e| e.name).collect();
        let hint = nearest(experiment, &names);
        Failure::usage(format!("{experiment}: no built-in experiment, and no file: {error}\nhint: {hint}"))
    })?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let origin = Origin { file: experiment.to_owned(), folder, set };
    resolve(parse(&text, &origin)?, set, &origin)
}

/// The experiment of a run, with the changes that a run allows.
pub(crate) fn reload(config: &str, run: &Path, set: &[String]) -> Result<Experiment, Failure> {
    let allowed =
        ["search.total_steps", "search.concurrency", "search.max_failures", "search.budget", "models"];
    for change in set {
        let key = change.split('=').next().unwrap_or_default().trim();
        let fine = |allowed: &&str| key == *allowed || key.starts_with(&format!("{allowed}."));
        if !allowed.iter().any(fine) {
            let hint = "a run keeps what decides its result; start a new run to change it";
            return Err(Failure::usage(format!(
                "--set {change}: `{key}` can't change in a run\nhint: {hint}"
            )));
        }
    }
    let origin = Origin { file: run.display().to_string(), folder: PathBuf::from("."), set };
    let mut table = parse(config, &origin)?;
    translate(&mut table);
    resolve(table, set, &origin)
}

/// Settings of runs that earlier versions began, in the words of this one: random search was an algorithm, and is
/// now a strategy on the same grid.
fn translate(table: &mut Table) {
    let Some(Value::Table(search)) = table.get_mut("search") else { return };
    if search.get("algorithm").and_then(Value::as_str) == Some(Strategy::RandomSearch.name()) {
        search.insert("algorithm".into(), "map_elites".into());
        search.insert("strategy".into(), Strategy::RandomSearch.name().into());
    }
}

fn parse(text: &str, origin: &Origin<'_>) -> Result<Table, Failure> {
    text.parse()
        .map_err(|error: toml::de::Error| Failure::usage(format!("{}: not TOML: {}", origin.file, error)))
}

fn resolve(mut table: Table, set: &[String], origin: &Origin<'_>) -> Result<Experiment, Failure> {
    for change in set {
        apply(&mut table, change)?;
    }
    build(&table, &origin.folder).map_err(|invalid| origin.explain(&invalid))
}

/// Applies one `--set KEY=VALUE`.
fn apply(table: &mut Table, change: &str) -> Result<(), Failure> {
    let Some((key, value)) = change.split_once('=') else {
        return Err(Failure::usage(format!(
            "--set {change}: no `=`\nhint: write --set search.total_steps=500"
        )));
    };
    let parts: Vec<&str> = key.trim().split('.').collect();
    let mut place = table.entry(parts[0].to_owned()).or_insert_with(|| Value::Table(Table::new()));
    for part in &parts[1..] {
        let what = || Failure::usage(format!("--set {change}: there is no `{part}` to set"));
        place = match place {
            Value::Table(table) => {
                table.entry((*part).to_owned()).or_insert_with(|| Value::Table(Table::new()))
            }
            Value::Array(list) => part.parse().ok().and_then(|i: usize| list.get_mut(i)).ok_or_else(what)?,
            // `models.generator = "openai:NAME"` becomes a table once a single setting is added to it.
            Value::String(model) => {
                *place = Value::try_from(ModelSettings::parse(model)?).map_err(Failure::usage)?;
                let table = place.as_table_mut().ok_or_else(what)?;
                table.entry((*part).to_owned()).or_insert(Value::Boolean(false))
            }
            _ => return Err(what()),
        };
    }
    *place = value_of(value);
    Ok(())
}

/// TOML if it reads as TOML, else the text itself, so that words need no quotes.
fn value_of(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Checks and builds every section.
fn build(table: &Table, folder: &Path) -> Result<Experiment, Invalid> {
    let mut sections: Sections = decode(table, "")
        .map_err(|invalid| Invalid { key: invalid.key.trim_start_matches('.').to_owned(), ..invalid })?;
    let naming: Naming = decode(&sections.experiment, "experiment")?;
    let search = search(&sections.search)?;
    let axes: Vec<AxisSettings> = sections
        .axes
        .iter()
        .enumerate()
        .map(|(i, axis)| decode(axis, &format!("axes[{i}]")))
        .collect::<Result<_, _>>()?;
    absolute(&mut sections.environment, folder);
    let parts = Parts { section: &sections.environment, axes: &axes, folder };
    let environment = samara_environments::build(&naming.environment, &parts)?;
    search.strategy.check(environment.as_ref())?;
    search.archive(&axes)?;
    let models = models(&sections.models, folder)?;
    check_roles(environment.as_ref(), &models)?;
    let mut experiment = Experiment { naming, search, axes, environment, models, resolved: String::new() };
    experiment.resolved = experiment.to_toml(&sections.environment)?;
    Ok(experiment)
}

fn search(section: &Table) -> Result<SearchSettings, Invalid> {
    if section.get("algorithm").and_then(Value::as_str) == Some(Strategy::RandomSearch.name()) {
        let hint = "remove it and write strategy = \"random_search\"";
        return Err(Invalid::new("search.algorithm", "random_search is a strategy, not an algorithm", hint));
    }
    let search: SearchSettings = decode(section, "search")?;
    search.validate()?;
    Ok(search)
}

/// A run may be resumed from another folder.
fn absolute(section: &mut Table, folder: &Path) {
    if let Some(Value::String(path)) = section.get_mut("prompt_pool_path")
        && !path.starts_with("builtin:")
        && let Ok(full) = std::path::absolute(folder.join(&*path))
    {
        *path = full.display().to_string();
    }
}

fn models(
    sections: &BTreeMap<String, Value>,
    folder: &Path,
) -> Result<BTreeMap<String, ModelSettings>, Invalid> {
    let mut models = BTreeMap::new();
    for (role, section) in sections {
        let key = format!("models.{role}");
        if !ROLES.contains(&role.as_str()) {
            return Err(Invalid::new(key, "there is no such role", nearest(role, &ROLES)));
        }
        let mut settings = match section {
            Value::String(model) => ModelSettings::parse(model)
                .map_err(|error| Invalid::new(&*key, error.message, error.hint.unwrap_or_default()))?,
            Value::Table(table) => decode(table, &key)?,
            _ => {
                return Err(Invalid::new(
                    key,
                    "is neither a table nor a model string",
                    "such as \"openai:NAME\"",
                ));
            }
        };
        settings
            .validate()
            .map_err(|(field, what, hint)| Invalid::new(format!("{key}.{field}"), what, hint))?;
        for path in [&mut settings.script, &mut settings.folder].into_iter().flatten() {
            if let Ok(full) = std::path::absolute(folder.join(&*path)) {
                *path = full;
            }
        }
        models.insert(role.clone(), settings);
    }
    Ok(models)
}

fn check_roles(
    environment: &dyn Environment,
    models: &BTreeMap<String, ModelSettings>,
) -> Result<(), Invalid> {
    let roles = environment.roles();
    for (role, needed) in ROLES.into_iter().zip([roles.generator, roles.judge, roles.embedder]) {
        if needed && !models.contains_key(role) {
            let what = format!("the environment `{}` needs it", environment.name());
            return Err(Invalid::new(format!("models.{role}"), what, "such as provider = \"openai\""));
        }
    }
    Ok(())
}

impl Experiment {
    fn to_toml(&self, environment: &Table) -> Result<String, Invalid> {
        #[derive(Serialize)]
        struct Resolved<'a> {
            experiment: &'a Naming,
            search: &'a SearchSettings,
            environment: &'a Table,
            axes: &'a [AxisSettings],
            models: &'a BTreeMap<String, ModelSettings>,
        }
        let resolved = Resolved {
            experiment: &self.naming,
            search: &self.search,
            environment,
            axes: &self.axes,
            models: &self.models,
        };
        toml::to_string(&resolved).map_err(|error| {
            Invalid::new("experiment", format!("can't be written as TOML: {error}"), "report this")
        })
    }
}
