//! What a record must be before it may enter a journal: finite numbers, integers that SQLite holds, no contradictions;
//! and the sums over calls.
//!
//! Pure; called before a transaction begins, so that a refused record leaves nothing behind.

use samara_search::{Candidate, Genome, artifact};

use crate::error::JournalError;
use crate::record::{Header, Life, MAX_CONFIG_BYTES, ModelCall, Totals};

/// Checks a candidate with its life.
pub(crate) fn candidate(candidate: &Candidate, life: &Life) -> Result<(), JournalError> {
    for (what, value) in [
        ("a candidate's index", Some(candidate.index)),
        ("a horizon", Some(candidate.horizon)),
        ("a cell", candidate.cell),
        ("a candidate's index", candidate.copy_of),
        ("a number of calls", Some(candidate.charge.calls)),
        ("a token count", Some(candidate.charge.tokens)),
    ] {
        integer(what, value.unwrap_or_default())?;
    }
    if let Some(Genome::Vector(numbers)) = candidate.genome.as_deref() {
        finite("a number of the genome", numbers)?;
    }
    if let Some(score) = &candidate.score {
        finite("a measure", &score.measures)?;
        finite("the objective", &[score.objective])?;
        score.metrics.values().try_for_each(|value| finite("a metric", &[*value]))?;
        if !candidate.artifacts.is_empty() {
            let what = "a scored candidate's artifacts are in its score";
            return Err(JournalError::Contradiction { what });
        }
    }
    let artifacts = candidate.all_artifacts();
    let bytes: usize = artifacts.iter().map(|artifact| artifact.body.len()).sum();
    if artifacts.len() > artifact::MAX_COUNT || bytes > artifact::MAX_TOTAL_BYTES {
        return Err(JournalError::TooLarge { what: "what an evaluation left" });
    }
    finite("the money of a candidate", &[candidate.charge.money])?;
    finite("the time of a candidate", &[life.live_ms, candidate.model_ms])?;
    calls(&life.calls)
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

/// Checks the texts of a header.
pub(crate) fn header(header: &Header) -> Result<(), JournalError> {
    let texts = [
        ("the configuration", &header.config),
        ("the experiment's name", &header.experiment),
        ("the environment's name", &header.environment),
        ("the run's id", &header.id),
        ("the version", &header.samara),
        ("the time", &header.created),
    ];
    let large = texts.into_iter().find(|(_, text)| text.len() > MAX_CONFIG_BYTES);
    large.map_or(Ok(()), |(what, _)| Err(JournalError::TooLarge { what }))
}

/// The integer as SQLite holds it: below 2^63.
pub(crate) fn integer(what: &'static str, value: u64) -> Result<i64, JournalError> {
    i64::try_from(value).map_err(|_| JournalError::TooLarge { what })
}

/// That these are finite.
pub(crate) fn finite(what: &'static str, values: &[f64]) -> Result<(), JournalError> {
    if values.iter().all(|value| value.is_finite()) { Ok(()) } else { Err(JournalError::NotFinite { what }) }
}

/// Sums over some calls.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) calls: u64,
    pub(crate) tokens_in: u64,
    pub(crate) tokens_out: u64,
    pub(crate) cost: f64,
    /// Answered without asking anybody.
    pub(crate) cached: u64,
}

impl Sums {
    /// The sums over these calls. An error if they are beyond what a journal holds.
    pub(crate) fn of(calls: &[ModelCall]) -> Result<Self, JournalError> {
        let mut sums = Self { calls: calls.len() as u64, ..Self::default() };
        for call in calls {
            sums.tokens_in = add("a token count", sums.tokens_in, call.tokens_in)?;
            sums.tokens_out = add("a token count", sums.tokens_out, call.tokens_out)?;
            sums.cost = add_cost(sums.cost, call.cost)?;
            sums.cached += u64::from(call.attempts == 0 && call.error.is_none());
        }
        add("a token count", sums.tokens_in, sums.tokens_out)?;
        Ok(sums)
    }

    /// Adds them to a run's.
    pub(crate) fn charge(&self, totals: &mut Totals) -> Result<(), JournalError> {
        totals.calls = add("the run's number of calls", totals.calls, self.calls)?;
        totals.tokens_in = add("the run's token count", totals.tokens_in, self.tokens_in)?;
        totals.tokens_out = add("the run's token count", totals.tokens_out, self.tokens_out)?;
        totals.cost = add_cost(totals.cost, self.cost)?;
        Ok(())
    }
}

fn add(what: &'static str, a: u64, b: u64) -> Result<u64, JournalError> {
    let sum = a.checked_add(b).ok_or(JournalError::TooLarge { what })?;
    integer(what, sum).map(|_| sum)
}

fn add_cost(a: f64, b: f64) -> Result<f64, JournalError> {
    let sum = a + b;
    if sum.is_finite() { Ok(sum) } else { Err(JournalError::TooLarge { what: "the cost" }) }
}
