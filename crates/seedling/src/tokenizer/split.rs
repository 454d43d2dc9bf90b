//! Cuts text into the pieces within which tokens merge.

use std::ops::Range;

use fancy_regex::Regex;

/// The pattern that GPT-2 cuts text by.
pub(super) const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The pattern that programs are cut by: indentation, a name with what joins it to the next, a number, marks with the
/// line break behind them, and any space left.
const CODE: &str = r" {2,}| ?[A-Za-z_][A-Za-z_.0-9]*[(\[]?| ?[0-9]+(?:\.[0-9]+)?| ?[^\sA-Za-z0-9_]+\n?|\n|\s";

/// A way to cut.
#[derive(Debug, Clone)]
pub(super) enum Cut {
    /// GPT-2's pattern.
    Gpt2(Gpt2),
    /// A pattern of the file.
    Pattern {
        /// The compiled pattern.
        regex: Box<Regex>,
        /// As the file has it.
        source: Source,
        /// Whether what matches is thrown away, rather than a piece of its own.
        removed: bool,
        /// Whether what does not match is what counts as a match.
        invert: bool,
    },
    /// Numbers apart from other text: each digit, or each run of them.
    Digits {
        /// Each digit by itself.
        individual: bool,
    },
}

/// How a file gives a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A regular expression.
    Regex(String),
    /// Plain text.
    Text(String),
}

impl Cut {
    /// The way for programs.
    pub(super) fn code() -> Self {
        Self::Pattern {
            regex: Box::new(Regex::new(CODE).expect("the pattern of programs is a good one")),
            source: Source::Regex(CODE.to_owned()),
            removed: false,
            invert: false,
        }
    }

    /// Calls `each` with the pieces of `text[range]`, in order; none is empty.
    pub(super) fn pieces(&self, text: &str, range: Range<usize>, each: &mut impl FnMut(Range<usize>)) {
        let mut each = |start: usize, end: usize| {
            if start < end {
                each(range.start + start..range.start + end);
            }
        };
        let text = &text[range.clone()];
        match self {
            Self::Gpt2(gpt2) => gpt2.pieces(text, each),
            Self::Digits { individual } => digits(text, *individual, each),
            Self::Pattern { regex, removed, invert, .. } => {
                let (keep_found, keep_between) = (!removed || *invert, !removed || !invert);
                let mut end = 0;
                // A search that gives up (too much backtracking) leaves the rest in one piece.
                for found in regex.find_iter(text).map_while(Result::ok) {
                    if keep_between {
                        each(end, found.start());
                    }
                    if keep_found {
                        each(found.start(), found.end());
                    }
                    end = found.end();
                }
                if keep_between {
                    each(end, text.len());
                }
            }
        }
    }
}

fn digits(text: &str, individual: bool, mut each: impl FnMut(usize, usize)) {
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        let number = c.is_numeric();
        if before.is_some_and(|before| before != number || (number && individual)) {
            each(start, at);
            start = at;
        }
        before = Some(number);
    }
    each(start, text.len());
}

/// GPT-2's pattern: by hand where only ASCII decides, otherwise by the expression.
#[derive(Debug, Clone)]
pub(super) struct Gpt2(Box<Regex>);

impl Gpt2 {
    pub(super) fn new() -> Self {
        Self(Box::new(Regex::new(GPT2).expect("GPT-2's pattern is a good one")))
    }

    pub(super) fn pieces(&self, text: &str, mut each: impl FnMut(usize, usize)) {
        let mut start = 0;
        while start < text.len() {
            let end = ascii_end(text.as_bytes(), start)
                .or_else(|| self.regex_end(text, start))
                .unwrap_or(text.len());
            each(start, end);
            start = end;
        }
    }

    /// Where the match that begins at `start` ends; every character begins one.
    fn regex_end(&self, text: &str, start: usize) -> Option<usize> {
        let found = self.0.find_from_pos(text, start).ok()??;
        (found.end() > start).then_some(found.end())
    }
}

#[derive(PartialEq, Clone, Copy)]
enum Class {
    Space,
    Letter,
    Number,
    Other,
}

fn class(byte: u8) -> Class {
    match byte {
        b' ' | b'\t'..=b'\r' => Class::Space,
        b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
        b'0'..=b'9' => Class::Number,
        _ => Class::Other,
    }
}

/// Where the match that begins at `start` ends, unless a character beyond ASCII has a say in it.
fn ascii_end(text: &[u8], start: usize) -> Option<usize> {
    let rest = &text[start..];
    if rest[0] == b'\'' {
        match rest {
            [_, b's' | b't' | b'm' | b'd', ..] => return Some(start + 2),
            [_, b'r' | b'v', b'e', ..] | [_, b'l', b'l', ..] => return Some(start + 3),
            _ => {}
        }
    }
    let lead = usize::from(rest[0] == b' ');
    let first = rest.get(lead).copied().unwrap_or(b' ');
    if !first.is_ascii() {
        return None;
    }
    let kind = class(first);
    let from = if kind == Class::Space { 0 } else { lead };
    let run = rest[from..].iter().take_while(|byte| byte.is_ascii() && class(**byte) == kind).count();
    let end = from + run;
    match rest.get(end) {
        Some(byte) if !byte.is_ascii() => None,
        // Of a run of spaces before a word, the last goes with the word.
        Some(_) if kind == Class::Space && run > 1 => Some(start + end - 1),
        _ => Some(start + end),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cutting_by_hand_is_cutting_by_gpt2s_pattern(text in r"([ a-cA-C'0-3.!?\n\t]|'re|'ll|\PC|\s|\p{L}|\p{N}){0,60}") {
            let gpt2 = Gpt2::new();
            let mut by_hand = Vec::new();
            gpt2.pieces(&text, |start, end| by_hand.push(&text[start..end]));
            let by_pattern = gpt2.0.find_iter(&text).map(|found| found.unwrap().as_str()).collect::<Vec<_>>();
            prop_assert_eq!(by_hand, by_pattern);
        }
    }

    fn cut(pattern: &str, removed: bool, invert: bool, text: &str) -> Vec<String> {
        let regex = Box::new(Regex::new(pattern).unwrap());
        let cut = Cut::Pattern { regex, source: Source::Regex(pattern.to_owned()), removed, invert };
        let mut pieces = Vec::new();
        cut.pieces(text, 0..text.len(), &mut |range| pieces.push(text[range].to_owned()));
        pieces
    }

    #[test]
    fn a_pattern_isolates_or_removes_what_matches_or_what_does_not() {
        assert_eq!(cut("-+", false, false, "a--b-c"), ["a", "--", "b", "-", "c"]);
        assert_eq!(cut("-+", false, true, "a--b-c"), ["a", "--", "b", "-", "c"]);
        assert_eq!(cut("-+", true, false, "a--b-c-"), ["a", "b", "c"]);
        assert_eq!(cut("-+", true, true, "a--b-c-"), ["--", "-", "-"]);
    }

    #[test]
    fn digits_come_apart_one_by_one_or_run_by_run() {
        let pieces = |individual| {
            let mut pieces = Vec::new();
            digits("ab12c3", individual, |start, end| pieces.push(&"ab12c3"[start..end]));
            pieces
        };
        assert_eq!(pieces(true), ["ab", "1", "2", "c", "3"]);
        assert_eq!(pieces(false), ["ab", "12", "c", "3"]);
    }
}
