//! Model strings: `openai:NAME`, `http://host/v1#NAME`, `triton://host:8000/NAME` and so on, as shorthand for a table.

use crate::{
    error::{ErrorKind, LmError},
    provider_name::ProviderName,
    settings::ModelSettings,
};

impl ModelSettings {
    /// The settings of a model string.
    ///
    /// `embedded`, `embedded#NAME`, `embedded:FOLDER`, `huggingface:ORG/NAME`, `huggingface:FOLDER`, `scripted:FILE`;
    /// `http://host:port/v1#NAME` for a server that speaks OpenAI's interface; `PROVIDER`, `PROVIDER:NAME`,
    /// `PROVIDER:URL` or `PROVIDER:URL#NAME` for one of any kind; `triton://host:8000/NAME#TOKENIZER` (`tritons` over
    /// TLS, `triton-grpc` over gRPC), the tokenizer's file only for models that take token ids.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(model: &str) -> Result<Self, LmError> {
        let settings = read(model).ok_or_else(|| {
            LmError::new(ErrorKind::Configuration, format!("`{model}` does not name a model")).hint(hint())
        })?;
        settings.validate()?;
        Ok(settings)
    }
}

/// The settings, by the provider that knows the word before the first colon.
fn read(model: &str) -> Option<ModelSettings> {
    let (scheme, rest) =
        model.split_once(':').unwrap_or_else(|| model.split_at(model.find('#').unwrap_or(model.len())));
    let provider = ProviderName::ALL.iter().find(|provider| provider.facts().schemes.contains(&scheme))?;
    (provider.facts().read)(scheme, rest)
}

/// What can be written: every provider's own forms, and those that most have.
fn hint() -> String {
    let all = ProviderName::ALL.iter().map(|provider| provider.facts());
    let forms: Vec<&str> = all.clone().flat_map(|facts| facts.forms).copied().collect();
    let named: Vec<&str> = all.filter(|facts| facts.is_server()).map(|facts| facts.name).collect();
    format!("write {}, or PROVIDER:NAME or PROVIDER:URL#NAME with {}", forms.join(", "), named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(model: &str) -> (ProviderName, Option<String>, Option<String>) {
        let settings = ModelSettings::parse(model).expect(model);
        (settings.provider, settings.base_url, settings.model)
    }

    #[test]
    fn a_string_may_name_a_provider_with_a_model_an_address_or_both() {
        let some = |text: &str| Some(text.to_owned());
        for (text, provider, base_url, model) in [
            ("openai:gpt", ProviderName::Openai, None, some("gpt")),
            ("http://h:1/v1#a:b", ProviderName::Openai, some("http://h:1/v1"), some("a:b")),
            ("llama-server", ProviderName::LlamaServer, None, None),
            ("llama-server:http://h:8080", ProviderName::LlamaServer, some("http://h:8080"), None),
            ("ollama:llama3:8b", ProviderName::Ollama, None, some("llama3:8b")),
            ("ollama:http://h#llama3:8b", ProviderName::Ollama, some("http://h"), some("llama3:8b")),
            ("sglang:http://h:30000", ProviderName::Sglang, some("http://h:30000"), None),
            ("tgi:https://h", ProviderName::Tgi, some("https://h"), None),
            ("anthropic:claude", ProviderName::Anthropic, None, some("claude")),
            ("aleph-alpha:luminous-base", ProviderName::AlephAlpha, None, some("luminous-base")),
            ("triton:m", ProviderName::Triton, None, some("m")),
            ("triton://h:8000/m", ProviderName::Triton, some("http://h:8000"), some("m")),
            ("tritons://h/a/m", ProviderName::Triton, some("https://h/a"), some("m")),
            ("triton-grpc://h:8001/m", ProviderName::TritonGrpc, some("http://h:8001"), some("m")),
        ] {
            assert_eq!(parsed(text), (provider, base_url, model), "{text}");
        }
        let tokenizer = ModelSettings::parse("triton://h:8000/ensemble#a/t.json").expect("valid").tokenizer;
        assert_eq!(tokenizer, Some("a/t.json".into()));
    }

    #[test]
    fn a_string_of_hugging_face_means_a_folder_or_a_name_on_the_hub() {
        let parsed = |text: &str| {
            let settings = ModelSettings::parse(text).expect(text);
            assert_eq!(settings.provider, ProviderName::Huggingface);
            (settings.model, settings.folder)
        };
        assert_eq!(parsed("huggingface:org/small@v2"), (Some("org/small@v2".into()), None));
        for folder in ["./org/small", "/models/small", "../small", "src/providers"] {
            assert_eq!(parsed(&format!("huggingface:{folder}")), (None, Some(folder.into())));
        }
    }

    #[test]
    fn a_string_that_lacks_a_model_or_names_one_that_is_not_taken_is_refused() {
        for text in [
            "anthropic",
            "aleph-alpha:",
            "triton://h:8000",
            "triton://h:8000/",
            "tgi:m",
            "sglang:m",
            "claude",
            "huggingface",
            "huggingface:small",
            "huggingface:org/../x",
        ] {
            assert_eq!(ModelSettings::parse(text).expect_err(text).kind, ErrorKind::Configuration);
        }
    }
}
