//! The `[search]` section.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Algorithm, BanditSettings, CvtSection, DominatedNoveltySection, Duplicates, EmitterSettings,
    IslandSettings, LocalCompetitionSection, Operator, emitters,
    limits::{MAX_SEED, MAX_WINDOW, MOST, MOST_DEPTH, MOST_STEPS},
};
use crate::{BudgetSettings, Invalid, Strategy, budget, stops};

/// The `[search]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct SearchSettings {
    /// Which cells the archive has. Default `map_elites`.
    pub algorithm: Algorithm,
    /// How candidates are proposed: `qdaif` (elites are varied), `random_search` (every candidate is created, none
    /// varied), or a baseline of the environment's own to compare it with. Default `qdaif`.
    pub strategy: Strategy,
    /// How programs are written from elites. Default: the environment's own; environments of other genomes have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// Candidates created before variation starts; baselines vary none. Default 50.
    #[schemars(range(min = 0, max = MOST_STEPS))]
    pub init_steps: u64,
    /// Candidates in total. Default 2,000.
    #[schemars(range(min = 1, max = MOST_STEPS))]
    pub total_steps: u64,
    /// Most candidates alive at once, 1 to `window`: fewer are while their models' servers have no room for more. Never
    /// changes the outcome. Default 16.
    #[schemars(range(min = 1, max = MAX_WINDOW))]
    pub concurrency: usize,
    /// Candidate i is proposed from the state after candidate i - window has settled. 1 is the sequential
    /// algorithm; a larger window keeps more model calls in flight, and proposes from an older archive. Default 32.
    #[schemars(range(min = 1, max = MAX_WINDOW))]
    pub window: usize,
    /// The run's seed, 0 to 2^63 - 1. Default 0.
    #[schemars(range(min = 0, max = MAX_SEED))]
    pub seed: u64,
    /// Elites kept per cell, best first. Default 1.
    #[schemars(range(min = 1, max = MOST_DEPTH))]
    pub depth: usize,
    /// Subtracted from each elite's objective in the QD score, so that negative objectives count. Default 0.
    #[schemars(range(min = -MOST, max = MOST))]
    pub qd_offset: f64,
    /// A soft archive (CMA-MAE, Fontaine & Nikolaidis 2023): how fast a cell's threshold follows what it accepts,
    /// 0 to 1. Needs `threshold_min`, and a depth of 1. Default: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub learning_rate: Option<f64>,
    /// A soft archive: the threshold of an empty cell. Needs `learning_rate`. Default: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -MOST, max = MOST))]
    pub threshold_min: Option<f64>,
    /// The run ends once an objective is as good as this; candidates that are planned by then are still made. Default:
    /// no target.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -MOST, max = MOST))]
    pub target_score: Option<f64>,
    /// Scored candidates in a row, none of them better than the best by more than `patience_margin`, after which the run
    /// ends; candidates that are planned by then are still made. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_STEPS))]
    pub patience: Option<u64>,
    /// By how much more than the best an objective must be for `patience` to begin anew, 0 or more. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = MOST))]
    pub patience_margin: f64,
    /// Failed candidates in a row after which the run stops. Default 20.
    #[schemars(range(min = 1, max = MOST_STEPS))]
    pub max_failures: u64,
    /// What becomes of a candidate whose genome is that of an earlier one. Default `evaluate`.
    pub duplicates: Duplicates,
    /// The cells of `cvt_map_elites`.
    pub cvt: CvtSection,
    /// The places of `dominated_novelty`.
    #[serde(skip_serializing_if = "DominatedNoveltySection::is_default")]
    pub dominated_novelty: DominatedNoveltySection,
    /// The places of `local_competition`.
    #[serde(skip_serializing_if = "LocalCompetitionSection::is_default")]
    pub local_competition: LocalCompetitionSection,
    /// Several populations in place of one.
    pub islands: IslandSettings,
    /// What the run may spend.
    pub budget: BudgetSettings,
    /// A bandit over the emitters: which of them propose each generation. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandit: Option<BanditSettings>,
    /// What proposes vectors, for environments of vectors; 1,000 emitters at most, each counted as often as its `count`.
    /// Default: the environment's own steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub emitters: Vec<EmitterSettings>,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::MapElites,
            strategy: Strategy::Qdaif,
            operator: None,
            init_steps: 50,
            total_steps: 2000,
            concurrency: 16,
            window: 32,
            seed: 0,
            depth: 1,
            qd_offset: 0.0,
            learning_rate: None,
            threshold_min: None,
            target_score: None,
            patience: None,
            patience_margin: 0.0,
            max_failures: 20,
            duplicates: Duplicates::Evaluate,
            cvt: CvtSection::default(),
            dominated_novelty: DominatedNoveltySection::default(),
            local_competition: LocalCompetitionSection::default(),
            islands: IslandSettings::default(),
            budget: BudgetSettings::default(),
            bandit: None,
            emitters: Vec::new(),
        }
    }
}

/// For a setting that is left out where it changes nothing: stored settings of earlier versions stay as they were.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl SearchSettings {
    /// Checks every value that does not depend on the axes.
    pub fn validate(&self) -> Result<(), Invalid> {
        let bad =
            |key: &str, what: String, hint: &str| Err(Invalid::new(format!("search.{key}"), what, hint));
        if self.total_steps == 0 {
            return bad("total_steps", "is 0".into(), "a run needs at least one candidate");
        }
        if self.window == 0 || self.window > MAX_WINDOW {
            return bad("window", format!("is {}", self.window), "set it from 1 to 65536; 32 is the default");
        }
        if self.concurrency == 0 || self.concurrency > self.window {
            let what = format!("is {}, but search.window is {}", self.concurrency, self.window);
            return bad("concurrency", what, "set it from 1 to search.window, or widen the window");
        }
        if self.seed > MAX_SEED {
            return bad("seed", format!("is {}", self.seed), "seeds go from 0 to 2^63 - 1");
        }
        if self.max_failures == 0 {
            return bad("max_failures", "is 0".into(), "set it to 1 or more; 20 is the default");
        }
        if self.learning_rate.is_some() != self.threshold_min.is_some() {
            let what = "learning_rate and threshold_min only work together".to_owned();
            return bad("learning_rate", what, "set both for a soft archive, or neither");
        }
        self.islands.validate()?;
        emitters::validate(&self.emitters, self.bandit.as_ref())?;
        stops::validate(self)?;
        budget::validate(&self.budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(change: impl FnOnce(&mut SearchSettings)) -> String {
        let mut settings = SearchSettings::default();
        change(&mut settings);
        settings.validate().expect_err("must be refused").key
    }
    #[test]
    fn settings_that_contradict_each_other_name_their_key() {
        assert_eq!(key_of(|s| s.concurrency = 33), "search.concurrency");
        assert_eq!(key_of(|s| s.concurrency = 0), "search.concurrency");
        assert_eq!(key_of(|s| s.window = 0), "search.window");
        assert_eq!(key_of(|s| s.total_steps = 0), "search.total_steps");
        assert_eq!(key_of(|s| s.seed = u64::MAX), "search.seed");
        assert_eq!(key_of(|s| s.learning_rate = Some(0.1)), "search.learning_rate");
        assert_eq!(key_of(|s| s.budget.money = Some(f64::NAN)), "search.budget.money");
        assert_eq!(key_of(|s| s.max_failures = 0), "search.max_failures");
    }

    #[test]
    fn islands_are_one_to_a_thousand_and_exchange_after_a_candidate_or_more() {
        for count in [0, 1001, u32::MAX] {
            assert_eq!(key_of(|s| s.islands.count = count), "search.islands.count");
        }
        assert_eq!(key_of(|s| s.islands.migration_interval = 0), "search.islands.migration_interval");
        for count in [1, 1000] {
            let islands = IslandSettings { count, migration_interval: 1, migrants: 0 };
            let settings = SearchSettings { islands, ..SearchSettings::default() };
            settings.validate().expect("the least and the most");
        }
    }

    #[test]
    fn sections_left_out_are_the_defaults_and_every_setting_reads_as_it_is_written() {
        let read = |text: &str| toml::from_str::<SearchSettings>(text).expect("settings");
        assert_eq!(read(""), SearchSettings::default());
        let islands = read("[islands]\ncount = 4").islands;
        assert_eq!(islands, IslandSettings { count: 4, ..IslandSettings::default() });
        for (name, duplicates) in [
            ("evaluate", Duplicates::Evaluate),
            ("rewrite", Duplicates::Rewrite),
            ("refuse", Duplicates::Refuse),
        ] {
            let settings = read(&format!("duplicates = \"{name}\"\nlearning_rate = 0.5"));
            assert_eq!(settings.duplicates, duplicates);
            assert_eq!(read(&toml::to_string(&settings).expect("TOML")), settings);
        }
    }
}
