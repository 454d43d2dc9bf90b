//! Weighted grammars: how the tables of a domain are read. Knows nothing of any domain, of writing or of parsing.
//!
//! A rule is `name a=1.5 b=-2 q=0.5: alternative | alternative`, continued on indented lines. The same name may
//! stand on several lines with other weights. In an alternative, `{name}` is a slot and `[x|y|]` a choice. A rule
//! whose name ends in `.#` is two rules, `.s` and `.p` (singular and plural): `{name.#}` follows it, `word~` is a
//! verb with or without its third-person s, `<is/are>` either form. In other rules an alternative that uses these
//! stands for both. `%` is a second number, for slots only.

use std::collections::HashMap;

/// Weights of the first axis, of the second axis and of quality.
pub(super) type Weights = [f64; 3];

/// The marks that are tokens of their own and lean on the word before them.
pub(super) const MARKS: [char; 6] = [',', '.', ';', ':', '!', '?'];

/// One piece of an alternative.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// A word or a mark.
    Word(u32),
    /// Any text of a symbol.
    Slot(usize),
}

/// One way to write a symbol.
#[derive(Debug)]
pub(super) struct Alternative {
    /// What it is made of.
    pub(super) parts: Vec<Part>,
    /// Its weights without those of its slots.
    pub(super) own: Weights,
    /// Its least weights, slots included.
    pub(super) low: Weights,
    /// Its greatest weights, slots included.
    pub(super) high: Weights,
}

/// Alternatives with the same range of weights.
#[derive(Debug)]
pub(super) struct Group {
    /// Their least weights.
    pub(super) low: Weights,
    /// Their greatest weights.
    pub(super) high: Weights,
    /// Which they are.
    pub(super) members: Vec<usize>,
}

/// A named set of alternatives.
#[derive(Debug, Default)]
pub(super) struct Symbol {
    /// Its name; empty for a choice in brackets.
    pub(super) name: String,
    /// Every way to write it.
    pub(super) alternatives: Vec<Alternative>,
    /// The same by range of weights.
    pub(super) groups: Vec<Group>,
    /// Which alternatives can begin with a word.
    pub(super) first: HashMap<u32, Vec<usize>>,
    /// Which alternatives can be empty.
    pub(super) empty: Vec<usize>,
    /// Its least and greatest weights.
    pub(super) range: (Weights, Weights),
    /// Its bit among the symbols that are asked for by name.
    pub(super) mark: u64,
    /// Whether a text that has written it once writes it the same way again.
    pub(super) kept: bool,
}

/// A grammar: symbols that refer to one another without cycles.
#[derive(Debug, Default)]
pub(super) struct Grammar {
    /// All symbols.
    pub(super) symbols: Vec<Symbol>,
    /// All words.
    pub(super) words: Vec<String>,
    names: HashMap<String, usize>,
    ids: HashMap<String, u32>,
    done: Vec<bool>,
}

impl Grammar {
    /// Reads the tables. `marked` are the names (without number) whose use in a text is kept track of, as bits in
    /// their order.
    ///
    /// # Panics
    /// If the tables, which are part of the program, are wrong: an unknown slot, a cycle or bad syntax.
    pub(super) fn read(tables: &[&str], marked: &[&str]) -> Self {
        let mut grammar = Self::default();
        for line in tables.iter().flat_map(|table| joined(table)) {
            let (head, body) = line.split_once(": ").unwrap_or_else(|| panic!("no rule: {line}"));
            grammar.rule(head, body);
        }
        grammar.done = vec![false; grammar.symbols.len()];
        for symbol in 0..grammar.symbols.len() {
            grammar.finish(symbol, 0);
        }
        for symbol in &mut grammar.symbols {
            let base = symbol.name.split('.').next();
            symbol.mark = marked.iter().position(|&mark| Some(mark) == base).map_or(0, |bit| 1 << bit);
        }
        grammar
    }

    /// The symbol of a name.
    ///
    /// # Panics
    /// If there is none.
    pub(super) fn symbol(&self, name: &str) -> usize {
        *self.names.get(name).unwrap_or_else(|| panic!("no symbol {name}"))
    }

    /// The number of a word, if the grammar knows it.
    pub(super) fn word(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    /// Makes texts keep to their first choice for some symbols, such as what a character is called.
    pub(super) fn keep(&mut self, names: &[&str]) {
        for name in names {
            let symbol = self.symbol(name);
            self.symbols[symbol].kept = true;
        }
    }

    fn rule(&mut self, head: &str, body: &str) {
        let mut fields = head.split_whitespace();
        let name = fields.next().unwrap_or_default();
        let mut own = [0.0; 3];
        for field in fields {
            let (key, value) = field.split_once('=').unwrap_or_else(|| panic!("bad weight in {head}"));
            let dimension = ["a", "b", "q"].iter().position(|&known| known == key);
            let dimension = dimension.unwrap_or_else(|| panic!("bad weight in {head}"));
            own[dimension] = value.parse().unwrap_or_else(|_| panic!("bad weight in {head}"));
        }
        let numbers: &[(&str, bool)] =
            if name.ends_with(".#") { &[(".s", true), (".p", false)] } else { &[("", true)] };
        for &(suffix, singular) in numbers {
            let full = format!("{}{suffix}", name.trim_end_matches(".#"));
            let symbol = self.named(&full);
            for alternative in split(body) {
                let variants = match (suffix.is_empty(), has_number(alternative)) {
                    (false, _) => vec![number(alternative, singular, '#')],
                    (true, true) => vec![number(alternative, true, '#'), number(alternative, false, '#')],
                    (true, false) => vec![alternative.to_owned()],
                };
                for variant in variants.iter().flat_map(|variant| second_number(variant)) {
                    let parts = self.parts(&variant);
                    self.symbols[symbol].alternatives.push(Alternative { parts, own, low: own, high: own });
                }
            }
        }
    }

    fn named(&mut self, name: &str) -> usize {
        if let Some(&symbol) = self.names.get(name) {
            return symbol;
        }
        self.symbols.push(Symbol { name: name.to_owned(), ..Symbol::default() });
        self.names.insert(name.to_owned(), self.symbols.len() - 1);
        self.symbols.len() - 1
    }

    fn choice(&mut self, body: &str) -> usize {
        let mut alternatives = Vec::new();
        for text in split(body) {
            let parts = self.parts(text);
            alternatives.push(Alternative { parts, own: [0.0; 3], low: [0.0; 3], high: [0.0; 3] });
        }
        self.symbols.push(Symbol { alternatives, ..Symbol::default() });
        self.symbols.len() - 1
    }

    fn parts(&mut self, text: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '{' => rest.find('}').unwrap_or_else(|| panic!("open slot in {text}")) + 1,
                '[' => closing(rest),
                mark if MARKS.contains(&mark) => 1,
                _ => rest
                    .find(|next: char| next.is_whitespace() || MARKS.contains(&next) || "{[".contains(next))
                    .unwrap_or(rest.len()),
            };
            let piece = &rest[..length];
            parts.push(match first {
                '{' => Part::Slot(self.named(&piece[1..length - 1])),
                '[' => Part::Slot(self.choice(&piece[1..length - 1])),
                // Which of the two it is, the next word decides.
                _ => Part::Word(self.intern(if piece == "an" { "a" } else { piece })),
            });
            rest = rest[length..].trim_start();
        }
        parts
    }

    fn intern(&mut self, word: &str) -> u32 {
        if let Some(&id) = self.ids.get(word) {
            return id;
        }
        let id = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        self.words.push(word.to_owned());
        self.ids.insert(word.to_owned(), id);
        id
    }

    /// Works out the ranges and first words of a symbol, after those of its slots.
    fn finish(&mut self, symbol: usize, depth: usize) {
        assert!(depth < 64, "a cycle through {}", self.symbols[symbol].name);
        if self.done[symbol] {
            return;
        }
        let mut alternatives = std::mem::take(&mut self.symbols[symbol].alternatives);
        assert!(!alternatives.is_empty(), "no rule for {:?}", self.symbols[symbol].name);
        let mut first: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut empty = Vec::new();
        for (index, alternative) in alternatives.iter_mut().enumerate() {
            let mut nullable = true;
            for &part in &alternative.parts {
                let mut words = Vec::new();
                let mut skips = false;
                match part {
                    Part::Word(word) => words.push(word),
                    Part::Slot(slot) => {
                        self.finish(slot, depth + 1);
                        let (low, high) = self.symbols[slot].range;
                        for dimension in 0..3 {
                            alternative.low[dimension] += low[dimension];
                            alternative.high[dimension] += high[dimension];
                        }
                        words.extend(self.symbols[slot].first.keys().copied());
                        skips = !self.symbols[slot].empty.is_empty();
                    }
                }
                for word in words.into_iter().filter(|_| nullable) {
                    let entry = first.entry(word).or_default();
                    if entry.last() != Some(&index) {
                        entry.push(index);
                    }
                }
                nullable &= skips;
            }
            if nullable {
                empty.push(index);
            }
        }
        let found = &mut self.symbols[symbol];
        found.groups = groups(&alternatives);
        found.range = alternatives.iter().fold(([f64::MAX; 3], [f64::MIN; 3]), |(low, high), alternative| {
            (
                std::array::from_fn(|d| low[d].min(alternative.low[d])),
                std::array::from_fn(|d| high[d].max(alternative.high[d])),
            )
        });
        (found.alternatives, found.first, found.empty) = (alternatives, first, empty);
        self.done[symbol] = true;
    }
}

fn groups(alternatives: &[Alternative]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, alternative) in alternatives.iter().enumerate() {
        let same =
            groups.iter_mut().find(|group| group.low == alternative.low && group.high == alternative.high);
        match same {
            Some(group) => group.members.push(index),
            None => {
                groups.push(Group { low: alternative.low, high: alternative.high, members: vec![index] });
            }
        }
    }
    groups
}

/// The rules of a table, each on one line; lines that begin with `//` are comments.
fn joined(table: &str) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for line in table.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("//")) {
        match rules.last_mut() {
            Some(rule) if line.starts_with(' ') => {
                rule.push(' ');
                rule.push_str(line.trim());
            }
            _ => rules.push(line.trim_end().to_owned()),
        }
    }
    rules
}

/// Splits at the bars outside of brackets.
fn split(body: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in body.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                pieces.push(body[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(body[start..].trim());
    pieces
}

/// The length of a choice in brackets at the start of a text.
fn closing(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' if depth == 1 => return at + 1,
            ']' => depth -= 1,
            _ => {}
        }
    }
    panic!("open choice in {text}")
}

fn has_number(alternative: &str) -> bool {
    number(alternative, true, '#') != number(alternative, false, '#')
}

/// An alternative in the singular or the plural of one of its two numbers: `#`, whose verbs and forms bear no sign,
/// or `%`, whose verbs and forms do.
fn number(alternative: &str, singular: bool, sign: char) -> String {
    let mut out = String::new();
    let mut rest = alternative;
    while let Some(at) = rest.find([sign, '~', '<']) {
        out.push_str(&rest[..at]);
        let end = if rest[at..].starts_with('<') { at + rest[at..].find('>').unwrap_or(0) } else { at };
        let piece = &rest[at..=end];
        rest = &rest[end + 1..];
        if piece.starts_with(sign) {
            out.push(if singular { 's' } else { 'p' });
            continue;
        }
        if rest.starts_with('%') != (sign == '%') {
            out.push_str(piece);
            continue;
        }
        rest = rest.strip_prefix('%').unwrap_or(rest);
        match piece.trim_matches(['<', '>']).split_once('/') {
            Some((one, many)) => out.push_str(if singular { one } else { many }),
            None if singular => inflect(&mut out),
            None => {}
        }
    }
    out.push_str(rest);
    out
}

/// Puts the third-person ending on a verb.
fn inflect(verb: &mut String) {
    let ends = |ending: &str| verb.ends_with(ending);
    let vowel = verb.chars().rev().nth(1).is_some_and(|letter| "aeiou".contains(letter));
    if ends("s") || ends("x") || ends("z") || ends("ch") || ends("sh") || ends("o") {
        verb.push_str("es");
    } else if ends("y") && !vowel {
        verb.pop();
        verb.push_str("ies");
    } else {
        verb.push('s');
    }
}

fn second_number(variant: &str) -> Vec<String> {
    if variant.contains('%') {
        vec![number(variant, true, '%'), number(variant, false, '%')]
    } else {
        vec![variant.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_forms_follow_their_number() {
        assert_eq!(number("they carry~ <it/them> to {x.#}", true, '#'), "they carries it to {x.s}");
        assert_eq!(number("relish~ play~ <is/are>", true, '#'), "relishes plays is");
        assert_eq!(number("relish~ play~ <is/are>", false, '#'), "relish play are");
    }

    #[test]
    fn a_table_becomes_symbols_with_ranges() {
        let grammar = Grammar::read(
            &[
                "top: I {verb.p} [a|the|] {noun},\n  then {noun}.\nverb.# a=2: love~\nverb.# a=-1: hate~\nnoun q=1: pea | bean\n",
            ],
            &["noun"],
        );
        let top = &grammar.symbols[grammar.symbol("top")];
        assert_eq!(top.range, ([-1.0, 0.0, 2.0], [2.0, 0.0, 2.0]));
        assert_eq!(grammar.symbols[grammar.symbol("noun")].mark, 1);
        assert_eq!(top.first.len(), 1);
    }
}
