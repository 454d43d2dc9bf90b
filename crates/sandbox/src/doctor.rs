//! Which tiers work on this machine: each is really started and runs a program.

use crate::error::SandboxError;
use crate::evaluator::{EvaluatorOptions, Evaluators};
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
    /// Whether evaluators can be run: the wall time from nothing to one that is ready, or why not.
    pub evaluators: Result<Duration, SandboxError>,
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
    /// The version of Landlock that holds programs as well; none in the tier `process`, or if the kernel has none.
    pub landlock: Option<u32>,
    /// What this tier leaves open on this kernel, beyond what no tier promises: a line each. SECURITY.md says how much
    /// can be learnt or told by it.
    pub open: Vec<&'static str>,
}

/// Tries every tier, and an evaluator, with the interpreter of these options.
pub fn examine(options: &SandboxOptions) -> Report {
    let tiers = Tier::ALL.into_iter().map(|tier| (tier, start(options, tier))).collect();
    Report { tiers, evaluators: start_evaluator(options) }
}

fn start_evaluator(options: &SandboxOptions) -> Result<Duration, SandboxError> {
    // It needs some folder of its own, and uses nothing of it.
    let evaluator = EvaluatorOptions::new("def evaluate(request): pass", "/usr");
    let begin = Instant::now();
    Evaluators::start(&EvaluatorOptions { python: options.python.clone(), slots: 1, ..evaluator })?;
    Ok(begin.elapsed())
}

fn start(options: &SandboxOptions, tier: Tier) -> Result<WorkingTier, SandboxError> {
    let options = SandboxOptions { tier: Some(tier), minimum: Tier::Process, servers: 1, ..options.clone() };
    let begin = Instant::now();
    match Sandbox::start(&options) {
        Ok(sandbox) => Ok(WorkingTier {
            isolation: sandbox.isolation(),
            interpreter: sandbox.interpreter().to_owned(),
            start: begin.elapsed(),
            landlock: if tier == Tier::Process { None } else { kernel::landlock() },
            open: kernel::open(&options, tier),
        }),
        // What this tier says, without the list of tiers around it.
        Err(SandboxError::Tier { mut tried, .. }) if tried.len() == 1 => Err(tried.remove(0).1),
        Err(error) => Err(error),
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use super::{SandboxOptions, Tier};
    use crate::access_times;
    use crate::plan;
    use crate::python::Python;

    /// Limits of threads are counted for each user namespace since this version.
    const COUNTS_FOR_NAMESPACES: (u32, u32) = (5, 14);

    pub(super) fn landlock() -> Option<u32> {
        plan::landlock().ok().flatten()
    }

    pub(super) fn open(options: &SandboxOptions, tier: Tier) -> Vec<&'static str> {
        let strict = || {
            let python = Python::find(options.python.as_deref(), options.numpy, false);
            python.is_ok_and(|python| access_times::written_always(&python))
        };
        let found = Found {
            landlock: landlock().is_some(),
            version: version(&rustix::system::uname().release().to_string_lossy()),
            strict_times: tier == Tier::Landlock && strict(),
        };
        found.open(tier)
    }

    /// What a tier depends on.
    #[derive(Debug, Clone, Copy)]
    struct Found {
        landlock: bool,
        version: (u32, u32),
        strict_times: bool,
    }

    impl Found {
        fn open(self, tier: Tier) -> Vec<&'static str> {
            let lines: &[(bool, &str)] = match tier {
                Tier::Jail => &[
                    (
                        !self.landlock,
                        "the kernel has no Landlock: namespaces and the list of system calls hold alone",
                    ),
                    (
                        self.version < COUNTS_FOR_NAMESPACES,
                        "before Linux 5.14, programs at the same time see how many threads the others have",
                    ),
                ],
                Tier::Landlock => &[
                    (true, "programs see which files the host has, with their sizes, owners and times"),
                    (true, "programs see which processes there are, and how many files and threads each has"),
                    (true, "programs at the same time see how many threads the others have"),
                    (
                        true,
                        "reading through a symbolic link of the host tells the next program so, once a day for each",
                    ),
                    (
                        self.strict_times,
                        "the library is mounted with strictatime: reading it tells the next program so",
                    ),
                ],
                Tier::Process => &[(true, "everything: it is for code that you trust")],
            };
            lines.iter().filter(|(open, _)| *open).map(|(_, line)| *line).collect()
        }
    }

    /// The first two numbers of a kernel's release; the oldest if it has none.
    fn version(release: &str) -> (u32, u32) {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_a_kernel_lacks_is_said_of_the_tier_that_needs_it() {
            let new = Found { landlock: true, version: (6, 12), strict_times: false };
            assert!(new.open(Tier::Jail).is_empty());
            assert_eq!(Found { landlock: false, ..new }.open(Tier::Jail).len(), 1);
            assert_eq!(Found { version: (5, 13), ..new }.open(Tier::Jail).len(), 1);
            let landlock = new.open(Tier::Landlock).len();
            assert_eq!(Found { strict_times: true, ..new }.open(Tier::Landlock).len(), landlock + 1);
        }

        #[test]
        fn releases_of_kernels_are_read() {
            assert_eq!(version("6.18.44-fc"), (6, 18));
            assert_eq!(version("5.14-rc1"), (5, 14));
            assert_eq!(version("strange"), (0, 0));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::{SandboxOptions, Tier};

    pub(super) fn landlock() -> Option<u32> {
        None
    }

    pub(super) fn open(_: &SandboxOptions, _: Tier) -> Vec<&'static str> {
        Vec::new()
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
                Ok(works) => {
                    let landlock =
                        works.landlock.map(|version| format!(" and Landlock {version}")).unwrap_or_default();
                    writeln!(f, "{tier:<9} works, with Python {}{landlock}", works.isolation.python)?;
                    works.open.iter().try_for_each(|line| writeln!(f, "          open: {line}"))?;
                }
                Err(error) => writeln!(
                    f,
                    "{tier:<9} does not work: {}",
                    error.to_string().replace('\n', "\n          ")
                )?,
            }
        }
        match &self.evaluators {
            Ok(_) => f.write_str("evaluators can be run\n")?,
            Err(error) => {
                writeln!(f, "evaluators can't be run: {}", error.to_string().replace('\n', "\n          "))?;
            }
        }
        match self.best() {
            Some(Tier::Process) | None => f.write_str("untrusted programs are refused here\n"),
            Some(tier) => writeln!(f, "untrusted programs run in the tier {tier}"),
        }
    }
}
