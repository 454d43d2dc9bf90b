//! What became of a program.

use crate::codec::Bound;
use crate::tier::Tier;
use crate::value::Value;
use std::sync::Arc;
use std::time::Duration;

/// How a program ended and what it used, as the host saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How it ended.
    pub ending: Ending,
    /// CPU time of all its threads.
    pub cpu: Duration,
    /// Wall time from handing it over to its end.
    pub wall: Duration,
    /// Most resident memory beyond the idle interpreter's, in bytes.
    pub peak_memory: u64,
    /// Bytes of files that it left in scratch.
    pub scratch_bytes: u64,
    /// What it printed, up to the limit; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// The isolation that it ran in.
    pub isolation: Isolation,
}

/// Who says how a program ended.
///
/// A program may write anything as its result, so what it says of itself may be a lie, about itself only. It can't
/// pass off a timeout, a crash, an exit, a forbidden call or a flood as anything else: those the host sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The host saw it.
    Host,
    /// The program claims it.
    Program,
}

impl Source {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Program => "program",
        }
    }
}

/// How a program ended; [`Ending::source`] tells who says so.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It returned a value.
    Ok {
        /// The value.
        value: Value,
    },
    /// It does not compile.
    Syntax {
        /// What the compiler said.
        message: String,
    },
    /// It raised an exception; or it returned a value of a type that can't be returned, which is a `TypeError`.
    Exception {
        /// The exception's type.
        kind: String,
        /// Its text, cut at 2,000 characters.
        message: String,
    },
    /// It used up its time.
    Timeout {
        /// Which time.
        clock: Clock,
    },
    /// It ran out of memory. An allocation that is refused at once, before any memory is used, is an exception
    /// `MemoryError`; a crash or an exit is what it is, however much memory was used.
    Memory {
        /// The program: it says `MemoryError`, or that it could not even say so, and the host saw at least seven
        /// eighths of its memory in use. The host: with as much in use the kernel killed it, which it can't do itself
        /// in a tier that isolates.
        source: Source,
    },
    /// It printed more than allowed.
    OutputLimit,
    /// It returned more than allowed.
    ResultLimit {
        /// What there was too much of.
        bound: Bound,
        /// The program: the value is larger, it says, and was not sent. The host: what it sent is.
        source: Source,
    },
    /// A signal ended it.
    Crash {
        /// The signal's number.
        signal: i32,
    },
    /// It made a system call that no honest program makes.
    Forbidden {
        /// The call's name.
        syscall: String,
    },
    /// It ended without a result.
    NoResult {
        /// Its exit code.
        exit: i32,
    },
    /// What it wrote is not a result.
    BadFrame,
    /// The sandbox failed, twice: nothing is known about the program.
    Failed {
        /// What happened.
        why: String,
    },
}

/// What a time limit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Time on a CPU.
    Cpu,
    /// Time on the wall.
    Wall,
}

/// The isolation that really ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// Its tier.
    pub tier: Tier,
    /// The interpreter's version, and numpy's if it is there.
    pub python: Arc<str>,
}

impl Isolation {
    /// In a line, for people and records: `jail, Python 3.11.7`.
    pub fn told(&self) -> String {
        format!("{}, Python {}", self.tier, self.python)
    }
}

impl Ending {
    /// The ending's name in JSON and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ok { .. } => "ok",
            Self::Syntax { .. } => "syntax",
            Self::Exception { .. } => "exception",
            Self::Timeout { .. } => "timeout",
            Self::Memory { .. } => "memory",
            Self::OutputLimit => "output_limit",
            Self::ResultLimit { .. } => "result_limit",
            Self::Crash { .. } => "crash",
            Self::Forbidden { .. } => "forbidden",
            Self::NoResult { .. } => "no_result",
            Self::BadFrame => "bad_frame",
            Self::Failed { .. } => "failed",
        }
    }

    /// Who says so.
    pub fn source(&self) -> Source {
        match self {
            Self::Ok { .. } | Self::Syntax { .. } | Self::Exception { .. } => Source::Program,
            Self::Memory { source } | Self::ResultLimit { source, .. } => *source,
            Self::Timeout { .. }
            | Self::OutputLimit
            | Self::Crash { .. }
            | Self::Forbidden { .. }
            | Self::NoResult { .. }
            | Self::BadFrame
            | Self::Failed { .. } => Source::Host,
        }
    }
}
