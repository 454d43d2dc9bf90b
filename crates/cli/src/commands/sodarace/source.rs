//! Where a walker comes from: a JSON file, a program that the sandbox runs, or a seed that comes with samara.

use std::path::Path;

use samara_environments::{inputs::MAX_BYTES, sodarace};
use samara_lm::files;
use samara_sandbox::{Ending, Job, Limits, Sandbox, SandboxOptions};
use samara_sodarace::Walker;

use crate::exit::Failure;

/// Reads walkers; starts a sandbox when the first program is to be run.
#[derive(Default)]
pub(super) struct Source {
    sandbox: Option<Sandbox>,
}

/// A walker, or why what was read is none.
pub(super) type Read = Result<Walker, String>;

impl Source {
    /// The walker of a file, or of a seed's name.
    ///
    /// # Errors
    /// If there is no such file, or no sandbox for a program.
    pub(super) fn walker(&mut self, file: &Path) -> Result<Read, Failure> {
        let name = file.display().to_string();
        if !file.exists()
            && let Some(program) = sodarace::seed(&name)
        {
            return self.program(program.program);
        }
        let text = files::read_text(file, MAX_BYTES).map_err(|error| {
            let seeds = sodarace::SEEDS.map(|seed| seed.name).join(", ");
            Failure::usage(format!(
                "{name} can't be read: {error}\nhint: name a JSON file, a Python program or one of the seeds {seeds}"
            ))
        })?;
        if file.extension().is_some_and(|extension| extension == "py") {
            return self.program(&text);
        }
        Ok(serde_json::from_str(&text).map_err(|error| {
            format!(
                "not a walker: {error}\nhint: a walker is {{\"joints\": [[x, y], ...], \"muscles\": [[i, j, \
                 {{\"type\", \"amplitude\", \"phase\"}}], ...]}}; a program's name ends with .py"
            )
        }))
    }

    /// The walker that a program makes.
    ///
    /// # Errors
    /// If there is no sandbox.
    pub(super) fn program(&mut self, text: &str) -> Result<Read, Failure> {
        let sandbox = match &self.sandbox {
            Some(sandbox) => sandbox,
            None => self
                .sandbox
                .insert(Sandbox::start(&SandboxOptions { servers: 1, ..SandboxOptions::default() })?),
        };
        let limits = Limits { wall: std::time::Duration::from_secs(30), ..Limits::default() };
        let job = Job { limits, prelude: sodarace::preamble(), ..Job::new(text, sodarace::ENTRY) };
        Ok(match sandbox.run(&job)?.ending {
            Ending::Ok { value } => sodarace::walker(&value),
            Ending::Syntax { message } => Err(format!("the program does not compile: {message}")),
            Ending::Exception { kind, message } => Err(format!("the program raised {kind}: {message}")),
            other => Err(format!("the program ended with the verdict {}", other.name())),
        })
    }
}
