//! The loop of finetuning: samples and replayed documents in, the best weights by the held-out loss out.

use std::{path::Path, time::Instant};

use serde::{Deserialize, Serialize};

use super::{TuneSettings, kept, samples::Sample};
use crate::{
    Dtype, ModelConfig, SeedlingError, Stream, Tokenizer, Weights, check_tokenizer,
    corpus::Split,
    rope::Rotary,
    train::{
        adam::{Adam, AdamSettings},
        checkpoint,
        data::Source,
        kind,
        layout::Layout,
        muon::Matrix,
        network::Workspace,
        schedule,
        sequence::Sequence,
        settings::TrainSettings,
        step,
    },
};

/// What is finetuned: a model's weights and its tokenizer.
#[derive(Debug, Clone)]
pub struct Base {
    /// The weights.
    pub weights: Weights,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
}

/// What was measured on held-out samples and on documents of the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The step after which; 0 for the model that was begun with.
    pub step: u64,
    /// The mean loss of held-out samples, in nats a token; without any, that of all samples.
    pub samples: f64,
    /// The mean loss of held-out documents of the model's own corpus: what it forgets.
    pub corpus: f64,
}

/// What is known after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TuneProgress {
    /// Steps taken.
    pub step: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// The batch's mean loss, in nats.
    pub loss: f64,
    /// The gradient's norm.
    pub norm: f64,
    /// What was measured after this step, if anything was.
    pub measured: Option<Measured>,
    /// Tokens per second of this session.
    pub rate: f64,
}

/// How far a finetuning has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Samples served.
    pub served: u64,
    /// Documents of the corpus served.
    pub replayed: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// Steps taken.
    pub step: u64,
    /// That of the model that was begun with.
    pub first: Option<Measured>,
    /// The best measurement.
    pub best: Option<Measured>,
    /// Measurements since the best one.
    pub misses: u64,
}

/// Documents of the corpus by which forgetting is measured.
const CORPUS_HELD_OUT: u64 = 100;
/// Told apart from the seeds of corpora that models were trained on from nothing.
const REPLAYED: u64 = 0x7265_706c_6179_6564;
/// The share of the steps in which the learning rate rises.
const WARMUP: f64 = 0.1;

/// A finetuning in progress.
#[derive(Debug)]
pub struct Tuner {
    pub(super) settings: TuneSettings,
    pub(super) tokenizer: Tokenizer,
    pub(super) parameters: Vec<f32>,
    pub(super) adam: Adam,
    /// The parameters of the best measurement.
    pub(super) best: Vec<f32>,
    pub(super) position: Position,
    pub(super) config: ModelConfig,
    layout: Layout,
    matrices: Vec<Matrix>,
    rotary: Rotary<f32>,
    train: Vec<Sequence>,
    held_out: Vec<Sequence>,
    of_corpus: Vec<Sequence>,
    left_out: usize,
    steps: u64,
    workspaces: Vec<Workspace<f32>>,
    started: Instant,
    tokens_before: u64,
}

impl Tuner {
    /// A finetuning of a model on samples, of which `held_out` are measured with alone. Samples that are longer than the
    /// model's context are left out ([`Tuner::left_out`]).
    ///
    /// # Errors
    /// Settings that can't be used, a model that can't be trained, no sample that fits the context.
    pub fn new(
        settings: TuneSettings,
        base: Base,
        (train, held_out): (&[Sample], &[Sample]),
        threads: usize,
    ) -> Result<Self, SeedlingError> {
        settings.validate()?;
        check_tokenizer(&base.tokenizer, &base.weights.config)?;
        let layout = Layout::new(&base.weights.config)?;
        let parameters = layout.flatten(&base.weights);
        let adam = Adam::new(layout.len);
        let best = parameters.clone();
        let config = base.weights.config;
        let parts = (config, layout, base.tokenizer);
        Self::with(settings, parts, (parameters, adam, best), Position::default(), (train, held_out), threads)
    }

    /// Goes on from a checkpoint, with the samples that it was begun with.
    ///
    /// # Errors
    /// A folder that holds no usable checkpoint.
    pub fn resume(
        folder: &Path,
        samples: (&[Sample], &[Sample]),
        threads: usize,
    ) -> Result<Self, SeedlingError> {
        let kept::Kept { settings, weights, tokenizer, adam, best, position } = kept::read(folder)?;
        let layout = Layout::new(&weights.config)?;
        let parameters = layout.flatten(&weights);
        let parts = (weights.config, layout, tokenizer);
        Self::with(settings, parts, (parameters, adam, best), position, samples, threads)
    }

    fn with(
        settings: TuneSettings,
        (config, layout, tokenizer): (ModelConfig, Layout, Tokenizer),
        (parameters, adam, best): (Vec<f32>, Adam, Vec<f32>),
        position: Position,
        (train, held_out): (&[Sample], &[Sample]),
        threads: usize,
    ) -> Result<Self, SeedlingError> {
        let context = config.max_positions;
        let sequences = |samples: &[Sample]| -> Vec<Sequence> {
            let sequence =
                |sample: &Sample| sample.sequence(&tokenizer, settings.corpus, settings.prompt_weight);
            samples.iter().map(sequence).collect()
        };
        let (mut learnt, mut measured) = (sequences(train), sequences(held_out));
        let (all, longest) = (learnt.len() + measured.len(), longest(learnt.iter().chain(&measured)));
        learnt.retain(|sequence| sequence.context() <= context && !sequence.targets.is_empty());
        measured.retain(|sequence| sequence.context() <= context && !sequence.targets.is_empty());
        if learnt.is_empty() {
            let what = format!(
                "no sample fits the model's context: the longest has {longest} tokens, the context {context}"
            );
            let hint = "use a model with a longer context, or runs with shorter prompts (few_shot)".into();
            return Err(SeedlingError::Training { what, hint });
        }
        let source = source(&settings, Split::HeldOut);
        let of_corpus =
            (0..CORPUS_HELD_OUT).map(|number| source.sequence(&tokenizer, Split::HeldOut, number));
        let of_corpus = of_corpus.filter(|sequence| sequence.context() <= context).collect();
        let steps = steps(&settings, &learnt);
        let left_out = all - learnt.len() - measured.len();
        let rotary = Rotary::new(&config, context);
        let workspaces = (0..threads.clamp(1, step::SHARDS)).map(|_| Workspace::default()).collect();
        Ok(Self {
            matrices: layout.matrices(&config),
            tokens_before: position.tokens,
            started: Instant::now(),
            train: learnt,
            held_out: measured,
            settings,
            tokenizer,
            parameters,
            adam,
            best,
            position,
            config,
            layout,
            rotary,
            of_corpus,
            left_out,
            steps,
            workspaces,
        })
    }

    /// The settings.
    pub fn settings(&self) -> &TuneSettings {
        &self.settings
    }

    /// Steps taken.
    pub fn step_number(&self) -> u64 {
        self.position.step
    }

    /// Steps in all, if nothing ends it earlier.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Tokens seen.
    pub fn tokens(&self) -> u64 {
        self.position.tokens
    }

    /// Samples that are learnt from, and that are measured with.
    pub fn samples(&self) -> (usize, usize) {
        (self.train.len(), self.held_out.len())
    }

    /// Samples that are longer than the model's context.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Tokens that the model sees at most.
    pub fn context(&self) -> usize {
        self.config.max_positions
    }

    /// The measurement of the model that was begun with.
    pub fn first(&self) -> Option<Measured> {
        self.position.first
    }

    /// The best measurement so far: the finished model is that of its step.
    pub fn best(&self) -> Option<Measured> {
        self.position.best
    }

    /// Whether the held-out loss has not fallen for [`TuneSettings::patience`] measurements.
    pub fn stopped_early(&self) -> bool {
        self.position.misses >= self.settings.patience && self.position.step < self.steps
    }

    /// Whether there is nothing left to do.
    pub fn finished(&self) -> bool {
        self.position.step >= self.steps || self.stopped_early()
    }

    /// Measures the model that is begun with: later ones must be better. To be called before the first step.
    pub fn measure_first(&mut self) -> Measured {
        let measured = self.measure();
        (self.position.first, self.position.best) = (Some(measured), Some(measured));
        measured
    }

    /// Trains on one batch, and measures if it is time.
    ///
    /// # Errors
    /// A loss that is not finite.
    pub fn step(&mut self) -> Result<TuneProgress, SeedlingError> {
        let batch = self.next_batch();
        let workspaces = &mut self.workspaces;
        let (config, layout) = (&self.config, &self.layout);
        let (loss, gradient) =
            step::gradient(config, layout, &self.parameters, &self.rotary, &batch, workspaces);
        let mean = loss.sum / loss.weight;
        let adam = AdamSettings {
            learning_rate: self.settings.learning_rate,
            warmup: ((self.steps as f64 * WARMUP) as u64).max(1),
            ..AdamSettings::default()
        };
        let shape = (&self.layout, &self.matrices[..]);
        let threads = self.workspaces.len();
        let norm = self.adam.step(&adam, self.steps, shape, &mut self.parameters, &gradient, threads);
        if !(mean.is_finite() && norm.is_finite()) {
            let what =
                format!("the loss is {mean} and the gradient's norm {norm} at step {}", self.adam.step);
            return Err(SeedlingError::Training { what, hint: "lower the learning rate".into() });
        }
        self.position.step += 1;
        self.position.tokens += batch.iter().map(|sequence| sequence.tokens.len() as u64).sum::<u64>();
        let step = self.position.step;
        let due = step.is_multiple_of(self.settings.measure_every) || step == self.steps;
        let measured = due.then(|| self.measure());
        if let Some(measured) = measured {
            self.judge(measured);
        }
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        let tokens = self.position.tokens;
        let rate = (tokens - self.tokens_before) as f64 / seconds;
        Ok(TuneProgress { step, tokens, loss: mean, norm, measured, rate })
    }

    /// Keeps the weights if they are the best.
    fn judge(&mut self, measured: Measured) {
        if self.position.best.is_none_or(|best| measured.samples < best.samples) {
            self.position.best = Some(measured);
            self.position.misses = 0;
            self.best.copy_from_slice(&self.parameters);
        } else {
            self.position.misses += 1;
        }
    }

    /// The next documents: samples in an order of their own every time they are gone through, and among them documents of
    /// the corpus. Everything follows from the numbers of those before.
    fn next_batch(&mut self) -> Vec<Sequence> {
        let (seed, samples) = (self.settings.seed, self.train.len() as u64);
        let source = source(&self.settings, Split::Train);
        let (mut batch, mut tokens) = (Vec::new(), 0);
        let mut order: Option<(u64, Vec<usize>)> = None;
        while tokens < self.settings.batch_tokens {
            let drawn = self.position.served + self.position.replayed;
            let sequence = if Stream::new(seed ^ REPLAYED, drawn).chance(self.settings.replay) {
                self.position.replayed += 1;
                source.sequence(&self.tokenizer, Split::Train, self.position.replayed - 1)
            } else {
                let (pass, place) = (self.position.served / samples, self.position.served % samples);
                self.position.served += 1;
                if order.as_ref().is_none_or(|(of, _)| *of != pass) {
                    let mut places: Vec<usize> = (0..self.train.len()).collect();
                    Stream::new(seed, pass).shuffle(&mut places);
                    order = Some((pass, places));
                }
                let at = order.as_ref().map_or(0, |(_, places)| places[place as usize]);
                self.train[at].clone()
            };
            // Documents of the corpus were made for longer contexts than a model of somebody else may have.
            if sequence.context() <= self.config.max_positions {
                tokens += sequence.tokens.len();
                batch.push(sequence);
            }
        }
        batch
    }

    /// The held-out losses of the weights as they are.
    pub fn measure(&mut self) -> Measured {
        let (config, layout, rotary) = (&self.config, &self.layout, &self.rotary);
        let (parameters, workspaces) = (&self.parameters, &mut self.workspaces);
        let mut mean = |documents: &[Sequence]| {
            let loss = step::loss(config, layout, parameters, rotary, documents, workspaces);
            loss.sum / loss.weight.max(1e-9)
        };
        let with = if self.held_out.is_empty() { &self.train } else { &self.held_out };
        Measured { step: self.position.step, samples: mean(with), corpus: mean(&self.of_corpus) }
    }

    fn weights_of(&self, parameters: &[f32]) -> Weights {
        let mut weights = Weights::initial(self.config.clone(), &mut Stream::new(0, 0));
        self.layout.unflatten(parameters, &mut weights);
        weights
    }

    /// The weights as they are.
    pub fn weights(&self) -> Weights {
        self.weights_of(&self.parameters)
    }

    /// Writes all that [`Tuner::resume`] needs but the samples.
    ///
    /// # Errors
    /// A folder that can't be written.
    pub fn save(&self, folder: &Path) -> Result<(), SeedlingError> {
        kept::write(folder, self)
    }

    /// Writes the finished model alone, in half precision: the best one by the held-out loss.
    ///
    /// # Errors
    /// A folder that can't be written.
    pub fn write_model(&self, folder: &Path) -> Result<(), SeedlingError> {
        checkpoint::write_model(folder, &self.weights_of(&self.best), &self.tokenizer, Dtype::F16)?;
        kind::write(folder, self.settings.corpus)
    }
}

/// Where documents of the corpus come from.
fn source(settings: &TuneSettings, split: Split) -> Source {
    let answer_weight = TrainSettings::of(settings.corpus).answer_weight;
    let seed = match split {
        Split::Train => settings.seed ^ REPLAYED,
        // The same for every seed, so that what is forgotten can be compared.
        Split::HeldOut => REPLAYED,
    };
    Source { corpus: settings.corpus, seed, chances: schedule::chances(settings.corpus, 1.0), answer_weight }
}

fn longest<'a>(sequences: impl Iterator<Item = &'a Sequence>) -> usize {
    sequences.map(Sequence::context).max().unwrap_or(0)
}

/// Steps until every sample was seen as often as is wanted, if documents of the corpus are about as long as samples.
fn steps(settings: &TuneSettings, train: &[Sequence]) -> u64 {
    let tokens: usize = train.iter().map(|sequence| sequence.tokens.len()).sum();
    let all = settings.epochs * tokens as f64 / (1.0 - settings.replay);
    ((all / settings.batch_tokens as f64).ceil() as u64).max(1)
}
