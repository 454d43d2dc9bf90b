//! The sandbox that the arguments ask for.

use samara_sandbox::{Sandbox, SandboxOptions, Tier};

use crate::{
    args::sandbox::{Interpreter, Isolating},
    exit::Failure,
};

impl Interpreter {
    /// The settings of a sandbox of one fork server with this interpreter.
    pub(super) fn settings(&self) -> Result<SandboxOptions, Failure> {
        if let Some(python) = self.python.as_deref().filter(|python| !python.exists()) {
            return Err(Failure::usage(format!(
                "--python {}: there is no such file or folder\nhint: name an interpreter or a virtual environment",
                python.display()
            )));
        }
        Ok(SandboxOptions {
            python: self.python.clone(),
            numpy: !self.no_numpy,
            servers: 1,
            ..SandboxOptions::default()
        })
    }
}

impl Isolating {
    /// The settings of a sandbox of one fork server. A tier that isolates nothing takes a word that it is wanted.
    fn settings(&self) -> Result<SandboxOptions, Failure> {
        let settings = self.interpreter.settings()?;
        match self.tier {
            Some(Tier::Process) if !self.trust_code => Err(Failure::usage(
                "the tier process isolates nothing: a program could do all that you can\nhint: if you trust this code, \
                 say so with --trust-code; `samara sandbox doctor` says how to get isolation",
            )),
            // No other tier is tried: the message must not speak of one.
            Some(tier) => Ok(SandboxOptions { tier: Some(tier), minimum: tier, ..settings }),
            None => Ok(settings),
        }
    }

    /// Starts a sandbox of so many fork servers.
    pub(super) fn start(&self, servers: usize) -> Result<Sandbox, Failure> {
        Ok(Sandbox::start(&SandboxOptions { servers, ..self.settings()? })?)
    }

    /// The same for an HTTP server, which must answer while programs spin: they stand back behind it.
    pub(super) fn start_behind_server(&self, servers: usize) -> Result<Sandbox, Failure> {
        Ok(Sandbox::start(&SandboxOptions { servers, niceness: 10, ..self.settings()? })?)
    }
}
