//! Evaluators against a real interpreter: honest ones, hostile ones and broken ones.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod apart;
mod common;
mod cost;
mod honest;
mod hostile;
mod kernel;
mod limits;
mod start;
mod unprivileged;
