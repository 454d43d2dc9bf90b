//! `samara sandbox`: running programs that nobody has to trust, one module a command.

mod args;
mod doctor;
mod report;
mod run;
mod serve;

use samara_sandbox::{Sandbox, Settings, Tier};

use crate::exit::{Exit, Failure};
use args::{Interpreter, Isolating};

pub(crate) use args::SandboxCommand;

pub(crate) fn sandbox(command: &SandboxCommand) -> Result<Exit, Failure> {
    match command {
        SandboxCommand::Run(run) => run::run(run),
        SandboxCommand::Serve(serve) => serve::serve(serve),
        SandboxCommand::Doctor(doctor) => doctor::doctor(doctor),
    }
}

impl Interpreter {
    /// The settings of a sandbox of one fork server with this interpreter.
    fn settings(&self) -> Result<Settings, Failure> {
        if let Some(python) = self.python.as_deref().filter(|python| !python.exists()) {
            return Err(Failure::usage(format!(
                "--python {}: there is no such file or folder\nhint: name an interpreter or a virtual environment",
                python.display()
            )));
        }
        Ok(Settings { python: self.python.clone(), numpy: !self.no_numpy, servers: 1, ..Settings::default() })
    }
}

impl Isolating {
    /// The settings of a sandbox of one fork server. A tier that isolates nothing takes a word that it is wanted.
    fn settings(&self) -> Result<Settings, Failure> {
        let settings = self.interpreter.settings()?;
        match self.tier {
            Some(Tier::Process) if !self.trust_code => Err(Failure::usage(
                "the tier process isolates nothing: a program could do all that you can\nhint: if you trust this code, \
                 say so with --trust-code; `samara sandbox doctor` says how to get isolation",
            )),
            // No other tier is tried: the message must not speak of one.
            Some(tier) => Ok(Settings { tier: Some(tier), minimum: tier, ..settings }),
            None => Ok(settings),
        }
    }

    /// Starts a sandbox of so many fork servers.
    fn start(&self, servers: usize) -> Result<Sandbox, Failure> {
        Ok(Sandbox::start(&Settings { servers, ..self.settings()? })?)
    }
}
