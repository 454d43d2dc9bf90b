//! Training documents: few-shot prompts and judges' prompts with soft answers, in the formats of a search.

use super::{
    damage::{Damage, spoil},
    domain::Domain,
    text::{LIMIT, Latents, Split, Text, parse, write_text},
    writer::Style,
};
use crate::Stream;

/// What separates two examples.
const BETWEEN: &str = "\n###\n";

/// The loss weight of a template's tokens, which are the same every time.
const TEMPLATE_WEIGHT: f32 = 0.1;

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
    /// Both answers, each behind a line break.
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

/// The probability that belongs to log-odds.
pub fn probability(odds: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-odds))
}

/// Texts that have much in common, in the order of a few-shot prompt: between one and five.
pub fn few_shot_texts(domain: Domain, split: Split, stream: &mut Stream) -> Vec<Text> {
    let shared = Latents::draw(domain, stream);
    let style = Style { strength: 2 + stream.below(4), ..shared.style };
    let count = match stream.unit() {
        chance if chance < 0.08 => 1,
        chance if chance < 0.14 => 2,
        chance if chance < 0.20 => 3,
        chance if chance < 0.88 => 4,
        _ => 5,
    };
    let spread = if stream.chance(0.15) { 2.0 } else { 0.8 };
    let mut texts: Vec<Text> = Vec::with_capacity(count);
    while texts.len() < count {
        // Among mixed examples the next one is near the mean of those before it.
        let mean = |axis: usize| match texts.len() {
            0 => shared.odds[axis],
            many if spread > 1.0 => texts.iter().map(|text| text.odds[axis]).sum::<f64>() / many as f64,
            _ => shared.odds[axis],
        };
        let mut odds = [0.0; 2];
        for (axis, odds) in odds.iter_mut().enumerate().take(domain.axes()) {
            *odds = (mean(axis) + spread * stream.normal()).clamp(-LIMIT, LIMIT);
        }
        let care = (shared.care + 0.7 * stream.normal()).clamp(-2.0, 6.0);
        let sentences = shared.sentences + usize::from(stream.chance(0.15));
        texts.push(write_text(domain, &Latents { odds, care, sentences, style }, split, stream));
    }
    texts
}

/// A few-shot document: as a prompt of its texts, and ending behind the last of them.
pub fn few_shot_document(domain: Domain, split: Split, stream: &mut Stream) -> Document {
    let mut segments = Vec::new();
    for text in few_shot_texts(domain, split, stream) {
        segments.push(Segment { text: domain.template().to_owned(), weight: TEMPLATE_WEIGHT });
        segments.push(Segment { text: format!("\n{}{BETWEEN}", text.text), weight: 1.0 });
    }
    Document { segments, answer: None }
}

/// A text, clean or bad, about which a judge is asked question number `at` of its domain.
pub fn judged_text(domain: Domain, at: usize, split: Split, stream: &mut Stream) -> Text {
    let mut latents = Latents::draw(domain, stream);
    // Extremes are drawn more often than chance would: the cells are narrow there.
    if stream.chance(0.25) {
        latents.odds[at.min(1)] = stream.uniform(2.5, 5.7) * if stream.chance(0.5) { 1.0 } else { -1.0 };
    }
    let text = write_text(domain, &latents, split, stream);
    if stream.chance(if at + 1 == domain.questions().len() { 0.35 } else { 0.06 }) {
        let damage = *stream.choose(&Damage::ALL);
        return spoil(domain, damage, &text, split, stream);
    }
    text
}

/// A run of a text's sentences, with the truth about them alone; the whole text if the grammar can't read it.
///
/// It takes far fewer documents to learn what single sentences are worth than what whole texts are worth.
pub fn fragment(domain: Domain, text: Text, stream: &mut Stream) -> Text {
    let sentences: Vec<&str> = text.text.split_inclusive(". ").map(str::trim).collect();
    let first = stream.below(sentences.len());
    let last = first + stream.below(sentences.len() - first);
    let part = sentences[first..=last].join(" ");
    match parse(domain, &part) {
        Some(parsed) => Text { text: part, odds: parsed.odds },
        None => text,
    }
}

/// A judge's document: one question of the domain about one text.
pub fn judge_document(domain: Domain, split: Split, stream: &mut Stream) -> Document {
    let at = stream.below(domain.questions().len());
    let question = domain.questions()[at];
    let text = judged_text(domain, at, split, stream);
    Document {
        segments: vec![Segment { text: feedback_prompt(question.instruction, &text.text), weight: 0.0 }],
        answer: Some(Answer {
            texts: question.answers.map(|answer| format!("\n{answer}")),
            first: probability(text.odds[at]),
        }),
    }
}

/// A document of any kind and domain. Document `i` of a seed comes from `Stream::new(seed, i)`.
pub fn document(split: Split, stream: &mut Stream) -> Document {
    let domain = *stream.choose(&Domain::ALL);
    if stream.chance(0.45) {
        few_shot_document(domain, split, stream)
    } else {
        judge_document(domain, split, stream)
    }
}
