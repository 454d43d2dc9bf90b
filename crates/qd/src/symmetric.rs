//! Eigenvalues and eigenvectors of a symmetric matrix, and the loops over vectors that emitters spend their time in.
//!
//! The matrix is brought to three diagonals by reflections (Householder 1958), and these to one by rotations (the QL
//! method with implicit shifts, Dubrulle, Martin & Wilkinson 1968). Every sum has a fixed order and no fused or
//! platform's function is used, so that the same matrix gives the same bits on every processor.

/// Iterations for one eigenvalue at most; two are usual.
const MOST_ITERATIONS: usize = 60;

/// Sums in lanes, which are added in a fixed order: fast, and the same on every processor.
const LANES: usize = 8;

/// The eigensystem of a symmetric matrix of `n` rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Eigen {
    /// The eigenvalues, in no order.
    pub values: Vec<f64>,
    /// Row k is the unit eigenvector of eigenvalue k.
    pub vectors: Vec<f64>,
}

/// The sum of the products of two vectors.
#[inline]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Adds `factor` times `b` to `a`.
#[inline]
pub(crate) fn add_scaled(a: &mut [f64], factor: f64, b: &[f64]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += factor * b;
    }
}

impl Eigen {
    /// That of the unit matrix.
    pub(crate) fn unit(n: usize) -> Self {
        let mut vectors = vec![0.0; n * n];
        (0..n).for_each(|i| vectors[i * n + i] = 1.0);
        Self { values: vec![1.0; n], vectors }
    }

    /// That of a matrix of `n` rows, of which only the lower triangle is read. `None` of numbers that are not finite, or
    /// if the method does not converge.
    pub(crate) fn of(matrix: &[f64], n: usize) -> Option<Self> {
        let mut full = vec![0.0; n * n];
        let mut largest = 0.0_f64;
        for (row, column) in (0..n).flat_map(|row| (0..=row).map(move |column| (row, column))) {
            let x = matrix[row * n + column];
            if !x.is_finite() {
                return None;
            }
            largest = largest.max(x.abs());
            full[row * n + column] = x;
            full[column * n + row] = x;
        }
        if largest == 0.0 {
            return Some(Self { values: vec![0.0; n], ..Self::unit(n) });
        }
        // Of numbers around 1, squares neither overflow nor vanish.
        full.iter_mut().for_each(|x| *x /= largest);
        let (mut diagonal, beside, mut vectors) = tridiagonal(full, n);
        diagonalise(&mut diagonal, beside, &mut vectors, n)?;
        diagonal.iter_mut().for_each(|x| *x *= largest);
        Some(Self { values: diagonal, vectors })
    }
}

/// A reflection: the vector v of I - beta v v', for the rows and columns from `first` on.
struct Reflection {
    first: usize,
    v: Vec<f64>,
    beta: f64,
}

/// The diagonal, what stands beside it, and the rows of the transformation that made it so.
fn tridiagonal(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut beside = vec![0.0; n];
    let mut reflections = Vec::with_capacity(n);
    for k in 0..n.saturating_sub(1) {
        let first = k + 1;
        let x = &a[k * n + first..(k + 1) * n];
        let rest = dot(&x[1..], &x[1..]);
        if rest == 0.0 {
            beside[k] = x[0];
            continue;
        }
        let alpha = -(x[0] * x[0] + rest).sqrt().copysign(x[0]);
        let mut v = x.to_vec();
        v[0] -= alpha;
        let beta = 2.0 / (v[0] * v[0] + rest);
        beside[k] = alpha;
        reflect_both(&mut a, n, first, &v, beta);
        reflections.push(Reflection { first, v, beta });
    }
    let diagonal = (0..n).map(|i| a[i * n + i]).collect();
    (diagonal, beside, product(&reflections, n))
}

/// Applies a reflection from both sides to the rows and columns from `first` on.
fn reflect_both(a: &mut [f64], n: usize, first: usize, v: &[f64], beta: f64) {
    let mut w: Vec<f64> = (first..n).map(|row| beta * dot(&a[row * n + first..(row + 1) * n], v)).collect();
    let half = beta / 2.0 * dot(v, &w);
    add_scaled(&mut w, -half, v);
    for (i, row) in (first..n).enumerate() {
        let row = &mut a[row * n + first..(row + 1) * n];
        let (vi, wi) = (v[i], w[i]);
        for ((x, v), w) in row.iter_mut().zip(v).zip(&w) {
            *x -= vi * w + wi * v;
        }
    }
}

/// The product of the reflections, the last one first.
fn product(reflections: &[Reflection], n: usize) -> Vec<f64> {
    let mut rows = Eigen::unit(n).vectors;
    for Reflection { first, v, beta } in reflections.iter().rev() {
        for row in *first..n {
            let row = &mut rows[row * n + first..(row + 1) * n];
            let factor = -beta * dot(row, v);
            add_scaled(row, factor, v);
        }
    }
    rows
}

/// Makes what stands beside the diagonal vanish, and turns the rows of `vectors` with it.
fn diagonalise(d: &mut [f64], mut e: Vec<f64>, vectors: &mut [f64], n: usize) -> Option<()> {
    for l in 0..n {
        let mut iterations = 0;
        loop {
            let negligible = |m: &usize| e[*m].abs() <= f64::EPSILON * (d[*m].abs() + d[*m + 1].abs());
            let m = (l..n - 1).find(negligible).unwrap_or(n - 1);
            if m == l {
                break;
            }
            iterations += 1;
            if iterations > MOST_ITERATIONS {
                return None;
            }
            sweep((l, m), d, &mut e, vectors, n);
        }
    }
    Some(())
}

/// One pass of rotations from row `m` up to row `l`.
fn sweep((l, m): (usize, usize), d: &mut [f64], e: &mut [f64], vectors: &mut [f64], n: usize) {
    let slope = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let root = (slope * slope + 1.0).sqrt();
    let mut g = d[m] - d[l] + e[l] / (slope + root.copysign(slope));
    let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let (f, b) = (sine * e[i], cosine * e[i]);
        let length = (f * f + g * g).sqrt();
        e[i + 1] = length;
        if length == 0.0 {
            d[i + 1] -= shift;
            e[m] = 0.0;
            return;
        }
        (sine, cosine) = (f / length, g / length);
        g = d[i + 1] - shift;
        let turned = (d[i] - g) * sine + 2.0 * cosine * b;
        shift = sine * turned;
        d[i + 1] = g + shift;
        g = cosine * turned - b;
        let (upper, lower) = vectors[i * n..(i + 2) * n].split_at_mut(n);
        for (x, y) in upper.iter_mut().zip(lower) {
            (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
        }
    }
    d[l] -= shift;
    e[l] = g;
    e[m] = 0.0;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_matrix_that_is_worked_out_by_hand_has_its_eigenvalues() {
        // [[2, 1], [1, 2]]: 1 and 3.
        let mut values = Eigen::of(&[2.0, 0.0, 1.0, 2.0], 2).expect("it converges").values;
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 1.0).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15, "{values:?}");
        let zero = Eigen::of(&[0.0; 9], 3).expect("it converges");
        assert_eq!(zero.values, [0.0; 3]);
        assert_eq!(Eigen::of(&[f64::NAN], 1), None);
        assert_eq!(Eigen::of(&[7.0], 1), Some(Eigen { values: vec![7.0], vectors: vec![1.0] }));
    }

    /// A symmetric matrix; few different entries make zeros and equal eigenvalues common.
    fn matrices() -> impl Strategy<Value = (usize, Vec<f64>)> {
        (1_usize..24).prop_flat_map(|n| {
            let entry = prop_oneof![(-2..3_i32).prop_map(f64::from), -1e3..1e3_f64];
            let all = prop::collection::vec(entry, n * n);
            let sparse = prop::collection::vec((-1..2_i32).prop_map(f64::from), n * n);
            (Just(n), prop_oneof![all, sparse])
        })
    }

    proptest! {
        #[test]
        fn eigenvectors_are_orthonormal_and_give_the_matrix_back((n, matrix) in matrices(), power in -80..80_i32) {
            let size = 10_f64.powi(power);
            let matrix: Vec<f64> = matrix.iter().map(|x| x * size).collect();
            let Eigen { values, vectors } = Eigen::of(&matrix, n).expect("it converges");
            let largest = matrix.iter().fold(size, |most: f64, x| most.max(x.abs()));
            for i in 0..n {
                for j in 0..=i {
                    let product = dot(&vectors[i * n..(i + 1) * n], &vectors[j * n..(j + 1) * n]);
                    prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
                    let again: f64 = (0..n).map(|k| values[k] * vectors[k * n + i] * vectors[k * n + j]).sum();
                    prop_assert!((again - matrix[i * n + j]).abs() < 1e-12 * largest * n as f64);
                }
            }
        }

        #[test]
        fn sums_of_products_are_those_of_the_textbook(pairs in prop::collection::vec((-9..9_i32, -9..9_i32), 0..40)) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).unzip();
            let exact: i32 = pairs.iter().map(|(a, b)| a * b).sum();
            prop_assert_eq!(dot(&a, &b), f64::from(exact));
        }
    }
}
