//! A `[models.ROLE]` section, and model strings such as `openai:NAME`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    InvalidSetting, ScoreMethod,
    hub::Name,
    provider::embedded::shipped_corpus,
    vendor::{Naming, Vendor},
};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderName {
    /// Any server that speaks OpenAI's HTTP interface.
    #[default]
    Openai,
    /// llama.cpp's own server, by its native interface.
    LlamaServer,
    /// Ollama.
    Ollama,
    /// SGLang, by its native interface.
    Sglang,
    /// Hugging Face's Text Generation Inference; for embeddings, its Text Embeddings Inference.
    Tgi,
    /// Anthropic's messages.
    Anthropic,
    /// Aleph Alpha.
    AlephAlpha,
    /// NVIDIA Triton over HTTP.
    Triton,
    /// NVIDIA Triton over gRPC; only in a build with the feature `triton-grpc`.
    TritonGrpc,
    /// A script: answers from a TOML file.
    Scripted,
    /// A small model that runs inside samara: one of those that come with it, or one from a folder.
    Embedded,
    /// A model of Hugging Face's hub, or of a folder in its layout, that runs inside samara in the same way.
    Huggingface,
}

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

/// A model and how to reach it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Who answers. Default `openai`.
    pub provider: ProviderName,
    /// The model's name: for `embedded`, `texts` or `walkers`; for `huggingface`, `ORG/NAME` or `ORG/NAME@REVISION`.
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
    /// Which of the server's interfaces writes completions, for `openai` and `ollama`. Default `auto`.
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
    /// The script's file, for `scripted`; a relative path starts at the experiment's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<PathBuf>,
    /// The folder of a model of the Llama family in the Hugging Face layout (`config.json`, `model.safetensors`,
    /// `tokenizer.json`), for `embedded` and `huggingface`; a relative path starts at the experiment's file, or at the
    /// working directory for built-in experiments. Default: the model that comes with samara and that `model` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// A `tokenizer.json`, for Triton models that take token ids; a relative path as for `folder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PathBuf>,
    /// Threads of inference, 1 to 1,024, for `embedded` and `huggingface`; never changes an answer. Default: the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub threads: Option<usize>,
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
            max_concurrency: 1024,
            timeout_s: 120.0,
            deadline_s: 600.0,
            max_attempts: 8,
            max_reply_bytes: 4 << 20,
            price_in: 0.0,
            price_out: 0.0,
            extra: toml::Table::new(),
            script: None,
            folder: None,
            tokenizer: None,
            threads: None,
        }
    }
}

/// Attempts of an operation at most.
const MOST_ATTEMPTS: u32 = 1000;
/// A reply at most: 1 GiB.
const MOST_REPLY_BYTES: usize = 1 << 30;
/// Money per million tokens at most: what a run costs is a number.
const MOST_PRICE: f64 = 1e9;

fn invalid(key: &'static str, problem: impl Into<String>, hint: &'static str) -> InvalidSetting {
    InvalidSetting { key, problem: problem.into(), hint }
}

impl ModelSettings {
    /// Checks ranges, and that each provider has what it needs.
    ///
    /// # Errors
    /// The first setting that can't be used.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let price = |x: f64| (0.0..=MOST_PRICE).contains(&x);
        let seconds = "write a positive number of seconds, 86400 at most";
        let checks = [
            (positive(self.timeout_s) && self.timeout_s <= 86_400.0, "timeout_s", seconds),
            (positive(self.deadline_s) && self.deadline_s <= 86_400.0, "deadline_s", seconds),
            ((1..=MOST_ATTEMPTS).contains(&self.max_attempts), "max_attempts", "write 1 to 1000"),
            ((1..=65_536).contains(&self.max_concurrency), "max_concurrency", "write 1 to 65536"),
            (
                (1..=MOST_REPLY_BYTES).contains(&self.max_reply_bytes),
                "max_reply_bytes",
                "write 1 to 1073741824 bytes",
            ),
            ((1..=10_000).contains(&self.score_samples), "score_samples", "write 1 to 10000"),
            (
                positive(self.score_smoothing) && self.score_smoothing <= 100.0,
                "score_smoothing",
                "write a number above 0, 100 at most",
            ),
            (self.threads.is_none_or(|n| (1..=1024).contains(&n)), "threads", "write 1 to 1024"),
            (price(self.price_in), "price_in", "write money per million tokens, 0 to 1e9"),
            (price(self.price_out), "price_out", "write money per million tokens, 0 to 1e9"),
        ];
        if let Some((_, key, hint)) = checks.into_iter().find(|(valid, ..)| !valid) {
            return Err(invalid(key, "is out of range", hint));
        }
        self.validate_provider()?;
        self.base_url.as_deref().map_or(Ok(()), validate_url)
    }

    /// Checks that a provider has what it needs, and no setting that it would ignore: the person would get another model
    /// than the one they meant.
    fn validate_provider(&self) -> Result<(), InvalidSetting> {
        let remove = "remove it, or change the provider";
        let exclusive = [
            ("script", self.script.is_some(), self.provider == ProviderName::Scripted, "scripted"),
            ("folder", self.folder.is_some(), self.provider.runs_inside(), "embedded\" or \"huggingface"),
            ("threads", self.threads.is_some(), self.provider.runs_inside(), "embedded\" or \"huggingface"),
            ("tokenizer", self.tokenizer.is_some(), self.provider.is_triton(), "triton"),
        ];
        if let Some((key, _, _, owner)) = exclusive.into_iter().find(|(_, set, fits, _)| *set && !fits) {
            return Err(invalid(key, format!("belongs to provider = \"{owner}\""), remove));
        }
        if self.provider == ProviderName::Scripted && self.script.is_none() {
            let hint = "provider = \"scripted\" answers from a file: script = \"FILE\"";
            return Err(invalid("script", "is missing", hint));
        }
        match self.provider.vendor() {
            Some(vendor) => self.validate_server(vendor),
            None => {
                self.validate_local_model()?;
                let server = [
                    ("base_url", self.base_url.is_some()),
                    ("api", self.api != Api::Auto),
                    ("scoring", self.scoring != Scoring::Auto),
                    ("extra", !self.extra.is_empty()),
                ];
                match server.into_iter().find(|(_, set)| *set) {
                    Some((key, _)) => Err(invalid(key, "belongs to a provider with a server", remove)),
                    None => Ok(()),
                }
            }
        }
    }

    fn validate_server(&self, vendor: &Vendor) -> Result<(), InvalidSetting> {
        let remove = "remove it, or change the provider";
        match (vendor.model, &self.model) {
            (Naming::Required, None) => {
                let hint = "name one: model = \"NAME\", or PROVIDER:NAME in a model string";
                return Err(invalid("model", format!("is missing for provider = \"{}\"", vendor.name), hint));
            }
            (Naming::Served, Some(_)) => {
                return Err(invalid(
                    "model",
                    format!("is chosen by the server of \"{}\"", vendor.name),
                    remove,
                ));
            }
            _ => {}
        }
        if self.api != Api::Auto && !vendor.chooses_api {
            return Err(invalid(
                "api",
                format!("can't be chosen with provider = \"{}\"", vendor.name),
                remove,
            ));
        }
        if !vendor.scores_by(self.scoring) {
            let hint = "write scoring = \"auto\", \"sampling\" or \"rating\"";
            let problem = format!("is not supported by provider = \"{}\"", vendor.name);
            return Err(invalid("scoring", problem, hint));
        }
        Ok(())
    }

    /// Checks that `model` names something that a provider without a server has.
    fn validate_local_model(&self) -> Result<(), InvalidSetting> {
        if self.provider == ProviderName::Huggingface {
            return self.validate_hub_model();
        }
        let Some(model) = &self.model else { return Ok(()) };
        if self.provider != ProviderName::Embedded {
            let problem = "belongs to a provider with a server, or to \"embedded\"";
            return Err(invalid("model", problem, "remove it, or change the provider"));
        }
        if self.folder.is_some() {
            let problem = "names a model that comes with samara, and `folder` names another";
            return Err(invalid("model", problem, "remove one of them"));
        }
        match shipped_corpus(self) {
            Some(_) => Ok(()),
            None => {
                let problem = format!("names no embedded model: `{model}`");
                Err(invalid("model", problem, "the embedded models are texts and walkers"))
            }
        }
    }

    fn validate_hub_model(&self) -> Result<(), InvalidSetting> {
        let hint = "write model = \"ORG/NAME\", ORG/NAME@REVISION, or folder = \"FOLDER\"";
        match (&self.model, &self.folder) {
            (None, None) => Err(invalid("model", "is missing for provider = \"huggingface\"", hint)),
            (Some(_), Some(_)) => Err(invalid("model", "and `folder` name two models", "remove one of them")),
            (Some(model), None) if Name::parse(model).is_none() => Err(invalid(
                "model",
                format!("is not the name of a model on the Hugging Face hub: `{model}`"),
                hint,
            )),
            _ => Ok(()),
        }
    }

    /// How a provider that needs no server scores; `None` for servers, which are probed.
    pub(crate) fn local_method(&self) -> Option<ScoreMethod> {
        match self.provider {
            ProviderName::Scripted => Some(ScoreMethod::Scripted),
            provider if provider.runs_inside() => Some(ScoreMethod::Embedded),
            _ => None,
        }
    }
}

/// An address that can be reached and shown.
pub(crate) fn validate_url(url: &str) -> Result<(), InvalidSetting> {
    let hint = "write an address such as http://127.0.0.1:8000/v1; the key goes into an environment variable (api_key_env)";
    let bad = |problem: &str| Err(invalid("base_url", problem, hint));
    match reqwest::Url::parse(url) {
        Err(_) => bad("is not an address"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            bad("is neither an http nor an https address")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            bad("contains a user name or a password")
        }
        Ok(url) if url.query().is_some() => bad("contains a query"),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn model_strings_name_a_provider_a_server_or_a_script() {
        assert_eq!(ModelSettings::parse("openai:gpt").expect("valid").model.as_deref(), Some("gpt"));
        let server = ModelSettings::parse("http://localhost:8000/v1#m").expect("valid");
        assert_eq!(server.base_url.as_deref(), Some("http://localhost:8000/v1"));
        assert_eq!(server.model.as_deref(), Some("m"));
        assert_eq!(ModelSettings::parse("scripted:a.toml").expect("valid").script, Some("a.toml".into()));
        let embedded = ModelSettings::parse("embedded:models/mine").expect("valid");
        assert_eq!(
            (embedded.provider, embedded.folder),
            (ProviderName::Embedded, Some("models/mine".into()))
        );
        let walkers = ModelSettings::parse("embedded#walkers").expect("valid");
        assert_eq!((walkers.provider, walkers.model.as_deref()), (ProviderName::Embedded, Some("walkers")));
        for bad in [
            "",
            "gpt",
            "embedded#",
            "embedded#poems",
            "scripted:",
            "ftp://x",
            "http://user:pw@host/v1",
            "http://host/v1?key=1",
        ] {
            let error = ModelSettings::parse(bad).expect_err(bad);
            assert_eq!(error.kind, ErrorKind::Configuration);
            assert!(!error.to_string().contains("pw@"), "{error}");
        }
    }

    #[test]
    fn values_out_of_range_name_their_key() {
        let key = |settings: ModelSettings| settings.validate().expect_err("must be refused").key;
        assert_eq!(key(ModelSettings { timeout_s: f64::NAN, ..ModelSettings::default() }), "timeout_s");
        assert_eq!(key(ModelSettings { price_out: 1e300, ..ModelSettings::default() }), "price_out");
        assert_eq!(key(ModelSettings { timeout_s: 1e20, ..ModelSettings::default() }), "timeout_s");
        assert_eq!(key(ModelSettings { deadline_s: 1e20, ..ModelSettings::default() }), "deadline_s");
        let max_attempts = u32::MAX;
        assert_eq!(key(ModelSettings { max_attempts, ..ModelSettings::default() }), "max_attempts");
        let max_reply_bytes = usize::MAX;
        assert_eq!(key(ModelSettings { max_reply_bytes, ..ModelSettings::default() }), "max_reply_bytes");
        assert_eq!(key(ModelSettings { price_in: -1.0, ..ModelSettings::default() }), "price_in");
        assert_eq!(
            key(ModelSettings { provider: ProviderName::Scripted, ..ModelSettings::default() }),
            "script"
        );
        let folder = Some("a".into());
        assert_eq!(key(ModelSettings { folder, ..ModelSettings::default() }), "folder");
        let embedded = ModelSettings::parse("embedded").expect("valid");
        let base_url = Some("http://host/v1".into());
        assert_eq!(key(ModelSettings { base_url, ..embedded.clone() }), "base_url");
        assert_eq!(key(ModelSettings { threads: Some(0), ..embedded.clone() }), "threads");
        let (model, folder) = (Some("walkers".into()), Some("a".into()));
        assert_eq!(key(ModelSettings { model: model.clone(), folder, ..embedded }), "model");
        let scripted = ModelSettings::parse("scripted:a.toml").expect("valid");
        assert_eq!(key(ModelSettings { model, ..scripted }), "model");
    }

    #[test]
    fn a_setting_that_a_provider_would_ignore_is_refused() {
        let key = |text: &str, change: &dyn Fn(&mut ModelSettings)| {
            let mut settings = ModelSettings::parse(text).expect("valid");
            change(&mut settings);
            settings.validate().err().map(|invalid| invalid.key)
        };
        assert_eq!(key("tgi", &|s| s.api = Api::Chat), Some("api"));
        assert_eq!(key("ollama:m", &|s| s.api = Api::Chat), None);
        assert_eq!(key("ollama:m", &|s| s.scoring = Scoring::Echo), Some("scoring"));
        assert_eq!(key("anthropic:m", &|s| s.scoring = Scoring::Rating), None);
        assert_eq!(key("anthropic:m", &|s| s.tokenizer = Some("t".into())), Some("tokenizer"));
        assert_eq!(key("triton://h/m", &|s| s.tokenizer = Some("t".into())), None);
        assert_eq!(key("embedded", &|s| s.scoring = Scoring::Sampling), Some("scoring"));
        assert_eq!(
            key("embedded", &|s| s.extra = toml::Table::from_iter([("a".into(), 1.into())])),
            Some("extra")
        );
        assert_eq!(key("openai", &|s| s.score_smoothing = 0.0), Some("score_smoothing"));
    }
}
