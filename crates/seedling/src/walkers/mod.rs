//! The walkers' corpus: programs that build Sodarace creatures, changes of them, and documents in the formats that a
//! search asks in.
//!
//! Start at [`training_example`]; [`mod@format`] has the exact prompts, `designs` the families of walkers, `edits` the
//! changes of them. [`interpret`] runs a program without Python, so that every program of the corpus is known to be a
//! walker. Knows nothing of models, tokens or files.

mod body;
mod designs;
mod diff;
mod documents;
mod edits;
pub mod format;
mod parse;
mod program;
mod run;
mod syntax;

pub use body::{Body, Measures, Muscle};
pub use diff::{hunks, patched};
pub use documents::{Kind, MESSAGES, TrainingExample, training_example, training_example_of};
pub use edits::{Edit, cross, edit};
pub use program::{Program, interpret};
