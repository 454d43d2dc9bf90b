//! Functions of vectors. Sums run in [`LANES`] interleaved partial sums, added up from first to last: an order that
//! no processor changes.

use pulp::{Simd, WithSimd};

use super::Real;

/// Partial sums of a reduction.
const LANES: usize = 16;

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

/// The sum of products of two slices of equal length.
#[inline(always)]
pub fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for i in 0..LANES {
            sums[i] += a[i] * b[i];
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum += *a * *b;
    }
    let mut total = T::ZERO;
    for sum in sums {
        total += sum;
    }
    total
}

/// `x += y`.
pub fn add<T: Real>(x: &mut [T], y: &[T]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += *y;
    }
}

/// `output = gain * x / sqrt(mean(x^2) + eps)` (Zhang & Sennrich 2019, arXiv 1910.07467); returns the factor.
pub fn rms_norm<T: Real>(x: &[T], gain: &[T], eps: f64, output: &mut [T]) -> T {
    let mean = dot(x, x) / T::from_f64(x.len() as f64);
    let factor = T::ONE / (mean + T::from_f64(eps)).sqrt();
    for ((output, x), gain) in output.iter_mut().zip(x).zip(gain) {
        *output = *gain * (*x * factor);
    }
    factor
}

/// `output = silu(gate) * up`.
#[inline(always)]
pub(super) fn silu_times<T: Real>(gate: &[T], up: &[T], output: &mut [T]) {
    for ((output, gate), up) in output.iter_mut().zip(gate).zip(up) {
        *output = *gate / (T::ONE + (-*gate).exp()) * *up;
    }
}

/// The gradient of [`silu_times`]: `gate_up` holds gate and then up, and so does `d`.
#[inline(always)]
pub(super) fn silu_times_backward<T: Real>(gate_up: &[T], d_output: &[T], d: &mut [T]) {
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

pub(super) struct SiluTimes<'a> {
    pub gate: &'a [f32],
    pub up: &'a [f32],
    pub output: &'a mut [f32],
}

impl WithSimd for SiluTimes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        silu_times(self.gate, self.up, self.output);
    }
}

pub(super) struct SiluTimesBackward<'a> {
    pub gate_up: &'a [f32],
    pub d_output: &'a [f32],
    pub d: &'a mut [f32],
}

impl WithSimd for SiluTimesBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        silu_times_backward(self.gate_up, self.d_output, self.d);
    }
}

pub(super) struct ExpShifted<'a> {
    pub values: &'a mut [f32],
    pub top: f32,
    pub factor: f32,
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
