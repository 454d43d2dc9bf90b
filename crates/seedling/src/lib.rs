//! The embedded language model: a small transformer of the Llama family that samara trains itself.
//!
//! Knows nothing of the network, of archives or of what prompts mean to a search.

pub mod corpus;
pub mod error;
pub mod random;

pub use error::SeedlingError;
pub use random::Stream;
