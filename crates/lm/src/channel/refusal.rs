//! What a refusal means, by its status and by the codes in its body: never by its words.

use std::time::SystemTime;

use reqwest::{
    StatusCode,
    header::{HeaderMap, LOCATION},
};
use serde_json::Value as Json;

use crate::{
    error::{AttemptError, ErrorKind},
    reading::{
        fault_codes::Persistence,
        faults::{self, Fault},
        framing, limits,
        secrets::Redactor,
    },
};

/// How many characters of a server's words are shown.
const QUOTE: usize = 300;

/// What an error status means.
///
/// 424 is Text Generation Inference's for a model that failed half-way, 529 Anthropic's for an overloaded server.
pub(super) fn of_status(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    content_type: Option<&str>,
    keys: &Redactor,
) -> AttemptError {
    let json = framing::read(body, content_type, keys).ok();
    let fault = json.as_ref().map(faults::read);
    let words = match &fault {
        Some(fault) if !fault.words.trim().is_empty() => told(fault, keys),
        _ => framing::beginning(body, content_type, keys),
    };
    let lasts = fault.as_ref().is_some_and(|fault| fault.persistence == Persistence::Lasting);
    let status = status.as_u16();
    let message = format!("HTTP {status}: {words}");
    let error = match status {
        300..=399 => redirected(status, headers, keys),
        401..=404 => AttemptError::permanent(ErrorKind::Refused, message),
        // No credit is no limit that passes. Other codes beside a limit say little: "invalid_request_error" is common.
        429 if fault.as_ref().is_some_and(|fault| fault.no_credit) => {
            AttemptError::permanent(ErrorKind::Refused, message)
        }
        429 => busy(status, message, headers, json.as_ref()),
        501 => AttemptError::permanent(ErrorKind::Unsupported, message),
        408 | 424 | 500..=599 if !lasts => busy(status, message, headers, json.as_ref()),
        _ => AttemptError::permanent(ErrorKind::Invalid, message),
    };
    AttemptError { status: Some(status), complaint: fault.map(Box::new), ..error }
}

/// The error in a reply with a good status.
pub(super) fn within(fault: Fault, headers: &HeaderMap, reply: &Json, keys: &Redactor) -> AttemptError {
    let message = format!("the reply is an error: {}", told(&fault, keys));
    let code = fault.code.as_ref().and_then(|code| code.parse::<u16>().ok());
    let error = match (code, fault.persistence) {
        (Some(401..=404), _) => AttemptError::permanent(ErrorKind::Refused, message),
        (Some(code @ (408 | 429 | 500..=599)), Persistence::Passing | Persistence::Unknown) => {
            busy(code, message, headers, Some(reply))
        }
        (_, Persistence::Lasting) => AttemptError::permanent(ErrorKind::Invalid, message),
        (_, Persistence::Passing) => AttemptError::transient(ErrorKind::Overloaded, message),
        (_, Persistence::Unknown) => AttemptError::malformed(message),
    };
    AttemptError { complaint: Some(Box::new(fault)), ..error }
}

/// A server that is busy, loading or broke down: it may be asked again, after the wait that it asks for.
fn busy(status: u16, message: String, headers: &HeaderMap, body: Option<&Json>) -> AttemptError {
    let retry_after = limits::after_refusal(headers, body, SystemTime::now()).map(|wait| wait.wait);
    let overloaded = matches!(status, 429 | 503 | 529);
    AttemptError { retry_after, overloaded, ..AttemptError::transient(ErrorKind::Overloaded, message) }
}

/// A redirection is not followed: the key would go where nobody meant it to go.
fn redirected(status: u16, headers: &HeaderMap, keys: &Redactor) -> AttemptError {
    let target = headers.get(LOCATION).and_then(|target| target.to_str().ok());
    let target = target.map_or_else(|| "nowhere".to_owned(), |target| keys.quote(target, QUOTE, false));
    let message = format!("HTTP {status}: the server redirects to {target}");
    AttemptError::permanent(ErrorKind::Refused, message).hint(
        "set base_url to where it redirects, without the endpoint at its end, if you trust that address",
    )
}

/// The vendor's words, and its code where that is a word which they lack.
fn told(fault: &Fault, keys: &Redactor) -> String {
    let words = one_line(&fault.words);
    let code = fault.code.as_ref().filter(|code| code.parse::<u32>().is_err() && !words.contains(*code));
    let code = code.map_or_else(String::new, |code| format!(" ({code})"));
    keys.quote(&words, QUOTE, false) + &keys.quote(&code, QUOTE, false)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
