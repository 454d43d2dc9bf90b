//! Cached answers: the cache, and whole runs that are recorded and replayed.
//!
//! An answer is looked up by the digest of who is asked (provider, address, script or weights, extra fields) and of
//! everything in the operation (model, prompt, answers, sampling, seed). The first answer to a request is its answer:
//! whoever asks at the same moment gets it too, so that a run with a cache can be repeated. A cached answer costs no
//! call and no money; its tokens and its price stay what they were, so that budgets and bandits decide as before.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::{
    channel::Channel,
    error::{ErrorKind, LmError},
    log,
    operation::{Answer, Operation},
    settings::ModelSettings,
    store::{Key, Row, Store, StoreError, StoredResult},
    types::Usage,
};

/// How a file of answers is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CacheMode {
    /// A cache: stored answers are used, new ones are stored.
    Cache,
    /// A recording in the making: errors are stored too, so that the whole run can be replayed.
    Record,
    /// A recording that is replayed: no server is asked.
    Replay,
}

/// A cache or a recording: a file of answers that all models of a run share.
#[derive(Debug)]
pub struct AnswerCache {
    store: Mutex<Store>,
    mode: CacheMode,
    path: PathBuf,
}

impl AnswerCache {
    /// A cache: answers of earlier runs are used, and new ones are stored. About `max_bytes` are in use at most; then
    /// the oldest answers are deleted. Several processes may use one file at once.
    ///
    /// # Errors
    /// A file that can't be opened or is something else.
    pub fn open(path: &Path, max_bytes: Option<u64>) -> Result<Arc<Self>, LmError> {
        let hint = "choose another path for the cache; this file was not changed";
        Self::new(CacheMode::Cache, path, Store::open(path, max_bytes), hint)
    }

    /// Starts or continues a recording: a cache that also stores how requests failed, so that [`AnswerCache::replay`]
    /// repeats the whole run.
    ///
    /// # Errors
    /// A file that can't be opened or is something else.
    pub fn record(path: &Path) -> Result<Arc<Self>, LmError> {
        Self::new(CacheMode::Record, path, Store::open(path, None), "choose another file for --record")
    }

    /// Answers from a recording alone: no server is asked.
    ///
    /// # Errors
    /// A file that is missing, can't be read or is something else.
    pub fn replay(path: &Path) -> Result<Arc<Self>, LmError> {
        Self::new(
            CacheMode::Replay,
            path,
            Store::open_to_read(path),
            "make a recording with `samara run --record FILE`",
        )
    }

    fn new(
        mode: CacheMode,
        path: &Path,
        store: Result<Store, StoreError>,
        hint: &str,
    ) -> Result<Arc<Self>, LmError> {
        let store = store.map_err(|error| {
            let message = format!("{} can't be used as a {}: {error}", path.display(), mode.noun());
            LmError::new(ErrorKind::Configuration, message).hint(hint)
        })?;
        Ok(Arc::new(Self { store: Mutex::new(store), mode, path: path.to_owned() }))
    }

    /// Finishes a recording: leaves a single file that can be read anywhere.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn finish(&self) -> Result<(), LmError> {
        if self.mode != CacheMode::Record {
            return Ok(());
        }
        self.lock().finish().map_err(|error| self.unusable(&error))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unusable(&self, error: &dyn std::fmt::Display) -> LmError {
        let message = format!("the {} {}: {error}", self.mode.noun(), self.path.display());
        LmError::new(ErrorKind::Storage, message)
            .hint("check that the disk is not full and that the file is undamaged and may be written")
    }

    /// The stored result that answers a request, if there is one.
    fn get(&self, key: &Key) -> Result<Option<StoredResult>, LmError> {
        match self.lock().find(key).map_err(|error| self.unusable(&error))? {
            Row::Intact(result) => Ok(Some(result).filter(|result| self.mode.accepts(result))),
            Row::Absent => Ok(None),
            // A cache asks again and stores the new answer instead.
            Row::Damaged if self.mode == CacheMode::Cache => Ok(None),
            Row::Damaged => Err(self.unusable(&"a recorded answer is damaged")),
        }
    }

    fn put(&self, key: &Key, result: StoredResult) -> Result<StoredResult, LmError> {
        let stored = self.lock().put(key, result, |stored| self.mode.accepts(stored));
        stored.map_err(|error| self.unusable(&error))
    }
}

impl CacheMode {
    /// What the file is called.
    fn noun(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Record | Self::Replay => "recording",
        }
    }

    /// Whether a stored result answers a request.
    fn accepts(self, result: &StoredResult) -> bool {
        match result {
            StoredResult::Answer { .. } => true,
            StoredResult::Error(error) => match self {
                Self::Cache => false,
                Self::Record => fails_a_candidate(error.kind),
                Self::Replay => true,
            },
        }
    }

    /// Whether an error is stored: it is part of the run, since it failed a candidate or told the probe what a server
    /// can't do. Others end the session, and may be gone when the run goes on.
    fn stores(self, error: &LmError) -> bool {
        let probed =
            matches!(error.kind, ErrorKind::Refused | ErrorKind::Unsupported | ErrorKind::OnlyThoughts);
        self == Self::Record && (probed || fails_a_candidate(error.kind))
    }
}

fn fails_a_candidate(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Overloaded | ErrorKind::Timeout | ErrorKind::Malformed | ErrorKind::Invalid)
}

/// The cache as one model uses it.
#[derive(Debug)]
pub(crate) struct ModelCache {
    cache: Arc<AnswerCache>,
    /// Who answers the model's operations.
    identity: String,
}

impl ModelCache {
    pub(crate) fn new(
        cache: Arc<AnswerCache>,
        settings: &ModelSettings,
        address: &str,
        files: Option<String>,
    ) -> Result<Self, LmError> {
        Ok(Self { cache, identity: identity(settings, address, files)? })
    }

    /// Whether an operation may be answered from the cache. Every run asks a server anew which models it has, unless it
    /// is recorded or replayed.
    pub(crate) fn covers(&self, operation: &Operation<'_>) -> bool {
        self.cache.mode != CacheMode::Cache || !matches!(operation, Operation::Models)
    }

    /// Answers from the cache, or asks the server and stores its answer.
    pub(crate) async fn answer(
        &self,
        channel: &Channel,
        operation: &Operation<'_>,
    ) -> Result<(Answer, Usage), LmError> {
        let key = self.key(operation)?;
        if let Some(result) = self.blocking(move |cache| cache.get(&key)).await? {
            log::cached(&channel.label, operation.name());
            return from_stored(channel, result, None);
        }
        if self.cache.mode == CacheMode::Replay {
            return Err(self.missing(channel, operation));
        }
        let sent = channel.send(operation).await;
        let (result, paid) = match &sent {
            Ok((answer, usage)) => (to_stored(answer, usage), Some(*usage)),
            Err(error) if self.cache.mode.stores(error) => (StoredResult::Error(error.clone()), None),
            Err(_) => return sent,
        };
        let stored = self.blocking(move |cache| cache.put(&key, result)).await?;
        from_stored(channel, stored, paid)
    }

    fn key(&self, operation: &Operation<'_>) -> Result<Key, LmError> {
        let asked = serde_json::to_vec(operation).map_err(|error| {
            LmError::new(ErrorKind::Storage, format!("a request can't be written as JSON: {error}"))
        })?;
        let who = self.identity.as_bytes();
        let hasher = Sha256::new().chain_update((who.len() as u64).to_le_bytes()).chain_update(who);
        Ok(hasher.chain_update(asked).finalize().into())
    }

    /// Works on the cache outside of the runtime's own threads: another process may lock the file for a while.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AnswerCache) -> Result<T, LmError> + Send + 'static,
    ) -> Result<T, LmError> {
        let cache = Arc::clone(&self.cache);
        let done = tokio::task::spawn_blocking(move || work(&cache)).await;
        done.unwrap_or_else(|error| Err(self.cache.unusable(&error)))
    }

    fn missing(&self, channel: &Channel, operation: &Operation<'_>) -> LmError {
        let message = format!(
            "the recording {} has no answer of {} to: {}",
            self.cache.path.display(),
            channel.label,
            describe(operation)
        );
        LmError::new(ErrorKind::Missing, message)
            .hint("use the experiment, seed and models of the recording, or run without --replay")
    }
}

/// A request in a form that a person recognises.
fn describe(operation: &Operation<'_>) -> String {
    let start_of = |text: &str| text.chars().take(120).collect::<String>();
    match operation {
        Operation::Models => "which models are there?".to_owned(),
        Operation::Complete { request, .. } => {
            format!("complete {:?} (seed {})", start_of(&request.prompt), request.sampling.seed)
        }
        Operation::Several { request, count, .. } => {
            let start = start_of(&request.prompt);
            format!("complete {start:?} {count} times (seed {})", request.sampling.seed)
        }
        Operation::LogProbability { prompt, answer, .. } => {
            format!("score {answer:?} after {:?}", start_of(prompt))
        }
        Operation::Labels { request, .. } => {
            format!(
                "score {:?} after {:?} (seed {})",
                request.answers,
                start_of(&request.prompt),
                request.seed
            )
        }
        Operation::Embed { texts, .. } => {
            format!("embed {:?}", texts.first().map(|text| start_of(text)).unwrap_or_default())
        }
    }
}

fn to_stored(answer: &Answer, usage: &Usage) -> StoredResult {
    StoredResult::Answer {
        value: answer.value.clone(),
        tokens_in: usage.tokens_in,
        tokens_out: usage.tokens_out,
        estimated: usage.estimated,
        latency_ms: usage.latency_ms,
    }
}

/// A stored result as the caller sees it; `paid` is what it cost if the server was asked just now.
fn from_stored(
    channel: &Channel,
    result: StoredResult,
    paid: Option<Usage>,
) -> Result<(Answer, Usage), LmError> {
    match result {
        StoredResult::Error(error) => Err(error),
        StoredResult::Answer { value, tokens_in, tokens_out, estimated, latency_ms } => {
            let (cost, attempts) = paid.map_or((0.0, 0), |paid| (paid.cost, paid.attempts));
            let price = channel.prices.price(tokens_in, tokens_out);
            let usage = Usage { tokens_in, tokens_out, cost, price, attempts, latency_ms, estimated };
            Ok((Answer { value, tokens: (!estimated).then_some((tokens_in, tokens_out)) }, usage))
        }
    }
}

/// Settings that decide when a model is asked, at what price and with which key, but never what it answers. How it
/// completes and scores is in the operations.
const IRRELEVANT: [&str; 16] = [
    "api",
    "api_key_env",
    "ca_file",
    "deadline_s",
    // That of the files as they are is taken in its place.
    "digest",
    "key_header",
    "max_attempts",
    "max_concurrency",
    "max_reply_bytes",
    "price_in",
    "price_out",
    "score_samples",
    "score_smoothing",
    "scoring",
    "threads",
    "timeout_s",
];

/// Who answers a model's operations: its settings, with the contents (`files`, a digest) of a script or of weights in place
/// of their path.
fn identity(settings: &ModelSettings, address: &str, files: Option<String>) -> Result<String, LmError> {
    let unwritable = |error| {
        LmError::new(ErrorKind::Configuration, format!("the settings can't be written as JSON: {error}"))
    };
    let mut identity = serde_json::to_value(settings).map_err(unwritable)?;
    if let Some(fields) = identity.as_object_mut() {
        fields.retain(|name, _| !IRRELEVANT.contains(&name.as_str()));
        match files {
            // The same contents elsewhere are the same model.
            Some(files) => {
                fields.retain(|name, _| !matches!(name.as_str(), "script" | "folder" | "file"));
                fields.insert("files".into(), files.into());
            }
            None => drop(fields.insert("address".into(), address.into())),
        }
    }
    Ok(identity.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        operation::Endpoint,
        types::{CompletionRequest, Sampling, ScoreMethod, ScoreRequest, Side},
    };

    fn who(change: impl FnOnce(&mut ModelSettings)) -> String {
        let mut settings = ModelSettings { model: Some("m".into()), ..ModelSettings::default() };
        change(&mut settings);
        identity(&settings, "http://host/v1", None).expect("an identity")
    }

    #[test]
    fn only_settings_that_can_change_an_answer_change_who_is_asked() {
        let base = who(|_| {});
        assert_eq!(who(|s| s.price_in = 3.0), base);
        assert_eq!(who(|s| s.max_concurrency = 3), base);
        assert_eq!(who(|s| s.api_key_env = Some("OTHER".into())), base);
        assert_ne!(who(|s| s.model = Some("n".into())), base);
        assert_ne!(who(|s| drop(s.extra.insert("top_k".into(), 5.into()))), base);
        let settings = ModelSettings { model: Some("m".into()), ..ModelSettings::default() };
        assert_ne!(identity(&settings, "http://other/v1", None).expect("an identity"), base);
    }

    /// The two parts of the key, as caches and recordings of format 1 have them: with others no answer would be there.
    #[test]
    fn answers_are_looked_up_by_what_format_1_has() {
        let how = Endpoint { model: "m".into(), chat: true, completion_tokens: false };
        let sampling = Sampling {
            max_tokens: 8,
            temperature: 1.0,
            top_p: 0.5,
            stop: vec!["x".into()],
            seed: 3,
            penalties: Default::default(),
        };
        let request = CompletionRequest { prompt: "Say".into(), instructions: None, sampling };
        let score = ScoreRequest { prompt: "Q".into(), answers: vec!["a".into(), "b".into()], seed: 4 };
        let written = |operation: Operation<'_>| serde_json::to_string(&operation).expect("JSON");
        let endpoint = r#""how":{"model":"m","chat":true,"completion_tokens":false}"#;
        let prompt = r#""request":{"prompt":"Say","sampling":{"max_tokens":8,"temperature":1.0,"top_p":0.5,"stop":["x"],"seed":3}}"#;
        assert_eq!(written(Operation::Models), r#""models""#);
        assert_eq!(
            written(Operation::Complete { request: &request, how: &how }),
            format!("{{\"complete\":{{{prompt},{endpoint}}}}}")
        );
        assert_eq!(
            written(Operation::Several { request: &request, count: 2, how: &how }),
            format!("{{\"several\":{{{prompt},\"count\":2,{endpoint}}}}}")
        );
        let method = ScoreMethod::Echo;
        assert_eq!(
            written(Operation::LogProbability { prompt: "Q", answer: "a", method, how: &how }),
            format!(
                "{{\"log_probability\":{{\"prompt\":\"Q\",\"answer\":\"a\",\"method\":\"echo\",{endpoint}}}}}"
            )
        );
        let labels = r#""request":{"prompt":"Q","answers":["a","b"],"seed":4}"#;
        assert_eq!(
            written(Operation::Labels { request: &score, how: &how }),
            format!("{{\"labels\":{{{labels},{endpoint}}}}}")
        );
        assert_eq!(
            written(Operation::Embed { texts: &["t".into()], how: &how, side: Side::Symmetric }),
            format!("{{\"embed\":{{\"texts\":[\"t\"],{endpoint}}}}}")
        );
        let identity = r#"{"address":"http://host/v1","model":"m","provider":"openai"}"#;
        assert_eq!(who(|_| {}), identity);
    }

    #[test]
    fn every_irrelevant_setting_exists() {
        let api_key_env = Some("KEY".into());
        let settings = ModelSettings {
            api_key_env,
            threads: Some(1),
            ca_file: Some("a.pem".into()),
            key_header: Some("api-key".into()),
            digest: Some("0123".into()),
            ..ModelSettings::default()
        };
        let all = serde_json::to_value(settings).expect("JSON");
        for name in IRRELEVANT {
            assert!(all.get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_script_is_identified_by_its_contents_not_by_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            let settings = ModelSettings::parse(&format!("scripted:{}", path.display())).expect("valid");
            let digest = settings.provider.facts().digest.expect("files decide");
            identity(&settings, name, Some(digest(&settings).expect("files"))).expect("an identity")
        };
        assert_eq!(script("a.toml", "name = \"x\""), script("b.toml", "name = \"x\""));
        assert_ne!(script("a.toml", "name = \"x\""), script("b.toml", "name = \"y\""));
    }
}
