//! The plain records of a run: what the engine hands over and gets back, field by field.
//!
//! Knows nothing of SQLite, files or archives. How a record is laid out on disk is in [`crate::schema`].

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// What is evolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Genome {
    /// A text or a program.
    Text(Arc<str>),
    /// A vector of finite numbers.
    Vector(Vec<f64>),
    /// A text together with the few-shot examples that its prompt showed (language-model crossover).
    FewShot {
        /// The examples, in the order of the prompt.
        examples: Vec<Arc<str>>,
        /// The completion.
        text: Arc<str>,
    },
}

impl Genome {
    /// What a person reads and the exports write: the text, a vector as a JSON array, the completion of a few-shot
    /// prompt.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::FewShot { text, .. } => Cow::Borrowed(text),
            Self::Vector(numbers) => Cow::Owned(number_list(numbers)),
        }
    }

    /// The few-shot examples; none for the other kinds.
    pub fn examples(&self) -> &[Arc<str>] {
        match self {
            Self::FewShot { examples, .. } => examples,
            Self::Text(_) | Self::Vector(_) => &[],
        }
    }
}

/// Numbers as a JSON array whose reading gives the same bits. They must be finite.
pub(crate) fn number_list(numbers: &[f64]) -> String {
    serde_json::to_string(numbers).expect("an array of numbers always has a JSON text")
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Fate {
    /// It filled an empty cell.
    New,
    /// It entered a filled cell.
    Improved,
    /// It was evaluated and its cell had better ones.
    NotBetter,
    /// Nothing usable was written.
    Invalid {
        /// What was wrong with it.
        why: String,
    },
    /// It ran badly.
    Failed {
        /// What went wrong.
        why: String,
    },
}

impl Fate {
    /// The name that the journal and the exports write: `new`, `improved`, `not_better`, `invalid` or `failed`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Improved => "improved",
            Self::NotBetter => "not_better",
            Self::Invalid { .. } => "invalid",
            Self::Failed { .. } => "failed",
        }
    }

    /// The reason of an invalid or failed candidate.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Invalid { why } | Self::Failed { why } => Some(why),
            Self::New | Self::Improved | Self::NotBetter => None,
        }
    }

    /// The fate of that name; a reason is for `invalid` and `failed`, and only for them.
    pub(crate) fn from_parts(name: &str, why: Option<String>) -> Option<Self> {
        match (name, why) {
            ("new", None) => Some(Self::New),
            ("improved", None) => Some(Self::Improved),
            ("not_better", None) => Some(Self::NotBetter),
            ("invalid", Some(why)) => Some(Self::Invalid { why }),
            ("failed", Some(why)) => Some(Self::Failed { why }),
            _ => None,
        }
    }
}

/// One settled candidate, with everything that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its place in the run: 0, 1, 2, ...
    pub index: u64,
    /// The indices of its parents, in the order they were used.
    pub parents: Vec<u64>,
    /// What was evolved; `None` if nothing was written.
    pub genome: Option<Genome>,
    /// One finite number an axis; `None` if it was not evaluated.
    pub measures: Option<Vec<f64>>,
    /// Finite; higher is better. `None` if it was not evaluated.
    pub objective: Option<f64>,
    /// What became of it.
    pub fate: Fate,
    /// The archive's cell of its measures.
    pub cell: Option<u64>,
    /// Its place in the cell when it entered, 0 the best.
    pub rank: Option<u32>,
    /// Wall time of making and evaluating it, in milliseconds; -0.0 is kept as 0.0.
    pub live_ms: f64,
    /// How an untrusted program was isolated; `None` if none ran.
    pub isolation: Option<String>,
    /// The position of its writer in the generator's ensemble; `None` without an ensemble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<u32>,
    /// The model calls that made and judged it, in the order they were made.
    pub calls: Vec<ModelCall>,
}

/// What a model was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// A completion of the prompt.
    Complete,
    /// Log-probabilities of given answers.
    Score,
    /// An embedding of the prompt.
    Embed,
}

impl CallKind {
    /// The name that the journal writes: `complete`, `score` or `embed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Score => "score",
            Self::Embed => "embed",
        }
    }

    /// The kind of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Complete, Self::Score, Self::Embed].into_iter().find(|kind| kind.name() == name)
    }
}

/// One request to a model and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCall {
    /// Who asked: `generator`, `judge` or `embedder`.
    pub role: String,
    /// What was asked for.
    pub kind: CallKind,
    /// The model's name.
    pub model: String,
    /// The whole prompt, or the text that was embedded.
    pub prompt: String,
    /// The completion; for a score the answers as a JSON array; for an embedding its dimension.
    pub answer: String,
    /// For a score, one finite number an answer.
    pub log_probabilities: Vec<f64>,
    /// How a score was obtained.
    pub method: Option<String>,
    /// Tokens of the prompt, at most 2^63 - 1.
    pub tokens_in: u64,
    /// Tokens of the answer, at most 2^63 - 1.
    pub tokens_out: u64,
    /// Money spent, in the currency of the configuration; -0.0 is kept as 0.0. 0 for an answer from a cache.
    pub cost: f64,
    /// What the answer costs when it is asked for, if that is not `cost`: for answers from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// Wall time, in milliseconds; -0.0 is kept as 0.0. For an answer from a cache, when it was asked for.
    pub latency_ms: f64,
    /// Requests sent until it worked or was given up; 0 for an answer from a cache.
    pub attempts: u32,
    /// The seed that was sent.
    pub seed: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The resolved configuration, as TOML.
    pub config: String,
    /// The experiment's name.
    pub experiment: String,
    /// The environment's name.
    pub environment: String,
    /// The seed of the run.
    pub seed: u64,
    /// The version of samara that started the run.
    pub samara: String,
    /// When it was started, in RFC 3339.
    pub created: String,
}

/// How many candidates had which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is the fate of that name")]
pub struct FateCounts {
    pub new: u64,
    pub improved: u64,
    pub not_better: u64,
    pub invalid: u64,
    pub failed: u64,
}

impl FateCounts {
    /// Counts one more of this fate.
    pub(crate) fn count(&mut self, fate: &Fate) {
        match fate {
            Fate::New => self.new += 1,
            Fate::Improved => self.improved += 1,
            Fate::NotBetter => self.not_better += 1,
            Fate::Invalid { .. } => self.invalid += 1,
            Fate::Failed { .. } => self.failed += 1,
        }
    }
}

/// Sums over a run, the calls of its set-up included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Settled candidates.
    pub candidates: u64,
    /// Model calls.
    pub calls: u64,
    /// Tokens of all prompts.
    pub tokens_in: u64,
    /// Tokens of all answers.
    pub tokens_out: u64,
    /// Price of all calls, in the currency of the configuration.
    pub cost: f64,
    /// Candidates by fate.
    pub fates: FateCounts,
}

/// A candidate without its calls: what a fold over the run needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// Its place in the run: 0, 1, 2, ...
    pub index: u64,
    /// The indices of its parents.
    pub parents: Vec<u64>,
    /// What was evolved.
    pub genome: Option<Genome>,
    /// One number an axis.
    pub measures: Option<Vec<f64>>,
    /// Higher is better.
    pub objective: Option<f64>,
    /// What became of it.
    pub fate: Fate,
    /// The archive's cell of its measures.
    pub cell: Option<u64>,
    /// Its place in the cell when it entered, 0 the best.
    pub rank: Option<u32>,
    /// Wall time of making and evaluating it, in milliseconds.
    pub live_ms: f64,
    /// Tokens of its calls, prompts and answers together.
    pub tokens: u64,
    /// Money spent on its calls.
    pub cost: f64,
    /// What its calls cost when all of them are asked for, none found in a cache.
    pub price: f64,
    /// How long the models took, in milliseconds: the sum of its calls' latencies.
    pub model_ms: f64,
    /// How many calls it made.
    pub calls: u32,
    /// The position of its writer in the generator's ensemble.
    pub arm: Option<u32>,
}

/// One ended session of a run: a run that was resumed has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnd {
    /// Why it ended.
    pub reason: String,
    /// How many candidates the run had then.
    pub candidates: u64,
    /// When, in RFC 3339 (UTC).
    pub ended: String,
}
