//! What a shell is told when it completes a word.
//!
//! A completion script asks this binary, through a variable of its own, what may follow; so runs made a moment ago
//! are offered, and the script never grows old. What is offered for an argument is in `args/offers.rs`.

use std::{ffi::OsString, io::Error};

use clap::CommandFactory;
use clap_complete::{
    CompleteEnv, Shell,
    env::{EnvCompleter, Shells},
};

use crate::args::Args;

/// Set by completion scripts and by nobody else.
const VARIABLE: &str = "_SAMARA_COMPLETE";

/// Answers a shell's question and ends the process, if this is one.
pub(crate) fn answer() {
    CompleteEnv::with_factory(Args::command).var(VARIABLE).complete();
}

/// The same for arguments that are not the process's own; whether it was a question, and is answered.
pub(crate) fn is_answered(arguments: &[OsString]) -> bool {
    let here = std::env::current_dir().ok();
    let answers = CompleteEnv::with_factory(Args::command).var(VARIABLE);
    // What can't be completed has no completions: the shell is told nothing.
    answers.try_complete(arguments.iter().cloned(), here.as_deref()).unwrap_or(true)
}

/// A shell's script.
///
/// # Errors
/// A shell that there is no script for.
pub(crate) fn script(shell: Shell) -> Result<String, Error> {
    let shells = Shells::builtins();
    let shell = shell.to_string();
    let completer: &dyn EnvCompleter =
        shells.completer(&shell).ok_or_else(|| Error::other(format!("no completions for {shell}")))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "samara", "samara", "samara", &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}
