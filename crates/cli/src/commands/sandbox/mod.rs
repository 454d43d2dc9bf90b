//! `samara sandbox`: running untrusted programs, one module a command.

mod doctor;
mod isolation;
mod report;
mod run;
mod serve;

use crate::{
    args::sandbox::SandboxCommand,
    exit::{Exit, Failure},
};

pub(crate) fn sandbox(command: &SandboxCommand) -> Result<Exit, Failure> {
    match command {
        SandboxCommand::Run(run) => run::run(run),
        SandboxCommand::Serve(serve) => serve::serve(serve),
        SandboxCommand::Doctor(doctor) => doctor::doctor(doctor),
    }
}
