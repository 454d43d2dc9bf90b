//! Log-probabilities of a text that a server echoes: which of its tokens are the answer's.
//!
//! Tokens are placed by their own texts wherever these spell the prompt and the answer, whatever the server says about
//! where they stand: offsets count characters on one server and bytes on another, are missing on a third, and count a
//! mark of the text's beginning that is not in the text on a fourth. Blanks that a server loses by decoding token after
//! token are made up for. Only where texts don't suffice (a part of a character has none) offsets decide, and then the
//! tokens must spell the answer all the same.

use serde_json::Value as Json;

use super::logprobs::{clean, log_probability};

/// Why no sum can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EchoFault {
    /// There are no log-probabilities.
    #[error("the reply echoes no log-probabilities")]
    Missing,
    /// There are no offsets, and not all tokens have texts.
    #[error("the echoed tokens can't be placed: there are no offsets, and not all tokens are text")]
    Unplaced,
    /// The tokens are those of another text, or of what was generated alone.
    #[error("the reply does not echo the answer")]
    NotEchoed,
    /// The tokens where the answer should be spell something else.
    #[error("the echoed tokens don't spell the answer where it should be")]
    Misspelt,
    /// A token of the answer has no log-probability.
    #[error("a token of the answer has no log-probability")]
    NoValue,
}

/// The sum of the answer's log-probabilities: finite, at most 0.
///
/// `echoed` is the object with `tokens`, `token_logprobs` and perhaps `text_offset`; `said` the reply's whole text, what
/// was generated included: a server that is asked for one token may go on until a character is complete.
///
/// # Errors
/// If the answer's tokens can't be told with certainty.
pub(crate) fn answer_sum(
    echoed: &Json,
    said: Option<&str>,
    prompt: &str,
    answer: &str,
) -> Result<f64, EchoFault> {
    let values = list(&echoed["token_logprobs"]);
    if values.is_empty() {
        return Err(EchoFault::Missing);
    }
    let tokens: Vec<String> =
        list(&echoed["tokens"]).iter().map(|token| token.as_str().map(clean).unwrap_or_default()).collect();
    let whole = format!("{prompt}{answer}");
    let own = match by_texts(&tokens, &whole, prompt.len()) {
        Some(own) if tokens.len() == values.len() => own,
        _ => {
            let starts = token_starts(list(&echoed["text_offset"]), &tokens, values.len(), &whole)?;
            let own = by_starts(&starts, &tokens, said, prompt, answer)?;
            if !spells(&own, &tokens, &whole, answer) {
                return Err(EchoFault::Misspelt);
            }
            own
        }
    };
    let sum = own.into_iter().map(|token| log_probability(&values[token])).sum::<Option<f64>>();
    sum.ok_or(EchoFault::NoValue)
}

/// The elements of a list; none if it is no list.
fn list(value: &Json) -> &[Json] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Whether a token is a mark that tokenizers put in front of a text: `<s>`, `<|begin_of_text|>`, `[CLS]`.
fn is_mark(token: &str) -> bool {
    token.len() > 2
        && ((token.starts_with('<') && token.ends_with('>'))
            || (token.starts_with('[') && token.ends_with(']')))
}

/// How many marks stand in front of a text that does not begin with them.
fn marks_in_front(tokens: &[String], whole: &str) -> usize {
    tokens.iter().take_while(|token| is_mark(token) && !whole.starts_with(token.as_str())).count()
}

/// Whether a token has no text of its own: a blank that was lost, a mark, or a part of a character.
fn is_without_text(token: &str) -> bool {
    token.is_empty() || token.contains(char::REPLACEMENT_CHARACTER)
}

/// The tokens behind `border`, those that straddle it included, by the tokens' texts; `None` if these do not spell the
/// whole.
fn by_texts(tokens: &[String], whole: &str, border: usize) -> Option<Vec<usize>> {
    let mut starts = Vec::with_capacity(tokens.len());
    let mut end = 0;
    for (at, token) in tokens.iter().enumerate() {
        if end == whole.len() {
            break;
        }
        starts.push(end);
        let in_front = end == 0 && is_mark(token) && !whole.starts_with(token.as_str());
        if !is_without_text(token) && !in_front {
            let follows_parts = at > 0 && is_without_text(&tokens[at - 1]);
            end += length_in(&whole[end..], token, follows_parts)?;
        }
    }
    if end < whole.len() {
        return None;
    }
    let ends = starts.iter().skip(1).copied().chain([end]);
    let own = starts.iter().zip(ends).enumerate();
    Some(own.filter(|(_, (start, end))| **start >= border || *end > border).map(|(at, _)| at).collect())
}

/// How far a token goes into a text, which may begin with blanks that the token has lost, or with characters that the
/// tokens before it are parts of.
fn length_in(rest: &str, token: &str, follows_parts: bool) -> Option<usize> {
    if rest.starts_with(token) {
        return Some(token.len());
    }
    let bare = token.trim_start();
    let blanks = rest.len() - rest.trim_start().len();
    if !bare.is_empty() && rest[blanks..].starts_with(bare) {
        return Some(blanks + bare.len());
    }
    // Parts without a text are never parts of ASCII.
    let parts = rest.find(|c: char| c.is_ascii()).unwrap_or(rest.len());
    let mut places = rest[..parts].char_indices().map(|(at, c)| at + c.len_utf8()).filter(|_| follows_parts);
    places.find(|at| rest[*at..].starts_with(token)).map(|at| at + token.len())
}

/// The tokens behind the border by where they start.
fn by_starts(
    starts: &[usize],
    tokens: &[String],
    said: Option<&str>,
    prompt: &str,
    answer: &str,
) -> Result<Vec<usize>, EchoFault> {
    let whole = format!("{prompt}{answer}");
    let (bytes, chars) = (whole.len(), whole.chars().count());
    let said = said.filter(|said| said.starts_with(&whole)).unwrap_or(&whole);
    let decided = fits_bytes(starts, tokens, said).or_else(|| counts_bytes(starts, tokens));
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
    if echoes { Ok(own) } else { Err(EchoFault::NotEchoed) }
}

/// Whether starts count bytes rather than characters, by where the tokens' texts are in the whole: the unit in
/// which more tokens fit.
fn fits_bytes(starts: &[usize], tokens: &[String], said: &str) -> Option<bool> {
    if tokens.len() != starts.len() {
        return None;
    }
    let chars: Vec<usize> = said.char_indices().map(|(byte, _)| byte).collect();
    let stands = |token: &str, byte: usize| said.get(byte..).is_some_and(|rest| rest.starts_with(token));
    let (mut in_bytes, mut in_chars) = (0, 0);
    for (token, start) in tokens.iter().zip(starts).filter(|(token, _)| !token.is_empty()) {
        in_bytes += usize::from(stands(token, *start));
        in_chars += usize::from(chars.get(*start).is_some_and(|byte| stands(token, *byte)));
    }
    (in_bytes != in_chars).then_some(in_bytes > in_chars)
}

/// Whether starts count bytes rather than characters, by the first token whose text decides it.
fn counts_bytes(starts: &[usize], tokens: &[String]) -> Option<bool> {
    if tokens.len() != starts.len() {
        return None;
    }
    tokens.iter().zip(starts.windows(2)).find_map(|(token, pair)| {
        let length = pair[1].checked_sub(pair[0])?;
        let (bytes, chars) = (token.len(), token.chars().count());
        (bytes != chars && (length == bytes || length == chars)).then_some(length == bytes)
    })
}

/// Where tokens start: the server's offsets without what marks in front count for, or the tokens' lengths if it gives
/// none and all are text.
fn token_starts(
    offsets: &[Json],
    tokens: &[String],
    count: usize,
    whole: &str,
) -> Result<Vec<usize>, EchoFault> {
    let marks = marks_in_front(tokens, whole);
    if offsets.len() == count {
        let offset = |offset: &Json| offset.as_u64().and_then(|offset| usize::try_from(offset).ok());
        let offsets: Vec<usize> =
            offsets.iter().map(offset).collect::<Option<_>>().ok_or(EchoFault::Unplaced)?;
        let shift = if marks > 0 { offsets.get(marks).copied().unwrap_or(0) } else { 0 };
        return Ok(offsets.into_iter().map(|offset| offset.saturating_sub(shift)).collect());
    }
    if tokens.len() != count || tokens.iter().skip(1).any(String::is_empty) {
        return Err(EchoFault::Unplaced);
    }
    let lengths = tokens.iter().enumerate().map(|(at, token)| if at < marks { 0 } else { token.len() });
    Ok(lengths
        .scan(0, |end, length| {
            let start = *end;
            *end += length;
            Some(start)
        })
        .collect())
}

/// Whether tokens spell the answer, blanks apart, behind what a straddling token has of the prompt. Where some have no
/// texts, the others must stand in the answer in their order.
fn spells(own: &[usize], tokens: &[String], whole: &str, answer: &str) -> bool {
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    let texts = own.iter().map(|at| tokens.get(*at).map(|token| bare(token)));
    let Some(texts) = texts.collect::<Option<Vec<String>>>() else { return false };
    let answer = bare(answer);
    if !texts.iter().any(|text| is_without_text(text)) {
        let joined = texts.concat();
        return bare(whole).ends_with(&joined) && joined.ends_with(&answer);
    }
    let mut rest = answer.as_str();
    let mut known = texts.iter().enumerate().filter(|(_, text)| !is_without_text(text));
    known.all(|(at, text)| match rest.find(text.as_str()) {
        Some(place) => {
            rest = &rest[place + text.len()..];
            true
        }
        // The first one may straddle the border.
        None => at == 0 && bare(whole).contains(text.as_str()),
    })
}

#[cfg(test)]
#[path = "echo_tests.rs"]
mod tests;
