//! Training documents: few-shot groups, prompt mutations and diffs, in the formats of [`super::format`].

use super::{
    diff::hunks,
    edits::{Edit, cross, edit},
    format::{BETWEEN, BUGGY, FILE, FIXED, HEADER, INSTRUCTIONS},
    program::Program,
};
use crate::{
    Stream,
    corpus::{Document, Segment},
};

/// The loss weight of what is the same in every document.
const FRAME_WEIGHT: f32 = 0.1;

/// The loss weight of a program that is changed later: it is an unconditional sample, of which there are plenty.
const PARENT_WEIGHT: f32 = 0.4;

/// The kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Programs, and one that inherits from them.
    FewShot,
    /// A program and its fixed version.
    Mutation,
    /// A program and the hunks that change it.
    Diff,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::FewShot, Self::Mutation, Self::Diff];
}

/// A training document, with the programs shown and written in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingExample {
    /// The kind.
    pub kind: Kind,
    /// The text.
    pub document: Document,
    /// The programs shown.
    pub shown: Vec<Program>,
    /// The program that is to be written.
    pub written: Program,
}

fn frame(text: String) -> Segment {
    Segment { text, weight: FRAME_WEIGHT }
}

/// A program behind its header, with the blank line that ends it.
fn body(program: &Program) -> Segment {
    Segment { text: program.text[HEADER.len()..].to_owned() + BETWEEN, weight: 1.0 }
}

/// A document of any kind. Document `i` of a seed comes from `Stream::new(seed, i)`.
pub fn training_example(stream: &mut Stream) -> TrainingExample {
    match stream.unit() {
        chance if chance < 0.45 => few_shot(stream),
        chance if chance < 0.8 => mutation(stream),
        _ => diff(stream),
    }
}

/// A document of one kind.
pub fn training_example_of(kind: Kind, stream: &mut Stream) -> TrainingExample {
    match kind {
        Kind::FewShot => few_shot(stream),
        Kind::Mutation => mutation(stream),
        Kind::Diff => diff(stream),
    }
}

/// A program a few changes away from another.
fn relative(of: &Program, changes: usize, stream: &mut Stream) -> Program {
    let mut program = of.clone();
    for _ in 0..changes {
        program = edit(&program, stream).0;
    }
    program
}

/// A program with a history: a design, changed a few times or crossed, as an archive holds them after a while.
fn ancestor(stream: &mut Stream) -> Program {
    let design = Program::draw(stream);
    match stream.below(20) {
        0..9 => design,
        9..11 => cross(&design, &Program::draw(stream), stream),
        _ => {
            let changes = 1 + stream.below(5);
            relative(&design, changes, stream)
        }
    }
}

fn few_shot(stream: &mut Stream) -> TrainingExample {
    let style = stream.below(INSTRUCTIONS.len());
    let count = 1 + stream.below(3);
    let mut shown = vec![ancestor(stream)];
    let alike = style == 3 || stream.chance(0.4);
    while shown.len() < count {
        let next = if alike {
            let changes = 1 + stream.below(3);
            relative(&stream.choose(&shown).clone(), changes, stream)
        } else {
            ancestor(stream)
        };
        shown.push(next);
    }
    let crossing = style == 2 || (style == 0 && stream.chance(0.5));
    let written = if crossing && count > 1 {
        let first = stream.below(count);
        let second = (first + 1 + stream.below(count - 1)) % count;
        cross(&shown[first], &shown[second], stream)
    } else {
        let from = if style == 1 { count - 1 } else { stream.below(count) };
        let changes = 1 + stream.below(3);
        relative(&shown[from].clone(), changes, stream)
    };
    let mut segments = Vec::new();
    for (at, program) in shown.iter().enumerate() {
        let weight = if at == 0 { 1.0 } else { PARENT_WEIGHT };
        segments.push(frame(HEADER.to_owned()));
        segments.push(Segment { weight, ..body(program) });
    }
    segments.push(frame(format!("{}{HEADER}", INSTRUCTIONS[style])));
    segments.push(body(&written));
    TrainingExample { kind: Kind::FewShot, document: Document { segments, answer: None }, shown, written }
}

fn mutation(stream: &mut Stream) -> TrainingExample {
    let parent = ancestor(stream);
    let changes = 1 + stream.below(2);
    let child = relative(&parent, changes, stream);
    let segments = vec![
        frame(format!("{BUGGY}{HEADER}")),
        Segment { weight: PARENT_WEIGHT, ..body(&parent) },
        frame(format!("{FIXED}{HEADER}")),
        body(&child),
    ];
    TrainingExample {
        kind: Kind::Mutation,
        document: Document { segments, answer: None },
        shown: vec![parent],
        written: child,
    }
}

/// The messages of a diff: any change, and one for each kind of change.
pub const MESSAGES: [&str; 8] = [
    "Change make_walker.",
    "Change a number.",
    "Change some numbers.",
    "Change the size.",
    "Add a muscle.",
    "Remove a muscle.",
    "Add a joint.",
    "Change a muscle.",
];

fn message(edit: Edit) -> &'static str {
    MESSAGES[match edit {
        Edit::Number => 1,
        Edit::Numbers => 2,
        Edit::Scale => 3,
        Edit::AddMuscle => 4,
        Edit::RemoveMuscle => 5,
        Edit::AddJoint => 6,
        Edit::Drive => 7,
    }]
}

fn diff(stream: &mut Stream) -> TrainingExample {
    let parent = ancestor(stream);
    let (child, edit) = edit(&parent, stream);
    let message = if stream.chance(0.4) { MESSAGES[0] } else { message(edit) };
    let segments = vec![
        frame(format!("<NME> {FILE}\n<BEF> {HEADER}")),
        Segment { text: parent.text[HEADER.len()..].to_owned(), weight: PARENT_WEIGHT },
        frame(format!("<MSG> {message}\n<DFF>")),
        Segment { text: format!(" {}{BETWEEN}", hunks(&parent.text, &child.text)), weight: 1.0 },
    ];
    TrainingExample {
        kind: Kind::Diff,
        document: Document { segments, answer: None },
        shown: vec![parent],
        written: child,
    }
}
