//! What the documents at the root name must exist: tests, paths and files.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rust_sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            rust_sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The texts between backticks.
fn quoted(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_test_named_in_the_guarantees_exists() {
    let mut sources = String::new();
    rust_sources(&root().join("crates"), &mut sources);
    let names = quoted("GUARANTEES.md");
    assert!(names.len() > 20);
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "GUARANTEES.md names `{name}`");
    }
    // Here other names stand beside those of tests, which are sentences.
    let sentences = quoted("SECURITY.md").into_iter().filter(|name| name.matches('_').count() > 3);
    let missing = sentences.filter(|name| !sources.contains(&format!("fn {name}("))).collect::<Vec<_>>();
    assert!(missing.is_empty(), "SECURITY.md names {missing:?}");
}

#[test]
fn every_path_named_in_the_map_exists() {
    for document in ["ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md"] {
        for path in quoted(document) {
            let looks_like_one =
                path.contains('/') && !path.contains([' ', ':', '<', '*', '.']) || path.ends_with(".rs");
            if looks_like_one && path.starts_with(|c: char| c.is_ascii_lowercase()) {
                let found =
                    [root().join(&path), root().join("crates").join(&path)].iter().any(|path| path.exists());
                assert!(found, "{document} names `{path}`");
            }
        }
    }
}
