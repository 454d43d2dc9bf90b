//! Log-probabilities of a text that a server echoes: which of its tokens are the answer's.
//!
//! Offsets count characters on one server and bytes on another, or are missing; the first token's log-probability is
//! null; a token that is not valid UTF-8 is ""; some tokens straddle the border between prompt and answer.

use serde_json::Value as Json;

use super::json::{list, number};
use crate::error::AttemptError;

/// The answer's part of an echoed text's log-probabilities. `said` is the whole text of the reply, what was generated
/// included: a server that is asked for one token may go on until a character is complete.
pub(crate) fn from_echo(
    echoed: &Json,
    said: Option<&str>,
    prompt: &str,
    answer: &str,
) -> Result<f64, AttemptError> {
    let values = list(&echoed["token_logprobs"]);
    if values.is_empty() {
        return Err(AttemptError::malformed("the reply echoes no log-probabilities"));
    }
    let tokens = list(&echoed["tokens"]);
    let whole = format!("{prompt}{answer}");
    let starts = token_starts(list(&echoed["text_offset"]), tokens, values.len(), &whole)?;
    let (bytes, chars) = (whole.len(), whole.chars().count());
    let said = said.filter(|said| said.starts_with(&whole)).unwrap_or(&whole);
    let decided = fits_bytes(&starts, tokens, said).or_else(|| counts_bytes(&starts, tokens));
    // If no token decides it: the generated one starts where prompt and answer end, and none after the end of the text.
    let in_bytes = decided.unwrap_or_else(|| {
        starts.last().is_some_and(|last| *last != chars && (*last == bytes || *last > said.chars().count()))
    });
    let (from, to) = if in_bytes { (prompt.len(), bytes) } else { (prompt.chars().count(), chars) };
    let own: Vec<usize> = (0..starts.len())
        .filter(|position| {
            let start = starts[*position];
            let end = starts.get(position + 1).copied().unwrap_or(usize::MAX);
            // A token that straddles the border belongs to the answer: it is what tells the answers apart. So does
            // one of no length at the border, the first part of a character.
            start < to && (start >= from || end > from)
        })
        .collect();
    let echoes = starts.last().is_some_and(|last| *last >= from)
        && own.first().is_some_and(|first| starts[*first] <= from);
    if !echoes {
        return Err(AttemptError::malformed("the reply does not echo the answer"));
    }
    own.into_iter().map(|position| number(&values[position])).sum()
}

/// Whether starts count bytes rather than characters, by where the tokens' texts are in the whole: the unit in
/// which more tokens fit.
fn fits_bytes(starts: &[usize], tokens: &[Json], said: &str) -> Option<bool> {
    if tokens.len() != starts.len() {
        return None;
    }
    let chars: Vec<usize> = said.char_indices().map(|(byte, _)| byte).collect();
    let stands = |token: &str, byte: usize| said.get(byte..).is_some_and(|rest| rest.starts_with(token));
    let (mut in_bytes, mut in_chars) = (0, 0);
    for (token, start) in tokens.iter().zip(starts) {
        let Some(token) = token.as_str().filter(|token| !token.is_empty()) else { continue };
        in_bytes += usize::from(stands(token, *start));
        in_chars += usize::from(chars.get(*start).is_some_and(|byte| stands(token, *byte)));
    }
    (in_bytes != in_chars).then_some(in_bytes > in_chars)
}

/// Whether starts count bytes rather than characters, by the first token whose text decides it.
fn counts_bytes(starts: &[usize], tokens: &[Json]) -> Option<bool> {
    if tokens.len() != starts.len() {
        return None;
    }
    tokens.iter().zip(starts.windows(2)).find_map(|(token, pair)| {
        let (text, length) = (token.as_str()?, pair[1].checked_sub(pair[0])?);
        let (bytes, chars) = (text.len(), text.chars().count());
        (bytes != chars && (length == bytes || length == chars)).then_some(length == bytes)
    })
}

/// Where tokens start: the server's offsets, or the tokens' lengths if it gives none and all are text.
fn token_starts(
    offsets: &[Json],
    tokens: &[Json],
    count: usize,
    whole: &str,
) -> Result<Vec<usize>, AttemptError> {
    if offsets.len() == count {
        return offsets
            .iter()
            .map(|offset| offset.as_u64().map(|offset| offset as usize))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| AttemptError::malformed("a token's offset is not a number"));
    }
    let mut texts: Vec<&str> = tokens.iter().filter_map(Json::as_str).collect();
    if texts.len() != count || texts.iter().skip(1).any(|text| text.is_empty()) {
        return Err(AttemptError::malformed(
            "the echoed tokens can't be located: there are no offsets, and not all tokens are text",
        ));
    }
    if !texts.concat().starts_with(whole) && texts[1..].concat().starts_with(whole) {
        // The mark of a text's beginning, such as "<s>", is not part of it.
        texts[0] = "";
    }
    Ok(texts
        .iter()
        .scan(0, |end, text| {
            let start = *end;
            *end += text.len();
            Some(start)
        })
        .collect())
}
