//! What can be asked of a model, and what it answers.

use crate::{Prompt, SeedlingError};

/// What a model goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A text.
    Text(String),
    /// A chat, as the model's template writes it.
    Chat(Prompt),
}

impl From<String> for Given {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Given {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// What makes tokens less likely that this completion holds already, as OpenAI's interface has it: subtracted from
/// their logits before the temperature. Negative numbers make them likelier.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Penalties {
    /// For every time that the token was written.
    pub frequency: f64,
    /// Once, however often it was written.
    pub presence: f64,
}

impl Penalties {
    /// Whether nothing is subtracted.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How to draw a completion.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Most tokens to write, 1 or more.
    pub max_tokens: usize,
    /// 0 is greedy, 1 the model's own distribution.
    pub temperature: f64,
    /// Nucleus (Holtzman et al. 2020, arXiv 1904.09751): the probability mass tokens are drawn from, above 0 to 1.
    pub top_p: f64,
    /// Strings that end the completion; they are not part of it.
    pub stop: Vec<String>,
    /// The request's seed.
    pub seed: u64,
    /// What repeats of its own tokens cost.
    pub penalties: Penalties,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// To continue a prompt.
    Complete {
        /// The prompt.
        prompt: Given,
        /// How.
        sampling: Sampling,
    },
    /// The log-probabilities of answers, each of any number of tokens, after a prompt.
    Score {
        /// Everything before the answer.
        prompt: Given,
        /// The answers, exactly as they would follow.
        answers: Vec<String>,
    },
    /// The mean of a text's last hidden states.
    Embed {
        /// The text.
        text: String,
    },
}

/// Why a completion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At a stop string or the model's own end.
    Stop,
    /// At the most tokens, or the end of the context.
    Length,
}

/// What a request gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A completion.
    Text {
        /// What was written, without the stop string.
        text: String,
        /// Why it ended.
        end: End,
        /// Tokens of the prompt, and written.
        tokens: (usize, usize),
        /// The tokens that were drawn, with those of the stop string.
        drawn: Vec<u32>,
    },
    /// Log-probabilities.
    Scores {
        /// Natural logarithms, one per answer, at most 0.
        log_probabilities: Vec<f64>,
        /// Tokens of prompt and answers.
        tokens: usize,
    },
    /// An embedding.
    Vector {
        /// As many numbers as the model is wide.
        vector: Vec<f64>,
        /// Tokens of the text.
        tokens: usize,
    },
}

/// Called with the reply, once, on a worker thread; must not block.
pub type Listener = Box<dyn FnOnce(Result<Reply, SeedlingError>) + Send>;
