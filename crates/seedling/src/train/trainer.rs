//! The loop of training: batches in, checkpoints out.

use std::{path::Path, time::Instant};

use serde::{Deserialize, Serialize};

use crate::{Dtype, ModelConfig, SeedlingError, Stream, Tokenizer, Weights, rope::Rotary};

use super::{
    adam::{Adam, AdamSettings},
    checkpoint,
    data::{self, Batches, Source},
    kind,
    layout::Layout,
    muon::Matrix,
    network::Workspace,
    prior, schedule,
    sequence::Sequence,
    settings::{Corpus, TrainSettings},
    step,
};

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
    /// A training from scratch: trains the tokenizer and draws the first weights.
    ///
    /// # Errors
    /// Settings that can't be used.
    pub fn new(settings: TrainSettings, threads: usize) -> Result<Self, SeedlingError> {
        settings.validate()?;
        let tokenizer = data::tokenizer(settings.corpus, settings.seed, settings.vocab_size);
        let config = settings.size.config(tokenizer.vocab_size());
        fits(&settings, &tokenizer, config.max_positions)?;
        let mut weights = Weights::initial(config.clone(), &mut Stream::new(settings.seed, u64::MAX));
        if settings.corpus == Corpus::Written {
            prior::inform(&mut weights, &tokenizer, settings.seed);
        }
        let layout = Layout::new(&config)?;
        let parameters = layout.flatten(&weights);
        let adam = Adam::new(layout.len);
        Ok(Self::with(settings, (config, layout, tokenizer), parameters, adam, (0, 0), threads))
    }

    /// Resumes from a checkpoint.
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
        // What the corpus teaches, also where a checkpoint of an earlier version is gone on with.
        let config = ModelConfig { subjects: settings.corpus.asks_about_prompts(), ..config };
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
                chances: schedule::chances(
                    self.settings.corpus,
                    self.tokens as f64 / self.settings.tokens as f64,
                ),
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
        let state = checkpoint::TrainingState {
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
        checkpoint::write_model(folder, &self.weights(), &self.tokenizer, Dtype::F16)?;
        kind::write(folder, self.settings.corpus)
    }
}
