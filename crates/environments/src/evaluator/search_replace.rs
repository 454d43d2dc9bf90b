//! SEARCH/REPLACE blocks: how a model writes a change, and how it is applied.
//!
//! The notation is OpenEvolve's, under the rules of its version 0.4.1: a marker counts only on a line of its own, the order
//! SEARCH, divider, REPLACE is checked over the whole answer, a divider with other characters (`# =====` above a heading)
//! is code, and an answer that leaves a block open is rejected as a whole. In several files, each block stands below its
//! file's path. On top of that come three looser comparisons, since models lose blanks.

use std::collections::BTreeMap;

use samara_search::Genome;

use super::{Program, blocks};

const SEARCH: &str = "<<<<<<< SEARCH";
const DIVIDER: &str = "=======";
const REPLACE: &str = ">>>>>>> REPLACE";

/// One change: the lines that it finds and the lines that take their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The file's path; `None` where the answer names none.
    path: Option<String>,
    search: Vec<String>,
    replace: Vec<String>,
}

/// A program after the changes of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    pub texts: BTreeMap<String, String>,
    /// How many changes were applied.
    pub applied: usize,
    /// What was not applied, and why.
    pub skipped: Vec<String>,
}

/// The changes of an answer, in their order.
///
/// # Errors
/// Markers out of order, or a block that is left open: then nothing of the answer can be trusted.
pub(super) fn read(answer: &str) -> Result<Vec<Change>, String> {
    enum At {
        Outside,
        Search,
        Replace,
    }
    let (mut at, mut changes, mut path) = (At::Outside, Vec::new(), None);
    let mut change = Change { path: None, search: Vec::new(), replace: Vec::new() };
    for (number, line) in answer.lines().enumerate() {
        let wrong = |what: &str| Err(format!("line {} of the answer: {what}", number + 1));
        match (marker(line), &at) {
            (Some(Marker::Search), At::Outside) => {
                change = Change { path: path.clone(), search: Vec::new(), replace: Vec::new() };
                at = At::Search;
            }
            (Some(Marker::Divider), At::Search) => at = At::Replace,
            (Some(Marker::Replace), At::Replace) => {
                changes.push(change.clone());
                at = At::Outside;
            }
            // A divider outside of a block underlines a heading.
            (Some(Marker::Divider), At::Outside) => {}
            (Some(Marker::Search), _) => return wrong("a SEARCH block begins inside another one"),
            (Some(Marker::Divider), At::Replace) => return wrong("a block has two dividers"),
            (Some(Marker::Replace), At::Outside) => return wrong("REPLACE ends a block that none began"),
            (Some(Marker::Replace), At::Search) => return wrong("a block has no divider"),
            (None, At::Outside) => path = named_path(line).or(path),
            (None, At::Search) => change.search.push(line.to_owned()),
            (None, At::Replace) => change.replace.push(line.to_owned()),
        }
    }
    match at {
        At::Outside => Ok(changes),
        At::Search | At::Replace => Err("the answer leaves a SEARCH/REPLACE block open".to_owned()),
    }
}

enum Marker {
    Search,
    Divider,
    Replace,
}

/// The marker that is all that a line holds, but for blanks behind it.
fn marker(line: &str) -> Option<Marker> {
    match line.trim_end() {
        SEARCH => Some(Marker::Search),
        DIVIDER => Some(Marker::Divider),
        REPLACE => Some(Marker::Replace),
        _ => None,
    }
}

/// The path that a line between blocks names: `### src/a.py`, `src/a.py:` or the path alone.
fn named_path(line: &str) -> Option<String> {
    let headed = line.trim_start().starts_with('#');
    let bare = line.trim().trim_start_matches('#').trim().trim_end_matches(':');
    let bare = bare.strip_prefix("File").map_or(bare, |rest| rest.trim_start_matches(':')).trim();
    let bare = bare.trim_matches(['`', '*', '"']);
    let path_like =
        !bare.is_empty() && !bare.contains(char::is_whitespace) && (bare.contains(['.', '/']) || headed);
    path_like.then(|| bare.to_owned())
}

/// The parent after an answer's changes.
///
/// # Errors
/// Those of [`read`]; no block at all; none that fits.
pub(super) fn apply(program: &Program, parent: &Genome, answer: &str) -> Result<Changed, String> {
    let changes = read(answer)?;
    if changes.is_empty() {
        return Err("held no SEARCH/REPLACE block".to_owned());
    }
    let mut changed = Changed { texts: BTreeMap::new(), applied: 0, skipped: Vec::new() };
    for (number, change) in changes.iter().enumerate() {
        match apply_one(program, parent, &changed.texts, change) {
            Ok((path, text)) => {
                changed.texts.insert(path, text);
                changed.applied += 1;
            }
            Err(why) => changed.skipped.push(format!("block {}: {why}", number + 1)),
        }
    }
    if changed.applied == 0 {
        return Err(format!("held no SEARCH/REPLACE block that fits ({})", changed.skipped.join("; ")));
    }
    Ok(changed)
}

/// The file that a change changes, and its text afterwards.
fn apply_one(
    program: &Program,
    parent: &Genome,
    texts: &BTreeMap<String, String>,
    change: &Change,
) -> Result<(String, String), String> {
    let parts = program.parts(parent);
    let named = change.path.as_ref().filter(|path| parts.iter().any(|part| part.path == **path));
    let mut fit =
        parts.iter().filter(|part| named.is_none_or(|path| part.path == *path)).filter_map(|part| {
            let text = texts.get(part.path).map_or(part.text, String::as_str);
            replaced(text, change).map(|text| (part.path.to_owned(), text))
        });
    fit.next().ok_or_else(|| {
        let first = change.search.iter().find(|line| !line.trim().is_empty());
        match (first, named) {
            (None, _) => "its SEARCH part is empty".to_owned(),
            (Some(line), None) => format!("no place that may change has the lines from {:?}", line.trim()),
            (Some(line), Some(path)) => {
                format!("no place in {path} that may change has the lines from {:?}", line.trim())
            }
        }
    })
}

/// A text with a change applied at the first place that fits, by ever looser comparison: whole lines, lines without the
/// blanks at their ends, lines without indentation. `None` if no place within the blocks does.
fn replaced(text: &str, change: &Change) -> Option<String> {
    let (search, replace) = (trimmed(&change.search), trimmed(&change.replace));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if search.is_empty() {
        // An empty file can be begun.
        return text.trim().is_empty().then(|| replace.iter().map(|line| format!("{line}\n")).collect());
    }
    let last = lines.len().checked_sub(search.len())?;
    let same: [fn(&str, &str) -> bool; 3] = [
        |line, want| line.trim_end_matches(['\n', '\r']) == want,
        |line, want| line.trim_end() == want.trim_end(),
        |line, want| line.trim() == want.trim(),
    ];
    let inside = may_change(text, &lines);
    same.iter().find_map(|same| {
        let fits = |start: &usize| {
            let found = &lines[*start..*start + search.len()];
            let may = &inside[*start..*start + search.len()];
            found.iter().zip(search).all(|(line, want)| same(line, want)) && may.iter().all(|may| *may)
        };
        let start = (0..=last).find(fits)?;
        Some(spliced(&lines, start, search, replace))
    })
}

/// Which lines stand inside a block.
fn may_change(text: &str, lines: &[&str]) -> Vec<bool> {
    let ranges = blocks::ranges(text).unwrap_or_default();
    let mut at = 0;
    lines
        .iter()
        .map(|line| {
            let start = at;
            at += line.len();
            ranges.iter().any(|range| range.start <= start && at <= range.end)
        })
        .collect()
}

/// The lines with those at `start` replaced; what replaces them is indented as what it replaces was, where that differs
/// from what was searched for.
fn spliced(lines: &[&str], start: usize, search: &[String], replace: &[String]) -> String {
    let end = start + search.len();
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let first = search.iter().position(|line| !line.trim().is_empty()).unwrap_or(0);
    let (found, wanted) = (indent(lines[start + first]), indent(&search[first]));
    let padding: String = lines[start + first].chars().take(found.saturating_sub(wanted)).collect();
    let surplus = wanted.saturating_sub(found);
    let reindented = |line: &String| {
        let bare = &line[surplus.min(indent(line))..];
        if bare.trim().is_empty() { "\n".to_owned() } else { format!("{padding}{bare}\n") }
    };
    let mut text: String = lines[..start].concat();
    text.extend(replace.iter().map(reindented));
    let open_end = end == lines.len() && lines.last().is_some_and(|line| !line.ends_with('\n'));
    if open_end && text.ends_with('\n') {
        text.pop();
    }
    text + &lines[end..].concat()
}

/// Lines without empty ones around them, and without a fence that wraps them.
fn trimmed(lines: &[String]) -> &[String] {
    let blank = |line: &String| line.trim().is_empty();
    let fence = |line: &String| line.trim_start().starts_with("```");
    let mut rest = lines;
    while let [first, inner @ ..] = rest
        && blank(first)
    {
        rest = inner;
    }
    while let [inner @ .., last] = rest
        && blank(last)
    {
        rest = inner;
    }
    match rest {
        [first, inner @ .., last] if fence(first) && last.trim() == "```" => inner,
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "import a\n# EVOLVE-BLOCK-START\ndef f(x):\n    y = 1\n    return x + y\n# EVOLVE-BLOCK-END\nprint(f(1))\n";

    fn block(search: &str, replace: &str) -> String {
        format!("{SEARCH}\n{search}\n{DIVIDER}\n{replace}\n{REPLACE}\n")
    }

    fn applied(answer: &str) -> Result<String, String> {
        let program = Program::of_text("a.py", TEXT);
        apply(&program, &program.initial, answer).map(|changed| changed.texts["a.py"].clone())
    }

    #[test]
    fn a_change_is_found_by_its_lines_and_exact_lines_come_first() {
        assert_eq!(applied(&block("    y = 1", "    y = 2")), Ok(TEXT.replace("y = 1", "y = 2")));
        let talk = format!("I change y.\n```python\n{}```\nDone.", block("    y = 1", "    y = 2"));
        assert_eq!(applied(&talk), Ok(TEXT.replace("y = 1", "y = 2")));
    }

    #[test]
    fn blanks_and_indentation_that_models_lose_are_made_up_for() {
        assert_eq!(applied(&block("    y = 1   ", "    y = 2")), Ok(TEXT.replace("y = 1", "y = 2")));
        let expected = TEXT.replace("    y = 1\n", "    if x:\n        y = 2\n");
        assert_eq!(applied(&block("y = 1", "if x:\n    y = 2")), Ok(expected.clone()), "too little");
        assert_eq!(
            applied(&block("        y = 1", "        if x:\n            y = 2")),
            Ok(expected),
            "too much"
        );
    }

    #[test]
    fn markers_count_only_on_lines_of_their_own() {
        let banner = block("    y = 1", "    # ======= one =======\n    y = 2  # <<<<<<< SEARCH");
        assert!(applied(&banner).is_ok_and(|text| text.contains("# ======= one =======") && text.contains("# <<<<<<< SEARCH")));
        let heading = format!("Changes\n=======\n{}", block("    y = 1", "    y = 2"));
        assert!(applied(&heading).is_ok(), "a heading's underline");
    }

    #[test]
    fn an_answer_out_of_order_or_left_open_is_rejected_as_a_whole() {
        let whole = block("    y = 1", "    y = 2");
        for rest in [
            format!("{SEARCH}\n    return x + y\n"),
            format!("{SEARCH}\na\n{DIVIDER}\nb\n"),
            format!("{SEARCH}\na\n{REPLACE}\n"),
            format!("{SEARCH}\n{SEARCH}\na\n{DIVIDER}\nb\n{REPLACE}\n"),
            format!("{REPLACE}\n"),
            format!("{SEARCH}\na\n{DIVIDER}\nb\n{DIVIDER}\nc\n{REPLACE}\n"),
        ] {
            assert!(applied(&format!("{whole}{rest}")).is_err(), "{rest}");
        }
    }

    #[test]
    fn blocks_that_fit_nowhere_are_skipped_and_named() {
        let program = Program::of_text("a.py", TEXT);
        let answer = block("z = 9", "z = 8") + &block("    y = 1", "    y = 2");
        let changed = apply(&program, &program.initial, &answer).expect("one fits");
        assert_eq!(
            (changed.applied, &*changed.skipped),
            (1, &["block 1: no place that may change has the lines from \"z = 9\"".to_owned()][..])
        );
        assert!(applied(&block("z = 9", "z = 8")).expect_err("none").contains("z = 9"));
        assert!(applied("no block").is_err());
    }

    #[test]
    fn nothing_outside_the_blocks_is_changed() {
        for search in
            ["import a", "print(f(1))", "# EVOLVE-BLOCK-END", "    return x + y\n# EVOLVE-BLOCK-END"]
        {
            assert!(applied(&block(search, "evil()")).is_err(), "{search}");
        }
    }

    #[test]
    fn equal_lines_are_changed_where_they_come_first() {
        let program = Program::of_text("a.py", "a\nx\na\n");
        let changed = apply(&program, &program.initial, &block("a", "b")).expect("it fits");
        assert_eq!(changed.texts["a.py"], "b\nx\na\n");
    }

    #[test]
    fn a_path_above_a_block_names_its_file() {
        for line in ["### src/a.py", "src/a.py", "`src/a.py`:", "File: src/a.py"] {
            let answer = format!("Some words. Then\n{line}\n{}", block("x", "y"));
            let changes = read(&answer).expect("a block");
            assert_eq!(changes[0].path.as_deref(), Some("src/a.py"), "{line}");
        }
        let changes = read(&format!("Two words\n{}", block("x", "y"))).expect("a block");
        assert_eq!(changes[0].path, None);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(answer in "(\\PC|\n|<<<<<<< SEARCH\n|=======\n|>>>>>>> REPLACE\n|    y = 1\n){0,40}") {
            if let Ok(text) = applied(&answer) {
                prop_assert!(text.starts_with("import a\n# EVOLVE-BLOCK-START\n"));
                prop_assert!(text.ends_with("# EVOLVE-BLOCK-END\nprint(f(1))\n"));
            }
        }
    }
}
