//! Digests of files: two models with the same files are the same model, wherever these are.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use samara_seedling::files;
use sha2::{Digest as _, Sha256};

use crate::error::{ErrorKind, LmError};

/// The digest of a folder's files with one of these endings, in the order of their names.
pub(crate) fn digest_of_folder(folder: &Path, endings: &[&str]) -> Result<String, LmError> {
    let unreadable = |error: std::io::Error| unreadable(folder, &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let relevant = path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known));
        if relevant && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    digest_of_files(&files)
}

/// The digest of files in the given order.
pub(crate) fn digest_of_files(files: &[PathBuf]) -> Result<String, LmError> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    for path in files {
        let (mut file, _) = files::open(path).map_err(|error| unreadable(path, &error))?;
        let mut length = 0_u64;
        loop {
            let read = file.read(&mut chunk).map_err(|error| unreadable(path, &error))?;
            if read == 0 {
                break;
            }
            length += read as u64;
            hasher.update(&chunk[..read]);
        }
        hasher.update(length.to_le_bytes());
    }
    Ok(hex(hasher))
}

/// The digest of files that are in memory.
pub(crate) fn digest_of_bytes(files: [&[u8]; 3]) -> String {
    hex(files.iter().fold(Sha256::new(), |hasher, file| {
        hasher.chain_update((file.len() as u64).to_le_bytes()).chain_update(file)
    }))
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unreadable(path: &Path, error: &std::io::Error) -> LmError {
    LmError::new(ErrorKind::Configuration, format!("{} can't be read: {error}", path.display()))
}
