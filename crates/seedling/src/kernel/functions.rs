//! Functions of vectors. Sums run in [`LANES`] interleaved partial sums, added up from first to last: an order that
//! no processor changes.

use super::real::{LANES, Real};

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
