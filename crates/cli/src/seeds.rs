//! Texts to begin with, from wherever somebody has them: a folder of files, or one file in several forms.

use std::path::Path;

use samara_environments::lmx::{pool::CAPACITY, seeds};
use samara_lm::files;

use crate::exit::Failure;

/// Bytes of a file at most: those of a pool that a run reads.
const MOST_BYTES: u64 = 16 << 20;

/// The texts of a folder, a text in each file in the order of their names; or of a file: texts with blank lines between
/// them, with lines `###` between them, one a line, or JSON a line (`.jsonl`).
///
/// # Errors
/// Nothing can be read there, or there are no texts or too many.
pub(crate) fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let texts = if path.is_dir() { of_folder(path)? } else { of_file(path)? };
    if texts.is_empty() || texts.len() > CAPACITY {
        return Err(Failure::usage(format!(
            "--seeds {}: there are {} texts\nhint: 1 to {CAPACITY} are needed",
            path.display(),
            texts.len()
        )));
    }
    Ok(texts)
}

fn text_of(path: &Path) -> Result<String, Failure> {
    files::read_text(path, MOST_BYTES).map_err(|error| {
        let hint = "hint: name a folder with a text in each file, or a file of texts";
        Failure::usage(format!("--seeds {} can't be read: {error}\n{hint}", path.display()))
    })
}

fn of_folder(folder: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error| Failure::usage(format!("--seeds {} can't be read: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        // One beyond what is allowed is enough to say so.
        if path.is_file() && !hidden && paths.len() <= CAPACITY {
            paths.push(path);
        }
    }
    paths.sort();
    let texts = paths.iter().map(|path| text_of(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect())
}

fn of_file(path: &Path) -> Result<Vec<String>, Failure> {
    let text = text_of(path)?.replace("\r\n", "\n");
    let name = path.to_string_lossy();
    let marked = name.ends_with(".jsonl") || text.lines().any(|line| line.trim() == "###");
    if marked || !has_blank_line(&text) {
        return seeds::read(&name, &text)
            .map_err(|invalid| Failure::usage(format!("--seeds {name}: {invalid}")));
    }
    Ok(paragraphs(&text))
}

/// Whether blank lines stand between texts.
fn has_blank_line(text: &str) -> bool {
    text.trim().lines().any(|line| line.trim().is_empty())
}

fn paragraphs(text: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    for line in text.lines() {
        match texts.last_mut() {
            Some(last) if !line.trim().is_empty() => *last += &format!("{}\n", line.trim_end()),
            _ => texts.push(String::new()),
        }
    }
    texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// The texts as a pool's file: a string of JSON a line.
pub(crate) fn lines(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{}\n", serde_json::Value::from(text.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path).unwrap()
    }

    #[test]
    fn texts_of_several_lines_have_blank_lines_or_three_signs_between_them() {
        assert_eq!(of("a.txt", "\none\ntwo\n\n \nthree\r\nfour\n"), ["one\ntwo", "three\nfour"]);
        assert_eq!(of("a.txt", "one\ntwo\n"), ["one", "two"], "one a line");
        assert_eq!(of("a.txt", "one\n\ntwo\n###\nthree\n"), ["one\n\ntwo", "three"]);
        assert_eq!(of("a.jsonl", "\"one\\ntwo\"\n\"three\"\n"), ["one\ntwo", "three"]);
    }

    #[test]
    fn a_folder_has_a_text_in_each_file_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("b.txt", "two\n\nmore\n"), ("a.md", "one"), ("c.txt", " \n"), (".hidden", "no")]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        std::fs::create_dir(folder.path().join("deeper")).unwrap();
        assert_eq!(read(folder.path()).unwrap(), ["one", "two\n\nmore"]);
    }

    #[test]
    fn too_many_or_no_texts_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap_err().message.contains("there are 0 texts"));
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "x\n".repeat(CAPACITY + 1)).unwrap();
        assert!(read(&path).unwrap_err().message.contains("1 to 100"));
        assert!(read(&folder.path().join("none")).unwrap_err().message.contains("hint: "));
    }

    #[test]
    fn a_pools_file_gives_the_same_texts_again() {
        let texts = ["one\n###\n\"two\"".to_owned(), "\u{1b}[2J é".to_owned()];
        assert_eq!(seeds::read("x.jsonl", &lines(&texts)).unwrap(), texts);
    }
}
