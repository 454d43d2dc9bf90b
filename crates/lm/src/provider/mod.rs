//! Those who answer. Each does one attempt of one operation and no more.

pub(crate) mod embedded;
pub(crate) mod openai;
pub(crate) mod scripted;

use crate::{
    client::{Answer, Operation},
    retry::AttemptError,
};

/// Who answers.
#[derive(Debug)]
pub(crate) enum Backend {
    OpenAi(openai::OpenAi),
    Scripted(scripted::Scripted),
    Embedded(embedded::Embedded),
}

impl Backend {
    /// One attempt, the `number`-th (from 1) of its operation.
    pub(crate) async fn attempt(
        &self,
        operation: &Operation<'_>,
        number: u32,
    ) -> Result<Answer, AttemptError> {
        match self {
            Self::OpenAi(server) => server.attempt(operation).await,
            Self::Scripted(script) => script.attempt(operation, number).await,
            Self::Embedded(model) => model.attempt(operation).await,
        }
    }

    /// Where it is, for a person.
    pub(crate) fn address(&self) -> &str {
        match self {
            Self::OpenAi(server) => server.address(),
            Self::Scripted(script) => script.name(),
            Self::Embedded(model) => model.name(),
        }
    }
}
