//! The model that comes with samara, inside the binary. `model/README.md` is its card.

use std::path::Path;

use crate::{Model, ModelConfig, SeedlingError, Tokenizer, Weights, check_tokenizer};

const CONFIG: &[u8] = include_bytes!("../model/config.json");
const WEIGHTS: &[u8] = include_bytes!("../model/model.safetensors");
const TOKENIZER: &[u8] = include_bytes!("../model/tokenizer.json");

/// The model, ready for inference, and its tokenizer.
///
/// # Errors
/// Only if the build has embedded damaged files.
pub fn model() -> Result<(Model, Tokenizer), SeedlingError> {
    let weights = weights()?;
    let tokenizer = Tokenizer::from_json(TOKENIZER, Path::new("tokenizer.json (built in)"))?;
    check_tokenizer(&tokenizer, &weights.config)?;
    Ok((Model::new(&weights), tokenizer))
}

/// The model's weights.
///
/// # Errors
/// Only if the build has embedded damaged files.
pub fn weights() -> Result<Weights, SeedlingError> {
    let origin = Path::new("model (built in)");
    Weights::from_bytes(ModelConfig::from_json(CONFIG, origin)?, WEIGHTS, origin)
}
