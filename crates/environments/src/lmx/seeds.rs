//! The file of a prompt pool: its forms. A function of its text.

use samara_search::Invalid;
use serde::Deserialize;

/// The line that stands between texts of several lines, as it does in prompts.
const BETWEEN: &str = "###";

/// A line of a file of JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Text(String),
    Object { text: String },
}

/// The texts of a pool file: one a line; texts of any number of lines, if a line `###` stands between two of them; or
/// JSON, a string or an object with `text` a line, if its name ends with `.jsonl`. Texts are trimmed, and empty ones left
/// out.
///
/// # Errors
/// A line of JSON that holds no text.
pub fn read(path: &str, file: &str) -> Result<Vec<String>, Invalid> {
    let texts = if path.ends_with(".jsonl") {
        json(path, file)?
    } else if file.lines().any(is_between) {
        separated(file)
    } else {
        file.lines().map(str::to_owned).collect()
    };
    let trimmed = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    Ok(trimmed.map(str::to_owned).collect())
}

fn is_between(line: &str) -> bool {
    line.trim() == BETWEEN
}

/// Texts with lines between them; a line break is `\n`, and no line ends with blanks.
fn separated(file: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    for line in file.lines() {
        match texts.last_mut() {
            Some(text) if !is_between(line) => {
                text.push_str(line.trim_end());
                text.push('\n');
            }
            _ => texts.push(String::new()),
        }
    }
    texts
}

fn json(path: &str, file: &str) -> Result<Vec<String>, Invalid> {
    let lines = file.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let text = |(number, line): (usize, &str)| match serde_json::from_str(line) {
        Ok(Line::Text(text) | Line::Object { text }) => Ok(text),
        Err(_) => Err(Invalid::new(
            "environment.prompt_pool_path",
            format!("line {} of {path} holds no text", number + 1),
            "in a .jsonl file every line is a string or an object with a string `text`",
        )),
    };
    lines.map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str, file: &str) -> Vec<String> {
        read(path, file).expect("a pool")
    }

    #[test]
    fn a_pool_has_one_text_a_line() {
        assert_eq!(texts("pool.txt", "one\n\n  two \r\n#three\n"), ["one", "two", "#three"]);
        assert_eq!(texts("pool.txt", "### one\ntwo\n"), ["### one", "two"], "a heading is a text");
    }

    #[test]
    fn lines_of_three_signs_stand_between_texts_of_several_lines() {
        let file = "a poem\r\n  of lines\n\nin stanzas\n###\n\nanother\n ### \n###\n";
        assert_eq!(texts("pool.txt", file), ["a poem\n  of lines\n\nin stanzas", "another"]);
    }

    #[test]
    fn json_lines_hold_texts_or_objects_with_one() {
        let file = "\"one\\ntwo\"\n\n{\"text\": \"three\", \"label\": 1}\n";
        assert_eq!(texts("pool.jsonl", file), ["one\ntwo", "three"]);
        let error = read("pool.jsonl", "\"one\"\n{\"body\": 1}\n").expect_err("must be refused");
        assert!(error.to_string().contains("line 2 of pool.jsonl"), "{error}");
    }
}
