//! The side that has a model: it makes the attempts that others ask for.

use std::time::{Duration, Instant};

use crate::{
    channel::Here,
    error::LmError,
    hub, log,
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

    async fn once(&self, what: &What) -> (Said, Duration) {
        let begun = Instant::now();
        let deadline = begun + self.timeout;
        let mut moved = deadline;
        let spoken = match what {
            What::Attempt { operation, number } => {
                let operation = &operation.operation();
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
