//! Which tiers work on this machine: each is really started and runs a program.

use crate::error::SandboxError;
use crate::options::SandboxOptions;
use crate::sandbox::Sandbox;
use crate::tier::Tier;
use crate::verdict::Isolation;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What was found about every tier, strongest first.
#[derive(Debug)]
pub struct Report {
    /// The tiers, each with what it gives or why it does not work.
    pub tiers: Vec<(Tier, Result<WorkingTier, SandboxError>)>,
}

/// A tier that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingTier {
    /// The isolation it gives.
    pub isolation: Isolation,
    /// The interpreter that runs programs.
    pub interpreter: PathBuf,
    /// Wall time from nothing to a fork server that has run a program.
    pub start: Duration,
}

/// Tries every tier with the interpreter of these options.
pub fn examine(options: &SandboxOptions) -> Report {
    Report { tiers: Tier::ALL.into_iter().map(|tier| (tier, start(options, tier))).collect() }
}

fn start(options: &SandboxOptions, tier: Tier) -> Result<WorkingTier, SandboxError> {
    let options = SandboxOptions { tier: Some(tier), minimum: Tier::Process, servers: 1, ..options.clone() };
    let begin = Instant::now();
    match Sandbox::start(&options) {
        Ok(sandbox) => Ok(WorkingTier {
            isolation: sandbox.isolation(),
            interpreter: sandbox.interpreter().to_owned(),
            start: begin.elapsed(),
        }),
        // What this tier says, without the list of tiers around it.
        Err(SandboxError::Tier { mut tried, .. }) if tried.len() == 1 => Err(tried.remove(0).1),
        Err(error) => Err(error),
    }
}

impl Report {
    /// The strongest tier that works.
    pub fn best(&self) -> Option<Tier> {
        self.tiers.iter().find(|(_, found)| found.is_ok()).map(|(tier, _)| *tier)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (tier, found) in &self.tiers {
            match found {
                Ok(works) => writeln!(f, "{tier:<9} works, with Python {}", works.isolation.python)?,
                Err(error) => writeln!(
                    f,
                    "{tier:<9} does not work: {}",
                    error.to_string().replace('\n', "\n          ")
                )?,
            }
        }
        match self.best() {
            Some(Tier::Process) | None => f.write_str("untrusted programs are refused here\n"),
            Some(tier) => writeln!(f, "untrusted programs run in the tier {tier}"),
        }
    }
}
