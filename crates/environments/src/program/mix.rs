//! Which operator writes a program: the one of the experiment, or one of several, by weights or by a bandit.
//!
//! The bandit is [`samara_search::Ensemble`]'s, with the same cost for every candidate: what operators compete for are
//! evaluations.

use samara_qd::Stream;
use samara_search::{Candidate, Charge, CostUnit, Ensemble, EnsembleSettings, Gain, Operator, Plan, Trial};

use super::settings::WritingSettings;

/// The baseline in which every program is written from nothing, in `search.strategy`.
pub const FRESH: &str = "fresh";

/// The operators of an experiment, and what was learnt of them.
#[derive(Debug, Clone)]
pub(crate) struct Mix {
    operators: Vec<Operator>,
    chosen: Ensemble,
    /// The same without the operator that needs no parent, for candidates made from seeds.
    of_seeds: Vec<(Operator, f64)>,
}

impl Mix {
    /// The mix of the settings, or another operator alone.
    pub(crate) fn new(operator: Operator, settings: &WritingSettings) -> Self {
        if operator != Operator::Mix {
            return Self::of(vec![(operator, 1.0)], EnsembleSettings::default());
        }
        let mix = settings.mix.unwrap_or_default();
        let bandit = EnsembleSettings {
            choose: mix.choose,
            per: Some(CostUnit::Tokens),
            ..EnsembleSettings::default()
        };
        Self::of(mix.operators(), bandit)
    }

    fn of(operators: Vec<(Operator, f64)>, settings: EnsembleSettings) -> Self {
        let of_seeds = operators.iter().copied().filter(|(operator, _)| *operator != Operator::New).collect();
        let chosen = Ensemble::new(settings, operators.iter().map(|(_, weight)| *weight));
        Self { operators: operators.into_iter().map(|(operator, _)| operator).collect(), chosen, of_seeds }
    }

    /// Whether it has this operator.
    pub(crate) fn has(&self, operator: Operator) -> bool {
        self.operators.contains(&operator)
    }

    /// Whether a model writes any candidate.
    pub(crate) fn asks_a_model(&self) -> bool {
        self.operators.iter().any(|operator| *operator != Operator::Gp)
    }

    /// The operator of the candidate whose stream this is. Draws nothing where there is nothing to choose.
    pub(crate) fn choose(&self, stream: &mut Stream) -> Operator {
        let place = self.chosen.choose(stream).unwrap_or(0) as usize;
        self.operators.get(place).copied().unwrap_or(Operator::New)
    }

    /// The operator that a plan is carried out by: its own, or for one made from seeds one that shows them.
    pub(crate) fn carried_out(&self, plan: &Plan, stream: &mut Stream) -> Operator {
        let named = |operator: &&Operator| operator.name() == plan.operator;
        if let Some(operator) = self.operators.iter().find(named) {
            return *operator;
        }
        if plan.material.is_empty() {
            return Operator::New;
        }
        match &self.of_seeds[..] {
            [] => Operator::New,
            [(operator, _)] => *operator,
            several => {
                let weights = several.iter().map(|(_, weight)| *weight);
                let drawn = Ensemble::new(EnsembleSettings::default(), weights).choose(stream).unwrap_or(0);
                several.get(drawn as usize).map_or(Operator::New, |(operator, _)| *operator)
            }
        }
    }

    /// Learns what became of a candidate of one of its operators.
    pub(crate) fn learn(&mut self, candidate: &Candidate) {
        let named = |operator: &Operator| operator.name() == candidate.operator;
        let Some(place) = self.operators.iter().position(named) else { return };
        let charge = Charge { calls: 1, tokens: 1, money: 0.0 };
        let trial = Trial { generator: place as u32, charge, model_ms: 0.0 };
        self.chosen.learn(&trial, Gain::of(&candidate.fate));
    }
}

#[cfg(test)]
mod tests {
    use samara_search::Fate;

    use super::*;
    use crate::program::settings::MixSettings;

    fn mix(settings: MixSettings) -> Mix {
        let settings = WritingSettings { mix: Some(settings), ..WritingSettings::default() };
        Mix::new(Operator::Mix, &settings)
    }

    fn chosen(mix: &Mix, times: u64) -> Vec<Operator> {
        (0..times).map(|i| mix.choose(&mut Stream::new(3, i))).collect()
    }

    #[test]
    fn operators_are_drawn_by_their_weights_and_one_alone_draws_nothing() {
        let mixed = mix(MixSettings { new: 3.0, prompt: 1.0, ..MixSettings::default() });
        let new = chosen(&mixed, 4000).into_iter().filter(|operator| *operator == Operator::New).count();
        assert!((2850..3150).contains(&new), "{new}");
        let alone = Mix::new(Operator::Crossover, &WritingSettings::default());
        let (mut a, mut b) = (Stream::new(1, 1), Stream::new(1, 1));
        assert_eq!(alone.choose(&mut a), Operator::Crossover);
        assert_eq!(alone.carried_out(&Plan::fresh("seed", Vec::new()), &mut a), Operator::New);
        assert_eq!(a.next_u64(), b.next_u64());
    }

    #[test]
    fn the_bandit_prefers_the_operator_whose_candidates_enter() {
        let settings = MixSettings { choose: samara_search::Choose::Bandit, ..MixSettings::default() };
        let mut mixed = mix(settings);
        let mut new = 0;
        for step in 0..1000 {
            let operator = mixed.choose(&mut Stream::new(5, step));
            new += u32::from(operator == Operator::New);
            let entered = operator == Operator::New && step % 3 == 0;
            let fate = if entered { Fate::New } else { Fate::NotBetter };
            let text = r#"{"index": 0, "parents": [], "genome": null, "score": null, "cell": null, "rank": null,
                "fate": {"name": "new"}, "charge": {"calls": 1, "tokens": 9, "money": 0.5}, "model_ms": 2.5}"#;
            let read: Candidate = serde_json::from_str(text).expect("a record");
            mixed.learn(&Candidate { operator: operator.name().to_owned(), fate, ..read });
        }
        assert!(new > 900, "{new}");
    }

    #[test]
    fn a_plan_is_carried_out_by_its_operator_and_a_seed_by_one_that_shows_it() {
        let mixed = mix(MixSettings::default());
        let stream = &mut Stream::new(1, 1);
        for operator in [Operator::New, Operator::Prompt] {
            assert_eq!(mixed.carried_out(&Plan::varied(operator.name(), Vec::new()), stream), operator);
        }
        let seed = std::sync::Arc::new(samara_search::Genome::text_of("x"));
        assert_eq!(mixed.carried_out(&Plan::fresh("seed", vec![seed]), stream), Operator::Prompt);
    }
}
