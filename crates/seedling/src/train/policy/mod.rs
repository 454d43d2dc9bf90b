//! Reinforcement learning of a writer: what it wrote is rewarded, and it becomes likelier to write what earned more than
//! the others of its group did.
//!
//! The estimator is REINFORCE with a leave-one-out baseline, RLOO (Ahmadian et al. 2024, arXiv 2402.14740, section 3):
//! one step for each batch of samples, which the very weights wrote that are changed; a whole completion is one action;
//! there is no critic and nothing is clipped but the gradient's norm. The distance to the model that was begun with
//! belongs in the rewards ([`Policy::log_probabilities`] tells it).
//!
//! [`advantage`] is what a sample counts; [`Policy`] the model that learns, over [`super::step`]; [`conditions`] are
//! tokens of their own that prompts begin with; `kept` is a learning on disk.

pub mod advantage;
pub mod conditions;
mod kept;
mod learner;

use serde::{Deserialize, Serialize};

use super::Corpus;
use crate::SeedlingError;

pub use learner::{LogProbabilities, Policy, Rollout, Step};

/// How a policy follows its gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySettings {
    /// What the model writes: how its folder is marked.
    pub corpus: Corpus,
    /// AdamW's learning rate, above 0 to 1: after `warmup` steps always the same.
    pub learning_rate: f64,
    /// Steps until the learning rate is reached.
    pub warmup: u64,
    /// The gradient is scaled down to this norm, above 0.
    pub max_norm: f64,
}

impl PolicySettings {
    /// The settings for a model of a corpus.
    pub fn of(corpus: Corpus) -> Self {
        Self { corpus, learning_rate: 5e-4, warmup: 5, max_norm: 1.0 }
    }

    /// Refuses values that no learning can have.
    ///
    /// # Errors
    /// The first setting that can't be used.
    pub fn validate(&self) -> Result<(), SeedlingError> {
        let checks = [
            (self.learning_rate > 0.0 && self.learning_rate <= 1.0, "learning_rate", "above 0 to 1"),
            (self.max_norm.is_finite() && self.max_norm > 0.0, "max_norm", "above 0"),
        ];
        match checks.into_iter().find(|(fine, ..)| !fine) {
            Some((_, name, hint)) => Err(SeedlingError::setting(name, "is out of range", hint)),
            None => Ok(()),
        }
    }
}
