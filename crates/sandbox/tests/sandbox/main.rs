//! The sandbox against real interpreters, on every tier that works on this machine; what does not work is said.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the helpers of tests fail as tests do, and say what they skip"
)]

mod common;
mod faults;
mod honest;
mod hostile;
mod soak;
mod unprivileged;
