//! Edits of whole statements of Python: deleted, doubled, moved, or taken from another program.

use std::ops::Range;

use samara_qd::Stream;

use super::{Source, splice::Splice};
use crate::evaluator::lexer::{Kind, Token};

/// Words that begin what is left alone: definitions, imports, results.
const LEFT_ALONE: [&str; 6] = ["def", "class", "import", "from", "return", "async"];

/// A statement with everything that belongs to it: its suite, and an `if`'s `else`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    file: usize,
    /// Whole lines.
    range: Range<usize>,
    indent: usize,
    /// Which statements stand side by side: where the first of them begins.
    suite: usize,
    /// Whether it may be moved, doubled or deleted.
    free: bool,
}

/// One edit; `None` if the language has no indentation or the draw finds nothing.
pub(super) fn edit(
    source: &Source<'_>,
    other: Option<&Source<'_>>,
    stream: &mut Stream,
) -> Option<Vec<Splice>> {
    if !source.indented {
        return None;
    }
    let statements = statements(source);
    let free: Vec<&Statement> = statements.iter().filter(|statement| statement.free).collect();
    if free.is_empty() {
        return None;
    }
    let one = free[stream.index(free.len())];
    let text = source.parts[one.file].text;
    let own = &text[one.range.clone()];
    let siblings: Vec<&Statement> = statements
        .iter()
        .filter(|other| other.suite == one.suite && other.file == one.file && *other != one)
        .collect();
    let insert = |at: usize, lines: &str| Splice { file: one.file, range: at..at, with: lines.to_owned() };
    match (stream.index(4), other) {
        (3, Some(other)) => taken(one, own, other, stream).map(|lines| vec![insert(one.range.end, &lines)]),
        // A suite needs one statement.
        (0, _) if !siblings.is_empty() => {
            Some(vec![Splice { file: one.file, range: one.range.clone(), with: String::new() }])
        }
        (1, _) => Some(vec![insert(one.range.end, own)]),
        _ => {
            let others: Vec<&&Statement> = siblings.iter().filter(|sibling| sibling.free).collect();
            if others.is_empty() {
                return None;
            }
            let target = others[stream.index(others.len())];
            let at = if target.range.start > one.range.start { target.range.end } else { target.range.start };
            Some(vec![
                Splice { file: one.file, range: one.range.clone(), with: String::new() },
                insert(at, own),
            ])
        }
    }
}

/// A statement of another program, indented as the one behind which it will stand.
fn taken(one: &Statement, own: &str, other: &Source<'_>, stream: &mut Stream) -> Option<String> {
    let statements = statements(other);
    let text = |statement: &Statement| &other.parts[statement.file].text[statement.range.clone()];
    let foreign: Vec<&Statement> = statements
        .iter()
        .filter(|statement| statement.free && statement.indent == one.indent && text(statement) != own)
        .collect();
    (!foreign.is_empty()).then(|| text(foreign[stream.index(foreign.len())]).to_owned())
}

/// All statements within the blocks, those inside others too.
fn statements(source: &Source<'_>) -> Vec<Statement> {
    let mut all = Vec::new();
    for (file, part) in source.parts.iter().enumerate() {
        for block in &part.ranges {
            let tokens: Vec<Token> = source.tokens[file]
                .iter()
                .copied()
                .filter(|token| block.start <= token.start && token.end <= block.end)
                .collect();
            of_block(file, part.text, block, &lines(part.text, block, &tokens), &mut all);
        }
    }
    all
}

/// A logical line: where its first physical line begins, where its last ends, and its first word.
#[derive(Debug)]
struct Line<'a> {
    range: Range<usize>,
    indent: usize,
    word: &'a str,
    whole: bool,
}

/// The logical lines of a block.
fn lines<'a>(text: &'a str, block: &Range<usize>, tokens: &[Token]) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    let (mut depth, mut end) = (0_usize, block.start);
    for token in tokens {
        let same = depth > 0 || token.start < end;
        let start = text[..token.start].rfind('\n').map_or(0, |at| at + 1);
        let continued = text[..start].trim_end_matches(['\r', '\n']).ends_with('\\');
        end = text[token.end..].find('\n').map_or(text.len(), |at| token.end + at + 1);
        if same || continued {
            if let Some(line) = lines.last_mut() {
                line.range.end = end;
            }
        } else {
            let blank = token.start - start;
            // A line of which only a part is in the block, or whose indentation mixes, is left alone.
            let whole = start >= block.start
                && end <= block.end
                && text[start..token.start].bytes().all(|b| b == b' ');
            lines.push(Line { range: start..end, indent: blank, word: token.of(text), whole });
        }
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    lines
}

/// Whether a line that begins with this word goes on with the statement above.
fn continues(word: &str) -> bool {
    matches!(word, "elif" | "else" | "except" | "finally")
}

fn of_block(file: usize, text: &str, block: &Range<usize>, lines: &[Line<'_>], all: &mut Vec<Statement>) {
    // The suites that are open: their indentation, and where their first statement begins.
    let mut suites: Vec<(usize, usize)> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        while suites.last().is_some_and(|(indent, _)| *indent > line.indent) {
            suites.pop();
        }
        if suites.last().is_none_or(|(indent, _)| *indent < line.indent) {
            suites.push((line.indent, line.range.start));
        }
        // What goes on with a statement is a part of it.
        if continues(line.word) {
            continue;
        }
        let belongs = |next: &&Line<'_>| {
            next.indent > line.indent || (next.indent == line.indent && continues(next.word))
        };
        let members: Vec<&Line<'_>> = lines[place + 1..].iter().take_while(belongs).collect();
        let end = members.last().map_or(line.range.end, |last| last.range.end);
        let ends_line = text[..end].ends_with('\n');
        let documents = line.word.starts_with(['"', '\'']);
        let free = line.whole
            && ends_line
            && end <= block.end
            && !documents
            && !line.word.starts_with('@')
            && !LEFT_ALONE.contains(&line.word)
            && members.iter().all(|member| member.whole);
        all.push(Statement {
            file,
            range: line.range.start..end,
            indent: line.indent,
            suite: suites.last().map_or(line.range.start, |(_, suite)| *suite),
            free,
        });
    }
}
