//! Why a sandbox can't start or take a job. What a program does is a verdict, never one of these errors.

use crate::tier::Tier;

/// What the sandbox can't do, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}\nhint: {}", self.why(), self.hint())]
pub enum SandboxError {
    /// This is not Linux.
    NotLinux,
    /// A step of confining the fork server failed.
    Step {
        /// Which.
        step: Step,
        /// The system's number of the error (`errno`).
        errno: i32,
    },
    /// Landlock can't be used.
    Landlock(String),
    /// No interpreter can be used.
    Python(String),
    /// The interpreter's files can't be copied without the host's paths.
    Library(String),
    /// The fork server did not start.
    Server(String),
    /// An evaluator's server can't be isolated as it must be.
    Evaluator(String),
    /// An evaluator's harness did not come to its end: what happened, with its traceback.
    Harness(String),
    /// A sandbox server that is to run programs can't be used.
    Remote(String),
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
    #[cfg(target_os = "linux")]
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

    #[cfg(target_os = "linux")]
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

/// Where a harness's own hint begins.
const HINT: &str = "\nhint: ";

impl SandboxError {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::NotLinux => "use Linux: a virtual machine or a container will do",
            Self::Step { step, .. } => step.hint(),
            Self::Landlock(_) => {
                "Landlock needs Linux 5.13 with `landlock` in its list of security modules (lsm=)"
            }
            Self::Python(_) => "install Python 3.9 or newer, or name an interpreter or a virtual environment",
            Self::Library(_) => {
                "set XDG_CACHE_HOME to a folder of yours with 200 MB of room, or name the system's interpreter, \
                 /usr/bin/python3, which needs no copy"
            }
            Self::Server(_) => "run `samara sandbox doctor`",
            Self::Evaluator(_) => {
                "evaluators need user namespaces, also within one, and a /proc of their own, to be measured and ended \
                 whole: `sysctl user.max_user_namespaces=15000`; in a container unmask its paths (docker: --security-opt \
                 systempaths=unconfined --security-opt seccomp=unconfined)"
            }
            Self::Harness(why) if why.contains(HINT) => why.split_once(HINT).map_or("", |(_, hint)| hint),
            Self::Harness(_) => {
                "run the evaluator by hand with the same interpreter; what it imports must be installed for that one"
            }
            Self::Remote(_) => {
                "start one with `samara sandbox serve`, or remove sandbox.server to run programs here"
            }
            Self::Setting(_) => "change this setting",
            Self::Job(_) => "change the program, its entry or its arguments",
            Self::Tier { .. } => {
                "`samara sandbox doctor` says how to get a stronger tier; the tier `process` isolates nothing and is only \
                 for code that you trust"
            }
        }
    }

    /// What failed, without the hint.
    pub fn why(&self) -> String {
        match self {
            Self::NotLinux => "programs are run on Linux only".to_owned(),
            Self::Step { step, errno } => {
                format!("{}: {}", step.what(), std::io::Error::from_raw_os_error(*errno))
            }
            Self::Landlock(why) => format!("Landlock can't be used: {why}"),
            Self::Python(why) => format!("no Python can be used: {why}"),
            Self::Library(why) => {
                format!("the interpreter's files can't be copied without the host's paths: {why}")
            }
            Self::Server(why) => format!("the fork server did not start: {why}"),
            Self::Evaluator(why) => why.clone(),
            Self::Harness(why) => {
                let why = why.split_once(HINT).map_or(&**why, |(why, _)| why);
                format!("the evaluator did not start: {why}")
            }
            Self::Remote(why) => format!("the sandbox server can't be used: {why}"),
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_back_from_its_byte() {
        assert!(Step::ALL.iter().all(|step| Step::from_byte(*step as u8) == *step));
    }
}
