//! A model that others have: attempts travel to it.

use std::{sync::Arc, time::Instant};

use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Answer, Operation},
    question::{Carrier, Introduction, Question, Said, Spoken, What},
};

/// A model that others have, and who carries questions there.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// Which one of the models that they were told of.
    pub model: u32,
    /// What they say of it.
    pub introduction: Introduction,
    /// Who carries questions there.
    pub carrier: Arc<dyn Carrier>,
}

impl Elsewhere {
    /// One attempt, for as long as it takes: who makes it ends it in time. Time in which nobody was asked, on the way or for
    /// want of somebody who has the model, moves the deadline.
    pub(super) async fn attempt(
        &self,
        operation: &Operation<'_>,
        number: u32,
        deadline: &mut Instant,
    ) -> Result<Answer, AttemptError> {
        match self.carry(What::Attempt { operation: operation.into(), number }, deadline).await? {
            Said(Spoken::Answer(answer)) => Ok(answer),
            Said(Spoken::Failed(error)) => Err(error),
            Said(Spoken::Known(_)) => Err(unasked()),
        }
    }

    pub(super) async fn known(&self, prompts: &[String]) -> Result<Option<Vec<f64>>, AttemptError> {
        match self.carry(What::Known { prompts: prompts.to_vec() }, &mut Instant::now()).await? {
            Said(Spoken::Known(known)) if known.as_ref().is_none_or(|known| known.len() == prompts.len()) => {
                Ok(known)
            }
            Said(Spoken::Failed(error)) => Err(error),
            Said(Spoken::Known(_) | Spoken::Answer(_)) => Err(unasked()),
        }
    }

    async fn carry(&self, what: What, deadline: &mut Instant) -> Result<Said, AttemptError> {
        let asked = Instant::now();
        let carried = self.carrier.carry(Question { model: self.model, what }).await.map_err(|why| {
            let (message, hint) = why.split_once("\nhint: ").unwrap_or((&why, "look at the workers"));
            AttemptError::permanent(ErrorKind::Unreachable, message).hint(hint)
        })?;
        *deadline += asked.elapsed().saturating_sub(carried.took);
        Ok(carried.said)
    }
}

fn unasked() -> AttemptError {
    AttemptError::malformed("what came back answers another question")
}
