//! The loop of training: batches in, checkpoints out.

use std::{path::Path, time::Instant};

use serde::{Deserialize, Serialize};

use crate::{Dtype, ModelConfig, RopeScaling, SeedlingError, Stream, Tokenizer, Weights};

use super::{
    adam::{Adam, AdamSettings},
    attention::Rotary,
    checkpoint,
    data::{self, Batches, Source},
    layout::Layout,
    muon::Matrix,
    network::Workspace,
    sequence::Sequence,
    step,
};

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
    /// Walker programs: [`crate::walkers`].
    Walkers,
}

impl Corpus {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Texts, Self::Walkers];

    /// The name in settings and model strings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Texts => "texts",
            Self::Walkers => "walkers",
        }
    }

    fn is_texts(&self) -> bool {
        *self == Self::Texts
    }
}

/// What decides the trained weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSettings {
    /// What it learns to write. Left out where it is texts, as it was before there was anything else.
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
    /// What a judge's answer counts in the loss, beside 1 for a token of a text.
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
            Corpus::Walkers => Self { corpus, vocab_size: 768, tokens: 5_000_000, ..Self::default() },
        }
    }

    /// Steps of the optimiser.
    pub fn steps(&self) -> u64 {
        self.tokens.div_ceil(self.batch_tokens as u64)
    }

    /// Refuses values that make no training.
    ///
    /// # Errors
    /// The first setting that can't be used.
    pub fn validate(&self) -> Result<(), SeedlingError> {
        let checks = [
            ((300..=65_536).contains(&self.vocab_size), "vocab_size", "300 to 65536"),
            (self.tokens > 0, "tokens", "1 or more"),
            ((512..=1 << 20).contains(&self.batch_tokens), "batch_tokens", "512 to 1048576"),
            (self.learning_rate > 0.0 && self.learning_rate <= 1.0, "learning_rate", "above 0, to 1 at most"),
            (self.answer_weight > 0.0 && self.answer_weight <= 1e4, "answer_weight", "above 0, to 10000"),
        ];
        match checks.into_iter().find(|(fine, ..)| !fine) {
            Some((_, name, hint)) => Err(SeedlingError::setting(name, "is out of range", hint)),
            None => Ok(()),
        }
    }
}

/// What is known after a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps taken.
    pub step: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// The batch's mean loss, in nats.
    pub loss: f64,
    /// The gradient's norm.
    pub norm: f64,
    /// Held-out loss of texts in nats a token, and of judges' answers, if they were measured after this step.
    pub held_out: Option<(f64, f64)>,
    /// Tokens per second of this session.
    pub rate: f64,
}

/// A training in progress.
#[derive(Debug)]
pub struct Trainer {
    settings: TrainSettings,
    config: ModelConfig,
    layout: Layout,
    matrices: Vec<Matrix>,
    tokenizer: Tokenizer,
    rotary: Rotary<f32>,
    parameters: Vec<f32>,
    adam: Adam,
    /// The next document of the corpus.
    next: u64,
    tokens: u64,
    workspaces: Vec<Workspace<f32>>,
    started: Instant,
    tokens_before: u64,
}

/// Until which part of the tokens a document is a question with which chance. (Found by trying; the shipped weights
/// depend on it.)
const QUESTIONS: [(f64, f64); 2] = [(0.1, 1.0), (0.375, 0.45)];

/// The chance from then on.
const QUESTIONS_LAST: f64 = 0.2;

/// Held-out documents that losses are measured on.
const HELD_OUT: u64 = 400;

/// Refuses a vocabulary so small that held-out documents are longer than the context: at the start, not hours later.
fn fits(settings: &TrainSettings, tokenizer: &Tokenizer, context: usize) -> Result<(), SeedlingError> {
    let (texts, judges) = data::held_out(tokenizer, (settings.corpus, settings.seed), HELD_OUT);
    let longest = texts.iter().chain(&judges).map(Sequence::context).max().unwrap_or(0);
    if longest > context {
        let what = format!("cuts a document into {longest} tokens, the model's context is {context}");
        return Err(SeedlingError::setting("vocab_size", what, "use a larger vocabulary, such as 1024"));
    }
    Ok(())
}

impl Trainer {
    /// A training from nothing: trains the tokenizer and draws the first weights.
    ///
    /// # Errors
    /// Settings that can't be used.
    pub fn new(settings: TrainSettings, threads: usize) -> Result<Self, SeedlingError> {
        settings.validate()?;
        let tokenizer = data::tokenizer(settings.corpus, settings.seed, settings.vocab_size);
        let config = settings.size.config(tokenizer.vocab_size());
        fits(&settings, &tokenizer, config.max_positions)?;
        let weights = Weights::initial(config.clone(), &mut Stream::new(settings.seed, u64::MAX));
        let layout = Layout::new(&config)?;
        let parameters = layout.flatten(&weights);
        let adam = Adam::new(layout.len);
        Ok(Self::with(settings, (config, layout, tokenizer), parameters, adam, (0, 0), threads))
    }

    /// Goes on where a checkpoint was written.
    ///
    /// # Errors
    /// A folder that holds no usable checkpoint.
    pub fn resume(folder: &Path, threads: usize) -> Result<Self, SeedlingError> {
        let saved = checkpoint::read(folder)?;
        let layout = Layout::new(&saved.weights.config)?;
        let parameters = layout.flatten(&saved.weights);
        let parts = (saved.weights.config, layout, saved.tokenizer);
        let state = saved.state;
        Ok(Self::with(state.settings, parts, parameters, saved.adam, (state.next, state.tokens), threads))
    }

    fn with(
        settings: TrainSettings,
        (config, layout, tokenizer): (ModelConfig, Layout, Tokenizer),
        parameters: Vec<f32>,
        adam: Adam,
        (next, tokens): (u64, u64),
        threads: usize,
    ) -> Self {
        let rotary = Rotary::new(&config, config.max_positions);
        let workspaces = (0..threads.clamp(1, step::SHARDS)).map(|_| Workspace::default()).collect();
        Self {
            settings,
            matrices: layout.matrices(&config),
            config,
            layout,
            tokenizer,
            rotary,
            parameters,
            adam,
            next,
            tokens,
            workspaces,
            started: Instant::now(),
            tokens_before: tokens,
        }
    }

    /// The settings.
    pub fn settings(&self) -> &TrainSettings {
        &self.settings
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.adam.step
    }

    /// Tokens seen.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Whether all tokens were seen.
    pub fn finished(&self) -> bool {
        self.adam.step >= self.settings.steps()
    }

    /// Trains on one batch; with `measure` also takes the held-out losses.
    ///
    /// # Errors
    /// A loss that is not finite, or a document that does not fit the context.
    pub fn step(&mut self, measure: bool) -> Result<Progress, SeedlingError> {
        let mut batches = Batches {
            tokenizer: &self.tokenizer,
            source: Source {
                corpus: self.settings.corpus,
                seed: self.settings.seed,
                judged: self.judged(),
                answer_weight: self.settings.answer_weight,
            },
            next: self.next,
            tokens: self.settings.batch_tokens,
            context: self.config.max_positions,
        };
        let batch = batches.next_batch()?;
        self.next = batches.next;
        let (loss, gradient) = step::gradient(
            &self.config,
            &self.layout,
            &self.parameters,
            &self.rotary,
            &batch,
            &mut self.workspaces,
        );
        let mean = loss.sum / loss.weight;
        let adam = AdamSettings { learning_rate: self.settings.learning_rate, ..AdamSettings::default() };
        let steps = self.settings.steps();
        let norm = self.adam.step(
            &adam,
            steps,
            (&self.layout, &self.matrices),
            &mut self.parameters,
            &gradient,
            self.workspaces.len(),
        );
        if !(mean.is_finite() && norm.is_finite()) {
            let what =
                format!("the loss is {mean} and the gradient's norm {norm} at step {}", self.adam.step);
            return Err(SeedlingError::Training { what, hint: "lower the learning rate".into() });
        }
        self.tokens += batch.iter().map(|sequence| sequence.tokens.len() as u64).sum::<u64>();
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        Ok(Progress {
            step: self.adam.step,
            tokens: self.tokens,
            loss: mean,
            norm,
            held_out: measure.then(|| self.held_out()),
            rate: (self.tokens - self.tokens_before) as f64 / seconds,
        })
    }

    /// Chance that the next documents are questions: at first nothing else. What words are worth is learnt in some
    /// hundred steps when it is all that is asked for, and hardly at all while the words themselves are being learnt;
    /// once it is known, completions take after their examples much sooner as well. Writing well takes longest.
    fn judged(&self) -> f64 {
        let part = self.tokens as f64 / self.settings.tokens as f64;
        QUESTIONS.into_iter().find(|(until, _)| part < *until).map_or(QUESTIONS_LAST, |(_, chance)| chance)
    }

    /// Held-out loss of texts in nats a token, and of judges' answers.
    pub fn held_out(&mut self) -> (f64, f64) {
        let (texts, judges) =
            data::held_out(&self.tokenizer, (self.settings.corpus, self.settings.seed), HELD_OUT);
        let mut mean = |documents: &[Sequence]| {
            let loss = step::loss(
                &self.config,
                &self.layout,
                &self.parameters,
                &self.rotary,
                documents,
                &mut self.workspaces,
            );
            loss.sum / loss.weight.max(1e-9)
        };
        (mean(&texts), mean(&judges))
    }

    /// The weights as they are.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::initial(self.config.clone(), &mut Stream::new(0, 0));
        self.layout.unflatten(&self.parameters, &mut weights);
        weights
    }

    /// Writes everything that [`Trainer::resume`] needs; the folder is a model's folder as well.
    ///
    /// # Errors
    /// A folder that can't be written.
    pub fn save(&self, folder: &Path) -> Result<(), SeedlingError> {
        let state = checkpoint::State {
            settings: self.settings.clone(),
            next: self.next,
            tokens: self.tokens,
            step: self.adam.step,
        };
        checkpoint::write(folder, &self.weights(), &self.tokenizer, &self.adam, &state)
    }

    /// Writes the finished model alone, in half precision.
    ///
    /// # Errors
    /// A folder that can't be written.
    pub fn write_model(&self, folder: &Path) -> Result<(), SeedlingError> {
        checkpoint::write_model(folder, &self.weights(), &self.tokenizer, Dtype::F16)
    }
}
