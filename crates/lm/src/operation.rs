//! What is asked of a model, in single operations, and what is answered: the same for every provider.

use serde::{Deserialize, Serialize};

use crate::types::{CompletionRequest, Finish, ScoreMethod, ScoreRequest, Side};

/// One thing asked of a server. Its JSON is part of what a cached answer is looked up by.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation<'a> {
    /// The names of the server's models.
    Models,
    /// A completion by the given interface.
    Complete { request: &'a CompletionRequest, how: &'a Endpoint },
    /// Several completions of one prompt at once; the server may give fewer.
    Several { request: &'a CompletionRequest, count: u32, how: &'a Endpoint },
    /// One answer's log-probability.
    LogProbability { prompt: &'a str, answer: &'a str, method: ScoreMethod, how: &'a Endpoint },
    /// All answers' log-probabilities at once: from the first token's alternatives, a script or the embedded model.
    Labels { request: &'a ScoreRequest, how: &'a Endpoint },
    /// Vectors of texts.
    Embed {
        texts: &'a [String],
        how: &'a Endpoint,
        #[serde(skip_serializing_if = "Side::is_symmetric")]
        side: Side,
    },
}

/// What an operation gave, with the tokens that the server reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub value: Value,
    pub tokens: Option<(u64, u64)>,
}

/// What an operation gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Value {
    Models(Vec<String>),
    Text(String, Finish),
    Texts(Vec<String>),
    LogProbabilities(Vec<f64>),
    Vectors(Vec<Vec<f64>>),
}

/// Which model to ask, and by which interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub model: String,
    pub chat: bool,
    /// Whether the limit of tokens is called `max_completion_tokens`, as OpenAI's reasoning models want it.
    pub completion_tokens: bool,
}

/// Four bytes a token, as in English text with common vocabularies.
pub(crate) fn estimate(text: &str) -> u64 {
    text.len() as u64 / 4 + 1
}

impl Operation<'_> {
    /// One word for logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Complete { .. } => "complete",
            Self::Several { .. } => "complete_several",
            Self::LogProbability { .. } => "log_probability",
            Self::Labels { .. } => "label_log_probabilities",
            Self::Embed { .. } => "embed",
        }
    }

    /// The model that it names.
    pub(crate) fn model(&self) -> Option<&str> {
        match self {
            Self::Models => None,
            Self::Complete { how, .. }
            | Self::Several { how, .. }
            | Self::LogProbability { how, .. }
            | Self::Labels { how, .. }
            | Self::Embed { how, .. } => Some(&how.model),
        }
    }

    /// Tokens in and out, before they are known.
    pub(crate) fn estimate(&self) -> (u64, u64) {
        match self {
            Self::Models => (0, 0),
            Self::Complete { request, .. } => {
                (estimate(&request.prompt), u64::from(request.sampling.max_tokens))
            }
            Self::Several { request, count, .. } => {
                let written = u64::from(request.sampling.max_tokens).saturating_mul(u64::from(*count));
                (estimate(&request.prompt), written)
            }
            Self::LogProbability { prompt, answer, .. } => (estimate(prompt) + estimate(answer), 1),
            Self::Labels { request, .. } => (estimate(&request.prompt), 1),
            Self::Embed { texts, .. } => (texts.iter().map(|text| estimate(text)).sum(), 0),
        }
    }
}
