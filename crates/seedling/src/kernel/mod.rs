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

pub use functions::{add, dot, exp_f32, rms_norm};
pub use product::{Block, MR, NR, Packed, Scratch, View, multiply, multiply_packed};
pub use real::Real;

/// What a product does with what its output held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Overwrites it.
    Set,
    /// Adds to it.
    Add,
}
