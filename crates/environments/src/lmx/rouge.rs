//! ROUGE-L (Lin 2004): how alike two texts are by their longest common subsequence of words, 0 to 1.
//!
//! Words are runs of letters and digits, lower-cased, as in the `rouge_score` package without stemming; that one
//! knows ASCII alone, this one every script. The subsequence is counted 64 words at a time (Hyyrö 2004).

use std::collections::HashMap;

/// A text, ready to be compared with many others.
#[derive(Debug, Clone)]
pub struct Rouge {
    /// How many words it has.
    words: usize,
    /// For each different word, a bit for each of its places.
    places: HashMap<String, Vec<u64>>,
}

impl Rouge {
    /// Reads a text.
    pub fn new(text: &str) -> Self {
        let listed: Vec<String> = words(text).collect();
        let blocks = listed.len().div_ceil(64);
        let mut places: HashMap<String, Vec<u64>> = HashMap::new();
        let count = listed.len();
        for (place, word) in listed.into_iter().enumerate() {
            places.entry(word).or_insert_with(|| vec![0; blocks])[place / 64] |= 1 << (place % 64);
        }
        Self { words: count, places }
    }

    /// The F1 of precision and recall of the longest common subsequence; 0 if either text has no words.
    pub fn f1(&self, other: &str) -> f64 {
        let mut blocks = vec![u64::MAX; self.words.div_ceil(64)];
        let mut count = 0_usize;
        for word in words(other) {
            count += 1;
            if let Some(places) = self.places.get(&word) {
                advance(&mut blocks, places);
            }
        }
        // Bits past the last word are never cleared.
        let common: u32 = blocks.iter().map(|block| block.count_zeros()).sum();
        if common == 0 {
            return 0.0;
        }
        2.0 * f64::from(common) / (self.words + count) as f64
    }
}

/// One column of the table of subsequences: v = (v + (v & m)) | (v & !m), over all blocks.
fn advance(blocks: &mut [u64], places: &[u64]) {
    let mut carry = false;
    for (block, mask) in blocks.iter_mut().zip(places) {
        let (sum, first) = block.overflowing_add(*block & mask);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        carry = first || second;
        *block = sum | (*block & !mask);
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn likeness_is_that_worked_out_by_hand() {
        // Common subsequences, by hand: "police the gunman", then 3 of 4 words, then 2 of 4 ("the gunman").
        for (a, b, expected) in [
            ("police killed the gunman", "Police kill the gunman.", 3.0 / 4.0),
            ("police killed the gunman", "the gunman kill police", 2.0 / 4.0),
            ("a b c d e", "a c e", 2.0 * 3.0 / 8.0),
            ("I like peas", "I LIKE; peas!", 1.0),
            ("one two", "three four", 0.0),
            ("", "three", 0.0),
            ("three", "...", 0.0),
        ] {
            assert_eq!(Rouge::new(a).f1(b), expected, "{a} / {b}");
        }
    }

    /// The table as textbooks fill it.
    fn plain(a: &[u8], b: &[u8]) -> usize {
        let mut row = vec![0_usize; b.len() + 1];
        for x in a {
            let mut corner = 0;
            for (j, y) in b.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if x == y { corner + 1 } else { above.max(row[j]) };
                corner = above;
            }
        }
        row[b.len()]
    }

    proptest! {
        #[test]
        fn blocks_of_bits_count_what_the_plain_table_counts(
            a in proptest::collection::vec(0_u8..6, 1..200),
            b in proptest::collection::vec(0_u8..6, 1..200),
        ) {
            let text = |words: &[u8]| words.iter().map(|w| format!("w{w} ")).collect::<String>();
            let expected = 2.0 * plain(&a, &b) as f64 / (a.len() + b.len()) as f64;
            prop_assert_eq!(Rouge::new(&text(&a)).f1(&text(&b)), expected);
            prop_assert_eq!(Rouge::new(&text(&b)).f1(&text(&a)), expected);
        }
    }
}
