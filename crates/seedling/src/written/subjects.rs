//! What a model of this corpus is asked about a prompt before it is used: whether it knows its subject.
//!
//! It is the very question that [`super::documents::about_prompts`] trains. A model that was trained so is marked
//! ([`crate::ModelConfig::subjects`]); of any other the answer would mean nothing.

use crate::Request;

use super::documents::{SUBJECT_ANSWERS, subject_frame};

/// What a model of this corpus knows, in words for a person.
pub const SUBJECTS: &str = "opinions on vegetables and plant-based foods, stories about a suspicious spy and a rich \
                            politician, and reviews of \"Die Hard\"";

/// The question about a prompt; the first answer is that it is known.
pub fn question(prompt: &str) -> Request {
    let (before, behind) = subject_frame();
    Request::Score {
        prompt: format!("{before}{prompt}{behind}").into(),
        answers: SUBJECT_ANSWERS.map(str::to_owned).to_vec(),
    }
}
