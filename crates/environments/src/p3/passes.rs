//! pass@k: the chance that at least one of k solutions drawn without replacement from n samples is right.

/// The unbiased estimator of Chen et al. 2021 (Codex, arXiv 2107.03374, equation 1) for c right ones of n samples:
/// 1 - C(n - c, k) / C(n, k), as a product, so that nothing overflows. 0 to 1; needs c <= n and 1 <= k <= n.
pub fn pass_at_k(n: usize, c: usize, k: usize) -> f64 {
    if n - c < k {
        return 1.0;
    }
    1.0 - (n - c + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Counts the sets of k of n samples, the first c of which are right, that hold a right one.
    fn counted(n: usize, c: usize, k: usize) -> f64 {
        let sets = (0_u32..1 << n).filter(|set| set.count_ones() as usize == k);
        let (mut all, mut passed) = (0_u32, 0_u32);
        for set in sets {
            all += 1;
            passed += u32::from(set & ((1 << c) - 1) != 0);
        }
        f64::from(passed) / f64::from(all)
    }

    proptest! {
        #[test]
        fn the_estimator_is_the_part_of_all_draws_that_pass(n in 1_usize..12, c in 0_usize..12, k in 1_usize..12) {
            let (c, k) = (c.min(n), k.min(n));
            prop_assert!((pass_at_k(n, c, k) - counted(n, c, k)).abs() < 1e-12);
        }

        #[test]
        fn more_right_samples_never_make_it_less(n in 1_usize..200, c in 0_usize..199, k in 1_usize..200) {
            let (c, k) = (c.min(n - 1), k.min(n));
            let (less, more) = (pass_at_k(n, c, k), pass_at_k(n, c + 1, k));
            prop_assert!((0.0..=1.0).contains(&less) && less <= more + 1e-12);
        }
    }

    #[test]
    fn one_of_n_passes_at_one_in_n() {
        assert_eq!(pass_at_k(10, 0, 1), 0.0);
        assert!((pass_at_k(10, 1, 1) - 0.1).abs() < 1e-12);
        assert_eq!(pass_at_k(10, 10, 1), 1.0);
    }
}
