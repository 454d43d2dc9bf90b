//! The way to a model: one operation through budget, limiter and attempts, within its deadline.
//!
//! [`Channel::send`] is the whole of it. What an attempt does is the [`backend`]'s.

mod attempts;
mod backend;
pub(crate) mod budget;
mod concurrency;
#[cfg(test)]
mod exchanges;
mod fields;
#[cfg(feature = "triton-grpc")]
mod grpc;
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
    settings::ModelSettings,
    types::{Speciality, Usage},
};
use attempts::{Patience, wait};
use backend::Backend;
use budget::Budget;
use limiter::{Limiter, Load};
use prices::Prices;

/// A model behind what all models share.
#[derive(Debug)]
pub(crate) struct Channel {
    backend: Backend,
    limiter: Limiter,
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
    /// The way to the model that settings describe; nothing is asked yet.
    pub(crate) fn open(settings: &ModelSettings, budget: Arc<Budget>) -> Result<Self, LmError> {
        let backend = Backend::open(settings)?;
        Ok(Self {
            label: backend.label(settings),
            backend,
            limiter: Limiter::new(settings.max_concurrency),
            budget,
            prices: Prices::of(settings),
            patience: Patience::of(settings),
            provider: settings.provider.facts(),
            key_variables: settings.key_variables().into_iter().map(str::to_owned).collect(),
        })
    }

    /// Where the model is, to be shown to a person.
    pub(crate) fn address(&self) -> &str {
        self.backend.address()
    }

    /// Whether it is a model without a server that answers in a chat.
    pub(crate) fn chats(&self) -> bool {
        self.backend.chats()
    }

    /// What the model was made for, if that is little.
    pub(crate) fn speciality(&self) -> Option<Speciality> {
        self.backend.speciality()
    }

    /// How probable it is that the model knows the subject of each prompt; `None` of a model that can't say. Nothing of a
    /// search is asked here, so no budget is charged.
    pub(crate) async fn known(&self, prompts: &[String]) -> Result<Option<Vec<f64>>, LmError> {
        self.backend.known(prompts).await.map_err(|error| self.failure(error, 1))
    }

    /// How many requests are worth making at once at the moment: more would only wait here.
    pub(crate) fn room(&self) -> usize {
        if self.backend.is_server() { self.limiter.current() } else { usize::MAX }
    }

    /// What was found out about the server and a person should know.
    pub(crate) fn remarks(&self) -> Vec<String> {
        self.backend.remarks()
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
        // What is waited for our own requests in flight does not count: the server has not been asked yet.
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
        let waiting = Instant::now();
        let permit = self.limiter.acquire().await;
        *deadline += waiting.elapsed();
        let asked = Instant::now();
        let end = (asked + self.patience.timeout).min(*deadline);
        let answer = match tokio::time::timeout_at(end.into(), self.backend.attempt(operation, number)).await
        {
            Ok(answer) => answer,
            Err(_) => {
                let timeout = AttemptError::transient(ErrorKind::Timeout, "no answer in time");
                Err(AttemptError { overloaded: true, ..timeout })
            }
        };
        log::attempt(&self.asked(operation), number, asked.elapsed(), &answer);
        let changed = permit.release(match &answer {
            Ok(_) => Load::Bearable,
            Err(error) if error.kind == ErrorKind::Timeout => Load::Abandoned,
            Err(error) if error.overloaded => Load::Excessive(error.retry_after),
            Err(_) => Load::Unknown,
        });
        if let Some(change) = changed {
            log::limit(&self.label, change.from, change.to);
        }
        answer
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
