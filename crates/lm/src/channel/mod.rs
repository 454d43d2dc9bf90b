//! The way to a model: one operation through budget, limiter and attempts, within its deadline.
//!
//! [`Channel::send`] is the whole of it. What an attempt does is the [`backend`]'s.

mod attempts;
mod backend;
pub(crate) mod budget;
mod concurrency;
mod elsewhere;
#[cfg(test)]
mod exchanges;
mod fields;
#[cfg(feature = "triton-grpc")]
mod grpc;
mod here;
mod http;
mod limiter;
pub(crate) mod prices;
mod refusal;
mod tls;
mod transport;
mod triton;

use std::{sync::Arc, time::Instant};

use crate::{
    error::{AttemptError, ErrorKind, LmError},
    log,
    operation::{Answer, Operation},
    providers::facts::Provider,
    question::Introduction,
    settings::ModelSettings,
    types::{Speciality, Usage},
};
use attempts::{Patience, wait};
use budget::Budget;
pub use elsewhere::Elsewhere;
pub(crate) use here::Here;
use prices::Prices;

/// Where a model is asked.
#[derive(Debug)]
pub(crate) enum Way {
    /// From here.
    Here(Box<Here>),
    /// By others, who have it.
    Elsewhere(Elsewhere),
}

/// What a model that others have is called in place of its address.
const WORKERS: &str = "the workers";

impl Way {
    /// What to call the model.
    fn label(&self, settings: &ModelSettings) -> String {
        match self {
            Self::Here(here) => here.backend.label(settings),
            Self::Elsewhere(_) => format!("{} at {WORKERS}", settings.named()),
        }
    }
}

/// A model behind what all models share.
#[derive(Debug)]
pub(crate) struct Channel {
    way: Way,
    budget: Arc<Budget>,
    pub prices: Prices,
    patience: Patience,
    pub provider: &'static Provider,
    /// What it is, without secrets.
    pub label: String,
    /// Variables that may hold the key.
    key_variables: Vec<String>,
}

impl Channel {
    /// The way to the model that settings describe, or to those who have it; nothing is asked yet.
    pub(crate) fn open(
        settings: &ModelSettings,
        elsewhere: Option<Elsewhere>,
        budget: Arc<Budget>,
    ) -> Result<Self, LmError> {
        let way = match elsewhere {
            Some(elsewhere) => Way::Elsewhere(elsewhere),
            None => Way::Here(Box::new(Here::open(settings)?)),
        };
        Ok(Self {
            label: way.label(settings),
            way,
            budget,
            prices: Prices::of(settings),
            patience: Patience::of(settings),
            provider: settings.provider.facts(),
            key_variables: settings.key_variables().into_iter().map(str::to_owned).collect(),
        })
    }

    /// Where the model is, to be shown to a person.
    pub(crate) fn address(&self) -> &str {
        match &self.way {
            Way::Here(here) => here.backend.address(),
            Way::Elsewhere(elsewhere) => elsewhere.introduction.name.as_deref().unwrap_or(WORKERS),
        }
    }

    /// Whether it is a model without a server that answers in a chat.
    pub(crate) fn chats(&self) -> bool {
        match &self.way {
            Way::Here(here) => here.backend.chats(),
            Way::Elsewhere(elsewhere) => elsewhere.introduction.chats,
        }
    }

    /// What the model was made for, if that is little.
    pub(crate) fn speciality(&self) -> Option<Speciality> {
        match &self.way {
            Way::Here(here) => here.backend.speciality(),
            Way::Elsewhere(elsewhere) => elsewhere.introduction.speciality,
        }
    }

    /// How probable it is that the model knows the subject of each prompt; `None` of a model that can't say. Nothing of a
    /// search is asked here, so no budget is charged.
    pub(crate) async fn known(&self, prompts: &[String]) -> Result<Option<Vec<f64>>, LmError> {
        let known = match &self.way {
            Way::Here(here) => here.backend.known(prompts).await,
            Way::Elsewhere(elsewhere) => elsewhere.known(prompts).await,
        };
        known.map_err(|error| self.failure(error, 1))
    }

    /// How many requests are worth making at once at the moment: more would only wait here.
    pub(crate) fn room(&self) -> usize {
        match &self.way {
            Way::Here(here) => here.room(),
            Way::Elsewhere(elsewhere) => elsewhere.carrier.room(),
        }
    }

    /// What was found out about the server and a person should know.
    pub(crate) fn remarks(&self) -> Vec<String> {
        match &self.way {
            Way::Here(here) => here.backend.remarks(),
            Way::Elsewhere(_) => Vec::new(),
        }
    }

    /// What others say of a model that they have.
    pub(crate) fn introduction(&self) -> Option<&Introduction> {
        match &self.way {
            Way::Here(_) => None,
            Way::Elsewhere(elsewhere) => Some(&elsewhere.introduction),
        }
    }

    /// Who is asked what, for logs.
    fn asked(&self, operation: &Operation<'_>) -> log::Asked<'_> {
        log::Asked { provider: self.provider.name, model: &self.label, operation: operation.name() }
    }

    /// Asks, as often as it takes and is allowed.
    pub(crate) async fn send(&self, operation: &Operation<'_>) -> Result<(Answer, Usage), LmError> {
        let (tokens_in, tokens_out) = operation.estimate();
        let reservation =
            self.budget.reserve(tokens_in + tokens_out, self.prices.price(tokens_in, tokens_out))?;
        let started = Instant::now();
        // Time in which nobody was asked yet does not count.
        let mut deadline = started + self.patience.deadline;
        let (mut attempts, mut malformed) = (0, 0);
        loop {
            attempts += 1;
            match self.attempt(operation, attempts, &mut deadline).await {
                Ok(answer) => {
                    let usage = self.prices.usage(operation, &answer, attempts, started.elapsed());
                    reservation.settle(usage.tokens_in + usage.tokens_out, usage.cost);
                    self.patience.note_answer(operation);
                    return Ok((answer, usage));
                }
                Err(error) => {
                    malformed += u32::from(error.kind == ErrorKind::Malformed);
                    let wait = wait(&error, attempts);
                    let hopeless = self.patience.is_hopeless(&error, attempts, malformed);
                    if hopeless || Instant::now() + wait >= deadline {
                        log::gave_up(&self.asked(operation), attempts, &error);
                        return Err(self.failure(error, attempts));
                    }
                    log::retry(&self.asked(operation), attempts, &error, wait);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn attempt(
        &self,
        operation: &Operation<'_>,
        number: u32,
        deadline: &mut Instant,
    ) -> Result<Answer, AttemptError> {
        let who = self.asked(operation);
        match &self.way {
            Way::Here(here) => here.attempt(&who, (operation, number), self.patience.timeout, deadline).await,
            Way::Elsewhere(elsewhere) => {
                let asked = Instant::now();
                let answer = elsewhere.attempt(operation, number, deadline).await;
                log::attempt(&who, number, asked.elapsed(), &answer);
                answer
            }
        }
    }

    /// An attempt's last error as the caller sees it.
    pub(crate) fn failure(&self, error: AttemptError, attempts: u32) -> LmError {
        let hint = error.hint.or_else(|| match error.kind {
            ErrorKind::OnlyThoughts => Some(
                "let it write more tokens (gen_max_len), or switch its thinking off, such as by \
                 extra = { reasoning_effort = \"none\" } or \
                 extra = { chat_template_kwargs = { enable_thinking = false } }"
                    .to_owned(),
            ),
            ErrorKind::Unreachable => Some(format!(
                "check that the server at {} is running, or set base_url in the model's section",
                self.address()
            )),
            ErrorKind::Refused => Some(match self.key_variables.join(" or ") {
                variables if variables.is_empty() => {
                    "check the model's name and the server's address".to_owned()
                }
                variables => {
                    format!("check the model's name, and the key in the environment variable {variables}")
                }
            }),
            _ => None,
        });
        LmError { kind: error.kind, message: format!("{}: {}", self.label, error.message), hint, attempts }
    }
}
