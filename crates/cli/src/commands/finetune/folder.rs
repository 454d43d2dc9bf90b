//! The folder of a finetuning.
//!
//! `train.jsonl` and `held-out.jsonl` are the samples, `checkpoint/` is resumable, `model/` the finished model, `losses.csv`
//! a row a step, `losses.svg` their picture, `report.json` how it ended.

use std::path::{Path, PathBuf};

use samara_seedling::{
    files,
    train::tune::{Sample, Tuner},
};
use serde::{Deserialize, Serialize};

use super::lessons::Told;
use crate::{
    checkpoints::{self, broken, write},
    exit::{Failure, quoted},
};

/// In a checkpoint: what the command does beside training.
const PLAN: &str = "plan.json";
/// Bytes that a plan may have.
const MOST_PLAN: u64 = 1 << 20;
/// Bytes that samples may have.
const MOST_SAMPLES: u64 = 1 << 32;

/// What the command does beside training; kept so that `--resume` does the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    /// The model that was begun with.
    pub from: String,
    /// The runs that the samples are of.
    pub runs: Vec<String>,
    /// What the samples are.
    pub told: Told,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
    /// Completions of the evaluations; 0 leaves them out.
    pub evaluate: usize,
}

/// The folder of one finetuning.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub path: PathBuf,
}

impl Folder {
    pub(super) fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    pub(super) fn losses(&self) -> PathBuf {
        self.path.join("losses.csv")
    }

    pub(super) fn picture(&self) -> PathBuf {
        self.path.join("losses.svg")
    }

    pub(super) fn report(&self) -> PathBuf {
        self.path.join("report.json")
    }

    fn samples(&self) -> [PathBuf; 2] {
        ["train.jsonl", "held-out.jsonl"].map(|name| self.path.join(name))
    }

    /// The command that goes on.
    pub(super) fn resume(&self) -> String {
        format!("samara finetune --resume -o {}", quoted(&self.path.display().to_string()))
    }

    /// Refuses a folder that holds a finetuning; what a start that was killed before its first checkpoint left is none.
    pub(super) fn refuse_used(&self) -> Result<(), Failure> {
        let resumable = checkpoints::is_there(&self.path);
        if !resumable && !self.model().exists() && !self.report().exists() {
            return Ok(());
        }
        let go_on = if resumable { format!("`{}` goes on with it; ", self.resume()) } else { String::new() };
        Err(Failure::usage(format!(
            "{} holds a training already\nhint: {go_on}choose another -o for a new one",
            self.path.display()
        )))
    }

    pub(super) fn make(&self) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.path).map_err(|error| broken(&self.path, "made", &error))
    }

    pub(super) fn write_samples(&self, train: &[Sample], held_out: &[Sample]) -> Result<(), Failure> {
        for (path, samples) in self.samples().iter().zip([train, held_out]) {
            let line = |sample| serde_json::to_string(sample).map(|line| line + "\n");
            let lines: Result<String, _> = samples.iter().map(line).collect();
            write(path, &lines.map_err(Failure::internal)?)?;
        }
        Ok(())
    }

    pub(super) fn read_samples(&self) -> Result<[Vec<Sample>; 2], Failure> {
        let [train, held_out] = self.samples();
        Ok([read(&train)?, read(&held_out)?])
    }

    pub(super) fn save(&self, tuner: &Tuner, plan: &Plan) -> Result<(), Failure> {
        checkpoints::replace(&self.path, |next| {
            tuner.save(next)?;
            write(&next.join(PLAN), &serde_json::to_string_pretty(plan).map_err(Failure::internal)?)
        })
    }

    /// The checkpoint's folder and its plan.
    pub(super) fn latest(&self) -> Result<(PathBuf, Plan), Failure> {
        let Some(now) = checkpoints::latest(&self.path)? else {
            return Err(Failure::usage(format!(
                "{} holds no checkpoint to go on from\nhint: `samara finetune RUN -o {}` starts one",
                self.path.display(),
                quoted(&self.path.display().to_string())
            )));
        };
        let path = now.join(PLAN);
        let plan = files::read_text(&path, MOST_PLAN)
            .map_err(|error| broken(&path, "read", &error))
            .and_then(|text| serde_json::from_str(&text).map_err(|error| unusable(&path, &error)))?;
        Ok((now, plan))
    }
}

fn read(path: &Path) -> Result<Vec<Sample>, Failure> {
    let text = files::read_text(path, MOST_SAMPLES).map_err(|error| broken(path, "read", &error))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|error| unusable(path, &error))).collect()
}

fn unusable(path: &Path, error: &serde_json::Error) -> Failure {
    let hint = "it was written when the finetuning began; start a new one otherwise";
    Failure::internal(format!("{}: {error}\nhint: {hint}", path.display()))
}
