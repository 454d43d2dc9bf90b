//! Finds added tokens in a text: the leftmost first, of those that begin at one place the longest.

use std::ops::Range;

use super::definition::Added;

/// No added token may be longer, in bytes: what a text costs grows with it.
pub(super) const MAX_LENGTH: usize = 256;

/// Finds tokens of a list.
#[derive(Debug, Clone, Default)]
pub(super) struct Matcher {
    /// In the order of their texts: those that begin alike are neighbours.
    names: Vec<Name>,
    /// By first byte, where in `names`. Empty if there is none at all.
    by_first: Vec<Range<usize>>,
}

#[derive(Debug, Clone)]
struct Name {
    text: String,
    id: u32,
    flags: Added,
}

impl Matcher {
    pub(super) fn new(tokens: impl Iterator<Item = (String, u32, Added)>) -> Self {
        let named = tokens.filter(|(text, ..)| !text.is_empty());
        let mut names = named.map(|(text, id, flags)| Name { text, id, flags }).collect::<Vec<_>>();
        if names.is_empty() {
            return Self::default();
        }
        names.sort_by(|left, right| left.text.cmp(&right.text));
        let first = |name: &Name| name.text.as_bytes()[0];
        let before = |byte: u16| names.partition_point(|name| u16::from(first(name)) < byte);
        let by_first = (0..256).map(|byte| before(byte)..before(byte + 1)).collect();
        Self { names, by_first }
    }

    /// Calls `each` with what lies between tokens (`Ok`, never empty) and with the tokens (`Err`), in order, and where
    /// each begins. A token that takes the blanks beside it has them.
    pub(super) fn split<'a>(
        &self,
        text: &'a str,
        specials: bool,
        each: &mut impl FnMut(usize, Result<&'a str, u32>),
    ) {
        let mut start = 0;
        let mut at = 0;
        while at < text.len() && !self.names.is_empty() {
            let Some(name) = self.at(&text.as_bytes()[at..], specials) else {
                at += 1;
                continue;
            };
            let before = &text[start..at];
            let before = if name.flags.lstrip { before.trim_end() } else { before };
            if !before.is_empty() {
                each(start, Ok(before));
            }
            each(at, Err(name.id));
            at += name.text.len();
            if name.flags.rstrip {
                at = text.len() - text[at..].trim_start().len();
            }
            start = at;
        }
        if start < text.len() {
            each(start, Ok(&text[start..]));
        }
    }

    /// Where special tokens of more than one character are named in a text, each place once, in order.
    pub(super) fn places<'a>(&'a self, text: &'a str) -> impl Iterator<Item = usize> + 'a {
        let named = move |at: &usize| self.at(&text.as_bytes()[*at..], true).is_some();
        (0..text.len()).filter(move |at| !self.names.is_empty() && text.is_char_boundary(*at) && named(at))
    }

    /// The texts of the tokens.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| name.text.as_str())
    }

    /// The longest token that a text begins with.
    fn at(&self, text: &[u8], specials: bool) -> Option<&Name> {
        let range = self.by_first[usize::from(text[0])].clone();
        let (mut names, mut found) = (&self.names[range], None);
        for (depth, byte) in text.iter().enumerate() {
            // What ends here comes first of those that begin alike.
            let below = |name: &Name| name.text.as_bytes().get(depth).is_none_or(|other| other < byte);
            names = &names[names.partition_point(below)..];
            names = &names[..names.partition_point(|name| name.text.as_bytes()[depth] == *byte)];
            let whole = |name: &&Name| name.text.len() == depth + 1 && (specials || !name.flags.special);
            found = names.first().filter(whole).or(found);
            if names.is_empty() {
                break;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str, matcher: &Matcher) -> Vec<(usize, Result<String, u32>)> {
        let mut found = Vec::new();
        matcher.split(text, true, &mut |at, piece| found.push((at, piece.map(str::to_owned))));
        found
    }

    /// The same by looking at every name at every place.
    fn slowly(text: &str, names: &[String]) -> Vec<(usize, Result<String, u32>)> {
        let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
        while at < text.len() {
            let here =
                (0..).zip(names).filter(|(_, name)| text.as_bytes()[at..].starts_with(name.as_bytes()));
            match here.max_by_key(|(id, name)| (name.len(), std::cmp::Reverse(*id))) {
                None => at += 1,
                Some((id, name)) => {
                    if start < at {
                        found.push((start, Ok(text[start..at].to_owned())));
                    }
                    found.push((at, Err(id)));
                    at += name.len();
                    start = at;
                }
            }
        }
        if start < text.len() {
            found.push((start, Ok(text[start..].to_owned())));
        }
        found
    }

    proptest! {
        #[test]
        fn narrowing_a_sorted_list_finds_what_looking_everywhere_finds(
            names in prop::collection::vec("[ab<é]{1,4}", 0..8),
            text in "[abc<é]{0,40}",
        ) {
            let flags = Added { special: true, ..Added::default() };
            let matcher = Matcher::new(names.iter().cloned().zip(0..).map(|(name, id)| (name, id, flags)));
            prop_assert_eq!(plain(&text, &matcher), slowly(&text, &names));
        }
    }

    #[test]
    fn a_token_takes_the_blanks_beside_it_where_it_says_so() {
        let right = Added { special: true, rstrip: true, ..Added::default() };
        let left = Added { special: true, lstrip: true, ..Added::default() };
        let names = [("<r>".to_owned(), 1, right), ("<l>".to_owned(), 2, left)];
        let matcher = Matcher::new(names.into_iter());
        let found = plain("a <r> \n b  <l> c<r>", &matcher);
        let pieces = found.into_iter().map(|(_, piece)| piece).collect::<Vec<_>>();
        let text = |text: &str| Ok(text.to_owned());
        assert_eq!(pieces, [text("a "), Err(1), text("b"), Err(2), text(" c"), Err(1)]);
    }
}
