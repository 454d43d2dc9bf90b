//! The interpreter of an evaluator: found, and asked once where its files and packages are.

use crate::error::SandboxError;
use crate::python;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An interpreter with its packages, as the host has them.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Interpreter {
    /// In a virtual environment: the environment's.
    pub(crate) executable: PathBuf,
    version: (u32, u32),
    /// Folders and files of the interpreter and of all that it can import, as they are named and as they are.
    pub(crate) places: Vec<PathBuf>,
    /// The folder of packages of this user, if it has any.
    pub(crate) user_base: Option<PathBuf>,
}

const PROBE: &str = include_str!("probe.py");
const OLDEST: (u32, u32) = (3, 9);

impl Interpreter {
    /// The one given (an interpreter or a virtual environment), or the first on PATH that works.
    ///
    /// # Errors
    /// If there is none, with what was wrong with each.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self, SandboxError> {
        let mut wrong = Vec::new();
        for candidate in python::candidates(given) {
            match Self::ask(&candidate) {
                Ok(interpreter) => return Ok(interpreter),
                Err(why) => wrong.push(format!("{}: {why}", candidate.display())),
            }
        }
        let nothing = || "there is no python3 on PATH".to_owned();
        Err(SandboxError::Python(if wrong.is_empty() { nothing() } else { wrong.join("; ") }))
    }

    fn ask(interpreter: &Path) -> Result<Self, String> {
        // A name alone is looked up on PATH.
        let absolute = std::path::absolute(interpreter).map_err(|error| error.to_string())?;
        let interpreter = if interpreter.components().count() > 1 { &absolute } else { interpreter };
        let mut command = Command::new(interpreter);
        let output = command.args(["-E", "-c", PROBE]).current_dir("/").stdin(Stdio::null()).output();
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("it failed: {}", said.lines().last().unwrap_or_default()));
        }
        let found: Self = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("its answer is not JSON: {error}"))?;
        let (major, minor) = found.version;
        if found.version < OLDEST {
            return Err(format!("it is Python {major}.{minor}, 3.9 is needed"));
        }
        Ok(found)
    }
}
