//! Writes a symbol of a grammar so that its weights come close to what is asked. Knows nothing of domains.

use super::grammar::{Grammar, Group, Part, Weights};
use crate::Stream;

/// How far from its target each weight strays.
const SPREAD: Weights = [0.3, 0.3, 0.5];

/// What a text or a group of texts prefers: among the same candidates it always likes the same ones best.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Which taste it is.
    pub taste: u64,
    /// How many candidates are looked at for each choice: 1 is no preference.
    pub strength: usize,
}

impl Style {
    fn liking(self, symbol: usize, alternative: usize) -> u64 {
        let mut hash = self.taste ^ ((symbol as u64) << 32 | alternative as u64);
        for _ in 0..2 {
            hash = (hash ^ (hash >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        hash ^ (hash >> 29)
    }
}

/// Tokens being written.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    grammar: &'a Grammar,
    stream: &'a mut Stream,
    style: Style,
    /// Symbols whose marks are to be met often.
    pub(super) wanted: u64,
    /// The words so far.
    pub(super) words: Vec<u32>,
    /// Their weights.
    pub(super) weights: Weights,
    /// The marks of the symbols used.
    pub(super) marks: u64,
    used: Vec<(usize, usize)>,
    /// Memory to reuse.
    odds: Vec<f64>,
}

impl<'a> Writer<'a> {
    /// With nothing written.
    pub(super) fn new(grammar: &'a Grammar, stream: &'a mut Stream, style: Style) -> Self {
        let (words, used) = (Vec::with_capacity(96), Vec::with_capacity(96));
        Self { grammar, stream, style, wanted: 0, words, weights: [0.0; 3], marks: 0, used, odds: Vec::new() }
    }

    /// Adds a symbol whose weights shall be near the target.
    pub(super) fn write(&mut self, symbol: usize, target: Weights) {
        let grammar = self.grammar;
        let found = &grammar.symbols[symbol];
        self.marks |= found.mark;
        let index = self.choose(symbol, target);
        let alternative = &found.alternatives[index];
        let goal: Weights = std::array::from_fn(|d| self.weights[d] + target[d]);
        for d in 0..3 {
            self.weights[d] += alternative.own[d];
        }
        let mut low: Weights = std::array::from_fn(|d| alternative.low[d] - alternative.own[d]);
        let mut high: Weights = std::array::from_fn(|d| alternative.high[d] - alternative.own[d]);
        for &part in &alternative.parts {
            match part {
                Part::Word(word) => self.words.push(word),
                Part::Slot(slot) => {
                    let range = grammar.symbols[slot].range;
                    let share = std::array::from_fn(|d| {
                        let last = high[d] - low[d] <= range.1[d] - range.0[d] + 1e-9;
                        let noise =
                            if last || range.0[d] == range.1[d] { 0.0 } else { 0.05 * self.stream.normal() };
                        let left = goal[d] - self.weights[d];
                        let part = ((left - low[d]) / (high[d] - low[d]).max(1e-9) + noise).clamp(0.0, 1.0);
                        range.0[d] + part * (range.1[d] - range.0[d])
                    });
                    for d in 0..3 {
                        low[d] -= range.0[d];
                        high[d] -= range.1[d];
                    }
                    self.write(slot, share);
                }
            }
        }
    }

    /// Draws an alternative: by how near it can come to the target, then by taste among the unused.
    fn choose(&mut self, symbol: usize, target: Weights) -> usize {
        let grammar = self.grammar;
        let found = &grammar.symbols[symbol];
        if found.kept
            && let Some(&(_, index)) = self.used.iter().find(|(used, _)| *used == symbol)
        {
            return index;
        }
        let group = if found.groups.len() == 1 {
            &found.groups[0]
        } else {
            self.odds.clear();
            self.odds.extend(found.groups.iter().map(|group| nearness(group, target)));
            &found.groups[draw(self.stream, &self.odds)]
        };
        let mut best = *self.stream.choose(&group.members);
        let mut rank = self.rank(symbol, best);
        for _ in 1..self.style.strength.min(group.members.len()) {
            let other = *self.stream.choose(&group.members);
            let other_rank = self.rank(symbol, other);
            if other_rank > rank {
                (best, rank) = (other, other_rank);
            }
        }
        if found.alternatives.len() > 4 {
            self.used.push((symbol, best));
        }
        best
    }

    /// How much an alternative is liked: unused before used, wanted before unwanted, then by taste.
    fn rank(&self, symbol: usize, index: usize) -> (bool, bool, u64) {
        let parts = &self.grammar.symbols[symbol].alternatives[index].parts;
        let wanted = self.wanted != 0
            && parts.iter().any(
                |part| matches!(part, Part::Slot(slot) if self.grammar.symbols[*slot].mark & self.wanted != 0),
            );
        (!self.used.contains(&(symbol, index)), wanted, self.style.liking(symbol, index))
    }
}

/// How likely a group is for a target, up to a factor.
fn nearness(group: &Group, target: Weights) -> f64 {
    let mut sum = 0.0;
    for d in 0..3 {
        let miss = (target[d] - target[d].clamp(group.low[d], group.high[d])) / SPREAD[d];
        sum += miss * miss;
    }
    group.members.len() as f64 / (1.0 + sum * sum)
}

/// Draws an index with odds.
fn draw(stream: &mut Stream, odds: &[f64]) -> usize {
    let mut left = stream.unit() * odds.iter().sum::<f64>();
    for (index, odd) in odds.iter().enumerate() {
        left -= odd;
        if left < 0.0 {
            return index;
        }
    }
    odds.len() - 1
}
