//! One operation through cache, budget, limiter and retries, within its deadline.
//!
//! Full jitter (uniform between 0 and a doubling cap), or the wait that the server asks for; caps on attempts and on
//! time. Jitter decides when something is asked, never what is answered.

use std::time::{Duration, Instant};

use crate::{
    ErrorKind, LmError, Usage,
    client::{Answer, Client, Operation},
    limiter::Load,
    log,
};

/// First and largest cap of the wait.
const BASE: Duration = Duration::from_millis(250);
const CAP: Duration = Duration::from_secs(20);
/// Bounds what is added to the wait that a server asks for.
const SPREAD: Duration = Duration::from_secs(1);
/// Malformed answers after which an operation fails: a server that sends nonsense three times will keep doing so.
const MAX_MALFORMED: u32 = 3;

/// Why one attempt failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct AttemptError {
    pub kind: ErrorKind,
    pub message: String,
    /// Whether another attempt may succeed.
    pub retryable: bool,
    /// The HTTP status that the server refused with.
    pub status: Option<u16>,
    /// How long the server asks us to wait.
    pub retry_after: Option<Duration>,
    /// Whether the server was overloaded, so that fewer attempts should be in flight.
    pub overloaded: bool,
}

impl AttemptError {
    /// A failure that another attempt would repeat.
    pub(crate) fn permanent(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retryable: false,
            status: None,
            retry_after: None,
            overloaded: false,
        }
    }

    /// A failure that another attempt may not meet.
    pub(crate) fn transient(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::permanent(kind, message) }
    }

    /// An answer that is not what was asked for.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::transient(ErrorKind::Malformed, message)
    }
}

/// Gets the answer to one operation: a cached one, else the server's.
pub(crate) async fn perform(client: &Client, operation: &Operation<'_>) -> Result<(Answer, Usage), LmError> {
    match &client.cache {
        Some(cache) if cache.covers(operation) => cache.answer(client, operation).await,
        _ => send(client, operation).await,
    }
}

/// Asks the server, as often as it takes and is allowed.
pub(crate) async fn send(client: &Client, operation: &Operation<'_>) -> Result<(Answer, Usage), LmError> {
    let settings = &client.settings;
    let (tokens_in, tokens_out) = operation.estimate();
    let reservation = client.budget.reserve(tokens_in + tokens_out, client.price(tokens_in, tokens_out))?;
    let started = Instant::now();
    let deadline = started + Duration::from_secs_f64(settings.deadline_s);
    let (mut attempts, mut malformed) = (0, 0);
    loop {
        attempts += 1;
        match attempt(client, operation, attempts, deadline).await {
            Ok(answer) => {
                let usage = client.usage(operation, &answer, attempts, started.elapsed());
                reservation.settle(usage.tokens_in + usage.tokens_out, usage.cost);
                client.note_answer();
                return Ok((answer, usage));
            }
            Err(error) => {
                malformed += u32::from(error.kind == ErrorKind::Malformed);
                let wait = wait(&error, attempts);
                let max_attempts = client.max_attempts(error.kind);
                let hopeless = !error.retryable || attempts >= max_attempts || malformed >= MAX_MALFORMED;
                if hopeless || Instant::now() + wait >= deadline {
                    log::gave_up(client, operation, attempts, &error);
                    return Err(client.failure(&error, attempts));
                }
                log::retry(client, operation, attempts, &error, wait);
                tokio::time::sleep(wait).await;
            }
        }
    }
}

async fn attempt(
    client: &Client,
    operation: &Operation<'_>,
    number: u32,
    deadline: Instant,
) -> Result<Answer, AttemptError> {
    let timeout = |message: &str| AttemptError::transient(ErrorKind::Timeout, message);
    let permit = tokio::time::timeout_at(deadline.into(), client.limiter.acquire())
        .await
        .map_err(|_| timeout("the requests in flight left no room for another one in time"))?;
    let asked = Instant::now();
    let end = (asked + Duration::from_secs_f64(client.settings.timeout_s)).min(deadline);
    let answer = match tokio::time::timeout_at(end.into(), client.backend.attempt(operation, number)).await {
        Ok(answer) => answer,
        Err(_) => Err(AttemptError { overloaded: true, ..timeout("no answer in time") }),
    };
    log::attempt(client, operation, number, asked.elapsed(), &answer);
    let changed = permit.release(match &answer {
        Ok(_) => Load::Bearable,
        Err(error) if error.kind == ErrorKind::Timeout => Load::Abandoned,
        Err(error) if error.overloaded => Load::Excessive(error.retry_after),
        Err(_) => Load::Unknown,
    });
    if let Some(limit) = changed {
        log::limit(client, limit);
    }
    answer
}

/// The wait that the server asks for, spread a little so that the requests it refused don't all come back at once; else
/// full jitter.
fn wait(error: &AttemptError, attempts: u32) -> Duration {
    match error.retry_after {
        Some(after) => after + after.min(SPREAD).mul_f64(fastrand::f64() / 2.0),
        None => (BASE * 2_u32.saturating_pow(attempts.min(10))).min(CAP).mul_f64(fastrand::f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_cap_and_are_never_shorter_than_the_server_asks() {
        let error = AttemptError::transient(ErrorKind::Overloaded, "busy");
        for attempts in 1..100 {
            assert!(wait(&error, attempts) <= CAP);
        }
        let longest = |attempts| (0..200).map(|_| wait(&error, attempts)).max().unwrap_or_default();
        assert!(longest(1) <= BASE * 2);
        assert!(longest(6) > BASE * 2);
        let requested = Duration::from_secs(7);
        let asked = AttemptError { retry_after: Some(requested), ..error };
        for _ in 0..100 {
            assert!((requested..requested + SPREAD).contains(&wait(&asked, 1)));
        }
    }
}
