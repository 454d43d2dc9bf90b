//! The client: requests become operations, operations pass through the layers, answers become replies.
//!
//! The layers are in `channel/`, what must be known of a server first in `probe.rs`, scores in `score.rs`.

mod probe;
mod rating;
mod score;

use std::{
    fmt::Debug,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32},
    },
};

use tokio::sync::OnceCell;

use crate::{
    cache::{AnswerCache, ModelCache},
    channel::{Channel, Elsewhere, budget::Budget},
    error::{AttemptError, ErrorKind, LmError},
    hub,
    operation::{Answer, Endpoint, Operation, Value},
    provider_name::ProviderName,
    providers::facts::Provider,
    reading::thinking::{Parted, Thought, part},
    settings::{ModelSettings, Representation},
    types::{
        Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, Finish, Needs, Penalties,
        Sampling, Score, ScoreMethod, ScoreRequest, Side, Speciality, Usage,
    },
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
    /// How many requests are worth making at once at the moment, by what is known of its server so far: more only wait for
    /// their turn. It moves with every answer. A model without a server takes any number.
    fn room(&self) -> usize {
        usize::MAX
    }
    /// What it was made for, if that is little: a small model that comes with samara, or one that was trained as these
    /// are.
    fn speciality(&self) -> Option<Speciality> {
        None
    }
    /// How probable it is that the model knows the subject of each prompt, as it says itself; `None` of a model that was
    /// never taught to say so. It costs nothing, and is neither cached nor recorded.
    fn known<'a>(&'a self, _prompts: &'a [String]) -> Reply<'a, Option<Vec<f64>>> {
        Box::pin(async { Ok(None) })
    }
    /// The digest of its weights as they are now; `None` of a model that has none here. Reads all of its files.
    ///
    /// # Errors
    /// Files that can't be read.
    fn weights(&self) -> Result<Option<String>, LmError> {
        Ok(None)
    }
    /// The text that the model is given for a request, as a record shows it: the prompt, and above it the instructions
    /// if it is told them. Known once the model has been asked.
    fn asked(&self, request: &CompletionRequest) -> String {
        request.prompt.clone()
    }
    /// Whether it is told a request's instructions: only a model that answers in a chat is. Known once it was probed.
    fn takes_instructions(&self) -> bool {
        false
    }
}

/// Opens the model that settings describe; nothing is asked yet.
///
/// # Errors
/// Settings or a script that can't be used.
pub fn open(settings: &ModelSettings, budget: Arc<Budget>) -> Result<Arc<dyn LanguageModel>, LmError> {
    Ok(Arc::new(Client::new(settings, None, budget)?))
}

/// Opens a model that others have, whom [`Elsewhere`] knows; `cache` as for [`open_with`]. Nothing is asked yet.
///
/// # Errors
/// Settings that can't be used.
pub fn open_elsewhere(
    settings: &ModelSettings,
    elsewhere: Elsewhere,
    budget: Arc<Budget>,
    cache: Option<Arc<AnswerCache>>,
) -> Result<Arc<dyn LanguageModel>, LmError> {
    let mut client = Client::new(settings, Some(elsewhere), budget)?;
    client.cache = cache.map(|cache| client.cached(cache)).transpose()?;
    Ok(Arc::new(client))
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
    let mut client = Client::new(settings, None, budget)?;
    client.cache = Some(client.cached(cache)?);
    Ok(Arc::new(client))
}

/// A model behind the shared layers.
#[derive(Debug)]
pub(crate) struct Client {
    pub settings: ModelSettings,
    pub channel: Channel,
    /// The cache or the recording, if there is one.
    cache: Option<ModelCache>,
    name: OnceCell<String>,
    endpoint: OnceCell<Endpoint>,
    method: OnceCell<(ScoreMethod, Vec<String>)>,
    /// Whether the server refused to give several completions at once.
    single: AtomicBool,
    /// Most tokens of a sampled answer: more once the model has been found to think first.
    sample_tokens: AtomicU32,
}

impl Client {
    pub(crate) fn new(
        settings: &ModelSettings,
        elsewhere: Option<Elsewhere>,
        budget: Arc<Budget>,
    ) -> Result<Self, LmError> {
        // Who has the model fetches its files.
        let settings = if elsewhere.is_some() { settings.clone() } else { hub::resolved(settings)? };
        Ok(Self {
            channel: Channel::open(&settings, elsewhere, budget)?,
            settings,
            cache: None,
            name: OnceCell::new(),
            endpoint: OnceCell::new(),
            method: OnceCell::new(),
            single: AtomicBool::new(false),
            sample_tokens: AtomicU32::new(score::SAMPLE_TOKENS),
        })
    }

    /// The cache as this model uses it.
    fn cached(&self, cache: Arc<AnswerCache>) -> Result<ModelCache, LmError> {
        ModelCache::new(cache, &self.settings, self.channel.address(), self.digest()?)
    }

    /// The digest of the files that decide what the model answers; `None` if an address does.
    fn digest(&self) -> Result<Option<String>, LmError> {
        match self.channel.introduction() {
            Some(introduction) => Ok(introduction.digest.clone()),
            None => self.facts().digest.map(|digest| digest(&self.settings)).transpose(),
        }
    }

    /// What is known of the provider.
    pub(crate) fn facts(&self) -> &'static Provider {
        self.channel.provider
    }

    /// Gets the answer to one operation, without what the model thought: a cached one, else the model's.
    pub(crate) async fn perform(&self, operation: &Operation<'_>) -> Result<(Answer, Usage), LmError> {
        let (answer, usage) = self.answer(operation).await?;
        let value = said(answer.value).ok_or_else(|| self.only_thoughts(operation, &usage))?;
        Ok((Answer { value, ..answer }, usage))
    }

    async fn answer(&self, operation: &Operation<'_>) -> Result<(Answer, Usage), LmError> {
        match &self.cache {
            Some(cache) if cache.covers(operation) => cache.answer(&self.channel, operation).await,
            _ => self.channel.send(operation).await,
        }
    }

    /// The vectors of texts that are embedded as the same thing.
    async fn vectors(&self, texts: &[String], side: Side, how: &Endpoint) -> Result<Embeddings, LmError> {
        if texts.is_empty() {
            return Ok(Embeddings { vectors: Vec::new(), usage: Usage::default() });
        }
        match self.perform(&Operation::Embed { texts, how, side }).await? {
            (Answer { value: Value::Vectors(vectors), .. }, usage) => Ok(Embeddings { vectors, usage }),
            (other, _) => Err(unexpected(&other.value)),
        }
    }

    fn only_thoughts(&self, operation: &Operation<'_>, usage: &Usage) -> LmError {
        let tokens = match operation {
            Operation::Complete { request, .. } | Operation::Several { request, .. } => {
                Some(u64::from(request.sampling.max_tokens))
            }
            _ => None,
        };
        self.channel.failure(AttemptError::only_thoughts(tokens), usage.attempts)
    }
}

/// The texts and queries of a request, each behind what the settings put before it.
fn prefixed(request: &EmbedRequest, settings: &ModelSettings) -> (Vec<String>, Vec<String>) {
    let behind = |prefix: &str, texts: &[String]| -> Vec<String> {
        texts.iter().map(|text| format!("{prefix}{text}")).collect()
    };
    (behind(&settings.document_prefix, &request.texts), behind(&settings.query_prefix, &request.queries))
}

/// What was said without what was thought; `None` if there is nothing else.
fn said(value: Value) -> Option<Value> {
    let answer = |text: String| match part(&text) {
        Parted { thought: Thought::Unfinished, .. } => None,
        // As it was where nobody thought and nothing marks the answer: that is nearly all.
        Parted { answer, .. } if answer.len() == text.len() => Some(text),
        Parted { answer, .. } => Some(answer.to_owned()),
    };
    Some(match value {
        Value::Text(text, finish) => Value::Text(answer(text)?, finish),
        Value::Texts(texts) => {
            let said: Vec<Option<String>> = texts.into_iter().map(answer).collect();
            if !said.is_empty() && said.iter().all(Option::is_none) {
                return None;
            }
            Value::Texts(said.into_iter().map(Option::unwrap_or_default).collect())
        }
        other => other,
    })
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
    let most = Penalties::MOST;
    if sampling.penalties.named().any(|(_, penalty)| !(-most..=most).contains(&penalty)) {
        return Err(refuse("a penalty is not from -2 to 2"));
    }
    if sampling.stop.iter().any(String::is_empty) {
        return Err(refuse("a stop string is empty"));
    }
    Ok(())
}

/// A provider that would ignore a penalty, or refuse the field, is told before it is asked.
fn check_penalties(sampling: &Sampling, provider: &Provider) -> Result<(), LmError> {
    let Some((name, _)) = sampling.penalties.named().find(|(name, _)| !provider.penalties.contains(name))
    else {
        return Ok(());
    };
    let others = ProviderName::ALL.iter().map(|provider| provider.facts());
    let others: Vec<&str> =
        others.filter(|facts| facts.penalties.contains(&name)).map(|facts| facts.name).collect();
    Err(LmError::new(ErrorKind::Configuration, format!("{} takes no {name}", provider.name))
        .hint(format!("set environment.{name} to 0, or choose another provider: {}", others.join(", "))))
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
            check_penalties(&request.sampling, self.facts())?;
            let how = self.endpoint().await?;
            // Who continues a prompt is told nothing else; nor does it change what is cached.
            let plain = CompletionRequest { instructions: None, ..request.clone() };
            let request = if how.chat { request } else { &plain };
            match self.perform(&Operation::Complete { request, how }).await? {
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
            if request.texts.is_empty() && request.queries.is_empty() {
                return Ok(Embeddings { vectors: Vec::new(), usage: Usage::default() });
            }
            // A model that embeds may be unable to complete, so its completion interface is not tried.
            let model = self.model_name().await?.to_owned();
            let how = &Endpoint { model, chat: false, completion_tokens: false };
            let (texts, queries) = prefixed(request, &self.settings);
            if self.settings.representation == Representation::Symmetric {
                let all: Vec<String> = texts.into_iter().chain(queries).collect();
                return self.vectors(&all, Side::Symmetric, how).await;
            }
            let mut embedded = self.vectors(&texts, Side::Document, how).await?;
            let asked = self.vectors(&queries, Side::Query, how).await?;
            embedded.vectors.extend(asked.vectors);
            embedded.usage.join(&asked.usage);
            Ok(embedded)
        })
    }

    fn probe(&self, needs: Needs) -> Reply<'_, Capabilities> {
        Box::pin(self.explore(needs))
    }

    fn label(&self) -> &str {
        &self.channel.label
    }

    fn room(&self) -> usize {
        self.channel.room()
    }

    fn speciality(&self) -> Option<Speciality> {
        self.channel.speciality()
    }

    fn known<'a>(&'a self, prompts: &'a [String]) -> Reply<'a, Option<Vec<f64>>> {
        Box::pin(self.channel.known(prompts))
    }

    fn weights(&self) -> Result<Option<String>, LmError> {
        if self.facts().has_weights() { self.digest() } else { Ok(None) }
    }

    fn asked(&self, request: &CompletionRequest) -> String {
        if self.takes_instructions() { request.message() } else { request.prompt.clone() }
    }

    fn takes_instructions(&self) -> bool {
        self.endpoint.get().is_some_and(|how| how.chat)
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
