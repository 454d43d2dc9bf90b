//! What is to be run: a program, its arguments, its limits.

use crate::codec::Budget;
use crate::value::Value;
use std::time::Duration;

/// A program and how to call it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Python that is run in front of the program, in its names, such as helpers that it may use. Compiled for itself, so
    /// that the line numbers of the program's errors are its own.
    pub prelude: String,
    /// The program's text. At most 1 MiB, with the prelude.
    pub program: String,
    /// The function in it to call.
    pub entry: String,
    /// The function's arguments, by position.
    pub arguments: Vec<Value>,
    /// What it may use.
    pub limits: Limits,
    /// Seed of all chance that a program meets without asking for it by name: `random` and `numpy.random`, generators made
    /// without a seed (`random.Random()`, `numpy.random.default_rng()`), `random.seed()`, `os.urandom`, `secrets` and
    /// `uuid.uuid4()`. The same seed gives the same numbers on any server, in any tier and after any other program. Hashes
    /// are fixed, and `os.getpid()` is 1.
    ///
    /// What depends on addresses (`id`, the order of a set of functions or classes) is the same for one interpreter, one
    /// machine and one tier. Not fixed: clocks, what threads do at the same time, `uuid.uuid1()`, the C type
    /// `_random.Random`, and what asks the kernel for random bytes on purpose (`os.getrandom`, `/dev/urandom`), which is
    /// how a program gets other numbers each time.
    pub seed: u64,
}

impl Job {
    /// A call without arguments and without a prelude under the default limits.
    pub fn new(program: impl Into<String>, entry: impl Into<String>) -> Self {
        Self {
            prelude: String::new(),
            program: program.into(),
            entry: entry.into(),
            arguments: Vec::new(),
            limits: Limits::default(),
            seed: 0,
        }
    }
}

/// What a program may use. Every limit has a verdict or, for scratch, an `OSError` in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// CPU time, of all threads, compiling included. Programs are judged by it: it does not depend on how busy the
    /// machine is. Default 2 s.
    pub cpu: Duration,
    /// Wall time: the backstop for programs that sleep. Default 10 s.
    pub wall: Duration,
    /// Bytes of memory beyond what the idle interpreter has. Default 256 MiB.
    pub memory: u64,
    /// Bytes of captured output. Default 64 KiB.
    pub output: u32,
    /// Bytes of files in scratch (jail only). Default 16 MiB.
    pub scratch_bytes: u64,
    /// Files and directories in scratch (jail only). Default 256.
    pub scratch_files: u64,
    /// Size of the returned value.
    pub result: Budget,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(10),
            memory: 256 << 20,
            output: 64 << 10,
            scratch_bytes: 16 << 20,
            scratch_files: 256,
            result: Budget::default(),
        }
    }
}

/// Longest program with its prelude, in bytes.
pub const MAX_PROGRAM: usize = 1 << 20;
