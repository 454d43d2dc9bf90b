//! A `[models.ROLE]` section, and model strings such as `openai:NAME`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{ErrorKind, LmError, ScoreMethod};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderName {
    /// Any server that speaks OpenAI's HTTP interface.
    #[default]
    Openai,
    /// A script: answers from a TOML file.
    Scripted,
    /// A small model that runs inside samara: the one that comes with it, or one from a folder.
    Embedded,
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
    /// The first token's alternatives.
    TopLogprobs,
    /// Sampled answers.
    Sampling,
}

/// A model and how to reach it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Who answers. Default `openai`.
    pub provider: ProviderName,
    /// The model's name. Default: the first that the server lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The server's address up to `/v1`. Default: the variable `OPENAI_BASE_URL`, else `http://127.0.0.1:8000/v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The name of the environment variable that holds the key; it may be unset. Default `OPENAI_API_KEY`.
    pub api_key_env: String,
    /// Which interface. Default `auto`.
    pub api: Api,
    /// How answers are scored. Default `auto`.
    pub scoring: Scoring,
    /// Samples per question when scoring by sampling. Default 16.
    pub score_samples: u32,
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
    /// The folder of a model of the Llama family in the Hugging Face layout, for `embedded`. Default: the model that
    /// comes with samara.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
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
            api_key_env: "OPENAI_API_KEY".into(),
            api: Api::Auto,
            scoring: Scoring::Auto,
            score_samples: 16,
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
            threads: None,
        }
    }
}

/// A setting that can't be used: its key, what is wrong, what to do.
pub type Bad = (&'static str, String, &'static str);

impl ModelSettings {
    /// The settings of a model string: `embedded`, `embedded:FOLDER`, `openai:NAME`, `http://host:port/v1`,
    /// `http://host:port/v1#NAME` or `scripted:FILE`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(model: &str) -> Result<Self, LmError> {
        let (kind, rest) = model.split_once(':').unwrap_or((model, ""));
        let settings = match kind {
            "openai" => Self { model: (!rest.is_empty()).then(|| rest.to_owned()), ..Self::default() },
            "http" | "https" => {
                let (url, name) =
                    model.split_once('#').map_or((model, None), |(url, name)| (url, Some(name)));
                let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
                Self { base_url: Some(url.to_owned()), model: name, ..Self::default() }
            }
            "scripted" if !rest.is_empty() => {
                Self { provider: ProviderName::Scripted, script: Some(rest.into()), ..Self::default() }
            }
            "embedded" => {
                let folder = (!rest.is_empty()).then(|| rest.into());
                Self { provider: ProviderName::Embedded, folder, ..Self::default() }
            }
            _ => {
                let message = format!("`{model}` names no model");
                let hint = "write embedded, openai:NAME, http://host:port/v1#NAME or scripted:FILE";
                return Err(LmError::new(ErrorKind::Configuration, message).hint(hint));
            }
        };
        match settings.validate() {
            Ok(()) => Ok(settings),
            Err((key, what, hint)) => {
                Err(LmError::new(ErrorKind::Configuration, format!("`{key}`: {what}")).hint(hint))
            }
        }
    }

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
            (self.score_samples > 0, "score_samples", "1 or more"),
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

    /// Checks that settings of one provider alone stand with no other.
    fn validate_provider(&self) -> Result<(), Bad> {
        let hint = "remove it, or change the provider";
        if self.provider == ProviderName::Scripted && self.script.is_none() {
            let hint = "provider = \"scripted\" answers from a file: script = \"FILE\"";
            return Err(("script", "is missing".into(), hint));
        }
        if self.provider != ProviderName::Scripted && self.script.is_some() {
            return Err(("script", "belongs to provider = \"scripted\"".into(), hint));
        }
        if self.provider != ProviderName::Openai {
            // Passed over, they would leave a person with another model than the one that was meant.
            let server = [("base_url", self.base_url.is_some()), ("model", self.model.is_some())];
            if let Some((key, _)) = server.into_iter().find(|(_, set)| *set) {
                return Err((key, "belongs to provider = \"openai\"".into(), hint));
            }
        }
        let embedded = [("folder", self.folder.is_some()), ("threads", self.threads.is_some())];
        match embedded.into_iter().find(|(_, set)| *set && self.provider != ProviderName::Embedded) {
            Some((key, _)) => Err((key, "belongs to provider = \"embedded\"".into(), hint)),
            None => Ok(()),
        }
    }

    /// How a provider that needs no server scores; `None` for servers, which are probed.
    pub(crate) fn local_method(&self) -> Option<ScoreMethod> {
        match self.provider {
            ProviderName::Openai => None,
            ProviderName::Scripted => Some(ScoreMethod::Scripted),
            ProviderName::Embedded => Some(ScoreMethod::Embedded),
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
        for bad in ["", "gpt", "scripted:", "ftp://x", "http://user:pw@host/v1", "http://host/v1?key=1"] {
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
        assert_eq!(key(ModelSettings { threads: Some(0), ..embedded }), "threads");
    }
}
