//! The fenced blocks of an answer in Markdown, as chat models write them and somewhat beyond CommonMark (0.31, section
//! 4.5): a fence may stand in a list, in a quotation or behind a line's words, and a block may be left open at the end.
//!
//! One pass over the lines, so that no answer takes long.

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What the opening fence says the language is, in small letters; empty if it says nothing.
    pub language: String,
    /// The lines between the fences, each with its line break, without the fences' own indentation.
    pub text: String,
    /// Whether something ends it: a closing fence, or text that is no part of it.
    pub closed: bool,
    /// Where its opening fence's line begins, in bytes.
    pub start: usize,
}

/// An opening fence.
#[derive(Debug)]
struct Fence<'a> {
    sign: char,
    /// How many signs: a closing fence has at least as many.
    length: usize,
    /// Blanks in front of it, list marks included, of which its lines lose as many.
    indent: usize,
    quoted: bool,
    language: &'a str,
}

/// All blocks of a text, in their order.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Fence<'_>, Block)> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        open = match open.take() {
            None => opening(line).map(|fence| begin(fence, start)),
            Some((fence, block)) => inside(fence, block, line, start, &mut blocks),
        };
        start += line.len();
    }
    blocks.extend(open.map(|(_, block)| block));
    blocks
}

fn begin(fence: Fence<'_>, start: usize) -> (Fence<'_>, Block) {
    let language = fence.language.to_ascii_lowercase();
    (fence, Block { language, text: String::new(), closed: false, start })
}

/// Takes a line into an open block; what is open behind it.
fn inside<'a>(
    fence: Fence<'a>,
    mut block: Block,
    line: &'a str,
    start: usize,
    blocks: &mut Vec<Block>,
) -> Option<(Fence<'a>, Block)> {
    let bare = match (fence.quoted, unquoted(line)) {
        (false, _) => line,
        (true, Some(bare)) => bare,
        // The quotation is over, and with it the block.
        (true, None) => {
            blocks.push(Block { closed: true, ..block });
            return opening(line).map(|fence| begin(fence, start));
        }
    };
    if let Some(last) = closing(bare, &fence) {
        block.text.push_str(last);
        blocks.push(Block { closed: true, ..block });
        return None;
    }
    // A fence that names a language opens a block; the one before was not closed, or is Markdown that holds others.
    if let Some(next) = opening(line).filter(|next| {
        let same = next.sign == fence.sign && next.length >= fence.length;
        same && !next.language.is_empty() && next.indent <= fence.indent
    }) {
        blocks.push(Block { closed: true, ..block });
        return Some(begin(next, start));
    }
    block.text.push_str(outdented(bare, fence.indent));
    Some((fence, block))
}

/// A line of a quotation without its mark.
fn unquoted(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(' ').strip_prefix('>')?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// A line without the first `indent` blanks, or as many of them as it has.
fn outdented(line: &str, indent: usize) -> &str {
    let blank = line.bytes().take(indent).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &line[blank..]
}

/// How many equal fence signs a text begins with, and which.
fn signs(text: &str) -> Option<(char, usize)> {
    let sign = text.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
    let length = text.chars().take_while(|c| *c == sign).count();
    (length >= 3).then_some((sign, length))
}

/// The fence that a line opens a block with.
fn opening(line: &str) -> Option<Fence<'_>> {
    let bare = unquoted(line);
    let quoted = bare.is_some();
    let bare = bare.unwrap_or(line);
    let rest = behind_list_mark(bare);
    if let Some((sign, length)) = signs(rest) {
        let info = rest[length..].trim();
        // Backticks behind it: a quotation within the line.
        let fits = sign == '~' || !info.contains('`');
        let indent = bare.len() - rest.len();
        return fits.then(|| Fence { sign, length, indent, quoted, language: language(info) });
    }
    // "Here it is: ```python"
    let (before, behind) = bare.trim_end().split_once("```")?;
    let language = behind.trim_start_matches('`');
    let is_word = language.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_'));
    (is_word && !before.contains('`')).then(|| Fence {
        sign: '`',
        length: 3 + behind.len() - language.len(),
        indent: 0,
        quoted,
        language,
    })
}

/// The language in an info string, such as `python`, `{.python}` or `python title="x"`.
fn language(info: &str) -> &str {
    let word = info.split([' ', '\t', ',', ':']).next().unwrap_or_default();
    word.trim_matches(['{', '}', '.'])
}

/// A line behind its blanks and a list's mark: `-`, `*`, `+`, `1.`, `1)`.
fn behind_list_mark(line: &str) -> &str {
    let text = line.trim_start_matches([' ', '\t']);
    let digits = text.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let behind = match digits {
        0 => text.strip_prefix(['-', '*', '+']),
        _ => text[digits..].strip_prefix(['.', ')']),
    };
    match behind {
        Some(rest) if rest.starts_with([' ', '\t']) => {
            let inner = rest.trim_start_matches([' ', '\t']);
            if signs(inner).is_some() { inner } else { text }
        }
        _ => text,
    }
}

/// What a line that closes the block adds to it; `None` if it does not close it.
fn closing<'a>(line: &'a str, fence: &Fence<'_>) -> Option<&'a str> {
    let text = line.trim_start_matches([' ', '\t']);
    if let Some((sign, length)) =
        signs(text).filter(|(sign, length)| *sign == fence.sign && *length >= fence.length)
    {
        let behind = &text[length * sign.len_utf8()..];
        // Code that quotes a fence is deeper in, and a fence with a language opens a block.
        let near = line.len() - text.len() <= fence.indent + 3;
        return (near && (behind.trim().is_empty() || behind.starts_with(' '))).then_some("");
    }
    let text = line.trim_end();
    let last = text.trim_end_matches(fence.sign);
    let closes = fence.sign == '`' && text.len() - last.len() >= fence.length && !last.contains('`');
    closes.then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<(String, String, bool)> {
        blocks(text).into_iter().map(|block| (block.language, block.text, block.closed)).collect()
    }

    fn one(text: &str) -> String {
        let found = blocks(text);
        assert_eq!(found.len(), 1, "{text:?} {found:?}");
        found[0].text.clone()
    }

    #[test]
    fn blocks_are_found_in_every_dress() {
        for text in [
            "```\na\n  b\n```\n",
            "```python\na\n  b\n```",
            "``` {.python}\na\n  b\n``` \n",
            "~~~ python\na\n  b\n~~~\n",
            "````\na\n  b\n````\n",
            "   ```py\n   a\n     b\n   ```\n",
            "1. ```py\n   a\n     b\n   ```\n",
            "- ~~~\n  a\n    b\n  ~~~\nMore.",
            "> ```\n> a\n>   b\n> ```\n",
            "> ```\n> a\n>   b\nNo longer quoted.\n",
            "Here it is: ```python\na\n  b\n```\n",
            "The call ```x.y``` was wrong.\n```\na\n  b\n```\n",
        ] {
            assert_eq!(one(text), "a\n  b\n", "{text:?}");
        }
        assert_eq!(one("```\na\n  b```"), "a\n  b", "closed behind its last line");
    }

    #[test]
    fn a_longer_fence_holds_shorter_ones_and_deep_ones_are_code() {
        assert_eq!(one("````md\n```\na\n```\n````\n"), "```\na\n```\n");
        assert_eq!(one("~~~\n```\n~~~\n"), "```\n");
        assert_eq!(
            one("```\ndef f():\n    '''\n    ```\n    '''\n```\n"),
            "def f():\n    '''\n    ```\n    '''\n"
        );
    }

    #[test]
    fn several_blocks_are_told_apart_though_one_is_left_open() {
        let text = "```bash\npip install x\n```\nThen\n```Python\na\n";
        assert_eq!(
            found(text),
            [("bash".into(), "pip install x\n".into(), true), ("python".into(), "a\n".into(), false)]
        );
        let text = "```markdown\nSee\n```python\na\n```\n";
        assert_eq!(found(text)[1], ("python".into(), "a\n".into(), true));
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_blocks_hold_no_more_than_it(text in "(\\PC|\n|```|~~~|> |- |   |py){0,60}") {
            let found = blocks(&text);
            let held: usize = found.iter().map(|block| block.text.len()).sum();
            prop_assert!(held <= text.len());
            prop_assert!(found.iter().rev().skip(1).all(|block| block.closed), "only the last is open");
        }
    }
}
