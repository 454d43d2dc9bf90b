//! What the journal of a run tells, round by round.

use std::{collections::BTreeSet, path::Path};

use samara_journal::{Reader, RunView};
use samara_search::{ContentDigest, Fate};
use serde::Serialize;

use crate::exit::Failure;

/// A run after a round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Round {
    /// From 1.
    pub round: u64,
    /// Candidates so far.
    pub candidates: u64,
    /// Cells with an elite so far.
    pub cells: u64,
    /// The archive's QD score so far.
    pub qd_score: f64,
    /// The best objective so far; null if nothing was scored.
    pub best: Option<f64>,
    /// The part of the round's candidates that were scored, 0 to 1.
    pub valid: f64,
    /// The mean objective of those; null if there are none.
    pub mean: Option<f64>,
    /// The part of those that an admitted candidate of an earlier round was already, letter by letter: what a finetuned
    /// model knows by heart.
    pub copies: f64,
}

/// Counts of a round.
#[derive(Debug, Default)]
struct Counts {
    made: u64,
    valid: u64,
    sum: f64,
    copies: u64,
}

/// The rounds of a run, `evaluations` candidates each.
pub(super) fn rounds(folder: &Path, rounds: u64, evaluations: u64) -> Result<Vec<Round>, Failure> {
    let reader = Reader::open(folder)?;
    let mut told = Vec::new();
    let mut earlier: BTreeSet<ContentDigest> = BTreeSet::new();
    let mut now: BTreeSet<ContentDigest> = BTreeSet::new();
    let mut counts = Counts::default();
    RunView::following(&reader, &mut |step| {
        let candidate = step.candidate;
        counts.made += 1;
        let scored = !matches!(candidate.fate, Fate::Invalid { .. } | Fate::Failed { .. });
        if let (true, Some(objective)) = (scored, candidate.objective()) {
            counts.valid += 1;
            counts.sum += objective;
            let digest = candidate.genome.as_ref().map(|genome| genome.digest());
            counts.copies += u64::from(digest.is_some_and(|digest| earlier.contains(&digest)));
            now.extend(digest.filter(|_| candidate.fate.entered()));
        }
        let settled = step.replay.settled();
        if settled.is_multiple_of(evaluations) && settled / evaluations <= rounds {
            let stats = step.replay.population().overall().archive().stats();
            let Counts { made, valid, sum, copies } = std::mem::take(&mut counts);
            told.push(Round {
                round: settled / evaluations,
                candidates: settled,
                cells: stats.cells_filled as u64,
                qd_score: stats.qd_score,
                best: stats.best,
                valid: part(valid, made),
                mean: (valid > 0).then(|| sum / valid as f64),
                copies: part(copies, valid),
            });
            earlier.append(&mut now);
        }
    })?;
    Ok(told)
}

fn part(of: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { of as f64 / all as f64 }
}
