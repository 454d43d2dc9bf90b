//! Why a sandbox can't start or take a job. What a program does is a verdict, never one of these.

use crate::tier::Tier;
use rustix::io::Errno;
use std::fmt;

/// What the sandbox can't do, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SandboxError {
    /// A step of confining the fork server failed.
    Step(Step, Errno),
    /// Landlock can't be used.
    Landlock(String),
    /// No interpreter can be used.
    Python(String),
    /// The fork server did not come up.
    Server(String),
    /// A setting that can't be used.
    Setting(String),
    /// A job that can't be run.
    Job(String),
    /// No tier that is strong enough works here.
    Tier {
        /// The weakest that was acceptable.
        minimum: Tier,
        /// What was tried, and why it did not work.
        tried: Vec<(Tier, SandboxError)>,
    },
}

/// A step on the way to a confined fork server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Pipes, descriptors, a session.
    Prepare,
    /// New namespaces.
    Namespaces,
    /// Mapping the user into the user namespace.
    Map,
    /// Opening the interpreter's files as mounts.
    Open,
    /// Becoming an unprivileged user.
    User,
    /// Building the root.
    Mount,
    /// Naming the host.
    Host,
    /// Giving up capabilities.
    Capabilities,
    /// Starting the interpreter.
    Exec,
}

impl Step {
    const ALL: [Self; 9] = [
        Self::Prepare,
        Self::Namespaces,
        Self::Map,
        Self::Open,
        Self::User,
        Self::Mount,
        Self::Host,
        Self::Capabilities,
        Self::Exec,
    ];

    pub(crate) fn from_byte(byte: u8) -> Self {
        Self::ALL.get(usize::from(byte)).copied().unwrap_or(Self::Prepare)
    }

    fn what(self) -> &'static str {
        match self {
            Self::Prepare => "a process can't be prepared",
            Self::Namespaces => "namespaces can't be created",
            Self::Map => "the user can't be mapped into a user namespace",
            Self::Open => "the interpreter's files can't be opened as mounts",
            Self::User => "the process can't become an unprivileged user",
            Self::Mount => "a private root can't be built",
            Self::Host => "the host can't be named",
            Self::Capabilities => "capabilities can't be given up",
            Self::Exec => "the interpreter can't be started",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Prepare => "look at the limits of processes and file descriptors (ulimit -a)",
            Self::Namespaces => {
                "allow user namespaces: `sysctl user.max_user_namespaces=15000`, on Debian \
                 `sysctl kernel.unprivileged_userns_clone=1`; in a container allow clone with CLONE_NEWUSER in its seccomp \
                 profile (docker: --security-opt seccomp=unconfined)"
            }
            Self::Map | Self::Mount | Self::Open | Self::Host => {
                "on Ubuntu allow it with `sysctl kernel.apparmor_restrict_unprivileged_userns=0` or an AppArmor profile for \
                 this program; in a container run it with --security-opt apparmor=unconfined; Linux 5.12 is needed"
            }
            Self::User | Self::Capabilities => "run as an ordinary user instead of root",
            Self::Exec => "check that this interpreter runs, or name another one",
        }
    }
}

impl SandboxError {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Step(step, _) => step.hint(),
            Self::Landlock(_) => {
                "Landlock needs Linux 5.13 with `landlock` in its list of security modules (lsm=)"
            }
            Self::Python(_) => "install Python 3.9 or newer, or name an interpreter or a virtual environment",
            Self::Server(_) => "run `samara sandbox doctor`",
            Self::Setting(_) | Self::Job(_) => "change it",
            Self::Tier { .. } => {
                "`samara sandbox doctor` says how to get a stronger tier; the tier `process` isolates nothing and is only \
                 for code that you trust"
            }
        }
    }

    /// What failed, without the hint.
    pub fn why(&self) -> String {
        match self {
            Self::Step(step, error) => format!("{}: {error}", step.what()),
            Self::Landlock(why) => format!("Landlock can't be used: {why}"),
            Self::Python(why) => format!("no Python can be used: {why}"),
            Self::Server(why) => format!("the fork server did not come up: {why}"),
            Self::Setting(why) | Self::Job(why) => why.clone(),
            Self::Tier { minimum, tried } => {
                let tried = tried
                    .iter()
                    .map(|(tier, error)| format!("\n  {tier}: {}\n    hint: {}", error.why(), error.hint()));
                format!("no isolation of tier {minimum} or better works here{}", tried.collect::<String>())
            }
        }
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhint: {}", self.why(), self.hint())
    }
}

impl std::error::Error for SandboxError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_survive_the_way_through_a_byte() {
        assert!(Step::ALL.iter().all(|step| Step::from_byte(*step as u8) == *step));
    }
}
