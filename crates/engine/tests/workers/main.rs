//! Evaluations on workers: the same suite over every transport, and what only one of them can do wrong.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod chaos;
mod entrance;
mod liars;
mod nats;
mod nkeys;
#[path = "../engine/numbers.rs"]
#[allow(dead_code, clippy::allow_attributes, reason = "each test uses its own part")]
mod numbers;
mod proxy;
mod questions;
mod server;
mod suite;
mod transports;
