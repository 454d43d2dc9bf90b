//! Runs as lessons for a model that runs inside samara: prompts and completions as samples have them, with what each is
//! worth, and the same completions once more as if nothing had been shown before.

use std::collections::BTreeMap;

use super::{
    Reader, Samples, TrainingError, Writer,
    choice::Choice,
    completion::Told,
    nothing_written,
    pool::{Entry, Pool},
};

/// Candidates that a prompt must have led to before it is taken for the one that asks for something from nothing.
const LEAST_FRESH: usize = 5;

/// A prompt, and what a model should write.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// The whole prompt.
    pub prompt: String,
    /// What continues it.
    pub completion: String,
    /// The candidate's objective, above `search.qd_offset`, as a part of the best of its cell over all runs: 0 to 1.
    pub share: f64,
    /// Whether it was asked so: false for what is told once more as if from nothing.
    pub asked: bool,
}

/// Lessons, in the order of the runs and of their candidates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lessons {
    /// To learn from.
    pub train: Vec<Lesson>,
    /// To measure with. No content is on both sides.
    pub held_out: Vec<Lesson>,
    /// Candidates whose recorded calls don't tell what a model wrote.
    pub untold: u64,
}

/// The lessons of these runs. With `from_nothing`, what was written behind examples is told a second time behind the
/// prompt by which the runs asked for something new, if they had one.
///
/// # Errors
/// If a run can't be read, runs can't be put together, or no lesson is left.
pub fn lessons(readers: &[Reader], choice: &Choice, from_nothing: bool) -> Result<Lessons, TrainingError> {
    let pool = Pool::read(readers)?;
    let kept = pool.kept(choice);
    if kept.is_empty() {
        return Err(pool.nothing_kept(choice));
    }
    let mut writer = Writer { readers, pool: &pool, choice, samples: Samples::default() };
    let mut told = Vec::with_capacity(kept.len());
    for place in kept {
        let entry = &pool.entries[place];
        if let Some(of_entry) = writer.told(entry)? {
            let genome = readers[entry.run].genome(entry.index)?;
            told.push((entry, of_entry, genome.map(|genome| genome.text().into_owned())));
        }
    }
    let fresh = if from_nothing { fresh_prompt(&told) } else { None };
    let mut lessons = Lessons { untold: writer.samples.untold, ..Lessons::default() };
    let held = writer.held_out();
    for (entry, of_entry, genome) in &told {
        let share = pool.share(entry);
        let side =
            if held.holds(entry.digest.as_bytes()) { &mut lessons.held_out } else { &mut lessons.train };
        let lesson = |told: &Told, completion: &str, asked| Lesson {
            prompt: told.prompt.clone(),
            completion: completion.to_owned(),
            share,
            asked,
        };
        side.push(lesson(of_entry, &of_entry.completion.continued, true));
        let again = fresh.as_ref().filter(|fresh| fresh.prompt != of_entry.prompt);
        if let (Some(fresh), Some(text)) = (again, genome)
            && let Some(completion) = fresh.instead(text)
        {
            side.push(lesson(fresh, &completion.continued, false));
        }
    }
    if lessons.train.is_empty() {
        return Err(nothing_written(choice, &writer.samples));
    }
    Ok(lessons)
}

type Written<'a> = (&'a Entry, Told, Option<String>);

/// What was told for a candidate that was asked for from nothing: the prompt that most candidates without parents share.
fn fresh_prompt(told: &[Written<'_>]) -> Option<Told> {
    let mut prompts: BTreeMap<&str, (usize, &Told)> = BTreeMap::new();
    for (_, told, _) in told.iter().filter(|(entry, ..)| entry.parents.is_empty()) {
        prompts.entry(&told.prompt).or_insert((0, told)).0 += 1;
    }
    let all: usize = prompts.values().map(|(count, _)| count).sum();
    let (count, told) = prompts.into_values().max_by_key(|(count, _)| *count)?;
    (count >= LEAST_FRESH && 2 * count > all).then(|| told.clone())
}
