//! `samara show --gallery`: the best text of every cell, in the order of the axes, as lines of a terminal or as Markdown.
//!
//! Texts are hostile: in the Markdown file no character of a text means anything but itself.

use samara_qd::{Archive, Elite, Tessellation};
use samara_search::{
    AxisSettings,
    commanding::{one_line, printable},
};

use crate::numbers::number;

/// The best elite of every filled cell: the first axis counts fastest to slowest as cells are numbered, so that texts
/// come in the order of the axis. The cells of a CVT come in the order of their first measure.
pub fn in_order(archive: &Archive) -> Vec<Elite<'_>> {
    let mut elites = archive.best_of(usize::MAX);
    match archive.tessellation() {
        Tessellation::Grid(_) => elites.sort_by_key(|elite| elite.cell),
        Tessellation::Cvt(_) => elites.sort_by(|a, b| {
            let first = |elite: &Elite<'_>| elite.measures.first().copied().unwrap_or_default();
            first(a).total_cmp(&first(b)).then(a.cell.cmp(&b.cell))
        }),
    }
    elites
}

/// A Markdown file of elites with their texts.
pub fn markdown(title: &str, axes: &[AxisSettings], elites: &[(Elite<'_>, String)]) -> String {
    let mut file = format!("# {}\n", escaped(&one_line(title)));
    for (elite, text) in elites {
        let named = axes.iter().zip(elite.measures);
        let place: Vec<String> =
            named.map(|(axis, measure)| format!("{} {}", one_line(&axis.name), number(*measure))).collect();
        file += &format!("\n## {}\n\n", escaped(&place.join(", ")));
        file += &format!("{} by candidate {}\n\n", escaped(&number(elite.objective)), elite.id);
        for line in quoted(text) {
            file += format!("> {line}").trim_end();
            file.push('\n');
        }
    }
    file
}

/// The lines of a text as those of a quotation: line breaks stay, and so do blanks at the beginning.
pub fn quoted(text: &str) -> Vec<String> {
    let text = printable(text);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = lines.len().saturating_sub(1);
    let quote = |(position, line): (usize, &&str)| {
        let words = line.trim_start_matches(' ');
        let blanks = "&nbsp;".repeat(line.len() - words.len());
        // A line break within a paragraph; there is none before an empty line.
        let goes_on = position < last && !words.is_empty() && !lines[position + 1].trim().is_empty();
        format!(
            "{}{}{}",
            if words.is_empty() { "" } else { &blanks },
            escaped(words),
            if goes_on { "\\" } else { "" }
        )
    };
    lines.iter().enumerate().map(quote).collect()
}

/// A text in which no character is Markdown, HTML or a link.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // What has no meaning anywhere in a line.
            ',' | '\'' | '"' | ';' | '?' | '(' | ')' | '/' | '%' => safe.push(c),
            c if c.is_ascii_punctuation() => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_keeps_its_lines_and_means_nothing_else() {
        let hostile =
            "# big\n  <script>alert(1)</script> [x](http://y) `code`\n\n1. www.z.org @me | a $b$ \u{1b}[2J";
        insta::assert_snapshot!(quoted(hostile).join("\n"), @r"
        \# big\
        &nbsp;&nbsp;&lt;script&gt;alert(1)&lt;/script&gt; \[x\](http\://y) \`code\`

        1\. www\.z\.org \@me \| a \$b\$ �\[2J
        ");
    }

    #[test]
    fn a_file_has_a_heading_and_a_quotation_for_each_text() {
        let measures = [0.25, 0.5];
        let elite = Elite { cell: 3, rank: 0, id: 7, objective: 0.75, measures: &measures };
        let axes = [AxisSettings::even("to*ne", [0.0, 1.0], 2), AxisSettings::even("b", [0.0, 1.0], 2)];
        let file = markdown("poems", &axes, &[(elite, "one\ntwo\n".to_owned())]);
        assert_eq!(
            file,
            "# poems\n\n## to\\*ne 0\\.25, b 0\\.5\n\n0\\.75 by candidate 7\n\n> one\\\n> two\n"
        );
    }

    proptest! {
        #[test]
        fn no_character_of_a_text_is_markup(text in "\\PC{0,40}") {
            let safe = escaped(&text);
            prop_assert!(!safe.contains(['<', '>']));
            let mut rest = safe.chars();
            while let Some(c) = rest.next() {
                if c == '\\' {
                    prop_assert!(rest.next().is_some_and(|c| c.is_ascii_punctuation()));
                } else {
                    prop_assert!(!"#*_`[]{}|!~$:.@+=^-".contains(c), "{}", safe);
                }
            }
        }
    }
}
