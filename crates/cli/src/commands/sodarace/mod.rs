//! `samara sodarace render` and `evaluate`: creatures from files, programs, seeds and runs.

mod evaluate;
mod film;
mod render;
mod scene;
mod source;
mod strip;
mod walk;

use crate::{
    args::sodarace::SodaraceCommand,
    exit::{Exit, Failure},
};

pub(super) use evaluate::entered;

pub(crate) fn sodarace(command: &SodaraceCommand) -> Result<Exit, Failure> {
    match command {
        SodaraceCommand::Render(render) => render::render(render),
        SodaraceCommand::Evaluate(evaluate) => evaluate::evaluate(evaluate),
    }
}
