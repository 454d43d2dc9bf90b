//! Programs with what their words are: enough to read them by, for any language that a file's name tells.
//!
//! Not a parser: comments, strings, numbers and keywords are found from left to right, and whatever is written gives
//! spans that together are the text.

/// What a piece of a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Names, operators, blanks.
    Plain,
    /// What is said about the program.
    Comment,
    /// A text in it.
    Text,
    /// A number.
    Number,
    /// A word of the language.
    Keyword,
}

/// How a language marks its comments and strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Comments behind `#`, strings of three quotes.
    Python,
    /// Comments behind `//` and between `/*` and `*/`.
    C,
    /// Nothing is known: all of it is plain.
    Unknown,
}

impl Language {
    /// By the ending of a file's name.
    pub fn of(path: &str) -> Self {
        match path.rsplit_once('.').map(|(_, ending)| ending) {
            Some("py" | "pyi" | "rb" | "sh" | "toml" | "yaml" | "yml" | "jl" | "r" | "R") => Self::Python,
            Some(
                "rs" | "c" | "h" | "cc" | "cpp" | "hpp" | "cu" | "js" | "ts" | "go" | "java" | "kt" | "swift"
                | "cs" | "scala" | "zig",
            ) => Self::C,
            _ => Self::Unknown,
        }
    }

    /// Its words, with blanks between them.
    fn keywords(self) -> &'static str {
        match self {
            Self::Python => PYTHON,
            Self::C => C,
            Self::Unknown => "",
        }
    }
}

const PYTHON: &str = "False None True and as assert async await break class continue def del elif else except finally \
    for from global if import in is lambda nonlocal not or pass raise return try while with \
    yield";

const C: &str = "as async auto await bool break case catch char class const continue default do double else enum \
    export extern false float fn for func function if impl import in int let long loop match mod mut \
    namespace new null package private pub public return self static struct switch template this throw \
    trait true try type unsigned use using var void where while";

/// The pieces of a program, in their order; together they are the text.
pub fn pieces(text: &str, language: Language) -> Vec<(Kind, &str)> {
    let mut pieces: Vec<(Kind, &str)> = Vec::new();
    let mut begin = 0;
    while begin < text.len() {
        let rest = &text[begin..];
        let (kind, length) = next(rest, language);
        let end = begin + length;
        match pieces.last_mut() {
            // Neighbours of one kind are one piece.
            Some((held, piece)) if *held == kind => *piece = &text[begin - piece.len()..end],
            _ => pieces.push((kind, &text[begin..end])),
        }
        begin = end;
    }
    pieces
}

/// What a text begins with, and how long that is: at least a character.
fn next(rest: &str, language: Language) -> (Kind, usize) {
    if language == Language::Unknown {
        return (Kind::Plain, rest.len());
    }
    if let Some(length) = comment(rest, language) {
        return (Kind::Comment, length);
    }
    if let Some(length) = string(rest, language) {
        return (Kind::Text, length);
    }
    let first = rest.chars().next().unwrap_or_default();
    let run = |belongs: &dyn Fn(char) -> bool| rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    if first.is_ascii_digit() {
        return (Kind::Number, run(&|c| c.is_ascii_alphanumeric() || c == '.' || c == '_'));
    }
    if first.is_alphabetic() || first == '_' {
        let length = run(&|c| c.is_alphanumeric() || c == '_');
        let known = language.keywords().split(' ').any(|word| word == &rest[..length]);
        return (if known { Kind::Keyword } else { Kind::Plain }, length);
    }
    (Kind::Plain, first.len_utf8())
}

fn comment(rest: &str, language: Language) -> Option<usize> {
    let line = || rest.find('\n').unwrap_or(rest.len());
    match language {
        Language::Python if rest.starts_with('#') => Some(line()),
        Language::C if rest.starts_with("//") => Some(line()),
        Language::C if rest.starts_with("/*") => Some(rest.find("*/").map_or(rest.len(), |end| end + 2)),
        _ => None,
    }
}

fn string(rest: &str, language: Language) -> Option<usize> {
    let long =
        ["\"\"\"", "'''"].into_iter().find(|quotes| language == Language::Python && rest.starts_with(quotes));
    if let Some(quotes) = long {
        return Some(rest[3..].find(quotes).map_or(rest.len(), |end| end + 6));
    }
    // A lone apostrophe is a lifetime or a label where strings have double quotes.
    let quote = rest.chars().next().filter(|c| *c == '"' || (*c == '\'' && language == Language::Python))?;
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            // A string that is not closed ends with its line.
            '\n' => return Some(at),
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str, language: Language) -> String {
        let mark = |kind| match kind {
            Kind::Plain => "",
            Kind::Comment => "C:",
            Kind::Text => "T:",
            Kind::Number => "N:",
            Kind::Keyword => "K:",
        };
        let told: Vec<String> = pieces(text, language)
            .into_iter()
            .map(|(kind, piece)| format!("{}{piece}", mark(kind)))
            .collect();
        told.join("|")
    }

    #[test]
    fn words_of_a_program_are_told_apart() {
        assert_eq!(
            told("def f1(x):  # a \"b\n    return x*2.5e3 + 'a\\'b'\n", Language::of("a/b.py")),
            "K:def| f1(x):  |C:# a \"b|\n    |K:return| x*|N:2.5e3| + |T:'a\\'b'|\n"
        );
        assert_eq!(told("\"\"\"a\n'b\"\"\"x'", Language::Python), "T:\"\"\"a\n'b\"\"\"|x|T:'");
        assert_eq!(
            told("let a: &'static str = \"/*\"; /* b", Language::of("x.rs")),
            "K:let| a: &'|K:static| str = |T:\"/*\"|; |C:/* b"
        );
        assert_eq!(told("for all", Language::of("notes")), "for all");
    }

    proptest! {
        #[test]
        fn pieces_together_are_the_text(text in "([a-z0-9#/*'\"\\\\ \n]|\\PC){0,60}") {
            for language in [Language::Python, Language::C, Language::Unknown] {
                let joined: String = pieces(&text, language).into_iter().map(|(_, piece)| piece).collect();
                prop_assert_eq!(&joined, &text);
            }
        }
    }
}
