//! Which method proposes the candidates: ours, or a baseline of the QDAIF paper to compare it with.
//!
//! The baselines are those of Bradley et al. 2023 (arXiv 2310.13032, section 4 and appendix), as the authors'
//! published scripts run them; where ours differ is in `docs/guides/compare.md`. What a strategy draws from is in
//! [`crate::examples`], how novelty is measured in [`crate::novelty`].

use serde::{Deserialize, Serialize};

use crate::{Environment, Invalid};

/// How candidates are proposed. The archive records what every strategy finds; only `qdaif` proposes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Elites of the archive are varied, by the environment's own operators.
    #[default]
    Qdaif,
    /// Language-model crossover (Meyerson et al. 2023, arXiv 2302.12170) with one objective: examples are drawn from
    /// a pool of the best texts, whatever their measures.
    LmxQualityOnly,
    /// The first texts of the initial pool, in their order, for every candidate.
    FixedFewShot,
    /// The same texts, in an order drawn for each candidate.
    ShufflingFewShot,
    /// Every candidate is created, none varied, nothing learnt. For every environment.
    RandomSearch,
    /// Novelty search (Lehman & Stanley 2011) in the space of the judge's measures: texts far from those before join
    /// the pool.
    LmxNsaif,
    /// Novelty of words: texts that are unlike every text of the pool by ROUGE-L (Lin 2004) join it.
    LmxRougeL,
}

impl Strategy {
    /// All of them, ours first.
    pub const ALL: [Self; 7] = [
        Self::Qdaif,
        Self::LmxQualityOnly,
        Self::FixedFewShot,
        Self::ShufflingFewShot,
        Self::RandomSearch,
        Self::LmxNsaif,
        Self::LmxRougeL,
    ];

    /// Its name in `search.strategy`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qdaif => "qdaif",
            Self::LmxQualityOnly => "lmx_quality_only",
            Self::FixedFewShot => "fixed_few_shot",
            Self::ShufflingFewShot => "shuffling_few_shot",
            Self::RandomSearch => "random_search",
            Self::LmxNsaif => "lmx_nsaif",
            Self::LmxRougeL => "lmx_rouge_l",
        }
    }

    /// The strategy of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name)
    }

    /// Whether candidates are varied from elites of the archive once `init_steps` are over.
    pub fn varies(self) -> bool {
        self == Self::Qdaif
    }

    /// Whether `search.novelty.min_quality` has a meaning for it.
    pub fn filters_quality(self) -> bool {
        matches!(self, Self::LmxNsaif | Self::LmxRougeL)
    }

    /// Whether this environment can follow it: all but `qdaif` and `random_search` choose the examples of a prompt.
    pub fn suits(self, environment: &dyn Environment) -> bool {
        matches!(self, Self::Qdaif | Self::RandomSearch) || environment.draws_examples()
    }

    /// Refuses an environment that can't follow it.
    ///
    /// # Errors
    /// Names `search.strategy`.
    pub fn check(self, environment: &dyn Environment) -> Result<(), Invalid> {
        if self.suits(environment) {
            return Ok(());
        }
        let what =
            format!("`{}` chooses examples for prompts, but `{}` has none", self.name(), environment.name());
        Err(Invalid::new("search.strategy", what, "use qdaif or random_search here, or lmx_generation"))
    }
}

/// The `[search.novelty]` section, for `lmx_nsaif` and `lmx_rouge_l`. The defaults are the paper's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoveltySection {
    /// Texts of a lower objective don't join the pool. Default: none; the paper's filter is 0.8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_quality: Option<f64>,
    /// `lmx_nsaif`: novelty is the mean distance to this many nearest texts, 1 or more. Default 15.
    pub neighbours: usize,
    /// `lmx_nsaif`: the novelty a text must exceed at the start, above 0 (the axes have length 1); it then adapts.
    /// Default 0.05.
    pub threshold: f64,
    /// `lmx_rouge_l`: the ROUGE-L F1 with every text of the pool that a text must stay below, above 0, to 1 at most.
    /// Default 0.7.
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
            Err(Invalid::new(format!("search.novelty.{key}"), format!("is {value}"), hint))
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
    fn every_strategy_is_written_as_it_is_named() {
        for strategy in Strategy::ALL {
            let written = serde_json::to_value(strategy).expect("a name");
            assert_eq!(written, strategy.name());
            assert_eq!(Strategy::named(strategy.name()), Some(strategy));
        }
    }

    #[test]
    fn novelty_settings_that_mean_nothing_name_their_key() {
        let key = |change: fn(&mut NoveltySection)| {
            let mut section = NoveltySection::default();
            change(&mut section);
            section.validate().expect_err("must be refused").key
        };
        assert_eq!(key(|s| s.min_quality = Some(f64::NAN)), "search.novelty.min_quality");
        assert_eq!(key(|s| s.neighbours = 0), "search.novelty.neighbours");
        assert_eq!(key(|s| s.threshold = 0.0), "search.novelty.threshold");
        assert_eq!(key(|s| s.rouge_limit = 1.5), "search.novelty.rouge_limit");
    }
}
