//! A `[models.ROLE]` section. What may be in it is checked in `validation.rs`; model strings are read in
//! `model_string.rs`.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{error::InvalidSetting, provider_name::ProviderName, types::ScoreMethod};

/// Which of the server's interfaces writes completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Completions if the server has them, else chat.
    #[default]
    Auto,
    /// `/completions`.
    Completions,
    /// `/chat/completions`, the prompt as the user's message.
    Chat,
}

/// How answers are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// The best method that a probe finds to work.
    #[default]
    Auto,
    /// Echo with log-probabilities.
    Echo,
    /// A chat's prompt log-probabilities.
    PromptLogprobs,
    /// The answer forced by a grammar (`llama-server`).
    Grammar,
    /// The vendor's own evaluation (`aleph-alpha`).
    Evaluate,
    /// The log-probabilities of the input (`sglang`).
    InputLogprobs,
    /// The details of the prefill (`tgi`).
    Prefill,
    /// The first token's alternatives.
    TopLogprobs,
    /// Sampled answers.
    Sampling,
    /// Sampled ratings from 1 to 10.
    Rating,
}

impl Scoring {
    /// The method that is asked for; `None` leaves it to the probe.
    pub(crate) fn method(self) -> Option<ScoreMethod> {
        Some(match self {
            Self::Auto => return None,
            Self::Echo => ScoreMethod::Echo,
            Self::PromptLogprobs => ScoreMethod::PromptLogprobs,
            Self::Grammar => ScoreMethod::Grammar,
            Self::Evaluate => ScoreMethod::Evaluate,
            Self::InputLogprobs => ScoreMethod::InputLogprobs,
            Self::Prefill => ScoreMethod::Prefill,
            Self::TopLogprobs => ScoreMethod::TopLogprobs,
            Self::Sampling => ScoreMethod::Sampling,
            Self::Rating => ScoreMethod::Rating,
        })
    }
}

/// How an embedder with a difference between queries and documents represents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Representation {
    /// Both alike.
    #[default]
    Symmetric,
    /// Queries as queries, documents as documents.
    Asymmetric,
}

impl Representation {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A model and how to reach it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Who answers. Default `openai`.
    pub provider: ProviderName,
    /// The model's name: for `embedded`, `texts` or `walkers`; for `huggingface`, `ORG/NAME` or `ORG/NAME@REVISION`;
    /// for `gguf`, `ORG/NAME/FILE.gguf` on the hub.
    /// `anthropic`, `aleph-alpha` and Triton need one; `sglang` and `tgi` run one and take none. Default: the first that
    /// the server lists; for `embedded`, `texts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The server's address, for `openai` up to `/v1`. Default: the vendor's variable (`OPENAI_BASE_URL`,
    /// `OLLAMA_HOST`, `ANTHROPIC_BASE_URL`), else where such a server listens by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The name of the environment variable that holds the key; it may be unset. Default: the vendor's:
    /// `OPENAI_API_KEY`, `LLAMA_API_KEY`, `OLLAMA_API_KEY`, `SGLANG_API_KEY`, `HF_TOKEN`, `ANTHROPIC_API_KEY`, or `AA_TOKEN`
    /// and `ALEPH_ALPHA_API_KEY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// Which interface writes completions, for `openai`, `ollama` and models from files (which `auto` asks in a chat if they
    /// have a template for it). Default `auto`.
    pub api: Api,
    /// How answers are scored; each provider knows some of the methods. Default `auto`.
    pub scoring: Scoring,
    /// Samples of a question, for `sampling` and `rating`; 1 to 10,000. Default 16.
    #[schemars(range(min = 1, max = 10000))]
    pub score_samples: u32,
    /// For `sampling`: what is added to each answer's count before frequencies are taken (Laplace, Lidstone); above 0
    /// to 100. Default 1.
    #[schemars(range(max = 100.0), extend("exclusiveMinimum" = 0))]
    pub score_smoothing: f64,
    /// For an embedder, `aleph-alpha`: whether queries, such as `environment.reference`, are represented otherwise than
    /// documents, the texts that are evolved. Default `symmetric`.
    #[serde(skip_serializing_if = "Representation::is_default")]
    pub representation: Representation,
    /// For an embedder: what stands before every query, such as `"query: "`; 1,000 characters at most. Default empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = MOST_PREFIX))]
    pub query_prefix: String,
    /// For an embedder: what stands before every document, such as `"passage: "`; 1,000 characters at most. Default empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = MOST_PREFIX))]
    pub document_prefix: String,
    /// Most attempts in flight at once, 1 to 65,536; the client finds the server's own limit below it. Default 1,024.
    #[schemars(range(min = 1, max = 65536))]
    pub max_concurrency: usize,
    /// Seconds that one attempt may take, a day (86,400) at most. Default 120.
    #[schemars(range(max = 86_400.0), extend("exclusiveMinimum" = 0))]
    pub timeout_s: f64,
    /// Seconds that one operation may take with all its attempts, a day (86,400) at most. Default 600.
    #[schemars(range(max = 86_400.0), extend("exclusiveMinimum" = 0))]
    pub deadline_s: f64,
    /// Attempts per operation. Default 8.
    #[schemars(range(min = 1, max = MOST_ATTEMPTS))]
    pub max_attempts: u32,
    /// Largest reply, in bytes, 1 GiB at most. Default 4,194,304 (4 MiB).
    #[schemars(range(min = 1, max = MOST_REPLY_BYTES))]
    pub max_reply_bytes: usize,
    /// Money per million tokens of prompts. Default 0, or the price of `[prices]`.
    #[schemars(range(min = 0.0, max = MOST_PRICE))]
    pub price_in: f64,
    /// Money per million tokens that are written. Default 0, or the price of `[prices]`.
    #[schemars(range(min = 0.0, max = MOST_PRICE))]
    pub price_out: f64,
    /// A table of further fields of the server's requests, passed on as they are; tables within join theirs. For
    /// Triton, further inputs of the model.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub extra: toml::Table,
    /// Names of fields that are left out of the server's requests; a field within a table as `options.seed`. Fields that
    /// a server refuses are found and left out without this. A thousand at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_FIELDS))]
    pub remove: Vec<String>,
    /// A table of fields that the server calls by other names, such as `seed = "random_seed"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// A table of further headers of every request. A secret is read from the environment: `X-Key = "env:VARIABLE"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A table of what stands in the query of every request, such as Azure's `api-version = "2024-10-21"`. A secret is
    /// read from the environment: `key = "env:VARIABLE"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// The header that carries the key, such as Azure's `api-key`. Default: the vendor's; for most,
    /// `Authorization: Bearer KEY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_header: Option<String>,
    /// A file of certificates (PEM) that are trusted beside the system's: those of authorities, and a server's own. The
    /// variable `SSL_CERT_FILE` names one, too. A relative path starts as for `folder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The script's file, for `scripted`; a relative path starts at the experiment's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<PathBuf>,
    /// The folder of a model of the Llama family in the Hugging Face layout (`config.json`, `model.safetensors`,
    /// `tokenizer.json`), for `embedded` and `huggingface`; a relative path starts at the experiment's file, or at the
    /// working directory for built-in experiments. Default: the model that comes with samara and that `model` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// A GGUF file, for `gguf`; a relative path as for `folder`. Default: the file on the hub that `model` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// A `tokenizer.json`, for Triton models that take token ids; a relative path as for `folder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PathBuf>,
    /// Threads of inference, 1 to 1,024, for `embedded`, `huggingface` and `gguf`; never changes an answer. Default: the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub threads: Option<usize>,
    /// The SHA-256 of the model's files, for `embedded`, `huggingface` and `gguf`, in hexadecimal digits. A run records it
    /// when it begins; where it is set, other weights are used only if `--anyway` is given. Default: none, whatever the
    /// weights are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            provider: ProviderName::Openai,
            model: None,
            base_url: None,
            api_key_env: None,
            api: Api::Auto,
            scoring: Scoring::Auto,
            score_samples: 16,
            score_smoothing: 1.0,
            representation: Representation::Symmetric,
            query_prefix: String::new(),
            document_prefix: String::new(),
            max_concurrency: 1024,
            timeout_s: 120.0,
            deadline_s: 600.0,
            max_attempts: 8,
            max_reply_bytes: 4 << 20,
            price_in: 0.0,
            price_out: 0.0,
            extra: toml::Table::new(),
            remove: Vec::new(),
            rename: BTreeMap::new(),
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            key_header: None,
            ca_file: None,
            script: None,
            folder: None,
            file: None,
            tokenizer: None,
            threads: None,
            digest: None,
        }
    }
}

/// Fields of requests that are left out, at most.
const MOST_FIELDS: usize = 1000;
/// A prefix of embedded texts at most, in characters.
pub(crate) const MOST_PREFIX: usize = 1000;
/// Attempts of an operation at most.
pub(crate) const MOST_ATTEMPTS: u32 = 1000;
/// A reply at most: 1 GiB.
pub(crate) const MOST_REPLY_BYTES: usize = 1 << 30;
/// Money per million tokens at most: what a run costs is a number.
pub(crate) const MOST_PRICE: f64 = 1e9;

/// An address that can be reached and shown.
pub(crate) fn validate_url(url: &str) -> Result<(), InvalidSetting> {
    let hint = "write an address such as http://127.0.0.1:8000/v1; the key goes into an environment variable (api_key_env)";
    let bad = |problem: &str| Err(InvalidSetting { key: "base_url", problem: problem.into(), hint });
    match reqwest::Url::parse(url) {
        Err(_) => bad("is not an address"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            bad("is neither an http nor an https address")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            bad("contains a user name or a password")
        }
        Ok(url) if url.query().is_some() => Err(InvalidSetting {
            key: "base_url",
            problem: "contains a query".into(),
            hint: "write it as query = { NAME = \"VALUE\" }; a key as \"env:VARIABLE\"",
        }),
        Ok(_) => Ok(()),
    }
}
