//! Runs inside another program: what the Python package takes from the command line, as functions.
//!
//! The same experiments, settings, journals and hashes as `samara run`; nothing is printed, no signal is listened to.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use samara_engine::{Event, OwnEnvironment, OwnEvaluator};
use tokio::sync::watch;

use crate::{
    args::{self, ExportKind, Format},
    commands::{evolve, export, report, run},
    config,
    exit::{Exit, Failure},
    output, session,
};

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The exit code that the command line has for it: 2 for arguments and settings, 3 for models, 4 for the sandbox.
    pub code: i32,
    /// What failed, and behind `hint:` what to do.
    pub message: String,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self { code: failure.exit as i32, message: failure.message }
    }
}

/// A session of a run that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Where the run is.
    pub folder: PathBuf,
    /// Why it ended, in one word: `completed`, `interrupted`, `wall_time`, `budget`, `target` or `patience`.
    pub ending: &'static str,
}

/// Who hears of a session, and what may end it early.
pub struct Hearing<'a> {
    /// Turns true when the session should finish what is alive and end.
    pub interrupt: watch::Receiver<bool>,
    /// Hears what happens, in the order in which candidates settle.
    pub hear: &'a mut (dyn FnMut(Event<'_>) + Send),
}

impl<'a> Hearing<'a> {
    fn quiet(self) -> run::Hearing<'a> {
        run::Hearing { quiet: true, interrupt: Some(self.interrupt), hear: self.hear }
    }
}

/// Runs an experiment, a built-in one or a file, with changes as `--set` has them. `out` is the run's folder; `None` for the
/// next free one below `runs`.
///
/// # Errors
/// As `samara run`.
pub fn run(
    experiment: &str,
    set: &[String],
    out: Option<&Path>,
    hearing: Hearing<'_>,
) -> Result<Done, Stopped> {
    Ok(begun(experiment, set, out, hearing)?)
}

/// The same, with a failure as commands have it.
pub(crate) fn begun(
    experiment: &str,
    set: &[String],
    out: Option<&Path>,
    hearing: Hearing<'_>,
) -> Result<Done, Failure> {
    begun_of(config::load(experiment, set)?, out, hearing)
}

fn begun_of(
    experiment: config::Experiment,
    out: Option<&Path>,
    hearing: Hearing<'_>,
) -> Result<Done, Failure> {
    let folder = match out {
        Some(folder) => folder.to_owned(),
        None => session::free_folder(&experiment.naming.name),
    };
    run::refuse_recorded(&folder)?;
    let recording = args::Recording { record: None, replay: None };
    let way = run::Way {
        trial: None,
        watch: args::Watch::default(),
        workers: args::Workers::default(),
        hearing: hearing.quiet(),
        own: None,
    };
    let driven = run::begun(experiment, &folder, (&recording, false), way)?;
    done(driven, folder)
}

/// Runs an environment that the calling program has brought along, called `name`. `set` are its settings, the axes among
/// them; relative paths in them start at the working directory.
///
/// # Errors
/// As `samara run`.
pub fn host(
    name: &str,
    environment: Arc<dyn OwnEnvironment>,
    (set, out): (&[String], Option<&Path>),
    hearing: Hearing<'_>,
) -> Result<Done, Stopped> {
    Ok(begun_of(config::of_own(name, environment, Path::new("."), set)?, out, hearing)?)
}

/// The program that `evolve` begins with.
#[derive(Debug, Clone)]
pub enum Program {
    /// A file, or a folder of several.
    Path(PathBuf),
    /// Its files' texts by their paths, which are relative. They are written into the run's folder.
    Files(BTreeMap<String, String>),
}

/// What says how good a program is.
#[derive(Clone)]
pub enum Rating {
    /// An evaluator's file, as the command line takes it.
    Path(PathBuf),
    /// The text of such a file in Python, which is written into the run's folder.
    Text(String),
    /// A function of the program that samara is part of.
    Function {
        /// Its name.
        name: String,
        /// Its text, for the record.
        text: String,
        /// What calls it.
        evaluator: Arc<dyn OwnEvaluator>,
    },
}

/// A run of `evolve`; what is not said is as on the command line.
#[derive(Clone)]
pub struct Evolution {
    /// The experiment's name.
    pub name: String,
    /// What it begins with.
    pub program: Program,
    /// What evaluates.
    pub rating: Rating,
    /// Programs to evaluate beside the initial one.
    pub iterations: Option<u64>,
    /// Who writes programs; nobody if it is empty.
    pub models: Vec<String>,
    /// `environment.preset`.
    pub preset: Option<String>,
    /// Changes of settings as `--set` has them.
    pub set: Vec<String>,
    /// The run's folder; `None` for the next free one below `runs`.
    pub out: Option<PathBuf>,
}

/// Evolves a program under an evaluator, as `samara evolve` does.
///
/// # Errors
/// As `samara evolve`.
pub fn evolve(evolution: &Evolution, hearing: Hearing<'_>) -> Result<Done, Stopped> {
    let args = args::Evolve {
        iterations: evolution.iterations,
        out: evolution.out.clone(),
        preset: evolution.preset.clone(),
        model: evolution.models.clone(),
        set: evolution.set.clone(),
        ..args::Evolve::quiet()
    };
    let (driven, folder) = evolve::evolved(args, evolution, hearing.quiet())?;
    Ok(done(driven, folder)?)
}

/// What the calling program gives to a run that goes on.
#[derive(Clone)]
pub enum Own {
    /// What evaluates, where the run's evaluator is a function.
    Function {
        /// The function's text.
        text: String,
        /// What calls it.
        evaluator: Arc<dyn OwnEvaluator>,
    },
    /// What the run evolves.
    Environment(Arc<dyn OwnEnvironment>),
}

/// Goes on with a run. `set` changes what may change in a run.
///
/// # Errors
/// As `samara resume`; a function or an environment of another text than the run's.
pub fn resume(
    folder: &Path,
    set: &[String],
    own: Option<Own>,
    hearing: Hearing<'_>,
) -> Result<Done, Stopped> {
    Ok(resumed(folder, set, own, hearing)?)
}

/// The same, with a failure as commands have it.
pub(crate) fn resumed(
    folder: &Path,
    set: &[String],
    own: Option<Own>,
    hearing: Hearing<'_>,
) -> Result<Done, Failure> {
    let own = match own {
        None => None,
        Some(Own::Environment(environment)) => Some(run::Own::Environment(environment)),
        Some(Own::Function { text, evaluator }) => {
            run::refuse_other_function(folder, &text)?;
            Some(run::Own::Evaluator(evaluator))
        }
    };
    let args = args::Resume {
        run: folder.to_owned(),
        iterations: None,
        set: set.to_vec(),
        concurrency: None,
        inputs: None,
        trust_run: false,
        anyway: false,
        recording: args::Recording { record: None, replay: None },
        watch: args::Watch::default(),
        workers: args::Workers::default(),
        output: args::Output { format: Format::Human, quiet: true },
    };
    let (driven, folder) = run::resumed(&args, hearing.quiet(), own)?;
    done(driven, folder)
}

fn done(driven: run::Driven, folder: PathBuf) -> Result<Done, Failure> {
    let ended = driven.kept(&folder)?;
    Ok(Done { folder, ending: ended.ending.name() })
}

/// The report of some runs as one file: a page of HTML, or Markdown.
///
/// # Errors
/// A run that can't be read.
pub fn report(runs: &[PathBuf], markdown: bool) -> Result<String, Stopped> {
    Ok(report::of_runs(runs, markdown)?)
}

/// Writes a run as another file: `openelm`, `csv`, `jsonl`, `curves`, `parquet` or `settings`; as `openevolve`, which is a folder; or as data
/// to train models elsewhere, such as `sft` or `dpo`. With `elites`, of the current elites alone.
///
/// # Errors
/// Another kind, a run that can't be read, or a file that can't be written.
pub fn export(folder: &Path, kind: &str, elites: bool, out: &Path) -> Result<(), Stopped> {
    let kind = <ExportKind as clap::ValueEnum>::from_str(kind, false).map_err(|_| {
        let hint =
            "choose openelm, csv, jsonl, curves, parquet, settings, openevolve, sft, dpo, kto, grpo, openai-sft or openai-dpo";
        Failure { exit: Exit::Usage, message: format!("{kind}: no such export\nhint: {hint}") }
    })?;
    let args = args::Export {
        runs: vec![folder.to_owned()],
        kind,
        elites,
        out: Some(out.to_owned()),
        training: args::TrainingData::default(),
    };
    export::export(&args)?;
    Ok(())
}

/// Writes a text to a file that is no run's journal.
///
/// # Errors
/// A file that can't be written, or that belongs to a run.
pub fn write(out: &Path, text: &str) -> Result<(), Stopped> {
    Ok(output::write_text(out, text)?)
}
