//! Where a candidate comes from: its ancestors, back to the first of them, and what their steps changed.
//!
//! Two things make up much of what a search over programs finds, and are counted: steps that changed numbers and nothing
//! else, and lines that had been taken out earlier in the lineage and were put in again.

use std::{collections::BTreeMap, iter::Peekable, str::Chars};

use samara_search::{Candidate, Genome};

use crate::diff;

/// A candidate and its ancestors by first parents, the eldest first.
pub struct Lineage {
    /// One or more; the last is the candidate itself.
    pub members: Vec<Candidate>,
}

/// What the steps of a lineage changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Steps {
    /// All of them.
    pub all: usize,
    /// Those that changed numbers and nothing else.
    pub only_numbers: usize,
    /// Lines that were put in.
    pub lines_added: usize,
    /// Those of them that an earlier step had taken out.
    pub lines_again: usize,
}

impl Lineage {
    /// The lineage of a candidate, whose run `find` reads.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn of<E>(candidate: u64, mut find: impl FnMut(u64) -> Result<Candidate, E>) -> Result<Self, E> {
        let mut members = Vec::new();
        let mut next = Some(candidate);
        while let Some(index) = next {
            let member = find(index)?;
            // A crafted record may name a later candidate as its parent, and so on for ever.
            next = member.parents.first().copied().filter(|parent| *parent < index);
            members.push(member);
        }
        members.reverse();
        Ok(Self { members })
    }

    /// The candidate itself.
    pub fn last(&self) -> &Candidate {
        self.members.last().expect("a lineage has a member")
    }

    /// The candidate that it all began with.
    pub fn first(&self) -> &Candidate {
        self.members.first().expect("a lineage has a member")
    }

    /// The candidate's parent.
    pub fn parent(&self) -> Option<&Candidate> {
        self.members.len().checked_sub(2).map(|parent| &self.members[parent])
    }

    /// What its steps changed.
    pub fn steps(&self) -> Steps {
        let mut steps = Steps::default();
        // Lines that were taken out and are not back, with how often.
        let mut gone: BTreeMap<String, usize> = BTreeMap::new();
        for pair in self.members.windows(2) {
            let (Some(old), Some(new)) = (&pair[0].genome, &pair[1].genome) else { continue };
            steps.all += 1;
            steps.only_numbers += usize::from(only_numbers(old, new));
            let changed = diff::changed(old, new);
            steps.lines_added += changed.added.len();
            for line in &changed.added {
                if let Some(count) = gone.get_mut(line).filter(|count| **count > 0) {
                    *count -= 1;
                    steps.lines_again += 1;
                }
            }
            for line in changed.removed {
                *gone.entry(line).or_default() += 1;
            }
        }
        steps
    }
}

/// Whether two genomes differ, and in their numbers alone.
fn only_numbers(old: &Genome, new: &Genome) -> bool {
    let (old, new) = (old.text(), new.text());
    old != new && masked(&old) == masked(&new)
}

/// A text with every number in place of a mark, its sign included where it can't be a subtraction.
pub(crate) fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let begins = c.is_ascii_digit() || (c == '.' && chars.peek().is_some_and(char::is_ascii_digit));
        if !begins {
            out.push(c);
            if c.is_alphabetic() || c == '_' {
                // The digits of a name are no number.
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    out.push(c);
                }
            }
            continue;
        }
        skip_number(c, &mut chars);
        drop_sign(&mut out);
        out.push(NUMBER);
    }
    out
}

/// What stands in a masked text for a number.
const NUMBER: char = '\u{0}';

/// Goes past a number that begins with `first`: digits, points, exponents, other bases and suffixes.
fn skip_number(first: char, chars: &mut Peekable<Chars<'_>>) {
    let mut before = first;
    while let Some(c) = chars.next_if(|c| {
        c.is_ascii_alphanumeric()
            || matches!(c, '.' | '_')
            || (matches!(c, '+' | '-') && matches!(before, 'e' | 'E'))
    }) {
        before = c;
    }
}

/// Drops a minus at the end that belongs to the number behind it: nothing to subtract from stands before it.
fn drop_sign(out: &mut String) {
    let Some(before) = out.strip_suffix('-') else { return };
    let subtracts = before
        .trim_end()
        .chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '}' | '"' | '\'' | NUMBER));
    let keyword = ["return", "yield", "in", "and", "or", "not", "else", "if"].iter().any(|word| {
        before.trim_end().rsplit(|c: char| !c.is_alphanumeric() && c != '_').next() == Some(word)
    });
    if !subtracts || keyword {
        let length = before.len();
        out.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use samara_search::{Charge, Fate};

    use super::*;

    fn member(index: u64, text: &str) -> Candidate {
        Candidate {
            index,
            island: 0,
            horizon: 0,
            operator: "gp".into(),
            parents: index.checked_sub(1).into_iter().collect(),
            generator: None,
            genome: Some(Arc::new(Genome::text_of(text))),
            score: None,
            fate: Fate::NotBetter,
            cell: None,
            rank: None,
            copy_of: None,
            artifacts: Vec::new(),
            charge: Charge::default(),
            model_ms: 0.0,
        }
    }

    #[test]
    fn a_step_of_numbers_changes_values_and_signs_and_nothing_else() {
        let only = |old: &str, new: &str| only_numbers(&Genome::text_of(old), &Genome::text_of(new));
        for (old, new) in [
            ("x = 0.5", "x = -1.25e-3"),
            ("f(3, -2)", "f(-3, 2)"),
            ("return 1", "return -1"),
            ("a = 0x1f\n", "a = 7\n"),
            ("y - 2", "y - 3"),
        ] {
            assert!(only(old, new), "{old} {new}");
        }
        for (old, new) in [
            ("x = 1", "x = 1"),
            ("x1 = 1", "x2 = 1"),
            ("y - 2", "y + 2"),
            ("x = 1", "x = y"),
            ("x = [1]", "x = [1, 2]"),
            ("x = 1", "x  = 1"),
        ] {
            assert!(!only(old, new), "{old} {new}");
        }
    }

    #[test]
    fn a_line_counts_as_put_in_again_once_for_each_time_it_was_taken_out() {
        let texts = ["a = f(x)\nb = 1\n", "b = 1\n", "b = 2\n", "a = f(x)\nb = 2\na = f(x)\n", "b = 1\n"];
        let members = texts.iter().enumerate().map(|(i, text)| member(i as u64, text)).collect();
        let steps = Lineage { members }.steps();
        // `b = 2`, then `a = f(x)` twice, of which one had been taken out; then `b = 1` again.
        assert_eq!(steps, Steps { all: 4, only_numbers: 1, lines_added: 4, lines_again: 2 });
    }
}
