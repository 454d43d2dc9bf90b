//! What the documents at the root name must exist: tests, paths and files.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::{collections::BTreeSet, path::Path};

use samara_testing::{workspace, workspace_file};

/// The names of all tests in the Rust files of a folder.
fn tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            tests(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(tests_of(&std::fs::read_to_string(path).unwrap()));
        }
    }
}

/// The functions of a source that stand below an attribute `#[test]` or `#[..::test]`.
fn tests_of(source: &str) -> Vec<String> {
    let (mut names, mut is_test) = (Vec::new(), false);
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[") && line.contains("::test") {
            is_test = true;
        } else if let Some(rest) = line.trim_start_matches("async ").strip_prefix("fn ") {
            let name = rest.split('(').next().unwrap_or_default();
            names.extend(is_test.then(|| name.to_owned()));
            is_test = false;
        }
    }
    names
}

fn all_tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    tests(&workspace().join("crates"), &mut names);
    assert!(names.len() > 500, "only {} tests were found", names.len());
    names
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Tests are sentences; other names that stand beside them are shorter.
fn is_sentence(name: &str) -> bool {
    name.matches('_').count() > 3
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn missing(text: &str, tests: &BTreeSet<String>) -> Vec<String> {
    quoted(text).into_iter().filter(|name| is_sentence(name) && !tests.contains(name)).collect()
}

#[test]
fn every_test_named_in_a_document_exists() {
    let tests = all_tests();
    for document in ["GUARANTEES.md", "SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let missing = missing(&workspace_file(document), &tests);
        assert!(missing.is_empty(), "{document} names {missing:?}");
    }
}

#[test]
fn every_promise_of_the_guarantees_names_its_test() {
    let tests = all_tests();
    let text = workspace_file("GUARANTEES.md");
    let rows: Vec<&str> =
        text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise")).collect();
    assert!(rows.len() > 20);
    for row in rows {
        let held_by = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        let names = quoted(held_by);
        assert!(!names.is_empty(), "no test holds: {row}");
        assert!(names.iter().all(|name| tests.contains(name)), "what holds is no test: {row}");
    }
}

#[test]
fn every_invariant_of_the_architecture_names_its_test() {
    let tests = all_tests();
    let text = workspace_file("ARCHITECTURE.md");
    let (_, section) = text.split_once("## Invariants, each with its test\n").expect("the section");
    let section = section.split("\n## ").next().unwrap();
    // What clocks decide is a list of exceptions.
    let invariants: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with("- ") && !line.starts_with("- What clocks decide:"))
        .collect();
    assert!(invariants.len() > 5);
    for invariant in invariants {
        let held = invariant.split('(').skip(1).flat_map(quoted).any(|name| tests.contains(&name));
        assert!(held, "no test in parentheses: {invariant}");
    }
}

#[test]
fn every_path_named_in_the_map_exists() {
    for document in ["ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md"] {
        for path in quoted(&workspace_file(document)) {
            let looks_like_one =
                path.contains('/') && !path.contains([' ', ':', '<', '*', '.']) || path.ends_with(".rs");
            // Where cargo builds is not part of the tree, and may be elsewhere.
            let built = path.starts_with("target/");
            if looks_like_one && !built && path.starts_with(|c: char| c.is_ascii_lowercase()) {
                let found = [workspace().join(&path), workspace().join("crates").join(&path)]
                    .iter()
                    .any(|path| path.exists());
                assert!(found, "{document} names `{path}`");
            }
        }
    }
}
