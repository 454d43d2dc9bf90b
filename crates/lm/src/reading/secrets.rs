//! Taking keys out of whatever a server says, however it writes them.
//!
//! A server quotes the key it was sent: as it is, with JSON escapes (`\/`, `\u002b`), percent-encoded, with HTML
//! entities, inside base64, in another case, wrapped over lines, or only its beginning. A text is therefore decoded in
//! a few rounds, and every round is searched; each byte of a round remembers where it stood in the text, so that what is
//! found is blotted out there. All of it takes time in proportion to the text's length, and little of it where no beginning
//! of a form of a key is in the text (`sieve.rs`).
//!
//! Redact first, cut afterwards: half a key at the end of a quote is hard to find.

use std::{borrow::Cow, ops::Range};

use serde_json::{Map, Value as Json};

use super::sieve::{Sieve, is_blank};
use crate::secret::Secret;

/// What stands where a key stood.
const BLOT: &str = "***";
/// Rounds of decoding: an error inside an error inside an error.
const ROUNDS: usize = 4;
/// The shortest key that is taken out of replies: what is shorter ("test", "ollama") is no secret, and is a word that a
/// model may say.
const SHORTEST_IN_REPLIES: usize = 8;
/// From this length on, a key is also found in another case, wrapped over lines, or when only its first half is there.
const LOOSE_FROM: usize = 12;
/// The shortest beginning of a key that is looked for at the end of a text that was broken off.
const SHORTEST_STUMP: usize = 4;

/// Takes a set of keys out of texts.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    patterns: Vec<Pattern>,
    sieve: Sieve,
}

/// One form of a key.
#[derive(Clone)]
struct Pattern {
    bytes: Vec<u8>,
    /// For each length of a matched beginning, the length of the longest shorter one that ends there too (the search is
    /// that of Knuth, Morris and Pratt).
    falls: Vec<usize>,
    /// Whether case and blanks count for nothing.
    loose: bool,
    /// The shortest beginning that is blotted out where the rest is missing.
    part: usize,
    /// The length of the key itself.
    key_length: usize,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.patterns.len())
    }
}

/// What a round of decoding gives.
struct Round<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where each byte stood in the text, from and to; nothing where the round is the text itself.
    places: Vec<(usize, usize)>,
}

impl Redactor {
    /// One for all keys in use: in a header, in a query, in an address.
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut patterns: Vec<Pattern> = Vec::new();
        for key in keys {
            for (bytes, is_key) in forms(key.reveal()) {
                let pattern = Pattern::new(bytes, key.reveal().trim().len(), is_key);
                if !pattern.bytes.is_empty() && patterns.iter().all(|other| other.bytes != pattern.bytes) {
                    patterns.push(pattern);
                }
            }
        }
        let mut sieve = Sieve::default();
        for pattern in &patterns {
            sieve.add(&pattern.bytes[..pattern.part.min(pattern.bytes.len())], pattern.loose);
        }
        Self { patterns, sieve }
    }

    /// A text for an error message, without the keys.
    pub(crate) fn redact(&self, text: &str) -> String {
        blotted(text, self.find(text, 0, false))
    }

    /// The beginning of a text, cut after `limit` characters. `broken` says that the text itself was broken off, so that
    /// it may end in the beginning of a key.
    pub(crate) fn quote(&self, text: &str, limit: usize, broken: bool) -> String {
        let text = blotted(text, self.find(text, 0, broken));
        match text.char_indices().nth(limit) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }

    /// Takes the keys out of all strings of a reply, names of fields included, so that nothing carries them on: neither
    /// journal nor export nor recording. Keys of fewer than 8 bytes are left: a model may say such words.
    pub(crate) fn redact_json(&self, value: &mut Json) {
        if self.patterns.iter().all(|pattern| pattern.key_length < SHORTEST_IN_REPLIES) {
            return;
        }
        // By hand rather than by recursion: a value may be as deep as its reader allows.
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            match value {
                Json::String(text) => {
                    if let Some(clean) = self.changed(text) {
                        *text = clean;
                    }
                }
                Json::Array(list) => open.extend(list),
                Json::Object(fields) => {
                    self.redact_names(fields);
                    open.extend(fields.iter_mut().map(|(_, value)| value));
                }
                Json::Null | Json::Bool(_) | Json::Number(_) => {}
            }
        }
    }

    fn redact_names(&self, fields: &mut Map<String, Json>) {
        if fields.keys().all(|name| self.changed(name).is_none()) {
            return;
        }
        *fields = std::mem::take(fields)
            .into_iter()
            .map(|(name, value)| (self.changed(&name).unwrap_or(name), value))
            .collect();
    }

    /// A reply's text without the keys, if any was in it.
    fn changed(&self, text: &str) -> Option<String> {
        let spots = self.find(text, SHORTEST_IN_REPLIES, false);
        (!spots.is_empty()).then(|| blotted(text, spots))
    }

    /// Where keys of at least `shortest` bytes stand.
    fn find(&self, text: &str, shortest: usize, broken: bool) -> Vec<Range<usize>> {
        let mut spots = Vec::new();
        if self.patterns.is_empty() {
            return spots;
        }
        let mut round = Round::of(text);
        for _ in 0..=ROUNDS {
            // The beginning of a key at the end of a text may be shorter than what the sieve catches.
            if broken || self.sieve.catches(&round.bytes) {
                for pattern in self.patterns.iter().filter(|pattern| pattern.key_length >= shortest) {
                    pattern.search(&round, broken, &mut spots);
                }
            }
            match round.decoded() {
                Some(decoded) => round = decoded,
                None => break,
            }
        }
        spots
    }
}

impl Pattern {
    fn new(mut bytes: Vec<u8>, key_length: usize, is_key: bool) -> Self {
        let loose = key_length >= LOOSE_FROM;
        if loose {
            bytes.retain(|byte| !is_blank(*byte));
            bytes.make_ascii_lowercase();
        }
        let mut falls = vec![0; bytes.len() + 1];
        let mut length = 0;
        for at in 1..bytes.len() {
            while length > 0 && bytes[at] != bytes[length] {
                length = falls[length];
            }
            length += usize::from(bytes[at] == bytes[length]);
            falls[at + 1] = length;
        }
        // Half a key is too much. Half of its base64 would be found by chance where other keys begin alike.
        let part = if loose && is_key { bytes.len().div_ceil(2).max(8) } else { usize::MAX };
        Self { bytes, falls, loose, part, key_length }
    }

    /// Adds the places where this form stands, whole or in good part; at a broken end also a small part.
    fn search(&self, round: &Round<'_>, broken: bool, spots: &mut Vec<Range<usize>>) {
        let length = self.bytes.len();
        // Where the last bytes that count began, as many as the form is long.
        let mut starts = vec![0; length];
        let (mut seen, mut matched, mut end) = (0, 0, 0);
        for (at, byte) in round.bytes.iter().enumerate() {
            if self.loose && is_blank(*byte) {
                continue;
            }
            let byte = if self.loose { byte.to_ascii_lowercase() } else { *byte };
            if (self.part..length).contains(&matched) && self.bytes[matched] != byte {
                spots.push(starts[(seen - matched) % length]..end);
            }
            while matched > 0 && (matched == length || self.bytes[matched] != byte) {
                matched = self.falls[matched];
            }
            matched += usize::from(self.bytes[matched] == byte);
            (starts[seen % length], end) = round.place(at);
            seen += 1;
            if matched == length {
                spots.push(starts[(seen - matched) % length]..end);
            }
        }
        let stump = if broken { SHORTEST_STUMP.min(self.part) } else { self.part };
        if (stump..length).contains(&matched) {
            spots.push(starts[(seen - matched) % length]..end);
        }
    }
}

impl<'a> Round<'a> {
    fn of(text: &'a str) -> Self {
        Self { bytes: Cow::Borrowed(text.as_bytes()), places: Vec::new() }
    }

    /// Where a byte stood in the text.
    fn place(&self, at: usize) -> (usize, usize) {
        self.places.get(at).copied().unwrap_or((at, at + 1))
    }

    /// One more round of decoding: JSON's escapes, percent-encoding and HTML's entities, wherever they stand; `None` if
    /// there are none.
    fn decoded(&self) -> Option<Round<'static>> {
        let mut escapes = self.escapes().peekable();
        escapes.peek()?;
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut places = Vec::with_capacity(self.bytes.len());
        let mut at = 0;
        for (start, character, length) in escapes {
            bytes.extend_from_slice(&self.bytes[at..start]);
            places.extend((at..start).map(|at| self.place(at)));
            at = start + length;
            match character {
                Decoded::Byte(byte) => bytes.push(byte),
                Decoded::Char(character) => {
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            places.resize(bytes.len(), (self.place(start).0, self.place(at - 1).1));
        }
        bytes.extend_from_slice(&self.bytes[at..]);
        places.extend((at..self.bytes.len()).map(|at| self.place(at)));
        Some(Round { bytes: Cow::Owned(bytes), places })
    }

    /// The escapes, where they begin, what they stand for and how long they are.
    fn escapes(&self) -> impl Iterator<Item = (usize, Decoded, usize)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            loop {
                at += self.bytes[at..].iter().position(|byte| matches!(byte, b'\\' | b'%' | b'&'))?;
                let start = at;
                match escape(&self.bytes[start..]) {
                    Some((character, length)) => {
                        at += length;
                        return Some((start, character, length));
                    }
                    None => at += 1,
                }
            }
        })
    }
}

/// The forms that a key takes in a decoded text, each with whether it is the key itself.
fn forms(key: &str) -> Vec<(Vec<u8>, bool)> {
    let key = key.trim();
    let mut forms = vec![(key.as_bytes().to_vec(), true)];
    // A key that looks like an escape itself is decoded along with the text that quotes it.
    let mut round = Round::of(key);
    for _ in 0..ROUNDS {
        let Some(decoded) = round.decoded() else { break };
        forms.push((decoded.bytes.to_vec(), true));
        round = decoded;
    }
    if key.contains(' ') {
        forms.push((key.replace(' ', "+").into_bytes(), true));
    }
    // Less than that would be found by chance.
    if key.len() >= SHORTEST_IN_REPLIES {
        for shift in 0..3 {
            for url in [false, true] {
                forms.push((inside_base64(key.as_bytes(), shift, url), false));
            }
        }
    }
    forms
}

/// What base64 shows of bytes that begin `shift` bytes into a group of three, whatever stands around them: so
/// `Bearer KEY` and `user:KEY` are found too.
fn inside_base64(bytes: &[u8], shift: usize, url: bool) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let digit = |value: usize| match (value, url) {
        (62, false) => b'+',
        (62, true) => b'-',
        (63, false) => b'/',
        (63, true) => b'_',
        _ => digits[value],
    };
    let bit = |at: usize| usize::from(bytes[at / 8] >> (7 - at % 8) & 1);
    // Up to the first digit that no byte before them has a part in.
    let skip = (6 - shift * 8 % 6) % 6;
    let whole = (bytes.len() * 8 - skip) / 6;
    (0..whole).map(|i| digit((0..6).fold(0, |value, j| value << 1 | bit(skip + i * 6 + j)))).collect()
}

/// What an escape stands for.
enum Decoded {
    Byte(u8),
    Char(char),
}

/// The escape that bytes begin with, and its length.
fn escape(bytes: &[u8]) -> Option<(Decoded, usize)> {
    match bytes.first()? {
        b'\\' => backslash(bytes),
        b'%' => Some((Decoded::Byte(hex(bytes.get(1..3)?)? as u8), 3)),
        b'&' => entity(bytes),
        _ => None,
    }
}

fn backslash(bytes: &[u8]) -> Option<(Decoded, usize)> {
    let byte = *bytes.get(1)?;
    let simple = match byte {
        b'/' | b'\\' | b'"' | b'\'' => byte,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'f' => 12,
        b'r' => b'\r',
        b'x' => return Some((Decoded::Byte(hex(bytes.get(2..4)?)? as u8), 4)),
        b'u' => return unicode(bytes),
        _ => return None,
    };
    Some((Decoded::Byte(simple), 2))
}

/// `\uXXXX`, or two of them that are one character.
fn unicode(bytes: &[u8]) -> Option<(Decoded, usize)> {
    let high = hex(bytes.get(2..6)?)?;
    let second = bytes.get(6..12).and_then(|pair| pair.strip_prefix(b"\\u"));
    let low = second.and_then(hex).filter(|low| (0xDC00..0xE000).contains(low));
    match low {
        Some(low) if (0xD800..0xDC00).contains(&high) => {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            Some((Decoded::Char(char::from_u32(code)?), 12))
        }
        _ => Some((Decoded::Char(char::from_u32(high)?), 6)),
    }
}

fn entity(bytes: &[u8]) -> Option<(Decoded, usize)> {
    let end = bytes.iter().take(10).position(|byte| *byte == b';')?;
    let character = match std::str::from_utf8(&bytes[1..end]).ok()? {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        name => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((Decoded::Char(character), end + 1))
}

fn hex(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, byte| Some(value << 4 | char::from(*byte).to_digit(16)?))
}

/// A text with places blotted out, each as far as whole characters go.
fn blotted(text: &str, mut spots: Vec<Range<usize>>) -> String {
    if spots.is_empty() {
        return text.to_owned();
    }
    spots.sort_by_key(|spot| spot.start);
    let mut clean = String::with_capacity(text.len());
    let mut end = 0;
    for spot in spots {
        let start = text.floor_char_boundary(spot.start);
        if start > end || clean.is_empty() {
            clean.push_str(&text[end..start]);
            clean.push_str(BLOT);
        }
        end = end.max(text.ceil_char_boundary(spot.end));
    }
    clean.push_str(&text[end..]);
    clean
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
