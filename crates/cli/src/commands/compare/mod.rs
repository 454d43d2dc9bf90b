//! `samara compare`: strategies by seeds, one run each, and what their results say.
//!
//! [`plan`] is which runs there are, [`curve`] what a run's journal tells, [`report`] the numbers over seeds,
//! [`figure`] their picture. The results are made from the journals alone, so a comparison that is asked for again
//! gives the same files without asking a model.

mod curve;
mod figure;
mod plan;
mod report;

use std::path::{Path, PathBuf};

use samara_engine::{Ending, Tools};
use samara_journal::Journal;
use samara_lm::{Budget, Limits, Spent};
use tokio::sync::watch;

use crate::{
    args::{Compare, Format},
    exit::{self, Exit, Failure, print, print_json, remark},
    models::Shared,
    numbers::number,
    session,
};
use curve::Run;
use plan::Planned;
use report::Report;

pub(crate) fn compare(args: &Compare) -> Result<Exit, Failure> {
    let plan = plan::plan(args)?;
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => session::free_folder(&format!("{}-compare", plan[0].experiment.naming.name)),
    };
    let runtime = session::runtime()?;
    let done = runtime.block_on(run_all(&plan, &folder, args.output.quiet));
    // Abandoned candidates may still wait for their models; their answers would have nowhere to go.
    runtime.shutdown_background();
    let again = |mut failure: Failure| {
        if failure.exit == Exit::Usage {
            return failure;
        }
        let hint = format!("what is done is kept: the same command with --out {} goes on", folder.display());
        failure.message += &format!("\n{hint}");
        failure
    };
    let Some(runs) = done.map_err(again)? else {
        remark(&format!("interrupted: the same command with --out {} goes on", folder.display()));
        return Ok(Exit::Interrupted);
    };
    let report = Report::new(&plan, runs);
    let files = write(&report, &folder)?;
    match args.output.format {
        Format::Json => print_json(&report)?,
        Format::Human => {
            let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            print(&format!("{}\nwritten: {}\n", report.to_text(), files.join(", ")))?;
        }
    }
    Ok(Exit::Ok)
}

/// Every run to its end, one after the other; `None` if the user interrupted.
async fn run_all(plan: &[Planned], folder: &Path, quiet: bool) -> Result<Option<Vec<Run>>, Failure> {
    // What is there must be ours, before anything is asked or written.
    for planned in plan {
        planned.check(folder)?;
    }
    let interrupt = session::interrupts();
    let mut tools = None;
    let mut runs = Vec::with_capacity(plan.len());
    for (position, planned) in plan.iter().enumerate() {
        let reused = planned.is_done(folder)?;
        if !reused && !run_to_end(planned, folder, &mut tools, (plan.len(), quiet), &interrupt).await? {
            return Ok(None);
        }
        let run = curve::read(planned, &planned.folder(folder))?;
        if !quiet {
            let how = if reused { ", reused" } else { "" };
            remark(&format!(
                "{}/{}  {} seed {}: QD score {}, coverage {} % after {} candidates{how}",
                position + 1,
                plan.len(),
                planned.strategy.name(),
                run.seed,
                number(run.qd_score),
                number(run.coverage * 100.0),
                run.candidates
            ));
        }
        runs.push(run);
    }
    Ok(Some(runs))
}

/// One run to its end; whether it came there. The models and the sandbox are opened once, by the first run that needs
/// them.
async fn run_to_end(
    planned: &Planned,
    folder: &Path,
    tools: &mut Option<Tools>,
    (count, quiet): (usize, bool),
    interrupt: &watch::Receiver<bool>,
) -> Result<bool, Failure> {
    let opened = match tools {
        Some(opened) => opened.clone(),
        None => {
            let cache = session::cache(&planned.experiment)?;
            let shared = Shared { budget: backstop(planned, count), cache };
            tools.insert(session::open(&planned.experiment, folder, &shared, quiet).await?).clone()
        }
    };
    let run_folder = planned.folder(folder);
    let journal = match session::recorded(&run_folder)? {
        Some(_) => Journal::open(&run_folder)?,
        None => session::create(&planned.experiment, &run_folder)?,
    };
    let ended =
        session::search(planned.experiment.clone(), opened, journal, interrupt.clone(), quiet).await?;
    Ok(ended.ending != Ending::Interrupted)
}

/// The client's hard limit: that of all runs together, since they share one client. Each run's own budget ends its
/// proposals.
fn backstop(planned: &Planned, count: usize) -> std::sync::Arc<Budget> {
    let budget = &planned.experiment.search.budget;
    let tokens = budget.tokens.map(|tokens| tokens.saturating_mul(count as u64));
    let money = budget.money.map(|money| money * count as f64);
    Budget::new(Limits { calls: None, tokens, money }, Spent::default())
}

fn write(report: &Report, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let files = [
        ("compare.csv", report.to_csv()),
        ("compare.json", exit::json(&report) + "\n"),
        ("compare.svg", figure::draw(report)),
    ];
    let write = |(name, text): (&str, String)| {
        let path = folder.join(name);
        std::fs::write(&path, text)
            .map_err(|error| Failure::internal(format!("{} can't be written: {error}", path.display())))?;
        Ok(path)
    };
    files.into_iter().map(write).collect()
}
