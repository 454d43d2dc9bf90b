//! What is published can be built from its own package: no source reaches a file outside its crate's folder.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::path::{Component, Path, PathBuf};

use samara_testing::{workspace, workspace_file};

/// How a source names another file, by a path that starts at its own folder.
const MARKS: [&str; 4] = ["include!(", "include_str!(", "include_bytes!(", "#[path"];

/// The first text in quotes after each mark, `concat!` or not.
fn named(source: &str) -> Vec<&str> {
    let after = |mark| source.match_indices(mark).map(move |(at, _)| &source[at..]);
    MARKS.into_iter().flat_map(after).filter_map(|rest| rest.split('"').nth(1)).collect()
}

/// A path without `..`, whether it exists or not.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            _ => plain.push(part),
        }
    }
    plain
}

/// What a source at `file` reaches outside `folder`.
fn outside(folder: &Path, file: &Path, source: &str) -> Vec<String> {
    let leaves = |name: &&str| !plain(&file.parent().unwrap().join(name)).starts_with(folder);
    let included = named(source).into_iter().filter(leaves).map(str::to_owned);
    let from_manifest = |line: &&str| line.contains("CARGO_MANIFEST_DIR") && line.contains("..");
    included.chain(source.lines().filter(from_manifest).map(str::to_owned)).collect()
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn crates() -> Vec<PathBuf> {
    std::fs::read_dir(workspace().join("crates")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// This crate may reach everything: nobody gets it but with the workspace.
fn is_published(folder: &Path) -> bool {
    !folder.ends_with("testing")
}

#[test]
fn no_source_reaches_a_file_outside_its_crate() {
    let mut seen = 0;
    for folder in crates().iter().filter(|folder| is_published(folder)) {
        let mut files = Vec::new();
        sources(folder, &mut files);
        seen += files.len();
        for file in files {
            let reached = outside(folder, &file, &std::fs::read_to_string(&file).unwrap());
            assert!(reached.is_empty(), "{} reaches {reached:?}", file.display());
        }
    }
    assert!(seen > 100, "{seen} sources");
}

#[test]
fn a_path_that_leaves_the_crate_is_seen_however_it_is_written() {
    let (folder, file) = (Path::new("/w/crates/a"), Path::new("/w/crates/a/src/b.rs"));
    for source in [
        r#"include_str!("../../other/file.txt")"#,
        r#"include_bytes!("x/../../../c")"#,
        r#"include_str!(concat!("../../../experiments/", $path))"#,
        "include_str!(\n    \"../../other/a_long_name.txt\"\n)",
        "#[path = \"../../b/src/lib.rs\"]\nmod b;",
        r#"concat!(env!("CARGO_MANIFEST_DIR"), "/../c/model.json")"#,
        r#"include_str!("/etc/hostname")"#,
    ] {
        assert_eq!(outside(folder, file, source).len(), 1, "{source}");
    }
    for source in [r#"include_str!("../tests/data.json")"#, "#[path = \"b_tests.rs\"]\nmod tests;"] {
        assert!(outside(folder, file, source).is_empty(), "{source}");
    }
}

#[test]
fn every_published_crate_says_what_it_is_and_carries_its_licenses() {
    for folder in crates().iter().filter(|folder| is_published(folder)) {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for key in [
            "description = ",
            "keywords = ",
            "categories = ",
            "license.workspace",
            "readme.workspace",
            "exclude = ",
        ] {
            assert!(manifest.contains(&format!("\n{key}")), "{} has no {key}", folder.display());
        }
        for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let carried = std::fs::read_to_string(folder.join(license)).unwrap();
            assert_eq!(carried, workspace_file(license), "{}", folder.display());
        }
    }
}
