//! Edits of operators, names and calls, in any language.

use samara_qd::Stream;

use super::{Source, splice::Splice};
use crate::evaluator::lexer::Kind;

/// Tokens that may take each other's place.
const ALIKE: [&[&str]; 11] = [
    &["+", "-"],
    &["*", "/"],
    &["<", "<=", ">", ">="],
    &["==", "!="],
    &["+=", "-="],
    &["*=", "/="],
    &["and", "or"],
    &["&&", "||"],
    &["min", "max"],
    &["True", "False"],
    &["true", "false"],
];

/// Words that no name may replace and that replace none.
const KEYWORDS: [&str; 66] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
    "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not",
    "or", "pass", "raise", "return", "try", "while", "with", "yield", "True", "False", "None", "self", "let",
    "mut", "fn", "pub", "use", "mod", "struct", "enum", "impl", "trait", "match", "loop", "const", "static",
    "int", "float", "double", "void", "char", "bool", "true", "false", "null", "new", "var", "function",
    "end", "do", "then", "print",
];

/// One edit; `None` if the draw finds none.
pub(super) fn edit(source: &Source<'_>, stream: &mut Stream) -> Option<Vec<Splice>> {
    match stream.index(4) {
        0 | 1 => operator(source, stream),
        2 => name(source, stream),
        _ => call(source, stream),
    }
}

/// An operator gives way to one like it.
fn operator(source: &Source<'_>, stream: &mut Stream) -> Option<Vec<Splice>> {
    let places = source.places(|file, place| alike(source, file, place).is_some());
    let at = drawn(&places, stream)?;
    let group = alike(source, at.0, at.1)?;
    let own = source.text(at.0, at.1);
    let others: Vec<&str> = group.iter().copied().filter(|other| *other != own).collect();
    Some(vec![source.replace(at, others[stream.index(others.len())])])
}

/// The tokens that may take this one's place, itself included.
fn alike(source: &Source<'_>, file: usize, place: usize) -> Option<&'static [&'static str]> {
    let text = source.text(file, place);
    let group = ALIKE.into_iter().find(|group| group.contains(&text))?;
    let word = source.kind(file, place) == Some(Kind::Name);
    if word {
        // `x.min` is another thing's name, and `min=0` an argument's.
        let attribute = place > 0 && source.text(file, place - 1) == ".";
        let argument = source.kind(file, place + 1).is_some() && source.text(file, place + 1) == "=";
        return (!attribute && !argument).then_some(group);
    }
    (source.kind(file, place) == Some(Kind::Operator) && is_binary(source, file, place)).then_some(group)
}

/// Whether an operator stands between two values, with the same blanks on both sides: no sign, no star of an argument or
/// a pointer, no angle bracket of a type.
fn is_binary(source: &Source<'_>, file: usize, place: usize) -> bool {
    let tokens = &source.tokens[file];
    let (Some(before), Some(behind)) =
        (place.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(place + 1))
    else {
        return false;
    };
    let own = tokens[place];
    let value_before = match before.kind {
        Kind::Number | Kind::Text | Kind::Close => true,
        Kind::Name => !KEYWORDS.contains(&before.of(source.parts[file].text)),
        Kind::Open | Kind::Operator => false,
    };
    let value_behind = matches!(behind.kind, Kind::Number | Kind::Name | Kind::Open | Kind::Text);
    let blanks = (own.start - before.end > 0, behind.start - own.end > 0);
    let angle = own.of(source.parts[file].text).starts_with(['<', '>', '*', '/']);
    let spaced = if angle && !source.indented { blanks == (true, true) } else { blanks.0 == blanks.1 };
    value_before && value_behind && spaced
}

/// A name gives way to another one that the same block has used before: a variable to a variable, a function to a
/// function.
fn name(source: &Source<'_>, stream: &mut Stream) -> Option<Vec<Splice>> {
    let places = source.places(|file, place| is_use(source, file, place));
    let at = drawn(&places, stream)?;
    let own = source.text(at.0, at.1);
    let called = is_called(source, at.0, at.1);
    let mut others: Vec<&str> = Vec::new();
    for place in 0..at.1 {
        let known = source.text(at.0, place);
        let fits = source.kind(at.0, place) == Some(Kind::Name)
            && !KEYWORDS.contains(&known)
            && is_called(source, at.0, place) == called
            && (place == 0 || source.text(at.0, place - 1) != ".")
            && !source.on_line_of(at.0, place, &["import", "from", "use", "class"]);
        if fits && known != own && !others.contains(&known) {
            others.push(known);
        }
    }
    (!others.is_empty()).then(|| vec![source.replace(at, others[stream.index(others.len())])])
}

/// Whether a name's value is used there: it is not defined, assigned, imported, or another thing's.
fn is_use(source: &Source<'_>, file: usize, place: usize) -> bool {
    if source.kind(file, place) != Some(Kind::Name) || KEYWORDS.contains(&source.text(file, place)) {
        return false;
    }
    let before = place.checked_sub(1).map_or("", |before| source.text(file, before));
    let behind = source.kind(file, place + 1).map_or("", |_| source.text(file, place + 1));
    let of_another = matches!(
        before,
        "." | "::" | "->" | "def" | "class" | "fn" | "let" | "mut" | "for" | "as" | "import"
    );
    let assigned = matches!(behind, "=" | ":" | "." | "::" | ":=");
    let lines = ["import", "from", "def", "class", "use", "fn", "global", "nonlocal", "for"];
    !of_another && !assigned && !source.on_line_of(file, place, &lines)
}

fn is_called(source: &Source<'_>, file: usize, place: usize) -> bool {
    source.kind(file, place + 1) == Some(Kind::Open) && source.text(file, place + 1) == "("
}

/// A call gives way to one of its arguments, in brackets.
fn call(source: &Source<'_>, stream: &mut Stream) -> Option<Vec<Splice>> {
    let places = source.places(|file, place| is_use(source, file, place) && is_called(source, file, place));
    let (file, place) = drawn(&places, stream)?;
    let arguments = arguments(source, file, place + 1)?;
    let (from, to, close) = arguments.get(stream.index(arguments.len().max(1))).copied()?;
    let (tokens, text) = (&source.tokens[file], source.parts[file].text);
    let argument = &text[tokens[from].start..tokens[to].end];
    // Keyword arguments, generators and comments are no values.
    let plain = (from..=to).all(|at| !matches!(source.text(file, at), "=" | "for" | "**" | "lambda" | ":"));
    let star = matches!(source.text(file, from), "*" | "**" | "&");
    if !plain || star || argument.contains('\n') {
        return None;
    }
    let range = tokens[place].start..tokens[close].end;
    Some(vec![Splice { file, range, with: format!("({argument})") }])
}

/// The first and the last token of each argument of a call whose bracket opens at `open`, and the bracket that closes.
fn arguments(source: &Source<'_>, file: usize, open: usize) -> Option<Vec<(usize, usize, usize)>> {
    let (mut depth, mut start, mut found) = (0_usize, open + 1, Vec::new());
    for place in open..source.tokens[file].len() {
        match source.kind(file, place)? {
            Kind::Open => depth += 1,
            Kind::Close if depth == 1 => {
                if start < place {
                    found.push((start, place - 1));
                }
                return Some(found.into_iter().map(|(from, to)| (from, to, place)).collect());
            }
            Kind::Close => depth -= 1,
            Kind::Operator if depth == 1 && source.text(file, place) == "," => {
                if start < place {
                    found.push((start, place - 1));
                }
                start = place + 1;
            }
            _ => {}
        }
    }
    None
}

/// One of the places.
fn drawn(places: &[(usize, usize)], stream: &mut Stream) -> Option<(usize, usize)> {
    (!places.is_empty()).then(|| places[stream.index(places.len())])
}
