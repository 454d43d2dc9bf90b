//! The sandbox against real interpreters, on every tier that works on this machine; those that do not are named.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod alike;
mod common;
mod defences;
mod faults;
mod honest;
mod hostile;
mod soak;
mod unprivileged;
