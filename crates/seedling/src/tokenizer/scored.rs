//! SentencePiece's byte-pair encoding of one piece of text: of all neighbours whose joint text is a token, those of
//! the best score join first, the leftmost where several have it.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::bpe::{FastMap, NONE};

/// How early each token is made.
#[derive(Debug, Clone)]
pub(super) struct Scores {
    /// By token: 0 for the best score, equal for equal ones; [`NONE`] for what is never made by joining.
    ranks: Vec<u32>,
}

/// A run of bytes that is one token, or one character.
#[derive(Clone, Copy)]
struct Symbol {
    start: u32,
    /// 0 once it has joined the one before it.
    length: u32,
    before: u32,
    after: u32,
}

impl Scores {
    /// From the score of each token; `None` for what is never made by joining.
    pub(super) fn new(scores: &[Option<f32>]) -> Self {
        let mut distinct = scores.iter().flatten().copied().collect::<Vec<_>>();
        distinct.sort_unstable_by(|left, right| right.total_cmp(left));
        distinct.dedup();
        let rank = |score: f32| distinct.partition_point(|other| other.total_cmp(&score).is_gt()) as u32;
        Self { ranks: scores.iter().map(|score| score.map_or(NONE, rank)).collect() }
    }

    pub(super) fn rank(&self, id: u32) -> u32 {
        self.ranks.get(id as usize).copied().unwrap_or(NONE)
    }

    /// Calls `each` with the runs of bytes into which a piece joins, in order: tokens of `words`, or characters.
    pub(super) fn join<'a>(
        &self,
        piece: &'a [u8],
        words: &FastMap<Box<[u8]>, (u32, bool)>,
        longest: usize,
        each: &mut dyn FnMut(&'a [u8]),
    ) {
        let mut symbols = characters(piece);
        let rank = |start: u32, length: u32| {
            let text = &piece[start as usize..(start + length) as usize];
            let found = if text.len() <= longest { words.get(text) } else { None };
            found.map(|(id, _)| self.rank(*id)).filter(|rank| *rank != NONE)
        };
        let mut heap = BinaryHeap::new();
        let candidate = |symbols: &[Symbol], left: u32| {
            let one = symbols.get(left as usize)?;
            let other = symbols.get(one.after as usize)?;
            let length = one.length + other.length;
            Some(Reverse((rank(one.start, length)?, left, length)))
        };
        heap.extend((0..symbols.len() as u32).filter_map(|left| candidate(&symbols, left)));
        while let Some(Reverse((_, left, length))) = heap.pop() {
            let one = symbols[left as usize];
            let Some(other) = symbols.get(one.after as usize).copied() else { continue };
            if one.length == 0 || one.length + other.length != length {
                continue;
            }
            symbols[one.after as usize].length = 0;
            symbols[left as usize] = Symbol { length, after: other.after, ..one };
            if let Some(next) = symbols.get_mut(other.after as usize) {
                next.before = left;
            }
            heap.extend(candidate(&symbols, left));
            heap.extend(candidate(&symbols, one.before));
        }
        for symbol in symbols.iter().filter(|symbol| symbol.length > 0) {
            each(&piece[symbol.start as usize..(symbol.start + symbol.length) as usize]);
        }
    }
}

/// Each character of a piece.
fn characters(piece: &[u8]) -> Vec<Symbol> {
    let mut symbols = Vec::with_capacity(piece.len());
    let mut start = 0;
    while start < piece.len() {
        let length = super::build::char_len(piece[start]).min(piece.len() - start);
        let number = symbols.len() as u32;
        symbols.push(Symbol {
            start: start as u32,
            length: length as u32,
            before: number.checked_sub(1).unwrap_or(NONE),
            after: number + 1,
        });
        start += length;
    }
    symbols
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, looking at all neighbours again after each step.
    fn slowly(piece: &str, words: &FastMap<Box<[u8]>, (u32, bool)>, scores: &Scores) -> Vec<String> {
        let mut runs = piece.chars().map(String::from).collect::<Vec<_>>();
        loop {
            let rank = |pair: &[String]| {
                words.get(pair.concat().as_bytes()).map_or(NONE, |(id, _)| scores.rank(*id))
            };
            let best = runs.windows(2).map(rank).enumerate().min_by_key(|(_, rank)| *rank);
            let Some((at, _)) = best.filter(|(_, rank)| *rank != NONE) else { return runs };
            let joined = runs[at..at + 2].concat();
            runs.splice(at..at + 2, [joined]);
        }
    }

    proptest! {
        #[test]
        fn a_heap_joins_as_looking_at_all_neighbours_does(
            tokens in prop::collection::btree_map("[abé]{2,5}", -4..4_i8, 0..30),
            piece in "[abcé]{0,40}",
        ) {
            let scores = Scores::new(&tokens.values().map(|score| Some(f32::from(*score))).collect::<Vec<_>>());
            let words = tokens.keys().zip(0..).map(|(word, id)| (word.as_bytes().into(), (id, false))).collect();
            let mut found = Vec::new();
            scores.join(piece.as_bytes(), &words, 20, &mut |run| found.push(String::from_utf8(run.to_vec()).unwrap()));
            prop_assert_eq!(found, slowly(&piece, &words, &scores));
        }
    }
}
