//! `samara run` and `samara resume`.

use std::path::{Path, PathBuf};

use samara_engine::{Control, Ended, Ending, EngineError, Search};
use samara_journal::{Header, Journal, Reader};
use samara_lm::{Budget, Limits, Spent};
use tokio::sync::watch;

use crate::{
    args::{self, Format},
    config::{self, Experiment},
    exit::{Exit, Failure, print, remark},
    models,
    progress::Progress,
    summary::Summary,
};

/// The journal's name in a run's folder.
const JOURNAL: &str = "run.db";

pub(crate) fn run(args: &args::Run) -> Result<Exit, Failure> {
    let mut set = args.set.clone();
    set.extend(args.seed.map(|seed| format!("search.seed={seed}")));
    set.extend(args.concurrency.map(|concurrency| format!("search.concurrency={concurrency}")));
    let experiment = config::load(&args.experiment, &set)?;
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => free_folder(&experiment.naming.name),
    };
    if folder.join(JOURNAL).exists() {
        let hint = format!(
            "`samara resume {0}` goes on with it; choose another --out for a new run",
            folder.display()
        );
        return Err(Failure::usage(format!("{} holds a run already\nhint: {hint}", folder.display())));
    }
    let header = Header {
        config: experiment.resolved.clone(),
        experiment: experiment.naming.name.clone(),
        environment: experiment.naming.environment.clone(),
        seed: experiment.search.seed,
        samara: env!("CARGO_PKG_VERSION").to_owned(),
        created: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
    };
    // The journal is made only once the models have answered: a run that can't start leaves nothing behind.
    let create = || {
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::internal(format!("{} can't be made: {error}", folder.display())))?;
        Ok(Journal::create(&folder.join(JOURNAL), &header)?)
    };
    go(experiment, &folder, Spent::default(), &args.output, create)
}

pub(crate) fn resume(args: &args::Resume) -> Result<Exit, Failure> {
    let mut set = args.set.clone();
    set.extend(args.concurrency.map(|concurrency| format!("search.concurrency={concurrency}")));
    let reader = Reader::open(&args.run)?;
    let experiment = config::reload(&reader.header().config, &args.run, &set)?;
    let totals = reader.totals()?;
    let spent =
        Spent { calls: totals.calls, tokens: totals.tokens_in + totals.tokens_out, money: totals.cost };
    let path = reader.path().to_owned();
    drop(reader);
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    go(experiment, &folder, spent, &args.output, || Ok(Journal::open(&path)?))
}

/// `runs/NAME-1` or the next number that is free.
fn free_folder(name: &str) -> PathBuf {
    let numbered = |n: u32| Path::new("runs").join(format!("{name}-{n}"));
    (1..).map(numbered).find(|folder| !folder.exists()).unwrap_or_else(|| numbered(0))
}

fn go(
    experiment: Experiment,
    folder: &Path,
    spent: Spent,
    output: &args::Output,
    journal: impl FnOnce() -> Result<Journal, Failure>,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("no threads: {error}")))?;
    let ended = runtime.block_on(search(experiment, folder, spent, output, journal));
    // Abandoned candidates may still wait for their models; their answers would have nowhere to go.
    runtime.shutdown_background();
    finish(&ended?, folder, output)
}

async fn search(
    experiment: Experiment,
    folder: &Path,
    spent: Spent,
    output: &args::Output,
    journal: impl FnOnce() -> Result<Journal, Failure>,
) -> Result<Ended, Failure> {
    let budget = &experiment.search.budget;
    // Calls are the search's to count: to the client a score is several.
    let limits = Limits { calls: None, tokens: budget.tokens, money: budget.money };
    let budget = Budget::new(limits, spent);
    let (models, found) = models::start(&experiment.models, experiment.environment.as_ref(), &budget).await?;
    for (role, found) in found.iter().filter(|_| !output.quiet) {
        let scoring = found.score.map_or(String::new(), |method| format!(", scored by {}", method.name()));
        remark(&format!("{role}: {} ({}{scoring})", found.model, found.api));
    }
    let search = Search {
        settings: experiment.search.clone(),
        axes: experiment.axes,
        environment: experiment.environment,
        models,
        journal: journal()?,
    };
    if !output.quiet {
        remark(&format!("run: {}", folder.display()));
    }
    let mut progress = Progress::new(experiment.search.total_steps, output.quiet);
    let (sender, interrupt) = watch::channel(false);
    tokio::spawn(listen(sender));
    let ended = search.run(Control { interrupt }, &mut |event| progress.hear(&event)).await;
    progress.end();
    ended.map_err(|error| stopped(error, folder))
}

fn stopped(error: EngineError, folder: &Path) -> Failure {
    let mut failure = Failure::from(error);
    failure.message += &format!("\nthe run is kept: `samara resume {}` goes on with it", folder.display());
    failure
}

/// The first Ctrl-C (or a polite kill) closes the search, the second one ends the process.
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

fn finish(ended: &Ended, folder: &Path, output: &args::Output) -> Result<Exit, Failure> {
    let reader = Reader::open(folder)?;
    let header = reader.header().clone();
    let mut summary = Summary::new(header.experiment, Some(header.seed), &ended.state, &reader.totals()?);
    summary.ended = Some(ended.ending.name().to_owned());
    match output.format {
        Format::Json => print(&summary.to_json())?,
        Format::Human => {
            let session = &ended.session;
            let rate = session.settled as f64 / session.seconds.max(1e-9);
            let mut text = summary.to_text();
            text += &format!("time        {:.1} s, {rate:.0} candidates/s\n", session.seconds);
            text += &format!("look at it  samara show {}\n", folder.display());
            print(&text)?;
        }
    }
    Ok(match ended.ending {
        Ending::Interrupted => Exit::Interrupted,
        Ending::Budget | Ending::WallTime if ended.state.archive().stats().cells_filled == 0 => Exit::Budget,
        Ending::Completed | Ending::Budget | Ending::WallTime => Exit::Ok,
    })
}
