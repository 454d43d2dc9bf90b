//! Where a model is, and which key it gets: the settings', else the variables that its own tools read. What of settings
//! that is, and what says which model is meant wherever it is.

use crate::{provider_name::ProviderName, reading::address, settings::ModelSettings};

impl ModelSettings {
    /// The variables that may hold the key, in their order.
    pub(crate) fn key_variables(&self) -> Vec<&str> {
        match &self.api_key_env {
            Some(name) => vec![name],
            None => self.provider.facts().keys.to_vec(),
        }
    }

    /// The server's address: the settings', its variable's, or the default. Empty for those without a server.
    ///
    /// An endpoint's address (`.../v1/chat/completions`) means its base.
    pub(crate) fn address(&self) -> String {
        let facts = self.provider.facts();
        let from_environment = || {
            let text = std::env::var(facts.base_variable?).ok()?;
            (!text.trim().is_empty()).then(|| (facts.read_address)(text.trim()))
        };
        let base = self.base_url.clone().or_else(from_environment);
        let base = base.as_deref().unwrap_or(facts.base_url);
        match address::read(base, facts.endpoints) {
            // What can't be read is shown as it was written: it is refused where it is used.
            Ok(address) if address.query.is_none() => address.base,
            _ => base.trim_end_matches('/').to_owned(),
        }
    }

    /// These settings without how the model is reached from here: addresses, keys, headers, files and limits of a machine.
    /// What is left says which model is meant and what decides its answers.
    #[must_use]
    pub fn without_reach(&self) -> Self {
        self.reached(&Self { max_concurrency: self.max_concurrency, ..Self::default() })
    }

    /// Provider and model, as a model string has them.
    pub fn named(&self) -> String {
        let provider = self.provider.facts().name;
        let joint = if self.provider == ProviderName::Embedded { '#' } else { ':' };
        self.model.as_ref().map_or_else(|| provider.to_owned(), |model| format!("{provider}{joint}{model}"))
    }

    /// Whether the model comes with samara: it is the same everywhere.
    pub fn is_built_in(&self) -> bool {
        self.provider == ProviderName::Embedded && self.folder.is_none()
    }

    /// These settings, with the model reached as `own` say; `None` if those are of another model. Where `own` name no model,
    /// any one of theirs is meant, and where they name one, nothing in a request may name another.
    pub fn reached_as(&self, own: &Self) -> Option<Self> {
        let is_meant = match &own.model {
            None => true,
            Some(_) if self.extra.contains_key("model") => false,
            model => self.model.is_none() || self.model == *model,
        };
        if own.provider != self.provider || !is_meant {
            return None;
        }
        // Files say themselves which model they are.
        let has_files = own.folder.is_some() || own.file.is_some();
        let model = self.model.clone().or_else(|| own.model.clone()).filter(|_| !has_files);
        Some(Self { model, ..self.reached(own) })
    }

    fn reached(&self, own: &Self) -> Self {
        Self {
            base_url: own.base_url.clone(),
            api_key_env: own.api_key_env.clone(),
            headers: own.headers.clone(),
            query: own.query.clone(),
            key_header: own.key_header.clone(),
            ca_file: own.ca_file.clone(),
            script: own.script.clone(),
            folder: own.folder.clone(),
            file: own.file.clone(),
            tokenizer: own.tokenizer.clone(),
            threads: own.threads,
            max_concurrency: own.max_concurrency,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(text: &str) -> ModelSettings {
        ModelSettings::parse(text).expect(text)
    }

    #[test]
    fn what_is_told_of_a_model_leads_to_no_server_key_or_file_of_this_machine() {
        let headers = BTreeMap::from([("x-key".to_owned(), "env:SECRET".to_owned())]);
        let own = ModelSettings {
            headers: headers.clone(),
            api_key_env: Some("SECRET".to_owned()),
            extra: "top_k = 3".parse().expect("TOML"),
            ..of("http://inner:8000/v1#m")
        };
        let told = own.without_reach();
        let text = serde_json::to_string(&told).expect("JSON");
        assert!(!text.contains("inner") && !text.contains("SECRET"), "{text}");
        assert_eq!((&told.model, &told.extra), (&own.model, &own.extra));
        // Who has it reaches it in their own way, and asks what was told.
        let there = ModelSettings { headers, model: None, ..of("http://127.0.0.1:9/v1") };
        let reached = told.reached_as(&there).expect("the same provider");
        assert_eq!(reached.base_url.as_deref(), Some("http://127.0.0.1:9/v1"));
        assert_eq!((reached.model, reached.extra, reached.headers), (own.model, own.extra, there.headers));
    }

    #[test]
    fn another_provider_or_another_model_is_not_what_was_asked_for() {
        let asked = of("openai:m");
        assert!(asked.reached_as(&of("openai:other")).is_none());
        assert!(asked.reached_as(&of("ollama:m")).is_none());
        assert_eq!(asked.reached_as(&of("openai")).and_then(|reached| reached.model), Some("m".to_owned()));
        let sly = ModelSettings { extra: "model = \"dear\"".parse().expect("TOML"), ..asked.clone() };
        assert!(sly.reached_as(&of("openai:m")).is_none());
        let there = of("huggingface:/models/small");
        let reached = of("huggingface:org/small").reached_as(&there).expect("the same provider");
        assert_eq!((reached.model.as_ref(), &reached.folder), (None, &there.folder));
        let any = ModelSettings { model: None, ..asked };
        assert_eq!(any.reached_as(&of("openai:m")).and_then(|reached| reached.model), Some("m".to_owned()));
        assert!(of("embedded#walkers").is_built_in() && !of("embedded:folder").is_built_in());
    }
}
