//! The arguments of `samara model`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum, ValueHint, value_parser};
use samara_seedling::train::{Corpus, Size, TrainSettings};

use super::output::{Format, Output};

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Train a small language model on samara's own corpus: no download, no key
    Train(Train),
    /// Measure how well a trained model writes and judges, on texts it has not seen
    Evaluate(Evaluate),
    /// Complete what you type
    Chat(Chat),
    /// Check that a model is available, what it can do and how fast it is
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
    /// The corpus of the next model: texts written line by line, put together, and judgements of them
    Written,
    /// Walker programs of Sodarace, and changes of them
    Walkers,
}

impl From<CorpusName> for Corpus {
    fn from(name: CorpusName) -> Self {
        match name {
            CorpusName::Texts => Self::Texts,
            CorpusName::Written => Self::Written,
            CorpusName::Walkers => Self::Walkers,
        }
    }
}

/// Most steps between two checkpoints or measurements.
const STEPS: u64 = 1_000_000_000;

/// What decides the weights. It can't change when a training is continued.
#[derive(Debug, clap::Args)]
pub(crate) struct Training {
    /// What the model learns to write
    #[arg(long, conflicts_with = "resume", value_enum, default_value = "texts")]
    pub corpus: CorpusName,
    /// Tokens to train on, such as 300k or 20M [default: 15M; written 30M; walkers 5M]
    #[arg(long, conflicts_with = "resume", value_name = "N", value_parser = count)]
    pub tokens: Option<u64>,
    /// The model's size
    #[arg(long, conflicts_with = "resume", value_enum, default_value = "small")]
    pub size: SizeName,
    /// Size of the vocabulary [default: 4096; walkers 768]
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
    /// Weight of a judge's answer in the loss; a token of a text has weight 1
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
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Continue from DIR's checkpoint, with its settings
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
    /// Completions per domain and texts per question in the final evaluation; 0 skips it [default: 1000, or as
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
    /// Also measure on the blind held-out set, by which no choice may be made: `--corpus written` only
    #[arg(long)]
    pub blind: bool,
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
    /// embedded, gguf:FILE.gguf, huggingface:ORG/NAME, http://host:port/v1#NAME, scripted:FILE or PROVIDER:NAME
    pub model: String,
    /// Complete this text and exit, instead of reading lines
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
    /// embedded, gguf:FILE.gguf, huggingface:ORG/NAME, http://host:port/v1#NAME, scripted:FILE or PROVIDER:NAME
    pub model: String,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_may_have_a_unit() {
        assert_eq!(count("300000"), Ok(300_000));
        assert_eq!((count("300k"), count("20M"), count("1_000")), (Ok(300_000), Ok(20_000_000), Ok(1000)));
        for bad in ["", "k", "1.5M", "-1", "20 M", "99999999999999M"] {
            assert!(count(bad).is_err(), "{bad}");
        }
    }
}
