//! Training of byte-level byte-pair encoding: counts words, then merges the most frequent pair again and again.

use std::{cmp::Reverse, collections::BinaryHeap, path::PathBuf};

use super::{
    alphabet,
    bpe::FastMap,
    definition::{Added, Definition, Joining, Kind, TOKENIZER_FILE},
    split::Cut,
};

/// No pair is merged that occurs less often.
const LEAST: i64 = 2;

pub(super) fn train(
    texts: impl Iterator<Item = String>,
    vocab_size: usize,
    specials: &[&str],
    cut: Cut,
) -> Definition {
    let mut names = Vec::<String>::new();
    for special in specials {
        assert!(special.chars().count() > 1, "the special token {special:?} is too short");
        if !names.iter().any(|name| name == special) {
            names.push((*special).to_owned());
        }
    }
    let special_count = names.len();
    let mut letters = (0..=255).map(|byte| (alphabet::char_of(byte), byte)).collect::<Vec<_>>();
    letters.sort_unstable();
    let mut units = [0; 256];
    for (char, byte) in letters {
        units[usize::from(byte)] = names.len() as u32;
        names.push(char.to_string());
    }
    let mut trainer = Trainer::new(count_words(texts, &cut), &units);
    let mut merges = Vec::new();
    let mut ids = names.iter().cloned().zip(0..).collect::<FastMap<_, u32>>();
    while names.len() < vocab_size
        && let Some((left, right)) = trainer.most_frequent()
    {
        let name = format!("{}{}", names[left as usize], names[right as usize]);
        let known = ids.get(&name).copied();
        // A merge into a special token would let plain text hold it.
        if known.is_some_and(|id| (id as usize) < special_count) {
            continue;
        }
        let merged = known.unwrap_or(names.len() as u32);
        if known.is_none() {
            ids.insert(name.clone(), merged);
            names.push(name);
        }
        merges.push((names[left as usize].clone(), names[right as usize].clone()));
        trainer.merge(left, right, merged);
    }
    let flags = Added { special: true, ..Added::default() };
    let added =
        names.iter().zip(0..).take(special_count).map(|(name, id)| (name.clone(), id, flags)).collect();
    let bos = names.iter().take(special_count).position(|name| name == "<s>").map(|id| id as u32);
    Definition {
        origin: PathBuf::from(TOKENIZER_FILE),
        kind: Kind::ByteLevel { nfc: false, cuts: vec![cut] },
        vocab: names.into_iter().zip(0..).collect(),
        joining: Joining::Merges(merges),
        added,
        ignore_merges: false,
        unknown: None,
        bos,
        ends: Vec::new(),
    }
}

/// The words of the texts and how often each occurs, sorted.
fn count_words(texts: impl Iterator<Item = String>, cut: &Cut) -> Vec<(Box<[u8]>, i64)> {
    let mut counts = FastMap::<Box<[u8]>, i64>::default();
    for text in texts {
        cut.pieces(&text, 0..text.len(), &mut |range| {
            let word = &text.as_bytes()[range];
            match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.into(), 1);
                }
            }
        });
    }
    let mut words = counts.into_iter().collect::<Vec<_>>();
    words.sort_unstable();
    words
}

type Pair = (u32, u32);

fn note(places: &mut FastMap<Pair, Vec<u32>>, pair: Pair, word: u32) {
    let words = places.entry(pair).or_default();
    if words.last() != Some(&word) {
        words.push(word);
    }
}

struct Trainer {
    /// Tokens of each word so far, and how often the word occurs.
    words: Vec<(Vec<u32>, i64)>,
    counts: FastMap<Pair, i64>,
    /// Words in which a pair is, or has been; one may be there twice.
    places: FastMap<Pair, Vec<u32>>,
    /// Pairs by count, as of when they were put here.
    queue: BinaryHeap<(i64, Reverse<Pair>)>,
}

impl Trainer {
    fn new(counted: Vec<(Box<[u8]>, i64)>, units: &[u32; 256]) -> Self {
        let tokens = |word: &[u8]| word.iter().map(|byte| units[usize::from(*byte)]).collect::<Vec<_>>();
        let words = counted.into_iter().map(|(word, count)| (tokens(&word), count)).collect::<Vec<_>>();
        let mut counts = FastMap::<Pair, i64>::default();
        let mut places = FastMap::<Pair, Vec<u32>>::default();
        for ((tokens, count), at) in words.iter().zip(0..) {
            for pair in tokens.windows(2).map(|pair| (pair[0], pair[1])) {
                *counts.entry(pair).or_default() += count;
                note(&mut places, pair, at);
            }
        }
        let queue = counts.iter().map(|(pair, count)| (*count, Reverse(*pair))).collect();
        Self { words, counts, places, queue }
    }

    /// The pair that occurs most often, the lowest where several do; each is given once.
    fn most_frequent(&mut self) -> Option<Pair> {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let now = self.counts.get(&pair).copied().unwrap_or(0);
            if now >= LEAST && now == count {
                return Some(pair);
            }
            if now >= LEAST {
                self.queue.push((now, Reverse(pair)));
            }
        }
        None
    }

    fn merge(&mut self, left: u32, right: u32, merged: u32) {
        let mut changes = FastMap::<Pair, i64>::default();
        for at in self.places.remove(&(left, right)).unwrap_or_default() {
            let (tokens, count) = &mut self.words[at as usize];
            let mut change = |pair: Pair, by: i64| *changes.entry(pair).or_default() += by;
            let mut from = 0;
            let mut kept = 0;
            while from < tokens.len() {
                if tokens[from] != left || tokens.get(from + 1) != Some(&right) {
                    tokens[kept] = tokens[from];
                    from += 1;
                    kept += 1;
                    continue;
                }
                if kept > 0 {
                    change((tokens[kept - 1], left), -*count);
                    change((tokens[kept - 1], merged), *count);
                    note(&mut self.places, (tokens[kept - 1], merged), at);
                }
                if let Some(after) = tokens.get(from + 2).copied() {
                    change((right, after), -*count);
                    change((merged, after), *count);
                    note(&mut self.places, (merged, after), at);
                }
                tokens[kept] = merged;
                from += 2;
                kept += 1;
            }
            tokens.truncate(kept);
        }
        self.counts.remove(&(left, right));
        for (pair, by) in changes.into_iter().filter(|(pair, by)| *by != 0 && *pair != (left, right)) {
            let count = self.counts.entry(pair).or_default();
            *count += by;
            if *count >= LEAST {
                self.queue.push((*count, Reverse(pair)));
            }
        }
    }
}
