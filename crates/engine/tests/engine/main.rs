//! The engine with an environment of its own: the same archive however candidates are worked on, evaluations that equal
//! drafts share, duplicates, and how a run stops.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod duplicates;
mod ends;
mod evaluators;
mod numbers;
mod order;
mod orders;
mod remote;
mod room;
mod sharing;
