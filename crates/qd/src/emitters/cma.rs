//! The covariance matrix adaptation evolution strategy (Hansen & Ostermeier 2001; the equations and default parameters
//! of Hansen's tutorial, arXiv 1604.00772), and its separable form (Ros & Hansen 2008), whose covariance is a diagonal.
//!
//! Weights and rates follow from how many parents an update has, since an archive may accept any number. The
//! eigensystem is computed anew only when the covariance may have changed by enough (the tutorial's section B.2).

use std::sync::Arc;

use super::Space;
use crate::{
    Stream,
    symmetric::{Eigen, add_scaled, dot},
};

/// Draws of a vector out of the bounds before its coordinates are moved to them.
const MOST_DRAWS: usize = 100;
/// The largest ratio of two eigenvalues, as in Hansen's implementations.
const MOST_CONDITION: f64 = 1e14;
/// The least standard deviation along the longest axis.
const LEAST_DEVIATION: f64 = 1e-11;

/// What the covariance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A whole matrix: n^2 numbers, and the work of its eigensystem.
    Full,
    /// A diagonal: n numbers. For hundreds of coordinates and more.
    Diagonal,
}

impl Shape {
    /// The name of its emitter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "cma_es",
            Self::Diagonal => "sep_cma_es",
        }
    }
}

/// A normal distribution over vectors that follows the best of every generation.
#[derive(Debug, Clone)]
pub struct Cma {
    space: Arc<Space>,
    batch: usize,
    evaluations: u64,
    mean: Vec<f64>,
    sigma: f64,
    /// The path of the mean, for the covariance.
    path: Vec<f64>,
    /// The path of the mean in the distribution's own coordinates, for sigma.
    sigma_path: Vec<f64>,
    covariance: Covariance,
}

#[derive(Debug, Clone)]
enum Covariance {
    Full(Box<Matrix>),
    Diagonal(Vec<f64>),
}

#[derive(Debug, Clone)]
struct Matrix {
    /// The lower triangle, in whole rows.
    rows: Vec<f64>,
    eigen: Eigen,
    /// How many evaluations there had been at the time of the eigensystem.
    as_of: u64,
    /// How many may pass until the next.
    gap: f64,
    /// The eigensystem of the covariance can't be had.
    broken: bool,
}

/// Weights and rates for a number of parents.
struct Rates {
    weights: Vec<f64>,
    mueff: f64,
    path: f64,
    sigma_path: f64,
    rank_one: f64,
    rank_mu: f64,
    damping: f64,
}

impl Rates {
    fn new(shape: Shape, dims: usize, parents: usize) -> Self {
        let n = dims as f64;
        let raw: Vec<f64> =
            (1..=parents).map(|rank| libm::log(parents as f64 + 0.5) - libm::log(rank as f64)).collect();
        let total: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|weight| weight / total).collect();
        let mueff = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
        let sigma_path = (mueff + 2.0) / (n + mueff + 5.0);
        let path = (4.0 + mueff / n) / (n + 4.0 + 2.0 * mueff / n);
        // A diagonal has n numbers to learn instead of n (n + 1) / 2, and may learn faster (Ros & Hansen 2008).
        let faster = if shape == Shape::Diagonal { (n + 2.0) / 3.0 } else { 1.0 };
        let rank_one = (faster * 2.0 / ((n + 1.3) * (n + 1.3) + mueff)).min(1.0);
        let rank_mu = faster * 2.0 * (mueff - 2.0 + 1.0 / mueff) / ((n + 2.0) * (n + 2.0) + mueff);
        let rank_mu = rank_mu.clamp(0.0, 1.0 - rank_one);
        let damping = 1.0 + 2.0 * (((mueff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + sigma_path;
        Self { weights, mueff, path, sigma_path, rank_one, rank_mu, damping }
    }
}

impl Cma {
    /// The distribution N(start, `sigma`^2 I). `batch` is the size of a generation.
    pub fn new(space: Arc<Space>, shape: Shape, sigma: f64, batch: usize) -> Self {
        let dims = space.start.len();
        let covariance = match shape {
            Shape::Full => Covariance::Full(Box::new(Matrix::new(dims, batch))),
            Shape::Diagonal => Covariance::Diagonal(vec![1.0; dims]),
        };
        let mean = space.start.clone();
        let path = vec![0.0; dims];
        Self { space, batch, evaluations: 0, mean, sigma, sigma_path: path.clone(), path, covariance }
    }

    /// Begins anew: N(`mean`, `sigma`^2 I).
    pub fn restart(&mut self, mean: &[f64], sigma: f64) {
        let mut start = mean.to_vec();
        self.space.clip(&mut start);
        let fresh = Self::new(Arc::clone(&self.space), self.shape(), sigma, self.batch);
        *self = Self { mean: start, ..fresh };
    }

    /// What its covariance is.
    pub fn shape(&self) -> Shape {
        match self.covariance {
            Covariance::Full(_) => Shape::Full,
            Covariance::Diagonal(_) => Shape::Diagonal,
        }
    }

    /// The mean.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The step size: what the covariance is multiplied with, its root.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// A vector of the distribution. One out of the bounds is drawn anew, a hundred times at most; then its coordinates
    /// are moved to the bounds.
    pub fn sample(&self, stream: &mut Stream) -> Vec<f64> {
        let mut normal = vec![0.0; self.mean.len()];
        let mut vector = Vec::new();
        for _ in 0..MOST_DRAWS {
            stream.fill_normal(&mut normal);
            vector.clone_from(&self.mean);
            self.covariance.spread(self.sigma, &normal, &mut vector);
            if vector.iter().all(|x| x.is_finite() && self.space.holds(*x)) {
                return vector;
            }
        }
        self.space.clip(&mut vector);
        vector
    }

    /// Follows the parents, best first, of a generation of `tried` vectors. Without parents only the evaluations count.
    pub fn update(&mut self, parents: &[&[f64]], tried: usize) {
        self.evaluations += tried as u64;
        if parents.is_empty() {
            return;
        }
        let rates = Rates::new(self.shape(), self.mean.len(), parents.len());
        // Steps of the parents, and of the mean, in units of sigma.
        let steps: Vec<Vec<f64>> = parents
            .iter()
            .map(|parent| parent.iter().zip(&self.mean).map(|(x, mean)| (x - mean) / self.sigma).collect())
            .collect();
        let mut step = vec![0.0; self.mean.len()];
        for (weight, parent) in rates.weights.iter().zip(&steps) {
            add_scaled(&mut step, *weight, parent);
        }
        add_scaled(&mut self.mean, self.sigma, &step);
        let stalled = self.follow(&rates, &step);
        self.covariance.adapt(&rates, &self.path, &steps, stalled);
        let n = self.mean.len() as f64;
        let length = dot(&self.sigma_path, &self.sigma_path) / n;
        let change = rates.sigma_path / rates.damping * (length - 1.0) / 2.0;
        self.sigma *= libm::exp(change.min(1.0));
    }

    /// Moves the two paths by a step of the mean. Whether the covariance's path stands still, since sigma is too small
    /// for the moment (the tutorial's h).
    fn follow(&mut self, rates: &Rates, step: &[f64]) -> bool {
        let n = self.mean.len() as f64;
        let whitened = self.covariance.whiten(step);
        let gain = (rates.sigma_path * (2.0 - rates.sigma_path) * rates.mueff).sqrt();
        self.sigma_path.iter_mut().for_each(|x| *x *= 1.0 - rates.sigma_path);
        add_scaled(&mut self.sigma_path, gain, &whitened);
        let generations = self.evaluations as f64 / self.batch as f64;
        let settled = 1.0 - libm::pow(1.0 - rates.sigma_path, 2.0 * generations);
        let length = dot(&self.sigma_path, &self.sigma_path) / n / settled;
        let stalled = length >= 2.0 + 4.0 / (n + 1.0);
        self.path.iter_mut().for_each(|x| *x *= 1.0 - rates.path);
        if !stalled {
            let gain = (rates.path * (2.0 - rates.path) * rates.mueff).sqrt();
            add_scaled(&mut self.path, gain, step);
        }
        stalled
    }

    /// Whether the distribution is of no further use: its axes are too unequal, too short, or no numbers.
    pub fn is_degenerate(&self) -> bool {
        let [least, most] = self.covariance.extremes();
        let longest = self.sigma * most.sqrt();
        let sound = least > 0.0 && most / least <= MOST_CONDITION;
        !(sound && longest.is_finite() && longest >= LEAST_DEVIATION)
    }

    /// Brings what is drawn from in line with the covariance, if enough evaluations have passed. To be called after
    /// every update.
    pub fn refresh(&mut self) {
        if let Covariance::Full(matrix) = &mut self.covariance {
            matrix.refresh(self.mean.len(), self.evaluations);
        }
    }
}

impl Covariance {
    /// Adds a vector of N(0, sigma^2 C), made from one of N(0, I).
    fn spread(&self, sigma: f64, normal: &[f64], vector: &mut [f64]) {
        match self {
            Self::Full(matrix) => {
                let Eigen { values, vectors } = &matrix.eigen;
                for ((value, z), axis) in values.iter().zip(normal).zip(vectors.chunks_exact(normal.len())) {
                    add_scaled(vector, sigma * value.sqrt() * z, axis);
                }
            }
            Self::Diagonal(variances) => {
                for ((x, variance), z) in vector.iter_mut().zip(variances).zip(normal) {
                    *x += sigma * variance.sqrt() * z;
                }
            }
        }
    }

    /// C^(-1/2) times a step.
    fn whiten(&self, step: &[f64]) -> Vec<f64> {
        match self {
            Self::Full(matrix) => {
                let mut whitened = vec![0.0; step.len()];
                let Eigen { values, vectors } = &matrix.eigen;
                for (value, axis) in values.iter().zip(vectors.chunks_exact(step.len())) {
                    add_scaled(&mut whitened, dot(axis, step) / value.sqrt(), axis);
                }
                whitened
            }
            Self::Diagonal(variances) => {
                step.iter().zip(variances).map(|(x, variance)| x / variance.sqrt()).collect()
            }
        }
    }

    /// The rank-one and the rank-mu update.
    fn adapt(&mut self, rates: &Rates, path: &[f64], steps: &[Vec<f64>], stalled: bool) {
        // What a path that stands still would have added.
        let missing = if stalled { rates.path * (2.0 - rates.path) } else { 0.0 };
        let kept = 1.0 - rates.rank_one * (1.0 - missing) - rates.rank_mu;
        match self {
            Self::Full(matrix) => {
                let n = path.len();
                for (i, row) in matrix.rows.chunks_exact_mut(n).enumerate() {
                    let row = &mut row[..=i];
                    row.iter_mut().for_each(|x| *x *= kept);
                    add_scaled(row, rates.rank_one * path[i], path);
                    for (weight, step) in rates.weights.iter().zip(steps) {
                        add_scaled(row, rates.rank_mu * weight * step[i], step);
                    }
                }
            }
            Self::Diagonal(variances) => {
                for (i, variance) in variances.iter_mut().enumerate() {
                    *variance = kept * *variance + rates.rank_one * path[i] * path[i];
                    for (weight, step) in rates.weights.iter().zip(steps) {
                        *variance += rates.rank_mu * weight * step[i] * step[i];
                    }
                }
            }
        }
    }

    /// The least and the largest variance along an axis, as far as is known.
    fn extremes(&self) -> [f64; 2] {
        let values = match self {
            Self::Full(matrix) if matrix.broken => return [0.0, f64::NAN],
            Self::Full(matrix) => &matrix.eigen.values,
            Self::Diagonal(variances) => variances,
        };
        // NaN passes through neither `min` nor `max`.
        if values.iter().any(|value| value.is_nan()) {
            return [0.0, f64::NAN];
        }
        values.iter().fold([f64::MAX, f64::MIN], |[least, most], value| [least.min(*value), most.max(*value)])
    }
}

impl Matrix {
    fn new(dims: usize, batch: usize) -> Self {
        let eigen = Eigen::unit(dims);
        let Rates { rank_one, rank_mu, .. } = Rates::new(Shape::Full, dims, (batch / 2).max(1));
        let gap = 0.5 * batch as f64 / ((rank_one + rank_mu) * dims as f64);
        Self { rows: eigen.vectors.clone(), eigen, as_of: 0, gap, broken: false }
    }

    fn refresh(&mut self, dims: usize, evaluations: u64) {
        if (evaluations - self.as_of) as f64 <= self.gap {
            return;
        }
        self.as_of = evaluations;
        match Eigen::of(&self.rows, dims) {
            Some(eigen) if eigen.values.iter().all(|value| *value > 0.0) => self.eigen = eigen,
            // Rounding made a variance vanish, or numbers went beyond all bounds.
            _ => self.broken = true,
        }
    }
}
