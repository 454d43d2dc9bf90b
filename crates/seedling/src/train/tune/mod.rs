//! Finetuning: a model that is there learns from samples, prompts and what should follow them, and goes on seeing documents
//! of its own corpus (replay), so that it forgets less of what samples don't show.
//!
//! [`TuneSettings`] decides what is done, `samples` turns texts into tokens, `tuner` is the loop with early stopping,
//! `kept` a finetuning on disk.

mod kept;
mod samples;
mod tuner;

use serde::{Deserialize, Serialize};

use super::Corpus;
use crate::SeedlingError;

pub use samples::Sample;
pub use tuner::{Base, Measured, TuneProgress, Tuner};

/// What decides the weights, beside the samples and the model that is begun with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuneSettings {
    /// The corpus of the model: how its texts end, and what is replayed.
    pub corpus: Corpus,
    /// The seed of the order of samples and of what is replayed.
    pub seed: u64,
    /// How often every sample is seen, above 0 to 1000; parts of a time are allowed.
    pub epochs: f64,
    /// Tokens of a batch, 512 to 1048576.
    pub batch_tokens: usize,
    /// The highest learning rate, above 0 to 1.
    pub learning_rate: f64,
    /// The part of the documents that come from the model's own corpus, 0 to 0.95.
    pub replay: f64,
    /// How much a prompt's tokens count in the loss, 0 to 1; a token of what follows it has its sample's weight.
    pub prompt_weight: f32,
    /// Steps between two measurements of the held-out loss, 1 or more.
    pub measure_every: u64,
    /// Measurements without a better held-out loss after which it ends, 1 or more.
    pub patience: u64,
}

impl TuneSettings {
    /// The settings for a model of a corpus.
    pub fn of(corpus: Corpus) -> Self {
        Self {
            corpus,
            seed: 1,
            epochs: 1.0,
            batch_tokens: 1536,
            learning_rate: 5e-4,
            replay: 0.25,
            prompt_weight: 0.0,
            measure_every: 25,
            patience: 8,
        }
    }

    /// Refuses values that no finetuning can have.
    ///
    /// # Errors
    /// The first setting that can't be used.
    pub fn validate(&self) -> Result<(), SeedlingError> {
        let checks = [
            (self.epochs > 0.0 && self.epochs <= 1000.0, "epochs", "above 0 to 1000"),
            ((512..=1 << 20).contains(&self.batch_tokens), "batch_tokens", "512 to 1048576"),
            (self.learning_rate > 0.0 && self.learning_rate <= 1.0, "learning_rate", "above 0 to 1"),
            ((0.0..=0.95).contains(&self.replay), "replay", "0 to 0.95"),
            ((0.0..=1.0).contains(&self.prompt_weight), "prompt_weight", "0 to 1"),
            (self.measure_every > 0, "measure_every", "1 or more"),
            (self.patience > 0, "patience", "1 or more"),
        ];
        match checks.into_iter().find(|(fine, ..)| !fine) {
            Some((_, name, hint)) => Err(SeedlingError::setting(name, "is out of range", hint)),
            None => Ok(()),
        }
    }
}
