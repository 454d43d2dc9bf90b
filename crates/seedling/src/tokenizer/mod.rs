//! Text to tokens and back: byte-pair encoding, as read from a `tokenizer.json` or a GGUF file, or trained here.
//!
//! Two kinds: byte-level (GPT-2, Llama 3, Qwen2, and what [`Tokenizer::train`] makes) and SentencePiece-like with bytes
//! to fall back on (Llama 2, Mistral, Gemma, Phi-3). Knows nothing of models.

mod added;
mod alphabet;
mod bpe;
mod build;
mod definition;
mod gguf;
mod json;
mod patterns;
mod prompt;
mod scored;
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
use definition::{Added, Definition, Joining, Kind, SPACE};
use scored::Scores;
use split::Cut;

use crate::{SeedlingError, files::read_limited};

pub use definition::TOKENIZER_FILE;
pub(crate) use gguf::boundary_texts;

/// No `tokenizer.json` may be longer, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Names of tokens that end a text, the usual ones first.
const EOS_NAMES: [&str; 6] =
    ["</s>", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "<eos>"];

/// Names of further special tokens that end what a model says.
const TURN_ENDS: [&str; 7] = [
    "<|end|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<|eom_id|>",
    "<|return|>",
    "<EOT>",
    "<\u{ff5c}end\u{2581}of\u{2581}sentence\u{ff5c}>",
];

/// Turns text into tokens and tokens into text.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    origin: PathBuf,
    kind: Kind,
    tokens: Vec<Token>,
    units_join: Units,
    ignore_merges: bool,
    /// The token of each byte by itself; [`NONE`] if there is none.
    units: Vec<u32>,
    /// What the model's tokens stand for -> token, and whether merging leads to that token.
    words: FastMap<Box<[u8]>, (u32, bool)>,
    /// Length of the longest of `words`.
    longest: usize,
    /// Added tokens to find in text as it is given.
    plain: Matcher,
    /// Added tokens to find in normalized text.
    normalized: Matcher,
    /// Special tokens of more than one character, to find in a template's text.
    specials: Matcher,
    unknown: Option<String>,
    bos: Option<u32>,
    eos: Option<u32>,
    ends: Vec<u32>,
}

/// How the units of a word join.
#[derive(Debug, Clone)]
enum Units {
    Ranked {
        /// `(left, right, merged)` by rank.
        ranked: Vec<(u32, u32, u32)>,
        merges: Merges,
    },
    Scored(Scores),
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

    /// The text of a `tokenizer.json` that Hugging Face's `tokenizers` reads too. Of tokens that have the same score (in
    /// GGUF files) it says another order than they have here, where the leftmost are made first.
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
    /// before or after. Bytes without a token are left out, as the libraries that models are trained with do: some
    /// byte-level vocabularies lack control characters and bytes of rare scripts.
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

    /// The special token that ends a text: as a GGUF file says, otherwise by the usual names.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// All special tokens after which a model says no more, in rising order: those that a GGUF file names as the end of a
    /// text, a turn or a message, and those of the usual names.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Whose tokenizer this is, for errors.
    pub(crate) fn origin(&self) -> &Path {
        &self.origin
    }

    fn build(definition: Definition) -> Result<Self, SeedlingError> {
        let Definition { origin, kind, vocab, joining, added, ignore_merges, unknown, bos, ends } =
            definition;
        let fail = |what: String| {
            SeedlingError::file(&origin, what, "download the file from the model's publisher again")
        };
        let tokens = build::gather_tokens(&kind, &vocab, &added).map_err(fail)?;
        let special = |id: u32| tokens[id as usize].is_special();
        let words = build::words(&kind, vocab.iter().filter(|(_, id)| !special(*id)), ignore_merges);
        let units_join = match joining {
            Joining::Scores(scores) => Units::Scored(Scores::new(&scores)),
            Joining::Merges(merges) => {
                let ids = vocab.iter().map(|(name, id)| (name.as_str(), *id)).collect::<FastMap<_, _>>();
                let ranked = build::rank(&merges, &ids, special).map_err(fail)?;
                let merges = Merges::new(&ranked);
                Units::Ranked { ranked, merges }
            }
        };
        let units = (0..=255)
            .map(|byte| match build::unit(&kind, byte, &words) {
                Some(id) => Ok(id),
                None if build::is_rare(&kind, byte) => Ok(NONE),
                None => Err(fail(format!("there is no token for the byte {byte:#04x}"))),
            })
            .collect::<Result<_, _>>()?;
        let is_there = |id: u32| tokens.get(id as usize).is_some_and(|token| !token.name.is_empty());
        if let Some(id) = bos.iter().chain(&ends).find(|id| !is_there(**id)) {
            return Err(fail(format!("the token {id} begins or ends texts, and is not there")));
        }
        let (eos, ends) = build::ends(&tokens, &ends);
        let mut made = Self {
            longest: words.keys().map(|word| word.len()).max().unwrap_or(0),
            plain: build::matcher(&tokens, |token| !token.normalized, Cow::Borrowed),
            normalized: build::matcher(&tokens, |token| token.normalized, |name| kind.normalize(name)),
            specials: build::specials(&tokens),
            origin,
            kind,
            tokens,
            units_join,
            ignore_merges,
            units,
            words,
            unknown,
            bos,
            eos,
            ends,
        };
        made.note_whole_words();
        Ok(made)
    }

    /// What [`Self::build`] makes this tokenizer of.
    fn definition(&self) -> Definition {
        let name = |id: u32| self.tokens[id as usize].name.clone();
        let numbered = || (0..).zip(&self.tokens);
        let merges = match &self.units_join {
            Units::Ranked { ranked, .. } => {
                ranked.iter().map(|(left, right, _)| (name(*left), name(*right))).collect()
            }
            Units::Scored(scores) => build::merges_of(scores, &self.words),
        };
        Definition {
            origin: self.origin.clone(),
            kind: self.kind.clone(),
            vocab: numbered()
                .filter(|(_, token)| token.in_model)
                .map(|(id, token)| (token.name.clone(), id))
                .collect(),
            joining: Joining::Merges(merges),
            added: numbered()
                .filter_map(|(id, token)| Some((token.name.clone(), id, token.added?)))
                .collect(),
            ignore_merges: self.ignore_merges,
            unknown: self.unknown.clone(),
            bos: self.bos,
            ends: self.ends.clone(),
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
        // Scores join whole texts rather than words: no token is met by itself often enough.
        let Units::Ranked { merges, .. } = &self.units_join else { return found };
        let mut scratch = Scratch::default();
        let mut ids = Vec::new();
        for (word, (id, _)) in words {
            ids.clear();
            self.start_of(word, words, &mut ids);
            merges.apply(&mut ids, 0, &mut scratch);
            found[*id as usize] = ids == [*id];
        }
        found
    }

    /// The tokens that merging a word begins with.
    fn start_of(&self, word: &[u8], words: &FastMap<Box<[u8]>, (u32, bool)>, ids: &mut Vec<u32>) {
        match self.kind {
            Kind::ByteLevel { .. } => ids.extend(self.units_of(word)),
            Kind::Sentencepiece { .. } => {
                let mut rest = word;
                while !rest.is_empty() {
                    let (char, after) = rest.split_at(build::char_len(rest[0]).min(rest.len()));
                    self.push_run(char, words, ids);
                    rest = after;
                }
            }
        }
    }

    /// The token of a run of bytes, or the tokens of its bytes.
    fn push_run(&self, run: &[u8], words: &FastMap<Box<[u8]>, (u32, bool)>, ids: &mut Vec<u32>) {
        match words.get(run) {
            Some((id, _)) => ids.push(*id),
            None => ids.extend(self.units_of(run)),
        }
    }

    fn units_of<'a>(&'a self, run: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        run.iter().map(|byte| self.units[usize::from(*byte)]).filter(|id| *id != NONE)
    }

    fn encode_as(&self, text: &str, specials: bool) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        self.encode_part(text, true, specials, &mut ids);
        ids
    }

    /// Encodes a part of a text; `first` if the whole text begins with it.
    fn encode_part(&self, text: &str, first: bool, specials: bool, ids: &mut Vec<u32>) {
        let mut scratch = Scratch::default();
        self.plain.split(text, specials, &mut |start, piece| match piece {
            Ok(piece) => {
                let piece = self.kind.normalize(piece);
                self.normalized.split(&piece, specials, &mut |within, piece| match piece {
                    Ok(piece) => self.encode_piece(piece, first && start + within == 0, ids, &mut scratch),
                    Err(id) => ids.push(id),
                });
            }
            Err(id) => ids.push(id),
        });
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
        match &self.units_join {
            Units::Ranked { merges, .. } => {
                let from = ids.len();
                self.start_of(word, &self.words, ids);
                merges.apply(ids, from, scratch);
            }
            Units::Scored(scores) => {
                scores.join(word, &self.words, self.longest, &mut |run| self.push_run(run, &self.words, ids));
            }
        }
    }
}

impl Token {
    fn is_special(&self) -> bool {
        self.added.is_some_and(|added| added.special)
    }
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
