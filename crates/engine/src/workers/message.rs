//! What a worker and a coordinator say to each other: requests of the worker, replies of the coordinator, as JSON.
//!
//! A message is small: a file travels in pieces. Whatever comes from the other side is a stranger's.

use std::{collections::BTreeMap, sync::Arc};

use samara_search::{Artifact, Genome, Score};
use serde::{Deserialize, Serialize};

use super::Task;
use crate::Abort;

/// The version of these messages. Both sides must have the same one.
pub const PROTOCOL: u32 = 1;

/// Bytes of a message at most.
pub const MOST_BYTES: usize = 32 << 20;
/// Bytes of a file in a piece at most, so that a piece fits into what message brokers take.
pub const PIECE: usize = 512 << 10;
/// Results in a message at most.
pub const MOST_ANSWERS: usize = 64;
/// Characters of a worker's name and of a label at most.
const MOST_NAME: usize = 100;

/// A draft to evaluate. Its id is the run with the candidate: the same ticket may be given out several times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The run's id.
    pub run: String,
    /// The candidate's index.
    pub candidate: u64,
    /// The digest of the [`Task`]: environment, settings, inputs, limits.
    pub task: String,
    /// What is evaluated.
    pub draft: Arc<Genome>,
    /// What it has to beat, where that decides when an evaluation may end early.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, f64>,
    /// The seed of its programs.
    pub seed: u64,
}

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The run's id.
    pub run: String,
    /// The candidate's index.
    pub candidate: u64,
    /// The digest of the [`Task`] that it was evaluated by.
    pub task: String,
    /// The digest of the draft that was evaluated.
    pub draft: String,
    /// What the evaluation came to.
    pub outcome: Outcome,
    /// How its programs were isolated; `None` if none ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    /// Wall time of the evaluation in milliseconds.
    pub ms: f64,
}

/// What an evaluation came to.
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
    /// The worker could not evaluate it: its sandbox is broken. Another one may.
    Trouble {
        /// For a person.
        why: String,
    },
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
        /// How many evaluations it runs at once.
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
    },
    /// It has free slots, and waits for tickets.
    Take {
        /// The number that it was given.
        worker: u64,
        /// Tickets at most.
        most: u32,
        /// The candidates that it evaluates or has yet to report: it holds no others.
        holds: Vec<u64>,
        /// Whether the reply may come late, once there is a ticket. A transport that knows when there is one asks then.
        wait: bool,
    },
    /// It is alive.
    Beat {
        /// The number that it was given.
        worker: u64,
        /// The candidates that it evaluates or has yet to report.
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
        /// Held candidates that nobody waits for any more.
        drop: Vec<u64>,
        /// Tickets that go on waiting, for this worker or another one.
        left: u64,
    },
    /// To [`Request::Ready`], [`Request::Beat`], [`Request::Done`] and [`Request::Leave`].
    Noted {
        /// Held candidates that nobody waits for any more.
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
            candidate: u64::MAX,
            task: "t".to_owned(),
            draft: Arc::new(Genome::Vector(numbers.clone())),
            thresholds: BTreeMap::from([("bar".to_owned(), 0.1)]),
            seed: u64::MAX,
        };
        there_and_back(&ticket);
        let read: Ticket = serde_json::from_slice(&serde_json::to_vec(&ticket).unwrap()).unwrap();
        let Genome::Vector(read) = &*read.draft else { panic!() };
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
