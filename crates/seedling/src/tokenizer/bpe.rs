//! Byte-pair encoding of one piece of text: of all neighbours that may merge, those of the lowest rank do first.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    hash::{BuildHasher, Hasher, RandomState},
    sync::OnceLock,
};

/// No token, in tables and lists.
pub(super) const NONE: u32 = u32::MAX;

/// From this length on a heap is faster than looking at all neighbours again and again.
const HEAP_FROM: usize = 32;

/// A map with a hash that is faster than the standard library's, and secret: whoever writes a file can't choose names or
/// merges that collide. Nothing may depend on the order of its entries.
pub(super) type FastMap<K, V> = HashMap<K, V, FastState>;

/// Where hashing begins, and what it multiplies by: drawn once a process.
#[derive(Clone, Copy)]
pub(super) struct FastState {
    start: u64,
    factor: u64,
}

impl Default for FastState {
    fn default() -> Self {
        static DRAWN: OnceLock<FastState> = OnceLock::new();
        *DRAWN.get_or_init(|| {
            let random = RandomState::new();
            Self { start: random.hash_one(0), factor: random.hash_one(1) | 1 }
        })
    }
}

impl BuildHasher for FastState {
    type Hasher = FastHasher;

    fn build_hasher(&self) -> FastHasher {
        FastHasher { state: self.start, factor: self.factor }
    }
}

/// Multiplies to 128 bits and folds the halves, eight bytes at a time.
pub(super) struct FastHasher {
    state: u64,
    factor: u64,
}

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.state ^ value) * u128::from(self.factor);
        self.state = product as u64 ^ (product >> 64) as u64;
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

/// What may merge.
#[derive(Debug, Clone, Default)]
pub(super) struct Merges {
    /// Pair of tokens -> rank and merged token.
    table: FastMap<(u32, u32), (u32, u32)>,
}

/// Memory that merging reuses.
#[derive(Default)]
pub(super) struct Scratch {
    ranks: Vec<(u32, u32)>,
    links: Vec<(u32, u32)>,
    heap: BinaryHeap<Reverse<(u32, u32, u32)>>,
}

impl Merges {
    /// From `(left, right, merged)` in the order of their ranks.
    pub(super) fn new(ranked: &[(u32, u32, u32)]) -> Self {
        let entries = ranked.iter().zip(0..);
        Self {
            table: entries.map(|((left, right, merged), rank)| ((*left, *right), (rank, *merged))).collect(),
        }
    }

    fn get(&self, left: u32, right: u32) -> (u32, u32) {
        self.table.get(&(left, right)).copied().unwrap_or((NONE, NONE))
    }

    /// Merges the tokens of a piece as far as it goes, in place.
    pub(super) fn apply(&self, tokens: &mut Vec<u32>, from: usize, scratch: &mut Scratch) {
        if tokens.len() - from < HEAP_FROM {
            self.by_scanning(tokens, from, scratch);
        } else {
            self.by_heap(tokens, from, scratch);
        }
    }

    fn by_scanning(&self, tokens: &mut Vec<u32>, from: usize, scratch: &mut Scratch) {
        let ranks = &mut scratch.ranks;
        ranks.clear();
        ranks.extend(tokens[from..].windows(2).map(|pair| self.get(pair[0], pair[1])));
        while let Some((at, (rank, merged))) =
            ranks.iter().copied().enumerate().min_by_key(|(_, (rank, _))| *rank)
        {
            if rank == NONE {
                break;
            }
            tokens[from + at] = merged;
            tokens.remove(from + at + 1);
            ranks.remove(at);
            if at > 0 {
                ranks[at - 1] = self.get(tokens[from + at - 1], merged);
            }
            if at < ranks.len() {
                ranks[at] = self.get(merged, tokens[from + at + 1]);
            }
        }
    }

    fn by_heap(&self, tokens: &mut Vec<u32>, from: usize, scratch: &mut Scratch) {
        let Scratch { links, heap, .. } = scratch;
        let piece = &mut tokens[from..];
        let count = piece.len() as u32;
        links.clear();
        links.extend(
            (0..count)
                .map(|at| (at.checked_sub(1).unwrap_or(NONE), if at + 1 < count { at + 1 } else { NONE })),
        );
        heap.clear();
        let candidate = |left: u32, at: u32, right: u32| {
            let (rank, merged) = self.get(left, right);
            (rank != NONE).then_some(Reverse((rank, at, merged)))
        };
        heap.extend(piece.windows(2).zip(0..).filter_map(|(pair, at)| candidate(pair[0], at, pair[1])));
        while let Some(Reverse((rank, at, merged))) = heap.pop() {
            let (before, next) = links[at as usize];
            let stale = next == NONE || self.get(piece[at as usize], piece[next as usize]) != (rank, merged);
            if piece[at as usize] == NONE || stale {
                continue;
            }
            let after = links[next as usize].1;
            piece[at as usize] = merged;
            piece[next as usize] = NONE;
            links[at as usize].1 = after;
            if after != NONE {
                links[after as usize].0 = at;
                heap.extend(candidate(merged, at, piece[after as usize]));
            }
            if before != NONE {
                heap.extend(candidate(piece[before as usize], before, merged));
            }
        }
        let mut kept = from;
        for at in from..tokens.len() {
            if tokens[at] != NONE {
                tokens[kept] = tokens[at];
                kept += 1;
            }
        }
        tokens.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Two blocks of 16 bytes that collide wherever hashing multiplies word by word to 64 bits and turns by 5 bits
    /// between: a flipped highest bit stays alone, and the next word takes it back.
    const BLOCKS: [[u8; 16]; 2] = [*b"abcdefg\x41abcdefgh", *b"abcdefg\xc1qbcdefgh"];

    #[test]
    fn names_that_are_chosen_to_collide_do_not() {
        let names =
            (0..1024_usize).map(|bits| (0..10).flat_map(|at| BLOCKS[bits >> at & 1]).collect::<Vec<_>>());
        let names = names.collect::<Vec<_>>();
        let weak = |name: &[u8]| {
            let (words, _) = name.as_chunks();
            let step = |state: u64, word: &[u8; 8]| {
                (state.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            };
            words.iter().fold(0, step)
        };
        assert_eq!(names.iter().map(|name| weak(name)).collect::<BTreeSet<_>>().len(), 1);
        let state = FastState::default();
        assert_eq!(names.iter().map(|name| state.hash_one(name)).collect::<BTreeSet<_>>().len(), 1024);
    }

    proptest! {
        #[test]
        fn scanning_and_heap_merge_alike(
            pairs in prop::collection::vec((0..12_u32, 0..12_u32, 4..12_u32), 0..40),
            tokens in prop::collection::vec(0..4_u32, 0..120),
        ) {
            let merges = Merges::new(&pairs);
            let (mut scanned, mut heaped) = (tokens.clone(), tokens);
            merges.by_scanning(&mut scanned, 0, &mut Scratch::default());
            merges.by_heap(&mut heaped, 0, &mut Scratch::default());
            prop_assert_eq!(scanned, heaped);
        }
    }
}
