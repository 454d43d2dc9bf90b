//! The sandbox against real interpreters, on every tier that works on this machine; what does not work is said.

mod common;
mod faults;
mod honest;
mod hostile;
mod soak;
mod unprivileged;
