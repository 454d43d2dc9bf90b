//! Exit codes, and how a failure becomes one.

use std::{fmt, io::Write, process::ExitCode};

use samara_engine::EngineError;
use samara_journal::JournalError;
use samara_lm::{ErrorKind, LmError};
use samara_sandbox::SandboxError;
use samara_search::{FoldError, Invalid, commanding::escaped};
use samara_seedling::SeedlingError;
use samara_view::picture::OtherAxes;
use serde::Serialize;

pub(crate) use samara_search::commanding::{one_line, printable};

/// What the process says at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Ok = 0,
    /// Something broke: a journal, a disk, samara itself.
    Internal = 1,
    /// The arguments or the settings can't be used; nothing was written.
    Usage = 2,
    /// A model is unreachable, refuses, or fails again and again.
    Model = 3,
    /// The sandbox can't give the wanted isolation.
    Sandbox = 4,
    /// The budget was spent before a first elite.
    Budget = 5,
    /// Interrupted; the journal, or the training's checkpoint, is intact.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A message for a person, and the code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Internal, message: message.to_string() }
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::usage(invalid)
    }
}

impl From<FoldError> for Failure {
    fn from(error: FoldError) -> Self {
        Self::internal(EngineError::Fold(error))
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::internal(error)
    }
}

fn exit_of(kind: ErrorKind) -> Exit {
    match kind {
        ErrorKind::Configuration => Exit::Usage,
        ErrorKind::Storage => Exit::Internal,
        _ => Exit::Model,
    }
}

impl From<LmError> for Failure {
    fn from(error: LmError) -> Self {
        Self { exit: exit_of(error.kind), message: error.to_string() }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match &error {
            EngineError::Settings(_) => Exit::Usage,
            EngineError::Model { error, .. } => exit_of(error.kind),
            EngineError::Failures { .. } => Exit::Model,
            EngineError::Sandbox(_) => Exit::Sandbox,
            EngineError::Workers(_)
            | EngineError::Journal(_)
            | EngineError::Fold(_)
            | EngineError::Internal(_) => Exit::Internal,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let exit = match &error {
            SandboxError::Setting(_) | SandboxError::Job(_) | SandboxError::Harness(_) => Exit::Usage,
            _ => Exit::Sandbox,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<SeedlingError> for Failure {
    fn from(error: SeedlingError) -> Self {
        let exit = match &error {
            SeedlingError::Setting { .. } => Exit::Usage,
            SeedlingError::Request { .. } => Exit::Model,
            SeedlingError::File { .. } | SeedlingError::Training { .. } => Exit::Internal,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<OtherAxes> for Failure {
    fn from(error: OtherAxes) -> Self {
        Self::internal(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::internal(format!("the output can't be written: {error}"))
    }
}

/// A path as a shell reads it: between quotes where it holds more than letters, digits and the marks of plain paths.
pub(crate) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@,%{}".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// Says what went wrong on stderr. Nobody is left to tell if that fails.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "error: {}", shortened(message));
}

/// A remark on stderr.
pub(crate) fn remark(message: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shortened(message));
}

/// Characters of a line of a message at most: it may quote a line of somebody's file.
const LONGEST_LINE: usize = 2000;

/// A message that can't command the terminal and has no line without end.
fn shortened(message: &str) -> String {
    let cut = |line: &str| match line.char_indices().nth(LONGEST_LINE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    };
    printable(message).split('\n').map(cut).collect::<Vec<_>>().join("\n")
}

/// Prints a result to stdout, without what commands a terminal: whoever wrote a part of it can't.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_drawn(&printable(text))
}

/// Asks a person at the terminal; what they say, without the blanks around it. Empty at the end of the input.
pub(crate) fn ask(question: &str) -> Result<String, Failure> {
    let mut out = std::io::stderr();
    write!(out, "{} ", printable(question))?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Prints a value to stdout as a line of JSON, in which no character commands a terminal.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print_drawn(&(json(value) + "\n"))
}

/// A value as JSON in which no character commands a terminal or an editor.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Plain numbers, lists and texts: there is nothing that JSON can't hold.
    escaped(&serde_json::to_string(value).unwrap_or_default()).into_owned()
}

/// Prints what is made of samara's own parts, colours and tabs included, to stdout: texts of others in it have been
/// through `printable` or `one_line`. A reader that went away (`| head`) is no failure.
pub(crate) fn print_drawn(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
