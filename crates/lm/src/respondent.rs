//! The side that has a model: it makes the attempts that others ask for.

use std::time::{Duration, Instant};

use crate::{
    channel::Here,
    error::{AttemptError, ErrorKind, LmError},
    hub, log,
    operation::Operation,
    question::{Introduction, Question, Said, Spoken, What},
    settings::ModelSettings,
};

/// How long a server that can't be reached is left alone before it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A model here that others ask, one attempt at a time each.
#[derive(Debug)]
pub struct Respondent {
    here: Here,
    introduction: Introduction,
    provider: &'static str,
    label: String,
    /// How long an attempt may take.
    timeout: Duration,
    /// The one model of a server that may be asked; `None` if any may.
    only: Option<String>,
}

impl Respondent {
    /// The model that settings describe; no server is asked yet.
    ///
    /// # Errors
    /// Settings, a script or weights that can't be used.
    pub fn open(settings: &ModelSettings) -> Result<Self, LmError> {
        settings.validate()?;
        let settings = &hub::resolved(settings)?;
        let here = Here::open(settings)?;
        let facts = settings.provider.facts();
        let digest = facts.digest.map(|digest| digest(settings)).transpose()?;
        let introduction = Introduction {
            name: (!facts.is_server()).then(|| here.backend.address().to_owned()),
            chats: here.backend.chats(),
            speciality: here.backend.speciality(),
            digest,
        };
        Ok(Self {
            introduction,
            provider: facts.name,
            label: here.backend.label(settings),
            timeout: Duration::from_secs_f64(settings.timeout_s),
            only: settings.model.clone().filter(|_| facts.is_server()),
            here,
        })
    }

    /// What others need to know of it.
    pub fn introduction(&self) -> &Introduction {
        &self.introduction
    }

    /// What it is, without secrets, for people here.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it says, and how long the last attempt took. A server that can't be reached is tried for as long as an attempt
    /// may take.
    pub async fn reply(&self, question: &Question) -> (Said, Duration) {
        let begun = Instant::now();
        loop {
            let (said, took) = self.once(&question.what).await;
            if said.unreached().is_none() || begun.elapsed() + AGAIN >= self.timeout {
                return (said, took);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Whoever asks names the model in each question, too.
    fn check(&self, operation: &Operation<'_>) -> Result<(), AttemptError> {
        match (&self.only, operation.model()) {
            (Some(only), Some(other)) if only != other => {
                let message = format!("{} has the model {only}, and another one was asked", self.label);
                Err(AttemptError::permanent(ErrorKind::Refused, message))
            }
            _ => Ok(()),
        }
    }

    async fn once(&self, what: &What) -> (Said, Duration) {
        let begun = Instant::now();
        let deadline = begun + self.timeout;
        let mut moved = deadline;
        let spoken = match what {
            What::Attempt { operation, number } => {
                let operation = &operation.operation();
                if let Err(error) = self.check(operation) {
                    return (Said(Spoken::Failed(error)), Duration::ZERO);
                }
                let (provider, model) = (self.provider, self.label.as_str());
                let who = log::Asked { provider, model, operation: operation.name() };
                let answer = self.here.attempt(&who, (operation, *number), self.timeout, &mut moved).await;
                answer.map(Spoken::Answer)
            }
            What::Known { prompts } => self.here.backend.known(prompts).await.map(Spoken::Known),
        };
        let waited = moved.saturating_duration_since(deadline);
        (Said(spoken.unwrap_or_else(Spoken::Failed)), begun.elapsed().saturating_sub(waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        operation::Endpoint,
        types::{CompletionRequest, Penalties, Sampling},
    };

    #[tokio::test]
    async fn a_server_is_asked_for_no_other_model_than_the_worker_names() {
        // Nobody listens on the first port: what is refused is refused before anybody is asked.
        let settings = ModelSettings::parse("http://127.0.0.1:1/v1#mine").expect("valid");
        let respondent =
            Respondent::open(&ModelSettings { timeout_s: 3.0, ..settings }).expect("a respondent");
        let sampling = Sampling {
            max_tokens: 1,
            temperature: 1.0,
            top_p: 1.0,
            stop: Vec::new(),
            seed: 1,
            penalties: Penalties::default(),
        };
        let request = &CompletionRequest { prompt: "p".into(), instructions: None, sampling };
        for (model, kind) in [("dear", ErrorKind::Refused), ("mine", ErrorKind::Unreachable)] {
            let how = &Endpoint { model: model.into(), chat: false, completion_tokens: false };
            let operation = (&Operation::Complete { request, how }).into();
            let question = Question { model: 0, what: What::Attempt { operation, number: 1 } };
            let (Said(Spoken::Failed(error)), _) = respondent.reply(&question).await else {
                panic!("an answer")
            };
            assert_eq!(error.kind, kind, "{error}");
        }
    }
}
