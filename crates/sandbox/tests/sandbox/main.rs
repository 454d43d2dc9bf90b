//! The sandbox against real interpreters, on every tier that works on this machine; what does not work is said.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod common;
mod faults;
mod honest;
mod hostile;
mod soak;
mod unprivileged;
