//! What changed from one genome to another, as a unified diff, and which lines went and came.

use std::{collections::BTreeSet, time::Duration};

use samara_search::{Genome, commanding::printable};
use similar::{ChangeTag, TextDiff, TextDiffConfig};

use crate::screen::Colours;

/// Unchanged lines that are shown around a change.
const CONTEXT: usize = 3;

/// A diff of texts; long ones are compared to the end, so that the result never depends on a clock.
fn differ() -> TextDiffConfig {
    let mut config = TextDiff::configure();
    config.timeout(Duration::from_secs(1_000_000));
    config
}

/// The files of a genome by path; what is no file has an empty one.
fn files(genome: &Genome) -> Vec<(String, String)> {
    match genome {
        Genome::Files(files) => {
            files.iter().map(|(path, text)| (path.to_owned(), text.to_string())).collect()
        }
        other => vec![(String::new(), other.text().into_owned())],
    }
}

/// The paths that either has, each with its text on both sides, empty where it is missing.
fn pairs(old: &Genome, new: &Genome) -> Vec<(String, String, String)> {
    let (old, new) = (files(old), files(new));
    let paths: BTreeSet<&String> = old.iter().chain(&new).map(|(path, _)| path).collect();
    let find = |files: &[(String, String)], path: &str| {
        files.iter().find(|(other, _)| other == path).map_or(String::new(), |(_, text)| text.clone())
    };
    paths.into_iter().map(|path| (path.clone(), find(&old, path), find(&new, path))).collect()
}

/// A unified diff, file by file, with lines that are printable. `from` and `to` name the sides.
pub fn unified(old: &Genome, new: &Genome, (from, to): (&str, &str), colours: Colours) -> String {
    let mut text = String::new();
    for (path, old, new) in pairs(old, new).into_iter().filter(|(_, old, new)| old != new) {
        let (old, new) = (printable(&old), printable(&new));
        let diff = differ().diff_lines(&old, &new);
        let named = |side: &str| if path.is_empty() { side.to_owned() } else { format!("{side} {path}") };
        let written =
            diff.unified_diff().context_radius(CONTEXT).header(&named(from), &named(to)).to_string();
        written.lines().for_each(|line| text += &(coloured(line, colours) + "\n"));
    }
    text
}

fn coloured(line: &str, colours: Colours) -> String {
    let code = match line.as_bytes().first() {
        _ if colours == Colours::None => None,
        _ if line.starts_with("--- ") || line.starts_with("+++ ") => Some("1"),
        Some(b'+') => Some("32"),
        Some(b'-') => Some("31"),
        Some(b'@') => Some("36"),
        _ => None,
    };
    code.map_or_else(|| line.to_owned(), |code| format!("\u{1b}[{code}m{line}\u{1b}[0m"))
}

/// Lines that a step took out and put in, without the blanks around them. Lines without a letter or a digit are left
/// out: a bracket that comes back says nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changed {
    /// Taken out.
    pub removed: Vec<String>,
    /// Put in.
    pub added: Vec<String>,
}

/// The lines that differ. A line that only moved or was indented anew is neither taken out nor put in.
pub fn changed(old: &Genome, new: &Genome) -> Changed {
    let mut changed = Changed::default();
    for (_, old, new) in pairs(old, new) {
        for change in differ().diff_lines(&old, &new).iter_all_changes() {
            let line = change.value().trim();
            if !line.chars().any(char::is_alphanumeric) {
                continue;
            }
            match change.tag() {
                ChangeTag::Delete => changed.removed.push(line.to_owned()),
                ChangeTag::Insert => changed.added.push(line.to_owned()),
                ChangeTag::Equal => {}
            }
        }
    }
    let moved: Vec<String> =
        changed.removed.iter().filter(|line| changed.added.contains(line)).cloned().collect();
    for line in moved {
        let both = (
            changed.removed.iter().position(|other| *other == line),
            changed.added.iter().position(|other| *other == line),
        );
        if let (Some(removed), Some(added)) = both {
            changed.removed.remove(removed);
            changed.added.remove(added);
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use samara_search::Files;

    use super::*;

    fn genome(files: &[(&str, &str)]) -> Genome {
        let files: BTreeMap<String, Arc<str>> =
            files.iter().map(|(path, text)| ((*path).to_owned(), Arc::from(*text))).collect();
        Genome::Files(Files::new(files).expect("files"))
    }

    #[test]
    fn a_diff_names_its_sides_and_files_and_leaves_out_what_is_the_same() {
        let old = genome(&[("a.py", "x = 1\ny = 2\n"), ("b.py", "same\n")]);
        let new = genome(&[("a.py", "x = 1\ny = \u{1b}[2J3\n"), ("b.py", "same\n")]);
        let text = unified(&old, &new, ("candidate 0", "candidate 7"), Colours::None);
        assert_eq!(
            text,
            "--- candidate 0 a.py\n+++ candidate 7 a.py\n@@ -1,2 +1,2 @@\n x = 1\n-y = 2\n+y = \u{fffd}[2J3\n"
        );
        assert_eq!(unified(&new, &new, ("a", "b"), Colours::None), "");
        assert!(unified(&old, &new, ("a", "b"), Colours::Palette).contains("\u{1b}[31m-y = 2\u{1b}[0m"));
    }

    #[test]
    fn a_line_that_only_moved_was_neither_taken_out_nor_put_in() {
        let old = genome(&[("a.py", "one\ntwo\nthree\n)\n")]);
        let new = genome(&[("a.py", "three\n    two\nfour\n}\n")]);
        let expected = Changed { removed: vec!["one".into()], added: vec!["four".into()] };
        assert_eq!(changed(&old, &new), expected);
    }
}
