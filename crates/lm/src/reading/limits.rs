//! When the next request may be sent, in every form in which servers say so.
//!
//! Explicit waits come first: `retry-after-ms`, `retry-after` (seconds or a date), then delays in the body (Google's
//! `retryDelay`, `retry_after`, headers that OpenRouter copies into the body). After them come the times at which limits
//! are reset; one counts only if its limit is exhausted: of "no requests left for 20 s" and "149,000 tokens left, full
//! again in 6 minutes" only the first says how long to wait. What is said in words ("try again in 1.2s") is the last
//! resort.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use serde_json::Value as Json;

/// The longest wait that is believed: limits of a day are the longest that vendors set.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How many values of a body are looked at.
const MAX_VALUES: usize = 1000;

/// How long a server asks us to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    /// From now on; at most [`LONGEST`], and zero if the time is past.
    pub wait: Duration,
    /// Where it says so.
    pub source: Source,
}

/// Where a server says how long to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The header of this name.
    Header(String),
    /// The body's field of this name.
    Field(String),
    /// A sentence in the body: a guess.
    Words,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(name) => write!(f, "the header {name}"),
            Self::Field(name) => write!(f, "the field {name}"),
            Self::Words => f.write_str("the error's words"),
        }
    }
}

/// The wait that a refusal asks for; `None` if it doesn't say. `now` is the time at which it came.
pub(crate) fn after_refusal(headers: &HeaderMap, body: Option<&Json>, now: SystemTime) -> Option<Wait> {
    let headers = texts(headers);
    let fields = body.map(fields).unwrap_or_default();
    // What a gateway's vendor answered, as the gateway tells it.
    let inner: Vec<(String, String)> = fields
        .iter()
        .filter(|(name, _)| is_header(name))
        .map(|(name, value)| (name.to_ascii_lowercase(), text_of(value)))
        .collect();
    let in_body = |wait: Wait| match wait.source {
        Source::Header(name) => Wait { source: Source::Field(name), ..wait },
        _ => wait,
    };
    explicit(&headers, now)
        .or_else(|| delay_field(&fields, now))
        .or_else(|| explicit(&inner, now).map(in_body))
        .or_else(|| reset(&headers, now))
        .or_else(|| reset(&inner, now).map(in_body))
        .or_else(|| body.and_then(in_words).map(|wait| bounded(wait, Source::Words)))
}

/// Headers as texts, their names in lower case.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &reqwest::header::HeaderValue| value.to_str().ok().map(|text| text.trim().to_owned());
    headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect()
}

fn bounded(seconds: f64, source: Source) -> Wait {
    Wait { wait: Duration::from_secs_f64(seconds.clamp(0.0, LONGEST.as_secs_f64())), source }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// The wait that a header states outright.
fn explicit(headers: &[(String, String)], now: SystemTime) -> Option<Wait> {
    let milliseconds = ["retry-after-ms", "x-ms-retry-after-ms"].into_iter().find_map(|name| {
        let ms: f64 = value(headers, name)?.parse().ok().filter(|ms: &f64| ms.is_finite() && *ms >= 0.0)?;
        Some(bounded(ms / 1e3, Source::Header(name.to_owned())))
    });
    milliseconds.or_else(|| {
        let wait = from_now(value(headers, "retry-after")?, now)?;
        Some(bounded(wait, Source::Header("retry-after".to_owned())))
    })
}

/// The latest reset of a limit that is exhausted. Where a refusal names a single limit and not what remains of it, that
/// is the one; of several, none is known to be.
fn reset(headers: &[(String, String)], now: SystemTime) -> Option<Wait> {
    let mut exhausted: Option<(f64, &str)> = None;
    let mut unpaired: Vec<(f64, &str)> = Vec::new();
    for (name, text) in headers.iter().filter(|(name, _)| is_reset(name)) {
        let Some(wait) = from_now(text, now) else { continue };
        match value(headers, &name.replace("reset", "remaining")) {
            Some(remaining) if is_nothing(remaining) => {
                if exhausted.is_none_or(|(longest, _)| wait > longest) {
                    exhausted = Some((wait, name));
                }
            }
            Some(_) => {}
            None => unpaired.push((wait, name)),
        }
    }
    let structured =
        || headers.iter().find_map(|(name, text)| Some((structured_reset(name, text)?, name.as_str())));
    let only = || match unpaired[..] {
        [only] => Some(only),
        _ => None,
    };
    let (wait, name) = exhausted.or_else(structured).or_else(only)?;
    Some(bounded(wait, Source::Header(name.to_owned())))
}

/// Whether a header tells when a limit is reset: `x-ratelimit-reset-requests`, `anthropic-ratelimit-tokens-reset`,
/// `ratelimit-reset`, `x-ratelimit-reset-tokens-minute` and their like.
fn is_reset(name: &str) -> bool {
    is_limit(name) && name.split(['-', '_']).any(|word| word == "reset")
}

fn is_limit(name: &str) -> bool {
    name.contains("ratelimit") || name.contains("rate-limit")
}

/// Whether a body's field is a header that was copied there.
fn is_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    is_limit(&name) || name.starts_with("retry-after")
}

fn is_nothing(remaining: &str) -> bool {
    remaining.trim().parse::<f64>().is_ok_and(|remaining| remaining <= 0.0)
}

/// The IETF draft's single header: `ratelimit: limit=100, remaining=0, reset=5` or `ratelimit: "minute";r=0;t=5`, in
/// seconds.
fn structured_reset(name: &str, text: &str) -> Option<f64> {
    if name != "ratelimit" {
        return None;
    }
    let part = |names: [&str; 2]| {
        text.split([',', ';']).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            names.contains(&name.trim()).then(|| value.trim().parse::<f64>().ok())?
        })
    };
    let reset = part(["reset", "t"]).filter(|reset| reset.is_finite());
    if part(["remaining", "r"])? <= 0.0 { reset } else { None }
}

/// All values of a body that are no lists or objects, with their names, and objects that are spans; in the order in
/// which they stand.
fn fields(body: &Json) -> Vec<(&str, &Json)> {
    let mut found = Vec::new();
    let mut open = vec![("", body)];
    while let Some((name, value)) = open.pop() {
        if found.len() + open.len() > MAX_VALUES {
            break;
        }
        match value {
            Json::Array(list) => open.extend(list.iter().rev().map(|value| (name, value))),
            Json::Object(fields) => {
                found.push((name, value));
                open.extend(fields.iter().rev().map(|(name, value)| (name.as_str(), value)));
            }
            _ => found.push((name, value)),
        }
    }
    found
}

fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned())
}

/// The wait that a field of the body states: Google's `retryDelay`, `retry_after` in seconds or milliseconds, the
/// `estimated_time` of a model that is loading.
fn delay_field(fields: &[(&str, &Json)], now: SystemTime) -> Option<Wait> {
    fields.iter().find_map(|(name, value)| {
        let bare: String = name.to_ascii_lowercase().replace(['_', '-'], "");
        let seconds = match bare.as_str() {
            "retryafterms" | "retryaftermillis" | "retryaftermilliseconds" => {
                text_of(value).parse::<f64>().ok().filter(|ms| ms.is_finite() && *ms >= 0.0)? / 1e3
            }
            "retrydelay" | "retryafter" | "retryafterseconds" | "retryaftersecs" | "retryin"
            | "estimatedtime" => {
                match value {
                    // A span as protocol buffers write it: {"seconds": 34, "nanos": 70000000}.
                    Json::Object(span) if span.contains_key("seconds") || span.contains_key("nanos") => {
                        let part =
                            |name: &str| span.get(name).and_then(|part| text_of(part).parse::<f64>().ok());
                        part("seconds").unwrap_or(0.0) + part("nanos").unwrap_or(0.0) / 1e9
                    }
                    _ => from_now(&text_of(value), now)?,
                }
            }
            _ => return None,
        };
        seconds.is_finite().then(|| bounded(seconds, Source::Field((*name).to_owned())))
    })
}

/// The span that a sentence of the body names, in seconds.
fn in_words(body: &Json) -> Option<f64> {
    let phrases = [
        "try again in ",
        "retry in ",
        "try again after ",
        "retry after ",
        "available in ",
        "resets in ",
        "wait ",
    ];
    fields(body).into_iter().filter_map(|(_, value)| value.as_str()).find_map(|text| {
        let text = text.get(..text.floor_char_boundary(10_000))?.to_ascii_lowercase();
        phrases.iter().find_map(|phrase| {
            let rest = &text[text.find(phrase)? + phrase.len()..];
            let rest = rest.strip_prefix("for ").unwrap_or(rest);
            leading_span(rest.strip_prefix("about ").unwrap_or(rest))
        })
    })
}

/// The span that a text begins with: a few numbers with units, in a row. A number alone is no span.
fn leading_span(text: &str) -> Option<f64> {
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '!' | ')' | '.');
    let borders = text.char_indices().filter(|(_, c)| ends(*c)).map(|(at, _)| at).chain([text.len()]);
    // The longest of the first few beginnings that is one: "1 minute 30" is none, "1 minute 30 seconds" is.
    let spans = borders.take(6).filter_map(|end| {
        let part = text[..end].trim_end();
        span(part).filter(|_| part.ends_with(char::is_alphabetic))
    });
    spans.last()
}

/// How many seconds from now a text means: a number of seconds, a span, or a point in time as a date, RFC 3339, or
/// seconds to nanoseconds since 1970. Negative if it is past; `None` if it means no time.
fn from_now(text: &str, now: SystemTime) -> Option<f64> {
    let text = text.trim().trim_matches('"');
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    if let Ok(number) = text.parse::<f64>() {
        // Three years of seconds are no span but a date: of 1973, in seconds; and so on by thousands.
        return match number {
            _ if !number.is_finite() || number < 0.0 => None,
            ..1e8 => Some(number),
            ..1e11 => Some(number - since_1970),
            ..1e14 => Some(number / 1e3 - since_1970),
            ..1e17 => Some(number / 1e6 - since_1970),
            _ => Some(number / 1e9 - since_1970),
        };
    }
    if let Some(seconds) = span(text) {
        return Some(seconds);
    }
    if let Some(instant) = rfc_3339(text) {
        return Some(instant - since_1970);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64() - since_1970)
}

/// A span such as `1s`, `6m0s`, `20ms`, `1h2m3.5s`, `34.07s`, `1m 30s` or `30 seconds`, in seconds.
fn span(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        total += number * unit(&rest[..end])?;
        rest = rest[end..].trim_start();
    }
    f64::is_finite(total).then_some(total)
}

/// The length of a unit in seconds.
fn unit(name: &str) -> Option<f64> {
    Some(match name {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" | "msec" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    })
}

/// A point in time such as `2026-01-31T12:00:00.5Z` or `2026-01-31 12:00:00+01:00`, in seconds since 1970. Without a
/// zone it counts as UTC.
fn rfc_3339(text: &str) -> Option<f64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let is = |at: usize, signs: &[u8]| text.as_bytes().get(at).is_some_and(|sign| signs.contains(sign));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    // A leap second is the sixty-first.
    if !((1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60) {
        return None;
    }
    let rest = text.get(19..)?;
    let digits =
        rest.strip_prefix('.').map_or(0, |rest| 1 + rest.bytes().take_while(u8::is_ascii_digit).count());
    let fraction = if digits > 1 { rest[..digits].parse::<f64>().ok()? } else { 0.0 };
    let zone = match rest[digits..].trim() {
        "" | "Z" | "z" => 0,
        zone => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let digits: String = zone.strip_prefix(['+', '-'])?.replace(':', "");
            let whole = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit());
            let (hours, minutes) = whole.then(|| digits.split_at(2))?;
            sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60)
        }
    };
    let days = days_since_1970(year, month, day);
    Some((days * 86_400 + hour * 3600 + minute * 60 + second - zone) as f64 + fraction)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar: years begin in March, so that a leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_month = (153 * month + 2) / 5;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + days_before_month + day
        - 719_469
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
