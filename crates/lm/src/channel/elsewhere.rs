//! A model that others have: attempts travel to it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Answer, Operation, Value},
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
            Said(Spoken::Answer(answer)) if fits(operation, &answer) => Ok(answer),
            Said(Spoken::Answer(_)) => Err(AttemptError::malformed("the answer is none to what was asked")),
            Said(Spoken::Failed(error)) => Err(tamed(error)),
            Said(Spoken::Known(_)) => Err(unasked()),
        }
    }

    pub(super) async fn known(&self, prompts: &[String]) -> Result<Option<Vec<f64>>, AttemptError> {
        match self.carry(What::Known { prompts: prompts.to_vec() }, &mut Instant::now()).await? {
            Said(Spoken::Known(known)) if known.as_ref().is_none_or(|known| known.len() == prompts.len()) => {
                Ok(known)
            }
            Said(Spoken::Failed(error)) => Err(tamed(error)),
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

/// Tokens of an answer at most: more than any model takes or writes.
const MOST_TOKENS: u64 = 1 << 40;
/// How long others may ask us to wait at most; a deadline comes before.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Characters of what others say of a failure at most.
const MOST_WORDS: usize = 2000;

/// Whether an answer can be one to an operation: what comes back is a stranger's, whatever its server has said.
fn fits(operation: &Operation<'_>, answer: &Answer) -> bool {
    let finite = |numbers: &[f64]| numbers.iter().all(|number| number.is_finite());
    let counted = answer.tokens.is_none_or(|(read, written)| read.max(written) <= MOST_TOKENS);
    counted
        && match (operation, &answer.value) {
            (Operation::Models, Value::Models(_)) | (Operation::Complete { .. }, Value::Text(..)) => true,
            (Operation::Several { count, .. }, Value::Texts(texts)) => texts.len() <= *count as usize,
            (Operation::LogProbability { .. }, Value::LogProbabilities(logs)) => {
                logs.len() == 1 && finite(logs)
            }
            (Operation::Labels { request, .. }, Value::LogProbabilities(logs)) => {
                logs.len() == request.answers.len() && finite(logs)
            }
            (Operation::Embed { texts, .. }, Value::Vectors(vectors)) => {
                let length = vectors.first().map_or(0, Vec::len);
                vectors.len() == texts.len()
                    && length > 0
                    && vectors.iter().all(|vector| vector.len() == length && finite(vector))
            }
            _ => false,
        }
}

/// A failure as others tell it, in one line for people and without an end that is never reached.
fn tamed(error: AttemptError) -> AttemptError {
    let line = |text: &str| -> String {
        let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        shown.take(MOST_WORDS).collect()
    };
    AttemptError {
        message: line(&error.message),
        hint: error.hint.as_deref().map(line),
        retry_after: error.retry_after.map(|after| after.min(LONGEST_WAIT)),
        ..error
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        operation::Endpoint,
        types::{Finish, ScoreRequest, Side},
    };

    #[test]
    fn only_what_can_be_an_answer_to_what_was_asked_is_one() {
        let how = &Endpoint { model: "m".into(), chat: false, completion_tokens: false };
        let request = &ScoreRequest { prompt: "p".into(), answers: vec!["a".into(), "b".into()], seed: 1 };
        let texts = &["t".to_owned(), "u".to_owned()][..];
        let labels = Operation::Labels { request, how };
        let embed = Operation::Embed { texts, how, side: Side::Symmetric };
        let of = |operation: &Operation<'_>, value: Value| fits(operation, &Answer { value, tokens: None });
        assert!(of(&labels, Value::LogProbabilities(vec![-1.0, -2.0])));
        assert!(of(&embed, Value::Vectors(vec![vec![0.5], vec![-0.5]])));
        for wrong in [vec![-1.0], vec![-1.0, f64::NAN], vec![-1.0; 3], vec![-1.0, f64::NEG_INFINITY]] {
            assert!(!of(&labels, Value::LogProbabilities(wrong)));
        }
        for wrong in [vec![vec![0.5]], vec![vec![], vec![]], vec![vec![0.5], vec![0.5, 0.5]]] {
            assert!(!of(&embed, Value::Vectors(wrong)));
        }
        assert!(!of(&embed, Value::Text("t".into(), Finish::Stop)) && !of(&labels, Value::Models(vec![])));
        let tokens = Some((u64::MAX, u64::MAX));
        assert!(!fits(&Operation::Models, &Answer { value: Value::Models(vec![]), tokens }));
    }

    proptest! {
        #[test]
        fn what_is_said_of_a_failure_is_one_line_and_a_wait_that_ends(
            message in any::<String>(), hint in any::<Option<String>>(), seconds in any::<u64>(),
        ) {
            let after = Some(Duration::from_secs(seconds));
            let error = AttemptError::transient(ErrorKind::Overloaded, message);
            let error = tamed(AttemptError { hint, retry_after: after, ..error });
            for text in [Some(error.message), error.hint].into_iter().flatten() {
                prop_assert!(!text.contains(char::is_control) && text.chars().count() <= MOST_WORDS);
            }
            prop_assert!(error.retry_after <= Some(LONGEST_WAIT));
        }
    }
}
