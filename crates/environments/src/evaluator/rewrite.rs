//! A whole program in an answer.

use std::collections::BTreeMap;

use samara_search::Genome;

use super::{Program, blocks};
use crate::fences::{self, Block};

/// The texts of the files that an answer writes anew. One file: the first fenced block of the language, else the first of
/// any, else the whole answer. Several: the fenced blocks that stand below a path. Blocks keep their markers; what an
/// answer writes without them is the inside of the only block.
///
/// # Errors
/// Why the answer holds no program.
pub(super) fn read(
    program: &Program,
    parent: &Genome,
    answer: &str,
) -> Result<BTreeMap<String, String>, String> {
    let found = fences::blocks(answer);
    let parts = program.parts(parent);
    let mut texts = BTreeMap::new();
    if let [part] = &*parts {
        let own = |block: &&Block| speaks(&block.language, &program.language);
        let block = found.iter().find(own).or(found.first());
        let text = block.map_or(answer, |block| &block.text);
        if text.trim().is_empty() {
            return Err("held no program".to_owned());
        }
        texts.insert(part.path.to_owned(), marked(part.text, text)?);
        return Ok(texts);
    }
    for block in &found {
        let above =
            answer[..block.start].lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if let Some(part) = parts.iter().find(|part| names(above, part.path)) {
            texts.insert(part.path.to_owned(), marked(part.text, &block.text)?);
        }
    }
    if texts.is_empty() {
        Err("held no fenced block below the path of a file that may change".to_owned())
    } else {
        Ok(texts)
    }
}

/// Whether a fence's language is the program's.
fn speaks(fence: &str, language: &str) -> bool {
    let short = match language {
        "python" => &["py", "python3"][..],
        "rust" => &["rs"],
        "cpp" => &["c++", "cc", "cxx"],
        "javascript" => &["js"],
        "typescript" => &["ts"],
        "shell" => &["sh", "bash"],
        _ => &[],
    };
    fence == language || short.contains(&fence)
}

/// Whether a line names a path, and no longer one that ends with it.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let part = |c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
        !line[..at].ends_with(part)
            && !line[at + path.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

/// An answer's text with the original's markers.
fn marked(original: &str, text: &str) -> Result<String, String> {
    if blocks::has_markers(original) && !blocks::has_markers(text) {
        return blocks::with_inside(original, text);
    }
    blocks::restored(original, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "import a\n# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n";

    fn one(answer: &str) -> Result<String, String> {
        let program = Program::of_text("a.py", TEXT);
        read(&program, &program.initial, answer).map(|texts| texts["a.py"].clone())
    }

    #[test]
    fn the_first_fence_of_the_language_is_taken_then_any_then_the_answer() {
        let expected = Ok(TEXT.replace("x = 1", "x = 2"));
        assert_eq!(one("```bash\npip\n```\n```python\nx = 2\n```\n```python\nx = 3\n```"), expected);
        assert_eq!(one("Here:\n```\nx = 2\n```"), expected);
        assert_eq!(one("x = 2\n"), expected);
        assert_eq!(
            one(&format!("```py\n{}```", TEXT.replace("x = 1", "x = 2").replace("import a", "import b"))),
            expected
        );
        assert!(one("```python\n\n```").is_err());
    }

    #[test]
    fn an_answer_with_damaged_markers_is_refused() {
        assert!(one("```python\n# EVOLVE-BLOCK-START\nx = 2\n```").is_err());
    }

    #[test]
    fn a_path_is_named_as_a_whole() {
        assert!(names("### `src/a.py`", "src/a.py") && names("src/a.py:", "src/a.py"));
        assert!(!names("other_src/a.py", "src/a.py") && !names("src/a.pyx", "src/a.py"));
    }
}
