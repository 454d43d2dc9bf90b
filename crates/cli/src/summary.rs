//! A run in numbers: what `show`, `rebin` and the end of a run print, for people and as JSON.

use samara_engine::State;
use samara_journal::{FateCounts, Totals};
use serde::Serialize;

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
    /// How many of them were found in a cache or a recording, and cost nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<u64>,
    /// Candidates by fate.
    pub fates: FateCounts,
    /// How answers were scored, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scoring: Option<String>,
    /// Why the last session ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

impl Summary {
    pub(crate) fn new(
        experiment: impl Into<String>,
        seed: Option<u64>,
        state: &State,
        totals: &Totals,
    ) -> Self {
        let stats = state.archive().stats();
        Self {
            experiment: experiment.into(),
            seed,
            candidates: state.settled(),
            coverage: stats.coverage,
            qd_score: stats.qd_score,
            best: stats.best,
            mean: stats.mean,
            cells_filled: stats.cells_filled,
            cells_total: stats.cells_total,
            archive_hash: state.archive_hash(),
            tokens: totals.tokens_in + totals.tokens_out,
            cost: totals.cost,
            calls: totals.calls,
            found: None,
            fates: totals.fates,
            scoring: None,
            ended: None,
        }
    }

    pub(crate) fn to_json(&self) -> String {
        // Plain numbers and texts: there is nothing that JSON can't hold.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    pub(crate) fn to_text(&self) -> String {
        let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.4}"));
        let fates = &self.fates;
        let mut text = format!(
            "candidates  {} ({} new, {} improved, {} not better, {} invalid, {} failed)\n",
            self.candidates, fates.new, fates.improved, fates.not_better, fates.invalid, fates.failed
        );
        text += &format!(
            "coverage    {} of {} cells ({:.1} %)\n",
            self.cells_filled,
            self.cells_total,
            self.coverage * 100.0
        );
        text += &format!("QD score    {:.4}\n", self.qd_score);
        text += &format!("objective   best {}, mean {}\n", number(self.best), number(self.mean));
        if self.calls > 0 {
            let cost = if self.cost > 0.0 { format!(", cost {:.4}", self.cost) } else { String::new() };
            let found = self.found.map_or(String::new(), |found| format!(" ({found} found again)"));
            text += &format!("models      {} calls{found}, {} tokens{cost}\n", self.calls, self.tokens);
        }
        if let Some(scoring) = &self.scoring {
            text += &format!("scored by   {scoring}\n");
        }
        text + &format!("archive     {}\n", self.archive_hash)
    }
}
