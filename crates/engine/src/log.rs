//! What an operator can read in a log about a search: its start, what becomes of candidates, its end.
//!
//! Errors are logged by their kind; their text is logged at `debug`, since a server's words may quote a prompt.

use std::time::Duration;

use samara_journal::{Life, Live};
use samara_search::{Candidate, Migration, Order, Search};
use tracing::{debug, error, info};

use crate::{Ending, EngineError};

/// The journal was folded, and candidates are about to be made.
pub(crate) fn started(search: &Search) {
    let settings = search.settings();
    let (settled, total) = (search.settled(), settings.total_steps);
    let (seed, concurrency, islands) = (settings.seed, settings.concurrency, settings.islands.count);
    let message = if settled == 0 { "search started" } else { "search resumed" };
    info!(settled, total, seed, concurrency, islands, "{message}");
}

/// A candidate is in the journal.
pub(crate) fn settled(candidate: &Candidate, life: &Life) {
    debug!(
        index = candidate.index,
        island = candidate.island,
        operator = candidate.operator.as_str(),
        fate = candidate.fate.name(),
        objective = candidate.objective(),
        cell = candidate.cell,
        calls = candidate.charge.calls,
        tokens = candidate.charge.tokens,
        live_ms = life.live_ms.round(),
        "settled"
    );
}

/// Islands exchanged elites after so many candidates.
pub(crate) fn migration(after: u64, migration: &Migration) {
    info!(after, moves = migration.moves.len(), "migration");
}

/// Somebody asked something of the run. The text of a note is a person's own.
pub(crate) fn ordered(after: u64, live: &Live) {
    let told = if matches!(live.order, Order::Note(_)) { "note".to_owned() } else { live.order.told() };
    info!(after, first = live.first, told, "asked while the run went on");
}

/// No further candidate starts.
pub(crate) fn closing(ending: Ending, alive: usize) {
    info!(ending = ending.name(), alive, "no further candidate starts");
}

/// The session is over.
pub(crate) fn ended(
    result: &Result<Ending, EngineError>,
    settled: u64,
    resumed_from: u64,
    elapsed: Duration,
) {
    let (session, seconds) = (settled - resumed_from, elapsed.as_secs_f64());
    match result {
        Ok(ending) => info!(ending = ending.name(), settled, session, seconds, "search ended"),
        Err(stop) => {
            error!(why = stop.kind(), settled, session, seconds, "search stopped");
            debug!(message = stop.to_string(), "why the search stopped");
        }
    }
}
