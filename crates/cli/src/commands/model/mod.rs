//! `samara model`: training, evaluating, checking and talking to language models, one module each.

mod chat;
mod check;
mod evaluate;
mod findings;
mod train;

pub(crate) use chat::chat;
pub(crate) use check::check;
pub(crate) use evaluate::evaluate;
pub(crate) use train::train;
