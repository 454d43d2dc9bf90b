//! What a tokenizer is made of, from its definition: tokens by number, words by their bytes, merges by rank.

use std::borrow::Cow;

use super::{
    EOS_NAMES, TURN_ENDS, Token,
    added::{MAX_LENGTH, Matcher},
    alphabet,
    bpe::{FastMap, NONE},
    definition::{Added, Kind, SPACE},
    scored::Scores,
};
use crate::config::MAX_SIZE;

/// The tokens of the model's vocabulary by what merging sees of them.
pub(super) fn words<'a>(
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

/// Finds the added tokens that are `wanted`, by the text that `text` makes of their names.
pub(super) fn matcher<'a>(
    tokens: &'a [Token],
    wanted: impl Fn(Added) -> bool,
    text: impl Fn(&'a str) -> Cow<'a, str>,
) -> Matcher {
    let numbered = (0..).zip(tokens);
    let found =
        numbered.filter_map(|(id, token)| Some((token, id, token.added.filter(|flags| wanted(*flags))?)));
    Matcher::new(found.map(|(token, id, flags)| (text(&token.name).into_owned(), id, flags)))
}

/// Finds special tokens by their names; one of a single character can't be told from what is said.
pub(super) fn specials(tokens: &[Token]) -> Matcher {
    let numbered = (0..).zip(tokens);
    let found = numbered.filter(|(_, token)| token.is_special() && token.name.chars().nth(1).is_some());
    Matcher::new(found.filter_map(|(id, token)| Some((token.name.clone(), id, token.added?))))
}

/// The usual end of a text and all of them: those that are given, and special tokens of the usual names.
pub(super) fn ends(tokens: &[Token], given: &[u32]) -> (Option<u32>, Vec<u32>) {
    let special = (0..).zip(tokens).filter(|(_, token)| token.is_special());
    let names = special.map(|(id, token)| (token.name.as_str(), id)).collect::<FastMap<_, u32>>();
    let of = |list: &'static [&'static str]| list.iter().filter_map(|name| names.get(name).copied());
    let eos = given.first().copied().or_else(|| of(&EOS_NAMES).next());
    let all = given.iter().copied().chain(of(&EOS_NAMES)).chain(of(&TURN_ENDS));
    let mut all = all.collect::<Vec<_>>();
    all.sort_unstable();
    all.dedup();
    (eos, all)
}

/// The merges that join as scores do, but for tokens of one score: those by their texts.
pub(super) fn merges_of(scores: &Scores, words: &FastMap<Box<[u8]>, (u32, bool)>) -> Vec<(String, String)> {
    let mut ranked = Vec::new();
    for (word, (id, _)) in words {
        let rank = scores.rank(*id);
        let Some(text) = str::from_utf8(word).ok().filter(|_| rank != NONE) else { continue };
        for (at, _) in text.char_indices().skip(1) {
            let (left, right) = text.split_at(at);
            if words.contains_key(left.as_bytes()) && words.contains_key(right.as_bytes()) {
                ranked.push((rank, text, left, right));
            }
        }
    }
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, _, left, right)| (left.to_owned(), right.to_owned())).collect()
}

/// Bytes of the UTF-8 character that begins with this byte.
pub(super) fn char_len(first: u8) -> usize {
    match first {
        0..0xC0 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    }
}

/// The token of a byte by itself.
pub(super) fn unit(kind: &Kind, byte: u8, words: &FastMap<Box<[u8]>, (u32, bool)>) -> Option<u32> {
    let found = match kind {
        Kind::ByteLevel { .. } => words.get([byte].as_slice()),
        Kind::Sentencepiece { .. } => words.get(format!("<0x{byte:02X}>").as_bytes()),
    };
    found.map(|(id, _)| *id).filter(|id| *id != NONE)
}

/// Whether a tokenizer may do without a token of this byte: a control character, or a part of one beyond ASCII.
pub(super) fn is_rare(kind: &Kind, byte: u8) -> bool {
    let blank = matches!(byte, b'\t' | b'\n' | b'\r');
    matches!(kind, Kind::ByteLevel { .. }) && !blank && !matches!(byte, b' '..=b'~')
}

/// All tokens by number.
pub(super) fn gather_tokens(
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
        if name.len() > MAX_LENGTH {
            return Err(format!("the added token number {id} is longer than {MAX_LENGTH} bytes"));
        }
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
pub(super) fn stands_for(kind: &Kind, alphabet: &alphabet::Alphabet, name: &str) -> Vec<u8> {
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
pub(super) fn added_bytes(kind: &Kind, name: &str, flags: Added) -> Vec<u8> {
    let found_by = if flags.normalized { kind.normalize(name) } else { Cow::Borrowed(name) };
    match kind {
        Kind::Sentencepiece { .. } if flags.normalized => found_by.replace(SPACE, " ").into_bytes(),
        _ => found_by.into_owned().into_bytes(),
    }
}

/// Merges by token. One that would make a special token is left out, so that no text can be merged into one.
pub(super) fn rank(
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
