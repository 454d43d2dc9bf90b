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
/// Broken answers are asked for again this often: a server that answers nonsense twice more will do so for ever.
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

/// Carries one operation to its answer.
pub(crate) async fn carry(client: &Client, operation: &Operation<'_>) -> Result<(Answer, Usage), LmError> {
    let settings = &client.settings;
    let (tokens_in, tokens_out) = operation.estimate();
    let reservation = client.budget.reserve(tokens_in + tokens_out, client.price(tokens_in, tokens_out))?;
    let started = Instant::now();
    let deadline = started + Duration::from_secs_f64(settings.deadline_s);
    let mut attempts = 0;
    loop {
        attempts += 1;
        match attempt(client, operation, attempts, deadline).await {
            Ok(answer) => {
                let usage = client.usage(operation, &answer, attempts, started.elapsed());
                reservation.settle(usage.tokens_in + usage.tokens_out, usage.cost);
                return Ok((answer, usage));
            }
            Err(error) => {
                let wait = error.after.unwrap_or_else(|| jitter(attempts));
                if gives_up(&error, attempts, client.attempts(), deadline, wait) {
                    return Err(client.failure(&error, attempts));
                }
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn gives_up(error: &AttemptError, attempts: u32, most: u32, deadline: Instant, wait: Duration) -> bool {
    !error.again
        || attempts >= most
        || (error.kind == ErrorKind::Malformed && attempts >= MALFORMED)
        || Instant::now() + wait >= deadline
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
        Err(error) if error.busy => Load::TooMuch,
        Err(_) => Load::Unknown,
    });
    answer
}

fn jitter(attempts: u32) -> Duration {
    let cap = (BASE * 2_u32.saturating_pow(attempts.min(10))).min(CAP);
    cap.mul_f64(fastrand::f64())
}
