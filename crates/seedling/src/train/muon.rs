//! Muon (Jordan et al. 2024; as scaled by Liu et al. 2025, arXiv 2502.16982): the momentum of a matrix, made nearly
//! orthogonal, is its update. All directions of a matrix learn at the same rate, those of rare words too.

use std::{ops::Range, sync::Mutex};

use crate::kernel::{Scratch, View, Write, dot, multiply};

/// Decay of the momentum.
const MOMENTUM: f32 = 0.95;
/// Steps of the iteration.
const STEPS: usize = 5;
/// Its coefficients: they push singular values to about 1 fast rather than exactly.
const COEFFICIENTS: [f32; 3] = [3.4445, -4.775, 2.0315];
/// Root mean square of an update, as an adaptive optimiser's would have.
const SCALE: f64 = 0.2;

/// Where a matrix lies, and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Its numbers.
    pub range: Range<usize>,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
}

/// Updates matrices from their gradients (times `scale`), on as many threads as asked. Every matrix is one thread's
/// alone, so that the number of threads changes nothing.
pub fn step(
    matrices: &[Matrix],
    rate: f64,
    scale: f32,
    parameters: &mut [f32],
    momentum: &mut [f32],
    gradient: &[f32],
    threads: usize,
) {
    let work = Mutex::new(split(matrices, parameters, momentum));
    let run = || {
        let mut scratch = Scratch::default();
        loop {
            let next = work.lock().ok().and_then(|mut work| work.pop());
            let Some((matrix, parameters, momentum)) = next else { return };
            let gradient = &gradient[matrix.range.clone()];
            for (m, g) in momentum.iter_mut().zip(gradient) {
                *m = MOMENTUM * *m + *g * scale;
            }
            // Nesterov's look ahead.
            let mut update: Vec<f32> =
                momentum.iter().zip(gradient).map(|(m, g)| MOMENTUM * *m + *g * scale).collect();
            orthogonalise(&mut update, matrix.rows, matrix.columns, &mut scratch);
            let size = SCALE * (matrix.rows.max(matrix.columns) as f64).sqrt();
            let factor = (rate * size) as f32;
            for (x, u) in parameters.iter_mut().zip(&update) {
                *x -= factor * *u;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(run);
        }
    });
}

type Piece<'a> = (&'a Matrix, &'a mut [f32], &'a mut [f32]);

/// Cuts parameters and momentum into the matrices' parts; matrices come in the order of their ranges.
fn split<'a>(matrices: &'a [Matrix], parameters: &'a mut [f32], momentum: &'a mut [f32]) -> Vec<Piece<'a>> {
    let (mut parameters, mut momentum, mut done) = (parameters, momentum, 0);
    let mut pieces = Vec::with_capacity(matrices.len());
    for matrix in matrices {
        let skip = matrix.range.start - done;
        let (x, rest) = parameters[skip..].split_at_mut(matrix.range.len());
        let (m, more) = momentum[skip..].split_at_mut(matrix.range.len());
        pieces.push((matrix, x, m));
        (parameters, momentum, done) = (rest, more, matrix.range.end);
    }
    pieces
}

/// Newton-Schulz iteration towards the nearest orthogonal matrix.
fn orthogonalise(x: &mut [f32], rows: usize, columns: usize, scratch: &mut Scratch<f32>) {
    let norm = dot(x, x).sqrt() + 1e-7;
    x.iter_mut().for_each(|x| *x /= norm);
    // The smaller of the two products with itself is enough.
    let small = rows.min(columns);
    let (mut square, mut both, mut next) =
        (vec![0.0; small * small], vec![0.0; small * small], vec![0.0; x.len()]);
    let [a, b, c] = COEFFICIENTS;
    for _ in 0..STEPS {
        let view = View::rows(x, rows, columns, columns);
        let (left, right) =
            if rows <= columns { (view, view.transposed()) } else { (view.transposed(), view) };
        multiply(left, right, &mut square, small, Write::Set, scratch);
        let squared = View::rows(&square, small, small, small);
        multiply(squared, squared, &mut both, small, Write::Set, scratch);
        for (both, square) in both.iter_mut().zip(&square) {
            *both = b * *square + c * *both;
        }
        let factor = View::rows(&both, small, small, small);
        if rows <= columns {
            multiply(factor, view, &mut next, columns, Write::Set, scratch);
        } else {
            multiply(view, factor, &mut next, columns, Write::Set, scratch);
        }
        for (x, next) in x.iter_mut().zip(&next) {
            *x = a * *x + *next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    #[test]
    fn an_orthogonalised_matrix_has_singular_values_near_one_and_keeps_its_directions() {
        for (rows, columns) in [(6, 10), (10, 6), (8, 8)] {
            let mut stream = Stream::new(1, 0);
            let before: Vec<f32> = (0..rows * columns).map(|_| stream.normal() as f32).collect();
            let mut x = before.clone();
            orthogonalise(&mut x, rows, columns, &mut Scratch::default());
            let size = dot(&x, &x);
            let small = rows.min(columns) as f32;
            assert!((0.4 * small..1.6 * small).contains(&size), "{size} of {small}");
            assert!(dot(&x, &before) > 0.0);
        }
    }
}
