//! The client: requests become operations, operations pass through the layers, answers become replies.
//!
//! The layers are in `retry.rs`, what must be known of a server first in `probe.rs`, scores in `score.rs`.

use std::{
    fmt::Debug,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::{
    Budget, Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, ErrorKind, Finish,
    LmError, ModelSettings, Needs, Score, ScoreMethod, ScoreRequest, Usage,
    cache::{AnswerCache, ModelCache},
    limiter::Limiter,
    provider::Backend,
    retry::{AttemptError, perform},
};

/// A reply in the making.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, LmError>> + Send + 'a>>;

/// A model that can be asked.
pub trait LanguageModel: Send + Sync + Debug {
    /// Continues a prompt.
    fn complete<'a>(&'a self, request: &'a CompletionRequest) -> Reply<'a, Completion>;
    /// Scores answers after a prompt.
    fn score<'a>(&'a self, request: &'a ScoreRequest) -> Reply<'a, Score>;
    /// Embeds texts.
    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Reply<'a, Embeddings>;
    /// Finds out at start-up whether the model is available and can do what is needed, and how.
    fn probe(&self, needs: Needs) -> Reply<'_, Capabilities>;
    /// What it is, without secrets.
    fn label(&self) -> &str;
}

/// Opens the model that settings describe; nothing is asked yet.
///
/// # Errors
/// Settings or a script that can't be used.
pub fn open(settings: &ModelSettings, budget: Arc<Budget>) -> Result<Arc<dyn LanguageModel>, LmError> {
    Ok(Arc::new(Client::new(settings, budget)?))
}

/// Opens a model whose answers are taken from `cache` where it has them, and stored there.
///
/// # Errors
/// Settings, a script or a folder of weights that can't be used.
pub fn open_with(
    settings: &ModelSettings,
    budget: Arc<Budget>,
    cache: Arc<AnswerCache>,
) -> Result<Arc<dyn LanguageModel>, LmError> {
    let mut client = Client::new(settings, budget)?;
    client.cache = Some(ModelCache::new(cache, &client.settings, client.backend.address())?);
    Ok(Arc::new(client))
}

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
    Embed { texts: &'a [String], how: &'a Endpoint },
}

/// What an operation gave, with the tokens that the server reported.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Endpoint {
    pub model: String,
    pub chat: bool,
    /// Whether the limit of tokens is called `max_completion_tokens`, as OpenAI's reasoning models want it.
    pub completion_tokens: bool,
}

/// A model behind the shared layers.
#[derive(Debug)]
pub(crate) struct Client {
    pub settings: ModelSettings,
    pub backend: Backend,
    pub limiter: Limiter,
    pub budget: Arc<Budget>,
    /// The cache or the recording, if there is one.
    pub cache: Option<ModelCache>,
    label: String,
    /// Whether any operation has succeeded so far.
    answered: AtomicBool,
    pub name: OnceCell<String>,
    pub endpoint: OnceCell<Endpoint>,
    pub method: OnceCell<(ScoreMethod, Vec<String>)>,
    /// Whether the server refused to give several completions at once.
    pub single: AtomicBool,
}

/// Four bytes a token, as in English text with common vocabularies.
fn estimate(text: &str) -> u64 {
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

impl Client {
    pub(crate) fn new(settings: &ModelSettings, budget: Arc<Budget>) -> Result<Self, LmError> {
        let settings = crate::hub::resolved(settings)?;
        let (backend, label) = Backend::open(&settings)?;
        Ok(Self {
            backend,
            limiter: Limiter::new(settings.max_concurrency),
            settings,
            budget,
            cache: None,
            label,
            answered: AtomicBool::new(false),
            name: OnceCell::new(),
            endpoint: OnceCell::new(),
            method: OnceCell::new(),
            single: AtomicBool::new(false),
        })
    }

    /// Most attempts after a failure of this kind. Until the server has answered once, only two are made where nothing
    /// answers: a person is waiting for the start, and the address is probably wrong.
    pub(crate) fn max_attempts(&self, kind: ErrorKind) -> u32 {
        let silent = matches!(kind, ErrorKind::Unreachable | ErrorKind::Timeout);
        if silent && !self.answered.load(Ordering::Relaxed) {
            self.settings.max_attempts.min(2)
        } else {
            self.settings.max_attempts
        }
    }

    /// Remembers that the server has answered.
    pub(crate) fn note_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// What tokens cost.
    pub(crate) fn price(&self, tokens_in: u64, tokens_out: u64) -> f64 {
        (tokens_in as f64 * self.settings.price_in + tokens_out as f64 * self.settings.price_out) / 1e6
    }

    /// What an operation took.
    pub(crate) fn usage(
        &self,
        operation: &Operation<'_>,
        answer: &Answer,
        attempts: u32,
        latency: Duration,
    ) -> Usage {
        let (tokens_in, _) = operation.estimate();
        let written = match &answer.value {
            Value::Text(text, _) if !text.is_empty() => estimate(text),
            Value::Texts(texts) => texts.iter().map(|text| estimate(text)).sum(),
            _ => 0,
        };
        let (tokens_in, tokens_out) = answer.tokens.unwrap_or((tokens_in, written));
        let price = self.price(tokens_in, tokens_out);
        Usage {
            tokens_in,
            tokens_out,
            cost: price,
            price,
            attempts,
            latency_ms: latency.as_secs_f64() * 1e3,
            estimated: answer.tokens.is_none(),
        }
    }

    /// An attempt's last error as the caller sees it.
    pub(crate) fn failure(&self, error: &AttemptError, attempts: u32) -> LmError {
        let hint = match error.kind {
            ErrorKind::Unreachable => Some(format!(
                "check that the server at {} is running, or set base_url in the model's section",
                self.backend.address()
            )),
            ErrorKind::Refused => Some(match self.settings.key_variables().join(" or ") {
                variables if variables.is_empty() => {
                    "check the model's name and the server's address".to_owned()
                }
                variables => {
                    format!("check the model's name, and the key in the environment variable {variables}")
                }
            }),
            ErrorKind::Malformed if error.message.contains("larger than") => {
                Some("raise max_reply_bytes in the model's section if that is expected".to_owned())
            }
            _ => None,
        };
        LmError { kind: error.kind, message: format!("{}: {}", self.label, error.message), hint, attempts }
    }
}

pub(crate) fn unexpected(value: &Value) -> LmError {
    LmError::new(
        ErrorKind::Malformed,
        format!("an operation returned an answer of the wrong kind: {value:.80?}"),
    )
}

/// A request that no server should see.
fn refuse(what: &str) -> LmError {
    LmError::new(ErrorKind::Invalid, format!("the request can't be sent: {what}"))
}

/// Some servers take 0 tokens for "to the end of the context", and JSON has no NaN.
fn check_completion(request: &CompletionRequest) -> Result<(), LmError> {
    let sampling = &request.sampling;
    if sampling.max_tokens == 0 {
        return Err(refuse("max_tokens is 0"));
    }
    if !(sampling.temperature.is_finite() && sampling.temperature >= 0.0) {
        return Err(refuse("temperature is not a number from 0 up"));
    }
    if !(sampling.top_p > 0.0 && sampling.top_p <= 1.0) {
        return Err(refuse("top_p is not above 0 and at most 1"));
    }
    if sampling.stop.iter().any(String::is_empty) {
        return Err(refuse("a stop string is empty"));
    }
    Ok(())
}

/// A text up to its first stop string: some servers leave it in, accept only a few, or ignore them.
fn cut(mut text: String, finish: Finish, stop: &[String]) -> (String, Finish) {
    match stop.iter().filter_map(|stop| text.find(stop.as_str())).min() {
        Some(end) => {
            text.truncate(end);
            (text, Finish::Stop)
        }
        None => (text, finish),
    }
}

/// An empty answer has no tokens to be scored by, and the first token of a text has no log-probability.
fn check_score(request: &ScoreRequest) -> Result<(), LmError> {
    if request.answers.len() < 2 {
        return Err(refuse("there are fewer than two answers"));
    }
    if request.prompt.is_empty() || request.answers.iter().any(|answer| answer.trim().is_empty()) {
        return Err(refuse("the prompt or an answer is empty"));
    }
    Ok(())
}

impl LanguageModel for Client {
    fn complete<'a>(&'a self, request: &'a CompletionRequest) -> Reply<'a, Completion> {
        Box::pin(async move {
            check_completion(request)?;
            let how = self.endpoint().await?;
            match perform(self, &Operation::Complete { request, how }).await? {
                (Answer { value: Value::Text(text, finish), .. }, usage) => {
                    let (text, finish) = cut(text, finish, &request.sampling.stop);
                    Ok(Completion { text, finish, usage })
                }
                (other, _) => Err(unexpected(&other.value)),
            }
        })
    }

    fn score<'a>(&'a self, request: &'a ScoreRequest) -> Reply<'a, Score> {
        Box::pin(async move {
            check_score(request)?;
            let method = self.method().await?.0;
            let (log_probabilities, usage) = self.score_by(request, method).await?;
            Ok(Score { log_probabilities, method, usage })
        })
    }

    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Reply<'a, Embeddings> {
        Box::pin(async move {
            if request.texts.is_empty() {
                return Ok(Embeddings { vectors: Vec::new(), usage: Usage::default() });
            }
            // A model that embeds may be unable to complete, so its completion interface is not tried.
            let model = self.model_name().await?.to_owned();
            let how = &Endpoint { model, chat: false, completion_tokens: false };
            match perform(self, &Operation::Embed { texts: &request.texts, how }).await? {
                (Answer { value: Value::Vectors(vectors), .. }, usage) => Ok(Embeddings { vectors, usage }),
                (other, _) => Err(unexpected(&other.value)),
            }
        })
    }

    fn probe(&self, needs: Needs) -> Reply<'_, Capabilities> {
        Box::pin(self.explore(needs))
    }

    fn label(&self) -> &str {
        &self.label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_before_the_first_stop_string_that_a_server_left_in() {
        let stop = ["##".to_owned(), "\n".to_owned()];
        let cut = |text: &str| cut(text.to_owned(), Finish::Length, &stop);
        assert_eq!(cut("peas\n##"), ("peas".to_owned(), Finish::Stop));
        assert_eq!(cut("##"), (String::new(), Finish::Stop));
        assert_eq!(cut("peas #"), ("peas #".to_owned(), Finish::Length));
    }
}
