//! A worker's cache: files by their digests, and the folders that tasks are evaluated in.
//!
//! Every file is checked before it is used. Several workers may share a cache: what is put there appears whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Task, TaskFile, task::digest_of};

/// A folder that keeps what workers have fetched.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in a folder, which is made.
    ///
    /// # Errors
    /// It can't be made.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = std::path::absolute(folder.into())?;
        fs::create_dir_all(folder.join("files"))?;
        fs::create_dir_all(folder.join("tasks"))?;
        Ok(Self { folder })
    }

    /// A file's bytes, if they are there as they should be.
    pub(crate) fn get(&self, file: &TaskFile) -> Option<Vec<u8>> {
        intact(&self.file(&file.digest), file)
    }

    /// Keeps a file.
    ///
    /// # Errors
    /// It is not what its digest says, or can't be written.
    pub(crate) fn put(&self, file: &TaskFile, bytes: &[u8]) -> Result<(), String> {
        if digest_of(bytes) != file.digest {
            return Err(format!("{} is not the file of its digest", file.path));
        }
        let to = self.file(&file.digest);
        let beside = self.unique("files");
        let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, &to));
        written.map_err(|error| format!("{} can't be written: {error}", to.display()))
    }

    /// The folder of a task, with all of its files in it as they should be.
    ///
    /// # Errors
    /// A file is missing from the cache, or the folder can't be written.
    pub(crate) fn lay_out(&self, task: &Task) -> Result<PathBuf, String> {
        let to = self.folder.join("tasks").join(task.digest());
        let whole =
            |folder: &Path| task.files.iter().all(|file| intact(&folder.join(&file.path), file).is_some());
        if to.is_dir() && whole(&to) {
            return Ok(to);
        }
        let beside = self.unique("tasks");
        let failed = |error: io::Error| format!("{} can't be written: {error}", beside.display());
        fs::create_dir_all(&beside).map_err(failed)?;
        for file in &task.files {
            let bytes = self.get(file).ok_or_else(|| format!("{} is not in the cache", file.path))?;
            write(&beside.join(&file.path), &bytes, file.executable).map_err(failed)?;
        }
        if fs::rename(&beside, &to).is_ok() {
            return Ok(to);
        }
        // Another worker was faster, or what is there is damaged.
        if whole(&to) {
            let _ = fs::remove_dir_all(&beside);
            return Ok(to);
        }
        Ok(beside)
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.folder.join("files").join(digest)
    }

    /// A name that nobody else uses.
    fn unique(&self, within: &str) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let name = format!("new-{}-{}-{number}", std::process::id(), since.as_nanos());
        self.folder.join(within).join(name)
    }
}

fn intact(path: &Path, file: &TaskFile) -> Option<Vec<u8>> {
    let size = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    let bytes = if size == file.bytes { fs::read(path).ok()? } else { return None };
    (digest_of(&bytes) == file.digest).then_some(bytes)
}

fn write(path: &Path, bytes: &[u8], executable: bool) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)?;
    #[cfg(unix)]
    if executable {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    #[cfg(not(unix))]
    let _ = executable;
    Ok(())
}
