//! A `[models.ROLE]` section, and model strings such as `openai:NAME`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    ScoreMethod,
    hub::Name,
    provider::embedded::shipped_corpus,
    vendor::{Naming, Vendor},
};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Who answers. Default `openai`.
    pub provider: ProviderName,
    /// The model's name. Default: the first that the server lists; for `embedded`, `texts` (the other is `walkers`).
    /// `anthropic`, `aleph-alpha` and Triton need one; `sglang` and `tgi` run one and take none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The server's address, for `openai` up to `/v1`. Default: the vendor's variable (`OPENAI_BASE_URL`,
    /// `OLLAMA_HOST`, `ANTHROPIC_BASE_URL`), else where such a server listens by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The name of the environment variable that holds the key; it may be unset. Default: the vendor's usual one,
    /// such as `OPENAI_API_KEY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// Which interface. Default `auto`.
    pub api: Api,
    /// How answers are scored. Default `auto`.
    pub scoring: Scoring,
    /// Samples per question when scoring by sampling or by rating. Default 16.
    pub score_samples: u32,
    /// What is added to each answer's count of samples before frequencies are taken (Laplace, Lidstone). Default 1.
    pub score_smoothing: f64,
    /// Most attempts in flight at once; the client finds the server's own limit below it. Default 1,024.
    pub max_concurrency: usize,
    /// Seconds that one attempt may take. Default 120.
    pub timeout_s: f64,
    /// Seconds that one operation may take with all its attempts. Default 600.
    pub deadline_s: f64,
    /// Attempts per operation. Default 8.
    pub max_attempts: u32,
    /// Largest reply, in bytes. Default 4 MiB.
    pub max_reply_bytes: usize,
    /// Money per million prompt tokens. Default 0.
    pub price_in: f64,
    /// Money per million written tokens. Default 0.
    pub price_out: f64,
    /// Further fields of the server's requests, passed on as they are.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    pub extra: toml::Table,
    /// The script's file, for `scripted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<PathBuf>,
    /// The folder of a model of the Llama family in the Hugging Face layout, for `embedded`. Default: a model that
    /// comes with samara, which `model` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// The `tokenizer.json` of a Triton model that takes token ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PathBuf>,
    /// Threads of inference, for `embedded`; never changes an answer. Default: the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// A setting that can't be used: its key, what is wrong, what to do.
pub type Bad = (&'static str, String, &'static str);

impl ModelSettings {
    /// Checks ranges, and that each provider has what it needs.
    ///
    /// # Errors
    /// The first setting that can't be used.
    pub fn validate(&self) -> Result<(), Bad> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let price = |x: f64| x.is_finite() && x >= 0.0;
        let seconds = "a positive number of seconds, a day at most";
        let checks = [
            (positive(self.timeout_s) && self.timeout_s <= 86_400.0, "timeout_s", seconds),
            (positive(self.deadline_s) && self.deadline_s <= 86_400.0, "deadline_s", seconds),
            (self.max_attempts > 0, "max_attempts", "1 or more"),
            ((1..=65_536).contains(&self.max_concurrency), "max_concurrency", "1 to 65536"),
            (self.max_reply_bytes > 0, "max_reply_bytes", "a positive number of bytes"),
            ((1..=10_000).contains(&self.score_samples), "score_samples", "1 to 10000"),
            (
                positive(self.score_smoothing) && self.score_smoothing <= 100.0,
                "score_smoothing",
                "above 0 to 100",
            ),
            (self.threads.is_none_or(|n| (1..=1024).contains(&n)), "threads", "1 to 1024"),
            (price(self.price_in), "price_in", "money per million tokens, 0 or more"),
            (price(self.price_out), "price_out", "money per million tokens, 0 or more"),
        ];
        if let Some((_, key, hint)) = checks.into_iter().find(|(fine, ..)| !fine) {
            return Err((key, "is out of range".into(), hint));
        }
        self.validate_provider()?;
        self.base_url.as_deref().map_or(Ok(()), validate_url)
    }

    /// Checks that a provider has what it needs, and nothing that it would pass over: that would leave a person with
    /// another model than the one that was meant.
    fn validate_provider(&self) -> Result<(), Bad> {
        let remove = "remove it, or change the provider";
        let own = [
            ("script", self.script.is_some(), self.provider == ProviderName::Scripted, "scripted"),
            ("folder", self.folder.is_some(), self.provider.runs_inside(), "embedded\" or \"huggingface"),
            ("threads", self.threads.is_some(), self.provider.runs_inside(), "embedded\" or \"huggingface"),
            ("tokenizer", self.tokenizer.is_some(), self.provider.is_triton(), "triton"),
        ];
        if let Some((key, _, _, owner)) = own.into_iter().find(|(_, set, fits, _)| *set && !fits) {
            return Err((key, format!("belongs to provider = \"{owner}\""), remove));
        }
        if self.provider == ProviderName::Scripted && self.script.is_none() {
            let hint = "provider = \"scripted\" answers from a file: script = \"FILE\"";
            return Err(("script", "is missing".into(), hint));
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
                    Some((key, _)) => Err((key, "belongs to a provider with a server".into(), remove)),
                    None => Ok(()),
                }
            }
        }
    }

    fn validate_server(&self, vendor: &Vendor) -> Result<(), Bad> {
        let remove = "remove it, or change the provider";
        match (vendor.model, &self.model) {
            (Naming::Required, None) => {
                let hint = "name one: model = \"NAME\", or PROVIDER:NAME in a model string";
                return Err(("model", format!("is missing for provider = \"{}\"", vendor.name), hint));
            }
            (Naming::Served, Some(_)) => {
                return Err(("model", format!("is fixed by the server of \"{}\"", vendor.name), remove));
            }
            _ => {}
        }
        if self.api != Api::Auto && !vendor.chooses_api {
            return Err(("api", format!("can't be chosen with provider = \"{}\"", vendor.name), remove));
        }
        if !vendor.scores_by(self.scoring) {
            let hint = "write scoring = \"auto\", \"sampling\" or \"rating\"";
            return Err(("scoring", format!("is not known to provider = \"{}\"", vendor.name), hint));
        }
        Ok(())
    }

    /// Checks that `model` names something that a provider without a server has.
    fn validate_local_model(&self) -> Result<(), Bad> {
        if self.provider == ProviderName::Huggingface {
            return self.validate_hub_model();
        }
        let Some(model) = &self.model else { return Ok(()) };
        if self.provider != ProviderName::Embedded {
            let what = "belongs to a provider with a server, or to \"embedded\"";
            return Err(("model", what.into(), "remove it, or change the provider"));
        }
        if self.folder.is_some() {
            let what = "names a model that comes with samara, `folder` another";
            return Err(("model", what.into(), "remove one of them"));
        }
        match shipped_corpus(self) {
            Some(_) => Ok(()),
            None => {
                let what = format!("no embedded model is called `{model}`");
                Err(("model", what, "the embedded models are texts and walkers"))
            }
        }
    }

    fn validate_hub_model(&self) -> Result<(), Bad> {
        let hint = "write model = \"ORG/NAME\", ORG/NAME@REVISION, or folder = \"FOLDER\"";
        match (&self.model, &self.folder) {
            (None, None) => Err(("model", "is missing for provider = \"huggingface\"".into(), hint)),
            (Some(_), Some(_)) => Err(("model", "and `folder` name two models".into(), "remove one of them")),
            (Some(model), None) if Name::parse(model).is_none() => {
                Err(("model", format!("`{model}` is no name of Hugging Face's hub"), hint))
            }
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
pub(crate) fn validate_url(url: &str) -> Result<(), Bad> {
    let hint = "such as http://127.0.0.1:8000/v1; the key belongs into an environment variable (api_key_env)";
    let bad = |what: &str| Err(("base_url", what.to_owned(), hint));
    match reqwest::Url::parse(url) {
        Err(_) => bad("is no address"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => bad("is neither http nor https"),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            bad("holds a user or a password")
        }
        Ok(url) if url.query().is_some() => bad("holds a query"),
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
        let key = |settings: ModelSettings| settings.validate().expect_err("must be refused").0;
        assert_eq!(key(ModelSettings { timeout_s: f64::NAN, ..ModelSettings::default() }), "timeout_s");
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
    fn a_setting_that_a_provider_would_pass_over_is_refused() {
        let key = |text: &str, change: &dyn Fn(&mut ModelSettings)| {
            let mut settings = ModelSettings::parse(text).expect("valid");
            change(&mut settings);
            settings.validate().err().map(|(key, ..)| key)
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
