//! Counter-based random streams: every candidate of a run has its own, keyed by (run seed, candidate).
//!
//! ChaCha with 8 rounds; the seed is in the key, the candidate's index in the stream number, so any candidate's
//! stream can be made without making those before it. What is drawn from it is defined here, not in a library, so
//! that an upgrade can't change runs; the tests pin the first values.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sha2::{Digest, Sha256};

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of candidate `index` in a run of this seed.
    pub fn new(seed: u64, index: u64) -> Self {
        let mut key = *b"????????samara candidate stream.";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(index);
        Self(rng)
    }

    /// A stream of the run that belongs to no candidate, such as "cvt". Never equal to one of [`Stream::new`].
    pub fn named(seed: u64, name: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"samara named stream");
        hasher.update(seed.to_le_bytes());
        hasher.update(name.as_bytes());
        Self(ChaCha8Rng::from_seed(hasher.finalize().into()))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `[lo, hi)`, up to rounding.
    pub fn uniform(&mut self, lo: f64, hi: f64) -> f64 {
        lo + (hi - lo) * self.unit()
    }

    /// Uniform in `0..n`, without bias (Lemire 2019, arXiv 1805.10941).
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "nothing to choose from");
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Uniform position in a list of `len`.
    ///
    /// # Panics
    /// If `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// Standard normal (Box-Muller, by `libm`, whose results are the same on every platform).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// `k` different positions below `n`, in random order.
    ///
    /// # Panics
    /// If `k > n`.
    pub fn distinct(&mut self, n: usize, k: usize) -> Vec<usize> {
        assert!(k <= n, "{k} different positions of {n}");
        let mut positions: Vec<usize> = (0..n).collect();
        for i in 0..k {
            let j = i + self.index(n - i);
            positions.swap(i, j);
        }
        positions.truncate(k);
        positions
    }

    /// A position drawn with probability proportional to its weight; `None` if no weight is positive.
    /// Weights must be finite and not negative.
    pub fn weighted(&mut self, weights: &[f64]) -> Option<usize> {
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return None;
        }
        let mut left = self.unit() * total;
        for (position, weight) in weights.iter().enumerate() {
            if left < *weight {
                return Some(position);
            }
            left -= weight;
        }
        // Rounding used the total up: the last one that could have been drawn.
        weights.iter().rposition(|weight| *weight > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_of_streams_are_pinned() {
        let first = |mut stream: Stream| [stream.next_u64(), stream.next_u64()];
        let pinned = [first(Stream::new(0, 0)), first(Stream::new(7, 1)), first(Stream::named(0, "cvt"))];
        assert_eq!(pinned, PINNED);
        assert_eq!(Stream::new(1, 2).normal().to_bits(), PINNED_NORMAL);
    }

    const PINNED: [[u64; 2]; 3] = [
        [11_117_579_440_007_074_191, 6_763_219_716_258_244_058],
        [2_319_960_438_112_125_627, 11_689_017_448_177_586_395],
        [4_799_475_319_168_858_339, 2_248_134_346_671_848_159],
    ];
    const PINNED_NORMAL: u64 = 13_836_509_486_464_518_666;

    #[test]
    fn streams_of_different_candidates_seeds_and_names_differ() {
        let mut firsts: Vec<u64> = (0..100).map(|i| Stream::new(3, i).next_u64()).collect();
        firsts.extend((0..100).map(|seed| Stream::new(seed + 1000, 0).next_u64()));
        firsts.extend(["a", "b", "ab"].map(|name| Stream::named(3, name).next_u64()));
        let all = firsts.len();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), all);
    }

    #[test]
    fn draws_have_the_right_moments_and_bounds() {
        let mut stream = Stream::new(5, 5);
        let n = 100_000;
        let (mut sum, mut squares, mut uniform, mut counts) = (0.0, 0.0, 0.0, [0_u32; 7]);
        for _ in 0..n {
            let z = stream.normal();
            sum += z;
            squares += z * z;
            uniform += stream.uniform(-2.0, 4.0);
            counts[stream.index(7)] += 1;
        }
        let n = f64::from(n);
        assert!((sum / n).abs() < 0.02 && (squares / n - 1.0).abs() < 0.03);
        assert!((uniform / n - 1.0).abs() < 0.03);
        assert!(counts.iter().all(|count| (f64::from(*count) - n / 7.0).abs() < 600.0), "{counts:?}");
    }

    #[test]
    fn weights_of_zero_are_never_drawn() {
        let mut stream = Stream::new(0, 9);
        assert_eq!(stream.weighted(&[0.0, 0.0]), None);
        assert!((0..1000).all(|_| stream.weighted(&[0.0, 1.0, 0.0]) == Some(1)));
    }

    #[test]
    fn distinct_positions_are_distinct() {
        let mut stream = Stream::new(1, 1);
        for k in 0..=10 {
            let mut drawn = stream.distinct(10, k);
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), k);
        }
    }
}
