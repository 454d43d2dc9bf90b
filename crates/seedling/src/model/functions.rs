//! What lies between a model's products: norms, activations, caps. Each row by itself, sums in one fixed order.

use pulp::{Simd, WithSimd};

use crate::{
    config::{Activation, NormKind},
    kernel::{Real, exp_f32, rms_norm},
};

/// Partial sums of a mean, as in [`crate::kernel`].
const LANES: usize = 16;

/// A norm's numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Norm {
    /// As wide as what is normed.
    pub(super) gain: Vec<f32>,
    /// As wide, or empty for a root mean square.
    pub(super) bias: Vec<f32>,
}

impl Norm {
    /// Norms rows; what `output` held is gone.
    pub(super) fn apply(&self, kind: NormKind, eps: f64, x: &[f32], output: &mut Vec<f32>) {
        let width = self.gain.len();
        output.resize(x.len(), 0.0);
        for (x, output) in x.chunks_exact(width).zip(output.chunks_exact_mut(width)) {
            match kind {
                NormKind::RootMeanSquare => drop(rms_norm(x, &self.gain, eps, output)),
                NormKind::Layer => self.layer(x, eps as f32, output),
            }
        }
    }

    fn layer(&self, x: &[f32], eps: f32, output: &mut [f32]) {
        let mean = sum(x, |x| x) / x.len() as f32;
        let variance = sum(x, |x| (x - mean) * (x - mean)) / x.len() as f32;
        let factor = 1.0 / (variance + eps).sqrt();
        for (((output, x), gain), bias) in output.iter_mut().zip(x).zip(&self.gain).zip(&self.bias) {
            *output = (x - mean) * factor * gain + bias;
        }
    }
}

/// The sum of a function, in interleaved partial sums.
fn sum(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for chunk in x.chunks(LANES) {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += f(*x);
        }
    }
    sums.iter().sum()
}

/// One row of a feed-forward layer: `inner` holds the gate, if there is one, and then what goes up.
pub(super) fn activate(activation: Activation, inner: &[f32], output: &mut [f32]) {
    match activation {
        Activation::SiluGated => {
            let (gate, up) = inner.split_at(output.len());
            f32::silu_times(gate, up, output);
        }
        Activation::GeluGated => {
            let (gate, up) = inner.split_at(output.len());
            pulp::Arch::new().dispatch(GeluTanh { x: gate, output });
            for (output, up) in output.iter_mut().zip(up) {
                *output *= up;
            }
        }
        Activation::GeluTanh => pulp::Arch::new().dispatch(GeluTanh { x: inner, output }),
        Activation::Gelu => {
            for (output, x) in output.iter_mut().zip(inner) {
                *output = 0.5 * x * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2));
            }
        }
    }
}

/// `x / (1 + exp(-2 sqrt(2 / pi) (x + 0.044715 x^3)))`, which is Hendrycks & Gimpel's approximation by tanh.
struct GeluTanh<'a> {
    x: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for GeluTanh<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (output, x) in self.output.iter_mut().zip(self.x) {
            let inner = 1.595_769 * (x + 0.044_715 * x * x * x);
            *output = x / (1.0 + exp_f32(-inner));
        }
    }
}

/// `cap * tanh(x / cap)`, which keeps numbers within a cap.
pub(super) fn cap(values: &mut [f32], cap: f32) {
    for x in values {
        let twice = 2.0 / cap * *x;
        *x = cap * (1.0 - 2.0 / (1.0 + exp_f32(twice)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_the_functions_of_their_names() {
        let inner: Vec<f32> = (-60..60).map(|i| i as f32 / 8.0).collect();
        let mut output = vec![0.0; inner.len()];
        for (activation, function) in [
            (Activation::GeluTanh, gelu_tanh as fn(f64) -> f64),
            (Activation::Gelu, |x| 0.5 * x * (1.0 + libm::erf(x / 2.0_f64.sqrt()))),
        ] {
            activate(activation, &inner, &mut output);
            for (x, found) in inner.iter().zip(&output) {
                let expected = function(f64::from(*x));
                assert!((f64::from(*found) - expected).abs() < 1e-6, "{activation:?} of {x}: {found}");
            }
        }
        let gated = [0.5, -2.0, 3.0, 4.0];
        activate(Activation::GeluGated, &gated, &mut output[..2]);
        assert!((f64::from(output[0]) - gelu_tanh(0.5) * 3.0).abs() < 1e-6);
        assert!((f64::from(output[1]) - gelu_tanh(-2.0) * 4.0).abs() < 1e-6);
    }

    fn gelu_tanh(x: f64) -> f64 {
        0.5 * x * (1.0 + libm::tanh((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)))
    }

    #[test]
    fn a_cap_is_a_hyperbolic_tangent_also_of_numbers_without_bounds() {
        let numbers = [-1e30_f32, -40.0, -0.5, 0.0, 0.5, 40.0, 1e30];
        let mut capped = numbers;
        cap(&mut capped, 30.0);
        for (x, found) in numbers.iter().zip(capped) {
            let expected = 30.0 * libm::tanh(f64::from(*x) / 30.0);
            assert!((f64::from(found) - expected).abs() < 1e-5, "{x}: {found}");
        }
    }
}
