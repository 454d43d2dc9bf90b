//! The error in a reply, whatever its status and its shape.
//!
//! Vendors report errors as an object, a text or a list under `error`, as FastAPI's `detail`, as a message beside a
//! code, and some of them with status 200. What is found is told in the vendor's own words; what kind of error it is,
//! is read from its code or type, never from its words. Which field of the request it complains about is certain where
//! a field of the error names it, and a guess where its words quote the name of a known one.
//!
//! The codes are in `fault_codes.rs`.

use serde_json::Value as Json;

use super::fault_codes::{self, Persistence};

/// How deep errors are nested in errors: a gateway's around a vendor's, as a text of JSON.
const MAX_DEPTH: usize = 6;
/// How many messages are told.
const MAX_MESSAGES: usize = 8;

/// What a reply complains about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The vendor's words, uncut and with keys: redact them, then cut them.
    pub words: String,
    /// The vendor's code or type, such as `insufficient_quota` or `429`.
    pub code: Option<String>,
    /// Whether another attempt may succeed, as far as the code says.
    pub persistence: Persistence,
    /// Whether the account has no credit left, which no waiting mends.
    pub no_credit: bool,
    /// The fields of the request that it complains about; the first is the one to leave out.
    pub fields: Vec<Field>,
    /// The field that it wants instead (`max_completion_tokens` for `max_tokens`): a guess by its words.
    pub instead: Option<String>,
    /// The least value that it accepts: a guess by its words, unless a field says so.
    pub at_least: Option<u64>,
}

/// A field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name, as the request has it.
    pub name: String,
    /// Whether only words name it.
    pub guessed: bool,
}

/// Fields of requests that words may name.
const KNOWN_FIELDS: &[&str] = &[
    "seed",
    "random_seed",
    "stop",
    "stop_sequences",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "n",
    "best_of",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "logprobs",
    "top_logprobs",
    "prompt_logprobs",
    "echo",
    "stream",
    "add_generation_prompt",
    "continue_final_message",
    "logit_bias",
    "grammar",
    "json_schema",
    "response_format",
    "reasoning_effort",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "system",
    "instructions",
    "dimensions",
    "encoding_format",
];

/// Fields that a good reply has; where one of them has a value, a `message` or a `detail` beside it is no error.
const PAYLOADS: &[&str] = &[
    "choices",
    "data",
    "content",
    "response",
    "completion",
    "completions",
    "generated_text",
    "text",
    "token",
    "tokens",
    "embedding",
    "embeddings",
    "models",
    "model_id",
    "model_path",
    "output",
    "outputs",
    "output_text",
    "result",
    "results",
    "candidates",
    "completion_probabilities",
    "prompt_logprobs",
    "meta_info",
    "details",
    "version",
];

/// Reasons to finish that mean that a choice is no whole answer, in small letters.
const BROKEN_FINISHES: &[(&str, Persistence)] = &[
    ("error", Persistence::Passing),
    ("abort", Persistence::Passing),
    ("network_error", Persistence::Passing),
    ("insufficient_system_resource", Persistence::Passing),
    ("cancelled", Persistence::Passing),
    ("failed", Persistence::Passing),
    ("timeout", Persistence::Passing),
    // Gemini's, for an answer that it began as a call of a tool.
    ("malformed_function_call", Persistence::Passing),
    ("unexpected_tool_call", Persistence::Passing),
    ("content_filter", Persistence::Lasting),
    ("content_filtered", Persistence::Lasting),
    ("sensitive", Persistence::Lasting),
    ("safety", Persistence::Lasting),
    ("recitation", Persistence::Lasting),
    ("prohibited_content", Persistence::Lasting),
    ("blocklist", Persistence::Lasting),
    ("spii", Persistence::Lasting),
    // Bedrock's and Cohere's.
    ("guardrail_intervened", Persistence::Lasting),
    ("error_toxic", Persistence::Lasting),
];

/// The error in a reply with a good status; `None` if it is a good reply as far as this can be told without knowing
/// what was asked for.
pub(crate) fn in_reply(reply: &Json) -> Option<Fault> {
    match reply {
        Json::String(words) => Some(Fault::of(words.clone())),
        Json::Array(list) => list.first().filter(|first| states_error(first)).map(read),
        Json::Object(_) if states_error(reply) => Some(read(reply)),
        Json::Object(_) => broken_choice(reply),
        _ => None,
    }
}

/// The error in a reply that was asked for choices: [`in_reply`], or that it has none.
pub(crate) fn in_choices(reply: &Json) -> Option<Fault> {
    let none = || {
        let what = match &reply["choices"] {
            Json::Array(list) if list.is_empty() => "the reply's list of choices is empty",
            Json::Array(_) => return None,
            Json::Null => "the reply contains no choices",
            _ => "the reply's choices are no list",
        };
        Some(Fault { persistence: Persistence::Passing, ..Fault::of(what.to_owned()) })
    };
    in_reply(reply).or_else(none)
}

/// The error in the body of a refusal, whatever it looks like.
pub(crate) fn read(body: &Json) -> Fault {
    let mut found = Found::default();
    found.add(body, MAX_DEPTH);
    found.whole(body)
}

/// Whether an object says that it is an error.
fn states_error(reply: &Json) -> bool {
    let Some(fields) = reply.as_object() else { return false };
    let has = |name: &str| fields.get(name).is_some_and(is_full);
    let status = &reply["base_resp"]["status_code"];
    // A flag or a number, with the words beside it.
    let flagged = reply["error"] == true || (reply["error"].is_number() && reply["error"] != 0);
    if has("error") || flagged || (status.is_number() && *status != 0) {
        return true;
    }
    // A chat's own message is an object.
    if PAYLOADS.iter().any(|name| has(name)) || reply["message"]["content"].is_string() {
        return false;
    }
    let is_error = |name: &str| fields.get(name).and_then(Json::as_str) == Some("error");
    let has_code = ["code", "status", "statusCode", "error_code"].iter().any(|name| {
        fields
            .get(*name)
            .is_some_and(|code| *code != 0 && *code != 200 && (code.is_number() || is_full(code)))
    });
    is_error("object")
        || is_error("type")
        || has("errors")
        || has("detail")
        || has("error_msg")
        || fields.get("success").and_then(Json::as_bool) == Some(false)
        || fields.get("error_code").is_some_and(|code| !code.is_null() && *code != 0)
        || (has_code && (has("message") || has("msg")))
        // A gateway's "no Route matched with those values".
        || (fields.len() == 1 && has("message"))
}

/// Whether a value says anything: an object of nulls is how some gateways write that there is no error.
fn is_full(value: &Json) -> bool {
    match value {
        Json::String(text) => !text.trim().is_empty(),
        Json::Array(list) => !list.is_empty(),
        Json::Object(fields) => fields.values().any(|value| !value.is_null()),
        _ => false,
    }
}

/// An error in one of the choices, or a reason to finish that is one.
fn broken_choice(reply: &Json) -> Option<Fault> {
    let choices = reply["choices"].as_array()?;
    choices.iter().find_map(|choice| {
        if states_error(&serde_json::json!({"error": choice["error"]})) {
            return Some(read(&choice["error"]));
        }
        let finish = choice["finish_reason"].as_str()?;
        // Gateways add what lies behind it ("content_filter: RECITATION") or leave the vendor's capitals.
        let name = finish.split(':').next().unwrap_or_default().trim();
        let (_, persistence) =
            BROKEN_FINISHES.iter().find(|(broken, _)| broken.eq_ignore_ascii_case(name))?;
        let words = format!("the model stopped with the reason {finish}");
        Some(Fault { code: Some(finish.to_owned()), persistence: *persistence, ..Fault::of(words) })
    })
}

impl Fault {
    fn of(words: String) -> Self {
        let (fields, instead, at_least) = named_in(&words);
        Self {
            words,
            code: None,
            persistence: Persistence::Unknown,
            no_credit: false,
            fields,
            instead,
            at_least,
        }
    }
}

/// What was found in a body so far.
#[derive(Default)]
struct Found {
    messages: Vec<String>,
    codes: Vec<String>,
    fields: Vec<Field>,
    at_least: Option<u64>,
}

impl Found {
    /// Looks at an error, or at something around one.
    fn add(&mut self, value: &Json, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value {
            Json::String(text) => self.add_text(text, depth),
            Json::Array(list) => list.iter().take(MAX_MESSAGES).for_each(|entry| self.add(entry, depth)),
            Json::Object(_) => self.add_object(value, depth),
            _ => {}
        }
    }

    /// A message; a gateway's may be the vendor's error as a text of JSON.
    fn add_text(&mut self, text: &str, depth: usize) {
        let text = text.trim();
        if text.starts_with(['{', '['])
            && let Ok(inner) = serde_json::from_str::<Json>(text)
            && (inner.is_object() || inner.is_array())
        {
            let before = self.messages.len();
            self.add(&inner, depth);
            if self.messages.len() > before {
                return;
            }
        }
        if !text.is_empty()
            && self.messages.len() < MAX_MESSAGES
            && !self.messages.iter().any(|old| old == text)
        {
            self.messages.push(text.to_owned());
        }
    }

    fn add_object(&mut self, object: &Json, depth: usize) {
        self.add_codes(object);
        self.add_fields(object);
        // FastAPI's entries: where, and what.
        if let (Some(place), Some(message)) = (place(object), object["msg"].as_str()) {
            self.add_text(&format!("{place}: {message}"), depth);
        } else {
            for name in
                ["message", "msg", "error_msg", "status_msg", "error_description", "title", "description"]
            {
                self.add(&object[name], depth);
            }
        }
        for name in ["error", "errors", "detail", "base_resp", "violations", "fieldViolations", "cause"] {
            self.add(&object[name], depth);
        }
        // Google's details tell fields, OpenRouter's metadata what the vendor behind it said.
        self.add(&object["metadata"]["raw"], depth);
        for detail in object["details"].as_array().into_iter().flatten().take(MAX_MESSAGES) {
            self.add(&detail["fieldViolations"], depth);
        }
    }

    fn add_codes(&mut self, object: &Json) {
        for name in ["code", "type", "status", "error_code", "status_code", "error_type", "kind"] {
            let code = match &object[name] {
                Json::String(text) if !text.is_empty() && !matches!(text.as_str(), "error" | "None") => {
                    text.clone()
                }
                Json::Number(number) if *number != 0.into() => number.to_string(),
                _ => continue,
            };
            self.codes.push(code);
        }
    }

    fn add_fields(&mut self, object: &Json) {
        let last = object["loc"].as_array().and_then(|place| place.iter().rev().find_map(Json::as_str));
        for name in [object["param"].as_str(), object["field"].as_str(), last].into_iter().flatten() {
            // "body.seed", "messages[0].content", "generation_config.seed"
            let name = name.rsplit('.').next().unwrap_or(name).trim_matches(['\'', '"', '`']);
            let new = !name.is_empty() && self.fields.iter().all(|field| field.name != name);
            if new && name.len() <= 60 {
                self.fields.push(Field { name: name.to_owned(), guessed: false });
            }
        }
        let context = &object["ctx"];
        self.at_least =
            self.at_least.or_else(|| context["ge"].as_u64()).or_else(|| Some(context["gt"].as_u64()? + 1));
    }

    fn whole(mut self, body: &Json) -> Fault {
        let words = if self.messages.is_empty() { body.to_string() } else { self.messages.join("; ") };
        let (guessed, instead, at_least) = named_in(&words);
        for field in guessed {
            if self.fields.iter().all(|known| known.name != field.name) {
                self.fields.push(field);
            }
        }
        let persistence = fault_codes::persistence(&self.codes, body);
        // A word says more than a number.
        let code =
            self.codes.iter().find(|code| code.parse::<f64>().is_err()).or(self.codes.first()).cloned();
        let no_credit = fault_codes::is_about_credit(&self.codes);
        Fault {
            words,
            code,
            persistence,
            no_credit,
            fields: self.fields,
            instead,
            at_least: self.at_least.or(at_least),
        }
    }
}

/// Where in a request FastAPI sees an error: "body.seed".
fn place(object: &Json) -> Option<String> {
    let parts = object["loc"].as_array()?;
    let text = |part: &Json| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    Some(parts.iter().map(text).collect::<Vec<_>>().join("."))
}

/// The known fields that words name, the one that they want instead, and the least value that they accept: guesses.
fn named_in(words: &str) -> (Vec<Field>, Option<String>, Option<u64>) {
    let words = &words[..words.floor_char_boundary(10_000)];
    let lower = words.to_ascii_lowercase();
    let mut fields: Vec<Field> = Vec::new();
    let mut instead = None;
    for (at, name) in identifiers(words) {
        let quoted = is_quoted(words, at, name);
        // Without quotes only a name with an underscore is surely one: "stop" and "n" are words.
        if !KNOWN_FIELDS.contains(&name) || !(quoted || name.contains('_')) {
            continue;
        }
        let before = lower[..at].trim_end_matches([' ', '\'', '"', '`']);
        if before.ends_with("use") || before.ends_with("instead of using") || before.ends_with("mean") {
            instead.get_or_insert_with(|| name.to_owned());
        } else if fields.iter().all(|field| field.name != name) {
            fields.push(Field { name: name.to_owned(), guessed: true });
        }
    }
    fields.retain(|field| Some(&field.name) != instead.as_ref());
    (fields, instead, at_least(&lower))
}

/// The words that may be names, and where they stand.
fn identifiers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|name| !name.is_empty()).map(
        |name| {
            // Where a part stands in the text that it is part of.
            (name.as_ptr() as usize - text.as_ptr() as usize, name)
        },
    )
}

fn is_quoted(text: &str, at: usize, name: &str) -> bool {
    let quote = |c: Option<char>| matches!(c, Some('\'' | '"' | '`' | '‘' | '’' | '“' | '”'));
    quote(text[..at].chars().next_back()) && quote(text[at + name.len()..].chars().next())
}

/// The number behind ">= 16", "at least 16" or "greater than or equal to 16".
fn at_least(lower: &str) -> Option<u64> {
    [">=", "≥", "at least", "greater than or equal to", "minimum value of", "minimum of", "minimum is"]
        .iter()
        .find_map(|phrase| {
            let rest = lower[lower.find(phrase)? + phrase.len()..].trim_start();
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..digits].parse().ok()
        })
}

#[cfg(test)]
#[path = "faults_tests.rs"]
mod tests;
