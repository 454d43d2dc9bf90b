//! A training's folder: what is where, and checkpoints that are replaced as a whole.
//!
//! `checkpoint/` is resumable, `model/` the finished model, `losses.csv` a row a step, `report.json` how it ended.

use std::{
    fs,
    path::{Path, PathBuf},
};

use samara_seedling::{
    evaluate::EvaluationSettings,
    files,
    train::{TrainSettings, Trainer},
};
use serde::{Deserialize, Serialize};

use crate::{
    args,
    checkpoints::{self, broken, write},
    exit::Failure,
};

/// In a checkpoint: the settings of the command itself.
const PLAN: &str = "plan.json";

/// A plan at most, in bytes: three numbers.
const MOST_PLAN: u64 = 1 << 16;

/// What the command does beside training; kept so that `--resume` does the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
    /// Steps between two measurements of the held-out losses.
    pub measure_every: u64,
    /// Completions and texts of the evaluation at the end; 0 leaves it out.
    pub evaluate: usize,
}

impl Plan {
    /// For a new training.
    pub(crate) fn new(args: &args::Train) -> Self {
        let evaluate = EvaluationSettings::default().completions;
        let new = Self { checkpoint_every: 250, measure_every: args.training.measure_every, evaluate };
        new.changed(args)
    }

    /// With what may be given again when a training goes on.
    pub(crate) fn changed(self, args: &args::Train) -> Self {
        Self {
            checkpoint_every: args.checkpoint_every.unwrap_or(self.checkpoint_every),
            evaluate: args.evaluate.map_or(self.evaluate, |count| count as usize),
            ..self
        }
    }

    /// Whether the held-out losses are measured after a step: after the last one always.
    pub(crate) fn measures(&self, step: u64, settings: &TrainSettings) -> bool {
        step.is_multiple_of(self.measure_every) || step == settings.steps()
    }
}

/// The folder of one training.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    pub(crate) fn losses(&self) -> PathBuf {
        self.path.join("losses.csv")
    }

    fn checkpoint(&self) -> PathBuf {
        self.path.join(checkpoints::NOW)
    }

    /// Makes the folder for a new training. One that holds anything of another training is refused; what a start that
    /// was killed before its first checkpoint left is nothing.
    pub(crate) fn make(&self) -> Result<(), Failure> {
        let resumable = checkpoints::is_there(&self.path);
        let begun = fs::metadata(self.losses()).is_ok_and(|losses| losses.len() > 0);
        if resumable || begun || self.model().exists() || self.report().exists() {
            let go_on = format!("`{}` goes on with it; ", self.resume());
            let hint = if resumable { go_on } else { String::new() };
            return Err(Failure::usage(format!(
                "{} holds a training already\nhint: {hint}choose another --out for a new one",
                self.path.display()
            )));
        }
        fs::create_dir_all(&self.path).map_err(|error| broken(&self.path, "made", &error))
    }

    /// Takes back what [`Self::make`] made, after a start that failed before anything was trained.
    pub(crate) fn unmake(&self) {
        // The failure itself is what is told; a folder that holds something else stays.
        let _ = fs::remove_file(self.losses());
        let _ = fs::remove_dir(&self.path);
    }

    /// The command that goes on.
    pub(crate) fn resume(&self) -> String {
        format!("samara model train --out {} --resume", self.path.display())
    }

    /// Writes a checkpoint. Whenever the process is killed, a whole one is there: this one or the one before.
    pub(crate) fn save(&self, trainer: &Trainer, plan: &Plan) -> Result<(), Failure> {
        checkpoints::replace(&self.path, |next| {
            trainer.save(next)?;
            write(&next.join(PLAN), &serde_json::to_string_pretty(plan).unwrap_or_default())
        })
    }

    /// Reads the checkpoint, also one that was about to be replaced.
    pub(crate) fn load(&self, threads: usize) -> Result<(Trainer, Plan), Failure> {
        let Some(now) = checkpoints::latest(&self.path)? else {
            let hint = format!("`samara model train --out {}` starts a training", self.path.display());
            let what = format!("{} holds no checkpoint to go on from", self.path.display());
            return Err(Failure::usage(format!("{what}\nhint: {hint}")));
        };
        let plan = self.plan()?;
        Ok((Trainer::resume(&now, threads)?, plan))
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let path = self.checkpoint().join(PLAN);
        let unusable = |what: String| {
            let hint = "it is written with every checkpoint; start a new training otherwise";
            Failure::internal(format!("{}: {what}\nhint: {hint}", path.display()))
        };
        let text = files::read_text(&path, MOST_PLAN)
            .map_err(|error| unusable(format!("can't be read: {error}")))?;
        let plan: Plan =
            serde_json::from_str(&text).map_err(|error| unusable(format!("is no plan: {error}")))?;
        if plan.checkpoint_every == 0 || plan.measure_every == 0 {
            return Err(unusable("a number of steps is 0".to_owned()));
        }
        Ok(plan)
    }

    fn report(&self) -> PathBuf {
        self.path.join("report.json")
    }

    /// Writes the report.
    pub(crate) fn write_report(&self, report: &str) -> Result<(), Failure> {
        write(&self.report(), report)
    }
}
