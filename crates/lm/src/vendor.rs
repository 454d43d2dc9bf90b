//! What is known of each kind of server before it is asked: where it is by default, which variable holds its key,
//! which scoring methods it may know.

use reqwest::header::HeaderName;

use crate::{ModelSettings, ProviderName, ScoreMethod, Scoring};

/// What a kind of server needs and offers.
#[derive(Debug)]
pub(crate) struct Vendor {
    /// Its name in settings.
    pub name: &'static str,
    /// Where it listens unless told otherwise.
    pub base_url: &'static str,
    /// The variable that its own tools read the address from.
    pub base_variable: Option<&'static str>,
    /// Variables that may hold its key; the first that is set counts.
    pub keys: &'static [&'static str],
    /// The header for the key; none is `authorization: Bearer KEY`.
    pub key_header: Option<HeaderName>,
    /// Headers that every request carries.
    pub headers: &'static [(&'static str, &'static str)],
    /// How its model is named.
    pub model: Naming,
    /// Scoring methods to try, best first, before answers are sampled.
    pub methods: &'static [ScoreMethod],
    /// Whether it has a chat beside plain completions.
    pub chooses_api: bool,
}

/// Where the name of a server's model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// From the settings, else the first that the server lists.
    Listed,
    /// From the settings: the first of a vendor's list is nobody's choice.
    Required,
    /// The server runs one model and says which.
    Served,
}

const PLAIN: Vendor = Vendor {
    name: "",
    base_url: "",
    base_variable: None,
    keys: &[],
    key_header: None,
    headers: &[],
    model: Naming::Listed,
    methods: &[],
    chooses_api: false,
};

static OPENAI: Vendor = Vendor {
    name: "openai",
    base_url: "http://127.0.0.1:8000/v1",
    base_variable: Some("OPENAI_BASE_URL"),
    keys: &["OPENAI_API_KEY"],
    methods: &[ScoreMethod::Echo, ScoreMethod::PromptLogprobs, ScoreMethod::TopLogprobs],
    chooses_api: true,
    ..PLAIN
};

static LLAMA_SERVER: Vendor = Vendor {
    name: "llama-server",
    base_url: "http://127.0.0.1:8080",
    keys: &["LLAMA_API_KEY"],
    methods: &[ScoreMethod::Grammar, ScoreMethod::TopLogprobs],
    ..PLAIN
};

static OLLAMA: Vendor = Vendor {
    name: "ollama",
    base_url: "http://127.0.0.1:11434",
    base_variable: Some("OLLAMA_HOST"),
    keys: &["OLLAMA_API_KEY"],
    methods: &[ScoreMethod::TopLogprobs],
    chooses_api: true,
    ..PLAIN
};

static SGLANG: Vendor = Vendor {
    name: "sglang",
    base_url: "http://127.0.0.1:30000",
    keys: &["SGLANG_API_KEY"],
    model: Naming::Served,
    methods: &[ScoreMethod::InputLogprobs],
    ..PLAIN
};

static TGI: Vendor = Vendor {
    name: "tgi",
    base_url: "http://127.0.0.1:8080",
    keys: &["HF_TOKEN"],
    model: Naming::Served,
    methods: &[ScoreMethod::Prefill, ScoreMethod::TopLogprobs],
    ..PLAIN
};

static ANTHROPIC: Vendor = Vendor {
    name: "anthropic",
    base_url: "https://api.anthropic.com",
    base_variable: Some("ANTHROPIC_BASE_URL"),
    keys: &["ANTHROPIC_API_KEY"],
    key_header: Some(HeaderName::from_static("x-api-key")),
    headers: &[("anthropic-version", "2023-06-01")],
    model: Naming::Required,
    ..PLAIN
};

static ALEPH_ALPHA: Vendor = Vendor {
    name: "aleph-alpha",
    base_url: "https://api.aleph-alpha.com",
    keys: &["AA_TOKEN", "ALEPH_ALPHA_API_KEY"],
    model: Naming::Required,
    methods: &[ScoreMethod::Evaluate],
    ..PLAIN
};

static TRITON: Vendor =
    Vendor { name: "triton", base_url: "http://127.0.0.1:8000", model: Naming::Required, ..PLAIN };

static TRITON_GRPC: Vendor =
    Vendor { name: "triton-grpc", base_url: "http://127.0.0.1:8001", model: Naming::Required, ..PLAIN };

impl ProviderName {
    /// The facts of a server; `None` for those that need none.
    pub(crate) fn vendor(self) -> Option<&'static Vendor> {
        match self {
            Self::Openai => Some(&OPENAI),
            Self::LlamaServer => Some(&LLAMA_SERVER),
            Self::Ollama => Some(&OLLAMA),
            Self::Sglang => Some(&SGLANG),
            Self::Tgi => Some(&TGI),
            Self::Anthropic => Some(&ANTHROPIC),
            Self::AlephAlpha => Some(&ALEPH_ALPHA),
            Self::Triton => Some(&TRITON),
            Self::TritonGrpc => Some(&TRITON_GRPC),
            Self::Scripted | Self::Embedded | Self::Huggingface => None,
        }
    }

    /// Whether the model runs inside samara.
    pub(crate) fn runs_inside(self) -> bool {
        matches!(self, Self::Embedded | Self::Huggingface)
    }

    pub(crate) fn is_triton(self) -> bool {
        matches!(self, Self::Triton | Self::TritonGrpc)
    }
}

impl Vendor {
    /// Whether answers can be scored so.
    pub(crate) fn scores_by(&self, scoring: Scoring) -> bool {
        match scoring.method() {
            None | Some(ScoreMethod::Sampling | ScoreMethod::Rating) => true,
            Some(method) => self.methods.contains(&method),
        }
    }
}

impl ModelSettings {
    /// The variables that may hold the key, in their order.
    pub(crate) fn key_variables(&self) -> Vec<&str> {
        match (&self.api_key_env, self.provider.vendor()) {
            (Some(name), _) => vec![name],
            (None, Some(vendor)) => vendor.keys.to_vec(),
            (None, None) => Vec::new(),
        }
    }

    /// The server's address: the settings', the vendor's variable's, or the default. Empty for those without a server.
    pub(crate) fn address(&self) -> String {
        let Some(vendor) = self.provider.vendor() else { return String::new() };
        let from_environment = || {
            let text = std::env::var(vendor.base_variable?).ok()?;
            (!text.trim().is_empty()).then(|| with_scheme(text.trim()))
        };
        let base = self.base_url.clone().or_else(from_environment);
        base.as_deref().unwrap_or(vendor.base_url).trim_end_matches('/').to_owned()
    }
}

/// An address as `OLLAMA_HOST` has it: without a scheme or a port, or the one that a server listens at.
fn with_scheme(text: &str) -> String {
    if text.contains("://") {
        return text.to_owned();
    }
    let host = text.replacen("0.0.0.0", "127.0.0.1", 1);
    let port = if host.contains(':') { "" } else { ":11434" };
    format!("http://{host}{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_scheme_or_port_becomes_an_address() {
        assert_eq!(with_scheme("0.0.0.0"), "http://127.0.0.1:11434");
        assert_eq!(with_scheme("gpu:80"), "http://gpu:80");
        assert_eq!(with_scheme("https://gpu/v1"), "https://gpu/v1");
    }
}
