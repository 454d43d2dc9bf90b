//! How alike two things of many parts are, by the runs of parts that both have: of the tokens of programs, the words of
//! texts.

use std::collections::HashMap;

/// Parts of a run.
const RUN: usize = 3;

/// How often each run of three parts stands in a thing, by a hash. Only looked up and summed, so that the order of the map
/// does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shingles(HashMap<u64, usize>);

impl Shingles {
    /// Counts the runs of these parts too; parts that are fewer than three are one run.
    pub(crate) fn add<'a>(&mut self, parts: impl Iterator<Item = &'a str>) {
        let hashes: Vec<u64> = parts.map(|part| hash(part.as_bytes())).collect();
        for run in hashes.windows(RUN.min(hashes.len().max(1))) {
            let bytes: Vec<u8> = run.iter().flat_map(|hash| hash.to_le_bytes()).collect();
            *self.0.entry(hash(&bytes)).or_default() += 1;
        }
    }

    /// Of a text's words, without a difference between small and capital letters and without punctuation.
    pub(crate) fn of_text(text: &str) -> Self {
        let text = text.to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut shingles = Self::default();
        shingles.add(words);
        shingles
    }

    /// The part of all runs of two things that both have, 0 to 1; 1 for two empty ones.
    pub(crate) fn similarity(&self, other: &Self) -> f64 {
        let both: usize = self.0.iter().map(|(key, count)| *count.min(other.0.get(key).unwrap_or(&0))).sum();
        let all = self.0.values().sum::<usize>() + other.0.values().sum::<usize>() - both;
        if all == 0 { 1.0 } else { both as f64 / all as f64 }
    }
}

/// FNV-1a: the same everywhere and always.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alike(a: &str, b: &str) -> f64 {
        Shingles::of_text(a).similarity(&Shingles::of_text(b))
    }

    #[test]
    fn texts_are_as_alike_as_the_runs_of_three_words_that_they_share() {
        assert_eq!(alike("The cat sat down.", "the CAT sat  down"), 1.0);
        // Runs of the first: abc, bcd; of the second: abc, bce. One of three is shared.
        assert!((alike("a b c d", "a b c e") - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(alike("one two", "one three"), 0.0);
        assert_eq!((alike("", "..."), alike("", "word")), (1.0, 0.0));
    }

    proptest! {
        #[test]
        fn likeness_is_symmetric_and_between_0_and_1(a in "([a-c] ){0,12}", b in "([a-c] ){0,12}") {
            prop_assert!((0.0..=1.0).contains(&alike(&a, &b)));
            prop_assert_eq!(alike(&a, &b), alike(&b, &a));
            prop_assert_eq!(alike(&a, &a), 1.0);
        }
    }
}
