//! Files of others: opened without waiting, read within limits, written whole or not at all.
//!
//! Whatever a setting, a model's folder or a stranger's run names can be a FIFO, a device, or a file of any length. This
//! is the one reader for all of them: of models here, of scripts, certificates and settings in the crates above.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use crate::SeedlingError;

/// Opens a regular file (or a link to one) for reading, and gives its length in bytes. Nothing is waited for.
///
/// # Errors
/// If the file can't be opened; of the kind [`ErrorKind::InvalidInput`] if it is a FIFO, a device or a folder.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok((file, metadata.len()))
}

/// Reads a regular file of at most `limit` bytes. Memory for all of it is reserved before any is touched; what a file
/// hides from its length is counted while it is read.
///
/// # Errors
/// Those of [`open`]; of the kind [`ErrorKind::FileTooLarge`] if it is larger, of [`ErrorKind::OutOfMemory`] if there is
/// no memory for it.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, length) = open(path)?;
    let oversized = |size: u64| {
        let what = format!("oversized: {size} bytes, where at most {limit} are read");
        io::Error::new(ErrorKind::FileTooLarge, what)
    };
    if length > limit {
        return Err(oversized(length));
    }
    let mut bytes = reserved(length)?;
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(oversized(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Reads a text as [`read`] does. A byte-order mark is no part of it.
///
/// # Errors
/// Those of [`read`]; of the kind [`ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, limit)?)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// As [`open`]; `hint` is what to do if that fails.
pub(crate) fn open_regular(path: &Path, hint: &str) -> Result<(File, u64), SeedlingError> {
    open(path).map_err(|error| unreadable(path, &error, hint))
}

/// As [`read`]; `hint` is what to do if that fails.
pub(crate) fn read_limited(path: &Path, limit: u64, hint: &str) -> Result<Vec<u8>, SeedlingError> {
    read(path, limit).map_err(|error| unreadable(path, &error, hint))
}

pub(crate) fn unreadable(path: &Path, error: &io::Error, hint: &str) -> SeedlingError {
    match error.kind() {
        // What is wrong with the file itself says so.
        ErrorKind::InvalidInput | ErrorKind::FileTooLarge if error.raw_os_error().is_none() => {
            SeedlingError::file(path, error.to_string(), hint)
        }
        ErrorKind::OutOfMemory => {
            SeedlingError::file(path, error.to_string(), "use a smaller model, or a machine with more memory")
        }
        _ => SeedlingError::file(path, format!("can't be read: {error}"), hint),
    }
}

/// An empty list with room for `length` bytes of a file.
///
/// # Errors
/// If there isn't that much memory.
pub(crate) fn reserved(length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match usize::try_from(length).map(|length| bytes.try_reserve_exact(length)) {
        Ok(Ok(())) => Ok(bytes),
        _ => {
            let what = format!("there is no memory for {length} bytes of it");
            Err(io::Error::new(ErrorKind::OutOfMemory, what))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_within_its_limit_is_read_without_its_byte_order_mark_and_any_other_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert_eq!(read_text(&place("a", "\u{feff}five\n".as_bytes()), 8).unwrap(), "five\n");
        let kind = |path: &Path, limit| read_text(path, limit).unwrap_err().kind();
        assert_eq!(kind(&place("b", b"four\n"), 4), ErrorKind::FileTooLarge);
        assert_eq!(kind(&place("c", b"\xff"), 4), ErrorKind::InvalidData);
        assert_eq!(kind(&folder.path().join("none"), 4), ErrorKind::NotFound);
        assert_eq!(kind(folder.path(), 4), ErrorKind::InvalidInput);
        let sparse = place("d", b"");
        File::options().write(true).open(&sparse).unwrap().set_len(10 << 30).unwrap();
        assert_eq!(kind(&sparse, 1 << 20), ErrorKind::FileTooLarge);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_links_to_them_and_files_that_hide_their_length_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert_eq!(read(&link, 1 << 20).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read(Path::new("/dev/zero"), 1 << 20).unwrap_err().kind(), ErrorKind::InvalidInput);
        // Its length is said to be 0.
        assert_eq!(read(Path::new("/proc/self/status"), 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
