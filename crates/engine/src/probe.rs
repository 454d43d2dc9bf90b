//! The first candidate of a run, made before the run begins and recorded nowhere: whether its evaluator works, and how
//! long an evaluation takes.

use std::{sync::Arc, time::Instant};

use samara_qd::Tessellation;
use samara_search::{Ask, Ensemble, Outcome, Search, SearchSettings, Setup};

use crate::{EngineError, Environment, Tools, evaluations::Evaluations, life::Workshop};

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// As it would be told to the search.
    pub outcome: Outcome,
    /// Wall time, in seconds.
    pub seconds: f64,
}

/// Makes the candidate that a run with these settings begins with, for environments whose setup makes nothing.
///
/// # Errors
/// Whatever would stop a run: settings that contradict the cells, models or a sandbox that fail.
pub async fn probe(
    settings: SearchSettings,
    tessellation: Tessellation,
    environment: Arc<dyn Environment>,
    tools: Tools,
) -> Result<Probe, EngineError> {
    let duplicates = settings.duplicates;
    let proposers = (0..settings.islands.count).map(|_| environment.proposer(&[])).collect();
    let mut search = Search::new(Setup { settings, tessellation, ensemble: Ensemble::default(), proposers })?;
    let Ask::Ticket(ticket) = search.ask() else {
        return Err(EngineError::Internal("a search without a first candidate".to_owned()));
    };
    let workshop = Workshop {
        evaluator: environment.evaluator(),
        evaluator_digest: None,
        environment,
        evaluations: Evaluations::default(),
        tools,
        index: search.index().clone(),
        duplicates,
    };
    let started = Instant::now();
    let finished = workshop.make(*ticket).await.finished?;
    Ok(Probe { outcome: finished.outcome, seconds: started.elapsed().as_secs_f64() })
}
