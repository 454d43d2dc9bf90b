//! The models that come with samara, inside the binary: one for texts, one for walker programs.
//!
//! `model/README.md` and `model-walkers/README.md` are their cards.

use std::path::Path;

use crate::{Model, ModelConfig, SeedlingError, Tokenizer, Weights, check_tokenizer, train::Corpus};

/// The files of a model's folder.
struct Files {
    config: &'static [u8],
    weights: &'static [u8],
    tokenizer: &'static [u8],
}

// Statics, since a constant is copied into every codegen unit that names it, with its megabytes.
static TEXTS: Files = Files {
    config: include_bytes!("../model/config.json"),
    weights: include_bytes!("../model/model.safetensors"),
    tokenizer: include_bytes!("../model/tokenizer.json"),
};

static WALKERS: Files = Files {
    config: include_bytes!("../model-walkers/config.json"),
    weights: include_bytes!("../model-walkers/model.safetensors"),
    tokenizer: include_bytes!("../model-walkers/tokenizer.json"),
};

fn shipped(corpus: Corpus) -> Result<&'static Files, SeedlingError> {
    match corpus {
        Corpus::Texts => Ok(&TEXTS),
        Corpus::Walkers => Ok(&WALKERS),
        Corpus::Written => Err(SeedlingError::setting(
            "corpus",
            "`written` has no shipped model yet",
            "train one, or use `texts`",
        )),
    }
}

/// The bytes of everything that decides the answers of a corpus' model, to tell one model from another.
///
/// # Errors
/// A corpus without a shipped model.
pub fn files(corpus: Corpus) -> Result<[&'static [u8]; 3], SeedlingError> {
    let Files { config, weights, tokenizer } = shipped(corpus)?;
    Ok([config, weights, tokenizer])
}

/// The model of a corpus, ready for inference, and its tokenizer.
///
/// # Errors
/// A corpus without a shipped model, or a build that has embedded damaged files.
pub fn model(corpus: Corpus) -> Result<(Model, Tokenizer), SeedlingError> {
    let weights = weights(corpus)?;
    let tokenizer = tokenizer(corpus)?;
    check_tokenizer(&tokenizer, &weights.config)?;
    Ok((Model::new(&weights), tokenizer))
}

/// The tokenizer of a corpus' model.
///
/// # Errors
/// A corpus without a shipped model, or a build that has embedded damaged files.
pub fn tokenizer(corpus: Corpus) -> Result<Tokenizer, SeedlingError> {
    Tokenizer::from_json(shipped(corpus)?.tokenizer, Path::new("tokenizer.json (built in)"))
}

/// The weights of a corpus' model.
///
/// # Errors
/// A corpus without a shipped model, or a build that has embedded damaged files.
pub fn weights(corpus: Corpus) -> Result<Weights, SeedlingError> {
    let (files, origin) = (shipped(corpus)?, Path::new("model (built in)"));
    Weights::from_bytes(ModelConfig::from_json(files.config, origin)?, files.weights, origin)
}
