//! Models that others have: one attempt at one operation as it travels, what comes back, and who carries it.
//!
//! Everything above an attempt (budget, prices, further attempts, caches) stays with who asks; everything below it
//! (address, key, the server's limits) with who has the model.

use std::{fmt::Debug, future::Future, pin::Pin, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Answer, Endpoint, Operation},
    types::{CompletionRequest, ScoreMethod, ScoreRequest, Side, Speciality},
};

/// One thing that a model elsewhere is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Which one of the models that the asking side has told of, from 0.
    pub model: u32,
    pub(crate) what: What,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum What {
    /// One attempt, the `number`-th (from 1) of its operation.
    Attempt { operation: Asked, number: u32 },
    /// How probable it is that the model knows the subject of each prompt.
    Known { prompts: Vec<String> },
}

/// An [`Operation`] that has arrived, in the same JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Asked {
    Models,
    Complete {
        request: CompletionRequest,
        how: Endpoint,
    },
    Several {
        request: CompletionRequest,
        count: u32,
        how: Endpoint,
    },
    LogProbability {
        prompt: String,
        answer: String,
        method: ScoreMethod,
        how: Endpoint,
    },
    Labels {
        request: ScoreRequest,
        how: Endpoint,
    },
    Embed {
        texts: Vec<String>,
        how: Endpoint,
        #[serde(default, skip_serializing_if = "Side::is_symmetric")]
        side: Side,
    },
}

impl From<&Operation<'_>> for Asked {
    fn from(operation: &Operation<'_>) -> Self {
        match *operation {
            Operation::Models => Self::Models,
            Operation::Complete { request, how } => {
                Self::Complete { request: request.clone(), how: how.clone() }
            }
            Operation::Several { request, count, how } => {
                Self::Several { request: request.clone(), count, how: how.clone() }
            }
            Operation::LogProbability { prompt, answer, method, how } => Self::LogProbability {
                prompt: prompt.to_owned(),
                answer: answer.to_owned(),
                method,
                how: how.clone(),
            },
            Operation::Labels { request, how } => Self::Labels { request: request.clone(), how: how.clone() },
            Operation::Embed { texts, how, side } => {
                Self::Embed { texts: texts.to_vec(), how: how.clone(), side }
            }
        }
    }
}

impl Asked {
    /// What is to be done.
    pub(crate) fn operation(&self) -> Operation<'_> {
        match self {
            Self::Models => Operation::Models,
            Self::Complete { request, how } => Operation::Complete { request, how },
            Self::Several { request, count, how } => Operation::Several { request, count: *count, how },
            Self::LogProbability { prompt, answer, method, how } => {
                Operation::LogProbability { prompt, answer, method: *method, how }
            }
            Self::Labels { request, how } => Operation::Labels { request, how },
            Self::Embed { texts, how, side } => Operation::Embed { texts, how, side: *side },
        }
    }
}

/// What a model elsewhere said to a [`Question`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Said(pub(crate) Spoken);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Spoken {
    /// To an attempt.
    Answer(Answer),
    /// To [`What::Known`].
    Known(Option<Vec<f64>>),
    /// The attempt failed.
    Failed(AttemptError),
}

impl Said {
    /// Why there was nobody to ask, if that is so: another one who has the model may reach it.
    pub fn unreached(&self) -> Option<&str> {
        match &self.0 {
            Spoken::Failed(AttemptError { kind: ErrorKind::Unreachable, message, .. }) => Some(message),
            _ => None,
        }
    }
}

/// What one needs to know of a model that others have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introduction {
    /// What it is called, of a model without a server.
    pub name: Option<String>,
    /// Whether it answers in a chat unless settings say otherwise; of a model without a server.
    pub chats: bool,
    /// What it was made for, if that is little.
    pub speciality: Option<Speciality>,
    /// The digest of the files that decide what it answers, if these are there rather than behind an address.
    pub digest: Option<String>,
}

impl Introduction {
    /// Whether both introduce the same model: it may be called by another path.
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        let Self { chats, speciality, digest, .. } = other;
        (self.chats, self.speciality, &self.digest) == (*chats, *speciality, digest)
    }
}

/// Something on its way.
pub type Carrying<'a> = Pin<Box<dyn Future<Output = Result<Carried, String>> + Send + 'a>>;

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// The answer.
    pub said: Said,
    /// How long the model took for it, without the way and without waiting for somebody who has one.
    pub took: Duration,
}

/// Who carries questions to those that have the models.
pub trait Carrier: Debug + Send + Sync {
    /// Carries a question there, for as long as it takes, and what was said back. The error says why nobody will answer it
    /// any more, with a `hint:` on a line of its own.
    fn carry(&self, question: Question) -> Carrying<'_>;
    /// How many questions are worth asking at once at the moment; more only wait.
    fn room(&self) -> usize;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        operation::Value,
        types::{Finish, Penalties, Sampling},
    };

    fn read_back<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> T {
        serde_json::from_slice(&serde_json::to_vec(value).expect("JSON")).expect("what was written")
    }

    #[test]
    fn every_operation_arrives_as_it_was_asked() {
        let how = &Endpoint { model: "m".into(), chat: true, completion_tokens: false };
        let sampling = |frequency| Sampling {
            max_tokens: 7,
            temperature: 0.1 + 0.2,
            top_p: 0.9,
            stop: vec!["\n".into()],
            seed: (1 << 31) - 1,
            penalties: Penalties { frequency, presence: 0.0 },
        };
        let plain = &CompletionRequest { prompt: "é".into(), instructions: None, sampling: sampling(0.0) };
        let told =
            &CompletionRequest { instructions: Some("x".into()), sampling: sampling(-0.3), ..plain.clone() };
        let scored = &ScoreRequest { prompt: "p".into(), answers: vec![" a".into(), " b".into()], seed: 3 };
        let texts = &["t".to_owned()][..];
        for operation in [
            Operation::Models,
            Operation::Complete { request: plain, how },
            Operation::Complete { request: told, how },
            Operation::Several { request: told, count: 3, how },
            Operation::LogProbability { prompt: "p", answer: "a", method: ScoreMethod::Echo, how },
            Operation::Labels { request: scored, how },
            Operation::Embed { texts, how, side: Side::Symmetric },
            Operation::Embed { texts, how, side: Side::Query },
        ] {
            let question =
                Question { model: 1, what: What::Attempt { operation: (&operation).into(), number: 2 } };
            let arrived = read_back(&question);
            assert_eq!(arrived, question);
            let What::Attempt { operation: arrived, .. } = arrived.what else { unreachable!() };
            // Caches look answers up by this.
            let json = |operation: &Operation<'_>| serde_json::to_string(operation).expect("JSON");
            assert_eq!(json(&arrived.operation()), json(&operation));
        }
    }

    #[test]
    fn every_bit_of_an_answer_comes_back() {
        let numbers = vec![0.1 + 0.2, -0.0, 5e-324, -1.797_693_134_862_315_7e308];
        for value in [
            Value::Text("a\u{1b}".into(), Finish::Length),
            Value::LogProbabilities(numbers.clone()),
            Value::Vectors(vec![numbers]),
        ] {
            let said = Said(Spoken::Answer(Answer { value, tokens: Some((u64::MAX, 1)) }));
            assert_eq!(read_back(&said), said);
        }
        let refused =
            AttemptError { status: Some(429), ..AttemptError::transient(ErrorKind::Overloaded, "busy") };
        let refused =
            AttemptError { retry_after: Some(Duration::from_millis(1500)), overloaded: true, ..refused };
        let said = Said(Spoken::Failed(refused));
        assert_eq!((read_back(&said), said.unreached()), (said.clone(), None));
    }
}
