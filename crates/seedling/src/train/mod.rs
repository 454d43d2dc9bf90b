//! Training: documents in, weights out, the same for a seed whatever the number of threads.
//!
//! [`network`] is the loss and its gradient, [`adam`] the optimiser, [`step`] one batch over threads.

pub mod adam;
pub mod attention;
pub mod layout;
pub mod network;
pub mod sequence;
pub mod step;
