//! Weights as files hold them: formats, matrices that stay quantised in memory, and products with them.
//!
//! **Batch-invariant**, and the same bits on every processor. The rows of the left matrix become 16-bit whole numbers
//! with a scale for every 256 of them, each row by itself; codes and these numbers are multiplied and added as whole numbers,
//! which is exact in any order; and the pieces' sums, as floats, are added from first to last with fused
//! multiply-adds. Instruction sets differ in how they get there, not in what comes out.
//!
//! 16 bits cost as much here as two planes of 8 bits would, and leave an error of a thousandth of a percent, where 8
//! bits would move log-probabilities by several hundredths.
//!
//! Knows nothing of files and models.

mod activations;
mod float;
mod format;
mod lanes;
mod matrix;
mod panel;
mod product;
mod strip;
mod tile;

pub use format::{Format, PIECE};
pub use matrix::Quantised;
pub use product::{Scratch, multiply_quantised};
