//! What an observer hears, and how a session ends.

use samara_journal::{Life, Live};
use samara_search::{Candidate, Search};

/// Something that happened on the owner; observers get these in settle order and can't change the run.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// The journal was folded (no candidates of a new run) and the models are about to be asked.
    Started {
        /// The state that earlier sessions left.
        search: &'a Search,
    },
    /// A candidate met its fate and is in the journal.
    Settled {
        /// The candidate.
        candidate: &'a Candidate,
        /// How it was made.
        life: &'a Life,
        /// The state after it.
        search: &'a Search,
    },
    /// Somebody asked something of the run, and it is recorded and followed.
    Ordered {
        /// What, and from which candidate on.
        live: &'a Live,
        /// The state under it.
        search: &'a Search,
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
    /// An objective has reached `search.target_score`.
    Target,
    /// `search.patience` scored candidates in a row improved nothing.
    Patience,
}

impl Ending {
    /// One word for the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::WallTime => "wall_time",
            Self::Budget => "budget",
            Self::Target => "target",
            Self::Patience => "patience",
        }
    }
}

/// How a session ended, with the state it left.
pub struct Ended {
    /// Why.
    pub ending: Ending,
    /// The state after the last settled candidate.
    pub search: Search,
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
