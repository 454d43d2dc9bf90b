//! Answers that were given before: the cache, and whole runs recorded and replayed.
//!
//! An operation is found by the digest of whom it asks (provider, address, script or weights, further fields) and of
//! everything in it (model, prompt, answers, sampling, seed). The first answer of a request is its answer: who asks
//! at the same moment gets it too, so that a run with a cache is one that can be run again. A cached answer costs no
//! call and no money; its tokens and its price stay what they were, so that budgets and bandits decide as before.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::{
    ErrorKind, LmError, ModelSettings, ProviderName, Usage,
    client::{Answer, Client, Operation},
    provider::embedded::shipped_corpus,
    retry::ask,
    store::{Key, Outcome, Row, Store, StoreError},
};

/// What a file of exchanges is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Answers are found and kept.
    Cache,
    /// Errors are kept too, so that the whole run can be replayed.
    Record,
    /// Nothing is asked.
    Replay,
}

/// A file of exchanges, which all models of a run share.
#[derive(Debug)]
pub struct Exchanges {
    store: Mutex<Store>,
    mode: Mode,
    path: PathBuf,
}

impl Exchanges {
    /// A cache: answers of earlier runs are found, new ones kept. About `most_bytes` are used at most; then the oldest
    /// answers are forgotten. Several processes may use one file at once.
    ///
    /// # Errors
    /// A file that can't be opened or is something else.
    pub fn cache(path: &Path, most_bytes: Option<u64>) -> Result<Arc<Self>, LmError> {
        let hint = "choose another path for the cache; this file stays as it is";
        Self::new(Mode::Cache, path, Store::open(path, most_bytes), hint)
    }

    /// A recording: a cache that also keeps how requests failed, so that [`Exchanges::replay`] repeats the whole run.
    ///
    /// # Errors
    /// A file that can't be opened or is something else.
    pub fn record(path: &Path) -> Result<Arc<Self>, LmError> {
        Self::new(Mode::Record, path, Store::open(path, None), "choose another file for --record")
    }

    /// A recording as the only one to answer: no server is asked.
    ///
    /// # Errors
    /// A file that is missing, can't be read or is something else.
    pub fn replay(path: &Path) -> Result<Arc<Self>, LmError> {
        Self::new(
            Mode::Replay,
            path,
            Store::open_to_read(path),
            "a recording is made by `samara run --record FILE`",
        )
    }

    fn new(
        mode: Mode,
        path: &Path,
        store: Result<Store, StoreError>,
        hint: &str,
    ) -> Result<Arc<Self>, LmError> {
        let store = store.map_err(|error| {
            let message = format!("{} can't be used for exchanges: {error}", path.display());
            LmError::new(ErrorKind::Configuration, message).hint(hint)
        })?;
        Ok(Arc::new(Self { store: Mutex::new(store), mode, path: path.to_owned() }))
    }

    /// Ends a recording: leaves a single file that can be read anywhere.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn finish(&self) -> Result<(), LmError> {
        if self.mode != Mode::Record {
            return Ok(());
        }
        self.lock().finish().map_err(|error| self.broken(&error))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> LmError {
        let message = format!("the exchanges in {}: {error}", self.path.display());
        LmError::new(ErrorKind::Storage, message)
            .hint("is the disk full, or the file damaged or not ours to write?")
    }

    /// The outcome that answers a request, if there is one.
    fn find(&self, key: &Key) -> Result<Option<Outcome>, LmError> {
        match self.lock().find(key).map_err(|error| self.broken(&error))? {
            Row::Whole(outcome) => Ok(Some(outcome).filter(|outcome| self.mode.counts(outcome))),
            Row::Absent => Ok(None),
            // A cache asks again and keeps the new answer instead.
            Row::Damaged if self.mode == Mode::Cache => Ok(None),
            Row::Damaged => Err(self.broken(&"a recorded answer is damaged")),
        }
    }

    fn keep(&self, key: &Key, outcome: Outcome) -> Result<Outcome, LmError> {
        let kept = self.lock().keep(key, outcome, |there| self.mode.counts(there));
        kept.map_err(|error| self.broken(&error))
    }
}

impl Mode {
    /// Whether a kept outcome answers a request.
    fn counts(self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Answer { .. } => true,
            Outcome::Error(error) => match self {
                Self::Cache => false,
                Self::Record => fails_a_candidate(error.kind),
                Self::Replay => true,
            },
        }
    }

    /// Whether an error is part of a run: it failed a candidate, or told the probe what a server can't do. Others end
    /// the session, and may be gone when the run goes on.
    fn keeps(self, error: &LmError) -> bool {
        let told = matches!(error.kind, ErrorKind::Refused | ErrorKind::Unsupported);
        self == Self::Record && (told || fails_a_candidate(error.kind))
    }
}

fn fails_a_candidate(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Overloaded | ErrorKind::Timeout | ErrorKind::Malformed | ErrorKind::Invalid)
}

/// One model's way into the exchanges.
#[derive(Debug)]
pub(crate) struct Recall {
    exchanges: Arc<Exchanges>,
    /// Whom the model's operations ask.
    identity: String,
}

impl Recall {
    pub(crate) fn new(
        exchanges: Arc<Exchanges>,
        settings: &ModelSettings,
        address: &str,
    ) -> Result<Self, LmError> {
        Ok(Self { exchanges, identity: identity(settings, address)? })
    }

    /// Whether an operation may be answered from here. Which models a server has is asked anew by every run, except in
    /// a recording.
    pub(crate) fn covers(&self, operation: &Operation<'_>) -> bool {
        self.exchanges.mode != Mode::Cache || !matches!(operation, Operation::Models)
    }

    /// Finds the answer, or asks and keeps it.
    pub(crate) async fn carry(
        &self,
        client: &Client,
        operation: &Operation<'_>,
    ) -> Result<(Answer, Usage), LmError> {
        let key = self.key(operation)?;
        if let Some(outcome) = self.blocking(move |exchanges| exchanges.find(&key)).await? {
            return recalled(client, outcome, None);
        }
        if self.exchanges.mode == Mode::Replay {
            return Err(self.missing(client, operation));
        }
        let asked = ask(client, operation).await;
        let (outcome, paid) = match &asked {
            Ok((answer, usage)) => (answered(answer, usage), Some(*usage)),
            Err(error) if self.exchanges.mode.keeps(error) => (Outcome::Error(error.clone()), None),
            Err(_) => return asked,
        };
        let kept = self.blocking(move |exchanges| exchanges.keep(&key, outcome)).await?;
        recalled(client, kept, paid)
    }

    fn key(&self, operation: &Operation<'_>) -> Result<Key, LmError> {
        let asked = serde_json::to_vec(operation)
            .map_err(|error| LmError::new(ErrorKind::Storage, format!("a request has no JSON: {error}")))?;
        let whom = self.identity.as_bytes();
        let hasher = Sha256::new().chain_update((whom.len() as u64).to_le_bytes()).chain_update(whom);
        Ok(hasher.chain_update(asked).finalize().into())
    }

    /// Away from the threads that carry requests: another process may hold the file for a while.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Exchanges) -> Result<T, LmError> + Send + 'static,
    ) -> Result<T, LmError> {
        let exchanges = Arc::clone(&self.exchanges);
        let done = tokio::task::spawn_blocking(move || work(&exchanges)).await;
        done.unwrap_or_else(|error| Err(self.exchanges.broken(&error)))
    }

    fn missing(&self, client: &Client, operation: &Operation<'_>) -> LmError {
        let message = format!(
            "{} holds no answer of {} to: {}",
            self.exchanges.path.display(),
            crate::LanguageModel::label(client),
            described(operation)
        );
        LmError::new(ErrorKind::Missing, message)
            .hint("replay with the experiment, seed and models of the recording, or run without --replay")
    }
}

/// What a person recognises a request by.
fn described(operation: &Operation<'_>) -> String {
    let beginning = |text: &str| text.chars().take(120).collect::<String>();
    match operation {
        Operation::Models => "which models are there?".to_owned(),
        Operation::Complete { request, .. } => {
            format!("complete {:?} (seed {})", beginning(&request.prompt), request.sampling.seed)
        }
        Operation::Several { request, count, .. } => {
            let beginning = beginning(&request.prompt);
            format!("complete {beginning:?} {count} times (seed {})", request.sampling.seed)
        }
        Operation::LogProbability { prompt, answer, .. } => {
            format!("weigh {answer:?} after {:?}", beginning(prompt))
        }
        Operation::Labels { request, .. } => {
            format!(
                "weigh {:?} after {:?} (seed {})",
                request.answers,
                beginning(&request.prompt),
                request.seed
            )
        }
        Operation::Embed { texts, .. } => {
            format!("embed {:?}", texts.first().map(|text| beginning(text)).unwrap_or_default())
        }
    }
}

fn answered(answer: &Answer, usage: &Usage) -> Outcome {
    Outcome::Answer {
        value: answer.value.clone(),
        tokens_in: usage.tokens_in,
        tokens_out: usage.tokens_out,
        estimated: usage.estimated,
        latency_ms: usage.latency_ms,
    }
}

/// A kept outcome as the caller sees it; `paid` is what it took if it was asked for just now.
fn recalled(client: &Client, outcome: Outcome, paid: Option<Usage>) -> Result<(Answer, Usage), LmError> {
    match outcome {
        Outcome::Error(error) => Err(error),
        Outcome::Answer { value, tokens_in, tokens_out, estimated, latency_ms } => {
            let (cost, attempts) = paid.map_or((0.0, 0), |paid| (paid.cost, paid.attempts));
            let price = client.price(tokens_in, tokens_out);
            let usage = Usage { tokens_in, tokens_out, cost, price, attempts, latency_ms, estimated };
            Ok((Answer { value, tokens: (!estimated).then_some((tokens_in, tokens_out)) }, usage))
        }
    }
}

/// Settings that decide when a model is asked, at what price and with which key, but never what it answers. How it
/// completes and scores is in the operations.
const INDIFFERENT: [&str; 13] = [
    "api",
    "api_key_env",
    "deadline_s",
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

/// Whom a model's operations ask: its settings, with the contents of a script or of weights for their place.
fn identity(settings: &ModelSettings, address: &str) -> Result<String, LmError> {
    let unwritable =
        |error| LmError::new(ErrorKind::Configuration, format!("the settings have no JSON: {error}"));
    let mut whom = serde_json::to_value(settings).map_err(unwritable)?;
    let files = match (settings.provider, &settings.script, &settings.folder) {
        (ProviderName::Scripted, Some(script), _) => Some(digest_of_files(std::slice::from_ref(script))?),
        (provider, _, Some(folder)) if provider.runs_inside() => Some(digest_of_folder(folder)?),
        (ProviderName::Embedded, _, None) => {
            Some(hex(samara_seedling::shipped::files(shipped_corpus(settings).unwrap_or_default())
                .iter()
                .fold(Sha256::new(), |hasher, file| {
                    hasher.chain_update((file.len() as u64).to_le_bytes()).chain_update(file)
                })))
        }
        _ => None,
    };
    if let Some(fields) = whom.as_object_mut() {
        fields.retain(|name, _| !INDIFFERENT.contains(&name.as_str()));
        match files {
            // The same contents elsewhere are the same model.
            Some(files) => {
                fields.retain(|name, _| !matches!(name.as_str(), "script" | "folder"));
                fields.insert("files".into(), files.into());
            }
            None => drop(fields.insert("address".into(), address.into())),
        }
    }
    Ok(whom.to_string())
}

fn digest_of_folder(folder: &Path) -> Result<String, LmError> {
    let unreadable = |error: std::io::Error| unreadable(folder, &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let kept = path.extension().is_some_and(|ending| ending == "json" || ending == "safetensors");
        if kept && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    digest_of_files(&files)
}

fn digest_of_files(files: &[PathBuf]) -> Result<String, LmError> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    for path in files {
        let mut file = std::fs::File::open(path).map_err(|error| unreadable(path, &error))?;
        let mut length = 0_u64;
        loop {
            let read = file.read(&mut chunk).map_err(|error| unreadable(path, &error))?;
            if read == 0 {
                break;
            }
            length += read as u64;
            hasher.update(&chunk[..read]);
        }
        hasher.update(length.to_le_bytes());
    }
    Ok(hex(hasher))
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unreadable(path: &Path, error: &std::io::Error) -> LmError {
    LmError::new(ErrorKind::Configuration, format!("{} can't be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whom(change: impl FnOnce(&mut ModelSettings)) -> String {
        let mut settings = ModelSettings { model: Some("m".into()), ..ModelSettings::default() };
        change(&mut settings);
        identity(&settings, "http://host/v1").expect("an identity")
    }

    #[test]
    fn what_can_change_an_answer_changes_who_is_asked_and_nothing_else_does() {
        let base = whom(|_| {});
        assert_eq!(whom(|s| s.price_in = 3.0), base);
        assert_eq!(whom(|s| s.max_concurrency = 3), base);
        assert_eq!(whom(|s| s.api_key_env = Some("OTHER".into())), base);
        assert_ne!(whom(|s| s.model = Some("n".into())), base);
        assert_ne!(whom(|s| drop(s.extra.insert("top_k".into(), 5.into()))), base);
        let settings = ModelSettings { model: Some("m".into()), ..ModelSettings::default() };
        assert_ne!(identity(&settings, "http://other/v1").expect("an identity"), base);
    }

    #[test]
    fn every_indifferent_setting_exists() {
        let api_key_env = Some("KEY".into());
        let settings = ModelSettings { api_key_env, threads: Some(1), ..ModelSettings::default() };
        let all = serde_json::to_value(settings).expect("JSON");
        for name in INDIFFERENT {
            assert!(all.get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_script_is_known_by_what_it_says_not_by_where_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            let settings = ModelSettings::parse(&format!("scripted:{}", path.display())).expect("valid");
            identity(&settings, name).expect("an identity")
        };
        assert_eq!(script("a.toml", "name = \"x\""), script("b.toml", "name = \"x\""));
        assert_ne!(script("a.toml", "name = \"x\""), script("b.toml", "name = \"y\""));
    }
}
