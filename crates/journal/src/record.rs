//! The plain records of a run beside the search's own: what it is, what it read, how each candidate was lived, what
//! happened between candidates.
//!
//! Knows nothing of SQLite, files or archives. How a record is laid out on disk is in [`crate::schema`]; candidates,
//! genomes and scores are [`samara_search`]'s.

use samara_qd::Tessellation;
use samara_search::{FateCounts, Migration, Order};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// What tells this run from all others: 32 random hex digits, given by who begins it. Empty for a run that was
    /// begun in format 1 or 2.
    #[serde(default)]
    pub id: String,
    /// The resolved configuration, as TOML; [`MAX_CONFIG_BYTES`] at most.
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

/// Bytes of a configuration, and of each other text of a header, at most: 1 MiB.
pub const MAX_CONFIG_BYTES: usize = 1 << 20;

/// What a run is made of beside its settings; recorded when it begins, so that it needs no other file.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Every file that the run reads, each key once.
    pub inputs: Vec<Input>,
    /// The archives' cells.
    pub tessellations: Vec<Cells>,
}

/// A file that the run reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What it is for, such as the dotted key of the setting that names it.
    pub key: String,
    /// Where it was when the run began, as an absolute path; empty if it was no file.
    pub path: String,
    /// Its content; 64 MiB at most.
    pub bytes: Vec<u8>,
}

impl Input {
    /// The content of a file under this key.
    pub fn new(key: impl Into<String>, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), path: path.into(), bytes: bytes.into() }
    }

    /// The SHA-256 of the content, in 64 hex digits.
    pub fn digest(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The content, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

/// The cells of an island's archive, from one candidate on.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// The island.
    pub island: u32,
    /// The first candidate that they hold for.
    pub from_index: u64,
    /// The cells.
    pub tessellation: Tessellation,
}

/// How a candidate was lived: what the search doesn't need to know of it.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Life {
    /// The model calls that made and judged it, in the order they were made.
    pub calls: Vec<ModelCall>,
    /// Wall time of making and evaluating it, in milliseconds; -0.0 is kept as 0.0.
    pub live_ms: f64,
    /// How an untrusted program was isolated; `None` if none ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    /// The name of the model that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The digest of its evaluator's settings and inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<String>,
    /// The worker that it was lived by; `None` for this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
}

/// Something that happened between two candidates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// How many candidates were settled.
    pub after: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What can happen between two candidates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Islands exchanged elites.
    Migration(Migration),
    /// A person changed settings, or asked something of the run while it went on.
    Control(Control),
    /// Workers elsewhere have evaluated candidates.
    Work(Work),
}

impl EventKind {
    /// The name that the journal writes: `migration`, `control` or `work`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Migration(_) => "migration",
            Self::Control(_) => "control",
            Self::Work(_) => "work",
        }
    }
}

/// What workers elsewhere have evaluated since the last such event. After a kill the last of these may be missing; the name
/// of the worker is with every candidate ([`Life::worker`]).
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Work {
    /// Each worker once.
    pub workers: Vec<Worked>,
}

/// What a worker has evaluated.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Worked {
    /// Its name.
    pub worker: String,
    /// The candidates.
    pub candidates: Vec<u64>,
    /// Wall time of the evaluation of each, in milliseconds.
    pub ms: Vec<f64>,
    /// How many of them failed.
    pub failed: u64,
}

impl Work {
    /// Adds an evaluation.
    pub fn add(&mut self, worker: &str, candidate: u64, ms: f64, failed: bool) {
        let place = self.workers.iter().position(|known| known.worker == worker).unwrap_or_else(|| {
            self.workers.push(Worked { worker: worker.to_owned(), ..Worked::default() });
            self.workers.len() - 1
        });
        let worked = &mut self.workers[place];
        worked.candidates.push(candidate);
        worked.ms.push(ms);
        worked.failed += u64::from(failed);
    }

    /// How many evaluations these are.
    pub fn count(&self) -> usize {
        self.workers.iter().map(|worked| worked.candidates.len()).sum()
    }
}

/// Settings that a run goes on with from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// The changes as they were given: `KEY=VALUE`, in their order.
    pub settings: Vec<String>,
    /// What was asked for, if that was while the run went on; `None` for settings that a session began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
}

impl Control {
    /// Settings that a session begins with.
    pub fn of(settings: Vec<String>) -> Self {
        Self { settings, live: None }
    }
}

/// What somebody asked of a run while it went on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The first candidate that it is for: the first that is not made, or that is made under it.
    pub first: u64,
    /// What was asked.
    pub order: Order,
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
    /// Money spent on all calls, in the currency of the configuration.
    pub cost: f64,
    /// Candidates by fate.
    pub fates: FateCounts,
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
