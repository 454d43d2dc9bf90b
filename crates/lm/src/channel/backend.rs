//! Who makes an attempt: a server behind a transport, or a model that needs none.

use super::{http::Http, triton::Triton};
use crate::{
    error::{AttemptError, LmError},
    operation::{Answer, Operation},
    providers::facts::{Kind, LocalModel},
    settings::ModelSettings,
    types::Speciality,
};

/// Who answers. It makes one attempt at one operation and no more.
#[derive(Debug)]
pub(crate) enum Backend {
    Http(Box<Http>),
    Triton(Box<Triton>),
    Local(Box<dyn LocalModel>),
}

impl Backend {
    /// The backend that settings describe.
    pub(crate) fn open(settings: &ModelSettings) -> Result<Self, LmError> {
        Ok(match &settings.provider.facts().kind {
            Kind::Http(protocol) => Self::Http(Box::new(Http::new(settings, protocol)?)),
            Kind::Triton | Kind::TritonGrpc => Self::Triton(Box::new(Triton::open(settings)?)),
            Kind::Local(open, _) => Self::Local(open(settings)?),
        })
    }

    /// One attempt, the `number`-th (from 1) of its operation.
    pub(crate) async fn attempt(
        &self,
        operation: &Operation<'_>,
        number: u32,
    ) -> Result<Answer, AttemptError> {
        match self {
            Self::Http(server) => server.attempt(operation).await,
            // Boxed: with gRPC its type is deeper than compilers follow by default.
            Self::Triton(server) => Box::pin(server.attempt(operation)).await,
            Self::Local(model) => model.attempt(operation, number).await,
        }
    }

    /// Where it is, to be shown to a person.
    pub(crate) fn address(&self) -> &str {
        match self {
            Self::Http(server) => server.address(),
            Self::Triton(server) => server.address(),
            Self::Local(model) => model.name(),
        }
    }

    /// Whether it is a model without a server that answers in a chat.
    pub(crate) fn chats(&self) -> bool {
        matches!(self, Self::Local(model) if model.chats())
    }

    /// What it was made for, if that is little.
    pub(crate) fn speciality(&self) -> Option<Speciality> {
        match self {
            Self::Local(model) => model.speciality(),
            Self::Http(_) | Self::Triton(_) => None,
        }
    }

    /// How probable it is that it knows the subject of each prompt; `None` of a model that can't say.
    pub(crate) async fn known(&self, prompts: &[String]) -> Result<Option<Vec<f64>>, AttemptError> {
        match self {
            Self::Local(model) => model.known(prompts).await,
            Self::Http(_) | Self::Triton(_) => Ok(None),
        }
    }

    /// Whether it is a server, which more requests than it can take would bury.
    pub(crate) fn is_server(&self) -> bool {
        !matches!(self, Self::Local(_))
    }

    /// What was found out about it and a person should know.
    pub(crate) fn remarks(&self) -> Vec<String> {
        match self {
            Self::Http(server) => server.remarks(),
            Self::Triton(_) | Self::Local(_) => Vec::new(),
        }
    }

    /// What to call it.
    pub(crate) fn label(&self, settings: &ModelSettings) -> String {
        if let Self::Local(model) = self {
            return model.label();
        }
        let model = settings.model.as_deref().unwrap_or("?");
        format!("{}:{model} at {}", settings.provider.facts().name, self.address())
    }
}
