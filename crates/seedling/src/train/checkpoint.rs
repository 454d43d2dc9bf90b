//! A training on disk: a model's folder in full precision, with the optimiser's moments beside it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use safetensors::{SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::{Dtype, SeedlingError, Tokenizer, Weights, check_tokenizer, files::read_limited};

use super::{adam::Adam, settings::TrainSettings};

/// The optimiser's file.
const MOMENTS: &str = "moments.safetensors";
/// The state's file; written last, so that a folder with it is complete.
const STATE: &str = "training.json";
/// The tokenizer's file.
pub(super) const TOKENIZER: &str = "tokenizer.json";

/// How far a training has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// What decides the weights.
    pub settings: TrainSettings,
    /// The next document.
    pub next: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// Steps taken.
    pub step: u64,
}

/// A checkpoint, read.
#[derive(Debug)]
pub struct Saved {
    /// The weights.
    pub weights: Weights,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The moments.
    pub adam: Adam,
    /// How far the training has come.
    pub state: TrainingState,
}

fn failed(path: PathBuf, what: impl std::fmt::Display) -> SeedlingError {
    SeedlingError::file(path, what.to_string(), "check the free space and the folder's permissions")
}

/// Writes a file so that it is there as a whole or not at all.
fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), SeedlingError> {
    let (path, partial) = (folder.join(name), folder.join(format!("{name}.partial")));
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, &path))
        .map_err(|error| failed(path, format!("can't be written: {error}")))
}

/// Writes a model: its shape, weights and tokenizer.
///
/// # Errors
/// A folder that can't be written.
pub fn write_model(
    folder: &Path,
    weights: &Weights,
    tokenizer: &Tokenizer,
    dtype: Dtype,
) -> Result<(), SeedlingError> {
    std::fs::create_dir_all(folder)
        .map_err(|error| failed(folder.to_owned(), format!("can't be made: {error}")))?;
    weights.write(folder, dtype)?;
    write_file(folder, TOKENIZER, tokenizer.to_json().as_bytes())
}

/// Writes a checkpoint.
///
/// # Errors
/// A folder that can't be written.
pub fn write(
    folder: &Path,
    weights: &Weights,
    tokenizer: &Tokenizer,
    adam: &Adam,
    state: &TrainingState,
) -> Result<(), SeedlingError> {
    write_model(folder, weights, tokenizer, Dtype::F32)?;
    write_lists(folder, MOMENTS, [("first", &adam.first[..]), ("second", &adam.second)])?;
    write_json(folder, STATE, state)
}

/// Writes lists of numbers by their names.
pub(super) fn write_lists<'a>(
    folder: &Path,
    name: &str,
    lists: impl IntoIterator<Item = (&'static str, &'a [f32])>,
) -> Result<(), SeedlingError> {
    let bytes = |list: &[f32]| list.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let lists: Vec<(&str, usize, Vec<u8>)> =
        lists.into_iter().map(|(name, list)| (name, list.len(), bytes(list))).collect();
    let unfit = |error| failed(folder.join(name), error);
    let tensors = lists
        .iter()
        .map(|(name, len, data)| Ok((*name, TensorView::new(safetensors::Dtype::F32, vec![*len], data)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unfit)?;
    let bytes = safetensors::serialize(tensors, None).map_err(unfit)?;
    write_file(folder, name, &bytes)
}

/// Writes a value as JSON.
pub(super) fn write_json(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), SeedlingError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| failed(folder.join(name), error))?;
    write_file(folder, name, text.as_bytes())
}

/// Reads a checkpoint.
///
/// # Errors
/// A folder without one, or with files that don't belong together.
pub fn read(folder: &Path) -> Result<Saved, SeedlingError> {
    let hint = "a folder that `samara model train` wrote holds one; start a new training otherwise";
    let unusable = |name: &str, what: String| SeedlingError::file(folder.join(name), what, hint);
    let text = read_limited(&folder.join(STATE), MOST_STATE, hint)?;
    let state: TrainingState = serde_json::from_slice(&text)
        .map_err(|error| unusable(STATE, format!("is no checkpoint: {error}")))?;
    let weights = Weights::read(folder)?;
    let tokenizer = Tokenizer::read(&folder.join(TOKENIZER))?;
    check_tokenizer(&tokenizer, &weights.config)?;
    let bytes = read_limited(&folder.join(MOMENTS), most_moments(weights.parameters()), hint)?;
    let adam = moments(&bytes, state.step, weights.parameters()).map_err(|what| unusable(MOMENTS, what))?;
    Ok(Saved { weights, tokenizer, adam, state })
}

/// Bytes that the state of a training may have: settings and a few numbers.
const MOST_STATE: u64 = 1 << 20;

/// Bytes that the moments of so many weights may have: two numbers of four bytes each, and a header.
fn most_moments(parameters: usize) -> u64 {
    parameters as u64 * 8 + (1 << 20)
}

fn moments(bytes: &[u8], step: u64, len: usize) -> Result<Adam, String> {
    let [first, second] = lists(bytes, ["first", "second"], len)?;
    Ok(Adam { first, second, step })
}

/// The lists of these names, each of `len` finite numbers.
pub(super) fn lists<const N: usize>(
    bytes: &[u8],
    names: [&str; N],
    len: usize,
) -> Result<[Vec<f32>; N], String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| format!("is damaged: {error}"))?;
    let by_name: HashMap<String, TensorView<'_>> = tensors.tensors().into_iter().collect();
    let list = |name: &str| {
        let view = by_name.get(name).ok_or_else(|| format!("holds no `{name}`"))?;
        if view.shape() != [len] || view.dtype() != safetensors::Dtype::F32 {
            return Err(format!("`{name}` has the shape {:?}, not [{len}]", view.shape()));
        }
        let (numbers, _) = view.data().as_chunks::<4>();
        let list: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let finite = list.iter().all(|x| x.is_finite());
        if finite { Ok(list) } else { Err(format!("`{name}` holds numbers that are not finite")) }
    };
    let mut found = [const { Vec::new() }; N];
    for (place, name) in found.iter_mut().zip(names) {
        *place = list(name)?;
    }
    Ok(found)
}
