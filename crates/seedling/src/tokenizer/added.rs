//! Finds added tokens in a text: the leftmost first, of those that begin at one place the longest.

/// Finds tokens of a list.
#[derive(Debug, Clone, Default)]
pub(super) struct Matcher {
    /// By first byte, and there the longest first: text, token, whether it is special. Empty if there is none at all.
    by_first: Vec<Vec<(String, u32, bool)>>,
}

impl Matcher {
    pub(super) fn new(tokens: impl Iterator<Item = (String, u32, bool)>) -> Self {
        let mut by_first = Vec::new();
        for token in tokens {
            if let Some(first) = token.0.bytes().next() {
                by_first.resize(256, Vec::new());
                by_first[usize::from(first)].push(token);
            }
        }
        for list in &mut by_first {
            list.sort_by_key(|(text, ..)| std::cmp::Reverse(text.len()));
        }
        Self { by_first }
    }

    /// Calls `each` with what lies between tokens (`Ok`, never empty) and with the tokens (`Err`), in order, and where
    /// each begins.
    pub(super) fn split<'a>(
        &self,
        text: &'a str,
        specials: bool,
        each: &mut impl FnMut(usize, Result<&'a str, u32>),
    ) {
        let mut start = 0;
        let mut at = 0;
        while at < text.len() && !self.by_first.is_empty() {
            let list = &self.by_first[usize::from(text.as_bytes()[at])];
            let fits = |name: &str| text.as_bytes()[at..].starts_with(name.as_bytes());
            let Some((name, id, _)) =
                list.iter().find(|(name, _, special)| (specials || !special) && fits(name))
            else {
                at += 1;
                continue;
            };
            if start < at {
                each(start, Ok(&text[start..at]));
            }
            each(at, Err(*id));
            at += name.len();
            start = at;
        }
        if start < text.len() {
            each(start, Ok(&text[start..]));
        }
    }
}
