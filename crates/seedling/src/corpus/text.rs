//! Texts of a domain with the truth about them: writing one to given odds, and reading any.

use super::{
    domain::{Domain, Rules},
    grammar::Weights,
    parser, tokens,
    writer::{Style, Writer},
};
use crate::Stream;

/// Odds beyond this are cut off.
pub const LIMIT: f64 = 6.5;

/// Which combinations of attributes a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// None of those held out.
    Train,
    /// At least one of those held out.
    HeldOut,
}

/// A text and the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The text, one paragraph.
    pub text: String,
    /// Log-odds of the first answer to each question of the domain.
    pub odds: Vec<f64>,
}

/// What a text is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Latents {
    /// Odds of the axes; the second is ignored where there is one axis.
    pub odds: [f64; 2],
    /// Quality odds.
    pub care: f64,
    /// Number of sentences, cut to what the domain allows.
    pub sentences: usize,
    /// What it prefers to talk about, and how.
    pub style: Style,
}

impl Latents {
    /// Latents of a text that stands alone.
    pub fn draw(domain: Domain, stream: &mut Stream) -> Self {
        let (few, many) = domain.rules().sentences;
        Self {
            odds: [stream.uniform(-LIMIT, LIMIT), stream.uniform(-LIMIT, LIMIT)],
            care: stream.uniform(-1.0, 5.5),
            sentences: few + stream.below(many - few + 1),
            style: Style { taste: stream.next_u64(), strength: 1 + stream.below(3) },
        }
    }
}

/// What a grammar finds in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// Log-odds of the first answer to each question of the domain.
    pub odds: Vec<f64>,
    /// Number of sentences.
    pub sentences: usize,
    /// Number of words and marks.
    pub tokens: usize,
    /// Whether it has a combination that the training data lacks.
    pub held_out: bool,
}

/// Writes a text with odds near those of the latents.
pub fn write_text(domain: Domain, latents: &Latents, split: Split, stream: &mut Stream) -> Text {
    const TRIES: usize = 4;
    let rules = domain.rules();
    let mut best: Option<(f64, Text)> = None;
    for attempt in 0.. {
        let Some(draft) = draft(domain, rules, latents, attempt, split, stream) else {
            assert!(attempt < 10_000, "no text of {domain:?} fits {latents:?}");
            continue;
        };
        let miss = miss(&draft.odds, latents);
        if best.as_ref().is_none_or(|(least, _)| miss < *least) {
            best = Some((miss, draft));
        }
        if attempt >= TRIES || best.as_ref().is_some_and(|(least, _)| *least < 0.45) {
            break;
        }
    }
    best.map_or_else(|| Text { text: String::new(), odds: Vec::new() }, |(_, text)| text)
}

fn miss(odds: &[f64], latents: &Latents) -> f64 {
    let (quality, axes) = odds.split_last().unwrap_or((&0.0, &[]));
    let axis = axes.iter().zip(latents.odds).map(|(odds, asked)| (odds - asked).abs()).fold(0.0, f64::max);
    axis.max(0.3 * (quality - latents.care).abs())
}

/// One attempt: `None` if it is too long, repeats a sentence or has a combination that it may not have.
fn draft(
    domain: Domain,
    rules: &Rules,
    latents: &Latents,
    attempt: usize,
    split: Split,
    stream: &mut Stream,
) -> Option<Text> {
    let (few, many) = rules.sentences;
    let count = latents.sentences.clamp(few, many).saturating_sub(attempt / 3).max(few);
    let sum = latents.care - structure(rules, rules.ample, u64::MAX, 0.0);
    let asked = [latents.odds[0], if domain.axes() == 2 { latents.odds[1] } else { 0.0 }, sum];
    let loose = latents.care < 0.75;
    let roots: Vec<usize> = (0..count)
        .map(|at| {
            let planned = rules.plan[if at == 0 { 0 } else { (at * 3).div_ceil(count - 1).min(3) }];
            match stream.unit() {
                chance if loose && at > 0 && chance < 0.3 => rules.filler,
                chance if loose && at > 0 && chance < 0.36 => rules.off_topic,
                _ => planned,
            }
        })
        .collect();
    let wanted = *stream.choose(rules.held_out);
    let mut writer = Writer::new(&rules.grammar, stream, latents.style);
    writer.wanted = if split == Split::HeldOut { wanted } else { 0 };
    let mut ends = vec![0];
    for (at, &root) in roots.iter().enumerate() {
        let target = share(rules, &roots[at..], &asked, &writer.weights);
        writer.write(root, target);
        ends.push(writer.words.len());
    }
    let (words, weights, marks) = (writer.words, writer.weights, writer.marks);
    let held_out = rules.held_out.iter().any(|pair| marks & pair == *pair);
    let sentences: Vec<&[u32]> = ends.windows(2).map(|ends| &words[ends[0]..ends[1]]).collect();
    let again = (1..sentences.len()).any(|at| sentences[..at].contains(&sentences[at]));
    if again || words.len() > rules.most || held_out != (split == Split::HeldOut) {
        return None;
    }
    let odds = odds(domain, &words, weights, marks);
    let text = tokens::render(words.iter().map(|&word| rules.grammar.words[word as usize].as_str()));
    Some(Text { text, odds })
}

/// Target weights of the next sentence: the same share of its range as is left to all the sentences to come.
fn share(rules: &Rules, roots: &[usize], asked: &Weights, so_far: &Weights) -> Weights {
    let ranges = roots.iter().map(|&root| rules.grammar.symbols[root].range);
    std::array::from_fn(|d| {
        let (low, high) = ranges.clone().fold((0.0, 0.0), |(l, h), (low, high)| (l + low[d], h + high[d]));
        let part = ((asked[d] - so_far[d] - low) / f64::max(high - low, 1e-9)).clamp(0.0, 1.0);
        let (least, most) = rules.grammar.symbols[roots[0]].range;
        least[d] + part * (most[d] - least[d])
    })
}

/// The odds of a text from its words, the weights of its sentences and the marks of its symbols.
fn odds(domain: Domain, words: &[u32], weights: Weights, marks: u64) -> Vec<f64> {
    let rules = domain.rules();
    let mut odds: Vec<f64> = weights[..domain.axes()].iter().map(|odds| odds.clamp(-LIMIT, LIMIT)).collect();
    let quality = weights[2] + structure(rules, words.len(), marks, repetition(words));
    odds.push(quality.clamp(-6.0, 6.0));
    odds
}

/// What length, things mentioned and repetition add to quality.
fn structure(rules: &Rules, length: usize, marks: u64, repetition: f64) -> f64 {
    let length = if length < rules.short {
        -1.0
    } else if length >= rules.ample {
        0.5
    } else {
        0.0
    };
    let present = |any: &u64| if marks & any == 0 { -1.0 } else { 0.5 };
    rules.base + length + rules.presence.iter().map(present).sum::<f64>() - repetition
}

/// What repeated runs of three words cost: half a unit each after the second, four at most.
fn repetition(words: &[u32]) -> f64 {
    let mut runs: Vec<[u32; 3]> = words.windows(3).map(|run| [run[0], run[1], run[2]]).collect();
    runs.sort_unstable();
    let repeated = runs.windows(2).filter(|pair| pair[0] == pair[1]).count();
    (0.5 * repeated.saturating_sub(2) as f64).min(4.0)
}

/// Reads a text by the grammar of a domain: `None` unless every sentence belongs to it.
pub fn parse(domain: Domain, text: &str) -> Option<Parsed> {
    let rules = domain.rules();
    let sentences = tokens::sentences(text)?;
    let (mut weights, mut marks, mut words) = ([0.0; 3], 0, Vec::new());
    for (at, sentence) in sentences.iter().enumerate() {
        let again = sentences[..at].contains(sentence);
        let sentence = parser::words(&rules.grammar, sentence)?;
        let reading = *parser::readings(&rules.grammar, rules.sentence, &sentence).first()?;
        let [a, b, quality] = reading.weights;
        weights[0] += a;
        weights[1] += b;
        // Repeating a sentence earns nothing.
        weights[2] += if again { quality.min(0.0) } else { quality };
        marks |= reading.marks;
        words.extend(sentence);
    }
    Some(Parsed {
        odds: odds(domain, &words, weights, marks),
        sentences: sentences.len(),
        tokens: words.len(),
        held_out: rules.held_out.iter().any(|pair| marks & pair == *pair),
    })
}

/// How many sentences of a text can be read with different weights: none, if the tables are right.
pub fn ambiguities(domain: Domain, text: &str) -> usize {
    let rules = domain.rules();
    let sentences = tokens::sentences(text).unwrap_or_default();
    let words = sentences.iter().filter_map(|sentence| parser::words(&rules.grammar, sentence));
    let readings = words.map(|words| parser::readings(&rules.grammar, rules.sentence, &words));
    readings.filter(|readings| readings.iter().any(|reading| reading.weights != readings[0].weights)).count()
}
