//! Streams that a server sends although none was asked for.
//!
//! OpenAI's kind (server-sent events with deltas of choices) is joined to the reply that should have come; of other
//! kinds it is only known that they are streams. A stream counts as whole if each choice has a reason to finish, or if
//! the end is marked.

use serde_json::{Map, Value as Json, json};

/// The mark of an end.
const DONE: &str = "[DONE]";

/// Why a stream is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unjoined {
    /// It ends before its text does.
    Broken,
    /// Its events are not those of OpenAI.
    Unknown,
}

/// Whether a text begins as a stream of events does.
pub(crate) fn begins(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(':'));
    let named = |line: &str| ["data:", "event:", "id:", "retry:"].iter().any(|name| line.starts_with(name));
    // A comment alone, such as ": keep-alive", begins no other kind of body either.
    first.map_or(text.starts_with(':'), named)
}

/// A text behind the comments that keep a connection alive, where JSON follows them; else as it was.
pub(crate) fn behind_comments(text: &str) -> &str {
    let mut rest = text;
    while rest.starts_with(':') {
        let Some((_, behind)) = rest.split_once('\n') else { return text };
        rest = behind.trim_start();
    }
    if rest.starts_with(['{', '[']) { rest } else { text }
}

/// Whether a text is several JSON objects, one a line, as Ollama streams.
pub(crate) fn is_lines(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let is_object = |line: &str| serde_json::from_str::<Map<String, Json>>(line).is_ok();
    lines.next().is_some_and(is_object) && lines.next().is_some_and(is_object)
}

/// Whether nothing follows a value but blanks, zeros and the mark of an end.
pub(crate) fn is_only_an_end(rest: &str) -> bool {
    let is_blank = |c: char| c.is_whitespace() || c == '\0';
    rest.lines().all(|line| {
        let line = line.trim_matches(is_blank);
        line.is_empty() || line.strip_prefix("data:").is_some_and(|data| data.trim() == DONE)
    })
}

/// The reply that a stream's events amount to.
pub(crate) fn join(text: &str) -> Result<Json, Unjoined> {
    let mut ended = false;
    let mut events = Vec::new();
    for data in data_of(text) {
        if data == DONE {
            ended = true;
        } else if !data.is_empty() {
            // The last one may have been cut.
            events.push(serde_json::from_str::<Json>(&data).map_err(|_| Unjoined::Broken)?);
        }
    }
    // An error is the reply, whatever came before it.
    if let Some(error) = events.iter().find(|event| is_error(event)) {
        return Ok(error.clone());
    }
    // A whole reply in one event.
    if let [only] = &events[..]
        && only["choices"][0]["delta"].is_null()
        && (only["choices"][0].is_object() || ended)
    {
        return Ok(only.clone());
    }
    if events.is_empty() || !events.iter().all(|event| event["choices"].is_array()) {
        return Err(Unjoined::Unknown);
    }
    join_choices(&events, ended)
}

/// The data of each event: its lines joined.
fn data_of(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            if !lines.is_empty() {
                all.push(lines.join("\n").trim().to_owned());
                lines.clear();
            }
        } else if let Some(data) = line.trim_start().strip_prefix("data:") {
            // Some servers leave out the blank line between events.
            if lines.iter().any(|line| line.trim().ends_with(['}', ']'])) {
                all.push(lines.join("\n").trim().to_owned());
                lines.clear();
            }
            lines.push(data);
        }
    }
    all
}

fn is_error(event: &Json) -> bool {
    let error = &event["error"];
    error.as_object().is_some_and(|fields| !fields.is_empty())
        || error.as_str().is_some_and(|text| !text.is_empty())
}

/// What a choice has amounted to so far.
#[derive(Default)]
struct Choice {
    chat: bool,
    text: String,
    /// Thoughts, by the name of their field.
    thoughts: Map<String, Json>,
    finish: Json,
    error: Json,
    logprobs: Vec<Json>,
}

fn join_choices(events: &[Json], ended: bool) -> Result<Json, Unjoined> {
    let mut choices: Vec<Choice> = Vec::new();
    let mut usage = Json::Null;
    for event in events {
        if event["usage"].is_object() {
            usage = event["usage"].clone();
        }
        for part in event["choices"].as_array().into_iter().flatten() {
            let index = part["index"].as_u64().unwrap_or(0) as usize;
            // No server gives more choices than there are events.
            if index >= events.len() {
                return Err(Unjoined::Unknown);
            }
            if choices.len() <= index {
                choices.resize_with(index + 1, Choice::default);
            }
            choices[index].add(part);
        }
    }
    if choices.is_empty() || (!ended && choices.iter().any(|choice| choice.finish.is_null())) {
        return Err(Unjoined::Broken);
    }
    let choices: Vec<Json> = choices.into_iter().enumerate().map(|(i, choice)| choice.whole(i)).collect();
    let first = &events[0];
    Ok(json!({"id": first["id"], "model": first["model"], "choices": choices, "usage": usage}))
}

impl Choice {
    fn add(&mut self, part: &Json) {
        let delta = &part["delta"];
        self.chat |= delta.is_object();
        for text in [&delta["content"], &part["text"]] {
            self.text.push_str(text.as_str().unwrap_or_default());
        }
        for name in ["reasoning_content", "reasoning", "thinking", "refusal"] {
            if let Some(more) = delta[name].as_str().filter(|more| !more.is_empty()) {
                let old = self.thoughts.get(name).and_then(Json::as_str).unwrap_or_default();
                let joined = format!("{old}{more}");
                self.thoughts.insert(name.to_owned(), joined.into());
            }
        }
        for (own, new) in [(&mut self.finish, "finish_reason"), (&mut self.error, "error")] {
            if !part[new].is_null() {
                *own = part[new].clone();
            }
        }
        self.logprobs.extend(part["logprobs"]["content"].as_array().into_iter().flatten().cloned());
    }

    fn whole(self, index: usize) -> Json {
        let mut choice = json!({"index": index, "finish_reason": self.finish});
        if self.chat {
            let mut message = Map::from_iter([
                ("role".to_owned(), json!("assistant")),
                ("content".to_owned(), self.text.into()),
            ]);
            message.extend(self.thoughts);
            choice["message"] = message.into();
        } else {
            choice["text"] = self.text.into();
        }
        if !self.error.is_null() {
            choice["error"] = self.error;
        }
        if !self.logprobs.is_empty() {
            choice["logprobs"] = json!({"content": self.logprobs});
        }
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(events: &[Json], end: &str) -> String {
        let lines: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        lines.concat() + end
    }

    fn delta(delta: &Json, finish: &Json) -> Json {
        json!({"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    }

    #[test]
    fn the_deltas_of_a_chat_are_joined() {
        let parts = [
            delta(&json!({"role": "assistant", "content": ""}), &Json::Null),
            delta(&json!({"reasoning_content": "Hm"}), &Json::Null),
            delta(&json!({"reasoning_content": "m."}), &Json::Null),
            delta(&json!({"content": "I love beans"}), &Json::Null),
            delta(&json!({"content": " and eat them."}), &Json::Null),
            delta(&json!({}), &json!("stop")),
            json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 7}}),
        ];
        for end in ["data: [DONE]\n\n", "data:[DONE]", ""] {
            let whole = join(&events(&parts, end)).expect("a reply");
            assert_eq!(whole["choices"][0]["message"]["content"], "I love beans and eat them.");
            assert_eq!(whole["choices"][0]["message"]["reasoning_content"], "Hmm.");
            assert_eq!(whole["choices"][0]["finish_reason"], "stop");
            assert_eq!(whole["usage"]["completion_tokens"], 7);
        }
    }

    #[test]
    fn texts_of_several_choices_are_joined_each_by_itself() {
        let part = |index: u64, text: &str, finish: &Json| json!({"choices": [{"index": index, "text": text, "finish_reason": finish}]});
        let parts = [
            part(0, "a", &Json::Null),
            part(1, "x", &Json::Null),
            part(0, "b", &json!("length")),
            part(1, "y", &json!("stop")),
        ];
        // Without blank lines between events, and with comments, names and Windows line ends.
        let text =
            format!(": keep-alive\r\n\r\nevent: message\r\n{}", events(&parts, "").replace("\n\n", "\r\n"));
        assert!(begins(&text));
        let whole = join(&text).expect("a reply");
        assert_eq!(whole["choices"][0]["text"], "ab");
        assert_eq!(whole["choices"][1]["text"], "xy");
    }

    #[test]
    fn a_stream_that_breaks_off_is_no_reply() {
        let half = [delta(&json!({"content": "I love"}), &Json::Null)];
        assert_eq!(join(&events(&half, "")), Err(Unjoined::Broken));
        assert_eq!(join(&events(&half, "data: {\"choices\": [{\"del")), Err(Unjoined::Broken));
        assert!(join(&events(&half, "data: [DONE]\n\n")).is_ok(), "the server says that this was all");
    }

    #[test]
    fn an_error_within_a_stream_is_the_reply() {
        let error = json!({"error": {"message": "Upstream connection lost", "code": 502}, "choices": []});
        let parts = [delta(&json!({"content": "I love"}), &Json::Null), error.clone()];
        assert_eq!(join(&events(&parts, "data: [DONE]\n\n")), Ok(error));
    }

    #[test]
    fn a_whole_reply_in_one_event_is_the_reply() {
        let reply = json!({"choices": [{"message": {"content": "beans"}, "finish_reason": "stop"}]});
        assert_eq!(join(&events(std::slice::from_ref(&reply), "data: [DONE]\n\n")), Ok(reply));
    }

    #[test]
    fn streams_of_other_kinds_are_streams_all_the_same() {
        let anthropic = "event: message_start\ndata: {\"type\": \"message_start\"}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n";
        assert!(begins(anthropic));
        assert_eq!(join(anthropic), Err(Unjoined::Unknown));
        assert!(is_lines("{\"response\": \"I\", \"done\": false}\n{\"response\": \"\", \"done\": true}\n"));
        assert!(!is_lines("{\"response\": \"I\"}"));
        assert!(!begins("{\"data\": 1}"));
    }

    #[test]
    fn an_index_that_no_stream_has_is_refused() {
        let part = json!({"choices": [{"index": u64::MAX, "text": "a", "finish_reason": "stop"}]});
        let other = json!({"choices": [{"index": 0, "text": "a", "finish_reason": "stop"}]});
        assert_eq!(join(&events(&[other, part], "")), Err(Unjoined::Unknown));
    }
}
