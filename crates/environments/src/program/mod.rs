//! Programs as genomes: how new ones are written from old ones, run and described.
//!
//! A [`Writer`] carries out one of five operators, or several of them in turns (`mix`; Lehman et al. 2022, ELM, arXiv
//! 2206.08896, and the reference system): the generator writes a program from nothing, it fixes a "bug" of the parent or continues it ([`prompt`]), writes a diff of it ([`diff`]),
//! continues a list of elites (few-shot crossover), or no model is asked and the parent's syntax tree is perturbed
//! ([`gp`]). [`read`] makes a program of an answer. What an environment of programs adds is a [`Format`], the words of its prompts, and a task: the evaluation,
//! by [`run`]. [`features`] measures programs without running them.

pub mod diff;
pub mod features;
pub mod gp;
mod mix;
pub mod prompt;
pub mod read;
pub mod run;
pub mod settings;
mod task;
pub mod writer;

pub use mix::FRESH;
pub use prompt::{Format, Phrases};
pub use settings::WritingSettings;
pub(crate) use task::{Programs, Task};
pub use writer::{MAX_BYTES, Writer, operator};
