//! How long to wait before another attempt, and when to give up.
//!
//! Full jitter (uniform between 0 and a doubling cap), or the wait that the server asks for; caps on attempts and on
//! time. Jitter decides when something is asked, never what is answered.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{
    error::{AttemptError, ErrorKind},
    operation::Operation,
    settings::ModelSettings,
};

/// First and largest cap of the wait.
const BASE: Duration = Duration::from_millis(250);
const CAP: Duration = Duration::from_secs(20);
/// Bounds what is added to the wait that a server asks for.
const SPREAD: Duration = Duration::from_secs(1);
/// Malformed answers after which an operation fails: a server that sends nonsense three times will keep doing so.
const MAX_MALFORMED: u32 = 3;

/// How often and for how long an operation is tried.
#[derive(Debug)]
pub(crate) struct Patience {
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How long an operation may take with all its attempts.
    pub deadline: Duration,
    max_attempts: u32,
    /// Whether any operation has succeeded so far.
    answered: AtomicBool,
    /// Whether one that asks the model itself has.
    worked: AtomicBool,
}

impl Patience {
    pub(crate) fn of(settings: &ModelSettings) -> Self {
        Self {
            timeout: Duration::from_secs_f64(settings.timeout_s),
            deadline: Duration::from_secs_f64(settings.deadline_s),
            max_attempts: settings.max_attempts,
            answered: AtomicBool::new(false),
            worked: AtomicBool::new(false),
        }
    }

    /// Remembers that the server has answered; a list of models says nothing of whether one of them may be asked.
    pub(crate) fn note_answer(&self, operation: &Operation<'_>) {
        self.answered.store(true, Ordering::Relaxed);
        if !matches!(operation, Operation::Models) {
            self.worked.store(true, Ordering::Relaxed);
        }
    }

    /// Whether no further attempt should be made after this failure, the `attempts`-th attempt, of which `malformed`
    /// answers were not what was asked for.
    pub(crate) fn is_hopeless(&self, error: &AttemptError, attempts: u32, malformed: u32) -> bool {
        !error.retryable
            || malformed >= MAX_MALFORMED
            || (!self.waits(error) && attempts >= self.max_attempts(error.kind))
    }

    /// Whether the deadline alone ends the attempts: a server that loads its model, or whose model has answered before and
    /// has a limit now, will answer again.
    fn waits(&self, error: &AttemptError) -> bool {
        match error.status {
            Some(503) => true,
            _ => {
                error.overloaded && error.kind == ErrorKind::Overloaded && self.worked.load(Ordering::Relaxed)
            }
        }
    }

    fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Most attempts after a failure of this kind. Until the server has answered once, only two are made where nothing
    /// answers: a person is waiting for the start, and the address is probably wrong.
    fn max_attempts(&self, kind: ErrorKind) -> u32 {
        let silent = matches!(kind, ErrorKind::Unreachable | ErrorKind::Timeout);
        if silent && !self.has_answered() { self.max_attempts.min(2) } else { self.max_attempts }
    }
}

/// The wait that the server asks for, spread a little so that the requests it refused don't all come back at once; else
/// full jitter, and so if it asks for next to none: a server that says "at once" and goes on refusing must not be flooded.
pub(crate) fn wait(error: &AttemptError, attempts: u32) -> Duration {
    let jitter = || (BASE * 2_u32.saturating_pow(attempts.min(10))).min(CAP).mul_f64(fastrand::f64());
    match error.retry_after {
        Some(after) if after >= BASE => after + after.min(SPREAD).mul_f64(fastrand::f64() / 2.0),
        Some(after) => after + jitter(),
        None => jitter(),
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
        let at_once = AttemptError { retry_after: Some(Duration::ZERO), ..asked };
        let longest = (0..200).map(|_| wait(&at_once, 6)).max().unwrap_or_default();
        assert!(longest > BASE * 2, "a server that goes on refusing is asked ever more rarely");
    }
}
