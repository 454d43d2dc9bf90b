//! What tests of several crates share, and tests of the workspace as a whole. Never published.
//!
//! A published crate reaches no file outside its own folder. A test that needs one asks here, and is left out of the
//! package.

#![expect(clippy::unwrap_used, reason = "what a test can't have fails it")]

#[cfg(unix)]
pub mod real_servers;
pub mod server;
pub mod tiers;

use std::path::{Path, PathBuf};

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The text of a file, by its path from the workspace's folder.
///
/// # Panics
/// If it can't be read as text.
pub fn workspace_file(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
