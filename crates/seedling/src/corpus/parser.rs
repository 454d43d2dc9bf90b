//! The recogniser of a grammar: whether a sentence belongs to it, and with what weights. Knows nothing of domains.

use std::{collections::HashMap, rc::Rc};

use super::grammar::{Grammar, Part, Weights};

/// What is known of a sentence or of a part of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    /// The token after its last one.
    pub(super) end: usize,
    /// Its weights.
    pub(super) weights: Weights,
    /// The marks of the symbols in it.
    pub(super) marks: u64,
}

/// All ways to read one list of words.
struct Chart<'a> {
    grammar: &'a Grammar,
    words: &'a [u32],
    known: HashMap<(usize, usize), Rc<[Reading]>>,
}

/// Reads the words of a sentence as a symbol: every reading that takes all of them.
pub(super) fn readings(grammar: &Grammar, symbol: usize, words: &[u32]) -> Vec<Reading> {
    let mut chart = Chart { grammar, words, known: HashMap::new() };
    let found = chart.read(symbol, 0);
    found.iter().copied().filter(|reading| reading.end == words.len()).collect()
}

/// The numbers of the words of a sentence (as [`super::tokens::sentences`] gives it), if the grammar knows them all.
pub(super) fn words(grammar: &Grammar, sentence: &[&str]) -> Option<Vec<u32>> {
    let first = sentence.first()?;
    let mut small = (*first).to_owned();
    small.get_mut(..1)?.make_ascii_lowercase();
    let first = grammar.word(&small).or_else(|| grammar.word(first))?;
    let rest = sentence[1..].iter().map(|word| grammar.word(word));
    std::iter::once(Some(first)).chain(rest).collect()
}

impl Chart<'_> {
    fn read(&mut self, symbol: usize, start: usize) -> Rc<[Reading]> {
        if let Some(known) = self.known.get(&(symbol, start)) {
            return Rc::clone(known);
        }
        let found = &self.grammar.symbols[symbol];
        let first = self.words.get(start).and_then(|word| found.first.get(word));
        let mut readings = Vec::new();
        for &index in first.into_iter().flatten().chain(&found.empty) {
            let alternative = &found.alternatives[index];
            let begun = Reading { end: start, weights: alternative.own, marks: found.mark };
            self.follow(&alternative.parts, begun, &mut readings);
        }
        let readings: Rc<[Reading]> = readings.into();
        self.known.insert((symbol, start), Rc::clone(&readings));
        readings
    }

    fn follow(&mut self, parts: &[Part], so_far: Reading, out: &mut Vec<Reading>) {
        let Some((&part, rest)) = parts.split_first() else {
            if !out.contains(&so_far) {
                out.push(so_far);
            }
            return;
        };
        match part {
            Part::Word(word) => {
                if self.words.get(so_far.end) == Some(&word) {
                    self.follow(rest, Reading { end: so_far.end + 1, ..so_far }, out);
                }
            }
            Part::Slot(slot) => {
                for reading in self.read(slot, so_far.end).iter() {
                    let weights = std::array::from_fn(|d| so_far.weights[d] + reading.weights[d]);
                    let next = Reading { end: reading.end, weights, marks: so_far.marks | reading.marks };
                    self.follow(rest, next, out);
                }
            }
        }
    }
}
