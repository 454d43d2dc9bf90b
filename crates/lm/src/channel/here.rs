//! A model that is asked from here, behind the limit of what its server can take.

use std::time::{Duration, Instant};

use super::{
    backend::Backend,
    limiter::{Limiter, Load},
};
use crate::{
    error::{AttemptError, ErrorKind, LmError},
    log,
    operation::{Answer, Operation},
    settings::ModelSettings,
};

/// A backend and how many attempts it may be sent at once.
#[derive(Debug)]
pub(crate) struct Here {
    pub(crate) backend: Backend,
    limiter: Limiter,
}

impl Here {
    /// The model that settings describe; nothing is asked yet.
    pub(crate) fn open(settings: &ModelSettings) -> Result<Self, LmError> {
        let backend = Backend::open(settings)?;
        Ok(Self { backend, limiter: Limiter::new(settings.max_concurrency) })
    }

    /// How many requests are worth making at once at the moment: more would only wait here.
    pub(super) fn room(&self) -> usize {
        if self.backend.is_server() { self.limiter.current() } else { usize::MAX }
    }

    /// One attempt once there is room for it, which takes `timeout` at most and ends at `deadline`. What is waited for our
    /// own requests in flight does not count, and moves the deadline: the server has not been asked yet.
    pub(crate) async fn attempt(
        &self,
        who: &log::Asked<'_>,
        (operation, number): (&Operation<'_>, u32),
        timeout: Duration,
        deadline: &mut Instant,
    ) -> Result<Answer, AttemptError> {
        let waiting = Instant::now();
        let permit = self.limiter.acquire().await;
        *deadline += waiting.elapsed();
        let asked = Instant::now();
        let end = (asked + timeout).min(*deadline);
        let answer = match tokio::time::timeout_at(end.into(), self.backend.attempt(operation, number)).await
        {
            Ok(answer) => answer,
            Err(_) => {
                let timeout = AttemptError::transient(ErrorKind::Timeout, "no answer in time");
                Err(AttemptError { overloaded: true, ..timeout })
            }
        };
        log::attempt(who, number, asked.elapsed(), &answer);
        let changed = permit.release(match &answer {
            Ok(_) => Load::Bearable,
            Err(error) if error.kind == ErrorKind::Timeout => Load::Abandoned,
            Err(error) if error.overloaded => Load::Excessive(error.retry_after),
            Err(_) => Load::Unknown,
        });
        if let Some(change) = changed {
            log::limit(who.model, change.from, change.to);
        }
        answer
    }
}
