//! The baselines of the QDAIF paper, to compare QDAIF with.
//!
//! They are those of Bradley et al. 2023 (arXiv 2310.13032, section 4 and appendix), as the authors' published scripts
//! run them; where ours differ is in `docs/guides/compare.md`. What each draws from is in [`super::examples`], how
//! novelty is measured in [`super::novelty`].

use samara_search::{Invalid, Strategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::program::FRESH;

/// How the examples of a prompt are chosen where nothing is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// Language-model crossover (Meyerson et al. 2023, arXiv 2302.12170) with one objective: examples are drawn from
    /// a pool of the best texts, whatever their measures.
    QualityOnly,
    /// The first texts of the initial pool, in their order, for every candidate.
    FixedFewShot,
    /// The same texts, in an order drawn for each candidate.
    ShufflingFewShot,
    /// Novelty search (Lehman & Stanley 2011) in the space of the judge's measures: texts far from those before join
    /// the pool.
    Nsaif,
    /// Novelty of words: texts that are unlike every text of the pool by ROUGE-L (Lin 2004) join it.
    RougeL,
    /// No examples: the generator writes every text from nothing, as it would without a search.
    Fresh,
}

/// Their names in `search.strategy`, in the order of [`Baseline::ALL`].
pub const NAMES: [&str; 6] =
    ["lmx_quality_only", "fixed_few_shot", "shuffling_few_shot", "lmx_nsaif", "lmx_rouge_l", FRESH];

impl Baseline {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::QualityOnly,
        Self::FixedFewShot,
        Self::ShufflingFewShot,
        Self::Nsaif,
        Self::RougeL,
        Self::Fresh,
    ];

    /// The baseline that a strategy names, if it is one of these.
    pub fn of(strategy: &Strategy) -> Option<Self> {
        let place = NAMES.iter().position(|name| *name == strategy.name())?;
        Self::ALL.get(place).copied()
    }
}

/// The `[environment.novelty]` section, for `lmx_nsaif` and `lmx_rouge_l`. The defaults are the paper's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub struct NoveltySection {
    /// Texts of a lower objective don't join the pool. Default: none; the paper's filter is 0.8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1e6, max = 1e6))]
    pub min_quality: Option<f64>,
    /// `lmx_nsaif`: novelty is the mean distance to this many nearest texts, 1 or more. Default 15.
    #[schemars(range(min = 1, max = 1000000))]
    pub neighbours: usize,
    /// `lmx_nsaif`: the novelty a text must exceed at the start, above 0 (the axes have length 1); it then adapts.
    /// Default 0.05.
    #[schemars(range(max = 1e6), extend("exclusiveMinimum" = 0))]
    pub threshold: f64,
    /// `lmx_rouge_l`: the ROUGE-L F1 with every text of the pool that a text must stay below, above 0, to 1 at most.
    /// Default 0.7.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub rouge_limit: f64,
}

impl Default for NoveltySection {
    fn default() -> Self {
        Self { min_quality: None, neighbours: 15, threshold: 0.05, rouge_limit: 0.7 }
    }
}

impl NoveltySection {
    /// Checks its values.
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        let bad = |key: &str, value: f64, hint: &str| {
            Err(Invalid::new(format!("environment.novelty.{key}"), format!("is {value:?}"), hint))
        };
        if let Some(quality) = self.min_quality.filter(|quality| !quality.is_finite()) {
            return bad("min_quality", quality, "set it to a finite number, or leave it out");
        }
        if self.neighbours == 0 {
            return bad("neighbours", 0.0, "set it to 1 or more; 15 is the default");
        }
        if !(self.threshold.is_finite() && self.threshold > 0.0) {
            return bad("threshold", self.threshold, "set it above 0; 0.05 is the default");
        }
        if !(self.rouge_limit > 0.0 && self.rouge_limit <= 1.0) {
            return bad("rouge_limit", self.rouge_limit, "set it above 0, to 1 at most; 0.7 is the default");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_baseline_has_its_name() {
        for (baseline, name) in Baseline::ALL.into_iter().zip(NAMES) {
            assert_eq!(Baseline::of(&Strategy::from(name.to_owned())), Some(baseline));
        }
        assert_eq!(Baseline::of(&Strategy::Qdaif), None);
        assert_eq!(Baseline::of(&Strategy::RandomSearch), None);
    }

    #[test]
    fn novelty_settings_that_mean_nothing_name_their_key() {
        let key = |change: fn(&mut NoveltySection)| {
            let mut section = NoveltySection::default();
            change(&mut section);
            section.validate().expect_err("must be refused").key
        };
        assert_eq!(key(|s| s.min_quality = Some(f64::NAN)), "environment.novelty.min_quality");
        assert_eq!(key(|s| s.neighbours = 0), "environment.novelty.neighbours");
        assert_eq!(key(|s| s.threshold = 0.0), "environment.novelty.threshold");
        assert_eq!(key(|s| s.rouge_limit = 1.5), "environment.novelty.rouge_limit");
    }
}
