//! A run, or several, as data for training models elsewhere: prompts as models were asked them, completions as they
//! became genomes.
//!
//! [`choice`] is what can be asked for, `pool` the candidates of all runs and which of them are kept, `pairs` which of
//! them are set against each other, `completion` what a model would have to write, `held` which samples are held out,
//! `lines` how samples are written: as TRL 1.x or OpenAI's finetuning reads them, `lessons` how samara's own finetuning
//! does. All of it follows from the journals and the choice, in one order.

pub mod choice;
mod completion;
mod held;
mod lessons;
mod lines;
mod pairs;
mod pool;

use std::path::PathBuf;

use samara_search::commanding::escaped;

use crate::error::JournalError;
use crate::reader::Reader;
use completion::Told;
use held::HeldOut;
use lines::Line;
use pairs::Pair;
use pool::{Entry, Pool};

pub use choice::{Choice, Form, Keep, PairsFrom};
pub use lessons::{Lesson, Lessons, lessons};

/// Why there is nothing to train on.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what the message names")]
pub enum TrainingError {
    /// A run can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Runs whose objectives or cells mean different things.
    #[error(
        "{} and {} differ in `{key}`: what is good in one need not be good in the other\nhint: export them one by \
         one, each to a file of its own",
        first.display(),
        other.display()
    )]
    Mixed { first: PathBuf, other: PathBuf, key: String },
    /// No sample is left.
    #[error("there is nothing to write: {why}\nhint: {hint}")]
    Nothing { why: String, hint: &'static str },
}

/// Samples, a JSON object a line, and what was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// The lines to train with.
    pub train: Vec<String>,
    /// The lines to measure with.
    pub held_out: Vec<String>,
    /// Candidates whose recorded calls don't tell what a model wrote: edits without a model, answers that were changed
    /// beyond recognition.
    pub untold: u64,
    /// Pairs that no prompt fits: the model wrote a change of a program, and the other candidate is no change of it.
    pub unfit: u64,
}

/// The samples of these runs. Their order is that of the runs and of their candidates.
///
/// # Errors
/// If a run can't be read, runs can't be put together, or no sample is left.
pub fn samples(readers: &[Reader], choice: &Choice) -> Result<Samples, TrainingError> {
    let pool = Pool::read(readers)?;
    let kept = pool.kept(choice);
    if kept.is_empty() {
        return Err(pool.nothing_kept(choice));
    }
    let mut writer = Writer { readers, pool: &pool, choice, samples: Samples::default() };
    match choice.form {
        Form::Sft | Form::OpenaiSft => writer.sft(&kept)?,
        Form::Kto => writer.kto(&kept)?,
        Form::Grpo => writer.prompts(&kept)?,
        Form::Dpo | Form::OpenaiDpo => writer.pairs(&pairs::pairs(&pool, &kept, choice.pairs))?,
    }
    let samples = writer.samples;
    if samples.train.is_empty() && samples.held_out.is_empty() {
        return Err(nothing_written(choice, &samples));
    }
    Ok(samples)
}

fn nothing_written(choice: &Choice, samples: &Samples) -> TrainingError {
    if choice.form.is_paired() && samples.untold == 0 && samples.unfit == 0 {
        let why = "no two candidates make a pair of which one is strictly better".to_owned();
        let hint = "take pairs from the ranks within cells (--pairs cell) or from parents (--pairs parent), or a longer run";
        return TrainingError::Nothing { why, hint };
    }
    let why = format!(
        "of the candidates that entered, {} have no answer that became them and {} make no pair for one prompt",
        samples.untold, samples.unfit
    );
    TrainingError::Nothing {
        why,
        hint: "export a run in which a model wrote: seeds and edits without a model teach nothing",
    }
}

/// Samples, as they are put together.
struct Writer<'a> {
    readers: &'a [Reader],
    pool: &'a Pool,
    choice: &'a Choice,
    samples: Samples,
}

impl Writer<'_> {
    /// A line for each of these.
    fn sft(&mut self, kept: &[usize]) -> Result<(), TrainingError> {
        let held = self.held_out();
        for place in kept {
            let entry = &self.pool.entries[*place];
            if let Some(told) = self.told(entry)? {
                self.push(&Line::sample(&told, None), held.holds(entry.digest.as_bytes()));
            }
        }
        Ok(())
    }

    /// The same with labels: true for what is kept, false for what did not enter, in the order of the candidates.
    fn kto(&mut self, kept: &[usize]) -> Result<(), TrainingError> {
        let held = self.held_out();
        let mut labelled: Vec<(usize, bool)> = kept.iter().map(|place| (*place, true)).collect();
        labelled.extend(self.pool.undesired().into_iter().map(|place| (place, false)));
        labelled.sort_unstable();
        for (place, label) in labelled {
            let entry = &self.pool.entries[place];
            if let Some(told) = self.told(entry)? {
                self.push(&Line::sample(&told, Some(label)), held.holds(entry.digest.as_bytes()));
            }
        }
        Ok(())
    }

    /// A line for each prompt, with the first candidate that it led to.
    fn prompts(&mut self, kept: &[usize]) -> Result<(), TrainingError> {
        let held = self.held_out();
        let mut known = std::collections::BTreeSet::new();
        for place in kept {
            let entry = &self.pool.entries[*place];
            let Some(told) = self.told(entry)? else { continue };
            if !known.insert(told.prompt.clone()) {
                continue;
            }
            let parents = self.pool.parents(entry).filter_map(|parent| parent.objective);
            let parent = parents.reduce(f64::max);
            let header = self.readers[entry.run].header();
            let line = Line::prompt(&told, (&header.environment, &header.id), entry, parent);
            self.push(&line, held.holds(told.prompt.as_bytes()));
        }
        Ok(())
    }

    fn pairs(&mut self, pairs: &[Pair]) -> Result<(), TrainingError> {
        let held = self.held_out();
        let groups = pairs::groups(self.pool, pairs);
        for pair in pairs {
            let chosen = &self.pool.entries[pair.chosen];
            let rejected = &self.pool.entries[pair.rejected];
            let Some(told) = self.told(chosen)? else { continue };
            let genome = self.readers[rejected.run].genome(rejected.index)?;
            let other = genome.and_then(|genome| told.instead(&genome.text()));
            match other {
                Some(other) => {
                    let group = groups.get(&chosen.digest).unwrap_or(&chosen.digest);
                    self.push(&Line::pair(&told, &other), held.holds(group.as_bytes()));
                }
                None => self.samples.unfit += 1,
            }
        }
        Ok(())
    }

    fn held_out(&self) -> HeldOut {
        HeldOut { share: self.choice.held_out, seed: self.choice.seed }
    }

    /// What a model was asked and wrote for a candidate.
    fn told(&mut self, entry: &Entry) -> Result<Option<Told>, TrainingError> {
        let found = self.readers[entry.run].candidate(entry.index)?;
        let told = found.and_then(|(candidate, life)| completion::told(&candidate, &life));
        self.samples.untold += u64::from(told.is_none());
        Ok(told)
    }

    /// Puts a line where it belongs. No character of it commands a terminal.
    fn push(&mut self, line: &Line, held_out: bool) {
        let text = escaped(&line.json(self.choice)).into_owned();
        if held_out { self.samples.held_out.push(text) } else { self.samples.train.push(text) }
    }
}
