//! What can go wrong: a closed set, each with what failed and a hint.

use std::{fmt, path::PathBuf};

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedlingError {
    /// A file of a model can't be used: missing, truncated, too large, of the wrong shape, of another format, with
    /// numbers that are not finite.
    File {
        /// The file, or the folder that lacks it.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A setting that can't be used: its name, what is wrong, and what to do.
    Setting {
        /// The setting.
        name: String,
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A request that the model can't serve, such as a prompt longer than its context.
    Request {
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// Training went wrong: a loss that is not finite.
    Training {
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
}

impl SeedlingError {
    /// An error about a file.
    pub fn file(path: impl Into<PathBuf>, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::File { path: path.into(), what: what.into(), hint: hint.into() }
    }

    /// An error about a setting.
    pub fn setting(name: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Setting { name: name.into(), what: what.into(), hint: hint.into() }
    }

    /// An error about a request.
    pub fn request(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Request { what: what.into(), hint: hint.into() }
    }
}

impl fmt::Display for SeedlingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, what, hint } => write!(f, "{}: {what}\nhint: {hint}", path.display()),
            Self::Setting { name, what, hint } => write!(f, "`{name}`: {what}\nhint: {hint}"),
            Self::Request { what, hint } | Self::Training { what, hint } => write!(f, "{what}\nhint: {hint}"),
        }
    }
}

impl std::error::Error for SeedlingError {}
