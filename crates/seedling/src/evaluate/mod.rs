//! How good a model of the corpus is: what `samara model train` prints at its end, and the model card quotes.
//!
//! The generator is judged by the grammar's own parser and by statistics of its completions, the judge by the truth
//! that the corpus knows of its texts. All texts are held out: their combinations of attributes are not in training.

pub mod blind;
mod figures;
pub mod walkers;
pub mod written;

use serde::Serialize;

use crate::{
    Engine, Reply, Request, Sampling, SeedlingError, Stream,
    corpus::{self, Domain, Split, Text},
};

pub use figures::{area_under_curve, calibration_error, distinct_trigrams, spearman};

/// The inner edges of the cells of the built-in experiments; the measures should reach all 20.
const TICKS: [f64; 19] = [
    0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.10, 0.20, 0.50, 0.80, 0.90, 0.95, 0.96, 0.97, 0.98, 0.985,
    0.99, 0.995,
];

/// Examples in a prompt.
const EXAMPLES: usize = 3;

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvaluationSettings {
    /// Completions of each domain, 1 or more. Default 1,000.
    pub completions: usize,
    /// Texts that every question is asked about. Default 1,000.
    pub judged: usize,
    /// The completions' sampling temperature. Default 0.6, as in the built-in experiments.
    pub temperature: f64,
    /// The seed of prompts, texts and completions. Default 1.
    pub seed: u64,
}

impl Default for EvaluationSettings {
    fn default() -> Self {
        Self { completions: 1000, judged: 1000, temperature: 0.6, seed: 1 }
    }
}

/// The findings of one domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DomainReport {
    /// The domain's name.
    pub domain: String,
    /// Its generator.
    pub generator: GeneratorReport,
    /// Its judge, question by question.
    pub judge: Vec<JudgeReport>,
}

/// What completions of few-shot prompts are like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeneratorReport {
    /// Share of completions that the grammar's parser reads whole; at least 0.9 is wanted.
    pub well_formed: f64,
    /// For every axis: Spearman's rank correlation between the examples' mean log-odds and the completion's, over the
    /// well-formed ones; at least 0.8 is wanted on the first.
    pub inheritance: Vec<f64>,
    /// Distinct word trigrams over all of them; at least 0.5 is wanted.
    pub distinct_trigrams: f64,
    /// Share of completions that repeat an example word for word; less than 0.1 is wanted.
    pub copies: f64,
    /// For every axis: how many of the 20 cells of the default ticks the judge's probabilities of the completions
    /// reach.
    pub cells: Vec<usize>,
    /// Mean tokens of a completion.
    pub tokens: f64,
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgeReport {
    /// The question.
    pub question: String,
    /// Area under the ROC curve for telling texts whose true log-odds are above 0 from the others; at least 0.95 is
    /// wanted on axes and 0.9 for quality.
    pub area_under_curve: f64,
    /// Expected calibration error against the true probabilities, in ten equal bins; at most 0.1 is wanted.
    pub calibration_error: f64,
    /// Spearman's rank correlation between the true log-odds and the judge's.
    pub rank_correlation: f64,
}

/// Evaluates every domain.
///
/// # Errors
/// A model that can't take the prompts.
pub fn evaluate(engine: &Engine, settings: &EvaluationSettings) -> Result<Vec<DomainReport>, SeedlingError> {
    Domain::ALL.iter().map(|domain| evaluate_domain(engine, *domain, settings)).collect()
}

/// Evaluates one domain.
///
/// # Errors
/// A model that can't take the prompts.
pub fn evaluate_domain(
    engine: &Engine,
    domain: Domain,
    settings: &EvaluationSettings,
) -> Result<DomainReport, SeedlingError> {
    let mut judge = Vec::new();
    for question in 0..domain.questions().len() {
        judge.push(judge_question(engine, domain, question, settings)?);
    }
    let generator = evaluate_generator(engine, domain, settings)?;
    Ok(DomainReport { domain: domain.name().to_owned(), generator, judge })
}

/// Streams of the evaluation; training never draws from them.
fn stream(settings: &EvaluationSettings, purpose: u64, number: usize) -> Stream {
    Stream::new(!settings.seed ^ (purpose << 48), number as u64)
}

fn judge_question(
    engine: &Engine,
    domain: Domain,
    question: usize,
    settings: &EvaluationSettings,
) -> Result<JudgeReport, SeedlingError> {
    let texts: Vec<Text> = (0..settings.judged)
        .map(|number| {
            corpus::judged_text(
                domain,
                question,
                Split::HeldOut,
                &mut stream(settings, 1 + question as u64, number),
            )
        })
        .collect();
    let written: Vec<&str> = texts.iter().map(|text| &*text.text).collect();
    let guesses = first_answers(engine, domain, question, &written)?;
    let odds: Vec<f64> = texts.iter().map(|text| text.odds[question]).collect();
    let truths: Vec<f64> = odds.iter().map(|odds| corpus::probability(*odds)).collect();
    let labels: Vec<bool> = odds.iter().map(|odds| *odds > 0.0).collect();
    Ok(JudgeReport {
        question: domain.questions()[question].name.to_owned(),
        area_under_curve: area_under_curve(&guesses, &labels),
        calibration_error: calibration_error(&guesses, &truths),
        rank_correlation: spearman(&guesses, &odds),
    })
}

/// P(first answer) of a question about texts.
fn first_answers(
    engine: &Engine,
    domain: Domain,
    question: usize,
    texts: &[&str],
) -> Result<Vec<f64>, SeedlingError> {
    let question = &domain.questions()[question];
    let requests = texts
        .iter()
        .map(|text| Request::Score {
            prompt: corpus::feedback_prompt(question.instruction, text).into(),
            answers: question.answers.iter().map(|answer| format!("\n{answer}")).collect(),
        })
        .collect();
    let probability = |reply| match reply {
        Reply::Scores { log_probabilities, .. } => {
            1.0 / (1.0 + libm::exp(log_probabilities[1] - log_probabilities[0]))
        }
        Reply::Text { .. } | Reply::Vector { .. } => f64::NAN,
    };
    engine.ask_all(requests).into_iter().map(|reply| reply.map(probability)).collect()
}

/// A prompt with its examples, and what the model wrote.
struct Sample {
    examples: Vec<Text>,
    text: String,
}

fn evaluate_generator(
    engine: &Engine,
    domain: Domain,
    settings: &EvaluationSettings,
) -> Result<GeneratorReport, SeedlingError> {
    let samples = complete(engine, domain, settings)?;
    let texts: Vec<&str> = samples.iter().map(|sample| &*sample.text).collect();
    let parsed: Vec<Option<corpus::Parsed>> = texts.iter().map(|text| corpus::parse(domain, text)).collect();
    let count = samples.len().max(1) as f64;
    let inheritance = (0..domain.axes())
        .map(|axis| {
            let (before, after): (Vec<f64>, Vec<f64>) = samples
                .iter()
                .zip(&parsed)
                .filter_map(|(sample, parsed)| {
                    Some((mean_odds(&sample.examples, axis), parsed.as_ref()?.odds[axis]))
                })
                .unzip();
            spearman(&before, &after)
        })
        .collect();
    let mut cells = Vec::new();
    for axis in 0..domain.axes() {
        cells.push(cells_reached(&first_answers(engine, domain, axis, &texts)?));
    }
    let copied = |sample: &&Sample| sample.examples.iter().any(|example| example.text == sample.text);
    let tokens: usize = texts.iter().map(|text| engine.tokenizer().encode(text).len()).sum();
    Ok(GeneratorReport {
        well_formed: parsed.iter().filter(|parsed| parsed.is_some()).count() as f64 / count,
        inheritance,
        distinct_trigrams: distinct_trigrams(&texts),
        copies: samples.iter().filter(copied).count() as f64 / count,
        cells,
        tokens: tokens as f64 / count,
    })
}

fn mean_odds(texts: &[Text], axis: usize) -> f64 {
    texts.iter().map(|text| text.odds[axis]).sum::<f64>() / texts.len() as f64
}

pub(crate) fn cells_reached(probabilities: &[f64]) -> usize {
    let mut reached = [false; TICKS.len() + 1];
    for p in probabilities {
        reached[TICKS.iter().filter(|tick| p >= tick).count()] = true;
    }
    reached.iter().filter(|reached| **reached).count()
}

/// Most tokens of a completion, as in the built-in experiments.
fn length(domain: Domain) -> usize {
    match domain {
        Domain::ShortStory => 100,
        Domain::Opinions | Domain::MovieReviews => 50,
    }
}

/// Completions of few-shot prompts.
fn complete(
    engine: &Engine,
    domain: Domain,
    settings: &EvaluationSettings,
) -> Result<Vec<Sample>, SeedlingError> {
    let mut groups = Vec::new();
    for number in 0.. {
        let mut texts = corpus::few_shot_texts(domain, Split::HeldOut, &mut stream(settings, 0, number));
        if texts.len() >= EXAMPLES {
            texts.truncate(EXAMPLES);
            groups.push(texts);
        }
        if groups.len() == settings.completions {
            break;
        }
    }
    let requests = groups
        .iter()
        .enumerate()
        .map(|(number, examples)| {
            let examples: Vec<&str> = examples.iter().map(|example| &*example.text).collect();
            let sampling = Sampling {
                max_tokens: length(domain),
                temperature: settings.temperature,
                top_p: 1.0,
                stop: vec!["###".into(), "\n#".into()],
                seed: settings.seed.wrapping_add(number as u64),
                penalties: Default::default(),
            };
            let prompt = corpus::few_shot_prompt(domain.template(), &examples).into();
            Request::Complete { prompt, sampling }
        })
        .collect();
    let replies = engine.ask_all(requests);
    replies
        .into_iter()
        .zip(groups)
        .map(|(reply, examples)| {
            let text = match reply? {
                Reply::Text { text, .. } => text.trim().to_owned(),
                Reply::Scores { .. } | Reply::Vector { .. } => String::new(),
            };
            Ok(Sample { examples, text })
        })
        .collect()
}
