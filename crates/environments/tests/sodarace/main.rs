//! Walker programs in the sandbox: the seed designs, the corpus of the embedded model, and what the model writes.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod corpus;
mod model;
mod run;
mod seeds;
