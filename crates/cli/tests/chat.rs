//! Talking to a model: what is typed is completed, line by line.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{
    io::Write,
    process::{Output, Stdio},
};

use common::{Place, error};

const SCRIPT: &str = "
[[complete]]
contains = \"two\\nlines\"
answers = [\"seen\"]

[[complete]]
contains = \"bell\"
answers = [\"a\\u0007b\\u001b[2J\"]

[[complete]]
contains = \"beans\"
answers = [\"one\", \"two\", \"three\", \"four\", \"five\", \"six\", \"seven\", \"eight\"]
";

fn chat(more: &[&str], typed: &[u8]) -> Output {
    let place = Place::new();
    place.write("script.toml", SCRIPT);
    let mut arguments = vec!["model", "chat", "scripted:script.toml"];
    arguments.extend(more);
    let mut command = place.samara(&arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(typed);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_line_is_completed_with_a_seed_of_its_own() {
    let output = chat(&[], b"beans\n\nbeans\nbeans\nbeans");
    assert!(output.status.success(), "{}", error(&output));
    let written = text(&output.stdout);
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 4, "{written}");
    assert!(lines.iter().any(|line| *line != lines[0]), "{written}");
    assert_eq!(error(&output), "", "a marker is for terminals only");
    // The third line's seed, given by hand.
    assert_eq!(text(&chat(&["--seed", "2", "--prompt", "beans"], b"").stdout), format!("{}\n", lines[2]));
}

#[test]
fn a_backslash_n_is_a_new_line_and_nothing_commands_the_terminal() {
    assert_eq!(text(&chat(&["--prompt", r"two\nlines"], b"").stdout), "seen\n");
    assert_eq!(text(&chat(&[], b"two\\nlines\n").stdout), "seen\n");
    assert_eq!(text(&chat(&["--prompt", "bell"], b"").stdout), "a\u{fffd}b\u{fffd}[2J\n");
}

#[test]
fn a_line_that_fails_is_told_and_the_next_one_is_completed() {
    let output = chat(&[], b"nothing for this\ntwo\\nlines\n");
    assert_eq!(text(&output.stdout), "seen\n");
    assert!(error(&output).starts_with("error: "), "{}", error(&output));
    assert_eq!(output.status.code(), Some(3), "a pipe's reader learns of it by the code");
    assert_eq!(chat(&["--prompt", "nothing for this"], b"").status.code(), Some(3));
}

#[test]
fn what_can_not_be_asked_is_refused_before_anything_is_typed() {
    let refused: [&[&str]; 6] = [
        &["--temperature", "nan"],
        &["--top-p", "0"],
        &["--stop", ""],
        &["--max-tokens", "0"],
        &["--seed", "2147483648"],
        &["--temperature=-1"],
    ];
    for arguments in refused {
        let output = chat(arguments, b"beans\n");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", error(&output));
        assert_eq!(text(&output.stdout), "");
    }
    let place = Place::new();
    for model in ["gpt", "scripted:nowhere.toml"] {
        assert_eq!(place.run(&["model", "chat", model, "--prompt", "a"]).status.code(), Some(2));
    }
}
