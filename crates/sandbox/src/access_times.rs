//! When files were last read, which programs under Landlock can see of each other.
//!
//! Landlock governs reading, not the time of it that the kernel then writes, and `stat` shows that to everybody: one
//! program could read some files of the library, the next one see which. File systems are mounted with `relatime` as a
//! rule: a time is written only if it is older than the file's last change, or than a day. So the host reads every
//! visible file first, and reading it again tells nothing for a day. In a jail, mounts are read-only and no time changes.

use crate::plan;
use crate::python::Python;
use rustix::fs::{StatVfsMountFlags, statvfs};
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long times hold still; an hour less than a day, so that they do while programs run.
const STILL: Duration = Duration::from_secs(23 * 3600);
/// How often a host looks after them.
const EVERY: Duration = Duration::from_secs(3600);

/// Reads every file that programs under Landlock may read whose time the next reading would change. What can't be read
/// by the host can't be by a program.
pub(crate) fn settle(python: &Python) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_some_and(|last| last.elapsed() < EVERY) {
        return;
    }
    for (path, inside) in plan::readable(python) {
        read(&path, inside);
    }
    *last = Some(Instant::now());
}

fn read(path: &Path, inside: bool) {
    let Ok(seen) = std::fs::symlink_metadata(path) else { return };
    let changes = would_change(&seen, SystemTime::now());
    if seen.is_dir() {
        // Listing it is reading it.
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries {
            if inside {
                read(&entry.path(), true);
            }
        }
    } else if seen.is_symlink() {
        let _ = std::fs::read_link(path);
        std::fs::canonicalize(path).into_iter().for_each(|file| read(&file, false));
    } else if seen.is_file() && changes {
        let _ = std::fs::File::open(path).and_then(|mut file| file.read(&mut [0]));
    }
}

/// Whether reading a file of a mount with `relatime` would change its time.
fn would_change(seen: &Metadata, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let read = (seen.atime(), seen.atime_nsec());
    let stale = (seen.atime() as u64).saturating_add(STILL.as_secs()) < now.as_secs();
    stale || read <= (seen.mtime(), seen.mtime_nsec()) || read <= (seen.ctime(), seen.ctime_nsec())
}

/// Whether the library's file system writes a time at every reading (`strictatime`), so that none holds still.
pub(crate) fn written_always(python: &Python) -> bool {
    let quiet = StatVfsMountFlags::NOATIME | StatVfsMountFlags::RELATIME | StatVfsMountFlags::RDONLY;
    statvfs(&python.stdlib).is_ok_and(|found| !found.f_flag.intersects(quiet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_changes_if_the_file_was_changed_since_or_a_day_has_gone_by() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let now = SystemTime::now();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        let later = now + Duration::from_secs(60);
        let times = |read| std::fs::FileTimes::new().set_accessed(read).set_modified(now);
        file.set_times(times(later)).unwrap();
        let seen = || std::fs::metadata(&path).unwrap();
        assert!(!would_change(&seen(), later));
        assert!(would_change(&seen(), later + Duration::from_secs(24 * 3600)));
        file.set_times(times(now - Duration::from_secs(60))).unwrap();
        assert!(would_change(&seen(), now));
    }
}
