//! Which tiers work on this machine: each is really started and runs a program.

use crate::error::SandboxError;
use crate::sandbox::{Sandbox, Settings};
use crate::tier::Tier;
use crate::verdict::Isolation;
use std::fmt;

/// What was found out about every tier, strongest first.
#[derive(Debug)]
pub struct Report {
    /// The tiers, each with the isolation it gives or why it does not work.
    pub tiers: Vec<(Tier, Result<Isolation, SandboxError>)>,
}

/// Tries every tier with these settings' interpreter.
pub fn examine(settings: &Settings) -> Report {
    let start = |tier| {
        let settings = Settings { tier: Some(tier), minimum: Tier::Process, servers: 1, ..settings.clone() };
        // What a single tier says, without the frame of a choice among tiers.
        let started = Sandbox::start(&settings).map(|sandbox| sandbox.isolation());
        (
            tier,
            started.map_err(|error| match error {
                SandboxError::Tier { mut tried, .. } if tried.len() == 1 => tried.remove(0).1,
                other => other,
            }),
        )
    };
    Report { tiers: Tier::ALL.into_iter().map(start).collect() }
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
                Ok(isolation) => writeln!(f, "{tier:<9} works, with Python {}", isolation.python)?,
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
