//! Which tiers work on this machine: each is really started and runs a program.

use crate::error::SandboxError;
use crate::sandbox::{Sandbox, Settings};
use crate::tier::Tier;
use crate::verdict::Isolation;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What was found out about every tier, strongest first.
#[derive(Debug)]
pub struct Report {
    /// The tiers, each with what it gives or why it does not work.
    pub tiers: Vec<(Tier, Result<Works, SandboxError>)>,
}

/// A tier that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Works {
    /// The isolation it gives.
    pub isolation: Isolation,
    /// The interpreter that runs programs.
    pub interpreter: PathBuf,
    /// Wall time from nothing to a fork server that has run a program.
    pub start: Duration,
}

/// Tries every tier with these settings' interpreter.
pub fn examine(settings: &Settings) -> Report {
    Report { tiers: Tier::ALL.into_iter().map(|tier| (tier, start(settings, tier))).collect() }
}

fn start(settings: &Settings, tier: Tier) -> Result<Works, SandboxError> {
    let settings = Settings { tier: Some(tier), minimum: Tier::Process, servers: 1, ..settings.clone() };
    let begin = Instant::now();
    match Sandbox::start(&settings) {
        Ok(sandbox) => Ok(Works {
            isolation: sandbox.isolation(),
            interpreter: sandbox.interpreter().to_owned(),
            start: begin.elapsed(),
        }),
        // What a single tier says, without the frame of a choice among tiers.
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
