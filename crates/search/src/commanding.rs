//! Characters that command a terminal, a page or an editor instead of being shown, and texts without them.
//!
//! Models, servers, programs and settings of others write parts of what samara prints, exports and logs. Whoever prints
//! for people takes [`printable`] or [`one_line`], whoever writes for programs takes [`escaped`]; there is no second list
//! of such characters.

use std::borrow::Cow;

/// What stands for a character that is not shown.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a character does something instead of being shown: it controls (C0, DEL, C1), changes the direction in which
/// text is read (bidirectional marks, embeddings, overrides and isolates, and the obsolete controls behind them), or ends
/// lines and paragraphs beside `\n`.
pub fn commands(c: char) -> bool {
    let reorders =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}');
    c.is_control() || reorders || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A text that can't command the terminal. Lines stay lines, a tab becomes four blanks; what else commands is replaced by
/// U+FFFD.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' => printable.push('\n'),
            '\t' => printable.push_str("    "),
            c => printable.push(if commands(c) { REPLACEMENT } else { c }),
        }
    }
    printable
}

/// A text that can't command the terminal, on one line: new lines and tabs are replaced too.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if commands(c) { REPLACEMENT } else { c }).collect()
}

/// A text in which every character that commands, but tab, CR and LF, is written as `\u` and four hexadecimal digits. Of
/// a JSON text this is the same JSON value: there such characters stand in strings alone.
pub fn escaped(text: &str) -> Cow<'_, str> {
    let told = |c: char| commands(c) && !matches!(c, '\t' | '\r' | '\n');
    if !text.contains(told) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if told(c) { out += &format!("\\u{:04x}", u32::from(c)) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Title, clear, colour by an escape sequence and by a C1 control, every kind of bidirectional control, separators.
    const HOSTILE: &str =
        "\x1b]0;pwned\x07\x1b[2J\u{9b}31m\u{202e}a\u{2066}b\u{2069}c\u{200f}d\u{61c}e\u{2028}f\x7f\u{206a}";

    #[test]
    fn no_character_that_commands_a_terminal_is_printed() {
        for c in ('\0'..=char::MAX).filter(|c| c.is_control()) {
            let text = printable(&c.to_string());
            let expected = match c {
                '\n' => "\n",
                '\t' => "    ",
                _ => "\u{fffd}",
            };
            assert_eq!(text, expected, "{c:?}");
            assert_eq!(one_line(&c.to_string()), "\u{fffd}", "{c:?}");
        }
        assert_eq!(printable(HOSTILE), "�]0;pwned��[2J�31m�a�b�c�d�e�f��");
        assert_eq!(one_line(HOSTILE), printable(HOSTILE));
    }

    #[test]
    fn texts_of_every_script_are_printed_as_they_are() {
        let text = "naïve 日本語 עברית नमस्ते 👩‍🔬\nline\n";
        assert_eq!(printable(text), text);
        assert_eq!(printable("a\r\nb\tc"), "a\nb    c");
        assert!(matches!(escaped(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn json_that_is_escaped_commands_nothing_and_is_the_same_value() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "\n\t", "é👩‍🔬"] });
        for text in [value.to_string(), format!("{value:#}")] {
            let out = escaped(&text);
            assert!(!out.chars().any(|c| commands(c) && c != '\n'), "{out}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&out).expect("JSON"), value);
        }
    }
}
