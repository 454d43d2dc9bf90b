//! Training: documents in, weights out, the same for a seed whatever the number of threads.
//!
//! [`trainer`] is the loop and [`settings`] decides what it does; [`data`] makes batches, [`network`] is the loss and
//! its gradient, [`adam`] and [`muon`] the optimiser, [`step`] one batch over threads, [`checkpoint`] a training on
//! disk. [`tune`] goes on with a model that is there, on samples, [`policy`] on rewards; [`kind`] is what a folder says of its model.

pub mod adam;
pub mod attention;
pub mod checkpoint;
pub mod data;
pub mod kind;
pub mod layout;
pub mod muon;
pub mod network;
pub mod policy;
mod prior;
pub mod schedule;
pub mod sequence;
pub mod settings;
pub mod step;
pub mod trainer;
pub mod tune;

pub use settings::{Corpus, Size, TrainSettings};
pub use trainer::{Progress, Trainer};
