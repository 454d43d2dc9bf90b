//! The providers of answers. Each makes one attempt at one operation and no more.

mod aleph_alpha;
mod anthropic;
mod echo;
pub(crate) mod embedded;
#[cfg(test)]
mod exchanges;
pub(crate) mod http;
mod json;
mod llama_server;
mod ollama;
mod openai;
pub(crate) mod scripted;
mod sglang;
mod tgi;
mod triton;

use crate::{
    LmError, ModelSettings,
    client::{Answer, Operation},
    retry::AttemptError,
};

/// Who answers.
#[derive(Debug)]
pub(crate) enum Backend {
    Http(http::Http),
    Triton(Box<triton::Triton>),
    Scripted(scripted::Scripted),
    Embedded(embedded::Embedded),
}

impl Backend {
    /// The backend that settings describe, and what to call it.
    pub(crate) fn open(settings: &ModelSettings) -> Result<(Self, String), LmError> {
        let backend = match http::Protocol::of(settings.provider) {
            Some(protocol) => Self::Http(http::Http::new(settings, protocol)?),
            None if settings.provider.is_triton() => Self::Triton(Box::new(triton::Triton::open(settings)?)),
            None if settings.script.is_some() => Self::Scripted(scripted::Scripted::open(settings)?),
            None => Self::Embedded(embedded::Embedded::open(settings)?),
        };
        let label = match (settings.provider.vendor(), &backend) {
            (Some(vendor), _) => {
                let model = settings.model.as_deref().unwrap_or("?");
                format!("{}:{model} at {}", vendor.name, backend.address())
            }
            (None, Self::Scripted(script)) => format!("scripted:{}", script.name()),
            (None, _) => backend.address().to_owned(),
        };
        Ok((backend, label))
    }

    /// One attempt, the `number`-th (from 1) of its operation.
    pub(crate) async fn attempt(
        &self,
        operation: &Operation<'_>,
        number: u32,
    ) -> Result<Answer, AttemptError> {
        match self {
            Self::Http(server) => server.attempt(operation).await,
            Self::Triton(server) => server.attempt(operation).await,
            Self::Scripted(script) => script.attempt(operation, number).await,
            Self::Embedded(model) => model.attempt(operation).await,
        }
    }

    /// Where it is, to be shown to a person.
    pub(crate) fn address(&self) -> &str {
        match self {
            Self::Http(server) => server.address(),
            Self::Triton(server) => server.address(),
            Self::Scripted(script) => script.name(),
            Self::Embedded(model) => model.name(),
        }
    }
}
