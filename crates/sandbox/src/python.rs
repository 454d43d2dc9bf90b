//! Finding an interpreter, and asking it once which of its files a program needs.

use crate::error::SandboxError;
use rustix::fs::{AtFlags, CWD, statat};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// An interpreter, and which of its files a program needs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Python {
    pub(crate) executable: PathBuf,
    pub(crate) version: (u32, u32),
    pub(crate) prefix: PathBuf,
    pub(crate) stdlib: PathBuf,
    /// Shared libraries as the linker found them.
    pub(crate) libraries: Vec<PathBuf>,
    /// Paths that it tells of itself: where it was installed, as it was named then, and built.
    #[serde(default)]
    pub(crate) built_in: Vec<PathBuf>,
    /// Directories of numpy; empty without it.
    pub(crate) packages: Vec<PathBuf>,
    /// The fork server, compiled by this interpreter and marshalled, in hexadecimal.
    server: String,
}

pub(crate) const SERVER: &str = include_str!("server.py");
const PROBE: &str = include_str!("probe.py");
const OLDEST: (u32, u32) = (3, 9);

impl Python {
    /// The first interpreter that can be used: the one given (an interpreter or a virtual environment), or those on
    /// PATH. With `by_others`, only one that other users can read.
    ///
    /// # Errors
    /// If there is none, with what was wrong with each.
    pub(crate) fn find(given: Option<&Path>, numpy: bool, by_others: bool) -> Result<Self, SandboxError> {
        let mut wrong = Vec::new();
        for candidate in candidates(given) {
            match Self::probe(&candidate, numpy) {
                Ok(python) if by_others && !python.all_readable() => wrong.push(format!(
                    "{} can be read by root only, and programs don't run as root",
                    python.executable.display()
                )),
                Ok(python) => return Ok(python),
                Err(why) => wrong.push(format!("{}: {why}", candidate.display())),
            }
        }
        let nothing = || "there is no python3 on PATH".to_owned();
        Err(SandboxError::Python(if wrong.is_empty() { nothing() } else { wrong.join("; ") }))
    }

    /// The fork server's code, as `marshal` of this interpreter reads it. A server that compiled it from text would keep
    /// the memory that this took, and every child would pay for it when it is forked and when it ends.
    pub(crate) fn server_code(&self) -> Vec<u8> {
        let digits = self.server.as_bytes().chunks_exact(2);
        let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
        digits.map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
    }

    fn all_readable(&self) -> bool {
        [&self.executable, &self.stdlib]
            .into_iter()
            .chain(&self.packages)
            .all(|path| readable_by_others(path))
    }

    fn probe(interpreter: &Path, numpy: bool) -> Result<Self, String> {
        static KNOWN: Mutex<Option<HashMap<(PathBuf, bool), Python>>> = Mutex::new(None);
        let key = (interpreter.to_owned(), numpy);
        let known =
            KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().get(&key).cloned();
        if let Some(python) = known {
            return Ok(python);
        }
        let python = Self::ask(interpreter, numpy)?;
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_default().insert(key, python.clone());
        Ok(python)
    }

    fn ask(interpreter: &Path, numpy: bool) -> Result<Self, String> {
        let mut command = Command::new(interpreter);
        command.args(["-s", "-E", "-c", PROBE, SERVER]).args(numpy.then_some("numpy")).stdin(Stdio::null());
        // numpy's libraries start a thread per CPU otherwise.
        let output = command.env("OPENBLAS_NUM_THREADS", "1").output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("it failed: {}", said.lines().last().unwrap_or_default()));
        }
        let python: Self = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("its answer is not JSON: {error}"))?;
        let (major, minor) = python.version;
        if python.version < OLDEST {
            Err(format!("it is Python {major}.{minor}, 3.9 is needed"))
        } else {
            Ok(python)
        }
    }
}

/// The interpreters to try: the one given (an interpreter or a virtual environment), or those on PATH.
pub(crate) fn candidates(given: Option<&Path>) -> Vec<PathBuf> {
    if let Some(given) = given {
        let inside = given.join("bin/python3");
        return vec![if inside.is_file() { inside } else { given.to_owned() }];
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path)
        .flat_map(|directory| ["python3", "python"].map(|name| directory.join(name)));
    all.filter(|file| file.is_file()).collect()
}

/// Whether other users may reach and read this path: asked for when the host is root and programs are not.
fn readable_by_others(path: &Path) -> bool {
    let mode = |path: &Path| statat(CWD, path, AtFlags::empty()).map_or(0, |stat| stat.st_mode);
    path.ancestors().skip(1).all(|parent| mode(parent) & 0o001 != 0) && mode(path) & 0o004 != 0
}
