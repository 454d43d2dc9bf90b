//! What a run's journal tells: its numbers at even steps, and at its end.

use std::path::Path;

use samara_engine::EngineError;
use samara_journal::Reader;
use samara_search::{Charge, Replay};
use serde::Serialize;

use super::plan::Planned;
use crate::exit::Failure;

/// Steps of a curve at most.
const STEPS: u64 = 100;

/// A run in numbers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Run {
    /// Its seed.
    pub seed: u64,
    /// Settled candidates: `total_steps`, or fewer if a budget ended it.
    pub candidates: u64,
    /// At the end.
    pub qd_score: f64,
    /// At the end, 0 to 1.
    pub coverage: f64,
    /// At the end; null if nothing was scored.
    pub best: Option<f64>,
    /// Equal for equal archives.
    pub archive_hash: String,
    /// Model calls of its candidates.
    pub calls: u64,
    /// Their tokens, in and out.
    pub tokens: u64,
    /// Their cost.
    pub cost: f64,
    /// Its numbers at every step of the comparison.
    #[serde(skip)]
    pub curve: Vec<Point>,
}

/// A run after some candidates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Point {
    /// How many, or all if there are fewer.
    pub step: u64,
    pub qd_score: f64,
    pub coverage: f64,
    pub best: Option<f64>,
}

impl Point {
    fn of(replay: &Replay, step: u64) -> Self {
        let stats = replay.population().overall().archive().stats();
        Self { step, qd_score: stats.qd_score, coverage: stats.coverage, best: stats.best }
    }
}

/// Up to 100 even steps, the last of them the whole run.
pub(crate) fn steps(total: u64) -> Vec<u64> {
    let count = total.min(STEPS);
    // 128 bits: a run may be given any number of steps.
    (1..=count).map(|i| (u128::from(i) * u128::from(total)).div_ceil(u128::from(count)) as u64).collect()
}

/// Folds a run's journal, up to the steps that are compared: a run may have been made longer.
pub(crate) fn read(planned: &Planned, folder: &Path) -> Result<Run, Failure> {
    let search = &planned.experiment.search;
    let reader = Reader::open(folder)?;
    // The run's own cells: nothing is computed anew.
    let recorded = reader.tessellations()?.into_iter().next().map(|cells| cells.tessellation);
    let tessellation = recorded.unwrap_or_else(|| planned.experiment.tessellation.clone());
    let mut replay = Replay::new(search, tessellation)?;
    let mut spent = Charge::default();
    let mut steps = steps(search.total_steps).into_iter().peekable();
    let mut curve = Vec::new();
    reader.fold(&mut |candidate| {
        if replay.settled() < search.total_steps {
            replay.refold(&candidate)?;
            spent += candidate.charge;
            if steps.next_if_eq(&replay.settled()).is_some() {
                curve.push(Point::of(&replay, replay.settled()));
            }
        }
        Ok::<(), EngineError>(())
    })?;
    // A run that its budget ended stays as it was.
    curve.extend(steps.map(|step| Point::of(&replay, step)));
    let population = replay.population();
    let stats = population.overall().archive().stats();
    Ok(Run {
        seed: search.seed,
        candidates: replay.settled(),
        qd_score: stats.qd_score,
        coverage: stats.coverage,
        best: stats.best,
        archive_hash: population.archive_hash(),
        calls: spent.calls,
        tokens: spent.tokens,
        cost: spent.money,
        curve,
    })
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn steps_are_even_and_end_with_the_run() {
        assert_eq!(steps(3), [1, 2, 3]);
        assert_eq!(steps(2000)[..3], [20, 40, 60]);
        for total in [1, 99, 100, 101, 250, 12_345] {
            let steps = steps(total);
            assert_eq!(steps.last(), Some(&total));
            assert!(steps.len() <= 100 && steps.is_sorted_by(|a, b| a < b), "{total}");
        }
    }
}
