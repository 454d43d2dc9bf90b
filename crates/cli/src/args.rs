//! The command line, as clap reads it. Parsing has no effect.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, value_parser};
use samara_seedling::train::{Corpus, Size, TrainSettings};

use crate::commands::{sandbox::SandboxCommand, sodarace::SodaraceCommand};

/// Evolution through large models: quality-diversity search in which language models write the variation and judge
/// the result.
#[derive(Debug, Parser)]
#[command(name = "samara", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an experiment
    Run(Run),
    /// Go on with a run that was interrupted, killed or stopped
    Resume(Resume),
    /// Run an experiment under several strategies and seeds, and compare what they find
    Compare(Compare),
    /// Show a run: its archive, its numbers and its best elites
    Show(Show),
    /// Export a run's candidates
    Export(Export),
    /// Replay a run, or an OpenELM history.jsonl, into other axes
    Rebin(Rebin),
    /// List the built-in experiments and environments
    List(List),
    /// Write a commented experiment file to change and run
    New(New),
    /// Train, evaluate, check or talk to a language model
    #[command(subcommand)]
    Model(ModelCommand),
    /// Run programs that nobody has to trust, serve such a sandbox, or see which isolation works here
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Evaluate creatures, and draw how they walk
    #[command(subcommand)]
    Sodarace(SodaraceCommand),
    /// Print a shell's completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// A built-in experiment (see `samara list`) or a TOML file
    pub experiment: String,
    /// Change a setting, such as search.total_steps=500 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The run's seed (search.seed)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Candidates alive at once (search.concurrency); never changes the result
    #[arg(long)]
    pub concurrency: Option<usize>,
    /// The run's folder [default: a new one under runs/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub recall: Recall,
    #[command(flatten)]
    pub output: Output,
}

/// Where the answers of a whole run go, or come from.
#[derive(Debug, clap::Args)]
pub(crate) struct Recall {
    /// Record everything that models are asked and answer into this file
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Answer from a recording, and ask no model
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    /// The run's folder
    pub run: PathBuf,
    /// Change what may change in a run: search.total_steps, search.concurrency, search.max_failures, search.budget.*,
    /// models.*, prices.* and cache.* (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Candidates alive at once (search.concurrency); never changes the result
    #[arg(long)]
    pub concurrency: Option<usize>,
    #[command(flatten)]
    pub recall: Recall,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// A built-in experiment (see `samara list`) or a TOML file
    pub experiment: String,
    /// What to compare, such as qdaif,lmx_quality_only [default: every strategy that the environment can follow]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub strategies: Vec<String>,
    /// Runs of each strategy, with the seeds from search.seed up
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u16).range(1..=1000))]
    pub seeds: u16,
    /// Change a setting of every run, such as search.total_steps=500 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Candidates alive at once (search.concurrency); never changes the result
    #[arg(long)]
    pub concurrency: Option<usize>,
    /// search.novelty.min_quality of lmx_nsaif and lmx_rouge_l
    #[arg(long, value_name = "OBJECTIVE", allow_hyphen_values = true)]
    pub min_quality: Option<f64>,
    /// The folder of all runs and of the results; given again, what is done is not done again
    /// [default: a new one under runs/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// How to print the result
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// No progress, no remarks
    #[arg(long)]
    pub quiet: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The run's folder
    pub run: PathBuf,
    /// How many of the best elites to print
    #[arg(long, default_value_t = 5)]
    pub best: usize,
    /// Write the archive as a picture to this file, too
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportKind {
    /// OpenELM's history.jsonl: genotype, phenotype, fitness, num_gens_current
    Openelm,
    /// A row a candidate
    Csv,
    /// Everything, model calls too: a JSON object a candidate
    Jsonl,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The run's folder
    pub run: PathBuf,
    /// What to write
    #[arg(long = "as", value_enum, default_value = "openelm")]
    pub kind: ExportKind,
    /// The file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rebin {
    /// A run's folder or an OpenELM history.jsonl
    pub history: PathBuf,
    /// An axis' inner edges, such as 0.1,0.5,0.9 (once for all axes, or once an axis)
    #[arg(long, value_name = "EDGES", conflicts_with = "bins", allow_hyphen_values = true)]
    pub ticks: Vec<String>,
    /// An axis' number of even bins (once for all axes, or once an axis)
    #[arg(long, value_name = "N")]
    pub bins: Vec<usize>,
    /// An axis' lowest and highest value for --bins, such as 0,1 [default: the run's, or 0,1]
    #[arg(long, value_name = "LO,HI", requires = "bins", allow_hyphen_values = true)]
    pub range: Vec<String>,
    /// Elites kept per cell [default: the run's, or 1]
    #[arg(long)]
    pub depth: Option<usize>,
    /// Subtracted from each elite's objective in the QD score [default: the run's, or 0]
    #[arg(long, allow_hyphen_values = true)]
    pub qd_offset: Option<f64>,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// The experiment's name; NAME.toml is written
    pub name: String,
    /// The built-in experiment to start from
    #[arg(long, default_value = "opinions")]
    pub from: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Train a small language model on samara's own corpus: no download, no key
    Train(Train),
    /// How well a trained model writes and judges, on texts that it has not seen
    Evaluate(Evaluate),
    /// Complete what you type
    Chat(Chat),
    /// Whether a model is there, what it can do and how fast it is
    Check(Check),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SizeName {
    /// 0.3 million parameters with the default vocabulary: for trying things out
    Tiny,
    /// 1.5 million parameters: the embedded model
    Small,
    /// 7.7 million parameters
    Medium,
}

impl From<SizeName> for Size {
    fn from(name: SizeName) -> Self {
        match name {
            SizeName::Tiny => Self::Tiny,
            SizeName::Small => Self::Small,
            SizeName::Medium => Self::Medium,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CorpusName {
    /// Texts of the built-in experiments, and judgements of them
    Texts,
    /// Walker programs of Sodarace, and changes of them
    Walkers,
}

impl From<CorpusName> for Corpus {
    fn from(name: CorpusName) -> Self {
        match name {
            CorpusName::Texts => Self::Texts,
            CorpusName::Walkers => Self::Walkers,
        }
    }
}

/// Most steps between two checkpoints or measurements.
const STEPS: u64 = 1_000_000_000;

/// What decides the weights. It can't change when a training goes on.
#[derive(Debug, clap::Args)]
pub(crate) struct Training {
    /// What the model learns to write
    #[arg(long, conflicts_with = "resume", value_enum, default_value = "texts")]
    pub corpus: CorpusName,
    /// Tokens to train on, such as 300k or 20M [default: 15M; walkers 5M]
    #[arg(long, conflicts_with = "resume", value_name = "N", value_parser = count)]
    pub tokens: Option<u64>,
    /// The model's size
    #[arg(long, conflicts_with = "resume", value_enum, default_value = "small")]
    pub size: SizeName,
    /// Entries of the vocabulary [default: 4096; walkers 768]
    #[arg(long, conflicts_with = "resume", value_name = "N")]
    pub vocab_size: Option<usize>,
    /// The seed of corpus and first weights
    #[arg(long, conflicts_with = "resume", default_value_t = TrainSettings::default().seed)]
    pub seed: u64,
    /// Tokens of a batch
    #[arg(long, conflicts_with = "resume", value_name = "N", default_value_t = TrainSettings::default().batch_tokens)]
    pub batch_tokens: usize,
    /// The highest learning rate
    #[arg(long, conflicts_with = "resume", value_name = "RATE", default_value_t = TrainSettings::default().learning_rate)]
    pub learning_rate: f64,
    /// What a judge's answer counts in the loss, beside 1 for a token of a text
    #[arg(long, conflicts_with = "resume", value_name = "WEIGHT", default_value_t = TrainSettings::default().answer_weight)]
    pub answer_weight: f32,
    /// Steps between two measurements of the held-out losses; a fixed part of the training like the settings above
    #[arg(long, conflicts_with = "resume", value_name = "STEPS", default_value_t = 250, value_parser = value_parser!(u64).range(1..=STEPS))]
    pub measure_every: u64,
}

impl Training {
    /// As the trainer knows them.
    pub(crate) fn settings(&self) -> TrainSettings {
        let default = TrainSettings::of(self.corpus.into());
        TrainSettings {
            corpus: default.corpus,
            size: self.size.into(),
            vocab_size: self.vocab_size.unwrap_or(default.vocab_size),
            tokens: self.tokens.unwrap_or(default.tokens),
            seed: self.seed,
            batch_tokens: self.batch_tokens,
            learning_rate: self.learning_rate,
            answer_weight: self.answer_weight,
        }
    }
}

/// A count with an optional k or M behind.
fn count(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000),
        None => text.strip_suffix(['m', 'M']).map_or((text, 1), |digits| (digits, 1_000_000)),
    };
    let number: Option<u64> = digits.replace('_', "").parse().ok();
    number.and_then(|number| number.checked_mul(unit)).ok_or_else(|| "write 300000, 300k or 20M".to_owned())
}

#[derive(Debug, clap::Args)]
pub(crate) struct Train {
    /// The training's folder: checkpoint, losses, report and the finished model
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Go on from DIR's checkpoint, with its settings
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub training: Training,
    /// Threads; never change the result [default: the machine's]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Steps between two checkpoints [default: 250, or as before]
    #[arg(long, value_name = "STEPS", value_parser = value_parser!(u64).range(1..=STEPS))]
    pub checkpoint_every: Option<u64>,
    /// Completions a domain and texts a question of the evaluation at the end; 0 leaves it out [default: 1000, or as
    /// before]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(..=1_000_000))]
    pub evaluate: Option<u32>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Evaluate {
    /// A model's folder: config.json, model.safetensors and tokenizer.json
    pub folder: PathBuf,
    /// What the model has learnt to write
    #[arg(long, value_enum, default_value = "texts")]
    pub corpus: CorpusName,
    /// Completions of each domain, or of each format of prompts for walkers
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub completions: u32,
    /// Texts that every question is asked about; walkers are asked no questions
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub texts: u32,
    /// Sampling temperature of the completions, above 0 [default: 0.6; walkers 0.7]
    #[arg(long)]
    pub temperature: Option<f64>,
    /// Threads; never change the result [default: the machine's]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub output: Output,
}

/// What `--stop` and typed lines may hold.
const ESCAPES: &str = "In prompts and stop strings \\n is a new line, \\t a tab and \\\\ a backslash.";

#[derive(Debug, clap::Args)]
#[command(after_help = ESCAPES)]
pub(crate) struct Chat {
    /// embedded, embedded#walkers, http://host:port/v1#NAME, scripted:FILE, triton://host:8000/NAME or PROVIDER:NAME
    pub model: String,
    /// Complete this and end, instead of reading lines
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// Most tokens of a completion
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
    pub max_tokens: u32,
    /// 0 always takes the likeliest token, 1 follows the model's own distribution
    #[arg(long, default_value_t = 1.0)]
    pub temperature: f64,
    /// The probability mass that tokens are drawn from, above 0 to 1
    #[arg(long, default_value_t = 1.0)]
    pub top_p: f64,
    /// The first completion's seed; it counts up with every line
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u64).range(..1 << 31))]
    pub seed: u64,
    /// A string that ends a completion (repeatable)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub stop: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// embedded, embedded#walkers, http://host:port/v1#NAME, scripted:FILE, triton://host:8000/NAME or PROVIDER:NAME
    pub model: String,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn counts_may_have_a_unit() {
        assert_eq!(count("300000"), Ok(300_000));
        assert_eq!((count("300k"), count("20M"), count("1_000")), (Ok(300_000), Ok(20_000_000), Ok(1000)));
        for bad in ["", "k", "1.5M", "-1", "20 M", "99999999999999M"] {
            assert!(count(bad).is_err(), "{bad}");
        }
    }
}
