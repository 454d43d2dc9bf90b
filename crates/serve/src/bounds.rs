//! The bounds of a server.

use std::time::Duration;

/// The bounds of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Requests that run programs or wait to, at once; more are answered with 429. A list of programs is one request.
    /// Default 256, as many as connections.
    pub queue: usize,
    /// Connections whose requests are being answered, at once; more requests are answered with 503. Default 256.
    pub connections: usize,
    /// Connections besides those: idle ones, and ones whose requests have not been let in yet. If one more comes, the one
    /// that has been so for longest is closed. Default 256.
    pub waiting: usize,
    /// Bytes of memory that all requests together may take, for their bodies, values, programs' results and answers; beyond
    /// it they are answered with 503. What the server takes for itself and its connections is some 60 MB more. At least
    /// [`Bounds::LEAST_MEMORY`], which is the default; [`Bounds::memory_for`] says how much lets all fork servers work.
    pub memory: usize,
    /// Bytes of a request's body. Default 4 MiB.
    pub body: usize,
    /// Values in a request's arguments, nested ones and keys included. Default 200,000.
    pub nodes: u32,
    /// Bytes of one request's answer. For a program beyond it, and those that follow it in a list, the answer says so
    /// instead. Default 48 MiB; at most a fifth of the memory.
    pub output: usize,
    /// Programs in one request's list. Default 256.
    pub list: usize,
    /// Time that a client has to send a request's head, and again its body; and how long a connection may be idle.
    /// Default 10 s.
    pub read_timeout: Duration,
    /// Time that a client has to take each piece of an answer (64 KiB at most), and a twelfth of the time that it may
    /// keep the server waiting during one answer. Default 10 s.
    pub write_timeout: Duration,
    /// How long a request that has been let in waits for memory before it is answered with 503. Default 10 s.
    pub patience: Duration,
    /// Time that begun requests have when the server stops. Default 10 s.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let some = Duration::from_secs(10);
        Self {
            queue: 256,
            connections: 256,
            waiting: 256,
            memory: Self::LEAST_MEMORY,
            body: 4 << 20,
            nodes: 200_000,
            output: 48 << 20,
            list: 256,
            read_timeout: some,
            write_timeout: some,
            patience: some,
            grace: some,
        }
    }
}

/// Bounds that can't be held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// The largest request that is allowed does not fit.
    #[error(
        "a memory budget of {} MiB does not hold the largest request that is allowed\nhint: give it {} MiB at least",
        .0 >> 20,
        Bounds::LEAST_MEMORY >> 20
    )]
    Memory(usize),
}

impl Bounds {
    /// The least that [`Bounds::memory`] can be: 256 MiB, with which a request of every kind fits.
    pub const LEAST_MEMORY: usize = 256 << 20;

    /// The memory with which so many fork servers never wait for each other: 96 MiB each, and the least of all at least.
    pub fn memory_for(servers: usize) -> usize {
        servers.saturating_mul(96 << 20).max(Self::LEAST_MEMORY)
    }

    pub(crate) fn check(&self) -> Result<(), BoundsError> {
        if self.memory < Self::LEAST_MEMORY { Err(BoundsError::Memory(self.memory)) } else { Ok(()) }
    }
}
