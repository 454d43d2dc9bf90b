//! Whether a model's settings can be used: ranges, what its provider needs, and what it would ignore.

use reqwest::header::HeaderName;

use crate::{
    error::InvalidSetting,
    provider_name::ProviderName,
    providers::facts::{Interfaces, Naming, Provider},
    settings::{
        Api, MOST_ATTEMPTS, MOST_PREFIX, MOST_PRICE, MOST_REPLY_BYTES, ModelSettings, Representation,
        Scoring, validate_url,
    },
};

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
        let is_digest = |text: &str| {
            text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let is_prefix = |text: &str| text.chars().count() <= MOST_PREFIX;
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
            (
                self.digest.as_deref().is_none_or(is_digest),
                "digest",
                "write 64 hexadecimal digits, or remove it",
            ),
            (is_prefix(&self.query_prefix), "query_prefix", "write 1000 characters at most"),
            (is_prefix(&self.document_prefix), "document_prefix", "write 1000 characters at most"),
            (price(self.price_in), "price_in", "write money per million tokens, 0 to 1e9"),
            (price(self.price_out), "price_out", "write money per million tokens, 0 to 1e9"),
        ];
        if let Some((_, key, hint)) = checks.into_iter().find(|(valid, ..)| !valid) {
            return Err(invalid(key, "is out of range", hint));
        }
        self.validate_provider()?;
        self.validate_requests()?;
        self.base_url.as_deref().map_or(Ok(()), validate_url)
    }

    /// Checks that a provider has what it needs, and no setting that it would ignore: the person would get another model
    /// than the one they meant.
    fn validate_provider(&self) -> Result<(), InvalidSetting> {
        let remove = "remove it, or change the provider";
        let facts = self.provider.facts();
        let own = [
            ("script", self.script.is_some()),
            ("folder", self.folder.is_some()),
            ("file", self.file.is_some()),
            ("threads", self.threads.is_some()),
            ("digest", self.digest.is_some()),
            ("tokenizer", self.tokenizer.is_some()),
            ("representation", self.representation != Representation::Symmetric),
        ];
        if let Some((key, _)) = own.into_iter().find(|(key, set)| *set && !facts.own_settings.contains(key)) {
            let owners = ProviderName::ALL.iter().map(|provider| provider.facts());
            let owners = owners.filter(|facts| facts.own_settings.contains(&key));
            let owners: Vec<String> = owners.map(|facts| format!("\"{}\"", facts.name)).collect();
            return Err(invalid(key, format!("belongs to provider = {}", owners.join(" or ")), remove));
        }
        (facts.check)(self)?;
        if facts.is_server() {
            return self.validate_server(facts);
        }
        let server = [
            ("base_url", self.base_url.is_some()),
            ("api", self.api != Api::Auto && facts.interfaces != Interfaces::Either),
            ("scoring", self.scoring != Scoring::Auto),
            ("extra", !self.extra.is_empty()),
            ("remove", !self.remove.is_empty()),
            ("rename", !self.rename.is_empty()),
            ("headers", !self.headers.is_empty()),
            ("query", !self.query.is_empty()),
            ("key_header", self.key_header.is_some()),
            ("ca_file", self.ca_file.is_some()),
        ];
        match server.into_iter().find(|(_, set)| *set) {
            Some((key, _)) => Err(invalid(key, "belongs to a provider with a server", remove)),
            None => Ok(()),
        }
    }

    /// Checks names and values of headers and of the query: a key in the settings would be written into the journal.
    fn validate_requests(&self) -> Result<(), InvalidSetting> {
        let names = self.headers.keys().map(|name| ("headers", name));
        for (key, name) in names.chain(self.key_header.iter().map(|name| ("key_header", name))) {
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                let problem = format!("has a name that no header can have: `{name}`");
                return Err(invalid(key, problem, "write the name of a header, such as api-key"));
            }
        }
        let values = self.headers.iter().map(|(name, value)| ("headers", name, value));
        for (key, name, value) in values.chain(self.query.iter().map(|(name, value)| ("query", name, value)))
        {
            match value.strip_prefix("env:") {
                Some(variable) if variable.is_empty() || variable.contains(['=', '\0']) => {
                    return Err(invalid(
                        key,
                        format!("`{name}` names no variable"),
                        "write \"env:VARIABLE\"",
                    ));
                }
                None if looks_like_a_key(name, value) => {
                    let hint = "put it into an environment variable and write \"env:VARIABLE\"";
                    return Err(invalid(key, format!("`{name}` looks like a key"), hint));
                }
                None if value.chars().any(char::is_control) => {
                    return Err(invalid(key, format!("`{name}` contains a control character"), "remove it"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn validate_server(&self, facts: &Provider) -> Result<(), InvalidSetting> {
        let remove = "remove it, or change the provider";
        match (facts.naming, &self.model) {
            (Naming::Required, None) => {
                let hint = "name one: model = \"NAME\", or PROVIDER:NAME in a model string";
                return Err(invalid("model", format!("is missing for provider = \"{}\"", facts.name), hint));
            }
            (Naming::Served, Some(_)) => {
                return Err(invalid(
                    "model",
                    format!("is chosen by the server of \"{}\"", facts.name),
                    remove,
                ));
            }
            _ => {}
        }
        if self.api != Api::Auto && !matches!(facts.interfaces, Interfaces::Either | Interfaces::Unknown) {
            return Err(invalid(
                "api",
                format!("can't be chosen with provider = \"{}\"", facts.name),
                remove,
            ));
        }
        if !facts.scores_by(self.scoring) {
            let hint = "write scoring = \"auto\", \"sampling\" or \"rating\"";
            let problem = format!("is not supported by provider = \"{}\"", facts.name);
            return Err(invalid("scoring", problem, hint));
        }
        Ok(())
    }
}

/// Whether a value is probably a secret: by the name that it has, or by what it looks like.
fn looks_like_a_key(name: &str, value: &str) -> bool {
    let name = name.to_lowercase();
    let secret = ["authorization", "key", "token", "secret", "password", "cookie"];
    let by_name =
        secret.iter().any(|word| name.split(['-', '_']).any(|part| part == *word || part == "apikey"));
    let scheme = ["bearer ", "basic ", "sk-", "hf_", "ghp_"];
    let by_start = scheme.iter().any(|start| value.to_lowercase().starts_with(start));
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let letters = value.chars().filter(char::is_ascii_alphabetic).count();
    let random = value.len() >= 24 && digits >= 4 && letters >= 8 && digits + letters >= value.len() - 3;
    by_name || by_start || random
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
