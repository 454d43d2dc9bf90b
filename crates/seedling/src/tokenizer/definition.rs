//! What defines a tokenizer: what a `tokenizer.json` says and training finds.

use std::{borrow::Cow, path::PathBuf};

use super::split::Cut;

/// The name of the file in a model's folder.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// What SentencePiece writes for a space.
pub(super) const SPACE: char = '\u{2581}';

/// A token that is found in text as a whole, rather than merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Added {
    /// Marks something rather than standing for text.
    pub special: bool,
    /// Found in normalized text.
    pub normalized: bool,
}

/// The two kinds of tokenizers.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    ByteLevel { nfc: bool, cuts: Vec<Cut> },
    Sentencepiece { steps: Vec<Step>, metaspace: Option<Metaspace>, strip: bool },
}

/// A step of normalizing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Prepend(String),
    Replace(String, String),
    Nfc,
}

/// How SentencePiece treats spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Metaspace {
    pub prepend: Prepend,
    pub split: bool,
}

/// When a space is put before a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prepend {
    Always,
    First,
    Never,
}

/// All that makes a tokenizer.
pub(super) struct Definition {
    pub origin: PathBuf,
    pub kind: Kind,
    pub vocab: Vec<(String, u32)>,
    pub merges: Vec<(String, String)>,
    pub added: Vec<(String, u32, Added)>,
    pub ignore_merges: bool,
    pub unknown: Option<String>,
    pub bos: Option<u32>,
}

impl Kind {
    pub(super) fn normalize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::ByteLevel { nfc: false, .. } => Cow::Borrowed(text),
            Self::ByteLevel { nfc: true, .. } => nfc(text),
            Self::Sentencepiece { steps, .. } => {
                steps.iter().fold(Cow::Borrowed(text), |text, step| match step {
                    Step::Prepend(_) if text.is_empty() => text,
                    Step::Prepend(before) => Cow::Owned(format!("{before}{text}")),
                    Step::Replace(from, to) => Cow::Owned(text.replace(from.as_str(), to)),
                    Step::Nfc => Cow::Owned(nfc(&text).into_owned()),
                })
            }
        }
    }
}

impl Metaspace {
    pub(super) fn apply(self, text: &str, first: bool) -> String {
        let spaced = text.replace(' ', "\u{2581}");
        let prepend = match self.prepend {
            Prepend::Always => true,
            Prepend::First => first,
            Prepend::Never => false,
        };
        if prepend && !spaced.starts_with(SPACE) { format!("{SPACE}{spaced}") } else { spaced }
    }
}

fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize(text)
}
