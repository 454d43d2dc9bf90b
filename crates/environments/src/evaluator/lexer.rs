//! A small lexer for programs of any language: enough to find numbers, names, operators and brackets, and to know what is
//! a comment or a string and must be left alone.
//!
//! It never fails: what it does not know is an operator of one character. Comments and blanks are no tokens.

/// How a language writes comments and strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    line_comments: &'static [&'static str],
    block_comment: Option<(&'static str, &'static str)>,
    quotes: &'static [char],
    /// Whether three quotes in a row open a string of several lines.
    triple: bool,
    /// Whether single quotes hold one character: a lone one is a lifetime or an apostrophe.
    characters: bool,
    /// Whether indentation is syntax.
    pub indented: bool,
}

const PYTHON: Syntax = Syntax {
    line_comments: &["#"],
    block_comment: None,
    quotes: &['"', '\''],
    triple: true,
    characters: false,
    indented: true,
};
const HASH: Syntax = Syntax { triple: false, indented: false, ..PYTHON };
const BRACES: Syntax = Syntax {
    line_comments: &["//"],
    block_comment: Some(("/*", "*/")),
    quotes: &['"', '\'', '`'],
    triple: false,
    characters: true,
    indented: false,
};
const SCRIPT: Syntax = Syntax { characters: false, ..BRACES };
const DASHES: Syntax = Syntax { line_comments: &["--"], ..HASH };
const SEMICOLON: Syntax = Syntax { line_comments: &[";"], quotes: &['"'], ..HASH };
const PERCENT: Syntax = Syntax { line_comments: &["%"], ..HASH };
const EXCLAMATION: Syntax = Syntax { line_comments: &["!"], ..HASH };
const PLAIN: Syntax = Syntax { line_comments: &[], quotes: &[], ..HASH };

impl Syntax {
    /// The syntax of a language by its name in small letters; of an unknown one, that of plain text.
    pub(super) fn of(language: &str) -> Self {
        match language {
            "python" => PYTHON,
            "ruby" | "r" | "shell" | "bash" | "perl" | "julia" | "toml" | "yaml" | "elixir" | "nim" => HASH,
            "javascript" | "typescript" | "dart" | "php" | "json" => SCRIPT,
            "c" | "cpp" | "c++" | "cuda" | "rust" | "java" | "go" | "swift" | "kotlin" | "scala"
            | "csharp" | "zig" | "d" | "metal" | "wgsl" => BRACES,
            "lua" | "haskell" | "sql" | "ada" => DASHES,
            "lisp" | "scheme" | "clojure" | "racket" | "asm" => SEMICOLON,
            "matlab" | "tex" | "erlang" | "prolog" => PERCENT,
            "fortran" => EXCLAMATION,
            _ => PLAIN,
        }
    }
}

impl Syntax {
    /// Whether it is a language's at all, and no plain text's.
    pub(super) fn is_code(self) -> bool {
        !self.quotes.is_empty()
    }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A number, with the minus in front of it where that belongs to no difference.
    Number,
    /// A string.
    Text,
    /// An opening bracket.
    Open,
    /// A closing bracket.
    Close,
    /// Anything else: an operator, a comma.
    Operator,
}

/// A token: bytes `start..end` of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    /// Its characters.
    pub(super) fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

/// Operators of several characters, longer ones first.
const LONG: [&str; 24] = [
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=",
    "->", "=>", "&&", "||", "::", ":=", "<<", ">>",
];

/// Words behind which a minus belongs to the number that follows.
const BEFORE_A_SIGN: [&str; 10] =
    ["return", "in", "and", "or", "not", "if", "else", "elif", "while", "yield"];

/// The tokens of a text.
pub(super) fn tokens(text: &str, syntax: Syntax) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some(length) = skipped(rest, first, syntax) {
            at += length;
            continue;
        }
        let signed = first == '-' && begins_number(&rest[1..]) && takes_sign(&tokens, text);
        let (kind, length) = match first {
            _ if signed => (Kind::Number, 1 + number(&rest[1..])),
            // The second point of a range begins no fraction.
            _ if begins_number(rest) && !(first == '.' && text[..at].ends_with('.')) => {
                (Kind::Number, number(rest))
            }
            '(' | '[' | '{' => (Kind::Open, 1),
            ')' | ']' | '}' => (Kind::Close, 1),
            _ if syntax.quotes.contains(&first) => quoted(rest, first, syntax),
            _ if is_word(first) => (Kind::Name, rest.len() - rest.trim_start_matches(is_word).len()),
            _ => {
                let long = LONG.iter().find(|long| rest.starts_with(**long));
                (Kind::Operator, long.map_or(first.len_utf8(), |long| long.len()))
            }
        };
        tokens.push(Token { kind, start: at, end: at + length });
        at += length;
    }
    tokens
}

/// How many bytes of blanks or of a comment a text begins with.
fn skipped(rest: &str, first: char, syntax: Syntax) -> Option<usize> {
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if let Some((open, close)) = syntax.block_comment
        && let Some(inner) = rest.strip_prefix(open)
    {
        return Some(inner.find(close).map_or(rest.len(), |end| open.len() + end + close.len()));
    }
    let comment = syntax.line_comments.iter().any(|mark| rest.starts_with(mark));
    comment.then(|| rest.find('\n').unwrap_or(rest.len()))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn begins_number(rest: &str) -> bool {
    let mut bytes = rest.bytes();
    match bytes.next() {
        Some(b'0'..=b'9') => true,
        Some(b'.') => matches!(bytes.next(), Some(b'0'..=b'9')),
        _ => false,
    }
}

/// The length of a number: digits, a fraction, an exponent, and whatever letters follow.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut fraction) = (0, false);
    while let Some(byte) = bytes.get(at) {
        let next_is_digit = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' | b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let exponent = matches!(byte, b'e' | b'E') && !rest.starts_with("0x");
                at += 1;
                let sign = matches!(bytes.get(at), Some(b'+' | b'-'));
                if exponent && sign && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                    at += 1;
                }
            }
            // `1..n` is a range, and `1.max(2)` a call.
            b'.' if !fraction && (next_is_digit || ends_fraction(bytes.get(at + 1))) => {
                fraction = true;
                at += 1;
            }
            _ => break,
        }
    }
    at
}

fn ends_fraction(next: Option<&u8>) -> bool {
    next.is_none_or(|byte| !(byte.is_ascii_alphabetic() || matches!(byte, b'.' | b'_')) || *byte == b'e')
}

/// Whether a minus here is the sign of a number and no difference.
fn takes_sign(tokens: &[Token], text: &str) -> bool {
    match tokens.last() {
        None => true,
        Some(last) => match last.kind {
            Kind::Open => true,
            Kind::Operator => !matches!(last.of(text), "." | "-" | "--"),
            Kind::Name => BEFORE_A_SIGN.contains(&last.of(text)),
            Kind::Number | Kind::Text | Kind::Close => false,
        },
    }
}

/// A string that begins here; or an operator, where a quote stands alone (a lifetime, an apostrophe).
fn quoted(rest: &str, quote: char, syntax: Syntax) -> (Kind, usize) {
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    if syntax.triple && rest.starts_with(&triple) {
        let length = rest[3..].find(&triple).map_or(rest.len(), |end| end + 6);
        return (Kind::Text, length);
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if quote != '`' => break,
            _ if c == quote => {
                let character = rest[1..].starts_with('\\') || rest[1..at].chars().count() == 1;
                let lone = quote == '\'' && syntax.characters && !character;
                return if lone { (Kind::Operator, 1) } else { (Kind::Text, at + 1) };
            }
            _ => {}
        }
    }
    (Kind::Operator, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str, language: &str) -> Vec<String> {
        tokens(text, Syntax::of(language)).into_iter().map(|token| token.of(text).to_owned()).collect()
    }

    #[test]
    fn a_minus_belongs_to_a_number_where_it_is_no_difference() {
        assert_eq!(
            words("f(-1, a-2, a - -3e-5)", "python"),
            ["f", "(", "-1", ",", "a", "-", "2", ",", "a", "-", "-", "3e-5", ")"]
        );
        assert_eq!(words("return -.5", "python"), ["return", "-.5"]);
        assert_eq!(words("x = -1_000", "python"), ["x", "=", "-1_000"]);
    }

    #[test]
    fn comments_and_strings_hold_no_tokens() {
        assert_eq!(
            words("a # 1\n'2 # 3' \"\"\"4\n5\"\"\" 6", "python"),
            ["a", "'2 # 3'", "\"\"\"4\n5\"\"\"", "6"]
        );
        assert_eq!(words("a // 1\n/* 2\n3 */ b /* 4", "rust"), ["a", "b"]);
        assert_eq!(words("&'a str, 'x'", "rust"), ["&", "'", "a", "str", ",", "'x'"]);
        assert_eq!(words("x -- 1\ny", "lua"), ["x", "y"]);
    }

    #[test]
    fn ranges_and_calls_of_numbers_are_no_fractions() {
        assert_eq!(
            words("0..10 1.max(2) 1. 2.5f64 0xff", "rust"),
            ["0", ".", ".", "10", "1", ".", "max", "(", "2", ")", "1.", "2.5f64", "0xff"]
        );
    }

    proptest! {
        #[test]
        fn any_text_has_tokens_in_order_that_lie_within_it(text in "(\\PC|\n|[-0-9.\"'#/*()]){0,60}") {
            for language in ["python", "rust", "lua", "text"] {
                let mut end = 0;
                for token in tokens(&text, Syntax::of(language)) {
                    prop_assert!(token.start >= end && token.end > token.start && token.end <= text.len());
                    prop_assert!(!token.of(&text).is_empty());
                    end = token.end;
                }
            }
        }
    }
}
