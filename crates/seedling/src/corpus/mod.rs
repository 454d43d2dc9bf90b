//! Training data for the embedded model: texts of three domains, written by weighted grammars, with the truth about
//! them as log-odds.
//!
//! A grammar's tables are in `tables/`; [`write_text`] and [`parse`] use the same ones, so that they can't
//! disagree. What a text is worth is the sum of the weights of its phrases. Start at [`document`]; the tables are
//! read in `grammar`. Knows nothing of models, tokens or files.

pub(crate) mod damage;
mod documents;
mod domain;
mod grammar;
mod parser;
mod text;
mod tokens;
mod writer;

pub use damage::{Damage, spoil};
pub use documents::{
    Answer, Document, Segment, document, feedback_frame, feedback_prompt, few_shot_document, few_shot_prompt,
    few_shot_texts, fragment, judge_document, judged_text, probability,
};
pub use domain::{Domain, Question};
pub use text::{LIMIT, Latents, Parsed, Split, Text, ambiguities, parse, write_text};
pub use writer::Style;
