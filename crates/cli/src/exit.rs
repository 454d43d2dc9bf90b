//! Exit codes, and how a failure becomes one.

use std::{fmt, io::Write, process::ExitCode};

use samara_engine::EngineError;
use samara_journal::JournalError;
use samara_lm::{ErrorKind, LmError};
use samara_sandbox::SandboxError;
use samara_search::{FoldError, Invalid};
use samara_seedling::SeedlingError;

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
            EngineError::Journal(_) | EngineError::Fold(_) | EngineError::Internal(_) => Exit::Internal,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let exit = match &error {
            SandboxError::Setting(_) | SandboxError::Job(_) => Exit::Usage,
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

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::internal(format!("the output can't be written: {error}"))
    }
}

/// A text that can't command the terminal: servers, models and settings write parts of what is printed. Lines stay
/// lines and a tab becomes blanks; what else controls (C0, DEL, C1) or reorders what is read (bidirectional marks,
/// separators of lines and paragraphs) is replaced.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' => printable.push('\n'),
            '\t' => printable.push_str("    "),
            c => printable.push(if commands(c) { '\u{fffd}' } else { c }),
        }
    }
    printable
}

/// A text that can't command the terminal, on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if commands(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether a character tells a terminal or a page to do something instead of being shown.
fn commands(c: char) -> bool {
    let reorders =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || reorders || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Says what went wrong on stderr. Nobody is left to tell if that fails.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "error: {}", printable(message));
}

/// A remark on stderr.
pub(crate) fn remark(message: &str) {
    let _ = writeln!(std::io::stderr(), "{}", printable(message));
}

/// Prints a result to stdout. A reader that went away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_that_commands_a_terminal_is_printed() {
        for c in ('\0'..=char::MAX).filter(|c| c.is_control()) {
            let text = printable(&c.to_string());
            let expected = match c {
                '\n' => "\n",
                '\t' => "    ",
                _ => "\u{fffd}",
            };
            assert_eq!(text, expected, "{c:?}");
            assert_eq!(one_line(&c.to_string()), "\u{fffd}", "{c:?}");
        }
        // Title, clear, colour by an escape sequence and by a C1 control, and every kind of bidirectional control.
        let hostile =
            "\x1b]0;pwned\x07\x1b[2J\u{9b}31m\u{202e}a\u{2066}b\u{2069}c\u{200f}d\u{61c}e\u{2028}f\x7f";
        assert_eq!(printable(hostile), "�]0;pwned��[2J�31m�a�b�c�d�e�f�");
        assert_eq!(one_line(hostile), printable(hostile));
    }

    #[test]
    fn texts_of_every_script_are_printed_as_they_are() {
        let text = "naïve 日本語 עברית नमस्ते 👩‍🔬\nline\n";
        assert_eq!(printable(text), text);
        assert_eq!(printable("a\r\nb\tc"), "a\nb    c");
    }
}
