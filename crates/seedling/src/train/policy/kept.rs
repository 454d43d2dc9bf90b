//! A policy on disk: a model's folder in full precision; beside it the optimiser's moments and the model that was begun
//! with.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{PolicySettings, learner::Policy};
use crate::{
    Dtype, SeedlingError, Tokenizer, Weights, check_tokenizer,
    files::read_limited,
    train::{adam::Adam, checkpoint},
};

/// How far it has come; written last, so that a folder with it is complete.
const STATE: &str = "policy.json";
/// Moments and the model that was begun with.
const LISTS: &str = "policy.safetensors";
/// What the lists are called.
const NAMES: [&str; 3] = ["first", "second", "reference"];
/// Bytes that the state may have: settings and a number.
const MOST_STATE: u64 = 1 << 20;
const HINT: &str = "a folder that `samara rl` wrote holds one; start anew otherwise";

#[derive(Debug, Serialize, Deserialize)]
struct State {
    settings: PolicySettings,
    step: u64,
}

/// A checkpoint, read.
#[derive(Debug)]
pub(super) struct Kept {
    pub settings: PolicySettings,
    pub weights: Weights,
    pub tokenizer: Tokenizer,
    pub adam: Adam,
    pub reference: Vec<f32>,
}

/// Writes a checkpoint.
pub(super) fn write(folder: &Path, policy: &Policy) -> Result<(), SeedlingError> {
    checkpoint::write_model(folder, &policy.weights(), &policy.tokenizer, Dtype::F32)?;
    let lists = [&policy.adam.first[..], &policy.adam.second, &policy.reference];
    checkpoint::write_lists(folder, LISTS, NAMES.into_iter().zip(lists))?;
    let state = State { settings: policy.settings.clone(), step: policy.adam.step };
    checkpoint::write_json(folder, STATE, &state)
}

/// Reads a checkpoint.
pub(super) fn read(folder: &Path) -> Result<Kept, SeedlingError> {
    let unusable = |name: &str, what: String| SeedlingError::file(folder.join(name), what, HINT);
    let text = read_limited(&folder.join(STATE), MOST_STATE, HINT)?;
    let State { settings, step } = serde_json::from_slice(&text)
        .map_err(|error| unusable(STATE, format!("is no checkpoint: {error}")))?;
    settings.validate()?;
    let weights = Weights::read(folder)?;
    let tokenizer = Tokenizer::read(&folder.join(checkpoint::TOKENIZER))?;
    check_tokenizer(&tokenizer, &weights.config)?;
    let len = weights.parameters();
    let most = len as u64 * 4 * NAMES.len() as u64 + (1 << 20);
    let bytes = read_limited(&folder.join(LISTS), most, HINT)?;
    let lists = checkpoint::lists(&bytes, NAMES, len).map_err(|what| unusable(LISTS, what))?;
    let [first, second, reference] = lists;
    Ok(Kept { settings, weights, tokenizer, adam: Adam { first, second, step }, reference })
}
