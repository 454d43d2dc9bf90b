//! The client: requests become operations, operations are carried through the layers, answers become replies.
//!
//! What must be known about a server first (its model's name, its interface, the scoring method) is found by the
//! start-up probe, or by the first request that needs it, once.

use std::{fmt::Debug, future::Future, pin::Pin, sync::Arc, time::Duration};

use futures_util::future::{join_all, try_join_all};
use tokio::sync::OnceCell;

use crate::{
    Api, Budget, Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, ErrorKind, Finish,
    LmError, ModelSettings, Needs, ProviderName, Sampling, Score, ScoreMethod, ScoreRequest, Scoring, Usage,
    gate::Gate,
    provider::{Backend, openai::OpenAi, scripted::Scripted},
    retry::{AttemptError, carry},
};

/// A reply in the making.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, LmError>> + Send + 'a>>;

/// A model that can be asked.
pub trait LanguageModel: Send + Sync + Debug {
    /// Continues a prompt.
    fn complete<'a>(&'a self, request: &'a CompletionRequest) -> Reply<'a, Completion>;
    /// Weighs answers after a prompt.
    fn score<'a>(&'a self, request: &'a ScoreRequest) -> Reply<'a, Score>;
    /// Embeds texts.
    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Reply<'a, Embeddings>;
    /// Finds out, at start-up, whether the model is there and can do what is needed, and how.
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

/// One thing asked of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation<'a> {
    /// The names of the server's models.
    Models,
    /// A completion by the given interface.
    Complete { request: &'a CompletionRequest, how: &'a Endpoint },
    /// One answer's log-probability.
    LogProbability { prompt: &'a str, answer: &'a str, method: ScoreMethod, how: &'a Endpoint },
    /// All answers' log-probabilities from the first token's alternatives, or from a script.
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
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Models(Vec<String>),
    Text(String, Finish),
    LogProbabilities(Vec<f64>),
    Vectors(Vec<Vec<f64>>),
}

/// Whom to ask and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub model: String,
    pub chat: bool,
}

/// A model behind the shared layers.
#[derive(Debug)]
pub(crate) struct Client {
    pub settings: ModelSettings,
    pub backend: Backend,
    pub gate: Gate,
    pub budget: Arc<Budget>,
    label: String,
    endpoint: OnceCell<Endpoint>,
    method: OnceCell<(ScoreMethod, Vec<String>)>,
}

/// Four bytes a token: what English text takes in common vocabularies.
fn estimate(text: &str) -> u64 {
    text.len() as u64 / 4 + 1
}

impl Operation<'_> {
    /// Tokens in and out, before it is known.
    pub(crate) fn estimate(&self) -> (u64, u64) {
        match self {
            Self::Models => (0, 0),
            Self::Complete { request, .. } => {
                (estimate(&request.prompt), u64::from(request.sampling.max_tokens))
            }
            Self::LogProbability { prompt, answer, .. } => (estimate(prompt) + estimate(answer), 1),
            Self::Labels { request, .. } => (estimate(&request.prompt), 1),
            Self::Embed { texts, .. } => (texts.iter().map(|text| estimate(text)).sum(), 0),
        }
    }
}

impl Client {
    pub(crate) fn new(settings: &ModelSettings, budget: Arc<Budget>) -> Result<Self, LmError> {
        let (backend, label) = match settings.provider {
            ProviderName::Openai => {
                let backend = OpenAi::new(settings)?;
                let label =
                    format!("openai:{} at {}", settings.model.as_deref().unwrap_or("?"), backend.address());
                (Backend::OpenAi(backend), label)
            }
            ProviderName::Scripted => {
                let backend = Scripted::open(settings)?;
                let label = format!("scripted:{}", backend.name());
                (Backend::Scripted(backend), label)
            }
        };
        Ok(Self {
            settings: settings.clone(),
            backend,
            gate: Gate::new(settings.max_concurrency),
            budget,
            label,
            endpoint: OnceCell::new(),
            method: OnceCell::new(),
        })
    }

    /// Attempts per operation. Until the server has answered once, two must do: a person waits for the start.
    pub(crate) fn attempts(&self) -> u32 {
        if self.endpoint.initialized() {
            self.settings.max_attempts
        } else {
            self.settings.max_attempts.min(2)
        }
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
            _ => 0,
        };
        let (tokens_in, tokens_out) = answer.tokens.unwrap_or((tokens_in, written));
        Usage {
            tokens_in,
            tokens_out,
            cost: self.price(tokens_in, tokens_out),
            attempts,
            latency_ms: latency.as_secs_f64() * 1e3,
            estimated: answer.tokens.is_none(),
        }
    }

    /// An attempt's last error as the caller sees it.
    pub(crate) fn failure(&self, error: &AttemptError, attempts: u32) -> LmError {
        let hint = match error.kind {
            ErrorKind::Unreachable => Some(format!(
                "is the server at {} running? Set base_url in the model's section, or OPENAI_BASE_URL",
                self.backend.address()
            )),
            ErrorKind::Refused => Some(format!(
                "check the model's name and the key in the environment variable {}",
                self.settings.api_key_env
            )),
            ErrorKind::Malformed if error.message.contains("larger than") => {
                Some("raise max_reply_bytes in the model's section if that is expected".to_owned())
            }
            _ => None,
        };
        LmError { kind: error.kind, message: format!("{}: {}", self.label, error.message), hint, attempts }
    }

    async fn endpoint(&self) -> Result<&Endpoint, LmError> {
        self.endpoint.get_or_try_init(|| self.find_endpoint()).await
    }

    /// The model's name and interface. A server without `/completions` says so with a 404 or the like.
    async fn find_endpoint(&self) -> Result<Endpoint, LmError> {
        if self.settings.provider == ProviderName::Scripted {
            return Ok(Endpoint { model: self.label.clone(), chat: false });
        }
        let model = match &self.settings.model {
            Some(model) => model.clone(),
            None => self.first_model().await?,
        };
        let endpoint = |chat| Endpoint { model: model.clone(), chat };
        match self.settings.api {
            Api::Completions => return Ok(endpoint(false)),
            Api::Chat => return Ok(endpoint(true)),
            Api::Auto => {}
        }
        let completions = match self.hello(&endpoint(false)).await {
            Ok(()) => return Ok(endpoint(false)),
            Err(error) => error,
        };
        if !matches!(completions.kind, ErrorKind::Refused | ErrorKind::Invalid | ErrorKind::Malformed) {
            return Err(completions);
        }
        match self.hello(&endpoint(true)).await {
            Ok(()) => Ok(endpoint(true)),
            // Both refuse: the first refusal says why (a wrong key, an unknown model).
            Err(_) => Err(completions),
        }
    }

    async fn first_model(&self) -> Result<String, LmError> {
        match carry(self, &Operation::Models).await?.0.value {
            Value::Models(names) if !names.is_empty() => Ok(names[0].clone()),
            _ => {
                let message = format!("{} lists no model", self.label);
                Err(LmError::new(ErrorKind::Refused, message).hint("name one: model = \"NAME\""))
            }
        }
    }

    async fn hello(&self, how: &Endpoint) -> Result<(), LmError> {
        let sampling = Sampling { max_tokens: 1, temperature: 0.0, top_p: 1.0, stop: Vec::new(), seed: 1 };
        let request = CompletionRequest { prompt: "1+1=".into(), sampling };
        carry(self, &Operation::Complete { request: &request, how }).await.map(drop)
    }

    async fn method(&self) -> Result<&(ScoreMethod, Vec<String>), LmError> {
        self.method.get_or_try_init(|| self.find_method()).await
    }

    async fn find_method(&self) -> Result<(ScoreMethod, Vec<String>), LmError> {
        if self.settings.provider == ProviderName::Scripted {
            return Ok((ScoreMethod::Scripted, Vec::new()));
        }
        let only = match self.settings.scoring {
            Scoring::Auto => None,
            Scoring::Echo => Some(ScoreMethod::Echo),
            Scoring::PromptLogprobs => Some(ScoreMethod::PromptLogprobs),
            Scoring::TopLogprobs => Some(ScoreMethod::TopLogprobs),
            Scoring::Sampling => return Ok((ScoreMethod::Sampling, Vec::new())),
        };
        let mut notes = Vec::new();
        for method in [ScoreMethod::Echo, ScoreMethod::PromptLogprobs, ScoreMethod::TopLogprobs] {
            if only.is_some_and(|only| only != method) {
                continue;
            }
            match self.try_method(method).await {
                Ok(()) => return Ok((method, notes)),
                Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Budget) => {
                    return Err(error);
                }
                Err(error) => notes.push(format!("{}: {}", method.name(), error.message)),
            }
        }
        match only {
            Some(method) => {
                let message =
                    format!("{} can't score by {}: {}", self.label, method.name(), notes.join("; "));
                Err(LmError::new(ErrorKind::Unsupported, message).hint("use scoring = \"auto\""))
            }
            None => Ok((ScoreMethod::Sampling, notes)),
        }
    }

    /// Scores an obvious question by one method. A server that ignores the request's flags gives zeros, nulls or
    /// equal values, and would judge by chance without anybody noticing.
    pub(crate) async fn try_method(&self, method: ScoreMethod) -> Result<(), LmError> {
        let request =
            ScoreRequest { prompt: "1+1=".into(), answers: vec!["2".into(), "zebra".into()], seed: 1 };
        let (scores, _) = self.weigh(&request, method).await?;
        let useless = |why: &str| Err(LmError::new(ErrorKind::Unsupported, format!("{why}: {scores:?}")));
        match scores[..] {
            [two, zebra] if two == 0.0 || zebra == 0.0 => useless("a certain answer is no log-probability"),
            [two, zebra] if two == zebra => useless("different answers get equal values"),
            [two, zebra] if two < zebra => useless("after 1+1= it prefers zebra to 2"),
            _ => Ok(()),
        }
    }

    async fn weigh(&self, request: &ScoreRequest, method: ScoreMethod) -> Result<(Vec<f64>, Usage), LmError> {
        let how = self.endpoint().await?;
        match method {
            ScoreMethod::Echo | ScoreMethod::PromptLogprobs => self.weigh_each(request, method, how).await,
            ScoreMethod::TopLogprobs | ScoreMethod::Scripted => {
                let (answer, usage) = carry(self, &Operation::Labels { request, how }).await?;
                Ok((log_probabilities(answer)?, usage))
            }
            ScoreMethod::Sampling => self.sample(request, how).await,
        }
    }

    async fn weigh_each(
        &self,
        request: &ScoreRequest,
        method: ScoreMethod,
        how: &Endpoint,
    ) -> Result<(Vec<f64>, Usage), LmError> {
        let operations: Vec<Operation<'_>> = request
            .answers
            .iter()
            .map(|answer| Operation::LogProbability { prompt: &request.prompt, answer, method, how })
            .collect();
        let mut usage = Usage::default();
        let mut scores = Vec::new();
        for (answer, took) in try_join_all(operations.iter().map(|operation| carry(self, operation))).await? {
            usage.join(&took);
            scores.extend(log_probabilities(answer)?);
        }
        Ok((scores, usage))
    }

    /// Laplace-smoothed frequencies of short answers at temperature 1.
    async fn sample(&self, request: &ScoreRequest, how: &Endpoint) -> Result<(Vec<f64>, Usage), LmError> {
        let requests: Vec<CompletionRequest> = (0..u64::from(self.settings.score_samples))
            .map(|sample| {
                // Seeds of one request must differ, and stay below 2^31.
                let seed = (request.seed.wrapping_mul(31).wrapping_add(sample)) & 0x7fff_ffff;
                let sampling =
                    Sampling { max_tokens: 8, temperature: 1.0, top_p: 1.0, stop: Vec::new(), seed };
                CompletionRequest { prompt: request.prompt.clone(), sampling }
            })
            .collect();
        let operations: Vec<Operation<'_>> =
            requests.iter().map(|request| Operation::Complete { request, how }).collect();
        let mut usage = Usage::default();
        let mut counts = vec![1.0; request.answers.len()];
        for sampled in join_all(operations.iter().map(|operation| carry(self, operation))).await {
            let (answer, took) = sampled?;
            usage.join(&took);
            if let Value::Text(text, _) = &answer.value
                && let Some(label) = label_of(text, &request.answers)
            {
                counts[label] += 1.0;
            }
        }
        let total: f64 = counts.iter().sum();
        Ok((counts.iter().map(|count| (count / total).ln()).collect(), usage))
    }
}

/// The answer that a sampled text begins with; of several, the longest.
fn label_of(text: &str, answers: &[String]) -> Option<usize> {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let begins = |answer: &String| text.starts_with(&answer.trim().to_lowercase());
    (0..answers.len()).filter(|i| begins(&answers[*i])).max_by_key(|i| answers[*i].trim().len())
}

fn log_probabilities(answer: Answer) -> Result<Vec<f64>, LmError> {
    match answer.value {
        Value::LogProbabilities(values) => Ok(values),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(value: &Value) -> LmError {
    LmError::new(ErrorKind::Malformed, format!("an operation gave something else: {value:.80?}"))
}

impl LanguageModel for Client {
    fn complete<'a>(&'a self, request: &'a CompletionRequest) -> Reply<'a, Completion> {
        Box::pin(async move {
            let how = self.endpoint().await?;
            match carry(self, &Operation::Complete { request, how }).await? {
                (Answer { value: Value::Text(text, finish), .. }, usage) => {
                    Ok(Completion { text, finish, usage })
                }
                (other, _) => Err(unexpected(&other.value)),
            }
        })
    }

    fn score<'a>(&'a self, request: &'a ScoreRequest) -> Reply<'a, Score> {
        Box::pin(async move {
            let method = self.method().await?.0;
            let (log_probabilities, usage) = self.weigh(request, method).await?;
            Ok(Score { log_probabilities, method, usage })
        })
    }

    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Reply<'a, Embeddings> {
        Box::pin(async move {
            let how = match self.settings.model {
                // An embedding model need not complete, so that its interface is not tried.
                Some(ref model) => &Endpoint { model: model.clone(), chat: false },
                None => self.endpoint().await?,
            };
            match carry(self, &Operation::Embed { texts: &request.texts, how }).await? {
                (Answer { value: Value::Vectors(vectors), .. }, usage) => Ok(Embeddings { vectors, usage }),
                (other, _) => Err(unexpected(&other.value)),
            }
        })
    }

    fn probe(&self, needs: Needs) -> Reply<'_, Capabilities> {
        Box::pin(async move {
            let mut found = Capabilities {
                model: self.settings.model.clone().unwrap_or_default(),
                api: String::new(),
                score: None,
                embed: None,
                notes: Vec::new(),
            };
            if needs.complete || needs.score {
                let endpoint = self.endpoint().await?;
                found.model.clone_from(&endpoint.model);
                let api = if endpoint.chat { "chat" } else { "completions" };
                let scripted = self.settings.provider == ProviderName::Scripted;
                found.api = if scripted { "scripted" } else { api }.to_owned();
            }
            if needs.score {
                let (method, notes) = self.method().await?;
                found.score = Some(*method);
                found.notes.clone_from(notes);
            }
            if needs.embed {
                let embedded = self.embed(&EmbedRequest { texts: vec!["a probe".into()] }).await?;
                found.embed = embedded.vectors.first().map(Vec::len);
            }
            Ok(found)
        })
    }

    fn label(&self) -> &str {
        &self.label
    }
}
