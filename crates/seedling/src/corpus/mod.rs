//! What training data is made of, whoever writes it: the three domains of texts with their prompts and questions, and
//! documents in the very formats of a search.
//!
//! The texts themselves, and what they are worth, are in [`crate::written`], walker programs in [`crate::walkers`]. Knows
//! nothing of models, tokens or files.

mod documents;
mod domain;
mod odds;

pub use documents::{Answer, Document, Segment, Split, feedback_frame, feedback_prompt, few_shot_prompt};
pub use domain::{Domain, Question};
pub use odds::{LIMIT, probability};
