//! What a record must be before it may enter a journal: finite numbers, integers that SQLite holds.
//!
//! Pure; called before a transaction begins, so that a refused record leaves nothing behind.

use crate::error::JournalError;
use crate::record::{Candidate, Genome, ModelCall};

/// Checks a candidate with its calls.
pub(crate) fn candidate(candidate: &Candidate) -> Result<(), JournalError> {
    integer("a candidate's index", candidate.index)?;
    if let Some(Genome::Vector(numbers)) = &candidate.genome {
        finite("a number of the genome", numbers)?;
    }
    finite("a measure", candidate.measures.as_deref().unwrap_or_default())?;
    finite("the objective", candidate.objective.as_slice())?;
    finite("the time of a candidate", &[candidate.live_ms])?;
    integer("a cell", candidate.cell.unwrap_or_default())?;
    calls(&candidate.calls)
}

/// Checks model calls.
pub(crate) fn calls(calls: &[ModelCall]) -> Result<(), JournalError> {
    for call in calls {
        finite("a log-probability", &call.log_probabilities)?;
        finite("the cost of a model call", &[call.cost])?;
        finite("the price of a model call", call.price.as_slice())?;
        finite("the latency of a model call", &[call.latency_ms])?;
        integer("a token count", call.tokens_in)?;
        integer("a token count", call.tokens_out)?;
    }
    Ok(())
}

/// The integer as SQLite holds it: below 2^63.
pub(crate) fn integer(what: &'static str, value: u64) -> Result<i64, JournalError> {
    i64::try_from(value).map_err(|_| JournalError::TooLarge { what })
}

/// That these are finite.
pub(crate) fn finite(what: &'static str, values: &[f64]) -> Result<(), JournalError> {
    if values.iter().all(|value| value.is_finite()) { Ok(()) } else { Err(JournalError::NotFinite { what }) }
}
