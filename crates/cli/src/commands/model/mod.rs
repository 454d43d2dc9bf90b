//! `samara model`: training, evaluating, checking and talking to language models, one module each.

mod chat;
mod check;
pub(super) mod evaluate;
mod findings;
mod train;

pub(crate) use chat::chat;
pub(crate) use check::check;
pub(crate) use evaluate::evaluate;
pub(super) use evaluate::{Evaluation, Measured as Measuring, grouped};
pub(crate) use train::train;
pub(super) use train::{Bar, Losses, Row, counting};
