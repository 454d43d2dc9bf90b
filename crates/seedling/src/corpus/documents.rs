//! Training documents, and the prompts of a search that they are made of.

/// What separates two examples.
const BETWEEN: &str = "\n###\n";

/// Which documents are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Those to train on.
    Train,
    /// Those whose texts are never trained on.
    HeldOut,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its text.
    pub text: String,
    /// The loss weight of its tokens.
    pub weight: f32,
}

/// What follows a judge's prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Both answers, with what comes before them.
    pub texts: [String; 2],
    /// The true probability of the first, in `[0, 1]`.
    pub first: f64,
}

/// A document to train on.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its text, in pieces.
    pub segments: Vec<Segment>,
    /// The soft target behind the text, in a judge's document.
    pub answer: Option<Answer>,
}

impl Document {
    /// The whole text, without the answer.
    pub fn text(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect()
    }
}

/// The prompt that shows examples and asks for another.
pub fn few_shot_prompt(template: &str, examples: &[&str]) -> String {
    let shown: String = examples.iter().map(|example| format!("{template}\n{example}{BETWEEN}")).collect();
    shown + template
}

/// What comes before and after the text in a judge's prompt.
pub fn feedback_frame(instruction: &str) -> (String, &'static str) {
    (format!("### Instruction:\n{instruction}\n\n### Input:\n"), "\n\n### Response:")
}

/// The prompt that asks a question about a text.
pub fn feedback_prompt(instruction: &str, text: &str) -> String {
    let (before, behind) = feedback_frame(instruction);
    before + text + behind
}
