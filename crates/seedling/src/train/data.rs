//! From the corpus to tokens: the tokenizer's training text, and batches of documents.

use crate::{
    SeedlingError, Stream, Tokenizer,
    corpus::{self, Document, Split},
};

use super::sequence::{Sequence, Target};

/// Documents that the tokenizer is trained on.
const TOKENIZER_DOCUMENTS: u64 = 20_000;

/// The token that no text contains; generation ends at it.
pub const END: &str = "<|endoftext|>";

/// The random stream of document `number`; held-out documents have streams of their own.
fn stream(seed: u64, split: Split, number: u64) -> Stream {
    let seed = match split {
        Split::Train => seed,
        Split::HeldOut => !seed,
    };
    Stream::new(seed, number)
}

/// Document `number` of a seed.
pub fn document(seed: u64, split: Split, number: u64) -> Document {
    corpus::document(split, &mut stream(seed, split, number))
}

/// Trains a tokenizer on the corpus of a seed.
pub fn tokenizer(seed: u64, vocab_size: usize) -> Tokenizer {
    let texts = (0..TOKENIZER_DOCUMENTS).map(|number| {
        let document = document(seed, Split::Train, number);
        let answers = document.answer.iter().flat_map(|answer| answer.texts.iter().map(String::as_str));
        answers.fold(document.text(), |text, answer| text + answer)
    });
    Tokenizer::train(texts, vocab_size, &[END])
}

/// A document as tokens. A judge's answer becomes a soft target where the answers part: its weight is
/// `answer_weight`, times the probability of each. What follows there is taught for the likelier answer.
pub fn sequence(tokenizer: &Tokenizer, document: &Document, answer_weight: f32) -> Sequence {
    let mut sequence = Sequence::default();
    for segment in &document.segments {
        for token in tokenizer.encode(&segment.text) {
            push(&mut sequence, token, segment.weight);
        }
    }
    let Some(answer) = &document.answer else { return sequence };
    let [first, second] = answer.texts.each_ref().map(|text| tokenizer.encode(text));
    let common = first.iter().zip(&second).take_while(|(a, b)| a == b).count();
    for token in &first[..common] {
        push(&mut sequence, *token, 1.0);
    }
    let likelier = if answer.first >= 0.5 { &first } else { &second };
    if let (Some(a), Some(b), Some(position)) =
        (first.get(common), second.get(common), sequence.tokens.len().checked_sub(1))
    {
        let weight = |share: f64| answer_weight * share as f32;
        sequence.targets.push(Target { position, token: *a, weight: weight(answer.first) });
        sequence.targets.push(Target { position, token: *b, weight: weight(1.0 - answer.first) });
        let rest = &likelier[common..];
        if rest.len() > 1 {
            sequence.tokens.push(rest[0]);
            for token in &rest[1..] {
                push(&mut sequence, *token, answer_weight);
            }
        }
    }
    sequence
}

/// Appends a token that should follow those before it.
fn push(sequence: &mut Sequence, token: u32, weight: f32) {
    if let Some(position) = sequence.tokens.len().checked_sub(1)
        && weight > 0.0
    {
        sequence.targets.push(Target { position, token, weight });
    }
    sequence.tokens.push(token);
}

/// A run of documents of one seed, cut into batches of about `tokens` tokens.
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    /// Encodes the documents.
    pub tokenizer: &'a Tokenizer,
    /// The corpus' seed.
    pub seed: u64,
    /// The next document.
    pub next: u64,
    /// Tokens of a batch; the document that reaches it is the last.
    pub tokens: usize,
    /// The longest document that the model's context takes.
    pub context: usize,
    /// What a judge's answer counts in the loss, beside 1 for a token of a text.
    pub answer_weight: f32,
}

impl Batches<'_> {
    /// The next batch.
    ///
    /// # Errors
    /// A document that is longer than the context.
    pub fn next_batch(&mut self) -> Result<Vec<Sequence>, SeedlingError> {
        let (mut batch, mut tokens) = (Vec::new(), 0);
        while tokens < self.tokens {
            let document = document(self.seed, Split::Train, self.next);
            batch.push(checked(sequence(self.tokenizer, &document, self.answer_weight), self.context)?);
            tokens += batch.last().map_or(0, |sequence: &Sequence| sequence.tokens.len());
            self.next += 1;
        }
        Ok(batch)
    }
}

fn checked(sequence: Sequence, context: usize) -> Result<Sequence, SeedlingError> {
    if sequence.tokens.len() <= context {
        return Ok(sequence);
    }
    let what = format!("a document of the corpus has {} tokens, the model's context {context}", sequence.tokens.len());
    Err(SeedlingError::Training { what, hint: "use a larger vocabulary or a longer context".into() })
}

/// Held-out documents as tokens: few-shot documents and judges' documents apart.
pub fn held_out(tokenizer: &Tokenizer, seed: u64, documents: u64) -> (Vec<Sequence>, Vec<Sequence>) {
    let all = (0..documents).map(|number| document(seed, Split::HeldOut, number));
    let (judges, texts): (Vec<Document>, Vec<Document>) = all.partition(|document| document.answer.is_some());
    let encode = |documents: Vec<Document>| documents.iter().map(|d| sequence(tokenizer, d, 1.0)).collect();
    (encode(texts), encode(judges))
}
