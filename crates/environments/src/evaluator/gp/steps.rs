//! Steps between programs, carried over to another one: number by number where their tokens match, line by line where
//! they don't.

use std::collections::BTreeMap;

use samara_qd::Stream;
use samara_search::Genome;

use super::{Edit, Source, numbers::Literal, splice};
use crate::evaluator::{lexer::Kind, program::Program};

/// How far a step is gone again: backwards, half, whole, twice.
const AGAIN: [f64; 4] = [-0.5, 0.5, 1.0, 2.0];
/// How far on a step is gone that has just led here.
const ON: [f64; 4] = [1.0, 2.0, 2.0, 4.0];

/// The parent after (a part of) the step that leads from one program to another.
pub(super) fn carry(
    program: &Program,
    edit: Edit,
    parent: &Genome,
    (from, to): (&Genome, &Genome),
    stream: &mut Stream,
) -> Option<BTreeMap<String, String>> {
    let sources = [parent, from, to].map(|genome| Source::new(program, genome));
    let factor = match edit {
        Edit::Merge => 1.0,
        Edit::Again if parent == to => ON[stream.index(ON.len())] * (0.75 + 0.5 * stream.unit()),
        Edit::Again => AGAIN[stream.index(AGAIN.len())] * (0.75 + 0.5 * stream.unit()),
        _ => stream.uniform(0.3, 0.9),
    };
    if aligned(&sources) {
        return moved(&sources, factor, edit, stream);
    }
    (edit == Edit::Merge).then(|| lines(&sources)).flatten()
}

/// Whether the programs have the same tokens but for numbers and names.
fn aligned([parent, from, to]: &[Source<'_>; 3]) -> bool {
    let kinds = |source: &Source<'_>| -> Vec<Vec<Kind>> {
        source.tokens.iter().map(|tokens| tokens.iter().map(|token| token.kind).collect()).collect()
    };
    let own = kinds(parent);
    own == kinds(from) && own == kinds(to)
}

/// Number by number; words that the step changed are taken as they are.
fn moved(
    [parent, from, to]: &[Source<'_>; 3],
    factor: f64,
    edit: Edit,
    stream: &mut Stream,
) -> Option<BTreeMap<String, String>> {
    // A blend leaves most numbers of a large difference alone, as differential evolution does.
    let share = if edit == Edit::Blend { [0.1, 0.3, 1.0][stream.index(3)] } else { 1.0 };
    let places = parent.places(|file, place| from.text(file, place) != to.text(file, place));
    let mut splices = Vec::new();
    for at in places {
        if share < 1.0 && stream.unit() >= share {
            continue;
        }
        let (file, place) = at;
        let [own, old, new] = [parent, from, to].map(|source| source.text(file, place));
        // Two steps of one number may be too much together.
        if edit == Edit::Merge && own != old && stream.unit() < 0.5 {
            continue;
        }
        let with = match [own, old, new].map(Literal::read) {
            [Some(own), Some(old), Some(new)] => stepped(own, old, new, factor),
            _ if edit == Edit::Merge && own == old => Some(new.to_owned()),
            _ => None,
        };
        splices.extend(with.filter(|with| *with != own).map(|with| parent.replace(at, with)));
    }
    (!splices.is_empty()).then(|| splice::apply(&parent.parts, splices))
}

/// A number after a step. A sign that it had not is written only where the step's end has one.
fn stepped(own: Literal<'_>, old: Literal<'_>, new: Literal<'_>, factor: f64) -> Option<String> {
    let step = factor * (new.value - old.value);
    let value = own.value + step;
    let value = if value < 0.0 && own.value >= 0.0 && new.value >= 0.0 { -value } else { value };
    own.write(value, step.abs())
}

/// Line by line: the lines that the step changed, where the parent still has them.
fn lines([parent, from, to]: &[Source<'_>; 3]) -> Option<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for part in &parent.parts {
        let text = |source: &Source<'_>| {
            source.parts.iter().find(|other| other.path == part.path).map(|other| other.text.to_owned())
        };
        let merged = merged(part.text, &text(from)?, &text(to)?);
        if merged != part.text {
            texts.insert(part.path.to_owned(), merged);
        }
    }
    (!texts.is_empty()).then_some(texts)
}

/// The text with the one stretch of lines in which `from` and `to` differ replaced, if the text has it in one place.
fn merged(text: &str, from: &str, to: &str) -> String {
    let (own, old, new): (Vec<&str>, Vec<&str>, Vec<&str>) = (
        text.split_inclusive('\n').collect(),
        from.split_inclusive('\n').collect(),
        to.split_inclusive('\n').collect(),
    );
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = (old.len() - before).min(new.len() - before);
    let behind = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    // A line of context on both sides, so that what was only added has a place.
    let start = before.saturating_sub(1);
    let removed = &old[start..(old.len() - behind + 1).min(old.len())];
    let added = &new[start..(new.len() - behind + 1).min(new.len())];
    let found: Vec<usize> = own
        .windows(removed.len().max(1))
        .enumerate()
        .filter(|(_, lines)| *lines == removed)
        .map(|(at, _)| at)
        .collect();
    match &*found {
        [at] => [&own[..*at], added, &own[at + removed.len()..]].concat().concat(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_a_step_changed_are_carried_over_where_they_are_found_once() {
        let (from, to) = ("a\nb\nc\nd\n", "a\nb\nx\ny\nd\n");
        assert_eq!(merged("z\na\nb\nc\nd\n", from, to), "z\na\nb\nx\ny\nd\n");
        assert_eq!(merged("a\nq\nc\nd\n", from, to), "a\nq\nc\nd\n", "its surroundings are gone");
        assert_eq!(merged("b\nc\nd\nb\nc\nd\n", from, to), "b\nc\nd\nb\nc\nd\n", "twice");
        assert_eq!(merged("a\nb\n", "a\n", "a\nc\n"), "a\nc\nb\n", "added behind a line");
    }

    #[test]
    fn a_step_of_a_number_is_added_to_anothers_value() {
        let literal = |text| Literal::read(text).expect("a number");
        let step = |own, old, new, factor| stepped(literal(own), literal(old), literal(new), factor);
        assert_eq!(step("1.5", "1.0", "1.25", 1.0).as_deref(), Some("1.75"));
        assert_eq!(step("1.5", "1.0", "1.25", 2.0).as_deref(), Some("2.0"));
        assert_eq!(step("4", "1", "3", 1.0).as_deref(), Some("6"));
        assert_eq!(step("0.1", "0.5", "0.1", 1.0).as_deref(), Some("0.3"), "no sign where none was");
    }
}
