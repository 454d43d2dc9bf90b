//! A key that can't be printed.

use std::fmt;

/// A secret text: `Debug` and `Display` show `***`, and it is not serialisable.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value of an environment variable, if it is set and not empty.
    pub fn from_environment(variable: &str) -> Option<Self> {
        std::env::var(variable)
            .ok()
            .filter(|value| !value.trim().is_empty())
            .map(|value| Self(value.trim().to_owned()))
    }

    /// A text of the settings that is sent where secrets are sent.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself, for the request header alone.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A text without the secret: servers like to quote keys in their errors.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::of("canary-123");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.redact("bad key canary-123!"), "bad key ***!");
    }
}
