//! What must hold of every reader, whatever it reads.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value as Json;

use crate::{
    reading::{address, echo, faults, framing, limits, logprobs, secrets::Redactor, thinking},
    secret::Secret,
};

const KEY: &str = "sk-canary/123+456=789_Zx";

/// A time in 2026.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_860_800)
}

/// A body, read by everything that reads bodies.
pub fn body(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let keys = Redactor::new([&Secret(KEY.to_owned())]);
    let types = [None, Some("application/json"), Some("text/html"), Some("text/event-stream"), Some("a/b; charset=latin1")];
    let codings = [None, Some("gzip"), Some("deflate"), Some("gzip, gzip")];
    let content_type = types[usize::from(*choice) % types.len()];
    let Ok(body) = framing::unpack(body, codings[usize::from(*choice >> 4) % codings.len()], 1 << 16) else { return };
    let quoted = framing::beginning(&body, content_type, &keys);
    assert!(quoted.chars().count() <= 303 && !quoted.contains(KEY));
    match framing::read(&body, content_type, &keys) {
        Ok(mut reply) => {
            value(&reply);
            keys.redact_json(&mut reply);
            assert!(!reply.to_string().contains(&serde_json::to_string(KEY).expect("JSON")[1..]));
        }
        Err(fault) => assert!(!fault.to_string().contains(KEY)),
    }
}

/// A reply's value.
fn value(reply: &Json) {
    let fault = faults::read(reply);
    assert!(!fault.words.is_empty());
    // Telling an error twice changes nothing.
    assert_eq!(fault, faults::read(reply));
    if faults::in_reply(reply).is_some() {
        assert!(faults::in_choices(reply).is_some());
    }
    for message in [reply, &reply["choices"][0]["message"], &reply["message"]] {
        let said = thinking::said(message);
        assert!(said.thought != thinking::Thought::Unfinished || said.only_thought());
    }
    if let Ok(found) = logprobs::first_token(reply) {
        let of = found.of(&["yes".to_owned(), "no".to_owned()]);
        assert!((0.0..=1.0).contains(&found.mass()) && (0.0..=1.0).contains(&of.mass));
        assert!(of.logs.iter().all(|log| log.is_finite() && *log <= 0.0));
    }
    if let Some(wait) = limits::after_refusal(&HeaderMap::new(), Some(reply), now()) {
        assert!(wait.wait <= limits::LONGEST);
    }
}

/// An echo: the prompt and the answer that were sent, and the object that came back.
pub fn echoed(data: &[u8]) {
    let Ok(case) = serde_json::from_slice::<Json>(data) else { return };
    let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
    let (prompt, answer) = (text("prompt"), text("answer"));
    if let Ok(sum) = echo::answer_sum(&case, case["said"].as_str(), &prompt, &answer) {
        assert!(sum.is_finite() && sum <= 0.0);
    }
}

/// A text, as a model wrote it, as a header has it, and as people write addresses.
pub fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parted = thinking::part(text);
    assert!(text.contains(parted.answer));
    // Marks of a channel may stand around an answer without thoughts.
    let plain = !text.contains("<|channel|>");
    assert!(parted.thought != thinking::Thought::No || !plain || parted.answer == text);
    let _ = logprobs::clean(text);
    if let Ok(value) = HeaderValue::from_str(text) {
        for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset", "ratelimit"] {
            let headers = HeaderMap::from_iter([(name.parse().expect("a name"), value.clone())]);
            let wait = limits::after_refusal(&headers, Some(&Json::from(text)), now());
            assert!(wait.is_none_or(|wait| wait.wait <= limits::LONGEST));
        }
    }
    let _ = (address::ollama(text), address::is_this_machine(text), address::candidates(text));
    if let Ok(found) = address::read(text, address::OPENAI_ENDPOINTS) {
        assert_eq!(address::read(&found.base, &[]).map(|again| again.base), Ok(found.base));
    }
}

/// A text with a key in it, of which each character is in one of its codings.
pub fn quoted(data: &[u8]) {
    let Some((picks, rest)) = data.split_at_checked(16) else { return };
    let Ok(around) = std::str::from_utf8(rest) else { return };
    let code = |(at, c): (usize, char)| match picks[at % picks.len()] % 7 {
        1 => format!("\\u{:04x}", u32::from(c)),
        2 => format!("\\u{:04X}", u32::from(c)),
        3 => format!("%{:02x}", u32::from(c)),
        4 => format!("%{:02X}", u32::from(c)),
        5 => format!("&#{};", u32::from(c)),
        6 => format!("&#x{:x};", u32::from(c)),
        _ => c.to_string(),
    };
    let coded: String = KEY.chars().enumerate().map(code).collect();
    let keys = Redactor::new([&Secret(KEY.to_owned())]);
    let (before, after) = around.split_at(around.floor_char_boundary(around.len() / 2));
    // What stands around a key is apart from it, as in a sentence: an escape in front of it would begin another text.
    let clean = keys.redact(&format!("{before} {coded} {after}"));
    assert!(clean.contains("***"), "{clean}");
    assert!(!clean.contains(KEY) && (around.contains(&coded) || !clean.contains(&coded)), "{clean}");
    assert_eq!(keys.redact(&clean).matches(KEY).count(), 0);
}
