//! Checkpoints of trainings: a folder that is replaced as a whole, so that whenever the process is killed one is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::exit::Failure;

/// The checkpoint's name in the folder of a training.
pub(crate) const NOW: &str = "checkpoint";
/// The one before, while a new one takes its place.
const PREVIOUS: &str = "checkpoint.previous";
/// The one that is being written.
const NEXT: &str = "checkpoint.partial";

/// A disk that does not do what it should.
pub(crate) fn broken(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    let hint = "is there space, and may you write there?";
    Failure::internal(format!("{} can't be {what}: {error}\nhint: {hint}", path.display()))
}

/// Whether a folder holds a checkpoint, or one that was about to be replaced.
pub(crate) fn is_there(folder: &Path) -> bool {
    folder.join(NOW).exists() || folder.join(PREVIOUS).exists()
}

/// Writes a checkpoint by `fill`, and lets it take the place of the one before.
pub(crate) fn replace(folder: &Path, fill: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    let [now, previous, next] = [NOW, PREVIOUS, NEXT].map(|name| folder.join(name));
    discard(&next)?;
    fill(&next)?;
    if now.exists() {
        discard(&previous)?;
        fs::rename(&now, &previous).map_err(|error| broken(&now, "moved", &error))?;
    }
    fs::rename(&next, &now).map_err(|error| broken(&next, "moved", &error))?;
    discard(&previous)
}

/// The checkpoint of a folder, also one that was about to be replaced.
pub(crate) fn latest(folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let [now, previous] = [NOW, PREVIOUS].map(|name| folder.join(name));
    if !now.exists() && previous.exists() {
        fs::rename(&previous, &now).map_err(|error| broken(&previous, "moved", &error))?;
    }
    Ok(now.exists().then_some(now))
}

/// Writes a file so that it is there as a whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let partial = path.with_extension("partial");
    fs::write(&partial, text)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|error| broken(path, "written", &error))
}

/// Removes a folder that we made, if it is there.
fn discard(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(broken(path, "removed", &error)),
        _ => Ok(()),
    }
}
