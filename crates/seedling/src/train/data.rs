//! From the corpus to tokens: the tokenizer's training text, and batches of documents.

use crate::{
    SeedlingError, Stream, Tokenizer,
    corpus::{self, Document, Domain, Split, Text},
    walkers,
    written::documents::{self as written, Chances, Drawn, Group, MARKS_BEFORE, Mark, Marked},
};

use super::{
    sequence::{Sequence, Target},
    settings::Corpus,
};

/// Documents that the tokenizer is trained on.
const TOKENIZER_DOCUMENTS: u64 = 20_000;

/// The chances of held-out documents, and of those that the tokenizer is trained on.
const HELD_OUT: Chances = Chances { judged: 0.45, marks: 0.0, asks: 0.0, variety: 0.7 };
const IN_VOCABULARY: Chances = Chances { judged: 0.45, marks: 0.1, asks: 0.05, variety: 1.0 };

/// Texts that one question is asked about.
const TEXTS: usize = 6;

/// Chance that a judged text is cut to a run of its sentences.
const FRAGMENTS: f64 = 0.5;

/// The weight of a judged text's tokens in the loss: small, since the text has no examples to follow.
const INPUT_WEIGHT: f32 = 0.2;

/// The weight that marks held-out answers, so that they can be told from other targets.
const ANSWER_MARK: f32 = 1000.0;

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

/// Document `number` of a corpus' seed.
pub fn document(corpus: Corpus, seed: u64, split: Split, number: u64) -> Document {
    let mut stream = stream(seed, split, number);
    match corpus {
        Corpus::Texts => corpus::document(split, &mut stream),
        Corpus::Written => written_document(written::draw(split, IN_VOCABULARY, &mut stream), &mut stream),
        Corpus::Walkers => walkers::training_example(&mut stream).document,
    }
}

/// A document for the tokenizer: of a question's texts, one.
fn written_document(drawn: Drawn, stream: &mut Stream) -> Document {
    match drawn {
        Drawn::Prompt(document) => document,
        Drawn::Question(group) => {
            let (text, first) = stream.choose(&group.texts).clone();
            let text = format!("{}{text}{}", group.before, group.behind);
            Document {
                segments: vec![corpus::Segment { text, weight: 0.0 }],
                answer: Some(corpus::Answer { texts: group.answers, first }),
            }
        }
        Drawn::Marks(texts) => {
            let Marked { text, marks } = stream.choose(&texts);
            let said =
                |mark: &Mark| format!("{}{}", mark.heading, mark.answers[usize::from(mark.truth < 0.5)]);
            let text = format!("{MARKS_BEFORE}{text}{}", marks.iter().map(said).collect::<String>());
            Document { segments: vec![corpus::Segment { text, weight: 0.0 }], answer: None }
        }
    }
}

/// Trains a tokenizer on the corpus of a seed.
pub fn tokenizer(corpus: Corpus, seed: u64, vocab_size: usize) -> Tokenizer {
    let texts = (0..TOKENIZER_DOCUMENTS).map(|number| {
        let document = document(corpus, seed, Split::Train, number);
        let answers = document.answer.iter().flat_map(|answer| answer.texts.iter().map(String::as_str));
        answers.fold(document.text(), |text, answer| text + answer)
    });
    match corpus {
        Corpus::Texts | Corpus::Written => Tokenizer::train(texts, vocab_size, &[END]),
        Corpus::Walkers => Tokenizer::train_on_code(texts, vocab_size, &[END]),
    }
}

/// A document without an answer as tokens.
fn plain(tokenizer: &Tokenizer, document: &Document) -> Sequence {
    let mut sequence = Sequence::default();
    for segment in &document.segments {
        push(&mut sequence, &tokenizer.encode(&segment.text), segment.weight);
    }
    sequence
}

/// One question about several texts, whose instruction is computed once: a branch for every text.
///
/// An answer is a soft target where the two answers diverge, with the weight `answer_weight` times the probability of
/// each: the expectation of the loss over answers drawn from the truth. What follows that point is taught for the
/// likelier one.
fn judged(tokenizer: &Tokenizer, group: &Group, answer_weight: f32) -> Sequence {
    let answers = group.answers.each_ref().map(|answer| tokenizer.encode(answer));
    let mut sequence = Sequence { tokens: tokenizer.encode(&group.before), ..Sequence::default() };
    for (text, truth) in &group.texts {
        sequence.branches.push(sequence.tokens.len());
        push(&mut sequence, &tokenizer.encode(text), INPUT_WEIGHT);
        push(&mut sequence, &tokenizer.encode(&group.behind), 0.0);
        answered(&mut sequence, &answers, *truth, answer_weight);
    }
    sequence
}

/// Texts with their marks: a branch for every text.
fn with_marks(tokenizer: &Tokenizer, texts: &[Marked], answer_weight: f32) -> Sequence {
    let mut sequence = Sequence { tokens: tokenizer.encode(MARKS_BEFORE), ..Sequence::default() };
    for Marked { text, marks } in texts {
        sequence.branches.push(sequence.tokens.len());
        push(&mut sequence, &tokenizer.encode(text), 0.0);
        for Mark { heading, answers, truth } in marks {
            push(&mut sequence, &tokenizer.encode(heading), 0.0);
            let answers = answers.each_ref().map(|answer| tokenizer.encode(answer));
            let position = sequence.tokens.len();
            answered(&mut sequence, &answers, *truth, answer_weight);
            // Where a soft target ends the answer, what comes next needs the answer all the same.
            let told = sequence.tokens.len() - position;
            push(&mut sequence, &answers[usize::from(*truth < 0.5)][told..], 0.0);
        }
    }
    sequence
}

/// Appends an answer: a soft target where the two diverge, and what follows of the likelier one.
fn answered(sequence: &mut Sequence, answers: &[Vec<u32>; 2], truth: f64, answer_weight: f32) {
    let [first, second] = answers;
    let common = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    push(sequence, &first[..common], 1.0);
    let position = sequence.tokens.len() - 1;
    for (answer, share) in answers.iter().zip([truth, 1.0 - truth]) {
        if let Some(token) = answer.get(common) {
            let weight = answer_weight * share as f32;
            sequence.targets.push(Target { position, token: *token, weight });
        }
    }
    let likelier = if truth >= 0.5 { first } else { second };
    if likelier.len() > common + 1 {
        sequence.tokens.push(likelier[common]);
        push(sequence, &likelier[common + 1..], answer_weight);
    }
}

/// Appends tokens, each of which should follow the one before it; the first one of a branch follows none.
pub(super) fn push(sequence: &mut Sequence, tokens: &[u32], weight: f32) {
    for token in tokens {
        let here = sequence.tokens.len();
        if weight > 0.0 && here > 0 && sequence.branches.last() != Some(&here) {
            sequence.targets.push(Target { position: here - 1, token: *token, weight });
        }
        sequence.tokens.push(*token);
    }
}

/// Training document `number` of a seed: a question about some texts, with the chance `judged`, or a few-shot document.
fn sequence(
    tokenizer: &Tokenizer,
    (seed, split, number): (u64, Split, u64),
    judged_chance: f64,
    answer_weight: f32,
) -> Sequence {
    let mut stream = stream(seed, split, number);
    let domain = *stream.choose(&Domain::ALL);
    if !stream.chance(judged_chance) {
        return plain(tokenizer, &corpus::few_shot_document(domain, split, &mut stream));
    }
    let question = stream.below(domain.questions().len());
    let texts = (0..TEXTS)
        .map(|_| {
            let text = corpus::judged_text(domain, question, split, &mut stream);
            let cut = split == Split::Train && stream.chance(FRAGMENTS);
            let Text { text, odds } = if cut { corpus::fragment(domain, text, &mut stream) } else { text };
            (text, corpus::probability(odds[question]))
        })
        .collect();
    let asked = &domain.questions()[question];
    let (before, behind) = corpus::feedback_frame(asked.instruction);
    let answers = asked.answers.map(|answer| format!("\n{answer}"));
    judged(tokenizer, &Group { before, behind: behind.to_owned(), answers, texts }, answer_weight)
}

/// What decides the documents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Source {
    /// Which corpus.
    pub corpus: Corpus,
    /// Its seed.
    pub seed: u64,
    /// The chances of kinds of documents about texts.
    pub chances: Chances,
    /// The weight of a judge's answer in the loss; a token of a text has 1.
    pub answer_weight: f32,
}

impl Source {
    /// Document `number` as tokens.
    pub(super) fn sequence(&self, tokenizer: &Tokenizer, split: Split, number: u64) -> Sequence {
        match self.corpus {
            Corpus::Texts => {
                sequence(tokenizer, (self.seed, split, number), self.chances.judged, self.answer_weight)
            }
            Corpus::Written => {
                let mut stream = stream(self.seed, split, number);
                match written::draw(split, self.chances, &mut stream) {
                    Drawn::Prompt(document) => plain(tokenizer, &document),
                    Drawn::Question(group) => judged(tokenizer, &group, self.answer_weight),
                    Drawn::Marks(texts) => with_marks(tokenizer, &texts, self.answer_weight),
                }
            }
            Corpus::Walkers => plain(tokenizer, &document(self.corpus, self.seed, split, number)),
        }
    }
}

/// A run of documents of one seed, cut into batches of about `tokens` tokens.
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    /// Encodes the documents.
    pub tokenizer: &'a Tokenizer,
    /// Where they come from.
    pub source: Source,
    /// The next document.
    pub next: u64,
    /// Tokens of a batch; the document that reaches it is the last.
    pub tokens: usize,
    /// The longest document that fits the model's context.
    pub context: usize,
}

impl Batches<'_> {
    /// The next batch.
    ///
    /// # Errors
    /// A document that is longer than the context.
    pub fn next_batch(&mut self) -> Result<Vec<Sequence>, SeedlingError> {
        let (mut batch, mut tokens) = (Vec::new(), 0);
        while tokens < self.tokens {
            let sequence = self.source.sequence(self.tokenizer, Split::Train, self.next);
            if sequence.context() > self.context {
                let what = format!(
                    "a document of the corpus has {} tokens, the model's context {}",
                    sequence.context(),
                    self.context
                );
                let hint = "use a larger vocabulary or a longer context".into();
                return Err(SeedlingError::Training { what, hint });
            }
            tokens += sequence.tokens.len();
            batch.push(sequence);
            self.next += 1;
        }
        Ok(batch)
    }
}

/// Held-out documents as tokens, with weight on texts alone, and on answers alone.
pub fn held_out(
    tokenizer: &Tokenizer,
    (corpus, seed): (Corpus, u64),
    documents: u64,
) -> (Vec<Sequence>, Vec<Sequence>) {
    let source = Source { corpus, seed, chances: HELD_OUT, answer_weight: ANSWER_MARK };
    let all = (0..documents).map(|number| source.sequence(tokenizer, Split::HeldOut, number));
    let (mut judges, texts): (Vec<Sequence>, Vec<Sequence>) = all.partition(|s| !s.branches.is_empty());
    for target in judges.iter_mut().flat_map(|sequence| &mut sequence.targets) {
        // Weights of answers are far above those of texts; here they become probabilities again.
        let plain = target.weight == 1.0 || target.weight == INPUT_WEIGHT;
        target.weight = if plain { 0.0 } else { target.weight / ANSWER_MARK };
    }
    (texts, judges)
}
