//! What a worker and a coordinator say to each other: requests of the worker, replies of the coordinator, as JSON.
//!
//! A message is small: a file travels in pieces. Whatever comes from the other side is a stranger's.

use std::{collections::BTreeMap, sync::Arc};

use samara_lm::{Introduction, Question, Said};
use samara_search::{Artifact, Genome, Score};
use serde::{Deserialize, Serialize};

use super::{Task, task::digest_of};
use crate::Abort;

/// The version of these messages. Both sides must have the same one.
pub const PROTOCOL: u32 = 2;

/// Bytes of a message at most.
pub const MOST_BYTES: usize = 32 << 20;
/// Bytes of a file in a piece at most, so that a piece fits into what message brokers take.
pub const PIECE: usize = 512 << 10;
/// Results in a message at most.
pub const MOST_ANSWERS: usize = 64;
/// Characters of a worker's name and of a label at most.
const MOST_NAME: usize = 100;

/// Something to do: a draft to evaluate, or a question to ask a model. The same ticket may be given out several times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The run's id.
    pub run: String,
    /// Which one of the desk's: the candidate's index, or the question's number.
    pub id: u64,
    /// The digest of the [`Task`]: environment, settings, inputs, limits; or models.
    pub task: String,
    /// What is to be done.
    pub work: Arc<Work>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// A draft is to be evaluated.
    Draft {
        /// What is evaluated.
        draft: Genome,
        /// What it has to beat, where that decides when an evaluation may end early.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        thresholds: BTreeMap<String, f64>,
        /// The seed of its programs.
        seed: u64,
    },
    /// A model is to be asked.
    Question(Question),
}

impl Work {
    /// The digest that a result says it is of.
    pub fn digest(&self) -> String {
        match self {
            Self::Draft { draft, .. } => draft.digest().to_string(),
            Self::Question(question) => digest_of(&serde_json::to_vec(question).unwrap_or_default()),
        }
    }

    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Self::Draft { .. } => "draft",
            Self::Question(_) => "question",
        }
    }
}

impl Ticket {
    /// What it is, for people.
    pub(crate) fn named(&self) -> String {
        match &*self.work {
            Work::Draft { .. } => format!("candidate {}", self.id),
            Work::Question(_) => format!("question {} to a model", self.id),
        }
    }

    /// What a worker could not do with it, for people.
    pub(crate) fn undone(&self) -> String {
        match &*self.work {
            Work::Draft { .. } => format!("evaluate {}", self.named()),
            Work::Question(_) => format!("ask {}", self.named()),
        }
    }

    /// What to look at where workers could not do it.
    pub(crate) fn trouble_hint(&self) -> &'static str {
        match &*self.work {
            Work::Draft { .. } => "`samara sandbox doctor` on that machine says what its sandbox lacks",
            Work::Question(_) => "`samara model check` on that machine says whether its model can be asked",
        }
    }
}

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The run's id.
    pub run: String,
    /// Which one of the desk's.
    pub id: u64,
    /// The digest of the [`Task`] that it was done by.
    pub task: String,
    /// The digest of the [`Work`] that was done.
    pub work: String,
    /// What it came to.
    pub outcome: Outcome,
    /// How its programs were isolated; `None` if none ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    /// Wall time of the evaluation, or of the model's answer, in milliseconds.
    pub ms: f64,
}

/// What a ticket came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// It has a score.
    Scored(Score),
    /// Nothing usable was written.
    Invalid {
        /// For a person.
        why: String,
        /// What its evaluation left.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<Artifact>,
    },
    /// It ran badly.
    Failed {
        /// For a person.
        why: String,
        /// What its evaluation left.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<Artifact>,
    },
    /// What the model said.
    Said(Said),
    /// The worker could not do it: its sandbox is broken, or its model can't be reached. Another one may.
    Trouble {
        /// For a person.
        why: String,
    },
}

impl Outcome {
    /// Whether work of this kind can come to it.
    pub(crate) fn is_of(&self, work: &Work) -> bool {
        match self {
            Self::Scored(_) | Self::Invalid { .. } | Self::Failed { .. } => {
                matches!(work, Work::Draft { .. })
            }
            Self::Said(_) => matches!(work, Work::Question(_)),
            Self::Trouble { .. } => true,
        }
    }
}

impl From<Result<Score, Abort>> for Outcome {
    fn from(result: Result<Score, Abort>) -> Self {
        match result {
            Ok(score) => Self::Scored(score),
            Err(Abort::Invalid(reason)) => Self::Invalid { why: reason.why, artifacts: reason.artifacts },
            Err(Abort::Failed(reason)) => Self::Failed { why: reason.why, artifacts: reason.artifacts },
            Err(Abort::Run(error)) => Self::Trouble { why: error.to_string() },
        }
    }
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// It is there, and asks what there is to do.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// Its version of samara.
        samara: String,
        /// A name for people.
        name: String,
        /// How many tickets it works at at once.
        slots: u32,
        /// What it says of itself, such as `gpu`.
        labels: Vec<String>,
    },
    /// It wants a piece of a file of the task.
    Fetch {
        /// The file's digest.
        digest: String,
        /// Where the piece begins, in bytes.
        from: u64,
    },
    /// It can evaluate, or says why it can't.
    Ready {
        /// The number that it was given.
        worker: u64,
        /// How it isolates programs; `None` if none will run.
        isolation: Option<String>,
        /// Why it can't evaluate this task.
        refuses: Option<String>,
        /// What it says of the task's models, in their order; none where drafts are evaluated.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        models: Vec<Introduction>,
    },
    /// It has free slots, and waits for tickets.
    Take {
        /// The number that it was given.
        worker: u64,
        /// Tickets at most.
        most: u32,
        /// The tickets that it has begun or has yet to report: it holds no others.
        holds: Vec<u64>,
        /// Whether the reply may come late, once there is a ticket. A transport that knows when there is one asks then.
        wait: bool,
    },
    /// It is alive.
    Beat {
        /// The number that it was given.
        worker: u64,
        /// The tickets that it has begun or has yet to report.
        holds: Vec<u64>,
    },
    /// It has results: several at once where evaluations are shorter than the way.
    Done {
        /// The number that it was given.
        worker: u64,
        /// The results, [`MOST_ANSWERS`] at most.
        answers: Vec<Answer>,
    },
    /// It goes. What it holds is given to others.
    Leave {
        /// The number that it was given.
        worker: u64,
    },
}

impl Request {
    /// The number of the worker that says it; `None` of one that has none yet.
    pub(crate) fn worker(&self) -> Option<u64> {
        match self {
            Self::Hello { .. } | Self::Fetch { .. } => None,
            Self::Ready { worker, .. }
            | Self::Take { worker, .. }
            | Self::Beat { worker, .. }
            | Self::Done { worker, .. }
            | Self::Leave { worker } => Some(*worker),
        }
    }
}

/// What a coordinator replies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// To [`Request::Hello`].
    Welcome {
        /// [`PROTOCOL`].
        protocol: u32,
        /// The worker's number, which it names from now on.
        worker: u64,
        /// The run's id.
        run: String,
        /// What evaluations need.
        task: Box<Task>,
        /// How often to say [`Request::Beat`], in milliseconds.
        beat_ms: u64,
    },
    /// To [`Request::Fetch`].
    Piece {
        /// The bytes, as base64; none at the end of the file.
        base64: String,
    },
    /// To [`Request::Take`]: none if there was nothing to do for a while.
    Tickets {
        /// The tickets.
        tickets: Vec<Ticket>,
        /// Held tickets that nobody waits for any more.
        drop: Vec<u64>,
        /// Tickets that go on waiting, for this worker or another one.
        left: u64,
    },
    /// To [`Request::Ready`], [`Request::Beat`], [`Request::Done`] and [`Request::Leave`].
    Noted {
        /// Held tickets that nobody waits for any more.
        drop: Vec<u64>,
    },
    /// It does not know this worker: the worker has to begin anew.
    Stranger,
    /// The worker gets no tickets of this run.
    Refused {
        /// For a person.
        why: String,
    },
    /// The run has ended.
    Over,
}

/// A name or a label as people may be shown it: without what commands a terminal, and not without end.
pub(crate) fn tame(text: &str) -> String {
    samara_search::commanding::one_line(text).chars().take(MOST_NAME).collect()
}

/// A reason of the other side for people: without what commands a terminal, and not without end.
pub(crate) fn tame_reason(text: &str) -> String {
    samara_search::commanding::printable(text).chars().take(2000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(value: &T) {
        let read: T = serde_json::from_slice(&serde_json::to_vec(value).unwrap()).unwrap();
        assert_eq!(&read, value);
    }

    #[test]
    fn tickets_and_results_keep_every_bit() {
        let numbers = vec![0.1 + 0.2, -0.0, 5e-324, 1.797_693_134_862_315_7e308];
        let ticket = Ticket {
            protocol: PROTOCOL,
            run: "r".to_owned(),
            id: u64::MAX,
            task: "t".to_owned(),
            work: Arc::new(Work::Draft {
                draft: Genome::Vector(numbers.clone()),
                thresholds: BTreeMap::from([("bar".to_owned(), 0.1)]),
                seed: u64::MAX,
            }),
        };
        there_and_back(&ticket);
        let read: Ticket = serde_json::from_slice(&serde_json::to_vec(&ticket).unwrap()).unwrap();
        let Work::Draft { draft: Genome::Vector(read), .. } = &*read.work else { panic!() };
        let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(read), bits(&numbers));
        let infinite = Outcome::Scored(Score::new(f64::INFINITY, numbers));
        there_and_back(&infinite);
        there_and_back(&Outcome::Failed {
            why: "é\u{1b}".to_owned(),
            artifacts: vec![Artifact::text("stderr", "x")],
        });
        there_and_back(&Request::Take { worker: 3, most: 2, holds: vec![1], wait: true });
        there_and_back(&Reply::Stranger);
    }

    #[test]
    fn what_is_no_message_is_none() {
        for text in ["", "{}", "[]", "{\"say\":\"take\"}", "{\"say\":\"leave\",\"worker\":1,\"more\":2}"] {
            assert!(serde_json::from_str::<Request>(text).is_err(), "{text}");
        }
    }
}
