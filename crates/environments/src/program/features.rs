//! Cheap descriptors of a program, read from its tokens: what it looks like, not what it does.
//!
//! Deterministic and without Python. Comments, blank lines and the insides of strings count for nothing, so that a
//! candidate can't reach another cell by padding.

use samara_search::Invalid;

/// A number that describes a program, named by an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Tokens: names, numbers, strings and operators.
    Tokens,
    /// Keywords that branch, repeat or choose: `if`, `elif`, `for`, `while`, `and`, `or`, `try`, `except`, `match`.
    Branches,
    /// Deepest nesting of blocks and brackets together.
    Depth,
    /// Different names that are called, those that it defines left out.
    Calls,
    /// Different number and string literals.
    Literals,
    /// Keywords that repeat: `for`, `while`, `loop`.
    Loops,
    /// Operators: runs of signs between names, numbers and brackets.
    Operators,
}

/// All features, by name.
const FEATURES: [(&str, Feature); 7] = [
    ("tokens", Feature::Tokens),
    ("branches", Feature::Branches),
    ("depth", Feature::Depth),
    ("calls", Feature::Calls),
    ("literals", Feature::Literals),
    ("loops", Feature::Loops),
    ("operators", Feature::Operators),
];

impl Feature {
    /// The feature that an axis names.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn of_axis(place: usize, name: &str) -> Result<Self, Invalid> {
        Self::named(name).ok_or_else(|| {
            let names: Vec<&str> = FEATURES.iter().map(|(name, _)| *name).collect();
            let what = format!("there is no feature `{name}`");
            Invalid::new(
                format!("axes[{place}].name"),
                what,
                format!("the features are {}", names.join(", ")),
            )
        })
    }

    /// The feature of that name.
    pub fn named(name: &str) -> Option<Self> {
        FEATURES.iter().find(|(known, _)| *known == name).map(|(_, feature)| *feature)
    }

    /// Its value for a program: 0 or more.
    pub fn of(self, program: &str) -> f64 {
        let tokens = tokens(program);
        let count = match self {
            Self::Tokens => tokens.iter().filter(|token| !matches!(token, Token::Line(_))).count(),
            Self::Branches => tokens.iter().filter(|token| is_branch(token)).count(),
            Self::Depth => depth(&tokens),
            Self::Loops => tokens.iter().filter(|token| is_loop(token)).count(),
            Self::Operators => tokens.iter().filter(|token| **token == Token::Other).count(),
            Self::Calls => calls(&tokens).len(),
            Self::Literals => distinct(tokens.iter().filter_map(|token| match token {
                Token::Literal(text) => Some(*text),
                _ => None,
            }))
            .len(),
        };
        count as f64
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A line that holds something begins, indented by so many columns.
    Line(usize),
    Name(&'a str),
    Literal(&'a str),
    Open,
    Close,
    Other,
}

const BRANCHES: [&str; 9] = ["if", "elif", "for", "while", "and", "or", "try", "except", "match"];
/// Words that stand before a bracket and are no call.
const KEYWORDS: [&str; 16] = [
    "and", "assert", "del", "elif", "else", "for", "from", "if", "in", "is", "lambda", "not", "or", "return",
    "while", "yield",
];

fn is_branch(token: &Token<'_>) -> bool {
    matches!(token, Token::Name(name) if BRANCHES.contains(name))
}

fn is_loop(token: &Token<'_>) -> bool {
    matches!(token, Token::Name("for" | "while" | "loop"))
}

fn depth(tokens: &[Token<'_>]) -> usize {
    let mut columns: Vec<usize> = vec![0];
    let (mut open, mut deepest) = (0_usize, 0);
    for token in tokens {
        match token {
            Token::Line(column) => {
                while columns.last().is_some_and(|last| last > column) {
                    columns.pop();
                }
                if columns.last().is_none_or(|last| last < column) {
                    columns.push(*column);
                }
            }
            Token::Open => open += 1,
            Token::Close => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(columns.len() - 1 + open);
    }
    deepest
}

fn calls<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let mut called = Vec::new();
    let mut defined = Vec::new();
    for (place, pair) in tokens.windows(2).enumerate() {
        let [Token::Name(name), Token::Open] = pair else { continue };
        let is_definition = place > 0 && matches!(tokens[place - 1], Token::Name("def" | "class"));
        match is_definition {
            true => defined.push(*name),
            false if KEYWORDS.contains(name) => {}
            false => called.push(*name),
        }
    }
    let mut called = distinct(called.into_iter());
    called.retain(|name| !defined.contains(name));
    called
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut texts: Vec<&str> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// Reads as Python's own tokenizer does, as far as the features need: any text gives some tokens.
fn tokens(program: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = program;
    let (mut brackets, mut line_start) = (0_usize, true);
    while let Some(first) = rest.chars().next() {
        if line_start && brackets == 0 {
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            rest = &rest[blanks..];
            line_start = false;
            if !rest.starts_with(['\n', '\r', '#']) && !rest.is_empty() {
                tokens.push(Token::Line(blanks));
            }
            continue;
        }
        let length = match first {
            '\n' => {
                line_start = true;
                1
            }
            '#' => rest.find('\n').unwrap_or(rest.len()),
            ' ' | '\t' | '\r' | '\\' => 1,
            '(' | '[' | '{' => {
                brackets += 1;
                tokens.push(Token::Open);
                1
            }
            ')' | ']' | '}' => {
                brackets = brackets.saturating_sub(1);
                tokens.push(Token::Close);
                1
            }
            _ => word(rest, first, &mut tokens),
        };
        rest = &rest[length..];
    }
    tokens
}

/// Reads a string, number, name or operator; its length in bytes.
fn word<'a>(rest: &'a str, first: char, tokens: &mut Vec<Token<'a>>) -> usize {
    let prefix = rest.len() - rest.trim_start_matches(|c: char| "rRbBuUfF".contains(c)).len();
    if prefix <= 2 && rest[prefix..].starts_with(['"', '\'']) {
        let length = prefix + string(&rest[prefix..]);
        tokens.push(Token::Literal(&rest[..length]));
        return length;
    }
    let run = |text: &str, fits: fn(char) -> bool| text.len() - text.trim_start_matches(fits).len();
    if first.is_alphabetic() || first == '_' {
        let length = run(rest, |c| c.is_alphanumeric() || c == '_');
        tokens.push(Token::Name(&rest[..length]));
        return length;
    }
    if first.is_ascii_digit() {
        let length = run(rest, |c| c.is_alphanumeric() || c == '_' || c == '.');
        tokens.push(Token::Literal(&rest[..length]));
        return length;
    }
    // An operator of several characters is one token.
    let length = run(rest, |c| "+-*/%<>=!&|^~@:".contains(c)).max(first.len_utf8());
    tokens.push(Token::Other);
    length
}

/// Length of the string literal that a text begins with; one that is not closed ends with its line.
fn string(text: &str) -> usize {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let (end, long) = if text.starts_with(&triple) { (&*triple, true) } else { (quote, false) };
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(end.len()) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if !long => return at,
            _ if text[at..].starts_with(end) => return at + end.len(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROGRAM: &str = r#"
import math  # if if if

def g6(n=3):
    """for while ( ["""
    found = []
    for i in range(n):
        if i > 1 and math.sqrt(i) != 'a (b" #':
            found.append((i, "x"))
    return (found) or list(range(3))
"#;

    fn of(name: &str, program: &str) -> f64 {
        Feature::of_axis(0, name).expect("a feature").of(program)
    }

    #[test]
    fn features_are_as_counted_by_hand() {
        assert_eq!(of("branches", PROGRAM), 4.0, "for, if, and, or");
        assert_eq!(of("calls", PROGRAM), 4.0, "range, sqrt, append, list");
        assert_eq!(of("literals", PROGRAM), 5.0, "3, the docstring, 1, 'a..., x");
        assert_eq!(of("depth", PROGRAM), 5.0, "three blocks and two brackets");
        assert_eq!(of("tokens", "x = f(1, 'a')  # c\n\n"), 8.0);
        assert_eq!(of("tokens", "x **= 2\n"), 3.0);
        assert_eq!(of("loops", PROGRAM), 1.0, "one for");
        assert_eq!(of("operators", "x **= 2 + a.b\n"), 3.0, "the dot is one");
    }

    #[test]
    fn padding_changes_nothing() {
        let padded = PROGRAM.replace("    found = []", "    # more\n\n    found   =  []\n  \n");
        for (name, feature) in FEATURES {
            assert_eq!(feature.of(&padded), feature.of(PROGRAM), "{name}");
        }
    }

    #[test]
    fn an_axis_of_another_name_is_told_the_features() {
        let error = Feature::of_axis(1, "size").expect_err("must be refused");
        assert_eq!(error.key, "axes[1].name");
        assert!(error.hint.contains("tokens, branches"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_has_finite_features(text in "(\\PC|\n|[\"'()#\\\\]){0,80}") {
            for (_, feature) in FEATURES {
                prop_assert!(feature.of(&text).is_finite());
            }
        }
    }
}
