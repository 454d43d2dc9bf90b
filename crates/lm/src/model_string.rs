//! Model strings: `openai:NAME`, `http://host/v1#NAME`, `triton://host:8000/NAME` and so on, as shorthand for a table.

use std::path::Path;

use crate::{ErrorKind, LmError, ModelSettings, ProviderName};

/// What can be written.
const HINT: &str = "write embedded, embedded#walkers, huggingface:ORG/NAME or huggingface:FOLDER, \
                    http://host:port/v1#NAME, scripted:FILE, triton://host:8000/NAME, or \
                    PROVIDER:NAME or PROVIDER:URL#NAME with openai, llama-server, ollama, sglang, tgi, anthropic or \
                    aleph-alpha";

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
            LmError::new(ErrorKind::Configuration, format!("`{model}` does not name a model")).hint(HINT)
        })?;
        settings.validate()?;
        Ok(settings)
    }
}

fn read(model: &str) -> Option<ModelSettings> {
    let (kind, rest) = model.split_once(':').unwrap_or((model, ""));
    let of = |provider| ModelSettings { provider, ..ModelSettings::default() };
    if let Some(name) = model.strip_prefix("embedded#") {
        let model = Some(filled(name)?);
        return Some(ModelSettings { model, ..of(ProviderName::Embedded) });
    }
    let provider = match kind {
        "http" | "https" => return Some(with_address(of(ProviderName::Openai), model)),
        "triton" | "tritons" | "triton-grpc" if rest.starts_with("//") => return triton(kind, rest),
        "scripted" if !rest.is_empty() => {
            return Some(ModelSettings { script: Some(rest.into()), ..of(ProviderName::Scripted) });
        }
        "embedded" => {
            let folder = (!rest.is_empty()).then(|| rest.into());
            return Some(ModelSettings { folder, ..of(ProviderName::Embedded) });
        }
        "huggingface" => {
            let (folder, model) =
                if is_folder(rest) { (Some(rest.into()), None) } else { (None, filled(rest)) };
            return Some(ModelSettings { folder, model, ..of(ProviderName::Huggingface) });
        }
        "openai" => ProviderName::Openai,
        "llama-server" => ProviderName::LlamaServer,
        "ollama" => ProviderName::Ollama,
        "sglang" => ProviderName::Sglang,
        "tgi" => ProviderName::Tgi,
        "anthropic" => ProviderName::Anthropic,
        "aleph-alpha" => ProviderName::AlephAlpha,
        "triton" => ProviderName::Triton,
        "triton-grpc" => ProviderName::TritonGrpc,
        _ => return None,
    };
    if rest.starts_with("http://") || rest.starts_with("https://") {
        return Some(with_address(of(provider), rest));
    }
    Some(ModelSettings { model: filled(rest), ..of(provider) })
}

/// Whether a text means a folder rather than a name on the hub: it is one, or begins as only a path can.
fn is_folder(text: &str) -> bool {
    ["/", "./", "../"].iter().any(|start| text.starts_with(start)) || Path::new(text).is_dir()
}

/// A server at an address that may name its model after `#`.
fn with_address(settings: ModelSettings, text: &str) -> ModelSettings {
    let (url, name) = text.split_once('#').unwrap_or((text, ""));
    ModelSettings { base_url: Some(url.to_owned()), model: filled(name), ..settings }
}

/// `//host:port/NAME#TOKENIZER`; a prefix of the path may stand before the name.
fn triton(kind: &str, rest: &str) -> Option<ModelSettings> {
    let (address, tokenizer) = rest.split_once('#').unwrap_or((rest, ""));
    let (host, name) = address.get(2..)?.rsplit_once('/')?;
    let provider = if kind == "triton-grpc" { ProviderName::TritonGrpc } else { ProviderName::Triton };
    let scheme = if kind == "tritons" { "https" } else { "http" };
    Some(ModelSettings {
        provider,
        base_url: Some(format!("{scheme}://{host}")),
        model: filled(name),
        tokenizer: filled(tokenizer).map(Into::into),
        ..ModelSettings::default()
    })
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
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
        for folder in ["./org/small", "/models/small", "../small", "src/provider"] {
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
