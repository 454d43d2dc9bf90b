//! `samara compare`: strategies by seeds, one run each, and what their results say.
//!
//! [`plan`] is which runs there are, [`curve`] what a run's journal tells, [`report`] the numbers over seeds,
//! [`figure`] their picture. The results are made from the journals alone, so a comparison that is asked for again
//! gives the same files without asking a model.

mod curve;
mod figure;
pub(crate) mod plan;
mod report;

use std::path::{Path, PathBuf};

use samara_engine::Ending;
use samara_lm::{Budget, Limits, Spent};
use tokio::sync::watch;

use crate::{
    args::{Compare, Format},
    config::Experiment,
    controls::Steered,
    exit::{self, Exit, Failure, print, print_json, remark},
    models::{Checks, Shared},
    session::{self, Opened},
    weights, workers,
};
use curve::Run;
use plan::Planned;
use report::Report;
use samara_view::numbers::number;

pub(crate) fn compare(args: &Compare) -> Result<Exit, Failure> {
    let plan = plan::plan(args)?;
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => session::free_folder(&format!("{}-compare", plan[0].experiment.naming.name)),
    };
    let runtime = session::runtime()?;
    let done = runtime.block_on(run_all(&plan, &folder, args));
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
async fn run_all(plan: &[Planned], folder: &Path, args: &Compare) -> Result<Option<Vec<Run>>, Failure> {
    let quiet = args.output.quiet;
    let checks = Checks { anyway: args.anyway, quiet, ..Checks::default() };
    let runs_of_all: Vec<PathBuf> = plan.iter().map(|planned| planned.folder(folder)).collect();
    let all = Several { folder, runs: &runs_of_all, checks: &checks };
    // What is there must be ours, before anything is asked or written.
    for planned in plan {
        plan::check(&planned.experiment, &planned.folder(folder))?;
    }
    let interrupt = session::interrupts();
    let mut tools = None;
    let mut runs = Vec::with_capacity(plan.len());
    for (position, planned) in plan.iter().enumerate() {
        let run_folder = planned.folder(folder);
        let experiment = &planned.experiment;
        let reused = plan::is_done(experiment, &run_folder)?;
        if !reused && !run_to_end(experiment, &run_folder, (&mut tools, &all), quiet, &interrupt).await? {
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

/// Several runs that share their models and the sandbox.
pub(crate) struct Several<'a> {
    /// The folder of all.
    pub folder: &'a Path,
    /// The folder of each.
    pub runs: &'a [PathBuf],
    /// What is looked at before the models are asked.
    pub checks: &'a Checks,
}

impl Several<'_> {
    /// Opens the models and the sandbox. What is done is put beside what they will make, so their weights must be those
    /// that it was made with.
    async fn open(&self, experiment: &Experiment, quiet: bool) -> Result<Opened, Failure> {
        workers::asks_models_here(experiment, "compare")?;
        let cache = session::cache(experiment)?;
        let budget = backstop(experiment, self.runs.len());
        let shared = Shared { budget, cache, checks: self.checks.clone(), elsewhere: None };
        let opened = session::open(experiment, self.folder, &shared, (quiet, None)).await?;
        for run in self.runs {
            if let Some(reader) = session::recorded(run)? {
                weights::check_run(&reader, &opened.weights, self.checks)?;
            }
        }
        Ok(opened)
    }
}

/// One run to its end; whether it came there. It is one of several. The models and the sandbox are opened once, by the
/// first run that needs them.
pub(crate) async fn run_to_end(
    experiment: &Experiment,
    run_folder: &Path,
    (opened, all): (&mut Option<Opened>, &Several<'_>),
    quiet: bool,
    interrupt: &watch::Receiver<bool>,
) -> Result<bool, Failure> {
    let Opened { tools, weights } = match opened {
        Some(opened) => opened.clone(),
        None => opened.insert(all.open(experiment, quiet).await?).clone(),
    };
    let journal = match session::recorded(run_folder)? {
        Some(reader) => session::reopen(reader, run_folder, &weights)?,
        None => session::create(experiment, run_folder, &weights)?,
    };
    let steered = Steered::by(interrupt.clone(), experiment);
    let ended =
        session::search(experiment.clone(), tools, journal, steered, (quiet, None), &mut |_| {}).await?;
    Ok(ended.ending != Ending::Interrupted)
}

/// The client's hard limit: that of all runs together, since they share one client. Each run's own budget ends its
/// proposals.
fn backstop(experiment: &Experiment, count: usize) -> std::sync::Arc<Budget> {
    let budget = &experiment.search.budget;
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
