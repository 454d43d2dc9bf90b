//! The sandbox of other systems than Linux: it never starts, but what uses it can be built.

use crate::error::SandboxError;
use crate::job::Job;
use crate::options::SandboxOptions;
use crate::tier::Tier;
use crate::verdict::{Isolation, Verdict};
use std::path::Path;

/// Runs untrusted programs on Linux; on this system it never starts.
#[derive(Debug)]
pub enum Sandbox {}

impl Sandbox {
    /// Never starts here.
    ///
    /// # Errors
    /// Always [`SandboxError::NotLinux`].
    pub fn start(_options: &SandboxOptions) -> Result<Self, SandboxError> {
        Err(SandboxError::NotLinux)
    }

    /// The tier that programs run in.
    pub fn tier(&self) -> Tier {
        match *self {}
    }

    /// The isolation that programs run in.
    pub fn isolation(&self) -> Isolation {
        match *self {}
    }

    /// The interpreter that runs programs, as the host sees it.
    pub fn interpreter(&self) -> &Path {
        match *self {}
    }

    /// Process numbers of the fork servers.
    pub fn servers(&self) -> Vec<u32> {
        match *self {}
    }

    /// Runs a program.
    ///
    /// # Errors
    /// None: no sandbox has started that it could be called on.
    pub fn run(&self, _job: &Job) -> Result<Verdict, SandboxError> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_does_not_start_and_says_that_linux_is_needed() {
        let error = Sandbox::start(&SandboxOptions::default()).unwrap_err();
        assert!(error.to_string().contains("on Linux only\nhint: "), "{error}");
    }
}
