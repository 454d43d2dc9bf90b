//! Tokenizers of GGUF files, from the keys `tokenizer.ggml.*`.
//!
//! Read are `gpt2` (byte-level, with merges and a named way to cut text) and `llama` (SentencePiece, whose tokens have
//! scores). Next: patterns.rs for the ways to cut, scored.rs for scores.

use std::{collections::HashMap, path::Path};

use super::{
    Tokenizer,
    definition::{Added, Definition, Joining, Kind, Step},
    patterns::{KNOWN, Way},
};
use crate::{SeedlingError, config::MAX_SIZE, gguf::Metadata};

const AGAIN: &str = "download the file again, or use another conversion of the model";

/// Kinds of tokens, as `tokenizer.ggml.token_type` numbers them. Others are texts like any other.
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;
const BYTE: i64 = 6;

/// Tokens of Phi-3 that leave the blanks after them, unlike its other special ones.
const PHI3_PLAIN: [&str; 3] = ["<unk>", "<s>", "<|endoftext|>"];

impl Tokenizer {
    /// The tokenizer of a GGUF file, from its metadata.
    ///
    /// The token of `add_bos_token` is the one to put before a text; `add_eos_token` counts for nothing, since what is
    /// encoded here is to be continued.
    ///
    /// # Errors
    /// If there is none, it is of a kind that isn't read, or it is broken.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, SeedlingError> {
        let model = metadata.text("tokenizer.ggml.model")?;
        let tokens = Tokens::of(metadata)?;
        Self::build(match model {
            Some("gpt2") => byte_level(metadata, &tokens)?,
            Some("llama") => sentencepiece(metadata, &tokens)?,
            Some(other) => {
                let what = format!("the tokenizer {:?} is not supported", shortened(other));
                let hint = "tokenizers of the kinds gpt2 (byte-level) and llama (SentencePiece) are read";
                return Err(SeedlingError::file(metadata.origin(), what, hint));
            }
            None => return Err(refuse(metadata.origin(), "tokenizer.ggml.model is missing")),
        })
    }
}

fn refuse(origin: &Path, what: impl Into<String>) -> SeedlingError {
    SeedlingError::file(origin, what, AGAIN)
}

fn shortened(name: &str) -> String {
    name.chars().take(40).collect()
}

/// The list of tokens, as the file has it.
struct Tokens<'a> {
    texts: &'a [String],
    kinds: Option<&'a [i64]>,
}

impl<'a> Tokens<'a> {
    fn of(metadata: &'a Metadata) -> Result<Self, SeedlingError> {
        let broken = |what: &str| refuse(metadata.origin(), what);
        let texts = metadata.texts("tokenizer.ggml.tokens")?;
        let texts = texts.ok_or_else(|| broken("tokenizer.ggml.tokens is missing"))?;
        if texts.is_empty() || texts.len() > MAX_SIZE {
            return Err(broken(&format!("there are {} tokens; there must be 1 to {MAX_SIZE}", texts.len())));
        }
        let kinds = metadata.integers("tokenizer.ggml.token_type")?;
        if kinds.is_some_and(|kinds| kinds.len() != texts.len()) {
            return Err(broken("tokenizer.ggml.token_type isn't as long as tokenizer.ggml.tokens"));
        }
        Ok(Self { texts, kinds })
    }

    fn kind(&self, id: usize) -> i64 {
        self.kinds.map_or(1, |kinds| kinds[id])
    }

    /// Names with their numbers; where there is no name, there is no token.
    fn vocab(&self, origin: &Path) -> Result<Vec<(String, u32)>, SeedlingError> {
        let mut seen = HashMap::with_capacity(self.texts.len());
        let mut vocab = Vec::with_capacity(self.texts.len());
        for (text, id) in self.texts.iter().zip(0..).filter(|(text, _)| !text.is_empty()) {
            if let Some(other) = seen.insert(text.as_str(), id) {
                return Err(refuse(origin, format!("the tokens {other} and {id} are both named {text:?}")));
            }
            vocab.push((text.clone(), id));
        }
        Ok(vocab)
    }

    /// The tokens among these that are found in text as a whole.
    fn added(&self, vocab: &[(String, u32)], rstrip: impl Fn(&str) -> bool) -> Vec<(String, u32, Added)> {
        let flags = |name: &str, id: u32| {
            let special = match self.kind(id as usize) {
                CONTROL | UNKNOWN => true,
                USER_DEFINED => false,
                _ => return None,
            };
            Some(Added { special, rstrip: special && rstrip(name), ..Added::default() })
        };
        vocab.iter().filter_map(|(name, id)| Some((name.clone(), *id, flags(name, *id)?))).collect()
    }
}

fn byte_level(metadata: &Metadata, tokens: &Tokens<'_>) -> Result<Definition, SeedlingError> {
    let origin = metadata.origin();
    let way = way(metadata)?;
    let lines = metadata.texts("tokenizer.ggml.merges")?;
    let lines = lines.ok_or_else(|| refuse(origin, "tokenizer.ggml.merges is missing"))?;
    let merge = |(at, line): (usize, &String)| {
        let pair = line
            .split_once(' ')
            .filter(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains(' '));
        let pair = pair.map(|(left, right)| (left.to_owned(), right.to_owned()));
        pair.ok_or_else(|| refuse(origin, format!("merge number {at} is not two tokens")))
    };
    let merges = lines.iter().enumerate().map(merge).collect::<Result<_, _>>()?;
    let vocab = tokens.vocab(origin)?;
    Ok(Definition {
        origin: origin.to_owned(),
        kind: Kind::ByteLevel { nfc: way.nfc, cuts: way.cuts },
        added: tokens.added(&vocab, |_| false),
        vocab,
        joining: Joining::Merges(merges),
        ignore_merges: way.ignore_merges,
        unknown: None,
        bos: bos(metadata, way.bos)?,
        ends: ends(metadata)?,
    })
}

/// How the file says that text is cut.
fn way(metadata: &Metadata) -> Result<Way, SeedlingError> {
    let architecture = metadata.text("general.architecture")?;
    let name = match (metadata.text("tokenizer.ggml.pre")?, architecture) {
        (Some(name), _) => name,
        // These models have one way, whatever an old converter left out.
        (None, Some("gpt2")) => "gpt-2",
        (None, Some("gptneox")) => "olmo",
        (None, _) => {
            let what = "tokenizer.ggml.pre is missing: how text is cut can't be told";
            let hint = "the file is of an old converter; download a newer conversion of the model";
            return Err(SeedlingError::file(metadata.origin(), what, hint));
        }
    };
    Way::of(name).ok_or_else(|| {
        let what = format!("the way {:?} to cut text (tokenizer.ggml.pre) is not known", shortened(name));
        SeedlingError::file(metadata.origin(), what, format!("known are {KNOWN}"))
    })
}

fn sentencepiece(metadata: &Metadata, tokens: &Tokens<'_>) -> Result<Definition, SeedlingError> {
    let origin = metadata.origin();
    let broken = |what: &str| refuse(origin, what);
    let scores = metadata.floats("tokenizer.ggml.scores")?;
    let scores = scores.ok_or_else(|| broken("tokenizer.ggml.scores is missing"))?;
    if scores.len() != tokens.texts.len() {
        return Err(broken("tokenizer.ggml.scores isn't as long as tokenizer.ggml.tokens"));
    }
    if let Some(at) = scores.iter().position(|score| score.is_nan()) {
        return Err(broken(&format!("the score of token {at} is not a number")));
    }
    let made = |id: usize| !matches!(tokens.kind(id), CONTROL | UNKNOWN | BYTE);
    let scores = scores.iter().enumerate().map(|(id, score)| made(id).then_some(*score)).collect();
    let name = metadata.text("general.name")?.unwrap_or_default().to_lowercase();
    let phi3 = metadata.text("general.architecture")? == Some("phi3")
        || name.contains("phi-3")
        || name.contains("phi3");
    let prefix = metadata.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let mut steps = vec![Step::Replace(" ".to_owned(), "\u{2581}".to_owned())];
    if prefix {
        steps.insert(0, Step::Prepend("\u{2581}".to_owned()));
    }
    let vocab = tokens.vocab(origin)?;
    Ok(Definition {
        origin: origin.to_owned(),
        kind: Kind::Sentencepiece { steps, metaspace: None, strip: prefix },
        added: tokens.added(&vocab, |name| phi3 && !PHI3_PLAIN.contains(&name)),
        vocab,
        joining: Joining::Scores(scores),
        ignore_merges: false,
        unknown: None,
        bos: bos(metadata, true)?,
        ends: ends(metadata)?,
    })
}

/// A token that the file names by its number.
fn token(metadata: &Metadata, key: &str) -> Result<Option<u32>, SeedlingError> {
    let Some(id) = metadata.unsigned(key)? else { return Ok(None) };
    let count = metadata.texts("tokenizer.ggml.tokens")?.map_or(0, <[String]>::len);
    // Converters write -1 as a number of 32 bits for "none".
    match usize::try_from(id).ok().filter(|id| *id < count) {
        Some(id) => Ok(Some(id as u32)),
        None if id == u64::from(u32::MAX) => Ok(None),
        None => Err(refuse(metadata.origin(), format!("{key} is {id}, where there are {count} tokens"))),
    }
}

fn bos(metadata: &Metadata, default: bool) -> Result<Option<u32>, SeedlingError> {
    let wanted = metadata.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(default);
    Ok(token(metadata, "tokenizer.ggml.bos_token_id")?.filter(|_| wanted))
}

/// What ends a text, a turn or a message, the end of a text first.
fn ends(metadata: &Metadata) -> Result<Vec<u32>, SeedlingError> {
    let mut ends = Vec::new();
    for name in ["eos", "eot", "eom"] {
        ends.extend(token(metadata, &format!("tokenizer.ggml.{name}_token_id"))?);
    }
    Ok(ends)
}

/// The texts of the tokens that begin and end a text, whether or not one is put before every text.
pub(crate) fn boundary_texts(metadata: &Metadata) -> Result<(String, String), SeedlingError> {
    let texts = metadata.texts("tokenizer.ggml.tokens")?.unwrap_or_default();
    let text = |key: &str| {
        let id = token(metadata, key)?;
        Ok::<_, SeedlingError>(id.map_or_else(String::new, |id| texts[id as usize].clone()))
    };
    Ok((text("tokenizer.ggml.bos_token_id")?, text("tokenizer.ggml.eos_token_id")?))
}
