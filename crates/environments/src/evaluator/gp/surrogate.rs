//! Steps of numbers that a model of what has been evaluated expects most of.
//!
//! A Gaussian process (Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, algorithm 2.1) is fitted
//! to the nearest programs that differ from the parent in numbers alone; of several steps the one of greatest expected
//! improvement (Jones, Schonlau and Welch, "Efficient Global Optimization", 1998, equation 15) is taken. A failed step
//! teaches as much as one that helped, which a climber throws away.

use std::hash::{DefaultHasher, Hash, Hasher};

use samara_qd::Stream;
use samara_search::Genome;

use super::{Source, numbers, numbers::Site, splice};
use crate::evaluator::{lexer::Kind, program::Program};

/// Programs that the process is fitted to, the nearest ones.
const MOST: usize = 64;
/// Programs with more numbers are left to other edits.
const MOST_NUMBERS: usize = 256;
/// Steps of which one is taken: of many more, the ones about which the process errs would win.
const STEPS: usize = 16;
/// Another number is changed with this probability; and so often about half of them are.
const MORE: f64 = 0.5;
const MANY: f64 = 0.2;
/// Steps are normal, with one of these deviations, relative to a number's size (at least `SMALLEST`).
const SIZES: [f64; 3] = [0.02, 0.1, 0.4];
const SMALLEST: f64 = 0.1;
/// Lengths that are tried for the process, as parts of the median distance between programs.
const LENGTHS: [f64; 4] = [0.25, 0.5, 1.0, 2.0];
/// Noise of scores, relative to their variance: what keeps the factorisation well-conditioned.
const NOISE: f64 = 1e-4;

/// A program's numbers, and what they stand in.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::evaluator) struct Numbers {
    /// What it is but for its numbers.
    shape: u64,
    values: Vec<f64>,
}

impl Numbers {
    /// Fewer programs say nothing.
    pub(in crate::evaluator) const FEWEST: usize = 8;

    /// Whether programs differ in numbers alone.
    pub(in crate::evaluator) fn is_like(&self, other: &Self) -> bool {
        self.shape == other.shape && self.values.len() == other.values.len()
    }

    /// Those of a program; `None` if it has none, or too many.
    pub(in crate::evaluator) fn of(program: &Program, genome: &Genome) -> Option<Self> {
        let source = Source::new(program, genome);
        let sites = numbers::sites(&source);
        if sites.is_empty() || sites.len() > MOST_NUMBERS {
            return None;
        }
        let mut shape = DefaultHasher::new();
        for (file, place) in source.places(|_, _| true) {
            let is_number = source.kind(file, place) == Some(Kind::Number);
            let text = if is_number { "0" } else { source.text(file, place) };
            (file, text).hash(&mut shape);
        }
        let values = sites.iter().map(|site| site.literal.value).collect();
        Some(Self { shape: shape.finish(), values })
    }
}

/// The step from `parent` that promises most by what is known: numbers and objectives of evaluated programs, the oldest
/// first. `None` if that is too little, or says nothing.
pub(in crate::evaluator) fn promising<'a>(
    program: &Program,
    parent: &Genome,
    known: impl Iterator<Item = (&'a Numbers, f64)>,
    stream: &mut Stream,
) -> Option<Genome> {
    let own = Numbers::of(program, parent)?;
    let scales: Vec<f64> = own.values.iter().map(|value| value.abs().max(SMALLEST)).collect();
    let scaled = |values: &[f64]| -> Vec<f64> {
        values.iter().zip(&scales).map(|(value, scale)| value / scale).collect()
    };
    let here = scaled(&own.values);
    let mut near: Vec<(f64, Vec<f64>, f64)> = known
        .filter(|(numbers, _)| numbers.is_like(&own))
        .map(|(numbers, objective)| (scaled(&numbers.values), objective))
        .map(|(at, objective)| (square(&at, &here), at, objective))
        .collect();
    // A stable sort: of equals the oldest.
    near.sort_by(|one, other| one.0.total_cmp(&other.0));
    near.truncate(MOST);
    let process = Process::fitted(near.into_iter().map(|(_, at, objective)| (at, objective)).unzip())?;
    let source = Source::new(program, parent);
    let sites = numbers::sites(&source);
    let mut best: Option<(f64, Vec<f64>)> = None;
    for _ in 0..STEPS {
        let stepped = step(&sites, &scales, stream);
        let promise = process.improvement(&scaled(&stepped));
        if stepped != own.values && best.as_ref().is_none_or(|(most, _)| promise > *most) {
            best = Some((promise, stepped));
        }
    }
    let (_, values) = best?;
    let changed = sites.iter().zip(&values).filter(|(site, value)| site.literal.value != **value);
    let splices: Vec<_> = changed
        .filter_map(|(site, value)| {
            let text = numbers::signed(&source, site, *value, (value - site.literal.value).abs())?;
            Some(source.replace(site.at, text))
        })
        .collect();
    let texts = (!splices.is_empty()).then(|| splice::apply(&source.parts, splices))?;
    program.changed(parent, texts).ok()
}

/// All numbers after a step of some.
fn step(sites: &[Site<'_>], scales: &[f64], stream: &mut Stream) -> Vec<f64> {
    let mut count = 1;
    while stream.unit() < MORE && count < sites.len() {
        count += 1;
    }
    if stream.unit() < MANY {
        count = count.max(1 + stream.index(sites.len().div_ceil(2)));
    }
    let size = SIZES[stream.index(SIZES.len())];
    let mut weights: Vec<f64> = sites.iter().map(|site| site.weight).collect();
    let mut values: Vec<f64> = sites.iter().map(|site| site.literal.value).collect();
    for _ in 0..count {
        let Some(place) = stream.weighted(&weights) else { break };
        weights[place] = 0.0;
        let moved = size * scales[place] * stream.normal();
        values[place] += if sites[place].literal.whole {
            moved.round() + if moved.abs() < 0.5 { 1f64.copysign(moved) } else { 0.0 }
        } else {
            moved
        };
    }
    values
}

/// The squared distance.
fn square(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// A Gaussian process with a squared-exponential kernel, fitted to objectives in units of their deviation.
#[derive(Debug)]
struct Process {
    places: Vec<Vec<f64>>,
    /// Twice the squared length of the kernel.
    width: f64,
    /// The lower triangle of the kernel's factor, row by row.
    factor: Vec<Vec<f64>>,
    /// The inverse kernel times the objectives.
    weights: Vec<f64>,
    /// The variance of the process.
    variance: f64,
    /// The greatest objective.
    top: f64,
}

impl Process {
    /// `None` where there is too little, or all objectives are equal.
    fn fitted((places, objectives): (Vec<Vec<f64>>, Vec<f64>)) -> Option<Self> {
        let objectives = standard(objectives)?;
        let top = objectives.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let distances: Vec<Vec<f64>> = places
            .iter()
            .enumerate()
            .map(|(row, one)| places[..row].iter().map(|other| square(one, other)).collect())
            .collect();
        let mut apart: Vec<f64> =
            distances.iter().flatten().copied().filter(|square| *square > 0.0).collect();
        apart.sort_by(f64::total_cmp);
        let median = *apart.get(apart.len() / 2)?;
        let fits = LENGTHS.map(|length| {
            let width = 2.0 * length * length * median;
            let factor = factored(&distances, width)?;
            let weights = backward(&factor, forward(&factor, &objectives));
            let fit: f64 = objectives.iter().zip(&weights).map(|(own, weight)| own * weight).sum();
            let variance = (fit / objectives.len() as f64).max(1e-12);
            let determinant: f64 = factor.iter().map(|row| libm::log(row[row.len() - 1])).sum();
            let likelihood = -0.5 * objectives.len() as f64 * libm::log(variance) - determinant;
            Some((likelihood, width, factor, weights, variance))
        });
        let likeliest =
            fits.into_iter().flatten().reduce(|best, next| if next.0 > best.0 { next } else { best });
        let (_, width, factor, weights, variance) = likeliest?;
        Some(Self { places, width, factor, weights, variance, top })
    }

    /// By how much a place is expected to be better than the best that is known.
    fn improvement(&self, at: &[f64]) -> f64 {
        let near: Vec<f64> =
            self.places.iter().map(|place| libm::exp(-square(place, at) / self.width)).collect();
        let mean: f64 = near.iter().zip(&self.weights).map(|(near, weight)| near * weight).sum();
        let told: f64 = forward(&self.factor, &near).iter().map(|part| part * part).sum();
        let deviation = libm::sqrt((1.0 - told).max(1e-9) * self.variance);
        let ahead = (mean - self.top) / deviation;
        let below = 0.5 * (1.0 + libm::erf(ahead / core::f64::consts::SQRT_2));
        let density = libm::exp(-0.5 * ahead * ahead) / libm::sqrt(2.0 * core::f64::consts::PI);
        deviation * (ahead * below + density)
    }
}

/// Objectives with mean 0 and deviation 1. How far one is below the median counts up to twice what the best is above:
/// how bad a program is that broke says nothing about those that did not.
fn standard(mut objectives: Vec<f64>) -> Option<Vec<f64>> {
    if objectives.len() < Numbers::FEWEST {
        return None;
    }
    let mut sorted = objectives.clone();
    sorted.sort_by(f64::total_cmp);
    let (median, top) = (sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
    let least = median - 2.0 * (top - median);
    let count = objectives.len() as f64;
    for objective in &mut objectives {
        *objective = objective.max(least);
    }
    let mean = objectives.iter().sum::<f64>() / count;
    let variance = objectives.iter().map(|own| (own - mean) * (own - mean)).sum::<f64>() / count;
    let deviation = libm::sqrt(variance);
    (deviation > 0.0 && deviation.is_finite())
        .then(|| objectives.iter().map(|own| (own - mean) / deviation).collect())
}

/// Cholesky's factor of the kernel; `None` if it is not positive.
fn factored(distances: &[Vec<f64>], width: f64) -> Option<Vec<Vec<f64>>> {
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(distances.len());
    for (row, squares) in distances.iter().enumerate() {
        let mut own: Vec<f64> = Vec::with_capacity(row + 1);
        for (column, square) in squares.iter().enumerate() {
            let other: &[f64] = &factor[column];
            let told: f64 = own.iter().zip(other).map(|(a, b)| a * b).sum();
            own.push((libm::exp(-square / width) - told) / other[column]);
        }
        let left = 1.0 + NOISE - own.iter().map(|part| part * part).sum::<f64>();
        if left <= 0.0 || left.is_nan() {
            return None;
        }
        own.push(libm::sqrt(left));
        factor.push(own);
    }
    Some(factor)
}

/// The solution of factor * x = right.
fn forward(factor: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut solved: Vec<f64> = Vec::with_capacity(right.len());
    for (row, right) in factor.iter().zip(right) {
        let told: f64 = row.iter().zip(&solved).map(|(a, b)| a * b).sum();
        solved.push((right - told) / row[row.len() - 1]);
    }
    solved
}

/// The solution of factor' * x = right.
fn backward(factor: &[Vec<f64>], mut right: Vec<f64>) -> Vec<f64> {
    for row in (0..factor.len()).rev() {
        let own = &factor[row];
        right[row] /= own[row];
        let solved = right[row];
        for (column, part) in own[..row].iter().enumerate() {
            right[column] -= part * solved;
        }
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bowl(places: &[[f64; 2]]) -> (Vec<Vec<f64>>, Vec<f64>) {
        places.iter().map(|[x, y]| (vec![*x, *y], -(x - 1.0) * (x - 1.0) - (y + 0.5) * (y + 0.5))).unzip()
    }

    #[test]
    fn a_factor_times_itself_is_the_kernel_and_both_halves_are_solved() {
        let distances = vec![vec![], vec![1.0], vec![2.0, 0.5], vec![4.0, 1.0, 3.0]];
        let factor = factored(&distances, 2.0).expect("positive");
        for (row, squares) in distances.iter().enumerate() {
            for (column, square) in squares.iter().enumerate() {
                let product: f64 = factor[row].iter().zip(&factor[column]).map(|(a, b)| a * b).sum();
                assert!((product - libm::exp(-square / 2.0)).abs() < 1e-12);
            }
        }
        let right = [1.0, -2.0, 0.5, 3.0];
        let solved = backward(&factor, forward(&factor, &right));
        for row in 0..4 {
            let kernel = |column: usize| match row.cmp(&column) {
                std::cmp::Ordering::Equal => 1.0 + NOISE,
                std::cmp::Ordering::Greater => libm::exp(-distances[row][column] / 2.0),
                std::cmp::Ordering::Less => libm::exp(-distances[column][row] / 2.0),
            };
            let product: f64 = (0..4).map(|column| kernel(column) * solved[column]).sum();
            assert!((product - right[row]).abs() < 1e-9, "{row}: {product}");
        }
    }

    #[test]
    fn more_is_expected_of_places_that_are_nearer_to_the_top() {
        let grid: Vec<[f64; 2]> =
            (0..25).map(|at| [f64::from(at % 5) - 2.0, f64::from(at / 5) - 2.0]).collect();
        let process = Process::fitted(bowl(&grid)).expect("enough");
        let expected = |x: f64, y: f64| process.improvement(&[x, y]);
        assert!(expected(1.0, -0.5) > expected(1.0, 0.4));
        assert!(expected(1.0, 0.4) > expected(-1.5, 1.5));
        assert!(expected(1.0, -0.5) > 2.0 * expected(1.0, -1.0), "what is known promises little");
    }

    #[test]
    fn too_little_or_equal_objectives_say_nothing() {
        assert!(Process::fitted(bowl(&[[0.0, 1.0]; 7])).is_none(), "too few");
        let equal = ((0..20).map(|at| vec![f64::from(at)]).collect(), vec![0.5; 20]);
        assert!(Process::fitted(equal).is_none());
        assert!(Process::fitted(bowl(&[[0.0, 1.0]; 20])).is_none(), "one place");
    }

    #[test]
    fn a_failure_far_below_counts_as_a_bad_one() {
        let standard = |worst| {
            let objectives = [worst].into_iter().chain((0..9).map(f64::from)).collect();
            standard(objectives).expect("they differ")
        };
        assert_eq!(standard(-1e9), standard(-1e12));
    }
}
