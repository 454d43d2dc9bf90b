//! The two kinds of numbers: `f32` for work, `f64` to check gradients of the same code to many digits.

use std::{
    fmt::Debug,
    iter::Sum,
    ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub},
};

use pulp::{Simd, WithSimd};

use super::{
    functions::{ExpShifted, SiluTimes, SiluTimesBackward, silu_times, silu_times_backward},
    product::{Block, MR, NR},
};

/// A floating-point number that models are made of.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Add<Output = Self>
    + AddAssign
    + Div<Output = Self>
    + Mul<Output = Self>
    + MulAssign
    + Neg<Output = Self>
    + Sub<Output = Self>
    + Sum
    + Send
    + Sync
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The nearest number.
    fn from_f64(x: f64) -> Self;
    /// The same number.
    fn to_f64(self) -> f64;
    /// Square root.
    fn sqrt(self) -> Self;
    /// e to the power of `self`.
    fn exp(self) -> Self;
    /// Replaces every `x` by `exp(factor * (x - top))` and returns the sum.
    fn exp_shifted(values: &mut [Self], top: Self, factor: Self) -> Self;
    /// `output = silu(gate) * up`, SwiGLU's product (Shazeer 2020, arXiv 2002.05202).
    fn silu_times(gate: &[Self], up: &[Self], output: &mut [Self]);
    /// Its gradient: `gate_up` holds gate and then up, and so does `d`.
    fn silu_times_backward(gate_up: &[Self], d_output: &[Self], d: &mut [Self]);
    /// Multiplies one block of packed panels into tiles.
    fn block(block: Block<'_, Self>);
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    fn from_f64(x: f64) -> Self {
        x as Self
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn exp(self) -> Self {
        super::exp_f32(self)
    }
    fn exp_shifted(values: &mut [Self], top: Self, factor: Self) -> Self {
        pulp::Arch::new().dispatch(ExpShifted { values, top, factor })
    }
    fn silu_times(gate: &[Self], up: &[Self], output: &mut [Self]) {
        pulp::Arch::new().dispatch(SiluTimes { gate, up, output });
    }
    fn silu_times_backward(gate_up: &[Self], d_output: &[Self], d: &mut [Self]) {
        pulp::Arch::new().dispatch(SiluTimesBackward { gate_up, d_output, d });
    }
    fn block(block: Block<'_, Self>) {
        pulp::Arch::new().dispatch(block);
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    fn from_f64(x: f64) -> Self {
        x
    }
    fn to_f64(self) -> f64 {
        self
    }
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    fn exp(self) -> Self {
        libm::exp(self)
    }
    fn exp_shifted(values: &mut [Self], top: Self, factor: Self) -> Self {
        for x in values.iter_mut() {
            *x = libm::exp((*x - top) * factor);
        }
        values.iter().sum()
    }
    fn silu_times(gate: &[Self], up: &[Self], output: &mut [Self]) {
        silu_times(gate, up, output);
    }
    fn silu_times_backward(gate_up: &[Self], d_output: &[Self], d: &mut [Self]) {
        silu_times_backward(gate_up, d_output, d);
    }
    fn block(block: Block<'_, Self>) {
        block.each(|a, b, tile, rows| {
            for (a, b) in a.chunks_exact(rows).zip(b.chunks_exact(NR)) {
                for (row, a) in tile.iter_mut().zip(a) {
                    for (c, b) in row.iter_mut().zip(b) {
                        *c += a * b;
                    }
                }
            }
        });
    }
}

impl WithSimd for Block<'_, f32> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match NR / S::F32_LANES {
            1 => self.each(
                #[inline(always)]
                |a, b, tile, rows| rows_of::<S, 1>(simd, a, b, tile, rows),
            ),
            2 => self.each(
                #[inline(always)]
                |a, b, tile, rows| rows_of::<S, 2>(simd, a, b, tile, rows),
            ),
            4 => self.each(
                #[inline(always)]
                |a, b, tile, rows| rows_of::<S, 4>(simd, a, b, tile, rows),
            ),
            _ => self.each(
                #[inline(always)]
                |a, b, tile, rows| rows_of::<S, NR>(simd, a, b, tile, rows),
            ),
        }
    }
}

#[inline(always)]
fn rows_of<S: Simd, const VECTORS: usize>(
    simd: S,
    a: &[f32],
    b: &[f32],
    tile: &mut [[f32; NR]; MR],
    rows: usize,
) {
    match rows {
        6 => tile_of::<S, 6, VECTORS>(simd, a, b, tile),
        5 => tile_of::<S, 5, VECTORS>(simd, a, b, tile),
        4 => tile_of::<S, 4, VECTORS>(simd, a, b, tile),
        3 => tile_of::<S, 3, VECTORS>(simd, a, b, tile),
        2 => tile_of::<S, 2, VECTORS>(simd, a, b, tile),
        _ => tile_of::<S, 1, VECTORS>(simd, a, b, tile),
    }
}

/// The inner loop: `ROWS` x `NR` sums kept in registers.
#[inline(always)]
fn tile_of<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    a: &[f32],
    b: &[f32],
    tile: &mut [[f32; NR]; MR],
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (sums, row) in sums.iter_mut().zip(tile.iter()) {
        let (row, _) = S::as_simd_f32s(row);
        for (sum, held) in sums.iter_mut().zip(row) {
            *sum = *held;
        }
    }
    let (a, _) = a.as_chunks::<ROWS>();
    let (b, _) = S::as_simd_f32s(b);
    let (b, _) = b.as_chunks::<VECTORS>();
    for (a, b) in a.iter().zip(b) {
        for i in 0..ROWS {
            let x = simd.splat_f32s(a[i]);
            for j in 0..VECTORS {
                sums[i][j] = simd.mul_add_f32s(x, b[j], sums[i][j]);
            }
        }
    }
    for (sums, row) in sums.iter().zip(tile.iter_mut()) {
        let (row, _) = S::as_mut_simd_f32s(row);
        for (sum, held) in sums.iter().zip(row) {
            *held = *sum;
        }
    }
}
