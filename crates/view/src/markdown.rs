//! Texts in a Markdown file, where they mean nothing but themselves: with as few backslashes as that takes.
//!
//! Markdown is CommonMark with GitHub's tables, strikethrough, bare links and formulas. Whether a character means anything
//! depends on where it stands: a hyphen only at the beginning of a line, an asterisk only beside a word and only if there is
//! a second one.

/// Characters that mean something in pairs: emphasis, strikethrough, code, formulas.
const PAIRED: [char; 5] = ['*', '_', '~', '`', '$'];

/// A remark of HTML: GitHub makes links of e-mail addresses after it has taken backslashes away.
const NOTHING: &str = "<!-- -->";

/// The lines of a text in a paragraph or a quotation: line breaks stay, and so do blanks at the beginning. Tabs and other
/// characters that command are no part of it (`printable`).
pub fn lines(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    let paired = Paired::of(&lines);
    let written = |(position, line): (usize, &&str)| {
        let words = line.trim_start_matches(' ');
        if words.is_empty() {
            return String::new();
        }
        let blanks = line.len() - words.len();
        let mut written = "&nbsp;".repeat(blanks) + &paired.escaped(words, blanks == 0);
        // A line break within a paragraph; there is none before an empty line.
        if lines.get(position + 1).is_some_and(|next| !next.is_empty()) {
            written.push('\\');
        }
        written
    };
    lines.iter().enumerate().map(written).collect()
}

/// A text of one line within a line, such as that of a heading.
pub fn inline(text: &str) -> String {
    let safe = Paired::of(&[text]).escaped(text.trim_end(), false);
    // Number signs at the end of a heading would close it.
    let kept = safe.trim_end_matches('#');
    let closes = kept.len() < safe.len() && (kept.is_empty() || kept.ends_with(' '));
    if closes { format!("{kept}\\{}", &safe[kept.len()..]) } else { safe }
}

/// Which of the characters that mean something in pairs have a second one.
struct Paired(Vec<char>);

impl Paired {
    fn of(lines: &[&str]) -> Self {
        let mut counts = [0_usize; PAIRED.len()];
        for line in lines {
            let line: Vec<char> = line.trim_start_matches(' ').chars().collect();
            for (count, mark) in counts.iter_mut().zip(PAIRED) {
                *count += (0..line.len()).filter(|at| line[*at] == mark && may_pair(&line, *at)).count();
            }
        }
        Self(PAIRED.into_iter().zip(counts).filter(|(_, count)| *count > 1).map(|(mark, _)| mark).collect())
    }

    /// A line in which nothing is markup. Only at the beginning of one are there headings, lists, quotations and rules.
    fn escaped(&self, line: &str, begins: bool) -> String {
        let line: Vec<char> = line.chars().collect();
        let block = if begins { block(&line) } else { None };
        let mut safe = String::with_capacity(line.len());
        for (at, c) in line.iter().enumerate() {
            match c {
                '&' if is_entity(&line[at + 1..]) => safe.push_str("&amp;"),
                '@' if is_address(&line, at) => safe.push_str(&format!("@{NOTHING}")),
                _ if block == Some(at) || self.means(&line, at) => safe.extend(['\\', *c]),
                _ => safe.push(*c),
            }
        }
        safe
    }

    /// Whether a character means something within a line.
    fn means(&self, line: &[char], at: usize) -> bool {
        let (before, after) = (&line[..at], &line[at + 1..]);
        let next = after.first().copied();
        match line[at] {
            // At the end of a line it would be a line break.
            '\\' => next.is_none_or(|c| c.is_ascii_punctuation()),
            '<' => next.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')),
            // A footnote.
            '[' => next == Some('^'),
            // A link, a picture, and what a link refers to.
            ']' => matches!(next, Some('(' | ':')),
            ':' => after.starts_with(&['/', '/']),
            '.' => ends_with(before, "www"),
            mark => self.0.contains(&mark) && may_pair(line, at),
        }
    }
}

/// Whether a mark stands where it could open or close something: not between blanks, and an underscore not within a word.
fn may_pair(line: &[char], at: usize) -> bool {
    let mark = line[at];
    if mark == '`' {
        return true;
    }
    let from = line[..at].iter().rposition(|c| *c != mark).map(|before| line[before]);
    let to = line[at..].iter().find(|c| **c != mark).copied();
    let within = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let is_loose = from == Some(' ') && to == Some(' ');
    let is_in_a_word = mark == '_' && within(from) && within(to);
    !(is_loose || is_in_a_word)
}

/// The character that makes a line begin a heading, a list, a quotation, a rule or a table.
fn block(line: &[char]) -> Option<usize> {
    let first = *line.first()?;
    let ends = |at: usize| line.get(at).is_none_or(|c| *c == ' ');
    let run = line.iter().take_while(|c| **c == first).count();
    let digits = line.iter().take_while(|c| c.is_ascii_digit()).count();
    let made_of = |marks: &str| line.iter().all(|c| marks.contains(*c));
    let begins = match first {
        '>' => true,
        '#' => run <= 6 && ends(run),
        '-' | '+' | '*' if ends(1) => true,
        '=' => made_of("= "),
        // A rule, the line below a heading, or that below the head of a table.
        '-' | '|' | ':' => made_of("-|: ") && line.contains(&'-'),
        _ => false,
    };
    let numbers =
        (1..=9).contains(&digits) && matches!(line.get(digits), Some('.' | ')')) && ends(digits + 1);
    if numbers { Some(digits) } else { begins.then_some(0) }
}

/// Whether an ampersand before this is the beginning of a character's name or number.
fn is_entity(after: &[char]) -> bool {
    let Some(end) = after.iter().position(|c| *c == ';') else { return false };
    let name = if after[0] == '#' { &after[1..end] } else { &after[..end] };
    !name.is_empty() && name.iter().all(char::is_ascii_alphanumeric)
}

/// Whether an at sign stands in an e-mail address, or behind a `mailto:`.
fn is_address(line: &[char], at: usize) -> bool {
    let named = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | ':');
    line[..at].last().is_some_and(named) && line.get(at + 1).is_some_and(named)
}

/// Whether a word stands before something, in any case.
fn ends_with(before: &[char], word: &str) -> bool {
    let begins = before.len().checked_sub(word.len());
    begins
        .is_some_and(|from| before[from..].iter().zip(word.chars()).all(|(a, b)| a.eq_ignore_ascii_case(&b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_where_it_stands_is_left_as_it_is() {
        for text in [
            "A well-known sea - grey, and cold. Is it? Yes!",
            "-5 degrees, +3 more, 2 * 3 = 6, a_b and snake_case",
            "It rained (a lot); \"so\", he said: 'no' [sic], {x}, 50 % ^ 2 | done",
            "3.5 metres. 1984 was the year.",
            "1st, 2) second",
            "#sea and C# and number 1 #",
            "Tom & Jerry < all > none; AT&T",
            "me@ home, @you, www and http: too",
            "one * only, ~5 km for $5",
            "– a dash\u{2026}",
            "a\\b",
            "=== no ruler",
            "--flag",
        ] {
            assert_eq!(lines(text), [text], "{text}");
        }
        assert_eq!(inline("tone 0.25, a-b 0.5 - C#"), "tone 0.25, a-b 0.5 - C#");
    }

    #[test]
    fn what_means_something_where_it_stands_does_not_any_more() {
        for (text, safe) in [
            ("- a", "\\- a"),
            ("+ a", "\\+ a"),
            ("* a", "\\* a"),
            ("-", "\\-"),
            ("12. a", "12\\. a"),
            ("3) a", "3\\) a"),
            ("## a", "\\## a"),
            ("> a", "\\> a"),
            ("---", "\\---"),
            ("|---|:-:|", "\\|---|:-:|"),
            (":-", "\\:-"),
            ("====", "\\===="),
            ("***", "\\*\\*\\*"),
            ("_ _ _", "\\_ _ \\_"),
            ("~~~", "\\~\\~\\~"),
            ("```", "\\`\\`\\`"),
            ("*a* and **b**", "\\*a\\* and \\*\\*b\\*\\*"),
            ("_a_ b_c", "\\_a\\_ b_c"),
            ("~~a~~ `b` $c$", "\\~\\~a\\~\\~ \\`b\\` \\$c\\$"),
            ("[a](b) ![c](d) [e][f]", "[a\\](b) ![c\\](d) [e][f]"),
            ("[a]: b", "[a\\]: b"),
            ("[^1]: b", "\\[^1\\]: b"),
            ("<b>x</b> <!-- y --> a < b", "\\<b>x\\</b> \\<!-- y --> a < b"),
            ("&lt; &#60; &x y;", "&amp;lt; &amp;#60; &x y;"),
            (
                "http://a.b www.a.b a@b.c mailto:@b.c",
                "http\\://a.b www\\.a.b a@<!-- -->b.c mailto:@<!-- -->b.c",
            ),
            ("\\* \\", "\\\\* \\\\"),
            ("  - a", "&nbsp;&nbsp;- a"),
        ] {
            assert_eq!(lines(text), [safe], "{text}");
        }
        assert_eq!(lines("a *b\n\n  c* d"), ["a \\*b", "", "&nbsp;&nbsp;c\\* d"]);
        assert_eq!(lines("a\n- b\nc\n"), ["a\\", "\\- b\\", "c"]);
        assert_eq!((&*inline("sea #"), &*inline("## a *b*")), ("sea \\#", "## a \\*b\\*"));
    }
}
