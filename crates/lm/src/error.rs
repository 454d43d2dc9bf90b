//! What can go wrong with a model, in kinds that callers tell apart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::reading::faults::Fault;

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The settings, a script or an environment variable can't be used.
    Configuration,
    /// No connection could be made.
    Unreachable,
    /// The server refuses us or does not know the model (401, 403, 404).
    Refused,
    /// The server was still overloaded or failing after the last retry (429, 5xx, resets).
    Overloaded,
    /// No answer in time.
    Timeout,
    /// The answer is not what was asked for: broken, too large, or with values that are not numbers.
    Malformed,
    /// The server considers the request invalid.
    Invalid,
    /// The model can't do this.
    Unsupported,
    /// The model used up its tokens on thinking and answered nothing.
    OnlyThoughts,
    /// The run's budget does not allow the call.
    Budget,
    /// The recording that is replayed does not contain the request.
    Missing,
    /// The cache or the recording can't be read or written.
    Storage,
}

impl ErrorKind {
    /// One word for logs, as recordings have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::OnlyThoughts => "only_thoughts",
            Self::Budget => "budget",
            Self::Missing => "missing",
            Self::Storage => "storage",
        }
    }
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}{}{}", attempts_note(.attempts), hint_line(.hint.as_deref()))]
pub struct LmError {
    /// Its kind.
    pub kind: ErrorKind,
    /// What failed, in one line without secrets.
    pub message: String,
    /// What to do, if something can be done.
    pub hint: Option<String>,
    /// Attempts made.
    pub attempts: u32,
}

impl LmError {
    /// A failure without attempts.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, attempts: 0 }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Why one attempt failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[error("{message}")]
pub(crate) struct AttemptError {
    pub kind: ErrorKind,
    pub message: String,
    /// Whether another attempt may succeed.
    pub retryable: bool,
    /// The HTTP status that the server refused with.
    pub status: Option<u16>,
    /// How long the server asks us to wait.
    pub retry_after: Option<Duration>,
    /// Whether the server was overloaded, so that fewer attempts should be in flight.
    pub overloaded: bool,
    /// What to do, if that follows from this failure rather than from its kind.
    pub hint: Option<String>,
    /// What the server complains about, if it answered. It matters where the attempt is made alone.
    #[serde(skip)]
    pub complaint: Option<Box<Fault>>,
}

impl AttemptError {
    /// A failure that another attempt would repeat.
    pub(crate) fn permanent(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retryable: false,
            status: None,
            retry_after: None,
            overloaded: false,
            hint: None,
            complaint: None,
        }
    }

    /// A failure that another attempt may not meet.
    pub(crate) fn transient(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::permanent(kind, message) }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A model that thought until its tokens were used up; how many these were, if that is known.
    pub(crate) fn only_thoughts(tokens: Option<u64>) -> Self {
        let all = tokens.map_or("its tokens".to_owned(), |tokens| format!("all {tokens} tokens"));
        let message = format!("the model used up {all} on thinking and answered nothing");
        Self::permanent(ErrorKind::OnlyThoughts, message)
    }

    /// An answer that is not what was asked for.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::transient(ErrorKind::Malformed, message)
    }
}

/// A model's setting that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {problem}{}", hint_line(Some(.hint)))]
pub struct InvalidSetting {
    /// The setting's key in a `[models.ROLE]` section.
    pub key: &'static str,
    /// What is wrong with it, to be read after the key, such as "is out of range".
    pub problem: String,
    /// What to write instead.
    pub hint: &'static str,
}

impl From<InvalidSetting> for LmError {
    fn from(invalid: InvalidSetting) -> Self {
        let InvalidSetting { key, problem, hint } = invalid;
        Self::new(ErrorKind::Configuration, format!("`{key}` {problem}")).hint(hint)
    }
}

fn attempts_note(attempts: &u32) -> String {
    if *attempts > 1 { format!(" (after {attempts} attempts)") } else { String::new() }
}

fn hint_line(hint: Option<&str>) -> String {
    hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_attempts_and_its_hint_and_is_read_back_from_a_recording() {
        let once = LmError { attempts: 1, ..LmError::new(ErrorKind::Timeout, "no answer in time") };
        assert_eq!(once.to_string(), "no answer in time");
        let often = LmError { attempts: 3, ..once }.hint("try again later");
        assert_eq!(often.to_string(), "no answer in time (after 3 attempts)\nhint: try again later");
        let stored =
            r#"{"kind":"timeout","message":"no answer in time","hint":"try again later","attempts":3}"#;
        assert_eq!(serde_json::from_str::<LmError>(stored).expect("format 1"), often);
        assert_eq!(serde_json::to_string(&often).expect("JSON"), stored);
    }
}
