//! Random numbers: the project's only source. A [`Stream`] is ChaCha with 8 rounds (D. J. Bernstein, "ChaCha, a
//! variant of Salsa20", 2008), addressed by (seed, stream number), so that candidate i draws the same numbers
//! whatever the other candidates do. It must never learn of clocks, threads or the operating system's entropy.
//! The values of a stream are part of the project's promise: `tests/rng.rs` pins them.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// An endless, reproducible sequence of random numbers: a function of its seed and its number or name alone,
/// the same on every platform.
#[derive(Clone, Debug)]
pub struct Stream {
    source: ChaCha8Rng,
}

impl Stream {
    /// The stream of candidate `index` in the run seeded with `seed`. Different pairs give unrelated streams of
    /// 2^67 values each.
    pub fn new(seed: u64, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut source = ChaCha8Rng::from_seed(key);
        source.set_stream(index);
        Stream { source }
    }

    /// A stream outside the candidates' numbering, for work that belongs to the whole run (`"cvt"`, `"setup"`).
    /// It never equals one of [`Stream::new`]: the last byte of its key is odd, theirs is zero.
    pub fn named(seed: u64, name: &str) -> Self {
        let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name).finalize();
        let mut key: [u8; 32] = hash.into();
        key[31] |= 1;
        Stream { source: ChaCha8Rng::from_seed(key) }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.source.next_u64()
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * STEP
    }

    /// Uniform in `0..n`, without bias (Lemire, "Fast random integer generation in an interval", 2019).
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no number lies below 0");
        let unfair = n.wrapping_neg() % n;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(n);
            if wide as u64 >= unfair {
                return (wide >> 64) as u64;
            }
        }
    }

    /// Uniform index into a list of `len` items.
    ///
    /// # Panics
    /// When `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// Standard normal: mean 0, variance 1 (Box and Muller, 1958). Every call draws two values; the logarithm
    /// and the cosine are `libm`'s, since the platform's own may differ in the last bit.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Uniform between `lo` and `hi`: `lo` can be drawn, `hi` only by rounding.
    ///
    /// # Panics
    /// When a bound is not finite or `lo > hi`.
    pub fn uniform(&mut self, lo: f64, hi: f64) -> f64 {
        assert!(lo.is_finite() && hi.is_finite() && lo <= hi, "uniform needs finite bounds in order");
        let t = self.unit();
        // Not lo + t * (hi - lo), whose difference can overflow.
        (lo * (1.0 - t) + hi * t).clamp(lo, hi)
    }

    /// `k` distinct indices below `n`, each ordered choice equally likely. Takes time and space O(k).
    ///
    /// # Panics
    /// When `k > n`.
    pub fn distinct(&mut self, n: usize, k: usize) -> Vec<usize> {
        assert!(k <= n, "cannot draw {k} distinct indices below {n}");
        // The first k steps of a Fisher-Yates shuffle of 0..n; only places that differ from 0..n are stored.
        let mut moved = HashMap::with_capacity(k);
        (0..k)
            .map(|i| {
                let j = i + self.index(n - i);
                let at_i = moved.get(&i).copied().unwrap_or(i);
                if i == j { at_i } else { moved.insert(j, at_i).unwrap_or(j) }
            })
            .collect()
    }

    /// An index drawn with probability proportional to its weight; `None` (and nothing drawn) when the weights
    /// sum to 0. An index of weight 0 is never drawn.
    ///
    /// # Panics
    /// When a weight is negative, or the sum is not finite.
    pub fn weighted(&mut self, weights: &[f64]) -> Option<usize> {
        assert!(weights.iter().all(|&w| w >= 0.0), "weights must not be negative");
        let total: f64 = weights.iter().sum();
        assert!(total.is_finite(), "weights must have a finite sum");
        if total <= 0.0 {
            return None;
        }
        let mut rest = self.unit() * total;
        for (i, &w) in weights.iter().enumerate() {
            if rest < w {
                return Some(i);
            }
            rest -= w;
        }
        // Rounding can leave a rest after the last weight.
        weights.iter().rposition(|&w| w > 0.0)
    }
}
