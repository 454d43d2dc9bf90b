//! Arithmetic: products of matrices and the functions of a transformer, in one fixed order.
//!
//! **Batch-invariant.** Every element of a product is summed over the inner dimension from first to last with fused
//! multiply-adds, whatever the other rows are, however many there are, and whatever the processor's vectors are. A
//! fused multiply-add rounds once on every machine (in software where the processor has none), so the bits are the
//! same everywhere.
//!
//! [`pulp`] chooses the instruction set at run time, without `unsafe` here.

mod functions;
mod product;
mod real;
mod threads;
mod tile;

pub use functions::{add, dot, rms_norm};
pub use product::{Packed, Scratch, View, multiply, multiply_packed};
pub use real::{Real, exp_f32};
pub use threads::Threads;
pub use tile::{Block, MR, NR, Write};
