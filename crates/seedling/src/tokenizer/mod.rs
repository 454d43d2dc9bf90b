//! Text to tokens and back: byte-pair encoding, as read from a `tokenizer.json` or trained here.
//!
//! Two kinds: byte-level (GPT-2, Llama 3, Qwen2, and what [`Tokenizer::train`] makes) and SentencePiece-like with bytes
//! to fall back on (Llama 2, Mistral). Knows nothing of models.

mod added;
mod alphabet;
mod bpe;
mod definition;
mod json;
mod split;
#[cfg(test)]
mod tests;
mod train;

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use added::Matcher;
use bpe::{FastMap, Merges, NONE, Scratch};
use definition::{Added, Definition, Kind, SPACE};
use split::Cut;

use crate::{SeedlingError, config::MAX_SIZE, files::read_limited};

pub use definition::TOKENIZER_FILE;

/// No `tokenizer.json` may be longer, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Names of tokens that end a text, the usual ones first.
const EOS_NAMES: [&str; 6] =
    ["</s>", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "<eos>"];

/// Turns text into tokens and tokens into text.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    origin: PathBuf,
    kind: Kind,
    tokens: Vec<Token>,
    /// `(left, right, merged)` by rank.
    ranked: Vec<(u32, u32, u32)>,
    merges: Merges,
    ignore_merges: bool,
    /// The token of each byte by itself.
    units: Vec<u32>,
    /// What the model's tokens stand for -> token, and whether merging leads to that token.
    words: FastMap<Box<[u8]>, (u32, bool)>,
    /// Length of the longest of `words`.
    longest: usize,
    /// Added tokens to find in text as it is given.
    plain: Matcher,
    /// Added tokens to find in normalized text.
    normalized: Matcher,
    unknown: Option<String>,
    bos: Option<u32>,
    eos: Option<u32>,
}

#[derive(Debug, Clone, Default)]
struct Token {
    /// As the file has it.
    name: String,
    bytes: Vec<u8>,
    /// Whether it is in the model's vocabulary.
    in_model: bool,
    added: Option<Added>,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// If the file is missing, too long, broken, or of a kind that is not supported.
    pub fn read(path: &Path) -> Result<Self, SeedlingError> {
        let hint = "a model's folder holds config.json, tokenizer.json and model.safetensors";
        Self::from_json(&read_limited(path, MAX_FILE_BYTES, hint)?, path)
    }

    /// Reads the text of a `tokenizer.json`; `origin` is what errors name.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_json(bytes: &[u8], origin: &Path) -> Result<Self, SeedlingError> {
        Self::build(json::parse(bytes, origin)?)
    }

    /// The text of a `tokenizer.json` that Hugging Face's `tokenizers` reads too.
    pub fn to_json(&self) -> String {
        json::text(&self.definition())
    }

    /// Trains a byte-level tokenizer, cutting text as GPT-2 does: first the special tokens, then the 256 bytes, then
    /// merges of the pair that is most frequent, the lowest one where several are.
    ///
    /// It has fewer than `vocab_size` tokens if no pair is left that occurs twice, and more if the special tokens and
    /// bytes alone are. If `<s>` is among the special tokens, it is the one that begins a text.
    ///
    /// # Panics
    /// If a special token is empty or a single character.
    pub fn train(texts: impl Iterator<Item = String>, vocab_size: usize, specials: &[&str]) -> Self {
        let cut = Cut::Gpt2(split::Gpt2::new());
        Self::build(train::train(texts, vocab_size, specials, cut))
            .expect("what is trained here can be built")
    }

    /// As [`Self::train`], but text is cut as suits programs: a name goes with the bracket behind it, a number is one
    /// piece with its decimals, marks go with the line break behind them, and indentation is a piece by itself.
    ///
    /// # Panics
    /// As [`Self::train`].
    pub fn train_on_code(texts: impl Iterator<Item = String>, vocab_size: usize, specials: &[&str]) -> Self {
        Self::build(train::train(texts, vocab_size, specials, Cut::code()))
            .expect("what is trained here can be built")
    }

    /// The tokens of a text, which is plain data: names of special tokens in it are text like any other. Nothing is put
    /// before or after.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.encode_as(text, false)
    }

    /// As [`Self::encode`], but names of special tokens in the text stand for them: for texts that are trusted, such as
    /// a template.
    pub fn encode_with_specials(&self, text: &str) -> Vec<u32> {
        self.encode_as(text, true)
    }

    /// The text of tokens, without special ones; bytes that are no UTF-8 become U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> String {
        match String::from_utf8(self.decode_bytes(ids)) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }

    /// As [`Self::decode`], in bytes: those of each token, less the space that a SentencePiece-like tokenizer puts
    /// before a text.
    pub fn decode_bytes(&self, ids: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for id in ids {
            bytes.extend_from_slice(self.token_bytes(*id));
        }
        if matches!(self.kind, Kind::Sentencepiece { strip: true, .. }) && bytes.first() == Some(&b' ') {
            bytes.remove(0);
        }
        bytes
    }

    /// What one token adds to a text; nothing for special tokens and numbers that are no token.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.tokens.get(id as usize).filter(|token| !token.is_special()).map_or(&[], |token| &token.bytes)
    }

    /// The name of a token, as its file has it.
    pub fn name(&self, id: u32) -> Option<&str> {
        self.tokens
            .get(id as usize)
            .filter(|token| token.in_model || token.added.is_some())
            .map(|token| &*token.name)
    }

    /// The special token of a name.
    pub fn special(&self, name: &str) -> Option<u32> {
        (0..).zip(&self.tokens).find(|(_, token)| token.is_special() && token.name == name).map(|(id, _)| id)
    }

    /// Whether a token is special: marks something rather than standing for text.
    pub fn is_special(&self, id: u32) -> bool {
        self.tokens.get(id as usize).is_some_and(Token::is_special)
    }

    /// One more than the largest token.
    pub fn vocab_size(&self) -> usize {
        self.tokens.len()
    }

    /// The token to put before a text, if the file says that one is.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// The special token that ends a text, by the usual names.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// Whose tokenizer this is, for errors.
    pub(crate) fn origin(&self) -> &Path {
        &self.origin
    }

    fn build(definition: Definition) -> Result<Self, SeedlingError> {
        let Definition { origin, kind, vocab, merges, added, ignore_merges, unknown, bos } = definition;
        let fail = |what: String| {
            SeedlingError::file(&origin, what, "download tokenizer.json from the model's publisher again")
        };
        let tokens = gather_tokens(&kind, &vocab, &added).map_err(fail)?;
        let ids = vocab.iter().map(|(name, id)| (name.as_str(), *id)).collect::<FastMap<_, _>>();
        let special = |id: u32| tokens[id as usize].is_special();
        let ranked = rank(&merges, &ids, special).map_err(fail)?;
        let words = words(&kind, vocab.iter().filter(|(_, id)| !special(*id)), ignore_merges);
        let units = (0..=255)
            .map(|byte| {
                unit(&kind, byte, &words)
                    .ok_or_else(|| fail(format!("there is no token for the byte {byte:#04x}")))
            })
            .collect::<Result<_, _>>()?;
        if let Some(bos) =
            bos.filter(|bos| tokens.get(*bos as usize).is_none_or(|token| token.name.is_empty()))
        {
            return Err(fail(format!("the post_processor puts the token {bos} first, which is not there")));
        }
        let longest = words.keys().map(|word| word.len()).max().unwrap_or(0);
        let plain = matcher(&tokens, false, Cow::Borrowed);
        let normalized = matcher(&tokens, true, |name| kind.normalize(name));
        let eos = EOS_NAMES
            .iter()
            .find_map(|name| tokens.iter().position(|token| token.is_special() && token.name == *name));
        let eos = eos.map(|id| id as u32);
        let merges = Merges::new(&ranked);
        let mut made = Self {
            origin,
            kind,
            tokens,
            ranked,
            merges,
            ignore_merges,
            units,
            words,
            longest,
            plain,
            normalized,
            unknown,
            bos,
            eos,
        };
        made.note_whole_words();
        Ok(made)
    }

    /// What [`Self::build`] makes this tokenizer of.
    fn definition(&self) -> Definition {
        let name = |id: u32| self.tokens[id as usize].name.clone();
        let numbered = || (0..).zip(&self.tokens);
        Definition {
            origin: self.origin.clone(),
            kind: self.kind.clone(),
            vocab: numbered()
                .filter(|(_, token)| token.in_model)
                .map(|(id, token)| (token.name.clone(), id))
                .collect(),
            merges: self.ranked.iter().map(|(left, right, _)| (name(*left), name(*right))).collect(),
            added: numbered()
                .filter_map(|(id, token)| Some((token.name.clone(), id, token.added?)))
                .collect(),
            ignore_merges: self.ignore_merges,
            unknown: self.unknown.clone(),
            bos: self.bos,
        }
    }

    /// Finds the words that are one token after merging too, so that they need no merging.
    fn note_whole_words(&mut self) {
        let mut words = std::mem::take(&mut self.words);
        let found = self.reached_by_merging(&words);
        for (id, whole) in words.values_mut() {
            *whole |= found.get(*id as usize).copied().unwrap_or(false);
        }
        self.words = words;
    }

    fn reached_by_merging(&self, words: &FastMap<Box<[u8]>, (u32, bool)>) -> Vec<bool> {
        let mut found = vec![false; self.tokens.len()];
        let mut scratch = Scratch::default();
        let mut ids = Vec::new();
        for (word, (id, _)) in words {
            ids.clear();
            self.start_of(word, words, &mut ids);
            self.merges.apply(&mut ids, 0, &mut scratch);
            found[*id as usize] = ids == [*id];
        }
        found
    }

    /// The tokens that merging a word begins with.
    fn start_of(&self, word: &[u8], words: &FastMap<Box<[u8]>, (u32, bool)>, ids: &mut Vec<u32>) {
        match self.kind {
            Kind::ByteLevel { .. } => ids.extend(word.iter().map(|byte| self.units[usize::from(*byte)])),
            Kind::Sentencepiece { .. } => {
                let mut rest = word;
                while !rest.is_empty() {
                    let (char, after) = rest.split_at(char_len(rest[0]).min(rest.len()));
                    match words.get(char) {
                        Some((id, _)) => ids.push(*id),
                        None => ids.extend(char.iter().map(|byte| self.units[usize::from(*byte)])),
                    }
                    rest = after;
                }
            }
        }
    }

    fn encode_as(&self, text: &str, specials: bool) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        let mut scratch = Scratch::default();
        self.plain.split(text, specials, &mut |start, piece| match piece {
            Ok(piece) => {
                let piece = self.kind.normalize(piece);
                self.normalized.split(&piece, specials, &mut |within, piece| match piece {
                    Ok(piece) => self.encode_piece(piece, start + within == 0, &mut ids, &mut scratch),
                    Err(id) => ids.push(id),
                });
            }
            Err(id) => ids.push(id),
        });
        ids
    }

    /// Encodes normalized text without added tokens; `first` if the whole text begins with it.
    fn encode_piece(&self, piece: &str, first: bool, ids: &mut Vec<u32>, scratch: &mut Scratch) {
        match &self.kind {
            Kind::ByteLevel { cuts, .. } => {
                cut(cuts, piece, 0..piece.len(), &mut |range| {
                    self.encode_word(&piece.as_bytes()[range], ids, scratch);
                });
            }
            Kind::Sentencepiece { metaspace: None, .. } => self.encode_word(piece.as_bytes(), ids, scratch),
            Kind::Sentencepiece { metaspace: Some(metaspace), .. } => {
                let spaced = metaspace.apply(piece, first);
                if !metaspace.split {
                    return self.encode_word(spaced.as_bytes(), ids, scratch);
                }
                let mut start = 0;
                for (at, _) in spaced.match_indices(SPACE).filter(|(at, _)| *at > 0) {
                    self.encode_word(&spaced.as_bytes()[start..at], ids, scratch);
                    start = at;
                }
                self.encode_word(&spaced.as_bytes()[start..], ids, scratch);
            }
        }
    }

    fn encode_word(&self, word: &[u8], ids: &mut Vec<u32>, scratch: &mut Scratch) {
        if word.is_empty() {
            return;
        }
        if word.len() <= self.longest
            && let Some((id, true)) = self.words.get(word)
        {
            ids.push(*id);
            return;
        }
        let from = ids.len();
        self.start_of(word, &self.words, ids);
        self.merges.apply(ids, from, scratch);
    }
}

impl Token {
    fn is_special(&self) -> bool {
        self.added.is_some_and(|added| added.special)
    }
}

/// The tokens of the model's vocabulary by what merging sees of them.
fn words<'a>(
    kind: &Kind,
    vocab: impl Iterator<Item = &'a (String, u32)>,
    whole: bool,
) -> FastMap<Box<[u8]>, (u32, bool)> {
    let alphabet = alphabet::Alphabet::new();
    let key = |name: &str| match kind {
        Kind::ByteLevel { .. } => alphabet.bytes(name),
        Kind::Sentencepiece { .. } => Some(name.as_bytes().to_vec()),
    };
    vocab.filter_map(|(name, id)| Some((key(name)?.into_boxed_slice(), (*id, whole)))).collect()
}

/// Finds the added tokens that are looked for in normalized text, or those that are not.
fn matcher<'a>(tokens: &'a [Token], normalized: bool, text: impl Fn(&'a str) -> Cow<'a, str>) -> Matcher {
    let wanted = |token: &Token| token.added.is_some_and(|added| added.normalized == normalized);
    let found = (0..).zip(tokens).filter(|(_, token)| wanted(token));
    Matcher::new(found.map(|(id, token)| (text(&token.name).into_owned(), id, token.is_special())))
}

/// Cuts by each of `cuts` in turn.
fn cut(
    cuts: &[Cut],
    text: &str,
    range: std::ops::Range<usize>,
    each: &mut dyn FnMut(std::ops::Range<usize>),
) {
    match cuts {
        [] => each(range),
        [first, rest @ ..] => first.pieces(text, range, &mut |piece| cut(rest, text, piece, each)),
    }
}

/// Bytes of the UTF-8 character that begins with this byte.
fn char_len(first: u8) -> usize {
    match first {
        0..0xC0 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    }
}

/// The token of a byte by itself.
fn unit(kind: &Kind, byte: u8, words: &FastMap<Box<[u8]>, (u32, bool)>) -> Option<u32> {
    let found = match kind {
        Kind::ByteLevel { .. } => words.get([byte].as_slice()),
        Kind::Sentencepiece { .. } => words.get(format!("<0x{byte:02X}>").as_bytes()),
    };
    found.map(|(id, _)| *id).filter(|id| *id != NONE)
}

/// All tokens by number.
fn gather_tokens(
    kind: &Kind,
    vocab: &[(String, u32)],
    added: &[(String, u32, Added)],
) -> Result<Vec<Token>, String> {
    let largest = vocab.iter().map(|(_, id)| *id).chain(added.iter().map(|(_, id, _)| *id)).max();
    let count = largest.map_or(0, |id| id as usize + 1);
    if count == 0 || count > MAX_SIZE {
        return Err(format!("there are {count} tokens; there must be 1 to {MAX_SIZE}"));
    }
    let alphabet = alphabet::Alphabet::new();
    let mut tokens = vec![Token::default(); count];
    let mut names = FastMap::default();
    for (name, id) in vocab {
        let token = &mut tokens[*id as usize];
        if token.in_model {
            return Err(format!("the tokens {:?} and {name:?} are both numbered {id}", token.name));
        }
        names.insert(name.as_str(), *id);
        *token = Token {
            name: name.clone(),
            bytes: stands_for(kind, &alphabet, name),
            in_model: true,
            added: None,
        };
    }
    for (name, id, flags) in added {
        let token = &mut tokens[*id as usize];
        let taken = (token.in_model || token.added.is_some()) && token.name != *name;
        let elsewhere = names.insert(name.as_str(), *id).filter(|other| other != id);
        if name.is_empty() || taken || elsewhere.is_some() {
            return Err(format!(
                "the added token {name:?} can't be number {id}: it is empty, or name or number are taken"
            ));
        }
        let bytes = added_bytes(kind, name, *flags);
        *token = Token { name: name.clone(), bytes, in_model: token.in_model, added: Some(*flags) };
    }
    Ok(tokens)
}

/// The bytes that a token of the model's vocabulary stands for.
fn stands_for(kind: &Kind, alphabet: &alphabet::Alphabet, name: &str) -> Vec<u8> {
    match kind {
        Kind::ByteLevel { .. } => alphabet.bytes(name).unwrap_or_else(|| name.as_bytes().to_vec()),
        Kind::Sentencepiece { .. } => {
            let byte =
                name.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>')).filter(|hex| hex.len() == 2);
            match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => vec![byte],
                None => name.replace(SPACE, " ").into_bytes(),
            }
        }
    }
}

/// The bytes that an added token stands for: what it is found by.
fn added_bytes(kind: &Kind, name: &str, flags: Added) -> Vec<u8> {
    let found_by = if flags.normalized { kind.normalize(name) } else { Cow::Borrowed(name) };
    match kind {
        Kind::Sentencepiece { .. } if flags.normalized => found_by.replace(SPACE, " ").into_bytes(),
        _ => found_by.into_owned().into_bytes(),
    }
}

/// Merges by token. One that would make a special token is left out, so that no text can be merged into one.
fn rank(
    merges: &[(String, String)],
    ids: &FastMap<&str, u32>,
    special: impl Fn(u32) -> bool,
) -> Result<Vec<(u32, u32, u32)>, String> {
    let mut ranked = Vec::with_capacity(merges.len());
    let mut merged = String::new();
    for (left, right) in merges {
        merged.clear();
        merged.push_str(left);
        merged.push_str(right);
        let id = |name: &str| {
            let missing = || {
                format!("the merge of {left:?} and {right:?} needs the token {name:?}, which is not there")
            };
            ids.get(name).copied().ok_or_else(missing)
        };
        let (left, right, merged) = (id(left)?, id(right)?, id(&merged)?);
        if !special(merged) {
            ranked.push((left, right, merged));
        }
    }
    Ok(ranked)
}
