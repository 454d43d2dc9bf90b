//! `samara run` and `samara resume`.

use std::{path::Path, sync::Arc};

use samara_engine::{Ended, Ending};
use samara_journal::{Journal, Reader};
use samara_lm::{Budget, Exchanges, Limits, Spent};

use crate::{
    args::{self, Format},
    config::{self, Experiment},
    exit::{Exit, Failure, print, remark},
    models::Shared,
    session,
    summary::Summary,
};

pub(crate) fn run(args: &args::Run) -> Result<Exit, Failure> {
    let mut set = args.set.clone();
    set.extend(args.seed.map(|seed| format!("search.seed={seed}")));
    set.extend(args.concurrency.map(|concurrency| format!("search.concurrency={concurrency}")));
    let experiment = config::load(&args.experiment, &set)?;
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => session::free_folder(&experiment.naming.name),
    };
    if session::recorded(&folder)?.is_some() {
        let hint = format!(
            "`samara resume {0}` goes on with it; choose another --out for a new run",
            folder.display()
        );
        return Err(Failure::usage(format!("{} holds a run already\nhint: {hint}", folder.display())));
    }
    // The journal is made only once the models have answered: a run that can't start leaves nothing behind.
    let create = |experiment: &Experiment| session::create(experiment, &folder);
    let record = args.recall.record.as_deref();
    if let Some(file) = record.filter(|file| file.exists()) {
        return Err(Failure::usage(format!(
            "--record {0}: the file exists\nhint: choose another one, or `--replay {0}` if it is a recording",
            file.display()
        )));
    }
    let exchanges = exchanges(&experiment, &args.recall)?;
    let done = go(experiment, &folder, (Spent::default(), exchanges), &args.output, create);
    if let Some(file) = record
        && done.is_err()
        && matches!(session::recorded(&folder), Ok(None))
    {
        // The recording of a run that did not start; nobody misses a file that is gone.
        let _ = std::fs::remove_file(file);
    }
    done
}

/// Where answers are found again: a recording if one is asked for, else the experiment's cache.
fn exchanges(experiment: &Experiment, recall: &args::Recall) -> Result<Option<Arc<Exchanges>>, Failure> {
    match (&recall.record, &recall.replay) {
        (Some(file), _) => Ok(Some(Exchanges::record(file)?)),
        (None, Some(file)) => Ok(Some(Exchanges::replay(file)?)),
        (None, None) => session::cache(experiment),
    }
}

pub(crate) fn resume(args: &args::Resume) -> Result<Exit, Failure> {
    let mut set = args.set.clone();
    set.extend(args.concurrency.map(|concurrency| format!("search.concurrency={concurrency}")));
    // Opened to write: that brings a journal of an earlier version up to date.
    let journal = Journal::open(&args.run)?;
    let reader = journal.reader()?;
    let experiment = config::reload(&reader.header().config, &args.run, &set)?;
    let totals = reader.totals()?;
    let spent =
        Spent { calls: totals.calls, tokens: totals.tokens_in + totals.tokens_out, money: totals.cost };
    let path = reader.path().to_owned();
    drop(reader);
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let exchanges = exchanges(&experiment, &args.recall)?;
    go(experiment, &folder, (spent, exchanges), &args.output, |_| Ok(journal))
}

fn go(
    experiment: Experiment,
    folder: &Path,
    (spent, exchanges): (Spent, Option<Arc<Exchanges>>),
    output: &args::Output,
    journal: impl FnOnce(&Experiment) -> Result<Journal, Failure>,
) -> Result<Exit, Failure> {
    let budget = &experiment.search.budget;
    // Calls are the search's to count: to the client a score is several.
    let limits = Limits { calls: None, tokens: budget.tokens, money: budget.money };
    let shared = Shared { budget: Budget::new(limits, spent), exchanges };
    let runtime = session::runtime()?;
    let ended = runtime.block_on(search(experiment, folder, &shared, output.quiet, journal));
    // Abandoned candidates may still wait for their models; their answers would have nowhere to go.
    runtime.shutdown_background();
    let finished = shared.exchanges.map_or(Ok(()), |exchanges| exchanges.finish());
    let exit = finish(&ended?, folder, output)?;
    finished?;
    Ok(exit)
}

async fn search(
    experiment: Experiment,
    folder: &Path,
    shared: &Shared,
    quiet: bool,
    journal: impl FnOnce(&Experiment) -> Result<Journal, Failure>,
) -> Result<Ended, Failure> {
    let tools = session::open(&experiment, shared, quiet).await?;
    let journal = journal(&experiment)?;
    if !quiet {
        remark(&format!("run: {}", folder.display()));
    }
    session::search(experiment, tools, journal, session::interrupts(), quiet).await.map_err(|mut failure| {
        let kept = format!("\nthe run is kept: `samara resume {}` goes on with it", folder.display());
        failure.message += &kept;
        failure
    })
}

fn finish(ended: &Ended, folder: &Path, output: &args::Output) -> Result<Exit, Failure> {
    let reader = Reader::open(folder)?;
    let header = reader.header().clone();
    let mut summary = Summary::new(header.experiment, Some(header.seed), &ended.state, &reader.totals()?);
    summary.found = Some(reader.found_calls()?).filter(|found| *found > 0);
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
