//! Byte-pair encoding of one piece of text: of all neighbours that may merge, those of the lowest rank do first.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    hash::{BuildHasherDefault, Hasher},
};

/// No token, in tables and lists.
pub(super) const NONE: u32 = u32::MAX;

/// From this length on a heap is faster than looking at all neighbours again and again.
const HEAP_FROM: usize = 32;

/// A map with a hash that is fast rather than safe against chosen keys; a bad file only slows itself down.
pub(super) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;

/// Multiplies and rotates, eight bytes at a time.
#[derive(Default)]
pub(super) struct FastHasher(u64);

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
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
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
    use proptest::prelude::*;

    use super::*;

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
