//! An evaluator that is no Python file: a program of any language, which is run as a command.

use std::{io::Read as _, path::Path};

use crate::exit::quoted;

/// Bytes of a first line that are looked at.
const LINE: u64 = 256;

/// How such a program is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// What its first line says that it is run by, where it can't be run by itself.
    interpreter: Option<String>,
}

impl Script {
    /// `None` for a Python file, and for what can't be run.
    pub(crate) fn of(evaluator: &Path) -> Option<Self> {
        if !evaluator.is_file() || evaluator.extension().is_some_and(|ending| ending == "py") {
            return None;
        }
        if is_executable(evaluator) {
            return Some(Self { interpreter: None });
        }
        interpreter(evaluator).map(|interpreter| Self { interpreter: Some(interpreter) })
    }

    /// The command that evaluates a program, for a path below the folder that it runs in.
    pub(crate) fn command(&self, path: &str) -> String {
        let itself = quoted(&format!("./{path}"));
        match &self.interpreter {
            None => format!("{itself} {{program}}"),
            Some(interpreter) => format!("{interpreter} {itself} {{program}}"),
        }
    }
}

/// What the first line of a script says that it is run by.
fn interpreter(script: &Path) -> Option<String> {
    let mut begin = Vec::new();
    std::fs::File::open(script).ok()?.take(LINE).read_to_end(&mut begin).ok()?;
    let line = begin.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_program_of_any_language_is_a_command_and_a_python_file_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
            Script::of(&path).map(|script| script.command(name))
        };
        assert_eq!(file("score", "", 0o755).as_deref(), Some("./score {program}"));
        assert_eq!(file("my score.sh", "#!/bin/sh\n", 0o755).as_deref(), Some("'./my score.sh' {program}"));
        let script = file("plain.sh", "#!/usr/bin/env bash\necho 1\n", 0o644);
        assert_eq!(script.as_deref(), Some("/usr/bin/env bash ./plain.sh {program}"));
        assert_eq!(file("evaluator.py", "#!/usr/bin/env python3\n", 0o755), None);
        assert_eq!(file("notes.txt", "nothing\n", 0o644), None);
        assert_eq!(Script::of(folder.path()), None);
    }
}
