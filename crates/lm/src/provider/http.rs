//! Servers over HTTP: what one attempt sends and how its replies are read is pure and differs by protocol; how requests
//! are sent is the same for all.

use serde_json::{Map, Value as Json};

use super::{aleph_alpha, anthropic, json, llama_server, ollama, openai, sglang, tgi};
use crate::{
    ErrorKind, LmError, ModelSettings, ProviderName,
    client::{Answer, Operation},
    retry::AttemptError,
    transport::Transport,
};

/// One request: a path below the server's address, and what is posted there; without a body it is a GET.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub path: &'static str,
    pub body: Option<Json>,
}

impl Call {
    pub(crate) fn get(path: &'static str) -> Self {
        Self { path, body: None }
    }

    pub(crate) fn post(path: &'static str, body: Json) -> Self {
        Self { path, body: Some(body) }
    }
}

/// The protocol of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    OpenAi,
    LlamaServer,
    Ollama,
    Sglang,
    Tgi,
    Anthropic,
    AlephAlpha,
}

impl Protocol {
    pub(crate) fn of(provider: ProviderName) -> Option<Self> {
        Some(match provider {
            ProviderName::Openai => Self::OpenAi,
            ProviderName::LlamaServer => Self::LlamaServer,
            ProviderName::Ollama => Self::Ollama,
            ProviderName::Sglang => Self::Sglang,
            ProviderName::Tgi => Self::Tgi,
            ProviderName::Anthropic => Self::Anthropic,
            ProviderName::AlephAlpha => Self::AlephAlpha,
            ProviderName::Triton
            | ProviderName::TritonGrpc
            | ProviderName::Scripted
            | ProviderName::Embedded
            | ProviderName::Huggingface => return None,
        })
    }

    /// The next request of an operation after the replies so far; `None` when no more is needed.
    pub(crate) fn encode(
        self,
        operation: &Operation<'_>,
        replies: &[Json],
    ) -> Result<Option<Call>, AttemptError> {
        if self == Self::Tgi {
            return tgi::encode(operation, replies.len());
        }
        if !replies.is_empty() {
            return Ok(None);
        }
        match self {
            Self::OpenAi => openai::encode(operation),
            Self::LlamaServer => llama_server::encode(operation),
            Self::Ollama => ollama::encode(operation),
            Self::Sglang => sglang::encode(operation),
            Self::Anthropic => anthropic::encode(operation),
            Self::AlephAlpha => aleph_alpha::encode(operation),
            Self::Tgi => Err(json::unsupported("tgi", operation)),
        }
        .map(Some)
    }

    /// The answer in the replies to all requests.
    pub(crate) fn decode(self, operation: &Operation<'_>, replies: &[Json]) -> Result<Answer, AttemptError> {
        let reply = replies.last().unwrap_or(&Json::Null);
        match self {
            Self::OpenAi => openai::decode(operation, reply),
            Self::LlamaServer => llama_server::decode(operation, reply),
            Self::Ollama => ollama::decode(operation, reply),
            Self::Sglang => sglang::decode(operation, reply),
            Self::Tgi => tgi::decode(operation, replies),
            Self::Anthropic => anthropic::decode(operation, reply),
            Self::AlephAlpha => aleph_alpha::decode(operation, reply),
        }
    }
}

/// A server.
#[derive(Debug)]
pub(crate) struct Http {
    transport: Transport,
    protocol: Protocol,
    extra: Map<String, Json>,
}

impl Http {
    pub(crate) fn new(settings: &ModelSettings, protocol: Protocol) -> Result<Self, LmError> {
        Ok(Self { transport: Transport::new(settings)?, protocol, extra: extra(settings)? })
    }

    pub(crate) fn address(&self) -> &str {
        self.transport.base()
    }

    pub(crate) async fn attempt(&self, operation: &Operation<'_>) -> Result<Answer, AttemptError> {
        let mut replies = Vec::new();
        while let Some(call) = self.protocol.encode(operation, &replies)? {
            let body = call.body.map(|body| with_extra(body, &self.extra).to_string().into_bytes());
            replies.push(json::parse(&self.transport.exchange(call.path, body).await?)?);
        }
        self.protocol.decode(operation, &replies)
    }
}

/// The extra fields of the settings.
pub(crate) fn extra(settings: &ModelSettings) -> Result<Map<String, Json>, LmError> {
    match serde_json::to_value(&settings.extra) {
        Ok(Json::Object(fields)) => Ok(fields),
        _ => Err(LmError::new(ErrorKind::Configuration, "`extra` can't be written as JSON")),
    }
}

fn with_extra(mut body: Json, extra: &Map<String, Json>) -> Json {
    if let Some(fields) = body.as_object_mut() {
        json::merge(fields, extra);
        if extra.contains_key("max_completion_tokens") {
            // Newer models accept this name only, and refuse the old one next to it.
            fields.remove("max_tokens");
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn extra_fields_are_merged_into_nested_ones_and_replace_others() {
        let body = json!({"model": "m", "options": {"seed": 1, "num_predict": 8}, "max_tokens": 8});
        let extra = json!({"options": {"num_ctx": 4096, "seed": 2}, "max_completion_tokens": 9});
        let extra = extra.as_object().cloned().unwrap_or_default();
        let expected = json!({
            "model": "m", "options": {"seed": 2, "num_predict": 8, "num_ctx": 4096}, "max_completion_tokens": 9
        });
        assert_eq!(with_extra(body, &extra), expected);
    }
}
