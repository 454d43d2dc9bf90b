//! A finetuning on disk: a model's folder in full precision; beside it the optimiser's moments, the best weights, and how
//! far it has come.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    TuneSettings,
    tuner::{Position, Tuner},
};
use crate::{
    Dtype, SeedlingError, Tokenizer, Weights, check_tokenizer,
    files::read_limited,
    train::{adam::Adam, checkpoint},
};

/// How far it has come; written last, so that a folder with it is complete.
const STATE: &str = "tuning.json";
/// Moments and best weights.
const LISTS: &str = "tuning.safetensors";
/// What the lists are called.
const NAMES: [&str; 3] = ["first", "second", "best"];
/// Bytes that the state may have: settings and a few numbers.
const MOST_STATE: u64 = 1 << 20;
const HINT: &str = "a folder that `samara finetune` wrote holds one; start anew otherwise";

#[derive(Debug, Serialize, Deserialize)]
struct State {
    settings: TuneSettings,
    position: Position,
}

/// A checkpoint, read.
#[derive(Debug)]
pub(super) struct Kept {
    pub settings: TuneSettings,
    pub weights: Weights,
    pub tokenizer: Tokenizer,
    pub adam: Adam,
    pub best: Vec<f32>,
    pub position: Position,
}

/// Writes a checkpoint.
pub(super) fn write(folder: &Path, tuner: &Tuner) -> Result<(), SeedlingError> {
    checkpoint::write_model(folder, &tuner.weights(), &tuner.tokenizer, Dtype::F32)?;
    let lists = [&tuner.adam.first[..], &tuner.adam.second, &tuner.best];
    checkpoint::write_lists(folder, LISTS, NAMES.into_iter().zip(lists))?;
    let state = State { settings: tuner.settings.clone(), position: tuner.position.clone() };
    checkpoint::write_json(folder, STATE, &state)
}

/// Reads a checkpoint.
pub(super) fn read(folder: &Path) -> Result<Kept, SeedlingError> {
    let unusable = |name: &str, what: String| SeedlingError::file(folder.join(name), what, HINT);
    let text = read_limited(&folder.join(STATE), MOST_STATE, HINT)?;
    let State { settings, position } = serde_json::from_slice(&text)
        .map_err(|error| unusable(STATE, format!("is no checkpoint: {error}")))?;
    settings.validate()?;
    let weights = Weights::read(folder)?;
    let tokenizer = Tokenizer::read(&folder.join(checkpoint::TOKENIZER))?;
    check_tokenizer(&tokenizer, &weights.config)?;
    let len = weights.parameters();
    let most = len as u64 * 4 * NAMES.len() as u64 + (1 << 20);
    let bytes = read_limited(&folder.join(LISTS), most, HINT)?;
    let lists = checkpoint::lists(&bytes, NAMES, len).map_err(|what| unusable(LISTS, what))?;
    let [first, second, best] = lists;
    let adam = Adam { first, second, step: position.step };
    Ok(Kept { settings, weights, tokenizer, adam, best, position })
}
