//! What a writer writes for a condition.

use std::sync::Arc;

use samara_search::Genome;
use samara_seedling::{
    Engine, EngineSettings, Model, Penalties, Reply, Request, Sampling, Tokenizer, Weights,
    train::policy::{Rollout, conditions::token},
    walkers::format::{HEADER, STOP},
};

use crate::exit::Failure;

/// Tokens of a program at most, as the experiment `sodarace` has it.
const MOST_TOKENS: usize = 320;

/// The prompt for a program for a condition.
pub(super) fn prompt(condition: &str) -> String {
    token(condition) + HEADER
}

/// A program, and how it was written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub prompt: String,
    /// What followed the prompt.
    pub completion: String,
    pub program: Arc<Genome>,
    pub rollout: Rollout,
    pub seed: u64,
}

/// Weights that write.
pub(super) fn start(weights: &Weights, tokenizer: &Tokenizer, threads: usize) -> Engine {
    let settings = EngineSettings { threads, ..EngineSettings::default() };
    Engine::start(Arc::new(Model::new(weights)), Arc::new(tokenizer.clone()), settings)
}

/// The program of a completion.
pub(super) fn program(completion: &str) -> String {
    format!("{HEADER}{}\n", completion.trim_end())
}

/// Asks for a program for each condition and seed, in their order.
///
/// # Errors
/// A model that can't take the prompt.
pub(super) fn written(
    engine: &Engine,
    asked: impl IntoIterator<Item = (String, u64)>,
    temperature: f64,
) -> Result<Vec<Written>, Failure> {
    let asked: Vec<(String, u64)> = asked.into_iter().collect();
    let request = |(prompt, seed): &(String, u64)| {
        let sampling = Sampling {
            max_tokens: MOST_TOKENS,
            temperature,
            top_p: 1.0,
            stop: STOP.map(str::to_owned).to_vec(),
            seed: *seed,
            penalties: Penalties::default(),
        };
        Request::Complete { prompt: prompt.as_str().into(), sampling }
    };
    let replies = engine.ask_all(asked.iter().map(request).collect());
    let mut written = Vec::with_capacity(asked.len());
    for (reply, (prompt, seed)) in replies.into_iter().zip(asked) {
        let Reply::Text { text, drawn, .. } = reply? else {
            return Err(Failure::internal("a completion was asked for, and something else came"));
        };
        let tokenizer = engine.tokenizer();
        let tokens = tokenizer.bos().into_iter().chain(tokenizer.encode(&prompt)).collect();
        written.push(Written {
            program: Arc::new(Genome::text_of(program(&text))),
            rollout: Rollout { prompt: tokens, written: drawn },
            completion: text,
            prompt,
            seed,
        });
    }
    Ok(written)
}
