//! What decides the trained weights: corpus, size, seed and amounts.

use serde::{Deserialize, Serialize};

use crate::{ModelConfig, RopeScaling, SeedlingError, config::Design};

/// How large a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// 0.1 million parameters: for trying things out.
    Tiny,
    /// 1.5 million parameters: the embedded model.
    #[default]
    Small,
    /// 7 million parameters.
    Medium,
}

impl Size {
    /// The shape of a model of this size for a vocabulary.
    pub fn config(self, vocab_size: usize) -> ModelConfig {
        let (hidden_size, intermediate_size, layers, heads, kv_heads, head_dim) = match self {
            Self::Tiny => (48, 128, 3, 4, 2, 12),
            Self::Small => (128, 384, 5, 4, 2, 32),
            Self::Medium => (256, 704, 9, 8, 4, 32),
        };
        ModelConfig {
            vocab_size,
            hidden_size,
            intermediate_size,
            layers,
            heads,
            kv_heads,
            head_dim,
            max_positions: 1024,
            rms_eps: 1e-5,
            rope_theta: 10_000.0,
            tied: true,
            attention_bias: false,
            qk_norm: false,
            rope_scaling: RopeScaling::None,
            bos: None,
            eos: vec![0],
            subjects: false,
            design: Design::default(),
        }
    }
}

/// What a model learns to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Corpus {
    /// Texts of the built-in experiments, and judgements of them: [`crate::corpus`].
    #[default]
    Texts,
    /// Texts written line by line, put together, and judgements of them: [`crate::written`]. No shipped model is of it yet.
    Written,
    /// Walker programs: [`crate::walkers`].
    Walkers,
}

impl Corpus {
    /// Those of which a model comes with samara.
    pub const SHIPPED: [Self; 2] = [Self::Texts, Self::Walkers];

    /// The name in settings and model strings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Texts => "texts",
            Self::Written => "written",
            Self::Walkers => "walkers",
        }
    }

    /// Whether a model of it learns to say of a prompt whether it knows its subject.
    pub fn asks_about_prompts(self) -> bool {
        match self {
            Self::Written => true,
            Self::Texts | Self::Walkers => false,
        }
    }

    fn is_texts(&self) -> bool {
        *self == Self::Texts
    }
}

/// What decides the trained weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSettings {
    /// What it learns to write. Not stored if it is texts, as in checkpoints from before there was another corpus.
    #[serde(default, skip_serializing_if = "Corpus::is_texts")]
    pub corpus: Corpus,
    /// The model's size.
    pub size: Size,
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Tokens to train on.
    pub tokens: u64,
    /// The seed of corpus and first weights.
    pub seed: u64,
    /// Tokens of a batch.
    pub batch_tokens: usize,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// The weight of a judge's answer in the loss; a token of a text has 1.
    pub answer_weight: f32,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            corpus: Corpus::Texts,
            size: Size::Small,
            vocab_size: 4096,
            tokens: 15_000_000,
            seed: 1,
            batch_tokens: 1536,
            learning_rate: 4e-3,
            answer_weight: 32.0,
        }
    }
}

impl TrainSettings {
    /// The settings that the shipped model of a corpus was trained with.
    pub fn of(corpus: Corpus) -> Self {
        match corpus {
            Corpus::Texts => Self::default(),
            Corpus::Written => Self { corpus, tokens: 30_000_000, ..Self::default() },
            Corpus::Walkers => Self { corpus, vocab_size: 768, tokens: 5_000_000, ..Self::default() },
        }
    }

    /// Steps of the optimiser.
    pub fn steps(&self) -> u64 {
        self.tokens.div_ceil(self.batch_tokens as u64)
    }

    /// Refuses values that no training can have.
    ///
    /// # Errors
    /// The first setting that can't be used.
    pub fn validate(&self) -> Result<(), SeedlingError> {
        let checks = [
            ((300..=65_536).contains(&self.vocab_size), "vocab_size", "300 to 65536"),
            (self.tokens > 0, "tokens", "1 or more"),
            ((512..=1 << 20).contains(&self.batch_tokens), "batch_tokens", "512 to 1048576"),
            (self.learning_rate > 0.0 && self.learning_rate <= 1.0, "learning_rate", "above 0 to 1"),
            (self.answer_weight > 0.0 && self.answer_weight <= 1e4, "answer_weight", "above 0 to 10000"),
        ];
        match checks.into_iter().find(|(fine, ..)| !fine) {
            Some((_, name, hint)) => Err(SeedlingError::setting(name, "is out of range", hint)),
            None => Ok(()),
        }
    }
}
