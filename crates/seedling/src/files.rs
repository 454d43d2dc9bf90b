//! Files of models: opened without waiting, read within limits, written whole or not at all.
//!
//! A model's folder may be anybody's: a name in it can be a FIFO, a device, or a file of any length.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    path::{Path, PathBuf},
};

use crate::SeedlingError;

/// Opens a file for reading, and gives its length in bytes. A FIFO, a device or a folder is refused, and none of them
/// is waited for.
///
/// # Errors
/// If the file can't be opened or isn't a regular one; `hint` is what to do then.
pub(crate) fn open_regular(path: &Path, hint: &str) -> Result<(File, u64), SeedlingError> {
    let unreadable = |error: std::io::Error| unreadable(path, &error, hint);
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SeedlingError::file(path, "not a regular file", hint));
    }
    Ok((file, metadata.len()))
}

pub(crate) fn unreadable(path: &Path, error: &std::io::Error, hint: &str) -> SeedlingError {
    SeedlingError::file(path, format!("can't be read: {error}"), hint)
}

/// Reads a file of at most `limit` bytes. Memory for all of it is reserved before any is touched.
pub(crate) fn read_limited(path: &Path, limit: u64, hint: &str) -> Result<Vec<u8>, SeedlingError> {
    let (file, length) = open_regular(path, hint)?;
    let oversized = |size: u64| {
        SeedlingError::file(path, format!("oversized: {size} bytes, where at most {limit} are read"), hint)
    };
    if length > limit {
        return Err(oversized(length));
    }
    let mut bytes = reserved(path, length)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error, hint))?;
    if bytes.len() as u64 > limit {
        return Err(oversized(bytes.len() as u64));
    }
    Ok(bytes)
}

/// An empty list with room for `length` bytes of a file.
///
/// # Errors
/// If there isn't that much memory.
pub(crate) fn reserved(path: &Path, length: u64) -> Result<Vec<u8>, SeedlingError> {
    let mut bytes = Vec::new();
    match usize::try_from(length).map(|length| bytes.try_reserve_exact(length)) {
        Ok(Ok(())) => Ok(bytes),
        _ => Err(SeedlingError::file(
            path,
            format!("there is no memory for {length} bytes of it"),
            "use a smaller model, or a machine with more memory",
        )),
    }
}

/// Writes a file whole or not at all: under another name first, then renamed.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), SeedlingError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path)).map_err(|error| {
        SeedlingError::file(
            path,
            format!("can't be written: {error}"),
            "check the folder's permissions and free space",
        )
    })
}
