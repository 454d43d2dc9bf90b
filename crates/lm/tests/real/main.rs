//! Real servers on loopback: llama.cpp through llama-cpp-python, NVIDIA Triton through nvidia-pytriton.
//!
//! `.ci/real_servers` installs them (`prepare.py`) and runs this. A server that can't be installed on this machine is
//! skipped, and said to be.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod llama;
#[path = "../proxy/mod.rs"]
mod proxy;
mod triton;
