//! What reads model servers' replies and what resolves settings is private to its crate: its files are built here once
//! more, for the targets.

#[path = "../../crates/cli/src/config.rs"]
mod config;
#[path = "../../crates/cli/src/exit.rs"]
mod exit;
pub mod journals;
#[path = "../../crates/lm/src/reading/mod.rs"]
pub mod reading;
pub mod replies;
#[path = "../../crates/cli/src/roles.rs"]
mod roles;
pub mod settings;

/// The one type that the readers know of their crate, with what they use of it.
pub mod secret {
    /// A key.
    pub struct Secret(pub String);

    impl Secret {
        pub(crate) fn reveal(&self) -> &str {
            &self.0
        }
    }
}
