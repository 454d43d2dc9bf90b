//! A verdict as a person reads it.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use samara_sandbox::{Clock, Ending, Limits, Source, Verdict, codec::Bound, text::Repr};

use crate::exit::printable;

/// Most characters of a value or of what was printed that are shown; all of it is in the JSON.
const CHARACTERS: usize = 2_000;
/// Most lines of it.
const LINES: usize = 20;

/// The ending, what belongs to it, and what was used.
pub(super) fn text(verdict: &Verdict, limits: &Limits) -> String {
    let mut text = format!("{}\n\n", printable(&headline(&verdict.ending, limits)));
    if let Ending::Ok { value } = &verdict.ending {
        text += &field("value", Repr(value));
    }
    if !verdict.stdout.is_empty() {
        text += &field("printed", &verdict.stdout);
    }
    let used = format!(
        "{} CPU, {} wall, {:.1} MiB of memory",
        seconds(verdict.cpu),
        seconds(verdict.wall),
        verdict.peak_memory as f64 / f64::from(1 << 20)
    );
    text += &field("used", used);
    text + &field("isolation", format!("{}, Python {}", verdict.isolation.tier, verdict.isolation.python))
}

fn headline(ending: &Ending, limits: &Limits) -> String {
    match ending {
        Ending::Ok { .. } => "ok".to_owned(),
        Ending::Syntax { message } => format!("syntax error: {message}"),
        Ending::Exception { kind, message } if message.is_empty() => format!("exception: {kind}"),
        Ending::Exception { kind, message } => format!("exception: {kind}: {message}"),
        Ending::Timeout { clock: Clock::Cpu } => {
            format!("timeout: it used up its {} of CPU time", seconds(limits.cpu))
        }
        Ending::Timeout { clock: Clock::Wall } => {
            format!("timeout: it used up its {} of wall time", seconds(limits.wall))
        }
        Ending::Memory { source: Source::Host } => {
            format!("memory: it used up its {} MiB, and the kernel killed it", limits.memory >> 20)
        }
        Ending::Memory { source: Source::Program } => {
            format!(
                "memory: it says that it ran out of memory, with most of its {} MiB in use",
                limits.memory >> 20
            )
        }
        Ending::OutputLimit => format!("output limit: it printed more than {} KiB", limits.output >> 10),
        Ending::ResultLimit { bound, source } => result_limit(*bound, *source, limits),
        Ending::Crash { signal } => format!("crash: signal {signal}{}", signal_name(*signal)),
        Ending::Forbidden { syscall } => format!("forbidden: it made the system call {syscall}"),
        Ending::NoResult { exit } => format!("no result: it ended by itself with exit code {exit}"),
        Ending::BadFrame => "bad frame: what it wrote as its result is none".to_owned(),
        Ending::Failed { why } => {
            format!("failed: the sandbox broke twice, nothing is known of the program: {why}")
        }
    }
}

fn result_limit(bound: Bound, source: Source, limits: &Limits) -> String {
    let most = match bound {
        Bound::Bytes => format!("{} MiB", limits.result.bytes >> 20),
        Bound::Nodes => format!("{} values", limits.result.nodes),
        Bound::Depth => format!("a depth of {}", limits.result.depth),
    };
    let who = match source {
        Source::Host => "it returned",
        Source::Program => "it says that it would return",
    };
    format!("result limit: {who} more than {most}")
}

/// The signals that programs usually end by.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => " (illegal instruction)",
        6 => " (aborted)",
        7 => " (bus error)",
        8 => " (arithmetic error)",
        9 => " (killed)",
        11 => " (segmentation fault)",
        _ => "",
    }
}

fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    // What is below a hundredth would be shown as nothing.
    if seconds < 0.1 { format!("{:.1} ms", 1000.0 * seconds) } else { format!("{seconds:.2} s") }
}

/// A name and a text; the lines of a long one stand below each other.
fn field(name: &str, text: impl fmt::Display) -> String {
    let mut beginning = Beginning::default();
    // It takes whatever is written.
    let _ = write!(beginning, "{text}");
    let mut shown = String::new();
    for (place, line) in beginning.kept.lines().enumerate() {
        let name = if place == 0 { name } else { "" };
        let line = format!("  {name:<11}{}", printable(&line.replace('\t', "    ")));
        shown += line.trim_end();
        shown.push('\n');
    }
    let left = beginning.left;
    if left > 0 {
        shown += &format!("  {:<11}... {left} more characters; --format json has all of them\n", "");
    }
    shown
}

/// As much of a text as is shown. The rest is counted while it is written, so that a value costs no memory for a text
/// that nobody sees.
#[derive(Default)]
struct Beginning {
    kept: String,
    characters: usize,
    lines: usize,
    left: usize,
}

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (at, character) in text.char_indices() {
            if self.characters == CHARACTERS || self.lines == LINES {
                self.left += text[at..].chars().count();
                return Ok(());
            }
            self.kept.push(character);
            self.characters += 1;
            self.lines += usize::from(character == '\n');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use samara_sandbox::{Isolation, Tier, Value};

    use super::*;

    fn shown(ending: Ending, stdout: &str) -> String {
        let verdict = Verdict {
            ending,
            cpu: Duration::from_micros(4_250),
            wall: Duration::from_millis(1_234),
            peak_memory: 3 << 19,
            scratch_bytes: 0,
            stdout: stdout.to_owned(),
            isolation: Isolation { tier: Tier::Jail, python: "3.11.2".into() },
        };
        text(&verdict, &Limits::default())
    }

    #[test]
    fn a_verdict_is_a_headline_and_some_lines() {
        let expected = "ok\n\n  value      [1, 'a']\n  printed    one\n             two    \u{fffd}[2J\n  used       4.2 ms CPU, 1.23 s wall, 1.5 MiB of memory\n  isolation  jail, Python 3.11.2\n";
        let value = Value::List(vec![1.into(), "a".into()]);
        assert_eq!(shown(Ending::Ok { value }, "one\ntwo\t\u{1b}[2J\n"), expected);
    }

    #[test]
    fn what_is_long_is_cut_and_says_so() {
        let text = shown(Ending::Ok { value: Value::Str("é".repeat(5_000)) }, "");
        assert!(text.contains("\n             ... 3002 more characters"), "{text}");
        assert!(text.chars().count() < 2_300);
        let text = shown(Ending::Memory { source: Source::Host }, &"a\n".repeat(30));
        assert_eq!(text.matches(" a\n").count(), 20);
        assert!(text.contains("\n             ... 20 more characters"), "{text}");
    }

    #[test]
    fn every_outcome_has_a_headline_that_names_its_limit() {
        let head = |ending| shown(ending, "").lines().next().unwrap_or_default().to_owned();
        assert_eq!(head(Ending::Timeout { clock: Clock::Cpu }), "timeout: it used up its 2.00 s of CPU time");
        assert_eq!(
            head(Ending::Timeout { clock: Clock::Wall }),
            "timeout: it used up its 10.00 s of wall time"
        );
        let memory = |source| head(Ending::Memory { source });
        assert_eq!(memory(Source::Host), "memory: it used up its 256 MiB, and the kernel killed it");
        assert_eq!(
            memory(Source::Program),
            "memory: it says that it ran out of memory, with most of its 256 MiB in use"
        );
        assert_eq!(head(Ending::OutputLimit), "output limit: it printed more than 64 KiB");
        let limit = |bound, source| head(Ending::ResultLimit { bound, source });
        assert_eq!(limit(Bound::Nodes, Source::Host), "result limit: it returned more than 200000 values");
        assert_eq!(
            limit(Bound::Depth, Source::Program),
            "result limit: it says that it would return more than a depth of 64"
        );
        assert_eq!(limit(Bound::Bytes, Source::Host), "result limit: it returned more than 4 MiB");
        assert_eq!(head(Ending::Crash { signal: 11 }), "crash: signal 11 (segmentation fault)");
        let exception = |message: &str| Ending::Exception { kind: "E\u{7}".into(), message: message.into() };
        assert_eq!(head(exception("")), "exception: E\u{fffd}");
        assert_eq!(head(exception("why")), "exception: E\u{fffd}: why");
    }
}
