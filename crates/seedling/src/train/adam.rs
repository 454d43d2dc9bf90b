//! AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) for embeddings and gains, [`super::muon`] for the layers'
//! matrices, with a warm-up, a cosine decay and a limit on the gradient's norm.

use super::{
    layout::Layout,
    muon::{self, Matrix},
};

/// How parameters follow the gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamSettings {
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Weight decay of matrices, per step and unit of learning rate.
    pub weight_decay: f64,
    /// The gradient is scaled down to this norm.
    pub max_norm: f64,
    /// Steps until the highest learning rate.
    pub warmup: u64,
    /// The last learning rate, as a share of the highest.
    pub last: f64,
}

impl Default for AdamSettings {
    fn default() -> Self {
        Self {
            learning_rate: 3e-3,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.1,
            max_norm: 1.0,
            warmup: 100,
            last: 0.05,
        }
    }
}

impl AdamSettings {
    /// The learning rate of step `step` (from 0) of `steps`.
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        if step < self.warmup {
            return self.learning_rate * (step + 1) as f64 / self.warmup as f64;
        }
        let part = (step - self.warmup) as f64 / (steps.saturating_sub(self.warmup)).max(1) as f64;
        let cosine = 0.5 * (1.0 + libm::cos(std::f64::consts::PI * part.min(1.0)));
        self.learning_rate * (self.last + (1.0 - self.last) * cosine)
    }
}

/// The moments of the gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    /// First moments; of matrices their momentum.
    pub first: Vec<f32>,
    /// Second moments; of matrices 0.
    pub second: Vec<f32>,
    /// Steps taken.
    pub step: u64,
}

impl Adam {
    /// Moments of zero.
    pub fn new(len: usize) -> Self {
        Self { first: vec![0.0; len], second: vec![0.0; len], step: 0 }
    }

    /// Takes one step and returns the gradient's norm before it was scaled down.
    pub fn step(
        &mut self,
        settings: &AdamSettings,
        steps: u64,
        shape: (&Layout, &[Matrix]),
        parameters: &mut [f32],
        gradient: &[f32],
        threads: usize,
    ) -> f64 {
        let (layout, matrices) = shape;
        let norm = libm::sqrt(gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum());
        let scale = if norm > settings.max_norm { settings.max_norm / norm } else { 1.0 } as f32;
        let rate = settings.rate(self.step, steps);
        let decay = (1.0 - rate * settings.weight_decay) as f32;
        for range in layout.decayed() {
            parameters[range].iter_mut().for_each(|x| *x *= decay);
        }
        self.step += 1;
        let (beta1, beta2) = (settings.beta1 as f32, settings.beta2 as f32);
        let power = |beta: f64| 1.0 - libm::pow(beta, self.step as f64);
        let factor = (rate / power(settings.beta1)) as f32;
        let correct = (1.0 / power(settings.beta2)) as f32;
        for range in layout.others(matrices) {
            let moments = self.first[range.clone()].iter_mut().zip(&mut self.second[range.clone()]);
            let numbers = parameters[range.clone()].iter_mut().zip(&gradient[range]);
            for ((x, g), (first, second)) in numbers.zip(moments) {
                let g = *g * scale;
                *first = beta1 * *first + (1.0 - beta1) * g;
                *second = beta2 * *second + (1.0 - beta2) * g * g;
                *x -= factor * *first / ((*second * correct).sqrt() + 1e-8);
            }
        }
        muon::step(matrices, rate, scale, parameters, &mut self.first, gradient, threads);
        norm
    }
}
