//! Models by their name on the Hugging Face hub: taken from the cache that its own tools use, or fetched into it.
//!
//! A model is `ORG/NAME`, or `ORG/NAME@REVISION` with a branch, tag or commit; one GGUF file of it is `ORG/NAME/FILE.gguf`,
//! or `ORG/NAME/FILE.gguf@REVISION`, of which all parts are fetched if it is split. The cache is laid out as huggingface_hub
//! does (`models--ORG--NAME/refs/REVISION` names a commit, `snapshots/COMMIT/` holds its files), at `HF_HUB_CACHE`,
//! else `HF_HOME/hub`, else `~/.cache/huggingface/hub`. With `HF_HUB_OFFLINE=1` nothing is fetched. `HF_ENDPOINT` is
//! another hub; `HF_TOKEN` is sent to it alone, not to where it redirects, and is never written.

mod download;

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use samara_seedling::files;
use serde_json::Value;

use crate::{
    ErrorKind, LmError, ModelSettings, ProviderName, Secret, reading::address::is_this_machine,
    settings::validate_url,
};

/// What a model's folder contains besides its weights.
const REQUIRED: [&str; 2] = ["config.json", "tokenizer.json"];

/// What chats are written by; not every model has one of them, nor is one with them refetched that was had without.
const OPTIONAL: [&str; 3] = ["tokenizer_config.json", "chat_template.jinja", "generation_config.json"];

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// No file may be longer, in bytes, and no list or index.
const MAX_WEIGHTS_BYTES: u64 = 64 << 30;
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// The file of a revision may not be longer, in bytes: it names a commit.
const MOST_REVISION: u64 = 1 << 10;

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
    /// The path of a GGUF file in the repository, rather than a folder of safetensors.
    file: Option<String>,
}

/// The settings with the folder of a model that they name by its name on the hub; others as they are.
pub(crate) fn resolved(settings: &ModelSettings) -> Result<ModelSettings, LmError> {
    let mut settings = settings.clone();
    let place = match settings.provider {
        ProviderName::Huggingface => &settings.folder,
        ProviderName::Gguf => &settings.file,
        _ => return Ok(settings),
    };
    if place.is_none() {
        let name = settings.model.as_deref().and_then(Name::parse);
        let name =
            name.ok_or_else(|| refuse("no model on the hub is named").hint("write model = \"ORG/NAME\""))?;
        let place = Some(Hub::from_environment(&settings)?.folder(&name)?);
        if settings.provider == ProviderName::Gguf {
            settings.file = place;
        } else {
            settings.folder = place;
        }
    }
    Ok(settings)
}

impl Name {
    /// `ORG/NAME` or `ORG/NAME/FILE.gguf` (which may be in folders), with `@REVISION` behind it or not.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (path, revision) = text.split_once('@').unwrap_or((text, "main"));
        let (organisation, rest) = path.split_once('/')?;
        let (name, file) = rest.split_once('/').map_or((rest, None), |(name, file)| (name, Some(file)));
        let plain = [organisation, name, revision].into_iter().all(is_plain);
        let plain = plain && file.is_none_or(|file| file.ends_with(".gguf") && is_plain_path(file));
        let repository = format!("{organisation}/{name}");
        plain.then(|| Self { repository, revision: revision.to_owned(), file: file.map(str::to_owned) })
    }

    /// Whether it is one file rather than a whole model.
    pub(crate) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// What is opened of a snapshot's folder: the file, or the folder.
    fn path_in(&self, folder: &Path) -> PathBuf {
        self.file.as_ref().map_or_else(|| folder.to_owned(), |file| folder.join(file))
    }

    /// The files that this one names: itself, or all parts of a split one (`-00001-of-00003.gguf`).
    fn parts(file: &str) -> Option<Vec<String>> {
        let Some((before, count)) = file.strip_suffix(".gguf").and_then(|stem| stem.rsplit_once("-of-"))
        else {
            return Some(vec![file.to_owned()]);
        };
        let number = |digits: &str| digits.parse::<usize>().ok().filter(|_| digits.len() == 5);
        match (number(count), before.rsplit_once('-').map(|(stem, digits)| (stem, number(digits)))) {
            (Some(count), Some((stem, Some(_)))) => {
                let part = |number: usize| format!("{stem}-{number:05}-of-{count:05}.gguf");
                (1..=MAX_FILES).contains(&count).then(|| (1..=count).map(part).collect())
            }
            _ => Some(vec![file.to_owned()]),
        }
    }
}

/// Whether each part of a path is one that stays where it is put.
fn is_plain_path(path: &str) -> bool {
    path.split('/').count() <= 8 && path.split('/').all(is_plain)
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

    /// The folder with a model's files, or the GGUF file that is named (of a split one the part that is); fetches what is
    /// missing.
    ///
    /// # Errors
    /// If the cache can't be read or written, the hub can't be reached or has no such model, or the model has no
    /// safetensors.
    pub(crate) fn folder(&self, name: &Name) -> Result<PathBuf, LmError> {
        let folder = self.cache.join(format!("models--{}", name.repository.replace('/', "--")));
        let recorded = files::read_text(&folder.join("refs").join(&name.revision), MOST_REVISION).ok();
        let commit = recorded.as_deref().map_or(name.revision.as_str(), str::trim);
        let known = folder.join("snapshots").join(commit);
        if is_plain(commit) && is_complete(&known, name)? {
            return Ok(name.path_in(&known));
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
        for file in self.wanted(&client, name, &commit, &has, &folder).await? {
            self.keep(&client, &address(name, &commit, &file), &folder.join(&file)).await?;
        }
        record_revision(&model_folder.join("refs"), &name.revision, &commit)?;
        Ok(name.path_in(&folder))
    }

    /// The files to fetch: those of a GGUF file, or of a folder with safetensors.
    async fn wanted(
        &self,
        client: &reqwest::Client,
        name: &Name,
        commit: &str,
        has: &impl Fn(&str) -> bool,
        folder: &Path,
    ) -> Result<Vec<String>, LmError> {
        let lacks =
            |file: &str, hint: &str| Err(refuse(format!("{} has no {file}", name.repository)).hint(hint));
        if let Some(file) = &name.file {
            let parts = parts(file)?;
            return match parts.iter().find(|part| !has(part)) {
                Some(missing) => lacks(missing, "look at the model's page for the names of its files"),
                None => Ok(parts),
            };
        }
        if let Some(missing) = REQUIRED.into_iter().find(|file| !has(file)) {
            return lacks(
                missing,
                "use a model with a fast tokenizer, in Hugging Face's layout, or name a GGUF file: ORG/NAME/FILE.gguf",
            );
        }
        let described = REQUIRED.into_iter().chain(OPTIONAL.into_iter().filter(|file| has(file)));
        let mut wanted = described.map(str::to_owned).collect::<Vec<_>>();
        if has(SINGLE) {
            wanted.push(SINGLE.to_owned());
        } else if has(INDEX) {
            self.keep(client, &address(name, commit, INDEX), &folder.join(INDEX)).await?;
            let shards = shards(folder);
            wanted.extend(shards.ok_or_else(|| refuse(format!("{INDEX} of {} is broken", name.repository)))?);
        } else {
            return lacks(SINGLE, "pickled weights are never loaded; use a model with safetensors");
        }
        Ok(wanted)
    }

    fn client(&self) -> Result<reqwest::Client, LmError> {
        // The first installation wins; a second one is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder();
        if is_this_machine(&self.endpoint) {
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

    /// A good reply to a GET, or one that says that the range which was asked for is not there.
    async fn get_with(
        &self,
        client: &reqwest::Client,
        path: &str,
        headers: HeaderMap,
    ) -> Result<reqwest::Response, LmError> {
        let ranged = !headers.is_empty();
        let mut request = client.get(format!("{}/{path}", self.endpoint)).headers(headers);
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
            StatusCode::RANGE_NOT_SATISFIABLE if ranged => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let message = format!("{} refuses {path} ({})", self.endpoint, response.status());
                let hint = "check the name; if the model has terms, accept them on its page and set HF_TOKEN to a key";
                Err(LmError::new(ErrorKind::Refused, message).hint(hint))
            }
            StatusCode::NOT_FOUND => {
                let message = format!("{} has no {path}", self.endpoint);
                Err(LmError::new(ErrorKind::Refused, message)
                    .hint("write ORG/NAME, ORG/NAME@REVISION or ORG/NAME/FILE.gguf"))
            }
            status => {
                let message = format!("{} answers {path} with {status}", self.endpoint);
                Err(LmError::new(ErrorKind::Unreachable, message).hint("try again later"))
            }
        }
    }

    async fn text(&self, client: &reqwest::Client, path: &str) -> Result<Vec<u8>, LmError> {
        let mut response = self.get_with(client, path, HeaderMap::new()).await?;
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(path, error))? {
            text.extend_from_slice(&chunk);
            if text.len() as u64 > MAX_TEXT_BYTES {
                return Err(refuse(format!("{path} is longer than {MAX_TEXT_BYTES} bytes")));
            }
        }
        Ok(text)
    }

    /// Fetches a file that is not there yet.
    async fn keep(&self, client: &reqwest::Client, path: &str, into: &Path) -> Result<(), LmError> {
        if into.exists() {
            return Ok(());
        }
        let folder = into.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        let is_weights = path.ends_with(".safetensors") || path.ends_with(".gguf");
        let limit = if is_weights { MAX_WEIGHTS_BYTES } else { MAX_TEXT_BYTES };
        self.download(client, path, into, limit).await
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

/// Where a file is on the hub.
fn address(name: &Name, commit: &str, file: &str) -> String {
    format!("{}/resolve/{commit}/{file}", name.repository)
}

/// The files that a GGUF file's name stands for.
fn parts(file: &str) -> Result<Vec<String>, LmError> {
    Name::parts(file).ok_or_else(|| refuse(format!("{file} is said to have more than {MAX_FILES} parts")))
}

/// Whether a folder holds what is named.
fn is_complete(folder: &Path, name: &Name) -> Result<bool, LmError> {
    let there = |file: &str| folder.join(file).exists();
    if let Some(file) = &name.file {
        return Ok(parts(file)?.iter().all(|part| there(part)));
    }
    let shards = || shards(folder).is_some_and(|shards| shards.iter().all(|shard| there(shard)));
    Ok(REQUIRED.into_iter().all(there) && (there(SINGLE) || shards()))
}

/// The files of weights that a folder's index lists.
fn shards(folder: &Path) -> Option<BTreeSet<String>> {
    let index: Value =
        serde_json::from_slice(&files::read(&folder.join(INDEX), MAX_TEXT_BYTES).ok()?).ok()?;
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
