//! Models that workers have: who carries questions there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use samara_lm::{Carried, Carrier, Carrying, Introduction, Question};

use super::{Desk, Outcome, PROTOCOL, Ticket, Work, desk::Answered, task::digest_of};

/// The token under which those that ask models meet at a NATS server, where the run's token is another desk's. It follows from
/// that one, and that one does not follow from it.
pub fn token_of_questions(token: &str) -> String {
    digest_of(format!("samara questions {token}").as_bytes())
}

/// Asks the models that the workers of a desk have. The first answer to a question counts, as of any ticket.
#[derive(Debug)]
pub struct Asking {
    desk: Arc<Desk>,
    next: AtomicU64,
}

impl Asking {
    /// Asks through a desk whose duty that is.
    pub fn new(desk: Arc<Desk>) -> Arc<Self> {
        Arc::new(Self { desk, next: AtomicU64::new(0) })
    }

    /// What is said of the models, in the task's order: waits for the first worker that has them.
    pub async fn introductions(&self) -> Vec<Introduction> {
        self.desk.introductions().await
    }

    async fn asked(&self, question: Question) -> Result<Carried, String> {
        let mut waiting = self.desk.offer(Ticket {
            protocol: PROTOCOL,
            run: self.desk.run().to_owned(),
            id: self.next.fetch_add(1, Relaxed),
            task: self.desk.digest().to_owned(),
            work: Arc::new(Work::Question(question)),
        });
        let Answered { answer, .. } = waiting.answered().await.map_err(|error| error.to_string())?;
        match answer.outcome {
            // The desk has seen that it is a time.
            Outcome::Said(said) => Ok(Carried { said, took: Duration::from_secs_f64(answer.ms / 1e3) }),
            _ => Err("a worker has evaluated where a model was asked".to_owned()),
        }
    }
}

impl Carrier for Asking {
    fn carry(&self, question: Question) -> Carrying<'_> {
        Box::pin(self.asked(question))
    }

    fn room(&self) -> usize {
        // Those without a worker wait for one.
        self.desk.census().slots.max(1)
    }
}
