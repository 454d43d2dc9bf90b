//! Requests and replies, the same for every provider.

use serde::{Deserialize, Serialize};

/// What makes tokens less likely that the completion holds already, in OpenAI's meaning: subtracted from their logits.
/// -2 to 2; 0 is none, below 0 tokens are repeated more.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Penalties {
    /// For every time that a token was written.
    pub frequency: f64,
    /// Once for a token that was written at all.
    pub presence: f64,
}

impl Penalties {
    /// The largest penalty, and the smallest below 0.
    pub const MOST: f64 = 2.0;

    /// Whether nothing is subtracted.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// Those that are not 0, by the names that most servers know.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let all = [("frequency_penalty", self.frequency), ("presence_penalty", self.presence)];
        all.into_iter().filter(|(_, penalty)| *penalty != 0.0)
    }
}

/// How to sample a completion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Most tokens to write.
    pub max_tokens: u32,
    /// 0 is greedy, 1 the model's own distribution.
    pub temperature: f64,
    /// Nucleus: the probability mass tokens are drawn from, above 0 to 1.
    pub top_p: f64,
    /// Strings that end the completion; they are not part of it.
    pub stop: Vec<String>,
    /// The request's seed, below 2^31.
    pub seed: u64,
    /// What repeats cost.
    #[serde(default, skip_serializing_if = "Penalties::are_none")]
    pub penalties: Penalties,
}

/// A prompt to continue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompletionRequest {
    /// The prompt.
    pub prompt: String,
    /// What a model that answers in a chat is told above the prompt, so that it answers with the text alone. Models that
    /// continue a prompt never see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// How to sample.
    pub sampling: Sampling,
}

impl CompletionRequest {
    /// What a chat's user says: the instructions and, below a blank line, the prompt.
    pub(crate) fn message(&self) -> String {
        match &self.instructions {
            Some(instructions) => format!("{instructions}\n\n{}", self.prompt),
            None => self.prompt.clone(),
        }
    }
}

/// Why a completion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// At a stop string or the model's own end.
    Stop,
    /// At `max_tokens`.
    Length,
    /// The server gave another reason or none.
    Other,
}

/// A completion, possibly empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// What the model wrote.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// What it cost.
    pub usage: Usage,
}

/// Answers to score after a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreRequest {
    /// Everything before the answer.
    pub prompt: String,
    /// Two or more answers, exactly as they would follow the prompt.
    pub answers: Vec<String>,
    /// The request's seed, for methods that sample.
    pub seed: u64,
}

/// How log-probabilities were obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMethod {
    /// The server echoes prompt and answer with the log-probability of every token.
    Echo,
    /// The server reports the log-probabilities of a chat's tokens (vLLM).
    PromptLogprobs,
    /// A grammar forces the answer, and the server reports each token's log-probability (llama.cpp).
    Grammar,
    /// The vendor evaluates an expected completion (Aleph Alpha).
    Evaluate,
    /// The server reports the log-probabilities of its input's tokens (SGLang).
    InputLogprobs,
    /// The server reports the prefill's tokens (Text Generation Inference).
    Prefill,
    /// The first generated token's most probable alternatives; labels of one token.
    TopLogprobs,
    /// Frequencies of sampled answers, Laplace-smoothed.
    Sampling,
    /// The mean of sampled ratings from 1 to 10.
    Rating,
    /// A script's rule.
    Scripted,
    /// The embedded model's own log-probabilities, of all tokens of an answer.
    Embedded,
}

impl ScoreMethod {
    /// The name that the journal and `samara show` print.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::PromptLogprobs => "prompt_logprobs",
            Self::Grammar => "grammar",
            Self::Evaluate => "evaluate",
            Self::InputLogprobs => "input_logprobs",
            Self::Prefill => "prefill",
            Self::TopLogprobs => "top_logprobs",
            Self::Sampling => "sampling",
            Self::Rating => "rating",
            Self::Scripted => "scripted",
            Self::Embedded => "embedded",
        }
    }
}

/// Log-probabilities of the answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Natural logarithms, one per answer: finite, at most 0, not normalised over the answers.
    pub log_probabilities: Vec<f64>,
    /// How they were obtained.
    pub method: ScoreMethod,
    /// What it cost.
    pub usage: Usage,
}

impl Score {
    /// Probabilities normalised over the answers; they sum to 1.
    pub fn normalised(&self) -> Vec<f64> {
        let highest = self.log_probabilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = self.log_probabilities.iter().map(|l| (l - highest).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }
}

/// Texts to embed, two kinds of them: embedders for search were trained to bring a short query near to the documents
/// that answer it, and want to be told which is which. Others embed both alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmbedRequest {
    /// Texts that are what they are: documents.
    pub texts: Vec<String>,
    /// Texts that say what documents are wanted.
    pub queries: Vec<String>,
}

/// What a text is embedded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// As any text: the model makes no difference.
    #[default]
    Symmetric,
    /// As a document.
    Document,
    /// As a query.
    Query,
}

impl Side {
    pub(crate) fn is_symmetric(&self) -> bool {
        *self == Self::Symmetric
    }
}

/// Vectors of one length, one per text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// The vectors, in the order of the texts and then of the queries; all numbers are finite.
    pub vectors: Vec<Vec<f64>>,
    /// What it cost.
    pub usage: Usage,
}

/// What a request cost, all its operations and attempts together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Tokens of the prompts.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
    /// Money that was spent now, by the settings' prices: 0 for an answer from a cache or a recording.
    pub cost: f64,
    /// Money that the answer costs when it is asked for: equal to `cost` unless it was cached.
    pub price: f64,
    /// Attempts made, retries included; 0 for a cached answer.
    pub attempts: u32,
    /// From the request to the reply, in milliseconds; for a cached answer, that of the call that fetched it.
    pub latency_ms: f64,
    /// Whether the server reported no tokens, so that they were estimated at four bytes a token.
    pub estimated: bool,
}

impl Usage {
    /// Adds another operation of the same request. The latency is the slower one: operations run side by side.
    pub(crate) fn join(&mut self, other: &Self) {
        self.tokens_in += other.tokens_in;
        self.tokens_out += other.tokens_out;
        self.cost += other.cost;
        self.price += other.price;
        self.attempts += other.attempts;
        self.latency_ms = self.latency_ms.max(other.latency_ms);
        self.estimated |= other.estimated;
    }
}

/// What a small model was made for; it knows nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speciality {
    /// Texts of a few subjects, and judgements of them.
    Texts,
    /// Programs that build walkers.
    Walkers,
}

/// What a role asks of its model; a probe tries only that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Completions.
    pub complete: bool,
    /// Scores.
    pub score: bool,
    /// Embeddings.
    pub embed: bool,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capabilities {
    /// The model's name.
    pub model: String,
    /// `completions`, `chat`, `scripted` or `embedded`.
    pub api: String,
    /// The scoring method, if scores were asked for.
    pub score: Option<ScoreMethod>,
    /// The embeddings' length, if embeddings were asked for.
    pub embed: Option<usize>,
    /// Why better scoring methods were ruled out.
    pub notes: Vec<String>,
}
