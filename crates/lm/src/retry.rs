//! One operation through budget, gate and retries, within its deadline.
//!
//! Full jitter (uniform between 0 and a doubling cap), the server's own wish if it names one, a cap on attempts and
//! on time. Jitter decides when something is asked, never what is answered.

use std::time::{Duration, Instant};

use crate::{
    ErrorKind, LmError, Usage,
    client::{Answer, Client, Operation},
    gate::Load,
};

/// First and largest cap of the waiting time.
const BASE: Duration = Duration::from_millis(250);
const CAP: Duration = Duration::from_secs(20);
/// Most that is added to the time after which a server wants to be asked again.
const SPREAD: Duration = Duration::from_secs(1);
/// Broken answers of one operation after which it is given up: a server that answers nonsense three times will do so
/// for ever.
const MALFORMED: u32 = 3;

/// Why one attempt failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttemptError {
    pub kind: ErrorKind,
    pub message: String,
    /// Whether another attempt may help.
    pub again: bool,
    /// How long the server wants us to wait.
    pub after: Option<Duration>,
    /// Whether the server had too much to do.
    pub busy: bool,
}

impl AttemptError {
    /// A failure that another attempt would meet again.
    pub(crate) fn final_(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), again: false, after: None, busy: false }
    }

    /// A failure that may pass.
    pub(crate) fn passing(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { again: true, ..Self::final_(kind, message) }
    }

    /// An answer that is not what was asked for.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::passing(ErrorKind::Malformed, message)
    }
}

/// Carries one operation to its answer: one that is found, else the server's.
pub(crate) async fn carry(client: &Client, operation: &Operation<'_>) -> Result<(Answer, Usage), LmError> {
    match &client.recall {
        Some(recall) if recall.covers(operation) => recall.carry(client, operation).await,
        _ => ask(client, operation).await,
    }
}

/// Asks the server.
pub(crate) async fn ask(client: &Client, operation: &Operation<'_>) -> Result<(Answer, Usage), LmError> {
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
                client.has_answered();
                return Ok((answer, usage));
            }
            Err(error) => {
                malformed += u32::from(error.kind == ErrorKind::Malformed);
                let wait = wait(&error, attempts);
                let most = client.attempts(error.kind);
                let hopeless = !error.again || attempts >= most || malformed >= MALFORMED;
                if hopeless || Instant::now() + wait >= deadline {
                    return Err(client.failure(&error, attempts));
                }
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
    let late = |what: &str| AttemptError::passing(ErrorKind::Timeout, format!("{what} in time"));
    let place = tokio::time::timeout_at(deadline.into(), client.gate.enter())
        .await
        .map_err(|_| late("the endpoint had no free place"))?;
    let end = (Instant::now() + Duration::from_secs_f64(client.settings.timeout_s)).min(deadline);
    let answer = match tokio::time::timeout_at(end.into(), client.backend.attempt(operation, number)).await {
        Ok(answer) => answer,
        Err(_) => Err(AttemptError { busy: true, ..late("no answer") }),
    };
    place.leave(match &answer {
        Ok(_) => Load::Fine,
        Err(error) if error.busy => Load::TooMuch(error.after),
        Err(_) => Load::Unknown,
    });
    answer
}

/// The server's own wish, a little spread so that those it sent away don't come back as one; else full jitter.
fn wait(error: &AttemptError, attempts: u32) -> Duration {
    match error.after {
        Some(after) => after + after.min(SPREAD).mul_f64(fastrand::f64() / 2.0),
        None => (BASE * 2_u32.saturating_pow(attempts.min(10))).min(CAP).mul_f64(fastrand::f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_cap_and_never_undercut_the_servers_wish() {
        let error = AttemptError::passing(ErrorKind::Overloaded, "busy");
        for attempts in 1..100 {
            assert!(wait(&error, attempts) <= CAP);
        }
        let longest = |attempts| (0..200).map(|_| wait(&error, attempts)).max().unwrap_or_default();
        assert!(longest(1) <= BASE * 2);
        assert!(longest(6) > BASE * 2);
        let wish = Duration::from_secs(7);
        let asked = AttemptError { after: Some(wish), ..error };
        for _ in 0..100 {
            assert!((wish..wish + SPREAD).contains(&wait(&asked, 1)));
        }
    }
}
