//! Which model of the generator's ensemble writes a candidate: by weights, or by a bandit that learns what each
//! model's candidates bring and cost.
//!
//! The bandit takes the model with the highest optimistic chance that its candidate enters the archive, for what such
//! a candidate costs: the upper bound of KL-UCB (Garivier & Cappé 2011, arXiv 1102.2490, section 2) over the mean
//! cost, as fractional KUBE does with known costs (Tran-Thanh et al. 2012, arXiv 1204.1909). Older candidates count
//! less (discounted UCB, Garivier & Moulines 2008, arXiv 0805.3415), since improvements grow rare while an archive
//! fills. All it knows comes from settled candidates, so that runs stay reproducible.

use samara_qd::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Charge, Fate, Invalid};

/// How the generator of a candidate is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choose {
    /// Drawn by the weights.
    #[default]
    Weights,
    /// The most improvements for the cost; models without a settled candidate first, drawn by their weights.
    Bandit,
}

/// What a candidate's cost is counted in, its judgement included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostUnit {
    /// Money, by the models' prices.
    Money,
    /// Tokens, in and out.
    Tokens,
    /// Seconds that its calls took. They are measured: two runs may differ, but a resumed or replayed run goes on as
    /// it would have.
    Seconds,
}

/// Settings that stand beside `ensemble` in `[models.generator]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct EnsembleSettings {
    /// How the generator is chosen. Default `weights`.
    pub choose: Choose,
    /// What the bandit counts costs in. Default: money if a model of the ensemble has a price, else tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<CostUnit>,
    /// How much the bandit tries models that seem worse: a factor on KL-UCB's ln(n), 0 or more. Default 1.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub exploration: f64,
    /// Candidates after which one counts e times less, 10 or more. Default 1,000.
    #[schemars(range(min = 10.0, max = 1e15))]
    pub memory: f64,
}

impl Default for EnsembleSettings {
    fn default() -> Self {
        Self { choose: Choose::Weights, per: None, exploration: 1.0, memory: 1000.0 }
    }
}

impl EnsembleSettings {
    /// Checks its values.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self) -> Result<(), Invalid> {
        let bad = |key: &str, value: f64, hint: &str| {
            Err(Invalid::new(format!("models.generator.{key}"), format!("is {value:?}"), hint))
        };
        if !(self.exploration.is_finite() && self.exploration >= 0.0) {
            return bad("exploration", self.exploration, "set it to 0 or more; 1 is the default");
        }
        if !(self.memory.is_finite() && self.memory >= 10.0) {
            return bad("memory", self.memory, "set it to 10 or more; 1000 is the default");
        }
        Ok(())
    }
}

/// A candidate's generator and what the candidate took: what the bandit learns from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// The generator's position in the ensemble.
    pub generator: u32,
    /// What the candidate's calls cost, cached answers at their price.
    pub charge: Charge,
    /// The sum of its calls' latencies, in milliseconds.
    pub model_ms: f64,
}

/// What became of a candidate, for its generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gain {
    /// It entered the archive.
    Entered,
    /// It was scored, and its cell had better ones.
    Scored,
    /// It was invalid or failed.
    Nothing,
}

impl Gain {
    /// Of a candidate's fate.
    pub fn of(fate: &Fate) -> Self {
        match fate {
            Fate::New | Fate::Improved => Self::Entered,
            Fate::NotBetter => Self::Scored,
            Fate::Invalid { .. } | Fate::Failed { .. } => Self::Nothing,
        }
    }
}

/// What is known of one model. Sums are discounted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Record {
    weight: f64,
    /// Whether a candidate of it ever settled.
    tried: bool,
    trials: f64,
    entered: f64,
    cost: f64,
}

/// The ensemble and what was learnt of it. The default has no model to choose: there is one generator or none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ensemble {
    settings: EnsembleSettings,
    records: Vec<Record>,
}

/// What an ensemble knows of one of its models, with older candidates counting less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// How often it is drawn against the others, where that is drawn.
    pub weight: f64,
    /// Its settled candidates.
    pub trials: f64,
    /// The part of them that entered the archive, 0 to 1; `None` before the first.
    pub entered: Option<f64>,
    /// What one costs, in what the bandit counts; `None` before the first.
    pub cost: Option<f64>,
    /// The chance that the next one enters as the bandit hopes for it, 0 to 1; 1 before the first.
    pub hoped: f64,
}

/// Below this a model's sums are not discounted any more: their quotients stay defined.
const FEWEST_TRIALS: f64 = 1e-9;

impl Ensemble {
    /// An ensemble of models with these weights, all above 0.
    pub fn new(settings: EnsembleSettings, weights: impl IntoIterator<Item = f64>) -> Self {
        let records = weights.into_iter().map(|weight| Record { weight, ..Record::default() }).collect();
        Self { settings, records }
    }

    /// How many models there are to choose from; 0 if the generator is no ensemble.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the generator is no ensemble.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The generator of the candidate whose stream this is, by its position; `None` without an ensemble. Draws nothing
    /// where there is nothing to choose.
    pub fn choose(&self, stream: &mut Stream) -> Option<u32> {
        let chosen = match self.records.len() {
            0 => return None,
            1 => 0,
            _ if self.settings.choose == Choose::Weights => self.draw(stream, |_| true),
            _ if self.records.iter().any(|record| !record.tried) => self.draw(stream, |record| !record.tried),
            _ => self.best(),
        };
        Some(chosen as u32)
    }

    /// Draws by weight from the models that may be drawn; at least one.
    fn draw(&self, stream: &mut Stream, may: impl Fn(&Record) -> bool) -> usize {
        let weight = |record: &Record| if may(record) { record.weight } else { 0.0 };
        let total: f64 = self.records.iter().map(weight).sum();
        let mut left = stream.unit() * total;
        let mut drawn = 0;
        for (position, record) in self.records.iter().enumerate().filter(|(_, record)| may(record)) {
            drawn = position;
            left -= weight(record);
            if left < 0.0 {
                break;
            }
        }
        drawn
    }

    /// What is known of each model, in their order.
    pub fn standings(&self) -> Vec<Standing> {
        let evidence = self.evidence();
        let standing = |record: &Record| {
            let each = |sum: f64| record.tried.then(|| sum / record.trials);
            let entered = each(record.entered);
            let hoped = entered.map_or(1.0, |mean| upper(mean, evidence / record.trials));
            Standing { weight: record.weight, trials: record.trials, entered, cost: each(record.cost), hoped }
        };
        self.records.iter().map(standing).collect()
    }

    /// What all that is known allows an optimist: KL-UCB's ln(n) with its factor.
    fn evidence(&self) -> f64 {
        let total: f64 = self.records.iter().map(|record| record.trials).sum();
        self.settings.exploration * libm::log(total.max(1.0))
    }

    /// The model with the highest optimistic chance for its cost; of equals the one with fewer candidates.
    fn best(&self) -> usize {
        let evidence = self.evidence();
        let worth = |record: &Record| {
            (upper(record.entered / record.trials, evidence / record.trials), record.cost / record.trials)
        };
        let mut best = 0;
        for (position, record) in self.records.iter().enumerate().skip(1) {
            let ((chance, cost), (other, other_cost)) = (worth(record), worth(&self.records[best]));
            // Crosswise, since models may be free.
            let order = (chance * other_cost)
                .total_cmp(&(other * cost))
                .then(other_cost.total_cmp(&cost))
                .then(chance.total_cmp(&other))
                .then(self.records[best].trials.total_cmp(&record.trials));
            if order.is_gt() {
                best = position;
            }
        }
        best
    }

    /// Learns what became of a settled candidate. One without a score is taken to cost no less than the mean: a model
    /// that only fails would seem cheap. Models that are no longer in the ensemble are passed over.
    pub fn learn(&mut self, trial: &Trial, gain: Gain) {
        if trial.generator as usize >= self.records.len() {
            return;
        }
        let keep = 1.0 - 1.0 / self.settings.memory;
        for record in self.records.iter_mut().filter(|record| record.trials > FEWEST_TRIALS) {
            record.trials *= keep;
            record.entered *= keep;
            record.cost *= keep;
        }
        let (trials, costs) = self
            .records
            .iter()
            .fold((0.0, 0.0), |(trials, costs), record| (trials + record.trials, costs + record.cost));
        let mut cost = match self.settings.per {
            Some(CostUnit::Money) => trial.charge.money,
            Some(CostUnit::Tokens) | None => trial.charge.tokens as f64,
            Some(CostUnit::Seconds) => trial.model_ms / 1e3,
        };
        if gain == Gain::Nothing && trials > 0.0 {
            cost = cost.max(costs / trials);
        }
        let record = &mut self.records[trial.generator as usize];
        record.tried = true;
        record.trials += 1.0;
        record.entered += f64::from(gain == Gain::Entered);
        record.cost += cost;
    }
}

/// The largest chance q from `mean` up whose Kullback-Leibler divergence from `mean` is `bound` at most.
fn upper(mean: f64, bound: f64) -> f64 {
    let (mut low, mut high) = (mean.clamp(0.0, 1.0), 1.0);
    let mean = low;
    // 52 halvings reach the last bit of a number in [0, 1].
    for _ in 0..52 {
        let middle = f64::midpoint(low, high);
        if divergence(mean, middle) <= bound { low = middle } else { high = middle }
    }
    low
}

/// Between two coins that show heads with chance p and q.
fn divergence(p: f64, q: f64) -> f64 {
    let part = |p: f64, q: f64| if p > 0.0 { p * libm::log(p / q) } else { 0.0 };
    part(p, q) + part(1.0 - p, 1.0 - q)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trial(generator: u32, money: f64) -> Trial {
        Trial { generator, charge: Charge { calls: 2, tokens: 100, money }, model_ms: 5.0 }
    }

    fn bandit(models: usize, per: CostUnit) -> Ensemble {
        let settings =
            EnsembleSettings { choose: Choose::Bandit, per: Some(per), ..EnsembleSettings::default() };
        Ensemble::new(settings, vec![1.0; models])
    }

    /// How often each model is chosen in `steps` steps, results arriving `window` steps late, if candidates of each
    /// enter with some chance at some cost.
    fn play(mut ensemble: Ensemble, models: &[(f64, f64)], steps: u64, window: u64) -> Vec<u32> {
        let mut chosen = vec![0; models.len()];
        let mut waiting = std::collections::VecDeque::new();
        for step in 0..steps {
            let mut stream = Stream::new(7, step);
            let model = ensemble.choose(&mut stream).expect("an ensemble");
            chosen[model as usize] += 1;
            let (chance, cost) = models[model as usize];
            let gain = if stream.unit() < chance { Gain::Entered } else { Gain::Scored };
            waiting.push_back((trial(model, cost), gain));
            if waiting.len() as u64 >= window {
                let (trial, gain) = waiting.pop_front().expect("just pushed");
                ensemble.learn(&trial, gain);
            }
        }
        chosen
    }

    #[test]
    fn the_bandit_prefers_the_better_model_for_its_cost() {
        for window in [1, 32] {
            // Equal costs: the better one. Better but at four times the cost: the cheaper one.
            let better =
                play(bandit(3, CostUnit::Money), &[(0.02, 1.0), (0.2, 1.0), (0.05, 1.0)], 2000, window);
            assert!(better[1] > 1200, "{better:?}");
            let cheaper = play(bandit(2, CostUnit::Money), &[(0.1, 1.0), (0.2, 4.0)], 2000, window);
            assert!(cheaper[0] > 1500, "{cheaper:?}");
            let by_tokens = play(bandit(2, CostUnit::Tokens), &[(0.1, 1.0), (0.3, 4.0)], 2000, window);
            assert!(by_tokens[1] > 1400, "both take as many tokens: {by_tokens:?}");
        }
    }

    #[test]
    fn a_model_that_only_fails_is_not_taken_for_cheap() {
        let mut ensemble = bandit(2, CostUnit::Money);
        let mut failing = 0;
        for step in 0..1000 {
            let mut stream = Stream::new(1, step);
            let model = ensemble.choose(&mut stream).expect("an ensemble");
            failing += u32::from(model == 1);
            if model == 1 {
                ensemble.learn(&trial(1, 0.0), Gain::Nothing);
            } else {
                let gain = if stream.unit() < 0.2 { Gain::Entered } else { Gain::Scored };
                ensemble.learn(&trial(0, 1.0), gain);
            }
        }
        assert!((5..250).contains(&failing), "{failing}");
    }

    #[test]
    fn the_bandit_follows_a_change() {
        let first = [(0.3, 1.0), (0.05, 1.0)];
        let mut ensemble = bandit(2, CostUnit::Money);
        let mut late = [0; 2];
        for step in 0..8000 {
            let mut stream = Stream::new(3, step);
            let model = ensemble.choose(&mut stream).expect("an ensemble") as usize;
            let (chance, cost) = if step < 3000 { first[model] } else { first[1 - model] };
            let gain = if stream.unit() < chance { Gain::Entered } else { Gain::Scored };
            ensemble.learn(&trial(model as u32, cost), gain);
            if step >= 6000 {
                late[model] += 1;
            }
        }
        assert!(late[1] > 3 * late[0], "{late:?}");
    }

    #[test]
    fn standings_tell_what_was_learnt_and_hope_for_the_untried() {
        let mut ensemble = bandit(3, CostUnit::Money);
        for gain in [Gain::Entered, Gain::Scored] {
            ensemble.learn(&trial(0, 2.0), gain);
        }
        ensemble.learn(&trial(1, 1.0), Gain::Scored);
        let [first, second, untried] = ensemble.standings()[..] else { panic!("three models") };
        assert!((first.entered.expect("tried") - 0.5).abs() < 1e-3 && (first.trials - 2.0).abs() < 0.01);
        assert!((first.cost.expect("tried") - 2.0).abs() < 1e-9 && first.hoped > 0.5);
        assert_eq!(
            (second.entered, untried.entered, untried.cost, untried.hoped),
            (Some(0.0), None, None, 1.0)
        );
        assert!(second.hoped > 0.0 && second.hoped < 1.0);
    }

    #[test]
    fn weights_are_the_shares() {
        let ensemble = Ensemble::new(EnsembleSettings::default(), [3.0, 1.0]);
        let first = (0..4000).filter(|i| ensemble.choose(&mut Stream::new(5, *i)) == Some(0)).count();
        assert!((2850..3150).contains(&first), "{first}");
    }

    #[test]
    fn without_a_choice_nothing_is_drawn() {
        for ensemble in [Ensemble::default(), Ensemble::new(EnsembleSettings::default(), [1.0])] {
            let (mut a, mut b) = (Stream::new(1, 1), Stream::new(1, 1));
            ensemble.choose(&mut a);
            assert_eq!(a.next_u64(), b.next_u64());
        }
    }

    proptest! {
        #[test]
        fn every_model_is_tried_before_one_is_preferred(models in 2..9_usize, seed in any::<u32>()) {
            let mut ensemble = bandit(models, CostUnit::Money);
            let mut seen = std::collections::BTreeSet::new();
            for step in 0..models as u64 {
                let model = ensemble.choose(&mut Stream::new(u64::from(seed), step)).expect("an ensemble");
                prop_assert!(seen.insert(model));
                ensemble.learn(&trial(model, 1.0), Gain::Entered);
            }
        }

        #[test]
        fn the_upper_bound_is_a_chance_and_grows_with_the_evidence_it_is_allowed(
            mean in 0.0..1.0_f64, bound in 0.0..20.0_f64,
        ) {
            let q = upper(mean, bound);
            prop_assert!((mean..=1.0).contains(&q));
            prop_assert!(divergence(mean, q) <= bound + 1e-9);
            prop_assert!(upper(mean, bound + 1.0) >= q);
        }

        #[test]
        fn no_history_makes_the_choice_undefined(
            trials in proptest::collection::vec((0..3_u32, 0.0..10.0_f64, 0..3_u8), 0..300),
        ) {
            let mut ensemble = bandit(3, CostUnit::Money);
            ensemble.settings.memory = 10.0;
            for (step, (model, cost, gain)) in trials.into_iter().enumerate() {
                let gain = [Gain::Entered, Gain::Scored, Gain::Nothing][usize::from(gain)];
                ensemble.learn(&trial(model, cost), gain);
                let chosen = ensemble.choose(&mut Stream::new(1, step as u64)).expect("an ensemble");
                prop_assert!(chosen < 3);
                let mut sums = ensemble.records.iter().flat_map(|record| [record.trials, record.cost]);
                prop_assert!(sums.all(f64::is_finite));
            }
        }
    }
}
