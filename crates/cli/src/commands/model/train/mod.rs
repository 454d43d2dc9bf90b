//! `samara model train`: from nothing, or from a checkpoint, to a model in a folder.
//!
//! Whatever happens between two steps, the checkpoint on disk is whole, and a training that goes on from it ends in the
//! same files.

mod bar;
mod curve;
mod folder;
mod losses;
mod report;

use std::time::Instant;

use samara_seedling::train::Trainer;
use tokio::{runtime::Runtime, sync::watch};

use super::evaluate::{self, Evaluation, Measured};
use crate::{
    args::{self, Format},
    exit::{Exit, Failure, print, print_json, remark},
    session,
};

pub(crate) use bar::{Bar, counting};
use folder::{Folder, Plan};
pub(crate) use losses::{Losses, Row};
use report::{FinalLosses, Printed, Report};

/// A training of this process.
struct Session {
    folder: Folder,
    trainer: Trainer,
    plan: Plan,
    losses: Losses,
    interrupt: watch::Receiver<bool>,
}

/// How the training part ended.
enum Ended {
    Completed,
    Interrupted,
}

pub(crate) fn train(args: &args::Train) -> Result<Exit, Failure> {
    let runtime = session::runtime()?;
    let interrupt = runtime.block_on(async { session::interrupts() });
    let threads = evaluate::threads(args.threads);
    let folder = Folder::new(&args.out);
    let mut session = if args.resume {
        resume(args, folder, threads, interrupt)?
    } else {
        begin(args, folder, threads, interrupt)?
    };
    let (started, before) = (Instant::now(), session.trainer.tokens());
    let bar = Bar::new(session.trainer.steps(), session.trainer.settings().steps(), args.output.quiet);
    let told = runtime.spawn(bar.tell_of(session.interrupt.clone()));
    let ended = session.train(bar);
    told.abort();
    let ended = ended.map_err(|failure| session.kept(failure))?;
    let trained = (started.elapsed().as_secs_f64(), session.trainer.tokens() - before);
    if matches!(ended, Ended::Interrupted) {
        return session.interrupted(args);
    }
    session.trainer.write_model(&session.folder.model())?;
    let exit = finish(&mut session, &runtime, args, threads, trained);
    // An evaluation that was interrupted goes on until the process ends.
    runtime.shutdown_background();
    exit
}

/// Starts a training in a folder that holds none.
fn begin(
    args: &args::Train,
    folder: Folder,
    threads: usize,
    interrupt: watch::Receiver<bool>,
) -> Result<Session, Failure> {
    let (settings, plan) = (args.training.settings(), Plan::new(args));
    settings.validate()?;
    folder.make()?;
    let mut losses = Losses::open(&folder.losses())?;
    let bar = evaluate::spinner(args.output.quiet);
    bar.set_message("training the tokenizer");
    let trainer = Trainer::new(settings, threads).inspect_err(|_| folder.unmake())?;
    bar.finish_and_clear();
    folder.save(&trainer, &plan)?;
    losses.keep(0)?;
    Ok(Session { folder, trainer, plan, losses, interrupt })
}

/// Goes on from a folder's checkpoint.
fn resume(
    args: &args::Train,
    folder: Folder,
    threads: usize,
    interrupt: watch::Receiver<bool>,
) -> Result<Session, Failure> {
    let (trainer, plan) = folder.load(threads)?;
    let mut losses = Losses::open(&folder.losses())?;
    if !losses.keep(trainer.steps())? && !args.output.quiet {
        let path = folder.losses().display().to_string();
        remark(&format!("{path} lacks steps that were trained: the training is not touched by that"));
    }
    Ok(Session { folder, trainer, plan: plan.changed(args), losses, interrupt })
}

impl Session {
    /// Trains to the end or to the first Ctrl-C.
    fn train(&mut self, mut bar: Bar) -> Result<Ended, Failure> {
        let steps = self.trainer.settings().steps();
        if !self.trainer.finished() {
            let (step, folder) = (self.trainer.steps(), self.folder.path().display());
            bar.tell(&format!("training: {folder}, from step {step} of {steps}"));
        }
        while !self.trainer.finished() {
            if *self.interrupt.borrow() {
                self.folder.save(&self.trainer, &self.plan)?;
                bar.end();
                return Ok(Ended::Interrupted);
            }
            let next = self.trainer.steps() + 1;
            let measure = self.plan.measures(next, self.trainer.settings());
            if measure {
                bar.measuring();
            }
            let progress = self.trainer.step(measure)?;
            self.losses.push(Row::of(&progress))?;
            bar.hear(&progress);
            if next.is_multiple_of(self.plan.checkpoint_every) || self.trainer.finished() {
                self.folder.save(&self.trainer, &self.plan)?;
            }
        }
        bar.end();
        Ok(Ended::Completed)
    }

    /// A failure with the way to go on.
    fn kept(&self, mut failure: Failure) -> Failure {
        failure.message +=
            &format!("\nthe last checkpoint is kept: `{}` goes on with it", self.folder.resume());
        failure
    }

    fn interrupted(&self, args: &args::Train) -> Result<Exit, Failure> {
        let (step, steps) = (self.trainer.steps(), self.trainer.settings().steps());
        if !args.output.quiet {
            remark(&format!("stopped at step {step} of {steps}: `{}` goes on", self.folder.resume()));
        }
        if args.output.format == Format::Json {
            let folder = self.folder.path().display().to_string();
            let state = serde_json::json!({
                "folder": folder, "ended": "interrupted", "step": step, "steps": steps,
                "tokens": self.trainer.tokens(),
            });
            print_json(&state)?;
        }
        Ok(Exit::Interrupted)
    }
}

/// Evaluates the finished model, writes the report and prints it.
fn finish(
    session: &mut Session,
    runtime: &Runtime,
    args: &args::Train,
    threads: usize,
    trained: (f64, u64),
) -> Result<Exit, Failure> {
    let evaluation = match session.plan.evaluate {
        0 => None,
        count => match evaluated(session, runtime, count, threads, args.output.quiet)? {
            Some(evaluation) => Some(evaluation),
            None => return Ok(Exit::Interrupted),
        },
    };
    let rows = session.losses.rows();
    let held_out = rows.last().and_then(|row| row.held_out);
    let held_out = held_out.unwrap_or_else(|| session.trainer.held_out());
    let weights = session.trainer.weights();
    let report = Report {
        settings: session.trainer.settings().clone(),
        parameters: weights.parameters(),
        context: weights.config.max_positions,
        steps: session.trainer.steps(),
        tokens: session.trainer.tokens(),
        losses: FinalLosses::new(rows, held_out),
        evaluation,
    };
    session.folder.write_report(&report.to_file())?;
    match args.output.format {
        Format::Human => print(&report.to_text(&session.folder, rows, trained))?,
        Format::Json => {
            let folder = session.folder.path().display().to_string();
            let printed = Printed { folder, ended: "completed", seconds: trained.0, report: &report };
            print_json(&printed)?;
        }
    }
    Ok(Exit::Ok)
}

/// The evaluation of the model as it was written; nothing if it was interrupted.
fn evaluated(
    session: &mut Session,
    runtime: &Runtime,
    count: usize,
    threads: usize,
    quiet: bool,
) -> Result<Option<Evaluation>, Failure> {
    let (engine, _) = evaluate::open(&session.folder.model(), threads)?;
    let settings = Measured::of(session.trainer.settings().corpus, count);
    let bar = evaluate::spinner(quiet);
    let shown = bar.clone();
    let work = runtime.spawn_blocking(move || evaluate::measure(&engine, &settings, &shown));
    let interrupt = &mut session.interrupt;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = work => Some(ended),
            _ = interrupt.wait_for(|pressed| *pressed) => None,
        }
    });
    match ended {
        Some(Ok(evaluation)) => Ok(Some(evaluation?)),
        Some(Err(error)) => Err(Failure::internal(format!("the evaluation broke: {error}"))),
        None => {
            bar.finish_and_clear();
            if !quiet {
                let (model, resume) = (session.folder.model(), session.folder.resume());
                remark(&format!("stopped: {} is finished; `{resume}` evaluates it", model.display()));
            }
            Ok(None)
        }
    }
}
