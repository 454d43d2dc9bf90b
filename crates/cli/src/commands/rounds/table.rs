//! All rounds beside each other, as a table, as JSON and as CSV.

use samara_view::numbers::{fixed, number};
use serde::Serialize;

use super::{plan::Plan, told::Round};
use crate::exit::one_line;

/// What `--format json` prints and `loop.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Table {
    /// The experiment's name.
    pub experiment: String,
    pub seed: u64,
    pub rounds: u64,
    /// Candidates of a round.
    pub evaluations: u64,
    /// `loop`, `plain` (the same evaluations without finetuning) and `fresh` (every candidate from nothing).
    pub runs: Vec<Run>,
}

/// A run and its rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Run {
    pub name: &'static str,
    pub rounds: Vec<Round>,
}

const TITLES: [&str; 9] =
    ["run", "round", "candidates", "cells", "QD score", "best", "mean", "valid %", "copies %"];

impl Table {
    pub(super) fn new(plan: &Plan, runs: Vec<(&'static str, Vec<Round>)>) -> Self {
        Self {
            experiment: plan.experiment.clone(),
            seed: plan.seed,
            rounds: plan.rounds,
            evaluations: plan.evaluations,
            runs: runs.into_iter().map(|(name, rounds)| Run { name, rounds }).collect(),
        }
    }

    fn rows(&self) -> impl Iterator<Item = (&'static str, &Round)> {
        self.runs.iter().flat_map(|run| run.rounds.iter().map(move |round| (run.name, round)))
    }

    pub(super) fn to_csv(&self) -> String {
        let mut csv = String::from("run,round,candidates,cells,qd_score,best,mean,valid,copies\n");
        for (name, told) in self.rows() {
            let Round { round, candidates, cells, qd_score, best, valid, mean, copies } = told;
            let [best, mean] =
                [best, mean].map(|value| value.map_or(String::new(), |value| value.to_string()));
            csv +=
                &format!("{name},{round},{candidates},{cells},{qd_score},{best},{mean},{valid},{copies}\n");
        }
        csv
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!(
            "{} · seed {} · {} rounds of {} candidates\n\n",
            one_line(&self.experiment),
            self.seed,
            self.rounds,
            self.evaluations
        );
        let mut lines = vec![TITLES.map(str::to_owned)];
        lines.extend(self.rows().map(|(name, round)| cells(name, round)));
        let widths: [usize; TITLES.len()] =
            std::array::from_fn(|i| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0));
        for line in &lines {
            let padded = line.iter().zip(widths).enumerate().map(|(i, (cell, width))| {
                // Names to the left, numbers to the right.
                if i == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            text += padded.collect::<Vec<String>>().join("  ").trim_end();
            text.push('\n');
        }
        text
    }
}

fn cells(name: &str, round: &Round) -> [String; TITLES.len()] {
    let optional = |value: Option<f64>| value.map_or("-".to_owned(), number);
    let [valid, copies] = fixed([round.valid * 100.0, round.copies * 100.0], 1);
    [
        name.to_owned(),
        round.round.to_string(),
        round.candidates.to_string(),
        round.cells.to_string(),
        number(round.qd_score),
        optional(round.best),
        optional(round.mean),
        valid,
        copies,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_of_every_run_has_a_line() {
        let round = |round| Round {
            round,
            candidates: round * 10,
            cells: 3,
            qd_score: 12.5,
            best: Some(4.0),
            valid: 0.9,
            mean: None,
            copies: 0.0,
        };
        let runs = vec![
            Run { name: "loop", rounds: vec![round(1), round(2)] },
            Run { name: "plain", rounds: vec![round(1)] },
        ];
        let table = Table { experiment: "sodarace".into(), seed: 0, rounds: 2, evaluations: 10, runs };
        assert_eq!(table.to_csv().lines().count(), 4);
        let text = table.to_text();
        assert_eq!(text.lines().count(), 6);
        assert!(text.contains("90.0") && text.contains("plain"), "{text}");
    }
}
