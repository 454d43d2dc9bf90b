//! `samara model chat`: completes what a person types, with any model.

use std::io::{BufRead, IsTerminal, Write};

use samara_lm::{Budget, CompletionRequest, LanguageModel, Limits, LmError, ModelSettings, Sampling, Spent};
use tokio::runtime::Runtime;

use crate::{
    args::Chat,
    exit::{Exit, Failure, complain, print},
    session,
};

/// Seeds are below this.
const SEEDS: u64 = 1 << 31;

/// Longest line that is read, in bytes: a file without line ends must not fill the memory.
const LINE: u64 = 1 << 20;

pub(crate) fn chat(args: &Chat) -> Result<Exit, Failure> {
    let asked = Asked::new(args)?;
    match &args.prompt {
        Some(prompt) => {
            let text = asked.complete(&unescaped(prompt), args.seed)?;
            print(&(text + "\n"))?;
            Ok(Exit::Ok)
        }
        None => converse(&asked, args.seed),
    }
}

/// A model, and how it is asked.
struct Asked {
    runtime: Runtime,
    model: std::sync::Arc<dyn LanguageModel>,
    sampling: Sampling,
}

impl Asked {
    fn new(args: &Chat) -> Result<Self, Failure> {
        let wrong =
            |flag: &str, hint: &str| Err(Failure::usage(format!("{flag} is out of range\nhint: {hint}")));
        if !(args.temperature.is_finite() && args.temperature >= 0.0) {
            return wrong("--temperature", "0 or more");
        }
        if !(args.top_p > 0.0 && args.top_p <= 1.0) {
            return wrong("--top-p", "above 0, to 1 at most");
        }
        if args.stop.iter().any(String::is_empty) {
            return wrong("--stop", "a string of one character or more");
        }
        let sampling = Sampling {
            max_tokens: args.max_tokens,
            temperature: args.temperature,
            top_p: args.top_p,
            stop: args.stop.iter().map(|stop| unescaped(stop)).collect(),
            seed: args.seed,
            penalties: Default::default(),
        };
        let runtime = session::runtime()?;
        let limits = Limits { calls: None, tokens: None, money: None };
        // Clients may start tasks when they are opened.
        let _on_runtime = runtime.enter();
        let model =
            samara_lm::open(&ModelSettings::parse(&args.model)?, Budget::new(limits, Spent::default()))?;
        drop(_on_runtime);
        Ok(Self { runtime, model, sampling })
    }

    fn complete(&self, prompt: &str, seed: u64) -> Result<String, LmError> {
        let sampling = Sampling { seed: seed % SEEDS, ..self.sampling.clone() };
        let request = CompletionRequest { prompt: prompt.to_owned(), instructions: None, sampling };
        Ok(self.runtime.block_on(self.model.complete(&request))?.text)
    }
}

/// Line by line until the input ends. A line that fails is told and does not end it; but who only reads the exit code
/// of a pipe learns of it there.
fn converse(asked: &Asked, seed: u64) -> Result<Exit, Failure> {
    let typed = std::io::stdin().is_terminal();
    let mut input = std::io::stdin().lock();
    let mut failed = false;
    let mut seed = seed;
    loop {
        mark(typed, "> ");
        let Some(line) = next_line(&mut input)? else { break };
        if line.is_empty() {
            continue;
        }
        match asked.complete(&unescaped(&line), seed) {
            Ok(text) => print(&(text + "\n"))?,
            Err(error) => {
                failed = true;
                complain(&error.to_string());
            }
        }
        seed += 1;
    }
    mark(typed, "\n");
    Ok(if failed && !typed { Exit::Model } else { Exit::Ok })
}

/// What only a person at a terminal needs to see; on stderr, so that stdout holds completions alone.
fn mark(typed: bool, mark: &str) {
    if typed {
        let _ = std::io::stderr().write_all(mark.as_bytes());
    }
}

/// The next line without its end, or nothing at the end of the input.
fn next_line(input: &mut impl BufRead) -> Result<Option<String>, Failure> {
    let mut line = Vec::new();
    let read = std::io::Read::take(&mut *input, LINE).read_until(b'\n', &mut line);
    let read = read.map_err(|error| Failure::internal(format!("the input can't be read: {error}")))?;
    if read as u64 == LINE && line.last() != Some(&b'\n') {
        return Err(Failure::usage(
            "a line of the input is longer than a megabyte\nhint: end prompts with a new line",
        ));
    }
    let text = String::from_utf8_lossy(&line);
    Ok((read > 0).then(|| text.trim_end_matches(['\n', '\r']).to_owned()))
}

/// `\n`, `\t` and `\\` as the characters that they stand for; any other backslash is itself.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let stands_for = match (c, rest.clone().next()) {
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some('\\')) => Some('\\'),
            _ => None,
        };
        if stands_for.is_some() {
            rest.next();
        }
        plain.push(stands_for.unwrap_or(c));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_line_can_hold_lines() {
        assert_eq!(unescaped(r"Q: a\nA: b\n\nQ:"), "Q: a\nA: b\n\nQ:");
        assert_eq!(unescaped(r"a\\nb\tc\"), "a\\nb\tc\\");
        assert_eq!(unescaped(r"C:\dir"), r"C:\dir");
    }

    #[test]
    fn lines_end_however_they_end_and_bytes_that_are_no_text_do_not_stop_them() {
        let mut input: &[u8] = b"one\r\n\nt\xffo";
        let mut next = || next_line(&mut input).expect("readable");
        assert_eq!(next().as_deref(), Some("one"));
        assert_eq!(next().as_deref(), Some(""));
        assert_eq!(next().as_deref(), Some("t\u{fffd}o"));
        assert_eq!(next(), None);
        let long = vec![b'a'; LINE as usize];
        assert_eq!(next_line(&mut &long[..]).expect_err("too long").exit, Exit::Usage);
    }
}
