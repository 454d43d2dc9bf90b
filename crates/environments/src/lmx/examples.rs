//! What prompts show: the prompt pool under a strategy, which says what joins it and how examples are drawn.
//!
//! Part of the environment's memory: a fold over settled candidates, as all of it.

use std::sync::Arc;

use samara_qd::Stream;

use samara_search::{AxisSettings, Strategy};

use super::{
    novelty::Novelty,
    pool::Pool,
    rouge::Rouge,
    settings::Joining,
    strategy::{Baseline, NoveltySection},
};

/// A text for a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The text.
    pub text: Arc<str>,
    /// The candidate that wrote it; `None` for a text of the initial pool.
    pub candidate: Option<u64>,
}

/// A text that was scored, and what the archive made of it.
pub(crate) struct Offer<'a> {
    pub candidate: u64,
    pub text: &'a Arc<str>,
    pub measures: &'a [f64],
    pub objective: f64,
    /// Whether it entered the archive.
    pub entered: bool,
    /// Whether it entered a cell that was filled.
    pub improved: bool,
}

/// The prompt pool under a strategy.
#[derive(Debug, Clone, Default)]
pub struct Examples {
    pool: Pool,
    baseline: Option<Baseline>,
    learning: Learning,
    min_quality: Option<f64>,
}

/// What joins the pool.
#[derive(Debug, Clone, Default)]
enum Learning {
    /// Nothing.
    #[default]
    Nothing,
    /// What settings let join; the initial texts stay.
    Archive(Joining),
    /// The best; the initial texts, whose quality is not known, give way first.
    Quality,
    /// What is novel by its measures; the oldest give way.
    Measures(Novelty),
    /// What is unlike all texts of the pool by ROUGE-L; the oldest give way.
    Words(f64),
}

impl Examples {
    /// Before candidate 0. With `joining`, the environment wants such texts in the pool; it gets them under `qdaif` only.
    pub fn new(
        pool: Pool,
        strategy: &Strategy,
        novelty: &NoveltySection,
        axes: &[AxisSettings],
        joining: Option<Joining>,
    ) -> Self {
        let baseline = Baseline::of(strategy);
        let learning = match (baseline, joining) {
            (None, Some(joining)) if strategy.varies() => Learning::Archive(joining),
            // Random search must not learn from what it found.
            (None | Some(Baseline::FixedFewShot | Baseline::ShufflingFewShot | Baseline::Fresh), _) => {
                Learning::Nothing
            }
            (Some(Baseline::QualityOnly), _) => Learning::Quality,
            (Some(Baseline::Nsaif), _) => Learning::Measures(Novelty::new(novelty, axes)),
            (Some(Baseline::RougeL), _) => Learning::Words(novelty.rouge_limit),
        };
        Self { pool, baseline, learning, min_quality: novelty.min_quality }
    }

    /// The prompt pool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Examples for the prompt of a candidate that is created: `count`, or all if the pool holds fewer.
    pub fn draw(&self, count: usize, stream: &mut Stream) -> Vec<Example> {
        let count = count.min(self.pool.len());
        let positions = match self.baseline {
            Some(Baseline::Fresh) => Vec::new(),
            Some(Baseline::FixedFewShot) => (0..count).collect(),
            Some(Baseline::ShufflingFewShot) => stream.distinct(count, count),
            _ => stream.distinct(self.pool.len(), count),
        };
        let example = |position| {
            let (text, candidate) = self.pool.member(position);
            Example { text: Arc::clone(text), candidate }
        };
        positions.into_iter().map(example).collect()
    }

    /// Hears of a settled candidate that was scored.
    pub(crate) fn learn(&mut self, offer: &Offer<'_>) {
        let good = self.min_quality.is_none_or(|least| offer.objective >= least);
        match &mut self.learning {
            Learning::Nothing => {}
            Learning::Archive(joining) => {
                if joining.lets_in(offer) {
                    self.pool.join(offer.text, offer.candidate);
                }
            }
            Learning::Quality => self.pool.compete(offer.text, offer.candidate, offer.objective),
            Learning::Measures(novelty) => {
                if novelty.takes(offer.measures, good) {
                    self.pool.rotate(offer.text, offer.candidate);
                }
            }
            Learning::Words(limit) => {
                if good && unlike(offer.text, &self.pool, *limit) {
                    self.pool.rotate(offer.text, offer.candidate);
                }
            }
        }
    }
}

/// Whether the ROUGE-L F1 of a text with every text of the pool is below the limit.
fn unlike(text: &str, pool: &Pool, limit: f64) -> bool {
    let rouge = Rouge::new(text);
    (0..pool.len()).all(|position| rouge.f1(pool.get(position)) < limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lmx::pool::CAPACITY;

    fn examples(strategy: &str, change: fn(&mut NoveltySection)) -> Examples {
        let pool = Pool::new(CAPACITY, ["one", "two", "three", "four", "five"].map(str::to_owned));
        let mut novelty = NoveltySection::default();
        change(&mut novelty);
        let axes = [AxisSettings::even("x", [0.0, 1.0], 10)];
        Examples::new(pool, &Strategy::from(strategy.to_owned()), &novelty, &axes, Some(Joining::Elites))
    }

    fn learn(examples: &mut Examples, candidate: u64, text: &str, measure: f64, objective: f64) {
        let (text, measures) = (Arc::from(text), [measure]);
        examples.learn(&Offer {
            candidate,
            text: &text,
            measures: &measures,
            objective,
            entered: true,
            improved: false,
        });
    }

    fn held(examples: &Examples) -> Vec<&str> {
        (0..examples.pool.len()).map(|i| &**examples.pool.get(i)).collect()
    }

    fn drawn(examples: &Examples, seed: u64) -> Vec<String> {
        let drawn = examples.draw(3, &mut Stream::new(seed, 0));
        drawn.into_iter().map(|example| example.text.to_string()).collect()
    }

    #[test]
    fn what_joins_the_pool_under_qdaif_is_what_settings_let_in() {
        for (joining, expected) in [
            (Joining::Elites, vec!["new", "better"]),
            (Joining::Improvements, vec!["better"]),
            (Joining::All, vec!["new", "better", "worse"]),
        ] {
            let axes = [AxisSettings::even("x", [0.0, 1.0], 10)];
            let mut examples = Examples::new(
                Pool::new(CAPACITY, []),
                &Strategy::Qdaif,
                &NoveltySection::default(),
                &axes,
                Some(joining),
            );
            for (candidate, (text, entered, improved)) in
                (0..).zip([("new", true, false), ("better", true, true), ("worse", false, false)])
            {
                let text = Arc::from(text);
                examples.learn(&Offer {
                    candidate,
                    text: &text,
                    measures: &[0.5],
                    objective: 0.5,
                    entered,
                    improved,
                });
            }
            assert_eq!(held(&examples), expected);
        }
    }

    #[test]
    fn a_fixed_prompt_never_changes_and_a_shuffled_one_only_its_order() {
        let mut fixed = examples("fixed_few_shot", |_| {});
        let mut shuffled = examples("shuffling_few_shot", |_| {});
        let mut orders = Vec::new();
        for i in 0..50 {
            learn(&mut fixed, i, &format!("text {i}"), 0.5, 1.0);
            learn(&mut shuffled, i, &format!("text {i}"), 0.5, 1.0);
            assert_eq!(drawn(&fixed, i), ["one", "two", "three"]);
            let mut order = drawn(&shuffled, i);
            orders.push(order.clone());
            order.sort_unstable();
            assert_eq!(order, ["one", "three", "two"]);
        }
        orders.sort_unstable();
        orders.dedup();
        assert_eq!(orders.len(), 6, "every order is drawn");
    }

    #[test]
    fn random_search_draws_from_all_of_the_initial_pool_and_learns_nothing() {
        let mut examples = examples("random_search", |_| {});
        let mut seen = Vec::new();
        for i in 0..100 {
            learn(&mut examples, i, &format!("text {i}"), 0.5, 1.0);
            seen.extend(drawn(&examples, i));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, ["five", "four", "one", "three", "two"]);
    }

    #[test]
    fn the_quality_pool_keeps_the_hundred_best_and_gives_initial_texts_up_first() {
        let mut examples = examples("lmx_quality_only", |_| {});
        for i in 0..97 {
            learn(&mut examples, i, &format!("text {i}"), 0.5, i as f64);
        }
        assert_eq!(held(&examples)[..4], ["three", "four", "five", "text 0"]);
        for i in 97..300 {
            // A permutation of 97..300, so that good and bad come mixed.
            let value = 97 + (i - 97) * 100 % 203;
            learn(&mut examples, i, &format!("text {value}"), 0.5, value as f64);
        }
        let mut kept = held(&examples);
        kept.sort_unstable();
        let mut best: Vec<String> = (200..300).map(|i| format!("text {i}")).collect();
        best.sort_unstable();
        assert_eq!(kept, best);
        let candidates: Vec<Option<u64>> =
            examples.draw(3, &mut Stream::new(0, 0)).iter().map(|example| example.candidate).collect();
        assert!(candidates.iter().all(Option::is_some), "drawn texts name their candidates");
    }

    #[test]
    fn novelty_by_measures_takes_what_is_novel_whatever_its_quality() {
        let mut examples = examples("lmx_nsaif", |_| {});
        learn(&mut examples, 0, "middle", 0.5, 0.9);
        learn(&mut examples, 1, "near and better", 0.52, 1.0);
        learn(&mut examples, 2, "far and bad", 0.95, 0.0);
        assert_eq!(held(&examples)[5..], ["middle", "far and bad"]);
    }

    #[test]
    fn novelty_by_words_takes_what_is_unlike_all_that_it_holds() {
        let mut examples = examples("lmx_rouge_l", |_| {});
        learn(&mut examples, 0, "I like peas and beans", 0.5, 0.1);
        // 4 of 5 words in order: F1 0.8.
        learn(&mut examples, 1, "I like peas and carrots", 0.9, 1.0);
        learn(&mut examples, 2, "Nobody eats cabbage", 0.5, 0.1);
        assert_eq!(held(&examples)[5..], ["I like peas and beans", "Nobody eats cabbage"]);
    }

    #[test]
    fn a_minimum_quality_keeps_the_bad_out_of_both_novelty_pools() {
        for strategy in ["lmx_nsaif", "lmx_rouge_l"] {
            let mut examples = examples(strategy, |s| s.min_quality = Some(0.5));
            learn(&mut examples, 0, "bad news", 0.1, 0.4);
            learn(&mut examples, 1, "good times", 0.9, 0.5);
            assert_eq!(held(&examples)[5..], ["good times"], "{strategy}");
        }
    }
}
