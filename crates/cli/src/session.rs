//! One session of a run: what `run`, `resume` and `compare` share, from opened models to the end of the search.

use std::{path::Path, sync::Arc};

use samara_engine::{Control, Ended, Programs, Search, Tools};
use samara_journal::{Header, Journal, JournalError, Reader};
use samara_lm::Exchanges;
use tokio::{runtime::Runtime, sync::watch};

use crate::{
    config::Experiment,
    exit::{Exit, Failure, remark},
    models::{self, Shared},
    progress::Progress,
};

/// The journal's name in a run's folder.
const JOURNAL: &str = "run.db";

/// The threads that a search runs on.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("no threads: {error}")))
}

/// `runs/NAME-1` or the next number that is free.
pub(crate) fn free_folder(name: &str) -> std::path::PathBuf {
    let numbered = |n: u32| Path::new("runs").join(format!("{name}-{n}"));
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

/// Starts the journal of a new run in its folder.
pub(crate) fn create(experiment: &Experiment, folder: &Path) -> Result<Journal, Failure> {
    let header = Header {
        config: experiment.resolved.clone(),
        experiment: experiment.naming.name.clone(),
        environment: experiment.naming.environment.clone(),
        seed: experiment.search.seed,
        samara: env!("CARGO_PKG_VERSION").to_owned(),
        created: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
    };
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::internal(format!("{} can't be made: {error}", folder.display())))?;
    Ok(Journal::create(&folder.join(JOURNAL), &header)?)
}

/// The cache that an experiment names, if any.
pub(crate) fn cache(experiment: &Experiment) -> Result<Option<Arc<Exchanges>>, Failure> {
    let Some(path) = &experiment.cache.path else { return Ok(None) };
    let most_bytes = experiment.cache.max_mb.map(|mb| mb.saturating_mul(1 << 20));
    Ok(Some(Exchanges::cache(path, most_bytes)?))
}

/// Opens the models of an experiment and its sandbox, probes them and says what they are.
pub(crate) async fn open(experiment: &Experiment, shared: &Shared, quiet: bool) -> Result<Tools, Failure> {
    let (models, found) = models::start(&experiment.models, experiment.environment.as_ref(), shared).await?;
    for (role, found) in found.iter().filter(|_| !quiet) {
        let scoring = found.score.map_or(String::new(), |method| format!(", scored by {}", method.name()));
        remark(&format!("{role}: {} ({}{scoring})", found.model, found.api));
    }
    let mut programs = None;
    if experiment.environment.roles().sandbox {
        let started = Programs::start(&experiment.sandbox)?;
        let isolation = started.isolation();
        if !quiet {
            remark(&format!("sandbox: {}, Python {}", isolation.tier, isolation.python));
        }
        programs = Some(started);
    }
    Ok(Tools { models, programs })
}

/// Searches until the end, the budget or the interrupt, with a bar on stderr.
pub(crate) async fn search(
    experiment: Experiment,
    tools: Tools,
    journal: Journal,
    interrupt: watch::Receiver<bool>,
    quiet: bool,
) -> Result<Ended, Failure> {
    let mut progress = Progress::new(experiment.search.total_steps, experiment.search.budget, quiet);
    let search = Search {
        settings: experiment.search,
        axes: experiment.axes,
        environment: experiment.environment,
        tools,
        ensemble: experiment.models.ensemble(),
        journal,
    };
    let ended = search.run(Control { interrupt }, &mut |event| progress.hear(&event)).await;
    progress.end();
    Ok(ended?)
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
