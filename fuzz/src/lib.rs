//! What reads model servers' replies is private to its crate: its files are built here once more, for the targets.

#[path = "../../crates/lm/src/reading/mod.rs"]
pub mod reading;
pub mod replies;

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
