//! The model that learns from rewards.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{PolicySettings, kept};
use crate::{
    Dtype, ModelConfig, SeedlingError, Stream, Tokenizer, Weights, check_tokenizer,
    rope::Rotary,
    train::{
        adam::{Adam, AdamSettings},
        checkpoint, kind,
        layout::Layout,
        network::Workspace,
        sequence::{Sequence, Target},
        step,
        tune::Base,
    },
};

/// What was written behind a prompt, as tokens: those that were drawn, with what ended them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The prompt's tokens, one or more.
    pub prompt: Vec<u32>,
    /// The tokens that were drawn.
    pub written: Vec<u32>,
}

impl Rollout {
    /// As a document in which every drawn token counts the same.
    fn sequence(&self, weight: f32) -> Sequence {
        let first = self.prompt.len() - 1;
        let target = |(at, token): (usize, &u32)| Target { position: first + at, token: *token, weight };
        Sequence {
            tokens: [&self.prompt[..], &self.written].concat(),
            targets: self.written.iter().enumerate().map(target).collect(),
            branches: Vec::new(),
        }
    }
}

/// The natural logarithms of how likely it was that just this was written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogProbabilities {
    /// By the policy as it is.
    pub policy: f64,
    /// By the model that was begun with.
    pub reference: f64,
}

/// What is known after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Steps taken.
    pub step: u64,
    /// The gradient's norm, before it was scaled down.
    pub norm: f64,
}

/// A model that learns from rewards, and the one that it was begun with.
#[derive(Debug)]
pub struct Policy {
    pub(super) settings: PolicySettings,
    pub(super) tokenizer: Tokenizer,
    pub(super) config: ModelConfig,
    pub(super) parameters: Vec<f32>,
    pub(super) reference: Vec<f32>,
    pub(super) adam: Adam,
    layout: Layout,
    rotary: Rotary<f32>,
    workspaces: Vec<Workspace<f32>>,
}

impl Policy {
    /// Begins with a model.
    ///
    /// # Errors
    /// Settings that can't be used, or a model that can't be trained.
    pub fn new(settings: PolicySettings, base: Base, threads: usize) -> Result<Self, SeedlingError> {
        settings.validate()?;
        check_tokenizer(&base.tokenizer, &base.weights.config)?;
        let layout = Layout::new(&base.weights.config)?;
        let parameters = layout.flatten(&base.weights);
        let lists = (parameters.clone(), parameters, Adam::new(layout.len));
        Ok(Self::with(settings, (base.weights.config, layout, base.tokenizer), lists, threads))
    }

    /// Goes on from a checkpoint.
    ///
    /// # Errors
    /// A folder that holds no usable checkpoint.
    pub fn resume(folder: &Path, threads: usize) -> Result<Self, SeedlingError> {
        let kept::Kept { settings, weights, tokenizer, adam, reference } = kept::read(folder)?;
        let layout = Layout::new(&weights.config)?;
        let parameters = layout.flatten(&weights);
        let parts = (weights.config, layout, tokenizer);
        Ok(Self::with(settings, parts, (parameters, reference, adam), threads))
    }

    fn with(
        settings: PolicySettings,
        (config, layout, tokenizer): (ModelConfig, Layout, Tokenizer),
        (parameters, reference, adam): (Vec<f32>, Vec<f32>, Adam),
        threads: usize,
    ) -> Self {
        let rotary = Rotary::new(&config, config.max_positions);
        let workspaces = (0..threads.clamp(1, step::SHARDS)).map(|_| Workspace::default()).collect();
        Self { settings, tokenizer, config, parameters, reference, adam, layout, rotary, workspaces }
    }

    /// Steps taken.
    pub fn step_number(&self) -> u64 {
        self.adam.step
    }

    /// The settings.
    pub fn settings(&self) -> &PolicySettings {
        &self.settings
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How likely it was that each rollout was written as it was, in their order. Before the first step the policy is the
    /// model that was begun with, to the bit.
    ///
    /// # Panics
    /// If a token is not of the vocabulary, or a prompt is empty.
    pub fn log_probabilities(&mut self, rollouts: &[Rollout]) -> Vec<LogProbabilities> {
        let documents: Vec<Sequence> = rollouts.iter().map(|rollout| rollout.sequence(1.0)).collect();
        let (config, layout, rotary) = (&self.config, &self.layout, &self.rotary);
        let workspaces = &mut self.workspaces;
        let mut losses =
            |parameters: &[f32]| step::losses(config, layout, parameters, rotary, &documents, workspaces);
        let (policy, reference) = (losses(&self.parameters), losses(&self.reference));
        let told = policy.iter().zip(&reference);
        told.map(|(policy, reference)| LogProbabilities { policy: -policy.sum, reference: -reference.sum })
            .collect()
    }

    /// Makes rollouts likelier that have a positive advantage, and the others less likely: one step along the mean over
    /// rollouts of advantage x gradient of the log-probability.
    ///
    /// # Errors
    /// A gradient that is not finite.
    ///
    /// # Panics
    /// As [`Policy::log_probabilities`]; or if there isn't one advantage for each rollout.
    pub fn step(&mut self, rollouts: &[Rollout], advantages: &[f64]) -> Result<Step, SeedlingError> {
        assert_eq!(rollouts.len(), advantages.len(), "an advantage for each rollout");
        let told = rollouts.iter().zip(advantages);
        let documents: Vec<Sequence> =
            told.map(|(rollout, advantage)| rollout.sequence(*advantage as f32)).collect();
        let shape = (&self.config, &self.layout);
        let (parameters, rotary) = (&self.parameters, &self.rotary);
        let workspaces = &mut self.workspaces;
        let gradient = step::gradient_over(rollouts.len(), shape, parameters, rotary, &documents, workspaces);
        let adam = AdamSettings {
            learning_rate: self.settings.learning_rate,
            warmup: self.settings.warmup,
            max_norm: self.settings.max_norm,
            // What holds the policy back is its distance to the model that was begun with, not to zero.
            weight_decay: 0.0,
            last: 1.0,
            ..AdamSettings::default()
        };
        // AdamW for everything: the update of a matrix that Muon makes has the same size however small its gradient is.
        let shape = (&self.layout, &[][..]);
        let norm = self.adam.step(&adam, u64::MAX, shape, &mut self.parameters, &gradient, 1);
        if !norm.is_finite() {
            let what = format!("the gradient's norm is {norm} at step {}", self.adam.step);
            return Err(SeedlingError::Training { what, hint: "lower the learning rate".into() });
        }
        Ok(Step { step: self.adam.step, norm })
    }

    /// The weights as they are.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::initial(self.config.clone(), &mut Stream::new(0, 0));
        self.layout.unflatten(&self.parameters, &mut weights);
        weights
    }

    /// Writes all that [`Policy::resume`] needs.
    ///
    /// # Errors
    /// A folder that can't be written.
    pub fn save(&self, folder: &Path) -> Result<(), SeedlingError> {
        kept::write(folder, self)
    }

    /// Writes the model alone, in half precision.
    ///
    /// # Errors
    /// A folder that can't be written.
    pub fn write_model(&self, folder: &Path) -> Result<(), SeedlingError> {
        checkpoint::write_model(folder, &self.weights(), &self.tokenizer, Dtype::F16)?;
        kind::write(folder, self.settings.corpus)
    }
}
