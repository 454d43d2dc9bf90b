//! How an answer becomes a program. Pure functions of strings, linear in the answer's length.
//!
//! Base models go on from the function's header, and stop making sense once they have left it. Chat models answer with
//! a whole program in a fenced block, or without a fence between sentences. All of it is understood:
//!
//! 1. the last fenced block that defines every function that was asked for, or the last blocks that do so together;
//! 2. a text that goes on from the header, cut where its last function ends;
//! 3. a text that defines the functions: with the imports, helpers and constants above them, and what they call below;
//! 4. a fenced block that goes on from the header.

use std::collections::HashSet;

use super::{prompt::Format, settings::Instruction};
use crate::{
    answer,
    fences::{self, Block},
};

const INDENT: &str = "    ";

/// Languages of blocks that hold no program.
const OTHER_LANGUAGES: [&str; 14] = [
    "bash",
    "sh",
    "shell",
    "zsh",
    "console",
    "shell-session",
    "powershell",
    "cmd",
    "text",
    "txt",
    "plaintext",
    "output",
    "json",
    "diff",
];

/// The program of an answer, behind the format's imports. `None` if a function is missing, nothing stands below the
/// header, or the answer is not `finished` (it ended at `max_tokens`) and the program goes on to its last word.
pub fn program(
    format: &Format,
    instruction: Instruction,
    completion: &str,
    finished: bool,
) -> Option<String> {
    let text = answer::text(completion);
    let first = format.functions.first()?;
    let blocks = fences::blocks(&text);
    let asked_header = instruction != Instruction::Nothing;
    let body = if let Some(whole) = defining(&blocks, &format.functions) {
        whole.iter().all(|block| block.closed || finished).then(|| joined(&whole))?
    } else if asked_header && goes_on(format, &text) {
        continued(format, &text, finished)?
    } else if let Some(code) = defined(&text, first) {
        alone(&code, &format.functions, finished)?
    } else if asked_header {
        continued(format, &continuation(format, &text, &blocks, finished)?, finished)?
    } else {
        return None;
    };
    let body = body.strip_prefix(&*format.imports).unwrap_or(&body).trim_matches('\n').trim_end();
    let whole = format.functions.iter().all(|name| definition(body, name).is_some());
    whole.then(|| format!("{}{body}\n", format.imports))
}

/// The last block that defines all functions; or, if none does, the last ones that define one each.
fn defining(blocks: &[Block], functions: &[String]) -> Option<Vec<Block>> {
    let code: Vec<Block> = blocks.iter().map(|block| straightened(block, functions)).collect();
    let defines = |block: &&Block, name: &String| definition(&block.text, name).is_some();
    if let Some(all) = code.iter().rfind(|block| functions.iter().all(|name| defines(block, name))) {
        return Some(vec![all.clone()]);
    }
    let last = |name: &String| code.iter().rposition(|block| defines(&block, name));
    let mut places = functions.iter().map(last).collect::<Option<Vec<usize>>>()?;
    places.sort_unstable();
    places.dedup();
    Some(places.into_iter().map(|place| code[place].clone()).collect())
}

fn joined(blocks: &[Block]) -> String {
    blocks.iter().map(|block| block.text.trim_matches('\n').trim_end()).collect::<Vec<_>>().join("\n\n")
}

/// A block whose functions stand in the first column, though all of its lines were indented.
fn straightened(block: &Block, functions: &[String]) -> Block {
    let indented = |line: &str| {
        let bare = line.trim_start();
        bare.len() < line.len() && functions.iter().any(|name| defines(bare, name))
    };
    if functions.iter().any(|name| definition(&block.text, name).is_some())
        || !block.text.lines().any(indented)
    {
        return block.clone();
    }
    Block { text: outdented(&block.text), ..block.clone() }
}

/// Lines without the blanks that all of them begin with.
fn outdented(text: &str) -> String {
    let blank = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let common = text.lines().filter(|line| !line.trim().is_empty()).map(blank).min().unwrap_or(0);
    text.lines().map(|line| format!("{}\n", line.get(common..).unwrap_or_default())).collect()
}

/// Whether a line is the function's header.
fn defines(line: &str, name: &str) -> bool {
    let rest = line.strip_prefix("def ").map(|rest| rest.trim_start_matches(' '));
    rest.and_then(|rest| rest.strip_prefix(name))
        .is_some_and(|rest| rest.trim_start_matches(' ').starts_with('('))
}

/// Where a line defines the function.
pub(super) fn definition(text: &str, name: &str) -> Option<usize> {
    line_starts(text).find(|start| defines(&text[*start..], name))
}

fn line_starts(text: &str) -> impl Iterator<Item = usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1))
}

/// Whether a text goes on from the header, as base models do: it begins inside the function, or, if the header is a
/// part of a line, with the rest of that line.
fn goes_on(format: &Format, text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return false };
    let redefines = format.functions.iter().any(|name| defines(first.trim_start(), name));
    if redefines {
        return false;
    }
    if !format.header.ends_with('\n') {
        let end = first.split('#').next().unwrap_or_default().trim_end();
        return end.ends_with(':')
            && (end.contains("):") || end.contains("->"))
            && !first.starts_with("def ");
    }
    if first.starts_with([' ', '\t']) {
        return true;
    }
    // Many servers strip the blanks that a completion begins with.
    let inside = lines.next().is_none_or(|next| next.starts_with([' ', '\t']));
    inside && !is_outside(first) && !is_prose(first) && !first.starts_with("```")
}

/// Whether a line belongs to no function.
fn is_outside(line: &str) -> bool {
    ["def ", "class ", "import ", "from ", "@", "#"].iter().any(|start| line.starts_with(start))
}

/// Whether a line is a sentence rather than a statement.
fn is_prose(line: &str) -> bool {
    let begins = line.starts_with(|c: char| c.is_uppercase() || !c.is_ascii());
    begins && line.contains(' ') && !line.contains(['=', '(', '['])
}

/// What goes on from the header: the last block that returns something, or a text without a block.
fn continuation(format: &Format, text: &str, blocks: &[Block], finished: bool) -> Option<String> {
    if blocks.is_empty() {
        let first = text.lines().find(|line| !line.trim().is_empty())?;
        return (!is_prose(first) || !format.header.ends_with('\n')).then(|| text.to_owned());
    }
    let returns = |block: &&Block| block.text.lines().any(|line| line.trim_start().starts_with("return"));
    let is_code = |block: &&Block| !OTHER_LANGUAGES.contains(&&*block.language);
    let block = blocks.iter().filter(is_code).rfind(returns).filter(|block| block.closed || finished)?;
    let inside =
        format.header.ends_with('\n') && !block.text.trim_start_matches('\n').starts_with([' ', '\t']);
    if !inside {
        return Some(block.text.clone());
    }
    // A body in the first column, all of it.
    let indented = |line: &str| {
        if line.trim().is_empty() { "\n".to_owned() } else { format!("{INDENT}{line}\n") }
    };
    Some(block.text.lines().map(indented).collect())
}

/// The header with a text behind it; `None` if nothing is left of the text.
fn continued(format: &Format, text: &str, finished: bool) -> Option<String> {
    let at_line = format.header.ends_with('\n');
    let stripped = at_line && !text.starts_with([' ', '\t', '\n', '#']) && !text.is_empty();
    let body = format!("{}{text}", if stripped { INDENT } else { "" });
    let inside = match format.functions.get(1..).and_then(<[String]>::last) {
        Some(last) => behind_header(&body, definition(&body, last)?),
        None if at_line => 0,
        None => body.chars().next().map_or(0, char::len_utf8),
    };
    let kept = cut(&body, inside, finished)?;
    (!kept.trim().is_empty()).then(|| format!("{}{kept}", format.header))
}

/// Where the line of a header ends.
fn behind_header(text: &str, header: usize) -> usize {
    text[header..].find('\n').map_or(text.len(), |end| header + end)
}

/// The text that defines the function in its first column: the answer's own, or its lines that are indented as code.
fn defined(text: &str, name: &str) -> Option<String> {
    if definition(text, name).is_some() {
        return Some(text.to_owned());
    }
    let is_header = |line: &str| line.starts_with([' ', '\t']) && defines(line.trim_start(), name);
    let lines: Vec<&str> = text.lines().collect();
    let header = lines.iter().position(|line| is_header(line))?;
    let is_code = |line: &&&str| line.trim().is_empty() || line.starts_with([' ', '\t']);
    let above = lines[..header].iter().rev().take_while(is_code).count();
    let below = lines[header..].iter().take_while(is_code).count();
    let code = outdented(&lines[header - above..header + below].join("\n"));
    definition(&code, name).map(|_| code)
}

/// The program in a text without fences: from the imports, helpers and constants above the first of its functions to
/// the end of the last, and on over what they use.
fn alone(text: &str, functions: &[String], finished: bool) -> Option<String> {
    let places = functions.iter().map(|name| definition(text, name)).collect::<Option<Vec<usize>>>()?;
    let (first, last) = (*places.iter().min()?, *places.iter().max()?);
    let start = code_above(text, first);
    let rest = &text[start..];
    let mut end = cut(rest, behind_header(rest, last - start), finished)?.len();
    let mut used: HashSet<&str> = words(&rest[..end]).collect();
    while let Some((name, begin, header)) = next_definition(rest, end) {
        if !used.contains(name) {
            break;
        }
        end = begin + cut(&rest[begin..], header, finished)?.len();
        used.extend(words(&rest[begin..end]));
    }
    Some(rest[..end].to_owned())
}

/// Where the code begins that stands directly above `place`.
fn code_above(text: &str, place: usize) -> usize {
    let mut start = place;
    let mut above = place;
    while let Some(line) = text[..above].strip_suffix('\n') {
        let begin = line.rfind('\n').map_or(0, |at| at + 1);
        let line = &line[begin..];
        let inner = line.trim().is_empty() || line.starts_with([' ', '\t', ')', ']', '}']);
        let outer = is_outside(line) || assigned(line).is_some();
        let belongs = inner || (outer && is_statement(line));
        if !belongs {
            break;
        }
        above = begin;
        if outer {
            start = begin;
        }
    }
    start
}

/// Whether a line that begins like an import is one, and no sentence.
fn is_statement(line: &str) -> bool {
    match line.strip_prefix("from ") {
        Some(rest) => rest.contains(" import "),
        None => !(line.starts_with("import ") && line.ends_with(['.', ':'])),
    }
}

/// The name that a line in the first column assigns.
fn assigned(line: &str) -> Option<&str> {
    let end = line.find(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|end| *end > 0)?;
    let rest = line[end..].trim_start_matches(' ');
    let is_annotated = rest.starts_with(':') && rest.contains('=');
    (is_annotated || (rest.starts_with('=') && !rest.starts_with("=="))).then(|| &line[..end])
}

/// The next function or constant behind `end`, if only blank lines are between: its name, where it begins, and where
/// its header ends from there.
fn next_definition(text: &str, end: usize) -> Option<(&str, usize, usize)> {
    let begin = end + (text[end..].len() - text[end..].trim_start_matches(['\n', ' ', '\t']).len());
    let rest = &text[begin..];
    if !text[..begin].ends_with('\n') {
        return None;
    }
    let line = rest.lines().next()?;
    let name = match line.strip_prefix("def ") {
        Some(header) => header.split(['(', ' ']).next()?,
        None => assigned(line)?,
    };
    Some((name, begin, behind_header(rest, 0)))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

/// A text cut where the function ends that it is in at `inside`: before the first line that leaves its scope (a further
/// `def`, `#`, `'''`, `"""` or anything else in the first column but a closing bracket), or before three line breaks.
/// `None` if it may go on because the text is not `finished`.
fn cut(text: &str, inside: usize, finished: bool) -> Option<&str> {
    let leaves = |start: &usize| {
        *start >= inside && text[*start..].starts_with(|c: char| !c.is_whitespace() && !")]}".contains(c))
    };
    let scope = line_starts(text).find(leaves);
    let within = &text[..scope.unwrap_or(text.len())];
    let breaks = within.match_indices("\n\n\n").map(|(at, _)| at).find(|at| *at >= inside && *at > 0);
    let end = breaks.or(scope).or(finished.then_some(text.len()))?;
    Some(text[..end].trim_end())
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
