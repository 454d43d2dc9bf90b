//! What defines a tokenizer: what a `tokenizer.json` says and training finds.

use std::{borrow::Cow, path::PathBuf};

use super::split::Cut;

/// The name of the file in a model's folder.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// What SentencePiece writes for a space.
pub(super) const SPACE: char = '\u{2581}';

/// A token that is found in text as a whole, rather than merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// Marks something rather than standing for text.
    pub special: bool,
    /// Found in normalized text.
    pub normalized: bool,
    /// Takes the blanks before it.
    pub lstrip: bool,
    /// Takes the blanks after it.
    pub rstrip: bool,
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
    pub joining: Joining,
    pub added: Vec<(String, u32, Added)>,
    pub ignore_merges: bool,
    pub unknown: Option<String>,
    /// The token to put before a text.
    pub bos: Option<u32>,
    /// Tokens that end a text, the usual one first, where the file says it; else they are known by their names.
    pub ends: Vec<u32>,
}

/// How the units of a word join.
pub(super) enum Joining {
    /// By pairs of names, in the order of their ranks.
    Merges(Vec<(String, String)>),
    /// Two join where their joint text is a token, by the scores of the tokens; `None` for one that is never made so.
    Scores(Vec<Option<f32>>),
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
