//! The walls of a tier by name, so that tests can take single ones away and show that each holds something.
//!
//! Everything stands outside of those tests: without the feature `isolation-tests` there is nothing here but
//! `holds`, which is always so. Limits of a job are not listed: a test takes one away by asking for more.

/// A wall that keeps programs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Defence {
    /// The list of system calls.
    Seccomp,
    /// Landlock's rules.
    Landlock,
    /// The jail's own root: without it, the host's directories are in the jail, as they are.
    Root,
    /// The jail's namespace of processes.
    Processes,
    /// The jail's namespace of networks.
    Network,
    /// The jail's namespace of System V's and POSIX' shared objects.
    Ipc,
    /// The jail's own name of the host.
    Name,
    /// The limit of threads.
    Threads,
}

impl Defence {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Seccomp,
        Self::Landlock,
        Self::Root,
        Self::Processes,
        Self::Network,
        Self::Ipc,
        Self::Name,
        Self::Threads,
    ];

    /// Its name in the heads of hostile programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seccomp => "seccomp",
            Self::Landlock => "landlock",
            Self::Root => "root",
            Self::Processes => "processes",
            Self::Network => "network",
            Self::Ipc => "ipc",
            Self::Name => "name",
            Self::Threads => "threads",
        }
    }
}

#[cfg(not(feature = "isolation-tests"))]
mod state {
    /// Whether this wall stands: always.
    pub(crate) fn holds(_: super::Defence) -> bool {
        true
    }

    /// The version of Landlock to behave as if it were the kernel's: none but the kernel's own.
    pub(crate) fn landlock_version() -> Option<u32> {
        None
    }
}

#[cfg(feature = "isolation-tests")]
mod state {
    use super::Defence;
    use std::cell::RefCell;

    #[derive(Default)]
    struct State {
        off: Vec<Defence>,
        landlock: Option<u32>,
    }

    thread_local! {
        static STATE: RefCell<State> = RefCell::default();
    }

    /// Whether this wall stands in sandboxes that this thread starts.
    pub(crate) fn holds(defence: Defence) -> bool {
        STATE.with_borrow(|state| !state.off.contains(&defence))
    }

    /// The version of Landlock to behave as if it were the kernel's.
    pub(crate) fn landlock_version() -> Option<u32> {
        STATE.with_borrow(|state| state.landlock)
    }

    fn with<T>(change: impl FnOnce(&mut State), run: impl FnOnce() -> T) -> T {
        let before = STATE.with_borrow_mut(|state| {
            let before = State { off: state.off.clone(), landlock: state.landlock };
            change(state);
            before
        });
        let result = run();
        STATE.set(before);
        result
    }

    /// Fork servers that this thread starts meanwhile lack these walls.
    pub fn without<T>(defences: &[Defence], run: impl FnOnce() -> T) -> T {
        with(|state| state.off.extend(defences), run)
    }

    /// Fork servers that this thread starts meanwhile know this version of Landlock; 0 is a kernel without it.
    pub fn on_landlock<T>(version: u32, run: impl FnOnce() -> T) -> T {
        with(|state| state.landlock = Some(version), run)
    }
}

pub(crate) use state::{holds, landlock_version};
#[cfg(feature = "isolation-tests")]
pub use state::{on_landlock, without};
