//! What can go wrong: a closed set, each with what failed and a hint.

use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedlingError {
    /// A file of a model can't be used: missing, truncated, too large, of the wrong shape, of another format, with
    /// numbers that are not finite.
    #[error("{}: {what}\nhint: {hint}", path.display())]
    File {
        /// The file, or the folder that lacks it.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A setting that can't be used: its name, what is wrong, and what to do.
    #[error("`{name}`: {what}\nhint: {hint}")]
    Setting {
        /// The setting.
        name: String,
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A request that the model can't serve, such as a prompt longer than its context.
    #[error("{what}\nhint: {hint}")]
    Request {
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// Training went wrong: a loss that is not finite.
    #[error("{what}\nhint: {hint}")]
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
