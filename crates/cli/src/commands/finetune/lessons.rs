//! From runs to samples.

use std::path::PathBuf;

use samara_engine::About;
use samara_journal::{
    Reader,
    training::{self, Choice, Form, Keep, Lesson},
};
use samara_seedling::train::tune::Sample;
use serde::{Deserialize, Serialize};

use crate::{
    args::{KeepName, Tuning, WeighBy},
    exit::Failure,
};

/// The least weight of a sample.
const LEAST_WEIGHT: f64 = 0.05;

/// What runs teach.
pub(super) struct Learnt {
    pub train: Vec<Sample>,
    pub held_out: Vec<Sample>,
    pub told: Told,
    /// What the runs evolve, and its environment's name.
    pub about: About,
    pub environment: String,
}

/// What samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    /// Candidates told once more as if from nothing.
    pub again: usize,
    /// Candidates left out since their calls don't tell what a model wrote.
    pub untold: u64,
}

/// The samples of these runs.
///
/// # Errors
/// Runs that can't be read or put together, or that teach nothing.
pub(super) fn learnt(runs: &[PathBuf], tuning: &Tuning) -> Result<Learnt, Failure> {
    let readers = runs.iter().map(|run| Reader::open(run)).collect::<Result<Vec<_>, _>>()?;
    let choice = Choice {
        keep: match tuning.keep {
            KeepName::Admitted => Keep::Admitted,
            KeepName::Elites => Keep::Elites,
        },
        min_share: Some(tuning.min_share),
        held_out: tuning.held_out,
        seed: tuning.tuning_seed,
        ..Choice::new(Form::Sft)
    };
    let lessons = training::lessons(&readers, &choice, !tuning.as_asked)?;
    let sample = |lesson: &Lesson| Sample {
        prompt: lesson.prompt.clone(),
        completion: lesson.completion.clone(),
        weight: match tuning.weigh_by {
            WeighBy::Share => lesson.share.max(LEAST_WEIGHT) as f32,
            WeighBy::Equal => 1.0,
        },
    };
    let again = |lessons: &[Lesson]| lessons.iter().filter(|lesson| !lesson.asked).count();
    let told = Told { again: again(&lessons.train) + again(&lessons.held_out), untold: lessons.untold };
    Ok(Learnt {
        train: lessons.train.iter().map(sample).collect(),
        held_out: lessons.held_out.iter().map(sample).collect(),
        told,
        about: super::base::about(&readers[0])?,
        environment: readers[0].header().environment.clone(),
    })
}
