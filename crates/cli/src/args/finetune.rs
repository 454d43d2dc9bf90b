//! The arguments of `samara finetune` and `samara loop`.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint, value_parser};
use clap_complete::ArgValueCompleter;
use samara_seedling::train::{Corpus, tune::TuneSettings};

use super::{KeepName, offers, output::Output, part};

/// What every sample counts in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeighBy {
    /// Its objective as a part of the best of its cell over all runs
    Share,
    /// All the same
    Equal,
}

/// What a model learns from runs, and how. It can't change when a finetuning is continued.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Tuning {
    /// Which candidates are learnt from
    #[arg(long, value_enum, value_name = "WHICH", default_value = "admitted")]
    pub keep: KeepName,
    /// Only candidates whose objective is this part of the best of their cell, over all runs; 0 to 1
    #[arg(long, value_name = "PART", default_value_t = 0.8, value_parser = part)]
    pub min_share: f64,
    /// What every sample counts in the loss
    #[arg(long, value_enum, value_name = "WHAT", default_value = "share")]
    pub weigh_by: WeighBy,
    /// Teach what was written behind examples only so, and not also as if asked for from nothing
    #[arg(long)]
    pub as_asked: bool,
    /// Hold out this part of the samples, by which the best step is chosen; 0 to 1
    #[arg(long, value_name = "PART", default_value_t = 0.1, value_parser = part)]
    pub held_out: f64,
    /// How often every sample is seen
    #[arg(long, value_name = "N", default_value_t = TuneSettings::of(Corpus::Walkers).epochs)]
    pub epochs: f64,
    /// The highest learning rate
    #[arg(long, value_name = "RATE", default_value_t = TuneSettings::of(Corpus::Walkers).learning_rate)]
    pub learning_rate: f64,
    /// The part of what is seen that comes from the model's own corpus, against forgetting; 0 to 0.95
    #[arg(long, value_name = "PART", default_value_t = TuneSettings::of(Corpus::Walkers).replay, value_parser = part)]
    pub replay: f64,
    /// Tokens of a batch
    #[arg(long, value_name = "N", default_value_t = TuneSettings::of(Corpus::Walkers).batch_tokens)]
    pub batch_tokens: usize,
    /// Steps between two measurements of the held-out loss
    #[arg(long, value_name = "STEPS", default_value_t = TuneSettings::of(Corpus::Walkers).measure_every, value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    pub measure_every: u64,
    /// Measurements without a better held-out loss after which it ends
    #[arg(long, value_name = "N", default_value_t = TuneSettings::of(Corpus::Walkers).patience, value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    pub patience: u64,
    /// What samples are held out by, and the order in which the others are seen
    #[arg(long, value_name = "N", default_value_t = TuneSettings::of(Corpus::Walkers).seed)]
    pub tuning_seed: u64,
}

impl Tuning {
    /// As the trainer knows them, for a model of a corpus.
    pub(crate) fn settings(&self, corpus: Corpus) -> TuneSettings {
        TuneSettings {
            seed: self.tuning_seed,
            epochs: self.epochs,
            batch_tokens: self.batch_tokens,
            learning_rate: self.learning_rate,
            replay: self.replay,
            measure_every: self.measure_every,
            patience: self.patience,
            ..TuneSettings::of(corpus)
        }
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Finetune {
    /// The runs to learn from
    #[arg(value_name = "RUN", required_unless_present = "resume", conflicts_with = "resume", add = ArgValueCompleter::new(offers::runs))]
    pub runs: Vec<PathBuf>,
    /// The model to begin with: embedded, embedded#walkers, or a folder that samara wrote [default: the embedded model
    /// of what the runs evolve]
    #[arg(long, value_name = "MODEL", conflicts_with = "resume")]
    pub from: Option<String>,
    /// The finetuning's folder: samples, checkpoint, losses, report and the finished model
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Go on from DIR's checkpoint, with its settings
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub tuning: Tuning,
    /// Threads; never change the result [default: the machine's]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Steps between two checkpoints
    #[arg(long, value_name = "STEPS", default_value_t = 50, value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    pub checkpoint_every: u64,
    /// Completions by which the model is evaluated before and after; 0 leaves that out
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u32).range(..=1_000_000))]
    pub evaluate: u32,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Loop {
    /// A built-in experiment whose candidates an embedded model writes, such as sodarace, or a TOML file
    #[arg(add = ArgValueCompleter::new(offers::experiments_and_files))]
    pub experiment: String,
    /// How often is evolved; between two rounds the model is finetuned
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u64).range(1..=1000))]
    pub rounds: u64,
    /// Candidates of each round [default: search.total_steps]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    pub evaluations: Option<u64>,
    /// Change a setting of the experiment (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The run's seed (search.seed)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Leave out what the rounds are compared with: the same evaluations without finetuning, and fresh samples
    #[arg(long)]
    pub alone: bool,
    /// The folder of all of it; the same command goes on with it
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    #[command(flatten)]
    pub tuning: Tuning,
    /// Threads; never change the result [default: the machine's]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub output: Output,
}
