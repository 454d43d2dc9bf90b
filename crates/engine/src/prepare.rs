//! An environment's setup: what is made once, before candidate 0.

use std::time::Instant;

use samara_journal::ModelCall;

use crate::{Abort, Context, EngineError, Environment, Tools};

/// What a setup made. Recorded in a journal that is new ([`samara_journal::Journal::set_up`]), it is not made again.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// The initial prompt pool.
    pub texts: Vec<String>,
    /// The calls that made it.
    pub calls: Vec<ModelCall>,
    /// Wall time, in seconds.
    pub seconds: f64,
}

/// Sets an environment up for a run with this seed.
///
/// # Errors
/// Whatever keeps a run from beginning: models or a sandbox that fail, an evaluator that has no score for the program
/// that a search begins with.
pub async fn prepare(
    environment: &dyn Environment,
    tools: Tools,
    seed: u64,
) -> Result<Prepared, EngineError> {
    let started = Instant::now();
    let mut context = Context::setup(tools, seed);
    let texts = environment.set_up(&mut context).await.map_err(|abort| match abort {
        Abort::Run(error) => error,
        Abort::Invalid(reason) | Abort::Failed(reason) => {
            EngineError::Failures { count: 1, last: format!("in the setup, {}", reason.why) }
        }
    })?;
    Ok(Prepared { texts, calls: context.into_calls(), seconds: started.elapsed().as_secs_f64() })
}
