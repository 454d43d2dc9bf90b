//! Reading what servers send, whatever they send: pure functions over bytes, headers and JSON values.
//!
//! [`framing`] makes a JSON value of a body, [`faults`] finds the error in it, [`limits`] the time that a server asks us
//! to wait, [`thinking`] parts a model's thoughts from its answer, [`logprobs`] and [`echo`] find the log-probabilities,
//! [`secrets`] takes keys out, and [`address`] reads what people write as a server's address.
//!
//! Knows no provider, no settings and no network; what time it is, is passed in.

pub(crate) mod address;
pub(crate) mod echo;
pub(crate) mod fault_codes;
pub(crate) mod faults;
pub(crate) mod framing;
pub(crate) mod limits;
pub(crate) mod logprobs;
pub(crate) mod secrets;
mod sieve;
mod stream;
pub(crate) mod thinking;
