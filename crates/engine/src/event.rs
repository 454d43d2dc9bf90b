//! What an observer hears, and how a session ends.

use samara_journal::Candidate;

use crate::State;

/// Something that happened on the owner; observers get these in settle order and can't change the run.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The journal was folded (`settled` candidates; 0 for a new run) and the models are about to be asked.
    Started {
        /// Candidates settled by earlier sessions.
        settled: u64,
        /// The state they left.
        state: &'a State,
    },
    /// A candidate met its fate and is in the journal.
    Settled {
        /// The candidate, with its model calls.
        candidate: &'a Candidate,
        /// The state after it.
        state: &'a State,
    },
    /// No further candidate starts; `waiting` live ones will still be settled.
    Closing {
        /// Why.
        ending: Ending,
        /// How many candidates are alive.
        waiting: usize,
    },
}

/// Why a session ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// `search.total_steps` candidates are settled.
    Completed,
    /// The user asked for it.
    Interrupted,
    /// `search.budget.wall_time_s` is over.
    WallTime,
    /// The budget of calls, tokens or money allows no further candidate.
    Budget,
}

impl Ending {
    /// One word for the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::WallTime => "wall_time",
            Self::Budget => "budget",
        }
    }
}

/// How a session ended, with the state it left.
#[derive(Debug)]
pub struct Ended {
    /// Why.
    pub ending: Ending,
    /// The state after the last settled candidate.
    pub state: State,
    /// What this session did.
    pub session: Session,
}

/// What one session (one process) did of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Session {
    /// Candidates that earlier sessions had settled.
    pub resumed_from: u64,
    /// Candidates this session settled.
    pub settled: u64,
    /// Wall time of the search itself, in seconds.
    pub seconds: f64,
}
