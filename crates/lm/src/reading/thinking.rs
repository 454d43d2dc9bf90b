//! Parting what a model thinks from what it answers.
//!
//! A model that thinks aloud writes its thoughts between marks at the beginning of its text, or the chat's template has
//! written the first mark for it, so that only the closing one is in the text. What stands there never counts as an
//! answer. Marks in the middle of a text are part of it: a story may mention them.

use serde_json::Value as Json;

/// Marks around thoughts. Those in angle brackets are known in any case of their letters.
const MARKS: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reason>", "</reason>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
    ("<unused94>thought", "<unused95>"),
    // Granite's, in words.
    ("Here is my thought process:", "Here is my response:"),
    ("Here's my thought process:", "Here's my response:"),
];

/// Marks that some models put around the answer, behind their thoughts.
const ANSWERS: &[(&str, &str)] = &[
    ("<answer>", "</answer>"),
    ("<response>", "</response>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
];

/// The marks of OpenAI's harmony format, in which every message names its channel.
const CHANNEL: &str = "<|channel|>";
const MESSAGE: &str = "<|message|>";
const START: &str = "<|start|>";
const ENDS: &[&str] = &["<|end|>", "<|return|>", "<|call|>"];

/// The shortest beginning of a mark that counts as a mark that was cut.
const SHORTEST_CUT: usize = 4;

/// A text, parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parted<'a> {
    /// What is left of the text without the thoughts and the marks of channels; as it was if there are none.
    pub answer: &'a str,
    /// Whether the model thought, and to an end.
    pub thought: Thought,
}

/// Whether a model thought before it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Thought {
    /// Not that it could be seen.
    #[default]
    No,
    /// And came to an end of it.
    Finished,
    /// And was still thinking when its tokens were used up: there is no answer.
    Unfinished,
}

/// Parts a text.
pub(crate) fn part(text: &str) -> Parted<'_> {
    if let Some(parted) = harmony(text) {
        return parted;
    }
    let mut rest = text;
    let mut thought = Thought::No;
    while let Some(after) = after_opened(rest) {
        let Some(answer) = after else { return Parted { answer: "", thought: Thought::Unfinished } };
        (rest, thought) = (answer, Thought::Finished);
    }
    if let Some(answer) = after_unopened(rest) {
        (rest, thought) = (answer, Thought::Finished);
    }
    if thought == Thought::No {
        let cut = is_cut_mark(text.trim_start());
        return if cut {
            Parted { answer: "", thought: Thought::Unfinished }
        } else {
            Parted { answer: text, thought }
        };
    }
    Parted { answer: unwrapped(rest.trim_start()), thought }
}

/// Behind the thoughts that a text begins with: `None` if it begins with none, and nothing in it if they have no end.
fn after_opened(text: &str) -> Option<Option<&str>> {
    let text = text.trim_start();
    let (open, close) = MARKS.iter().find(|(open, _)| starts_with(text, open))?;
    // Thoughts may mention the mark that opens them; then it is closed as often.
    let (mut depth, mut rest) = (1, &text[open.len()..]);
    loop {
        let Some(end) = find(rest, close) else {
            // A model that forgot to close the inner one has still closed something.
            let last = rfind(text, close);
            return Some(last.map(|end| &text[end + close.len()..]));
        };
        depth += count(&rest[..end], open);
        depth -= 1;
        rest = &rest[end + close.len()..];
        if depth == 0 {
            return Some(Some(rest));
        }
    }
}

/// Behind the last mark that closes what nothing has opened.
fn after_unopened(text: &str) -> Option<&str> {
    let ends = MARKS.iter().filter_map(|(open, close)| {
        let (mut depth, mut at, mut last) = (0_usize, 0, None);
        while let Some(length) = find(&text[at..], close) {
            depth += count(&text[at..at + length], open);
            at += length + close.len();
            match depth.checked_sub(1) {
                Some(left) => depth = left,
                None => last = Some(at),
            }
        }
        last
    });
    ends.max().map(|end| &text[end..])
}

/// Whether a whole text is the beginning of a mark, cut by the limit of tokens.
fn is_cut_mark(text: &str) -> bool {
    text.len() >= SHORTEST_CUT
        // A beginning of words is no mark.
        && !text.starts_with(char::is_alphabetic)
        && MARKS.iter().any(|(open, _)| open.len() > text.len() && starts_with(open, text))
}

/// An answer without the marks that are around all of it.
fn unwrapped(text: &str) -> &str {
    let Some((open, close)) = ANSWERS.iter().find(|(open, _)| starts_with(text, open)) else { return text };
    let inside = &text[open.len()..];
    rfind(inside, close).map_or(inside, |end| &inside[..end]).trim_matches('\n')
}

/// The final message of a text in harmony format; `None` if it is in no such format.
fn harmony(text: &str) -> Option<Parted<'_>> {
    let start = text.trim_start();
    let head = format!("{CHANNEL}final");
    // A constraint may stand between channel and message: "<|channel|>final <|constrain|>json<|message|>".
    let last = text.rfind(&head).and_then(|at| {
        let rest = &text[at + head.len()..];
        let message = rest.find(MESSAGE).filter(|length| *length < 60)?;
        Some(&rest[message + MESSAGE.len()..])
    });
    if let Some(answer) = last {
        let end = ENDS.iter().filter_map(|end| answer.find(end)).min().unwrap_or(answer.len());
        let thought = if start.starts_with(&head) { Thought::No } else { Thought::Finished };
        return Some(Parted { answer: &answer[..end], thought });
    }
    if start.starts_with(CHANNEL) || start.starts_with(START) {
        return Some(Parted { answer: "", thought: Thought::Unfinished });
    }
    // The same with its marks left out by the server: "analysisThe user wants ...assistantfinalI love beans."
    let bare = start.strip_prefix("analysis")?;
    let end = bare.find("assistantfinal")?;
    Some(Parted { answer: &bare[end + "assistantfinal".len()..], thought: Thought::Finished })
}

/// Places are found without regard to the case of ASCII letters, as it is the same for all marks but `[THINK]`: what
/// stands in square brackets and small letters is a stage direction.
fn starts_with(text: &str, mark: &str) -> bool {
    match text.as_bytes().get(..mark.len()) {
        Some(start) if mark.starts_with('[') => start == mark.as_bytes(),
        Some(start) => start.eq_ignore_ascii_case(mark.as_bytes()),
        None => false,
    }
}

fn find(text: &str, mark: &str) -> Option<usize> {
    places(text, mark).next()
}

fn rfind(text: &str, mark: &str) -> Option<usize> {
    places(text, mark).last()
}

fn count(text: &str, mark: &str) -> usize {
    places(text, mark).count()
}

fn places<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = usize> + 'a {
    let first = mark.chars().next().unwrap_or_default();
    text.match_indices(first).map(|(at, _)| at).filter(move |at| starts_with(&text[*at..], mark))
}

/// What a chat's message says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    /// The answer, without thoughts; `None` if the message has no text at all, not even an empty one.
    pub answer: Option<String>,
    /// Whether the model thought.
    pub thought: Thought,
    /// Its refusal to answer, if it refused.
    pub refusal: Option<String>,
}

impl Said {
    /// Whether all that the model wrote are thoughts: its tokens were used up before it came to an answer.
    pub(crate) fn only_thought(&self) -> bool {
        self.thought != Thought::No && self.answer.as_deref().unwrap_or_default().trim().is_empty()
    }
}

/// Reads a chat's message (`choices[0].message`, or any object with `content`): its content as a text or a list of
/// parts, its thoughts in fields of their own.
pub(crate) fn said(message: &Json) -> Said {
    let mut said = Said::default();
    match &message["content"] {
        Json::String(text) => said.answer = Some(text.clone()),
        Json::Array(parts) => parts.iter().for_each(|part| add_part(&mut said, part)),
        part @ Json::Object(_) => add_part(&mut said, part),
        _ => {}
    }
    if let Some(text) = &said.answer {
        let parted = part(text);
        let answer = parted.answer.to_owned();
        if parted.thought != Thought::No {
            said.thought = parted.thought;
        }
        said.answer = Some(answer);
    }
    if said.thought == Thought::No && thinks(message) {
        said.thought = Thought::Finished;
    }
    if said.thought == Thought::Finished && said.answer.as_deref().unwrap_or_default().trim().is_empty() {
        said.thought = Thought::Unfinished;
    }
    if let Some(refusal) = message["refusal"].as_str().filter(|text| !text.trim().is_empty()) {
        said.refusal = Some(refusal.to_owned());
    }
    said
}

/// Adds a part of a content: a text is joined to the answer, thoughts are noticed, the rest (pictures, calls of tools)
/// says nothing.
fn add_part(said: &mut Said, part: &Json) {
    let text = match part {
        Json::String(text) => Some(text.as_str()),
        // An assistant's text is an object of its own: {"value": "...", "annotations": []}.
        _ => part["text"].as_str().or_else(|| part["text"]["value"].as_str()),
    };
    match part["type"].as_str() {
        None | Some("text" | "output_text") => {
            if let Some(text) = text {
                said.answer.get_or_insert_default().push_str(text);
            }
        }
        Some("thinking" | "reasoning" | "reasoning_content" | "redacted_thinking" | "thought") => {
            said.thought = Thought::Finished;
        }
        Some("refusal") => {
            said.refusal = part["refusal"].as_str().or(text).map(str::to_owned);
        }
        Some(_) => {}
    }
}

/// Whether a message (or a reply without messages, such as Ollama's) has thoughts in a field of their own.
fn thinks(message: &Json) -> bool {
    ["reasoning_content", "reasoning", "thinking", "reasoning_details", "thought", "thinking_blocks"]
        .iter()
        .any(|name| match &message[*name] {
            Json::String(text) => !text.trim().is_empty(),
            Json::Array(list) => !list.is_empty(),
            Json::Object(fields) => !fields.is_empty(),
            _ => false,
        })
}

#[cfg(test)]
#[path = "thinking_tests.rs"]
mod tests;
