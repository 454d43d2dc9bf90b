//! Variation without a model: edits of a program's text that leave comments, layout and everything outside its blocks as
//! they are.
//!
//! Numbers and operators are edited in any language, statements in Python. Every edit draws from the given stream alone.
//! Which edits pay is for the proposer to learn: each is an operator of its own in the journal.

mod code;
mod numbers;
mod splice;
mod statements;
mod steps;
mod surrogate;

use std::collections::BTreeMap;

use samara_qd::Stream;
use samara_search::{Genome, Plan};

use super::{
    lexer::{Kind, Token},
    operators::Operator,
    program::{Part, Program},
};
use splice::Splice;
pub(super) use surrogate::{Numbers, promising};

/// A kind of edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// Small steps of numbers, by 0.01 % to 1 % of their size.
    Fine,
    /// Steps by 1 % to 20 %.
    Step,
    /// Steps by 20 % to 200 %, and signs.
    Jump,
    /// Two numbers of a row change places.
    Swap,
    /// All numbers of a row, a little.
    Row,
    /// Operators, names and calls.
    Code,
    /// Statements deleted, doubled, moved, or taken from another program. For Python.
    Statement,
    /// What other programs improved over their own parents, carried over to this one.
    Merge,
    /// The step that lately improved a program, again: longer, shorter or backwards.
    Again,
    /// A step along the difference of two other programs.
    Blend,
    /// Of several steps of numbers, the one that a process fitted to what has been evaluated expects most of.
    Surrogate,
}

impl Edit {
    /// All edits.
    pub const ALL: [Self; 11] = [
        Self::Fine,
        Self::Step,
        Self::Jump,
        Self::Swap,
        Self::Row,
        Self::Code,
        Self::Statement,
        Self::Merge,
        Self::Again,
        Self::Blend,
        Self::Surrogate,
    ];

    /// Its name as an operator in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "gp_fine",
            Self::Step => "gp_step",
            Self::Jump => "gp_jump",
            Self::Swap => "gp_swap",
            Self::Row => "gp_row",
            Self::Code => "gp_code",
            Self::Statement => "gp_statement",
            Self::Merge => "gp_merge",
            Self::Again => "gp_again",
            Self::Blend => "gp_blend",
            Self::Surrogate => "gp_surrogate",
        }
    }

    /// The edit of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|edit| edit.name() == name)
    }
}

/// How often an edit is tried with other draws before another kind takes its place.
const TRIES: usize = 8;

/// A program varied from `parent`, for [`Edit::Merge`], [`Edit::Again`] and [`Edit::Blend`] with two others: what was
/// changed, and what it was changed to (for a merge any number of such pairs). With `larger`, several edits at once. An edit that finds nothing to change gives
/// way to another one.
///
/// # Errors
/// Nothing in the program can be edited.
pub fn vary(
    program: &Program,
    edit: Edit,
    parent: &Genome,
    others: &[&Genome],
    larger: bool,
    stream: &mut Stream,
) -> Result<Genome, String> {
    let rounds = if larger { 2 + stream.index(3) } else { 1 };
    let mut varied: Option<Genome> = None;
    for _ in 0..rounds {
        let from = varied.as_ref().unwrap_or(parent);
        // An edit that undoes the one before is none.
        let next = once(program, edit, from, others, stream).filter(|next| next != parent);
        varied = next.or(varied);
    }
    varied.ok_or_else(|| "nothing in its blocks can be edited".to_owned())
}

/// The program of a plan that asks no model: a seed as it is, a surrogate's step, which the plan holds, or an edit.
///
/// # Errors
/// The plan asks a model, or nothing can be edited.
pub fn written(program: &Program, plan: &Plan, stream: &mut Stream) -> Result<Genome, String> {
    let planned = Operator::of_plan(&plan.operator).map(|(operator, _)| operator);
    if (plan.verbatim || planned == Some(Operator::Gp(Edit::Surrogate)))
        && let Some(ready) = plan.material.first()
    {
        return Ok((**ready).clone());
    }
    let (Some((Operator::Gp(edit), larger)), Some(parent)) =
        (Operator::of_plan(&plan.operator), plan.parents.first())
    else {
        return Err(format!("`{}` is no edit without a model", plan.operator));
    };
    let others: Vec<&Genome> = plan.material.iter().map(|genome| &**genome).collect();
    vary(program, edit, &parent.genome, &others, larger, stream)
}

/// One edit, of this kind or else of others.
fn once(
    program: &Program,
    edit: Edit,
    parent: &Genome,
    others: &[&Genome],
    stream: &mut Stream,
) -> Option<Genome> {
    let fallbacks = [edit, Edit::Step, Edit::Code, Edit::Statement];
    fallbacks.into_iter().find_map(|edit| {
        (0..TRIES).find_map(|_| {
            if edit == Edit::Merge {
                return merged(program, parent, others, stream);
            }
            let texts = apply(program, edit, parent, others, stream)?;
            program.changed(parent, texts).ok()
        })
    })
}

/// The parent after all steps that can be carried over to it; `None` if none can.
fn merged(program: &Program, parent: &Genome, others: &[&Genome], stream: &mut Stream) -> Option<Genome> {
    let mut merged: Option<Genome> = None;
    for step in others.chunks_exact(2) {
        let onto = merged.as_ref().unwrap_or(parent);
        let texts = steps::carry(program, Edit::Merge, onto, (step[0], step[1]), stream);
        let next = texts.and_then(|texts| program.changed(onto, texts).ok());
        merged = next.or(merged);
    }
    merged.filter(|merged| merged != parent)
}

/// The texts that an edit changes; `None` if it found nothing this time.
fn apply(
    program: &Program,
    edit: Edit,
    parent: &Genome,
    others: &[&Genome],
    stream: &mut Stream,
) -> Option<BTreeMap<String, String>> {
    let source = Source::new(program, parent);
    let splices = match edit {
        Edit::Fine | Edit::Step | Edit::Jump | Edit::Swap | Edit::Row => {
            numbers::edit(&source, edit, stream)?
        }
        Edit::Code if program.syntax().is_code() => code::edit(&source, stream)?,
        // A surrogate's step is found when it is planned: see [`promising`].
        Edit::Code | Edit::Surrogate => return None,
        Edit::Statement => {
            let other = others.first().map(|other| Source::new(program, other));
            statements::edit(&source, other.as_ref(), stream)?
        }
        Edit::Merge | Edit::Again | Edit::Blend => {
            let [from, to, ..] = others else { return None };
            return steps::carry(program, edit, parent, (from, to), stream);
        }
    };
    Some(splice::apply(&source.parts, splices))
}

/// What is edited: the files that may change, with their tokens.
struct Source<'a> {
    parts: Vec<Part<'a>>,
    /// The tokens within the blocks, by file.
    tokens: Vec<Vec<Token>>,
    /// Whether indentation is syntax.
    indented: bool,
}

impl<'a> Source<'a> {
    fn new(program: &'a Program, genome: &'a Genome) -> Self {
        let parts = program.parts(genome);
        let tokens = parts.iter().map(|part| part.tokens(program.syntax())).collect();
        Self { parts, tokens, indented: program.syntax().indented }
    }

    /// A token's characters.
    fn text(&self, file: usize, place: usize) -> &'a str {
        self.tokens[file][place].of(self.parts[file].text)
    }

    /// A token's kind, if there is one at that place.
    fn kind(&self, file: usize, place: usize) -> Option<Kind> {
        self.tokens[file].get(place).map(|token| token.kind)
    }

    /// The places of all tokens that fit, over all files.
    fn places(&self, fits: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
        let files = self.tokens.iter().enumerate();
        let all = files.flat_map(|(file, tokens)| (0..tokens.len()).map(move |place| (file, place)));
        all.filter(|(file, place)| fits(*file, *place)).collect()
    }

    /// A splice that replaces a token.
    fn replace(&self, (file, place): (usize, usize), with: impl Into<String>) -> Splice {
        let token = self.tokens[file][place];
        Splice { file, range: token.start..token.end, with: with.into() }
    }

    /// Whether the token stands on a line whose first word is one of these.
    fn on_line_of(&self, file: usize, place: usize, words: &[&str]) -> bool {
        let before = &self.parts[file].text[..self.tokens[file][place].start];
        let line = before.rfind('\n').map_or(before, |at| &before[at + 1..]).trim_start();
        let full = &self.parts[file].text[before.len() - line.len()..];
        let word: &str = full.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        words.contains(&word)
    }
}

#[cfg(test)]
mod tests;
