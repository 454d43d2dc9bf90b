//! The first step: from the runs' programs to a model that writes for a condition.

use samara_seedling::{
    Tokenizer, Weights,
    train::{
        Corpus, Progress,
        policy::conditions,
        tune::{Base, Sample, TuneProgress, TuneSettings, Tuner},
    },
};
use tokio::sync::watch;

use super::{
    conditions::Conditions,
    offline::{self, Choice, Lessons},
    settings::{Folder, Settings},
};
use crate::{
    checkpoints::write,
    commands::{finetune::base::From, model::Bar},
    config::Experiment,
    exit::{self, Failure, remark},
};

/// The part of what is seen that comes from the model's own corpus, against forgetting.
const REPLAY: f64 = 0.1;

/// How the first step ended; relative to the folder.
const REPORT: &str = "sft/report.json";

/// Where and how the first step is made.
pub(super) struct Making<'a> {
    pub folder: &'a Folder,
    pub settings: &'a Settings,
    pub threads: usize,
    pub quiet: bool,
}

/// The model that is begun with, with a token for each condition.
///
/// # Errors
/// A model that does not write walkers, or names that can't be tokens.
pub(super) fn base(settings: &Settings) -> Result<Base, Failure> {
    let from = match &settings.from {
        Some(text) => From::parse(text)?,
        None => From::Shipped(Corpus::Walkers),
    };
    let (base, corpus) = from.open()?;
    if corpus != Corpus::Walkers {
        return Err(Failure::usage(format!(
            "--from {}: it writes texts, and the runs are of walkers\nhint: --from embedded#walkers",
            from.text()
        )));
    }
    let names: Vec<String> = settings.conditions.iter().map(|condition| condition.name.clone()).collect();
    conditions::extend(base, &names, settings.learning.seed).map_err(Failure::usage)
}

/// Evaluates the runs' programs, finetunes on what is good and keeps the model; `None` if it was interrupted, which forgets
/// what was done.
///
/// # Errors
/// Runs that can't be learnt from; a disk that can't be written.
pub(super) fn step(
    making: &Making<'_>,
    base: Base,
    (experiment, evaluators): (&Experiment, &mut Conditions),
    interrupt: &watch::Receiver<bool>,
) -> Result<Option<Base>, Failure> {
    let Making { folder, settings, quiet, .. } = *making;
    // The report is written last.
    if folder.file(REPORT).exists() {
        return model(folder).map(Some);
    }
    let programs = offline::admitted(&settings.runs)?;
    let conditions = &settings.conditions;
    if !quiet {
        let (programs, conditions) = (programs.len(), conditions.len());
        remark(&format!("evaluating {programs} programs on {conditions} conditions"));
    }
    let choice = Choice::new(&experiment.tessellation, &settings.learning);
    let Lessons { train, held_out, known } = offline::lessons(&programs, (conditions, evaluators), &choice)?;
    folder.write("offline.json", &known)?;
    write(&folder.lessons(), &lines(&train)?)?;
    let tuning = TuneSettings {
        seed: settings.learning.seed,
        epochs: settings.learning.epochs,
        learning_rate: settings.learning.first_learning_rate,
        replay: REPLAY,
        ..TuneSettings::of(Corpus::Walkers)
    };
    let tuner = Tuner::new(tuning, base, (&train, &held_out), making.threads).map_err(Failure::usage)?;
    if !trained(tuner, making, interrupt)? {
        return Ok(None);
    }
    // As it was written, in half precision: whoever opens it has the very weights that the policy begins with.
    model(folder).map(Some)
}

/// The first step's model.
///
/// # Errors
/// It can't be read.
pub(super) fn model(folder: &Folder) -> Result<Base, Failure> {
    let path = folder.first();
    Ok(Base { weights: Weights::read(&path)?, tokenizer: Tokenizer::read(&path.join("tokenizer.json"))? })
}

fn lines(samples: &[Sample]) -> Result<String, Failure> {
    let line = |sample| serde_json::to_string(sample).map(|line| line + "\n");
    samples.iter().map(line).collect::<Result<_, _>>().map_err(Failure::internal)
}

fn trained(
    mut tuner: Tuner,
    making: &Making<'_>,
    interrupt: &watch::Receiver<bool>,
) -> Result<bool, Failure> {
    let mut bar = Bar::new(0, tuner.steps(), making.quiet).with_names("held out", "its corpus");
    bar.measuring();
    tuner.measure_first();
    while !tuner.finished() {
        if *interrupt.borrow() {
            bar.end();
            if !making.quiet {
                remark(&format!("stopped in the first step: `{}` begins it anew", making.folder.resume()));
            }
            return Ok(false);
        }
        let TuneProgress { step, tokens, loss, norm, measured, rate } = tuner.step()?;
        let held_out = measured.map(|measured| (measured.samples, measured.corpus));
        bar.hear(&Progress { step, tokens, loss, norm, held_out, rate });
    }
    bar.end();
    tuner.write_model(&making.folder.first())?;
    let told = [("before", tuner.first()), ("kept", tuner.best())].map(|(name, measured)| (name, measured));
    write(&making.folder.file(REPORT), &(exit::json(&told) + "\n"))?;
    Ok(true)
}
