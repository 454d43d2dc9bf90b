//! Replacing pieces of texts.

use std::{collections::BTreeMap, ops::Range};

use crate::evaluator::program::Part;

/// A piece of a file, and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    /// Which of the files that may change.
    pub file: usize,
    pub range: Range<usize>,
    pub with: String,
}

/// The texts of the files that splices change. Pieces must not overlap; of those that do, the first in the file holds.
pub(super) fn apply(parts: &[Part<'_>], mut splices: Vec<Splice>) -> BTreeMap<String, String> {
    splices.sort_by_key(|splice| (splice.file, splice.range.start, splice.range.end));
    let mut texts = BTreeMap::new();
    for (file, part) in parts.iter().enumerate() {
        let mut text = String::new();
        let mut at = 0;
        for splice in splices.iter().filter(|splice| splice.file == file) {
            if splice.range.start < at {
                continue;
            }
            text += &part.text[at..splice.range.start];
            text += &splice.with;
            at = splice.range.end;
        }
        if at > 0 || !text.is_empty() {
            text += &part.text[at..];
            texts.insert(part.path.to_owned(), text);
        }
    }
    texts
}
