//! What `samara show` says of a program beside its score: which step made it, its metrics, and how what its evaluator
//! left begins.

use samara_journal::Reader;
use samara_search::{Artifact, Score};

use crate::{
    exit::{Failure, one_line},
    summary::line,
};
use samara_view::numbers::short;

/// Lines of a text that are shown.
const LINES: usize = 3;
/// Characters of a line that are shown.
const LONGEST: usize = 200;

/// The facts, a line each or more.
///
/// # Errors
/// The journal can't be read.
pub(crate) fn told(reader: &Reader, candidate: u64, score: &Score, width: usize) -> Result<String, Failure> {
    let mut text = String::new();
    if let Some((made, _)) = reader.candidate(candidate)? {
        text += &line("made by", &origin(&made.operator, &made.parents), width);
    }
    if !score.metrics.is_empty() {
        text += &line("metrics", &metrics(score), width);
    }
    for (position, artifact) in score.artifacts.iter().enumerate() {
        text += &line(if position == 0 { "artifacts" } else { "" }, &beginning(artifact), width);
    }
    Ok(text)
}

/// The step that made a program, and from which ones; each parent once.
fn origin(operator: &str, parents: &[u64]) -> String {
    let mut named: Vec<String> = Vec::new();
    for parent in parents.iter().map(u64::to_string) {
        if !named.contains(&parent) {
            named.push(parent);
        }
    }
    let operator = one_line(operator);
    if named.is_empty() { operator } else { format!("{operator} from {}", named.join(", ")) }
}

fn metrics(score: &Score) -> String {
    let named =
        score.metrics.iter().map(|(name, value)| format!("{}\u{a0}{}", one_line(name), short(*value)));
    named.collect::<Vec<_>>().join(", ")
}

/// An artifact's name and the first lines of its text, or how much there is of what is no text.
fn beginning(artifact: &Artifact) -> String {
    let name = one_line(&artifact.name);
    let Some(text) = artifact.as_text() else {
        return format!("{name}: {} ({} bytes)", artifact.kind.name(), artifact.body.len());
    };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let shown: Vec<String> = lines.by_ref().take(LINES).map(|line| cut(line.trim())).collect();
    let more = lines.count();
    let rest = if more > 0 { format!(" (and {more} more lines)") } else { String::new() };
    format!("{name}: {}{rest}", shown.join(" | "))
}

fn cut(line: &str) -> String {
    let line = one_line(line);
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use samara_search::ArtifactKind;

    use super::*;

    #[test]
    fn a_text_is_shown_by_its_first_lines_and_what_is_none_by_its_size() {
        let text = Artifact::text("stderr", "one\n\n  two\u{1b}[2J\nthree\nfour\nfive\n");
        assert_eq!(beginning(&text), "stderr: one | two\u{fffd}[2J | three (and 2 more lines)");
        let blob = Artifact::blob("plot", ArtifactKind::Bytes, vec![0, 159, 146, 150]).expect("a blob");
        assert_eq!(beginning(&blob), "plot: bytes (4 bytes)");
        assert_eq!(cut(&"x".repeat(300)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_parent_is_named_once() {
        assert_eq!(origin("crossover", &[27, 27, 3]), "crossover from 27, 3");
        assert_eq!(origin("initial", &[]), "initial");
    }
}
