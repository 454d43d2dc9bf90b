//! The two kinds of numbers, `f32` for work, `f64` to check gradients of the same code to many digits, and what is
//! faster done for many of them at once.

use std::{
    fmt::Debug,
    iter::Sum,
    ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub},
};

use pulp::{Simd, WithSimd};

use super::tile::{Block, NR};

/// Partial sums of a reduction.
pub(super) const LANES: usize = 16;

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
        exp_f32(self)
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

/// e to the power of `x`, within two units in the last place; 0 below -87.3, never above `f32::MAX`.
///
/// Cody & Waite's reduction to [-ln 2 / 2, ln 2 / 2] and a polynomial of degree 6, without branches, so that loops
/// over it become vectors.
#[inline(always)]
pub fn exp_f32(x: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.3, 88.3);
    let shifted = clamped * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = clamped - n * 0.693_359_4;
    let r = r - n * -2.121_944_4e-4;
    let mut p = 1.388_89e-3_f32;
    p = p * r + 8.333_33e-3;
    p = p * r + 4.166_666_6e-2;
    p = p * r + 1.666_666_7e-1;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    if x < -87.3 { 0.0 } else { p * scale }
}

/// `output = silu(gate) * up`.
#[inline(always)]
fn silu_times<T: Real>(gate: &[T], up: &[T], output: &mut [T]) {
    for ((output, gate), up) in output.iter_mut().zip(gate).zip(up) {
        *output = *gate / (T::ONE + (-*gate).exp()) * *up;
    }
}

/// The gradient of [`silu_times`]: `gate_up` holds gate and then up, and so does `d`.
#[inline(always)]
fn silu_times_backward<T: Real>(gate_up: &[T], d_output: &[T], d: &mut [T]) {
    let (gate, up) = gate_up.split_at(d_output.len());
    let (d_gate, d_up) = d.split_at_mut(d_output.len());
    for (((d_gate, d_up), (gate, up)), d) in
        d_gate.iter_mut().zip(d_up).zip(gate.iter().zip(up)).zip(d_output)
    {
        let sigmoid = T::ONE / (T::ONE + (-*gate).exp());
        *d_up = *d * *gate * sigmoid;
        *d_gate = *d * *up * sigmoid * (T::ONE + *gate * (T::ONE - sigmoid));
    }
}

struct SiluTimes<'a> {
    gate: &'a [f32],
    up: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for SiluTimes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        silu_times(self.gate, self.up, self.output);
    }
}

struct SiluTimesBackward<'a> {
    gate_up: &'a [f32],
    d_output: &'a [f32],
    d: &'a mut [f32],
}

impl WithSimd for SiluTimesBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        silu_times_backward(self.gate_up, self.d_output, self.d);
    }
}

struct ExpShifted<'a> {
    values: &'a mut [f32],
    top: f32,
    factor: f32,
}

impl WithSimd for ExpShifted<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f32 {
        let mut sums = [0.0_f32; LANES];
        let (chunks, rest) = self.values.as_chunks_mut::<LANES>();
        for chunk in chunks {
            for i in 0..LANES {
                chunk[i] = exp_f32((chunk[i] - self.top) * self.factor);
                sums[i] += chunk[i];
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            *x = exp_f32((*x - self.top) * self.factor);
            *sum += *x;
        }
        sums.iter().sum()
    }
}
