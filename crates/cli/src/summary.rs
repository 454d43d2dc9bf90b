//! A run in numbers: what `show`, `rebin` and the end of a run print, for people and as JSON.

use samara_environments::{evaluator, prompt_evolution::TEST_SHARE};
use samara_journal::{Reader, Totals};
use samara_search::{FateCounts, Island, Population};
use serde::Serialize;

use crate::{
    exit::{Failure, one_line},
    screen::{self, columns, fill},
};
use samara_view::{
    numbers::{number, percent, short},
    projection::holders,
};

/// The object that `--format json` prints.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    /// The experiment's name, or the file that was replayed.
    pub experiment: String,
    /// The run's seed; null for a history.
    pub seed: Option<u64>,
    /// Settled candidates.
    pub candidates: u64,
    /// Filled cells / all cells.
    pub coverage: f64,
    /// Sum of the cells' best objectives, less the offset each.
    pub qd_score: f64,
    /// Best objective.
    pub best: Option<f64>,
    /// What part of the items that are kept for a test the best candidate answers right (`environment.test_share`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_share: Option<f64>,
    /// Mean of the cells' best objectives.
    pub mean: Option<f64>,
    /// Filled cells.
    pub cells_filled: usize,
    /// All cells.
    pub cells_total: usize,
    /// Equal for equal archives.
    pub archive_hash: String,
    /// Tokens, in and out.
    pub tokens: u64,
    /// Money.
    pub cost: f64,
    /// Model calls.
    pub calls: u64,
    /// How many of them were answered from a cache or a recording, and cost nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_calls: Option<u64>,
    /// Candidates by fate.
    pub fates: FateCounts,
    /// How answers were scored, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scoring: Option<String>,
    /// The islands' archives, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub islands: Vec<IslandSummary>,
    /// The run's folder, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// What a second look at the best candidate said, if the evaluator takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rechecked: Option<Rechecked>,
    /// Where the files of the best candidate are, if they are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_folder: Option<String>,
    /// Why the last session ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The initial program's objective, where programs are evolved and it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<f64>,
    /// What holds elites: cells, or places.
    #[serde(skip)]
    pub holders: &'static str,
    /// Whether scores of programs are what people want to read first.
    #[serde(skip)]
    pub is_of_programs: bool,
}

/// The best candidate as `environment.evaluation.recheck` sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Rechecked {
    /// The candidate.
    pub candidate: u64,
    /// Its score.
    pub objective: Option<f64>,
    /// Why it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Rechecked {
    fn told(&self) -> String {
        let result = match (self.objective, &self.why) {
            (Some(objective), _) => short(objective),
            (None, Some(why)) => format!("refused: {}", one_line(why)),
            (None, None) => "no score".to_owned(),
        };
        format!("candidate {}: {result}", self.candidate)
    }
}

/// One island in numbers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct IslandSummary {
    /// Filled cells.
    pub cells_filled: usize,
    /// Sum of the cells' best objectives, less the offset each.
    pub qd_score: f64,
    /// Best objective.
    pub best: Option<f64>,
    /// Equal for equal archives.
    pub archive_hash: String,
}

fn islands(population: &Population) -> Vec<IslandSummary> {
    let islands = population.islands();
    let of = |island: &Island| {
        let stats = island.archive().stats();
        IslandSummary {
            cells_filled: stats.cells_filled,
            qd_score: stats.qd_score,
            best: stats.best,
            archive_hash: island.archive_hash(),
        }
    };
    if islands.len() > 1 { islands.iter().map(of).collect() } else { Vec::new() }
}

impl Summary {
    pub(crate) fn new(
        experiment: impl Into<String>,
        seed: Option<u64>,
        (population, settled): (&Population, u64),
        totals: &Totals,
    ) -> Self {
        let stats = population.overall().archive().stats();
        Self {
            experiment: experiment.into(),
            seed,
            candidates: settled,
            coverage: stats.coverage,
            qd_score: stats.qd_score,
            best: stats.best,
            test_share: None,
            mean: stats.mean,
            cells_filled: stats.cells_filled,
            cells_total: stats.cells_total,
            archive_hash: population.archive_hash(),
            tokens: totals.tokens_in + totals.tokens_out,
            cost: totals.cost,
            calls: totals.calls,
            cached_calls: None,
            fates: totals.fates,
            scoring: None,
            islands: islands(population),
            folder: None,
            rechecked: None,
            best_folder: None,
            ended: None,
            initial: None,
            holders: holders(population.overall().archive()),
            is_of_programs: false,
        }
    }

    /// With the initial program's score where the run evolves programs.
    ///
    /// # Errors
    /// The journal can't be read.
    pub(crate) fn with_initial(mut self, reader: &Reader) -> Result<Self, Failure> {
        if reader.header().environment == evaluator::NAME {
            self.is_of_programs = true;
            self.initial = reader.candidate(0)?.and_then(|(initial, _)| initial.objective());
        }
        Ok(self)
    }

    /// With what the best candidate's test says, where there was one.
    pub(crate) fn with_test(mut self, found: &Island) -> Self {
        let best = found.archive().best_of(1).first().map(|elite| elite.id);
        self.test_share = best.and_then(|best| found.score(best).metrics.get(TEST_SHARE).copied());
        self
    }

    /// The best score, and by how much it is better than the initial program's.
    fn score(&self) -> String {
        match (self.best, self.initial) {
            (Some(best), Some(initial)) if best == initial => {
                format!("best {}, which the initial program has, too", short(best))
            }
            (Some(best), Some(initial)) => {
                let sign = if best > initial { "+" } else { "" };
                let gain = short(best - initial);
                format!("best {}, initial program {} ({sign}{gain})", short(best), short(initial))
            }
            (Some(best), None) => format!("best {}", short(best)),
            (None, _) => "no program has one".to_owned(),
        }
    }

    /// As people read it, for the columns of standard output.
    pub(crate) fn to_text(&self) -> String {
        self.laid_out(screen::stdout().width)
    }

    /// A line a fact, or more where one is too narrow.
    fn laid_out(&self, width: usize) -> String {
        let told = |x: Option<f64>| x.map_or("-".to_owned(), number);
        let fates = &self.fates;
        let candidates = format!(
            "{} ({} new, {} improved, {} not better, {} invalid, {} failed)",
            self.candidates, fates.new, fates.improved, fates.not_better, fates.invalid, fates.failed
        );
        let (filled, total) = (self.cells_filled, self.cells_total);
        let coverage =
            ("coverage", format!("{filled} of {total} {} ({} %)", self.holders, percent(filled, total)));
        let mut facts = if self.is_of_programs {
            let mean = self.mean.map_or("-".to_owned(), short);
            let score = format!("{} (mean of the cells {mean})", short(self.qd_score));
            vec![("score", self.score()), ("candidates", candidates), coverage, ("QD score", score)]
        } else {
            let objective = format!("best {}, mean {}", told(self.best), told(self.mean));
            let score = number(self.qd_score);
            vec![("candidates", candidates), coverage, ("QD score", score), ("objective", objective)]
        };
        facts.extend(self.test_share.map(|share| {
            ("test", format!("the best answers {} of the items right that are kept for it", number(share)))
        }));
        if self.calls > 0 {
            let cost = if self.cost > 0.0 { format!(", cost {}", number(self.cost)) } else { String::new() };
            let cached = self.cached_calls.map_or(String::new(), |calls| format!(" ({calls} cached)"));
            facts.push(("models", format!("{} calls{cached}, {} tokens{cost}", self.calls, self.tokens)));
        }
        facts.extend(self.scoring.as_ref().map(|scoring| ("scored by", one_line(scoring))));
        facts.extend(self.islands.iter().enumerate().map(|(number, island)| {
            let written = if self.is_of_programs { short } else { samara_view::numbers::number };
            let (filled, best) = (island.cells_filled, island.best.map_or("-".to_owned(), written));
            let score = written(island.qd_score);
            let name = if number == 0 { "islands" } else { "" };
            (name, format!("{number}: {filled} {}, QD score {score}, best {best}", self.holders))
        }));
        facts.extend(self.rechecked.as_ref().map(|rechecked| ("rechecked", rechecked.told())));
        facts.push(("archive", self.archive_hash.clone()));
        facts.into_iter().map(|(name, fact)| line(name, &fact, width)).collect()
    }
}

/// Where facts begin.
const NAMES: usize = 12;

/// A fact behind its name; what does not fit goes below, and a word that does not fit has a line of its own.
pub(crate) fn line(name: &str, fact: &str, width: usize) -> String {
    if fact.split(' ').any(|word| NAMES + columns(word) > width) {
        return format!("{name}\n{}", fill(fact, "", width));
    }
    let below = fill(fact, &" ".repeat(NAMES), width);
    format!("{name:<NAMES$}{}", &below[NAMES..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_the_digits_that_matter_at_every_width() {
        let fates = FateCounts { new: 4095, improved: 12_000, not_better: 983_905, invalid: 0, failed: 0 };
        let summary = Summary {
            experiment: "mine".into(),
            seed: Some(0),
            candidates: 1_000_000,
            coverage: 4095.0 / 4096.0,
            qd_score: 123_456.75,
            best: Some(0.999_999_9),
            test_share: None,
            mean: Some(1e-12),
            cells_filled: 4095,
            cells_total: 4096,
            archive_hash: "0123456789abcdef0123456789abcdef".into(),
            tokens: 46_009,
            cost: 0.000_012,
            calls: 360,
            cached_calls: Some(12),
            islands: Vec::new(),
            folder: None,
            rechecked: None,
            best_folder: None,
            fates,
            scoring: Some("echo\u{1b}[2J".into()),
            ended: None,
            initial: None,
            holders: "cells",
            is_of_programs: false,
        };
        let texts = [100, 40, 20].map(|width| {
            let text = summary.laid_out(width);
            assert!(text.lines().all(|line| columns(line) <= width), "{text}");
            text
        });
        insta::assert_snapshot!(texts.join("\n"));
        let of_programs = Summary {
            best: Some(0.868_918_3),
            initial: Some(0.500_1),
            is_of_programs: true,
            calls: 0,
            ..summary
        };
        assert!(
            of_programs.laid_out(100).starts_with(
                "score       best 0.868918, initial program 0.5001 (+0.368818)\ncandidates  1000000 ("
            ),
            "{}",
            of_programs.laid_out(100)
        );
        let same = Summary { best: Some(0.25), initial: Some(0.25), ..of_programs.clone() };
        assert!(same.laid_out(100).contains("best 0.25, which the initial program has, too\n"));
        let none = Summary { best: None, initial: None, ..of_programs };
        assert!(none.laid_out(100).starts_with("score       no program has one\n"));
    }
}
