//! Models by their name on the Hugging Face hub: taken from the cache that its own tools use, or fetched into it.
//!
//! A model is `ORG/NAME`, or `ORG/NAME@REVISION` with a branch, tag or commit. The cache is laid out as huggingface_hub
//! does (`models--ORG--NAME/refs/REVISION` names a commit, `snapshots/COMMIT/` holds its files), at `HF_HUB_CACHE`,
//! else `HF_HOME/hub`, else `~/.cache/huggingface/hub`. With `HF_HUB_OFFLINE=1` nothing is fetched. `HF_ENDPOINT` is
//! another hub; `HF_TOKEN` is sent to it alone, not to where it redirects, and is never written.

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use serde_json::Value;

use crate::{
    ErrorKind, LmError, ModelSettings, ProviderName, Secret,
    settings::{is_loopback, validate_url},
};

/// What a model's folder contains besides its weights.
const REQUIRED: [&str; 2] = ["config.json", "tokenizer.json"];
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// No file may be longer, in bytes, and no list or index.
const MAX_WEIGHTS_BYTES: u64 = 64 << 30;
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// No model may have more files of weights.
const MAX_FILES: usize = 1024;

/// How long the hub may stay silent.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A hub and the cache of its models.
#[derive(Debug)]
pub(crate) struct Hub {
    endpoint: String,
    cache: PathBuf,
    offline: bool,
    key: Option<Secret>,
}

/// A model's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    repository: String,
    revision: String,
}

/// The settings with the folder of a model that they name by its name on the hub; others as they are.
pub(crate) fn resolved(settings: &ModelSettings) -> Result<ModelSettings, LmError> {
    let mut settings = settings.clone();
    if settings.provider == ProviderName::Huggingface && settings.folder.is_none() {
        let name = settings.model.as_deref().and_then(Name::parse);
        let name =
            name.ok_or_else(|| refuse("no model on the hub is named").hint("write model = \"ORG/NAME\""))?;
        settings.folder = Some(Hub::from_environment(&settings)?.folder(&name)?);
    }
    Ok(settings)
}

impl Name {
    /// `ORG/NAME` or `ORG/NAME@REVISION`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (repository, revision) = text.split_once('@').unwrap_or((text, "main"));
        let (organisation, name) = repository.split_once('/')?;
        let plain = [organisation, name, revision].into_iter().all(is_plain);
        plain.then(|| Self { repository: repository.to_owned(), revision: revision.to_owned() })
    }
}

/// Whether a text is one part of a path that stays where it is put.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('.')
}

impl Hub {
    /// The hub that the environment and the settings' `api_key_env` name.
    pub(crate) fn from_environment(settings: &ModelSettings) -> Result<Self, LmError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let home = || Some(PathBuf::from(set("HOME")?).join(".cache/huggingface"));
        let cache = set("HF_HUB_CACHE").map(PathBuf::from);
        let cache = cache.or_else(|| Some(set("HF_HOME").map(PathBuf::from).or_else(home)?.join("hub")));
        let cache = cache.ok_or_else(|| {
            refuse("there is no cache of models: neither HF_HOME nor HOME is set")
                .hint("set HF_HOME to a folder")
        })?;
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        validate_url(&endpoint).map_err(|invalid| {
            refuse(format!("the variable HF_ENDPOINT {}", invalid.problem)).hint("write https://HOST")
        })?;
        let offline = set("HF_HUB_OFFLINE").is_some_and(|value| !matches!(&*value, "0" | "false" | "no"));
        let variable = settings.api_key_env.as_deref().unwrap_or("HF_TOKEN");
        Ok(Self { endpoint, cache, offline, key: Secret::from_environment(variable) })
    }

    /// The folder with a model's files; fetches those that are missing.
    ///
    /// # Errors
    /// If the cache can't be read or written, the hub can't be reached or has no such model, or the model has no
    /// safetensors.
    pub(crate) fn folder(&self, name: &Name) -> Result<PathBuf, LmError> {
        let folder = self.cache.join(format!("models--{}", name.repository.replace('/', "--")));
        let recorded = std::fs::read_to_string(folder.join("refs").join(&name.revision)).ok();
        let commit = recorded.as_deref().map_or(name.revision.as_str(), str::trim);
        let known = folder.join("snapshots").join(commit);
        if is_plain(commit) && is_complete(&known) {
            return Ok(known);
        }
        if self.offline {
            let message = format!("{} is not in {}", name.repository, self.cache.display());
            return Err(refuse(message).hint("unset HF_HUB_OFFLINE to fetch it"));
        }
        // The caller may be a task of a runtime, which must not wait inside it: a thread with a runtime of its own may.
        let fetched = std::thread::scope(|scope| {
            let fetch = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime =
                    runtime.map_err(|error| refuse(format!("a thread can't be started: {error}")))?;
                runtime.block_on(self.fetch(name, &folder))
            };
            scope.spawn(fetch).join()
        });
        fetched.unwrap_or_else(|_| Err(refuse(format!("fetching {} failed", name.repository))))
    }

    async fn fetch(&self, name: &Name, model_folder: &Path) -> Result<PathBuf, LmError> {
        let client = self.client()?;
        let listed = format!("api/models/{}/revision/{}", name.repository, name.revision);
        let listed: Value = parsed(&self.text(&client, &listed).await?)?;
        let commit = listed["sha"].as_str().filter(|sha| is_plain(sha));
        let commit = commit.ok_or_else(|| refuse("the hub reports no commit of the model"))?.to_owned();
        let names = listed["siblings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let has = |file: &str| names.iter().any(|one| one["rfilename"] == file);
        let folder = model_folder.join("snapshots").join(&commit);
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        let at = |file: &str| format!("{}/resolve/{commit}/{file}", name.repository);
        for file in REQUIRED {
            if !has(file) {
                let message = format!("{} has no {file}", name.repository);
                return Err(
                    refuse(message).hint("use a model with a fast tokenizer, in Hugging Face's layout")
                );
            }
            self.keep(&client, &at(file), &folder.join(file)).await?;
        }
        let weights = if has(SINGLE) {
            BTreeSet::from([SINGLE.to_owned()])
        } else if has(INDEX) {
            self.keep(&client, &at(INDEX), &folder.join(INDEX)).await?;
            shards(&folder).ok_or_else(|| refuse(format!("{INDEX} of {} is broken", name.repository)))?
        } else {
            let message = format!("{} has no {SINGLE}", name.repository);
            return Err(
                refuse(message).hint("pickled weights are never loaded; use a model with safetensors")
            );
        };
        for file in weights {
            self.keep(&client, &at(&file), &folder.join(&file)).await?;
        }
        record_revision(&model_folder.join("refs"), &name.revision, &commit)?;
        Ok(folder)
    }

    fn client(&self) -> Result<reqwest::Client, LmError> {
        // The first installation wins; a second one is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder();
        if is_loopback(&self.endpoint) {
            builder = builder.no_proxy();
        }
        // On another host a redirected request carries no key.
        let redirect = reqwest::redirect::Policy::limited(5);
        let built = builder
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(READ_TIMEOUT)
            .redirect(redirect)
            .build();
        built.map_err(|error| refuse(format!("the HTTP client can't be set up: {error}")))
    }

    /// A good reply to a GET.
    async fn get(&self, client: &reqwest::Client, path: &str) -> Result<reqwest::Response, LmError> {
        let mut request = client.get(format!("{}/{path}", self.endpoint));
        if let Some(key) = &self.key {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.reveal()));
            let mut value =
                value.map_err(|_| refuse("the key contains characters that an HTTP header can't carry"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let response = request.send().await.map_err(|error| self.broken(path, error))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let message = format!("{} refuses {path} ({})", self.endpoint, response.status());
                let hint = "check the name; if the model has terms, accept them on its page and set HF_TOKEN to a key";
                Err(LmError::new(ErrorKind::Refused, message).hint(hint))
            }
            StatusCode::NOT_FOUND => {
                let message = format!("{} has no {path}", self.endpoint);
                Err(LmError::new(ErrorKind::Refused, message).hint("write ORG/NAME, or ORG/NAME@REVISION"))
            }
            status => {
                let message = format!("{} answers {path} with {status}", self.endpoint);
                Err(LmError::new(ErrorKind::Unreachable, message).hint("try again later"))
            }
        }
    }

    async fn text(&self, client: &reqwest::Client, path: &str) -> Result<Vec<u8>, LmError> {
        let mut response = self.get(client, path).await?;
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(path, error))? {
            text.extend_from_slice(&chunk);
            if text.len() as u64 > MAX_TEXT_BYTES {
                return Err(refuse(format!("{path} is longer than {MAX_TEXT_BYTES} bytes")));
            }
        }
        Ok(text)
    }

    /// Fetches a file that is not there yet, under another name until all of it is there.
    async fn keep(&self, client: &reqwest::Client, path: &str, into: &Path) -> Result<(), LmError> {
        if into.exists() {
            return Ok(());
        }
        let limit = if path.ends_with(".json") { MAX_TEXT_BYTES } else { MAX_WEIGHTS_BYTES };
        let mut response = self.get(client, path).await?;
        let folder = into.parent().unwrap_or(Path::new("."));
        let part = tempfile::Builder::new().prefix(".part-").tempfile_in(folder);
        let mut part = part.map_err(|error| unwritable(folder, &error))?;
        let mut length = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(path, error))? {
            length += chunk.len() as u64;
            if length > limit {
                return Err(refuse(format!("{path} is longer than {limit} bytes")));
            }
            part.write_all(&chunk).map_err(|error| unwritable(folder, &error))?;
        }
        part.as_file().sync_all().map_err(|error| unwritable(folder, &error))?;
        part.persist(into).map_err(|error| unwritable(into, &error.error))?;
        Ok(())
    }

    /// A request that failed or broke off.
    fn broken(&self, path: &str, error: reqwest::Error) -> LmError {
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let message = format!("{path} can't be fetched from {}: {cause}", self.endpoint);
        let message = self.key.as_ref().map_or(message.clone(), |key| key.redact(&message));
        let hint =
            "check the network, or set HF_ENDPOINT to another hub; huggingface:FOLDER needs no network";
        LmError::new(ErrorKind::Unreachable, message).hint(hint)
    }
}

fn refuse(message: impl Into<String>) -> LmError {
    LmError::new(ErrorKind::Configuration, message)
}

fn unwritable(path: &Path, error: &std::io::Error) -> LmError {
    LmError::new(ErrorKind::Storage, format!("{} can't be written: {error}", path.display()))
        .hint("check its permissions and free space, or set HF_HUB_CACHE to another folder")
}

fn parsed(text: &[u8]) -> Result<Value, LmError> {
    serde_json::from_slice(text)
        .map_err(|error| refuse(format!("the hub's list of files is not JSON: {error}")))
}

/// Whether a folder holds a model.
fn is_complete(folder: &Path) -> bool {
    let there = |file: &str| folder.join(file).exists();
    let shards = || shards(folder).is_some_and(|shards| shards.iter().all(|shard| there(shard)));
    REQUIRED.into_iter().all(there) && (there(SINGLE) || shards())
}

/// The files of weights that a folder's index lists.
fn shards(folder: &Path) -> Option<BTreeSet<String>> {
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join(INDEX)).ok()?).ok()?;
    let names = index["weight_map"].as_object()?.values();
    let names: Option<BTreeSet<String>> = names.map(|name| name.as_str().map(str::to_owned)).collect();
    let plain = |name: &String| is_plain(name) && name.ends_with(".safetensors");
    names.filter(|names| (1..=MAX_FILES).contains(&names.len()) && names.iter().all(plain))
}

/// Records a revision's commit, once all its files are there.
fn record_revision(refs: &Path, revision: &str, commit: &str) -> Result<(), LmError> {
    if revision == commit {
        return Ok(());
    }
    let write = || {
        std::fs::create_dir_all(refs)?;
        let mut part = tempfile::NamedTempFile::new_in(refs)?;
        part.write_all(commit.as_bytes())?;
        part.persist(refs.join(revision)).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error: std::io::Error| unwritable(refs, &error))
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
