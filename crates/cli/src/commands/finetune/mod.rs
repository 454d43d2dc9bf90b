//! `samara finetune`: from runs to a model that has learnt from what they admitted.
//!
//! [`lessons`] are the samples, [`base`] the model that is begun with, [`folder`] what is kept, [`picture`] the losses,
//! [`report`] how it ended. Whatever happens between two steps, the checkpoint on disk is whole, and a finetuning that goes
//! on from it ends in the same files.

pub(super) mod base;
mod folder;
mod lessons;
mod picture;
mod report;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use samara_seedling::{
    Engine, EngineSettings, Model,
    train::{
        Corpus,
        tune::{Base, Measured, TuneProgress, Tuner},
    },
};
use tokio::sync::watch;

use super::model::{Bar, Evaluation, Losses, Measuring, Row, evaluate};
use crate::{
    args::{self, Format},
    checkpoints::write,
    exit::{Exit, Failure, print, print_json, remark},
    session,
};

use base::From;
use folder::{Folder, Plan};
use lessons::Learnt;
use report::{Printed, Report};

/// The columns of `losses.csv`.
const COLUMNS: &str = "step,tokens,loss,norm,held_out_samples,held_out_corpus\n";

/// A finetuning of this process.
struct Session {
    folder: Folder,
    tuner: Tuner,
    plan: Plan,
    losses: Losses,
    interrupt: watch::Receiver<bool>,
    threads: usize,
    quiet: bool,
}

pub(crate) fn finetune(args: &args::Finetune) -> Result<Exit, Failure> {
    let runtime = session::runtime()?;
    let interrupt = runtime.block_on(async { session::interrupts() });
    let done = tuned(args, interrupt);
    runtime.shutdown_background();
    let Some(tuned) = done? else { return Ok(Exit::Interrupted) };
    let folder = Folder { path: args.out.clone() };
    match args.output.format {
        Format::Human => print(&tuned.report.to_text(&folder, tuned.seconds))?,
        Format::Json => print_json(&Printed {
            folder: args.out.display().to_string(),
            ended: "completed",
            model: format!("embedded:{}", folder.model().display()),
            seconds: tuned.seconds,
            report: &tuned.report,
        })?,
    }
    Ok(Exit::Ok)
}

/// A finetuning that has ended.
pub(super) struct Tuned {
    report: Report,
    seconds: f64,
}

/// The finished model of a finetuning's folder, if it is finished.
pub(super) fn finished(folder: &Path) -> Option<PathBuf> {
    let folder = Folder { path: folder.to_owned() };
    // The report is written last.
    folder.report().exists().then(|| folder.model())
}

/// Whether a finetuning was begun in a folder, and can be gone on with.
pub(super) fn begun(folder: &Path) -> bool {
    crate::checkpoints::is_there(folder)
}

/// Finetunes, printing nothing but progress; `None` if it was interrupted.
pub(super) fn tuned(
    args: &args::Finetune,
    interrupt: watch::Receiver<bool>,
) -> Result<Option<Tuned>, Failure> {
    let started = Instant::now();
    let mut session = if args.resume { resume(args, interrupt)? } else { begin(args, interrupt)? };
    if !session.train()? {
        return Ok(None);
    }
    session.tuner.write_model(&session.folder.model())?;
    let report = session.report()?;
    let rows = session.losses.rows();
    let before = (report.before.samples, report.before.corpus);
    write(&session.folder.picture(), &picture::draw(rows, before, report.after.step))?;
    write(&session.folder.report(), &report.to_file())?;
    Ok(Some(Tuned { report, seconds: started.elapsed().as_secs_f64() }))
}

/// Starts in a folder that holds no finetuning.
fn begin(args: &args::Finetune, interrupt: watch::Receiver<bool>) -> Result<Session, Failure> {
    let folder = Folder { path: args.out.clone() };
    folder.refuse_used()?;
    let Learnt { train, held_out, told, about, environment } = lessons::learnt(&args.runs, &args.tuning)?;
    let from = match &args.from {
        Some(text) => From::parse(text)?,
        None => base::default(&about, &environment)?,
    };
    let (base, corpus) = from.open()?;
    base::check(&from, corpus, &about, &environment)?;
    let threads = evaluate::threads(args.threads);
    let settings = args.tuning.settings(corpus);
    let tuner = Tuner::new(settings, base, (&train, &held_out), threads).map_err(Failure::usage)?;
    folder.make()?;
    let mut losses = Losses::open_with(&folder.losses(), COLUMNS)?;
    losses.keep(0)?;
    folder.write_samples(&train, &held_out)?;
    let plan = Plan {
        from: from.text(),
        runs: args.runs.iter().map(|run| run.display().to_string()).collect(),
        told,
        checkpoint_every: args.checkpoint_every,
        evaluate: args.evaluate as usize,
    };
    folder.save(&tuner, &plan)?;
    if tuner.left_out() > 0 && !args.output.quiet {
        let (count, context) = (tuner.left_out(), tuner.context());
        remark(&format!("{count} samples are left out: longer than the model's context of {context} tokens"));
    }
    if told.untold > 0 && !args.output.quiet {
        remark(&format!("{} candidates are left out that no model wrote as they are", told.untold));
    }
    let quiet = args.output.quiet;
    Ok(Session { folder, tuner, plan, losses, interrupt, threads, quiet })
}

/// Goes on from a folder's checkpoint.
fn resume(args: &args::Finetune, interrupt: watch::Receiver<bool>) -> Result<Session, Failure> {
    let folder = Folder { path: args.out.clone() };
    let (checkpoint, plan) = folder.latest()?;
    let [train, held_out] = folder.read_samples()?;
    let threads = evaluate::threads(args.threads);
    let tuner = Tuner::resume(&checkpoint, (&train, &held_out), threads)?;
    let mut losses = Losses::open_with(&folder.losses(), COLUMNS)?;
    losses.keep(tuner.step_number())?;
    let quiet = args.output.quiet;
    Ok(Session { folder, tuner, plan, losses, interrupt, threads, quiet })
}

impl Session {
    /// Trains to the end or to the first Ctrl-C; whether it came to the end.
    fn train(&mut self) -> Result<bool, Failure> {
        let mut bar = Bar::new(self.tuner.step_number(), self.tuner.steps(), self.quiet)
            .with_names("held out", "its corpus");
        if self.tuner.best().is_none() {
            bar.measuring();
            self.tuner.measure_first();
            self.folder.save(&self.tuner, &self.plan)?;
        }
        while !self.tuner.finished() {
            if *self.interrupt.borrow() {
                return self.interrupted(&bar);
            }
            let progress = self.tuner.step()?;
            let TuneProgress { step, tokens, loss, norm, measured, rate } = progress;
            let held_out = measured.map(|measured| (measured.samples, measured.corpus));
            self.losses.push(Row { step, tokens, loss, norm, held_out })?;
            bar.hear(&samara_seedling::train::Progress { step, tokens, loss, norm, held_out, rate });
            if step.is_multiple_of(self.plan.checkpoint_every) || self.tuner.finished() {
                self.folder.save(&self.tuner, &self.plan)?;
            }
        }
        bar.end();
        Ok(true)
    }

    fn interrupted(&self, bar: &Bar) -> Result<bool, Failure> {
        self.folder.save(&self.tuner, &self.plan)?;
        bar.end();
        if !self.quiet {
            let (step, steps) = (self.tuner.step_number(), self.tuner.steps());
            remark(&format!("stopped at step {step} of {steps}: `{}` goes on", self.folder.resume()));
        }
        Ok(false)
    }

    /// How it ended, with what both models can do.
    fn report(&mut self) -> Result<Report, Failure> {
        let (base, corpus) = From::parse(&self.plan.from)?.open()?;
        let (before, after) = (self.tuner.first(), self.tuner.best());
        let none = || Failure::internal("nothing was measured");
        let (before, after): (Measured, Measured) = (before.ok_or_else(none)?, after.ok_or_else(none)?);
        let count = self.plan.evaluate;
        let mut evaluated = (None, None);
        if count > 0 {
            let (engine, _) = evaluate::open(&self.folder.model(), self.threads)?;
            evaluated = (
                Some(self.evaluated(&started(&base, self.threads), corpus)?),
                Some(self.evaluated(&engine, corpus)?),
            );
        }
        Ok(Report {
            from: self.plan.from.clone(),
            runs: self.plan.runs.clone(),
            settings: self.tuner.settings().clone(),
            told: self.plan.told,
            samples: self.tuner.samples(),
            left_out: self.tuner.left_out(),
            steps: self.tuner.step_number(),
            of_steps: self.tuner.steps(),
            tokens: self.tuner.tokens(),
            stopped_early: self.tuner.stopped_early(),
            before,
            after,
            evaluated_before: evaluated.0,
            evaluated_after: evaluated.1,
        })
    }

    fn evaluated(&self, engine: &Engine, corpus: Corpus) -> Result<Evaluation, Failure> {
        let bar = evaluate::spinner(self.quiet);
        Ok(evaluate::measure(engine, &Measuring::of(corpus, self.plan.evaluate), &bar)?)
    }
}

/// The model that was begun with, running.
fn started(base: &Base, threads: usize) -> Engine {
    let settings = EngineSettings { threads, ..EngineSettings::default() };
    Engine::start(Arc::new(Model::new(&base.weights)), Arc::new(base.tokenizer.clone()), settings)
}
