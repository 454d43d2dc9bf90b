//! A walker program and what it makes.

use super::{Body, designs, parse, run};
use crate::Stream;

/// Most joints of a walker of the corpus.
const JOINTS: usize = 36;

/// Most muscles of a walker of the corpus.
const MUSCLES: usize = 90;

/// The largest height and width of a walker of the corpus.
const SIZE: f64 = 1000.0;

/// The largest mass of a walker of the corpus.
const MASS: f64 = 4000.0;

/// Most letters of a program of the corpus: some 250 tokens.
pub(super) const LETTERS: usize = 760;

/// A program of the corpus.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Its text: `def make_walker():` and the lines of its body, each with its line break.
    pub text: String,
    /// The walker that it makes.
    pub body: Body,
}

/// What a program's text makes; `None` if it can't be read, raises an error, or returns no walker.
///
/// Only the part of Python that the corpus writes is understood: a text that Python runs may be refused, but what is
/// accepted runs in Python as well, with the library of helpers, and makes the same walker.
pub fn interpret(text: &str) -> Option<Body> {
    run::run(&parse::program(text)?)
}

impl Program {
    /// A program fit for the corpus: a valid walker in one piece, driven somewhere, neither huge nor long.
    pub(super) fn sound(text: String) -> Option<Self> {
        if text.len() > LETTERS {
            return None;
        }
        let body = interpret(&text)?;
        let measures = body.measures()?;
        let sizes = [measures.height, measures.width];
        let fits = body.joints.len() <= JOINTS
            && body.muscles.len() <= MUSCLES
            && sizes.iter().all(|size| *size <= SIZE)
            && measures.mass <= MASS;
        let driven = body.muscles.iter().any(|muscle| muscle.amplitude != 0.0);
        let loops = body.muscles.iter().any(|muscle| muscle.from == muscle.to);
        (fits && driven && !loops && body.is_valid() && body.is_connected()).then_some(Self { text, body })
    }

    /// One of any family.
    pub fn draw(stream: &mut Stream) -> Self {
        loop {
            if let Some(program) = Self::sound(designs::draw(stream)) {
                return program;
            }
        }
    }
}
