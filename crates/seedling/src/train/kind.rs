//! What a model's folder says of what the model has learnt to write: a file beside the weights, so that whoever opens the
//! folder knows where its texts end and what it can't be asked.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{checkpoint, settings::Corpus};
use crate::{SeedlingError, files::read_limited};

/// The file's name.
const FILE: &str = "samara.json";
/// Bytes that it may have.
const MOST: u64 = 1 << 16;

#[derive(Debug, Serialize, Deserialize)]
struct Kind {
    corpus: Corpus,
}

/// Writes of which corpus a folder's model is.
///
/// # Errors
/// A folder that can't be written.
pub fn write(folder: &Path, corpus: Corpus) -> Result<(), SeedlingError> {
    checkpoint::write_json(folder, FILE, &Kind { corpus })
}

/// Of which corpus a folder's model is; `None` for a folder that does not say, such as one of somebody else's model.
///
/// # Errors
/// A file that is damaged.
pub fn read(folder: &Path) -> Result<Option<Corpus>, SeedlingError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let hint = "samara wrote it beside the weights: {\"corpus\": \"walkers\"} or another corpus";
    let bytes = read_limited(&path, MOST, hint)?;
    let kind: Kind = serde_json::from_slice(&bytes)
        .map_err(|error| SeedlingError::file(path, format!("is damaged: {error}"), hint))?;
    Ok(Some(kind.corpus))
}
