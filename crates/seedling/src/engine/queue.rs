//! What the engine's workers share: the queue of requests, and limits.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

use crate::{Model, Tokenizer, kernel::Threads};

use super::{prefix::Prefixes, run::Run};

/// Limits of the engine; none of them changes a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// Threads, 1 or more. Default: the machine's.
    pub threads: usize,
    /// Sequences that run together for every thread, 1 or more. Default 32.
    pub batch: usize,
    /// Memory for shared beginnings of prompts, in bytes. Default 64 MiB.
    pub prefix_bytes: usize,
    /// Bytes of matrices kept in the width of their file from which on threads share passes, rather than run batches
    /// of their own. Default 32 MiB: more than a core's own caches hold. Raising it saves the threads' waiting for each
    /// other, and makes each of them read the weights.
    pub shared_from: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { threads, batch: 32, prefix_bytes: 64 << 20, shared_from: 32 << 20 }
    }
}

/// What workers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub model: Arc<Model>,
    pub tokenizer: Arc<Tokenizer>,
    /// How many workers there are, the sequences of each one, and the threads that share its passes.
    pub workers: usize,
    pub batch: usize,
    pub team: Threads,
    pub queue: Mutex<Queue>,
    pub changed: Condvar,
    pub prefixes: Mutex<Prefixes>,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub waiting: VecDeque<Run>,
    /// Runs that workers have taken in and not answered.
    pub alive: usize,
    pub closed: bool,
}

/// A lock that outlives a panic of another holder: the queue's parts are valid at every moment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
