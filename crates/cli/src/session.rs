//! One session of a run: what `run`, `resume` and `compare` share, from opened models to the end of the search.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use samara_engine::{Ended, EngineError, EvaluatorSlots, OwnEvaluator, Programs, Run, Tools};
use samara_journal::{Cells, Contents, Event, EventKind, Header, Input, Journal, JournalError, Reader};
use samara_lm::AnswerCache;
use samara_sandbox::EvaluatorOptions;
use tokio::{runtime::Runtime, sync::watch};

use crate::{
    best::Best,
    config::Experiment,
    controls::Steered,
    exit::{Exit, Failure, remark},
    logs,
    models::{self, Ready, Shared},
    progress::Progress,
    trust,
    weights::{self, Weights},
    workers::Staff,
};

/// Where runs are made that are told no other place.
const RUNS: &str = "runs";
/// The journal's name in a run's folder.
const JOURNAL: &str = "run.db";

/// The threads that a search runs on.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("no threads: {error}")))
}

/// `runs/NAME-1` or the next number that is free. A name from settings is no path: what could lead elsewhere becomes a
/// hyphen.
pub(crate) fn free_folder(name: &str) -> PathBuf {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | ' ' | '.') { c } else { '-' };
    let name: String = name.chars().take(100).map(plain).collect();
    let name = name.trim_start_matches('.').trim();
    let name = if name.is_empty() { "run" } else { name };
    let numbered = |n: u32| Path::new(RUNS).join(format!("{name}-{n}"));
    (1..).map(numbered).find(|folder| !folder.exists()).unwrap_or_else(|| numbered(0))
}

/// A run's journal, if there is one. What a kill left before anything was recorded is none.
pub(crate) fn recorded(folder: &Path) -> Result<Option<Reader>, Failure> {
    if !folder.join(JOURNAL).exists() {
        return Ok(None);
    }
    match Reader::open(folder) {
        Ok(reader) => Ok(Some(reader)),
        Err(JournalError::Empty { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Starts the journal of a new run in its folder, which is one's own from then on. Its settings have the digests of the
/// models' weights.
pub(crate) fn create(
    experiment: &Experiment,
    folder: &Path,
    weights: &[Weights],
) -> Result<Journal, Failure> {
    let id = trust::new_id()?;
    let journal = begun(&experiment.with_weights(weights)?, folder, &id)?;
    trust::remember(&id, &experiment.table()?);
    Ok(journal)
}

/// Opens the journal of a run that is there, to go on with it. Weights that it has no digest of, or another one, are
/// recorded as they are.
pub(crate) fn reopen(reader: Reader, folder: &Path, weights: &[Weights]) -> Result<Journal, Failure> {
    let settings = weights::unrecorded(&weights::of_run(&reader, weights)?);
    drop(reader);
    let mut journal = Journal::open(folder)?;
    if !settings.is_empty() {
        let after = journal.totals().candidates;
        journal.note(&Event { after, kind: EventKind::Control(samara_journal::Control::of(settings)) })?;
    }
    Ok(journal)
}

/// The same for a run that nobody will go on with.
pub(crate) fn create_unknown(experiment: &Experiment, folder: &Path) -> Result<Journal, Failure> {
    begun(experiment, folder, &trust::new_id()?)
}

fn begun(experiment: &Experiment, folder: &Path, id: &str) -> Result<Journal, Failure> {
    let header = Header {
        id: id.to_owned(),
        config: experiment.resolved.clone(),
        experiment: experiment.naming.name.clone(),
        environment: experiment.naming.environment.clone(),
        seed: experiment.search.seed,
        samara: env!("CARGO_PKG_VERSION").to_owned(),
        created: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
    };
    let input = |file: &samara_environments::InputFile| Input {
        key: file.key.clone(),
        path: file.path.display().to_string(),
        bytes: file.text.clone().into_bytes(),
    };
    let cells = |island| Cells { island, from_index: 0, tessellation: experiment.tessellation.clone() };
    let contents = Contents {
        inputs: experiment.inputs.iter().map(input).collect(),
        // Islands share their cells until one refits its own.
        tessellations: vec![cells(0)],
    };
    let made = is_empty(folder);
    make(folder)?;
    let created = Journal::create(&folder.join(JOURNAL), &header, &contents);
    if created.is_err() && made {
        // Nothing was recorded: an empty folder would only stand in the way.
        let _ = std::fs::remove_file(folder.join(JOURNAL).with_extension("lock"));
        let _ = std::fs::remove_dir(folder);
    }
    Ok(created?)
}

/// Folders that were made for a run, the inner ones first. Those that nothing has come into are removed when this is
/// dropped: a run that can't start leaves nothing behind.
pub(crate) struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        for folder in &self.0 {
            // Refused if there is anything in it.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Makes the folder of a run that a user's evaluator belongs to, before there is a journal: it is hidden from that.
pub(crate) fn make_hidden(experiment: &Experiment, folder: &Path) -> Result<Option<Made>, Failure> {
    if experiment.environment.evaluator_options().is_none() {
        return Ok(None);
    }
    let missing = folder.ancestors().take_while(|part| !part.as_os_str().is_empty() && !part.exists());
    let made = Made(missing.map(Path::to_owned).collect());
    make(folder)?;
    Ok(Some(made))
}

fn make(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::internal(format!("{} can't be made: {error}", folder.display())))
}

/// Whether nothing would be lost if a folder were removed; so too if it is not there.
fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(!folder.exists(), |mut entries| entries.next().is_none())
}

/// Keeps the journals of this run and of its neighbours from evaluations, which see all of the evaluator's folder: what
/// is read can be locked, and a run whose journal is locked ends. A folder can be hidden only if it is there.
fn hide(options: &mut EvaluatorOptions, folder: &Path) -> Result<(), Failure> {
    make(folder)?;
    options.hidden.push(folder.to_owned());
    let runs = Path::new(RUNS);
    let evaluator = options.folder.canonicalize().ok();
    if runs.is_dir() && runs.canonicalize().ok() != evaluator {
        options.hidden.push(runs.to_owned());
    }
    Ok(())
}

/// The cache that an experiment names, if any.
pub(crate) fn cache(experiment: &Experiment) -> Result<Option<Arc<AnswerCache>>, Failure> {
    let Some(path) = &experiment.cache.path else { return Ok(None) };
    let max_bytes = experiment.cache.max_mb.map(|mb| mb.saturating_mul(1 << 20));
    Ok(Some(AnswerCache::open(path, max_bytes)?))
}

/// What a session works with.
#[derive(Clone)]
pub(crate) struct Opened {
    pub tools: Tools,
    /// The weights of the models that have some here.
    pub weights: Vec<Weights>,
}

/// Opens the models of an experiment and its sandbox, probes them and says what they are. `folder` is the run's, or that
/// of several runs; `own` evaluates in the evaluator's place, where the settings name something that does.
pub(crate) async fn open(
    experiment: &Experiment,
    folder: &Path,
    shared: &Shared,
    (quiet, own): (bool, Option<Arc<dyn OwnEvaluator>>),
) -> Result<Opened, Failure> {
    let Ready { models, found, weights } =
        models::start(&experiment.models, experiment.environment.as_ref(), shared).await?;
    // A run that goes on has its scores already.
    if let (false, Some(judges), Some(from)) =
        (shared.checks.goes_on, &experiment.taken, &experiment.naming.init_from)
    {
        weights::check_taken((from, judges), &weights, &shared.checks)?;
    }
    for (role, found) in &found {
        let scoring = found.score.map(|method| method.name());
        tracing::info!(role = role.as_str(), model = found.model.as_str(), api = %found.api, scoring, "model");
        if !quiet {
            let scoring = scoring.map_or(String::new(), |method| format!(", scored by {method}"));
            remark(&format!("{role}: {} ({}{scoring})", found.model, found.api));
        }
    }
    let mut programs = None;
    if experiment.environment.roles().sandbox {
        let started = Programs::start(&experiment.sandbox)?;
        let isolation = started.isolation();
        tracing::info!(tier = %isolation.tier, python = &*isolation.python, "sandbox");
        if !quiet {
            remark(&format!("sandbox: {}, Python {}", isolation.tier, isolation.python));
        }
        programs = Some(started);
    }
    let evaluators = evaluators(experiment, folder, own)?;
    if let Some(started) = &evaluators {
        let (told, slots) = (started.told(), started.slots());
        tracing::info!(isolation = told, slots, "evaluator");
        if !quiet {
            remark(&format!("evaluator: {slots} at once, {told}"));
        }
    }
    Ok(Opened { tools: Tools { models, programs, evaluators, ..Tools::default() }, weights })
}

/// Starts what evaluates, if the environment has an evaluator.
fn evaluators(
    experiment: &Experiment,
    folder: &Path,
    own: Option<Arc<dyn OwnEvaluator>>,
) -> Result<Option<EvaluatorSlots>, Failure> {
    let Some(mut options) = experiment.environment.evaluator_options() else { return Ok(None) };
    match (experiment.environment.own_evaluator(), own) {
        (Some(_), Some(own)) => Ok(Some(EvaluatorSlots::own(own, options.slots))),
        (Some(name), None) => Err(Failure::usage(format!(
            "environment.evaluation.function: `{name}` is a function of the Python program that began this run\nhint: go on \
             from Python: samara.resume(path, evaluator={name})"
        ))),
        (None, _) => {
            hide(&mut options, folder)?;
            Ok(Some(EvaluatorSlots::start(&options)?))
        }
    }
}

/// Searches until the end, the limits or the interrupt, with a bar on stderr unless that is quiet. `heard` hears what
/// happens.
pub(crate) async fn search(
    experiment: Experiment,
    mut tools: Tools,
    journal: Journal,
    Steered { control, given, limits }: Steered,
    (quiet, staff): (bool, Option<Staff>),
    heard: &mut (dyn FnMut(samara_engine::Event<'_>) + Send),
) -> Result<Ended, EngineError> {
    log_session(&experiment, journal.path());
    let hidden = quiet || logs::on_stderr();
    let window = experiment.search.window;
    let mut progress =
        Progress::new(limits.total_steps, limits.budget, hidden).with_calls(tools.calls_in_flight.clone());
    let mut best = best_of_programs(&experiment, journal.path());
    if best.is_some() {
        progress = progress.with_change();
    }
    if let Some(desk) = staff.as_ref().and_then(Staff::desk) {
        progress = progress.with_workers(desk);
    }
    let working = match staff {
        Some(staff) => {
            let (scattered, working) = staff.serve(window, (!quiet).then(|| progress.teller()));
            tools.scattered = scattered;
            Some(working)
        }
        None => None,
    };
    let run = Run {
        settings: experiment.search,
        tessellation: experiment.tessellation,
        environment: experiment.environment,
        evaluator: experiment.evaluator,
        tools,
        ensemble: experiment.models.ensemble(),
        journal,
        controls: given,
    };
    let mut hear = |event: samara_engine::Event<'_>| {
        progress.hear(&event);
        heard(event);
        if let Some(best) = &mut best {
            best.hear(&event);
        }
    };
    let ended = run.run(control, &mut hear).await;
    progress.end();
    if let Some(working) = working {
        working.end().await;
    }
    ended
}

/// What keeps the best program's files in the run's folder, for programs with an evaluator.
fn best_of_programs(experiment: &Experiment, journal: &Path) -> Option<Best> {
    let evaluated = experiment.naming.environment == samara_environments::evaluator::NAME;
    journal.parent().filter(|_| evaluated).map(Best::new)
}

fn log_session(experiment: &Experiment, run: &Path) {
    tracing::info!(
        run = ?run,
        experiment = experiment.naming.name.as_str(),
        environment = experiment.naming.environment.as_str(),
        seed = experiment.search.seed,
        settings = experiment.digest(),
        evaluator = experiment.evaluator.as_ref().map(|spec| spec.digest()),
        samara = env!("CARGO_PKG_VERSION"),
        platform = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "session"
    );
}

/// Turns true at the first Ctrl-C (or a polite kill); the second one ends the process. To be called on the runtime.
pub(crate) fn interrupts() -> watch::Receiver<bool> {
    let (sender, interrupt) = watch::channel(false);
    tokio::spawn(listen(sender));
    interrupt
}

async fn listen(sender: watch::Sender<bool>) {
    for press in 0.. {
        wait_for_signal().await;
        if press > 0 {
            std::process::exit(Exit::Interrupted as i32);
        }
        // Nobody listens any more if the search has just ended.
        let _ = sender.send(true);
    }
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use super::free_folder;

    #[test]
    fn a_name_from_settings_is_no_path() {
        for (name, folder) in [
            ("opinions", "runs/opinions-1"),
            ("../../etc/x", "runs/-..-etc-x-1"),
            ("/abs", "runs/-abs-1"),
            ("..", "runs/run-1"),
            ("a\u{1b}[2Jb", "runs/a--2Jb-1"),
            ("", "runs/run-1"),
        ] {
            assert_eq!(free_folder(name), std::path::Path::new(folder), "{name:?}");
        }
    }
}
