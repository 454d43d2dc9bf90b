//! Counter-based random streams: every candidate of a run has its own, keyed by (run seed, candidate).
//!
//! ChaCha with 8 rounds; the seed is in the key, the candidate's index in the stream number, so any candidate's
//! stream can be made without making those before it. What is drawn from it is defined here, not in a library, so
//! that an upgrade can't change runs; the tests pin the first values.
//!
//! A stream can be serialised wherever it stands and goes on elsewhere from there:
//! `{"key": "64 hexadecimal digits", "stream": 7, "position": 12}`, the ChaCha key, the stream number, and how many
//! 64-bit words have been drawn (every draw takes whole words, and some take several).

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::QdError;

/// A stream of random numbers. Two are equal if all that they will ever give is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Place", into = "Place")]
pub struct Stream(ChaCha8Rng);

/// The serialised form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// Lower-case hexadecimal.
    key: String,
    stream: u64,
    /// 64-bit words drawn, below 2^63.
    position: u64,
}

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

    /// Fills a vector with standard normal numbers, two from each pair of words (Box-Muller with sine and cosine): about
    /// twice as fast as as many of [`Stream::normal`], and other numbers. Of an odd number the last pair's second is lost.
    pub fn fill_normal(&mut self, out: &mut [f64]) {
        for pair in out.chunks_mut(2) {
            let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
            let (sine, cosine) = libm::sincos(std::f64::consts::TAU * self.unit());
            pair[0] = radius * cosine;
            if let Some(second) = pair.get_mut(1) {
                *second = radius * sine;
            }
        }
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

impl From<Stream> for Place {
    fn from(Stream(rng): Stream) -> Self {
        let key = rng.get_seed().iter().map(|byte| format!("{byte:02x}")).collect();
        // The library counts 32-bit words.
        Self { key, stream: rng.get_stream(), position: (rng.get_word_pos() / 2) as u64 }
    }
}

impl TryFrom<Place> for Stream {
    type Error = QdError;

    fn try_from(place: Place) -> Result<Self, QdError> {
        let mut rng = ChaCha8Rng::from_seed(key(&place.key)?);
        // No run gets there; what starts below never draws past the 2^64 that can be written.
        if place.position >= 1 << 63 {
            return Err(QdError::Stream("its position is not below 2^63"));
        }
        rng.set_stream(place.stream);
        rng.set_word_pos(u128::from(place.position) * 2);
        Ok(Self(rng))
    }
}

fn key(text: &str) -> Result<[u8; 32], QdError> {
    let bad = QdError::Stream("its key is not 64 lower-case hexadecimal digits");
    if text.len() != 64 || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(bad);
    }
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let value = |digit: u8| if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 };
        *byte = value(digits[0]) << 4 | value(digits[1]);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draw(stream: &mut Stream, kind: u8) -> u64 {
        match kind % 7 {
            0 => stream.next_u64(),
            1 => stream.unit().to_bits(),
            2 => stream.uniform(-3.0, 8.0).to_bits(),
            // Rejects about every other word.
            3 => stream.below((1 << 63) + 1),
            4 => stream.normal().to_bits(),
            5 => stream.distinct(5, 3).into_iter().fold(0, |all, i| all * 5 + i as u64),
            _ => stream.weighted(&[1.0, 0.0, 2.5]).map_or(9, |i| i as u64),
        }
    }

    proptest! {
        #[test]
        fn a_stream_goes_on_elsewhere_from_wherever_it_stood(seed: u64, index: u64, named: bool, before in prop::collection::vec(any::<u8>(), 0..120), after in prop::collection::vec(any::<u8>(), 1..120)) {
            let mut stream = if named { Stream::named(seed, "cvt") } else { Stream::new(seed, index) };
            for kind in before {
                draw(&mut stream, kind);
                let text = serde_json::to_string(&stream).unwrap();
                let mut other: Stream = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&other, &stream);
                prop_assert_eq!(serde_json::to_string(&other).unwrap(), text);
                prop_assert_eq!(other.next_u64(), stream.clone().next_u64());
                prop_assert_ne!(&other, &stream);
            }
            let mut other: Stream = serde_json::from_value(serde_json::to_value(&stream).unwrap()).unwrap();
            for kind in after {
                prop_assert_eq!(draw(&mut other, kind), draw(&mut stream, kind));
            }
        }

        #[test]
        fn a_position_is_the_number_of_words_drawn(seed: u64, drawn in 0_u64..300) {
            let mut stream = Stream::new(seed, 3);
            (0..drawn).for_each(|_| { stream.next_u64(); });
            prop_assert_eq!(&serde_json::to_value(&stream).unwrap()["position"], &serde_json::json!(drawn));
        }

        #[test]
        fn streams_far_along_are_kept(stream: u64, position in prop_oneof![0_u64..1 << 63, (1_u64 << 63) - 40..1 << 63]) {
            let text = format!(r#"{{"key":"{}","stream":{stream},"position":{position}}}"#, "0f".repeat(32));
            let mut far: Stream = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&far).unwrap(), text);
            far.next_u64();
            prop_assert_eq!(&serde_json::to_value(&far).unwrap()["position"], &serde_json::json!(position + 1));
        }
    }

    #[test]
    fn the_serialised_form_of_streams_is_pinned() {
        let mut stream = Stream::new(7, 1);
        stream.next_u64();
        stream.normal();
        let text = r#"{"key":"070000000000000073616d6172612063616e6469646174652073747265616d2e","stream":1,"position":3}"#;
        assert_eq!(serde_json::to_string(&stream).unwrap(), text);
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        let good = serde_json::to_value(Stream::new(1, 2)).unwrap();
        assert!(serde_json::from_value::<Stream>(good.clone()).is_ok());
        let with = |field: &str, value: serde_json::Value| {
            let mut damaged = good.clone();
            damaged[field] = value;
            damaged
        };
        let mut short = good.clone();
        short.as_object_mut().unwrap().remove("position");
        for damaged in [
            short,
            with("key", "0".repeat(63).into()),
            with("key", "0".repeat(65).into()),
            with("key", "g".repeat(64).into()),
            with("key", "A".repeat(64).into()),
            with("key", "+1".repeat(32).into()),
            with("key", "é".repeat(32).into()),
            with("key", "".into()),
            with("stream", (-1).into()),
            with("stream", "1".into()),
            with("position", (-1).into()),
            with("position", (1_u64 << 63).into()),
            with("position", 1.5.into()),
            with("position", 1e300.into()),
            with("rounds", 8.into()),
        ] {
            assert!(serde_json::from_value::<Stream>(damaged.clone()).is_err(), "{damaged}");
        }
    }

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
