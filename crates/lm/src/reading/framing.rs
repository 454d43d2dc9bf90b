//! From a reply's bytes to its JSON value, or to what the body is instead.
//!
//! What a strict reader of JSON refuses and real servers send all the same: a byte order mark, UTF-16, bytes that are no
//! UTF-8, half of a surrogate pair, NaN and Infinity, raw line breaks in strings, zeros or an end-of-stream mark behind
//! the value. What can't be read is described by its kind and its beginning. Streams are joined in `stream.rs`.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::Value as Json;

use super::{secrets::Redactor, stream};

/// How deep values may be nested. No server's reply is deeper than a dozen.
const MAX_DEPTH: usize = 100;
/// How many characters of a body an error shows.
const QUOTE: usize = 300;
/// How a body compressed by gzip begins.
const GZIP: &[u8] = &[0x1F, 0x8B, 8];
/// How many bytes of a body are decoded to be quoted.
const QUOTE_BYTES: usize = 16 << 10;

/// What a body is instead of JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    /// Nothing but blanks.
    #[error("the reply is empty")]
    Empty,
    /// A web page: the address is one of a web application, of a gateway or of a login.
    #[error("the reply is a web page{}: {beginning}", title_note(.title))]
    Html {
        /// Its title, if it has one.
        title: Option<String>,
        /// Its beginning, without keys.
        beginning: String,
    },
    /// A stream although none was asked for, of a kind that can't be joined.
    #[error("the reply is a stream although none was asked for: {beginning}")]
    Stream {
        /// Its beginning, without keys.
        beginning: String,
    },
    /// A stream that ends before the text does.
    #[error("the reply is a stream that breaks off")]
    BrokenStream,
    /// Nested deeper than any sound reply.
    #[error("the reply is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// Anything else.
    #[error("the reply is not JSON ({problem}); content type {content_type}: {beginning}")]
    NotJson {
        /// What it says to be; "none" if it does not say.
        content_type: String,
        /// Where reading stopped.
        problem: String,
        /// Its beginning, without keys.
        beginning: String,
    },
    /// A coding that can't be undone.
    #[error("the reply is compressed by {coding}, which was not asked for")]
    Compressed {
        /// Its name in `content-encoding`.
        coding: String,
    },
    /// A compressed body that is broken.
    #[error("the compressed reply is broken: {problem}")]
    BrokenCompression {
        /// What is wrong with it.
        problem: String,
    },
    /// A compressed body that is larger than is allowed.
    #[error("the reply is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

fn title_note(title: &Option<String>) -> String {
    title.as_ref().map_or_else(String::new, |title| format!(", \"{title}\""))
}

/// Undoes a compression that was not asked for, as `content-encoding` or the body's beginning says, up to `limit` bytes. A body that says to be compressed and is not
/// stays as it is: some gateways unpack it and leave the header.
///
/// # Errors
/// An unknown coding, a broken body, one that grows beyond the limit.
pub(crate) fn unpack<'a>(
    body: &'a [u8],
    content_encoding: Option<&str>,
    limit: usize,
) -> Result<Cow<'a, [u8]>, BodyFault> {
    let mut codings: Vec<String> = content_encoding
        .unwrap_or_default()
        .split(',')
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    // Some gateways compress and leave out the header; no text begins so.
    if codings.is_empty() && body.starts_with(GZIP) {
        codings.push("gzip".to_owned());
    }
    let mut body = Cow::Borrowed(body);
    // The last one named was applied last.
    for coding in codings.iter().rev() {
        let looks_plain = body.trim_ascii_start().first().is_none_or(|first| b"{[<\"".contains(first));
        let unpacked = match coding.as_str() {
            _ if looks_plain => continue,
            "gzip" | "x-gzip" => read_at_most(GzDecoder::new(&body[..]), limit)?,
            "deflate" => read_at_most(ZlibDecoder::new(&body[..]), limit)?,
            _ => return Err(BodyFault::Compressed { coding: coding.chars().take(40).collect() }),
        };
        body = Cow::Owned(unpacked);
    }
    Ok(body)
}

fn read_at_most(reader: impl Read, limit: usize) -> Result<Vec<u8>, BodyFault> {
    let mut unpacked = Vec::new();
    let broken = |error: io::Error| BodyFault::BrokenCompression { problem: error.to_string() };
    reader.take(limit as u64 + 1).read_to_end(&mut unpacked).map_err(broken)?;
    if unpacked.len() > limit { Err(BodyFault::TooLarge { limit }) } else { Ok(unpacked) }
}

/// The JSON value of a body. Numbers that JSON does not have (NaN, Infinity, 1e400) are null; what is no character
/// is U+FFFD.
///
/// # Errors
/// What the body is instead, with its beginning, which is without the redactor's keys.
pub(crate) fn read(body: &[u8], content_type: Option<&str>, keys: &Redactor) -> Result<Json, BodyFault> {
    // The usual case costs one pass: sound JSON.
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let text = decode(body, content_type);
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}'));
    if text.is_empty() {
        return Err(BodyFault::Empty);
    }
    let text = stream::behind_comments(text);
    if stream::begins(text) {
        return stream::join(text).map_err(|error| match error {
            stream::Unjoined::Broken => BodyFault::BrokenStream,
            stream::Unjoined::Unknown => BodyFault::Stream { beginning: quote(text, keys) },
        });
    }
    match one_value(text) {
        Ok(value) => Ok(value),
        Err(Problem::TooDeep) => Err(BodyFault::TooDeep),
        Err(Problem::More) if stream::is_lines(text) => {
            Err(BodyFault::Stream { beginning: quote(text, keys) })
        }
        Err(_) if is_html(text, content_type) => {
            Err(BodyFault::Html { title: title(text, keys), beginning: quote(text, keys) })
        }
        Err(problem) => Err(BodyFault::NotJson {
            content_type: content_type.map_or_else(|| "none".to_owned(), |name| keys.quote(name, 60, false)),
            problem: problem.describe(),
            beginning: quote(text, keys),
        }),
    }
}

/// A body as text, for an error that shows its beginning: whatever it is, without keys, in one line.
pub(crate) fn beginning(body: &[u8], content_type: Option<&str>, keys: &Redactor) -> String {
    quote(&decode(&body[..body.len().min(QUOTE_BYTES)], content_type), keys)
}

fn quote(text: &str, keys: &Redactor) -> String {
    let end = text.floor_char_boundary(QUOTE_BYTES);
    // Redacted before blanks are joined and before it is cut, and once more in case that joined a key.
    let clean = keys.quote(&text[..end], usize::MAX, true);
    keys.quote(&clean.split_whitespace().collect::<Vec<_>>().join(" "), QUOTE, false)
}

/// A body's characters, by its byte order mark, its declared set, else as UTF-8.
fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    let declared = content_type.unwrap_or_default().to_ascii_lowercase();
    let declares = |names: &[&str]| names.iter().any(|name| declared.contains(name));
    match body {
        [0xFF, 0xFE, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        // Without a mark, the zeros beside ASCII tell: JSON begins with it.
        [b'{' | b'[' | b'"', 0, ..] => utf_16(body, u16::from_le_bytes),
        [0, b'{' | b'[' | b'"', ..] => utf_16(body, u16::from_be_bytes),
        _ if std::str::from_utf8(body).is_err() && declares(&["iso-8859-1", "latin1", "windows-1252"]) => {
            Cow::Owned(body.iter().copied().map(char::from).collect())
        }
        _ => String::from_utf8_lossy(body),
    }
}

fn utf_16(body: &[u8], join: fn([u8; 2]) -> u16) -> Cow<'static, str> {
    let units = body.chunks_exact(2).map(|pair| join([pair[0], pair[1]]));
    Cow::Owned(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Why a text is not one JSON value.
enum Problem {
    TooDeep,
    /// More follows the value.
    More,
    Syntax(serde_json::Error),
}

impl Problem {
    fn describe(&self) -> String {
        match self {
            Self::TooDeep => "it is nested too deep".to_owned(),
            Self::More => "more follows the value".to_owned(),
            Self::Syntax(error) => error.to_string(),
        }
    }
}

/// The one value of a text, mended if need be.
fn one_value(text: &str) -> Result<Json, Problem> {
    let first = |text: &str| {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
        let value = values.next().unwrap_or(Ok(Json::Null))?;
        Ok((value, values.byte_offset()))
    };
    let mended = mend(text)?;
    let (value, end) = first(&mended).map_err(Problem::Syntax)?;
    let rest = &mended[end..];
    // A server that writes its reply twice has said nothing else.
    if stream::is_only_an_end(rest) || rest.trim() == mended[..end].trim() {
        Ok(value)
    } else {
        Err(Problem::More)
    }
}

/// A text in which everything is JSON that servers meant to be JSON.
fn mend(text: &str) -> Result<String, Problem> {
    let bytes = text.as_bytes();
    let mut mended = String::with_capacity(text.len());
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = mend_string(text, at, &mut mended);
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            byte if byte == b'-' || byte.is_ascii_alphanumeric() => {
                let end = text[at..].find(is_border).map_or(text.len(), |length| at + length);
                mended.push_str(literal(&text[at..end]));
                at = end;
                continue;
            }
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(Problem::TooDeep);
        }
        // Whatever else it is goes over as it is, in whole characters.
        let end = text.ceil_char_boundary(at + 1);
        mended.push_str(&text[at..end]);
        at = end;
    }
    Ok(mended)
}

/// Whether a number or a word ends here.
fn is_border(c: char) -> bool {
    !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))
}

/// A number or a word as JSON has it: what is no finite number is null.
fn literal(word: &str) -> &str {
    match word {
        "NaN" | "-NaN" | "nan" | "-nan" | "Infinity" | "-Infinity" | "inf" | "-inf" | "Inf" | "-Inf" => {
            "null"
        }
        _ => match word.parse::<f64>() {
            Ok(number) if !number.is_finite() => "null",
            _ => word,
        },
    }
}

/// Copies the string that begins at `at`, with its control characters escaped and its half surrogate pairs replaced;
/// gives where it ends.
fn mend_string(text: &str, mut at: usize, mended: &mut String) -> usize {
    let bytes = text.as_bytes();
    mended.push('"');
    at += 1;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && bytes[at] != b'"' && bytes[at] != b'\\' && bytes[at] >= 0x20 {
            at += 1;
        }
        mended.push_str(&text[start..at]);
        match bytes.get(at) {
            Some(b'"') => {
                mended.push('"');
                return at + 1;
            }
            Some(b'\\') => at = mend_escape(text, at, mended),
            Some(control) => {
                mended.push_str(&format!("\\u{control:04x}"));
                at += 1;
            }
            None => {}
        }
    }
    at
}

/// Copies the escape at `at`; gives where it ends.
fn mend_escape(text: &str, at: usize, mended: &mut String) -> usize {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let (length, keep) = match unit(at) {
        Some(0xD800..=0xDBFF) => match unit(at + 6) {
            Some(0xDC00..=0xDFFF) => (12, true),
            _ => (6, false),
        },
        Some(0xDC00..=0xDFFF) => (6, false),
        Some(_) => (6, true),
        None => (text.ceil_char_boundary((at + 2).min(text.len())) - at, true),
    };
    mended.push_str(if keep { &text[at..at + length] } else { "\\ufffd" });
    at + length
}

fn is_html(text: &str, content_type: Option<&str>) -> bool {
    let start = text[..text.floor_char_boundary(100)].to_ascii_lowercase();
    let declared = content_type.is_some_and(|name| name.to_ascii_lowercase().contains("html"));
    start.starts_with("<!doctype html") || start.starts_with("<html") || (declared && start.starts_with('<'))
}

/// A page's title.
fn title(text: &str, keys: &Redactor) -> Option<String> {
    let start = &text[..text.floor_char_boundary(QUOTE_BYTES)];
    // ASCII alone changes its case, so that places in one are places in the other.
    let lower = start.to_ascii_lowercase();
    let from = lower.find("<title")?;
    let from = from + lower[from..].find('>')? + 1;
    let to = from + lower[from..].find("</title")?;
    let title = start[from..to].split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then(|| keys.quote(&title, 80, false))
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
