//! What chat models put around a text: announcements, titles, labels, quotation marks, fences, offers of more.
//!
//! Layer by layer the answer is taken out of its wrapping until nothing comes off. A text's own words are more precious
//! than a clean beginning: what may be part of the text stays. The rules are in `docs/concepts/answers.md`, the phrases
//! in [`super::phrases`].

use super::phrases::{self, Words, plain};
use crate::fences;

/// Most layers; what is wrapped more often is no text.
const LAYERS: usize = 16;

/// Marks of quotation that may stand around a whole text.
const QUOTES: [(char, char); 11] = [
    ('"', '"'),
    ('\u{201c}', '\u{201d}'),
    ('\u{201e}', '\u{201c}'),
    ('\u{201e}', '\u{201d}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{ab}', '\u{bb}'),
    ('\u{bb}', '\u{ab}'),
    ('「', '」'),
    ('『', '』'),
    ('\'', '\''),
    ('`', '`'),
];

/// What an answer is read against: the experiment's template and the words for its texts.
#[derive(Debug)]
pub struct Wrapping {
    template: String,
    words: Words,
}

impl Wrapping {
    /// What a template's answers may be wrapped in.
    pub fn new(template: &str) -> Self {
        Self { template: template.trim().to_owned(), words: Words::of(template) }
    }

    /// The text inside; `cut` says after each layer how much of what is left belongs to it. Empty if nothing does.
    pub fn unwrap(&self, answer: &str, cut: impl Fn(&str) -> usize) -> String {
        let mut text = answer.trim().to_owned();
        for _ in 0..LAYERS {
            let start = self.begin(&text);
            let inner = start[..cut(start)].trim_end();
            let inner = peeled(self.end(inner).trim());
            if inner == text {
                return text;
            }
            text = inner;
        }
        String::new()
    }

    /// The text behind the lines and labels that lead up to it.
    fn begin<'a>(&self, text: &'a str) -> &'a str {
        let mut rest = text.trim_start();
        while let Some(next) = self.behind_line(rest).or_else(|| self.behind_label(rest)) {
            rest = next.trim_start();
        }
        rest
    }

    /// What stands behind the first line, if that is none of the text.
    fn behind_line<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (line, rest) = first_line(text)?;
        let (said, below) = (plain(line), rest.trim_start());
        let apart = below.is_empty() || rest.trim_start_matches([' ', '\t']).starts_with('\n');
        let announces = phrases::is_announcement(&said, &self.words);
        let assents = phrases::is_assent(&said) && (apart || self.announced(below));
        let presents = apart && phrases::is_assent_that_presents(&said);
        let leads = is_rule(line)
            || self.is_template(line)
            || announces
            || assents
            || presents
            || phrases::label(line) == Some(line.len())
            || is_title(line, below, apart);
        leads.then_some(rest)
    }

    /// Whether a text begins with an announcement.
    fn announced(&self, text: &str) -> bool {
        let line = first_line(text).map_or("", |(line, _)| line);
        self.is_template(line) || phrases::is_announcement(&plain(line), &self.words)
    }

    /// What stands behind a template, an announcement or a label in the first line.
    fn behind_label<'a>(&self, text: &'a str) -> Option<&'a str> {
        if let Some(rest) = self.behind_template(text) {
            return Some(rest);
        }
        let line = beginning(text).lines().next()?;
        let end = phrases::announced_inline(line, &self.words).or_else(|| phrases::label(line))?;
        Some(&text[end..])
    }

    /// What stands behind the template that a text begins with.
    fn behind_template<'a>(&self, text: &'a str) -> Option<&'a str> {
        let length = self.template.len();
        let same =
            text.get(..length)?.eq_ignore_ascii_case(&self.template) && self.template.ends_with([':', '：']);
        (same && length > 0).then(|| &text[length..])
    }

    /// Whether a line is the template's, or its last one's.
    pub fn is_template(&self, line: &str) -> bool {
        let last = self.template.lines().last().unwrap_or_default();
        let bare = |text: &str| {
            text.trim_matches(|c: char| matches!(c, '*' | '_' | '#' | ':' | '"') || c.is_whitespace())
                .to_lowercase()
        };
        line.len() <= last.len() + 20 && !bare(last).is_empty() && bare(line) == bare(last)
    }

    /// The text before the lines that take leave of it.
    fn end<'a>(&self, text: &'a str) -> &'a str {
        let mut kept = before_explanation(text).trim_end();
        loop {
            let (above, line) = kept.rsplit_once('\n').unwrap_or(("", kept));
            let apart = above.is_empty() || above.trim_end_matches([' ', '\t']).ends_with('\n');
            let said = plain(line);
            let leaves = phrases::takes_leave(&said);
            let remarks = apart && !above.is_empty() && phrases::is_remark(&said, &self.words);
            if kept.is_empty() || !(leaves || remarks || is_rule(line)) {
                return kept;
            }
            kept = above.trim_end();
        }
    }
}

/// As much of a text as is looked at for a line that is none of it.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(phrases::LONGEST + 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The first line and what is below it; `None` if there is none, or it is too long to be none of the text.
fn first_line(text: &str) -> Option<(&str, &str)> {
    let head = beginning(text);
    match head.find('\n') {
        Some(end) => Some((&text[..end], &text[end + 1..])),
        None if head.len() == text.len() && !text.is_empty() => Some((text, "")),
        None => None,
    }
}

/// The text before a paragraph that explains it.
fn before_explanation(text: &str) -> &str {
    let paragraphs = text.match_indices("\n\n").map(|(at, _)| at);
    let explains = |at: &usize| {
        let line = text[*at..].trim_start().lines().next().unwrap_or_default();
        phrases::is_explanation(&plain(line))
    };
    // The nearest paragraph break each, so that runs of empty lines are looked at once.
    let mut last = 0;
    for at in paragraphs {
        if at >= last && explains(&at) {
            return &text[..at];
        }
        last = text.len() - text[at..].trim_start().len();
    }
    text
}

/// A line across the page: `---`, `***`, `___`, `===`.
fn is_rule(line: &str) -> bool {
    let bare: Vec<char> = line.chars().filter(|c| !c.is_whitespace()).take(81).collect();
    let one = bare.first().filter(|c| "-*_=".contains(**c));
    (3..=80).contains(&bare.len()) && one.is_some_and(|one| bare.iter().all(|c| c == one))
}

/// Whether a first line is a title: a heading of Markdown, a line in bold, "Title: ...". `below` is what follows;
/// `apart` says that a blank line is between.
fn is_title(line: &str, below: &str, apart: bool) -> bool {
    let line = line.trim();
    let signs = line.len() - line.trim_start_matches('#').len();
    if (1..=6).contains(&signs) && line[signs..].starts_with(' ') {
        return true;
    }
    if below.is_empty() || line.len() > 120 {
        return false;
    }
    let inside = |mark: &str| {
        line.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark)).is_some_and(|title| {
            !title.is_empty() && !title.contains(['*', '_']) && !title.ends_with(['.', ',', ';'])
        })
    };
    let named = line.len() > 6 && line.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("title:"));
    let marked = line.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("**title:"));
    inside("**") || inside("__") || (apart && inside("*")) || named || marked
}

/// A text out of one layer of marks around all of it, if there is one.
fn peeled(text: &str) -> String {
    quoted_lines(text)
        .or_else(|| fenced(text))
        .or_else(|| unquoted(text).map(str::to_owned))
        .or_else(|| emphasised(text).map(str::to_owned))
        .or_else(|| single_item(text).map(str::to_owned))
        .map_or_else(|| text.to_owned(), |inner| inner.trim().to_owned())
}

/// The lines of a text that is a quotation in Markdown, all of it.
fn quoted_lines(text: &str) -> Option<String> {
    let line = |line: &str| {
        line.strip_prefix('>').map(|rest| format!("{}\n", rest.strip_prefix(' ').unwrap_or(rest)))
    };
    text.starts_with('>').then(|| text.lines().map(line).collect())?
}

/// The inside of the fenced block that a text begins with: what follows it is about it.
fn fenced(text: &str) -> Option<String> {
    if !text.starts_with("```") && !text.starts_with("~~~") {
        return None;
    }
    let block = fences::blocks(text).into_iter().next().filter(|block| block.start == 0)?;
    Some(block.text)
}

/// A text without the quotation marks around all of it.
fn unquoted(text: &str) -> Option<&str> {
    let inside = |(open, close): &(char, char)| {
        let inner = text.strip_prefix(*open)?.strip_suffix(*close)?;
        let apostrophes = *close == '\'' || *close == '\u{2019}';
        let mut before = None;
        let mut rest = inner.chars().peekable();
        while let Some(c) = rest.next() {
            let within = apostrophes
                && before.is_some_and(char::is_alphanumeric)
                && rest.peek().is_some_and(|c| c.is_alphanumeric());
            if (c == *open || c == *close) && !within {
                return None;
            }
            before = Some(c);
        }
        Some(inner)
    };
    QUOTES.iter().find_map(inside)
}

/// A text without the marks of emphasis around all of it.
fn emphasised(text: &str) -> Option<&str> {
    ["**", "__", "*", "_"].iter().find_map(|mark| {
        let inner = text.strip_prefix(mark)?.strip_suffix(mark)?;
        (!inner.is_empty() && !inner.contains(['*', '_']) && !inner.contains("\n\n")).then_some(inner)
    })
}

/// A text without the mark of the list whose only item it is.
fn single_item(text: &str) -> Option<&str> {
    let (mark, alone) = match text.split_once(' ')?.0 {
        "1." | "1)" | "(1)" => (text.find(' ')?, !text.lines().skip(1).any(is_numbered)),
        "-" | "*" | "•" => (text.find(' ')?, !text.contains('\n')),
        _ => return None,
    };
    let rest = text[mark..].trim_start();
    (alone && !is_numbered(rest) && !rest.starts_with(['-', '*', '•'])).then_some(rest)
}

fn is_numbered(line: &str) -> bool {
    let bare = line.trim_start().trim_start_matches('(');
    let rest = bare.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < bare.len() && rest.starts_with(['.', ')'])
}

#[cfg(test)]
#[path = "wrapping_tests.rs"]
mod tests;
