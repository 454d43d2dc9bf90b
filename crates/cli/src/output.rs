//! Files that commands write: whole or not at all, and never over a run.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use crate::{exit::Failure, logs};

/// Refuses to write a result over the run that it comes from, under whatever name.
pub(crate) fn refuse_run(path: &Path, journal: &Path) -> Result<(), Failure> {
    if samara_journal::same_file(path, journal) {
        let what = format!("{}: that is the run itself, which is never overwritten", path.display());
        return Err(Failure::usage(format!("{what}\nhint: choose another file")));
    }
    Ok(())
}

/// Writes a file beside its place and moves it there once it is whole, so that a full disk leaves no half file. What is
/// no regular file (a pipe, `/dev/stdout`) is written as it is.
pub(crate) fn write(
    path: &Path,
    work: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if logs::is_log(path) {
        return Err(Failure::usage(format!(
            "{}: that is the log\nhint: choose another file",
            path.display()
        )));
    }
    let cannot = |error: std::io::Error| cannot_write(path, &error);
    if path.exists() && !path.is_file() {
        if path.is_dir() {
            return Err(Failure::usage(format!(
                "{}: that is a folder\nhint: name a file in it",
                path.display()
            )));
        }
        let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(cannot)?;
        return work(&mut file);
    }
    // Through a link to the file it names: the link stays one.
    let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = beside(&place);
    let mut file = std::fs::File::create(&beside).map_err(cannot)?;
    let done = work(&mut file)
        .and_then(|()| file.flush().map_err(cannot))
        .and_then(|()| std::fs::rename(&beside, &place).map_err(cannot));
    if done.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    done
}

/// Writes a text.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    write(path, |file| file.write_all(text.as_bytes()).map_err(|error| cannot_write(path, &error)))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    path.with_file_name(name)
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind::{NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let hint = match error.kind() {
        NotFound => "\nhint: its folder does not exist",
        PermissionDenied | ReadOnlyFilesystem => "\nhint: choose a folder that you may write to",
        StorageFull | QuotaExceeded => {
            "\nhint: free some space, or choose another disk; nothing was left behind"
        }
        _ => "",
    };
    Failure::internal(format!("{} can't be written: {error}{hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_could_not_be_finished_leaves_the_old_one_and_no_half_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.csv");
        write_text(&path, "old").expect("written");
        let failed = write(&path, |file| {
            file.write_all(b"half").expect("written");
            Err(Failure::internal("full"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_missing_folder_is_said() {
        let failed = write_text(Path::new("/no/such/folder/x"), "").expect_err("no folder");
        assert!(failed.message.contains("its folder does not exist"), "{}", failed.message);
    }
}
