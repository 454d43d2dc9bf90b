//! From files and `--set` to an experiment that is checked and ready.
//!
//! `--set` goes over the file (or the built-in experiment), that over the defaults. The resolved experiment is what
//! the journal stores, and what `resume` reads back.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use samara_engine::{Environment, EvaluatorSpec, OwnEnvironment, SandboxSettings};
use samara_environments::{
    InputFile, Inputs, Source, builtin,
    continued::{self, Judges},
    evaluator, own,
};
use samara_lm::{ModelSettings, files};
use samara_qd::Tessellation;
use samara_search::{
    AxisSettings, Invalid, SearchSettings, Strategy, decode, nearest, schema, settings, settings::MOST_NAME,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use crate::{
    evolve::assemble,
    exit::Failure,
    init_from,
    roles::{self, CacheSettings, Price, Roles},
    weights::Weights,
    workers::{self, settings::WorkerSettings},
};

/// The `[experiment]` section.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub(crate) struct Naming {
    /// The name of the experiment and of its runs, 200 characters at most.
    #[schemars(length(max = MOST_NAME))]
    pub name: String,
    /// What is evolved.
    pub environment: String,
    /// A run's folder, or an OpenELM `history.jsonl`, whose candidates this run begins with (`samara run --init-from`);
    /// they come on top of `search.total_steps`. The run keeps its own copy. A relative path starts at the experiment's
    /// file. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_from: Option<String>,
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
    #[serde(default)]
    prices: BTreeMap<String, Table>,
    #[serde(default)]
    cache: Table,
    #[serde(default)]
    sandbox: Table,
    #[serde(default)]
    workers: Table,
    /// What `samara rl` was asked for, in the runs that it makes.
    #[serde(default)]
    rl: Table,
}

/// A checked experiment.
#[derive(Clone)]
pub(crate) struct Experiment {
    pub naming: Naming,
    pub search: SearchSettings,
    pub axes: Vec<AxisSettings>,
    /// The archives' cells.
    pub tessellation: Tessellation,
    pub environment: Arc<dyn Environment>,
    /// What the environment's evaluator is made from, if it has one.
    pub evaluator: Option<EvaluatorSpec>,
    /// The files that the environment read.
    pub inputs: Vec<InputFile>,
    /// Which weights gave the scores that are taken over from another run; `None` if none are.
    pub taken: Option<Judges>,
    /// With the prices of `[prices]`.
    pub models: Roles,
    pub cache: CacheSettings,
    pub sandbox: SandboxSettings,
    pub workers: WorkerSettings,
    /// What `samara rl` was asked for, if this is a run that it makes: every sample of a policy, and nothing to search.
    pub rl: Table,
    /// The resolved settings as TOML.
    pub resolved: String,
    written: Written,
}

/// What settings are written from that an experiment keeps in no other form.
#[derive(Clone, Default)]
struct Written {
    environment: Table,
    /// Without the prices of `[prices]`.
    models: Roles,
    prices: BTreeMap<String, Price>,
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
        let fresh = Fresh::of_files(Inputs::in_folder("."));
        return resolve(parse(builtin.toml, &origin)?, set, &origin, fresh);
    }
    let path = Path::new(experiment);
    let text = files::read_text(path, MOST_BYTES).map_err(|error| {
        if error.kind() != std::io::ErrorKind::NotFound {
            return Failure::usage(format!("{experiment} can't be read: {error}"));
        }
        let names: Vec<&str> = builtin::EXPERIMENTS.iter().map(|e| e.name).collect();
        let hint = nearest(experiment, &names);
        Failure::usage(format!("{experiment}: no built-in experiment, and no file: {error}\nhint: {hint}"))
    })?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let fresh = Fresh::of_files(Inputs::in_folder(&folder));
    let origin = Origin { file: experiment.to_owned(), folder, set };
    resolve(parse(&text, &origin)?, set, &origin, fresh)
}

/// The experiment of a table of settings, such as `samara evolve` puts together; `file` is what errors call it.
pub(crate) fn of_table(
    table: Table,
    (file, folder): (&str, &Path),
    set: &[String],
) -> Result<Experiment, Failure> {
    let fresh = Fresh::of_files(Inputs::in_folder(folder));
    let origin = Origin { file: file.to_owned(), folder: folder.to_owned(), set };
    resolve(table, set, &origin, fresh)
}

/// The experiment of an environment that the program that samara is part of has brought along, called `name`; `set` are
/// all its settings, `folder` is where relative paths start.
pub(crate) fn of_own(
    name: &str,
    own: Arc<dyn OwnEnvironment>,
    folder: &Path,
    set: &[String],
) -> Result<Experiment, Failure> {
    let naming = [("name", name), ("environment", own::NAME)];
    let naming: Table = naming.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    let table = Table::from_iter([("experiment".to_owned(), Value::Table(naming))]);
    let origin = Origin { file: name.to_owned(), folder: folder.to_owned(), set };
    let fresh = Fresh { own: Some(own), ..Fresh::of_files(Inputs::in_folder(folder)) };
    resolve(table, set, &origin, fresh)
}

/// Settings with the changes of `--set`, and what their preset says of the rest.
pub(crate) fn filled(mut table: Table, file: &str, set: &[String]) -> Result<Table, Failure> {
    let origin = Origin { file: file.to_owned(), folder: PathBuf::from("."), set };
    set.iter().try_for_each(|change| apply(&mut table, change))?;
    fill(&mut table).map_err(|invalid| origin.explain(&invalid))?;
    Ok(table)
}

/// Fills in the defaults of `environment.preset`, which only programs with an evaluator have. Without a model, and where
/// nothing is said of operators that ask one, programs are varied without.
fn fill(table: &mut Table) -> Result<(), Invalid> {
    let environment = table.get("experiment").and_then(|section| section.get("environment"));
    if environment.and_then(Value::as_str) != Some(evaluator::NAME) {
        return Ok(());
    }
    if !assemble::has_model(table, &[]) && !assemble::asks(table) {
        assemble::ask_nobody(table);
    }
    evaluator::presets::fill(table)
}

/// Every prompt of programs with an evaluator, filled with an example.
pub(crate) fn prompts(
    table: Table,
    (file, folder): (&str, &Path),
    set: &[String],
) -> Result<Vec<(&'static str, evaluator::prompt::Prompt)>, Failure> {
    let origin = Origin { file: file.to_owned(), folder: folder.to_owned(), set };
    let table = filled(table, file, set)?;
    let evolve = evolve_of(&table, &Inputs::in_folder(folder)).map_err(|invalid| origin.explain(&invalid))?;
    Ok(evolve.prompts().examples(evolve.program()))
}

/// The environment of programs with an evaluator, as what it is and not as any environment.
fn evolve_of(table: &Table, inputs: &Inputs) -> Result<evaluator::Evolve, Invalid> {
    let sections: Sections = decode(table, "")?;
    let search = search(&sections.search)?;
    let axes = settings::axes(&sections.axes)?;
    let section = &sections.environment;
    evaluator::Evolve::new(&Source { section, axes: &axes, cells: None, search: &search, inputs, own: None })
}

/// A file of settings at most, in bytes: as much as a run stores.
const MOST_BYTES: u64 = samara_journal::record::MAX_CONFIG_BYTES as u64;

/// What of an experiment does not come from its settings.
pub(crate) struct Fresh {
    /// Where the files come from that it names.
    pub inputs: Inputs,
    /// The archives' cells, where a run has recorded them.
    pub tessellation: Option<Tessellation>,
    /// What the program that samara is part of has brought along.
    pub own: Option<Arc<dyn OwnEnvironment>>,
}

impl Fresh {
    /// Of an experiment that no run has recorded.
    fn of_files(inputs: Inputs) -> Self {
        Self { inputs, tessellation: None, own: None }
    }
}

/// Settings that may change in a run.
const CHANGEABLE: [&str; 16] = [
    "search.total_steps",
    "search.target_score",
    "search.patience",
    "search.patience_margin",
    "search.concurrency",
    "search.max_failures",
    "search.budget",
    "models",
    "prices",
    "cache",
    "sandbox.tier",
    "sandbox.minimum_tier",
    "sandbox.trust_code",
    "sandbox.python",
    "sandbox.servers",
    "workers",
];

/// The experiment of a run: its stored settings, with the changes that earlier sessions made and those of this one.
pub(crate) fn reload(
    config: &str,
    run: &Path,
    (earlier, set): (&[String], &[String]),
    recorded: Fresh,
) -> Result<Experiment, Failure> {
    for change in earlier.iter().chain(set) {
        let key = change.split('=').next().unwrap_or_default().trim();
        let fine = |allowed: &&str| key == *allowed || key.starts_with(&format!("{allowed}."));
        if !CHANGEABLE.iter().any(fine) {
            let hint = "a run keeps what decides its result; start a new run to change it";
            return Err(Failure::usage(format!(
                "--set {change}: `{key}` can't change in a run\nhint: {hint}"
            )));
        }
    }
    let origin = Origin { file: run.display().to_string(), folder: PathBuf::from("."), set };
    let mut table = parse(config, &origin)?;
    settings::translate(&mut table);
    let all: Vec<String> = earlier.iter().chain(set).cloned().collect();
    resolve(table, &all, &origin, recorded)
}

/// The settings that a run stores, with changes to them: neither checked nor filled with defaults.
pub(crate) fn stored(config: &str, run: &Path, changes: &[String]) -> Result<Table, Failure> {
    let origin = Origin { file: run.display().to_string(), folder: PathBuf::from("."), set: changes };
    changed(parse(config, &origin)?, changes)
}

/// Settings with changes as `--set` has them, neither checked nor filled with defaults.
pub(crate) fn changed(mut table: Table, changes: &[String]) -> Result<Table, Failure> {
    changes.iter().try_for_each(|change| apply(&mut table, change))?;
    Ok(table)
}

fn parse(text: &str, origin: &Origin<'_>) -> Result<Table, Failure> {
    text.parse()
        .map_err(|error: toml::de::Error| Failure::usage(format!("{}: not TOML: {}", origin.file, error)))
}

fn resolve(
    mut table: Table,
    set: &[String],
    origin: &Origin<'_>,
    fresh: Fresh,
) -> Result<Experiment, Failure> {
    for change in set {
        apply(&mut table, change)?;
    }
    samara_environments::translate(&mut table);
    fill(&mut table).map_err(|invalid| origin.explain(&invalid))?;
    build(&table, &origin.folder, fresh).map_err(|invalid| origin.explain(&invalid))
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
fn build(table: &Table, folder: &Path, fresh: Fresh) -> Result<Experiment, Invalid> {
    let sections: Sections = decode(table, "")
        .map_err(|invalid| Invalid { key: invalid.key.trim_start_matches('.').to_owned(), ..invalid })?;
    let naming: Naming = schema::read(&sections.experiment, "experiment")?;
    settings::plain_name(&naming.name, "experiment.name")?;
    let mut search = search(&sections.search)?;
    let axes = settings::axes(&sections.axes)?;
    let is_recorded = fresh.tessellation.is_some();
    let mut tessellation = match fresh.tessellation {
        Some(recorded) => recorded,
        None => search.tessellation(&axes)?,
    };
    let source = Source {
        section: &sections.environment,
        axes: &axes,
        cells: Some(tessellation.cells()),
        search: &search,
        inputs: &fresh.inputs,
        own: fresh.own.as_ref(),
    };
    let environment = samara_environments::build(&naming.environment, &source)?;
    if !is_recorded && search.algorithm == samara_search::Algorithm::CvtMapElites {
        tessellation = search.tessellation_around(&environment.likely_measures(search.seed), &axes)?;
    }
    search.archive_of(tessellation.clone())?;
    let written = Roles::new(&sections.models, folder)?;
    written.check(environment.as_ref())?;
    let prices = roles::prices(&sections.prices)?;
    let mut models = written.clone().priced(&prices);
    refuse_unspent(&search, &mut models)?;
    let cache = roles::cache(&sections.cache, folder)?;
    let sandbox = sandbox(&sections.sandbox, folder)?;
    let workers = workers::settings::workers(&sections.workers)?;
    let beginning = beginning(&naming, &fresh.inputs, axes.len())?;
    if let Some(beginning) = beginning.as_ref().filter(|_| fresh.inputs.folder().is_some()) {
        search.total_steps = search.total_steps.saturating_add(beginning.candidates.len() as u64);
        search.validate()?;
    }
    let inputs = fresh.inputs.files();
    let evaluator = environment.evaluator().map(|_| EvaluatorSpec {
        environment: naming.environment.clone(),
        section: sections.environment.clone(),
        axes: axes.clone(),
        operator: search.operator,
        inputs: inputs.iter().map(|file| (file.key.clone(), file.digest())).collect(),
    });
    let (resolved, written) =
        (String::new(), Written { environment: sections.environment, models: written, prices });
    let mut experiment = Experiment {
        naming,
        search,
        axes,
        tessellation,
        environment,
        evaluator,
        inputs,
        taken: None,
        models,
        cache,
        sandbox,
        workers,
        rl: sections.rl,
        resolved,
        written,
    };
    experiment.resolved = experiment.to_toml()?;
    Ok(match beginning {
        Some(beginning) => begun_with(experiment, beginning),
        None => experiment,
    })
}

/// Refuses a budget of money that no model costs.
fn refuse_unspent(search: &SearchSettings, models: &mut Roles) -> Result<(), Invalid> {
    if search.budget.money.is_none() || models.cost_money() {
        return Ok(());
    }
    let hint = "give them prices in [prices], or limit calls or tokens";
    Err(Invalid::new("search.budget.money", "is never spent: no model has a price", hint))
}

/// The experiment with another run's candidates before its own, and that run's scores if they mean the same here.
fn begun_with(mut experiment: Experiment, beginning: continued::Beginning) -> Experiment {
    let judged = init_from::judged(&experiment.resolved);
    experiment.taken = beginning.keeps_scores(&judged).then(|| beginning.judges.clone());
    experiment.environment =
        continued::begin(experiment.environment, beginning, (&judged, experiment.axes.len()));
    experiment
}

/// What a run takes over from another, if it does.
fn beginning(naming: &Naming, inputs: &Inputs, axes: usize) -> Result<Option<continued::Beginning>, Invalid> {
    let read = |from: &String| init_from::beginning(from, inputs, &naming.environment, axes);
    naming.init_from.as_ref().map(read).transpose()
}

fn search(section: &Table) -> Result<SearchSettings, Invalid> {
    if section.get("algorithm").and_then(Value::as_str) == Some(Strategy::RandomSearch.name()) {
        let hint = "remove it and write strategy = \"random_search\"";
        return Err(Invalid::new("search.algorithm", "random_search is a strategy, not an algorithm", hint));
    }
    let search: SearchSettings = schema::read(section, "search")?;
    search.validate()?;
    Ok(search)
}

fn sandbox(section: &Table, folder: &Path) -> Result<SandboxSettings, Invalid> {
    let mut sandbox: SandboxSettings = schema::read(section, "sandbox")?;
    sandbox.validate()?;
    if let Some(python) = &mut sandbox.python
        && let Ok(full) = std::path::absolute(folder.join(&*python))
    {
        *python = full;
    }
    Ok(sandbox)
}

impl Experiment {
    /// The SHA-256 of the resolved settings, in hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        Sha256::digest(&self.resolved).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What evaluates its programs and checks the best of them again; `None` in other environments, and where
    /// `environment.evaluation.recheck` names no function.
    pub(crate) fn rechecking(&self) -> Result<Option<evaluator::evaluation::Evaluation>, Failure> {
        if self.naming.environment != evaluator::NAME {
            return Ok(None);
        }
        let evolve = evolve_of(&self.table()?, &Inputs::recorded(self.inputs.clone()))?;
        let evaluation = evolve.evaluation();
        Ok(evaluation.settings().recheck.is_some().then(|| evaluation.clone()))
    }

    /// With the digests of its models' weights in what is written of it.
    pub(crate) fn with_weights(&self, weights: &[Weights]) -> Result<Self, Failure> {
        let mut experiment = self.clone();
        for Weights { key, now, .. } in weights {
            if let Some(model) = experiment.written.models.named_mut(key) {
                model.digest = Some(now.clone());
            }
        }
        experiment.resolved = experiment.to_toml()?;
        Ok(experiment)
    }

    /// The resolved settings as a table.
    pub(crate) fn table(&self) -> Result<Table, Failure> {
        self.resolved.parse().map_err(|error: toml::de::Error| {
            Failure::internal(format!("settings that can't be read: {error}"))
        })
    }

    /// The models are written as they were named: a price of the table stays in the table, where a resumed run may
    /// change it.
    fn to_toml(&self) -> Result<String, Invalid> {
        let Written { environment, models, prices } = &self.written;
        let unwritable =
            |error| Invalid::new("experiment", format!("can't be written as TOML: {error}"), "report this");
        #[derive(Serialize)]
        struct Resolved<'a> {
            experiment: &'a Naming,
            search: &'a SearchSettings,
            environment: &'a Table,
            axes: &'a [AxisSettings],
            models: Table,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            prices: &'a BTreeMap<String, Price>,
            #[serde(skip_serializing_if = "Option::is_none")]
            cache: Option<&'a CacheSettings>,
            #[serde(skip_serializing_if = "Option::is_none")]
            sandbox: Option<&'a SandboxSettings>,
            #[serde(skip_serializing_if = "Option::is_none")]
            workers: Option<&'a WorkerSettings>,
            #[serde(skip_serializing_if = "Table::is_empty")]
            rl: &'a Table,
        }
        let resolved = Resolved {
            experiment: &self.naming,
            search: &self.search,
            environment,
            axes: &self.axes,
            models: models.to_toml().map_err(unwritable)?,
            prices,
            cache: self.cache.path.is_some().then_some(&self.cache),
            // Runs that execute nothing need not say how.
            sandbox: self.environment.roles().sandbox.then_some(&self.sandbox),
            workers: (self.workers != WorkerSettings::default()).then_some(&self.workers),
            rl: &self.rl,
        };
        toml::to_string(&resolved).map_err(unwritable)
    }
}
