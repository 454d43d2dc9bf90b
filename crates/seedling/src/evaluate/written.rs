//! How good a model of written texts is: its judge on held-out texts in any wording, its writer by the sentences that
//! the corpus knows, and whether it tells its own subjects from others.

use std::collections::HashMap;

use serde::Serialize;

use crate::{
    Engine, Reply, Request, Sampling, SeedlingError, Stream,
    corpus::{Domain, Split, few_shot_prompt, probability},
    engine::Penalties,
    written::{
        Entry, Material, Property, Written,
        compose::{axes, held_out},
        documents::{self, few_shot_texts, judged_text, prompt_of},
        subjects::question,
        wordings::{Asked, Wordings},
    },
};

use super::{
    EvaluationSettings, JudgeReport, area_under_curve, calibration_error, cells_reached, length, spearman,
};

/// Prompts that are asked about.
const PROMPTS: usize = 400;
/// Examples in a prompt.
const EXAMPLES: usize = 3;
/// Completions that a report keeps to be read.
const KEPT: usize = 12;

/// The findings of one domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WrittenReport {
    /// The domain's name.
    pub domain: String,
    /// Its judge, property by property, each text asked about in a wording of its own.
    pub judge: Vec<JudgeReport>,
    /// The same on whole texts in the hands of all kinds of people, and for quality and topic bad ones, that training
    /// never showed.
    pub people: Vec<JudgeReport>,
    /// Those, asked about in samara's own words.
    pub own: Vec<JudgeReport>,
    /// Share of held-out prompts of all domains that it calls known.
    pub known: f64,
    /// Share of held-out prompts about other subjects that it does not call known.
    pub foreign: f64,
    /// Share of completions' sentences that are in the corpus word for word.
    pub verbatim: f64,
    /// Share of completions all of whose sentences are of one thread, or of one piece.
    pub coherent: f64,
    /// For every axis: Spearman's rank correlation between examples and completion, over those that are read whole.
    pub inheritance: Vec<(String, f64)>,
    /// For every axis: how many of the 20 cells of the default ticks the judge's probabilities of completions reach.
    pub cells: Vec<(String, usize)>,
    /// Share of completions that repeat an example word for word.
    pub copies: f64,
    /// Some completions, to be read.
    pub samples: Vec<String>,
}

/// Evaluates one domain.
///
/// # Errors
/// A model that can't take the prompts.
pub fn evaluate(
    engine: &Engine,
    domain: Domain,
    settings: &EvaluationSettings,
) -> Result<WrittenReport, SeedlingError> {
    let (mut judge, mut people, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for property in axes(domain).iter().chain([&Property::Quality, &Property::Topic]) {
        judge.push(judge_property(engine, domain, *property, settings)?);
        people.push(judge_people(engine, domain, *property, (settings.seed, false))?);
        own.push(judge_people(engine, domain, *property, (settings.seed, true))?);
    }
    let (examples, texts) = complete(engine, domain, settings)?;
    let known = Known::of(domain);
    let read: Vec<Read> = texts.iter().map(|text| known.read(text)).collect();
    let sentences: usize = read.iter().map(|read| read.sentences).sum();
    let verbatim: usize = read.iter().map(|read| read.known.len()).sum();
    let share = |count: usize| count as f64 / texts.len().max(1) as f64;
    let copied = |(text, examples): &(&String, &Vec<Written>)| examples.iter().any(|of| of.text == **text);
    let (mut inheritance, mut cells) = (Vec::new(), Vec::new());
    for axis in axes(domain) {
        let whole = |(read, of): (&Read, &Vec<Written>)| {
            let before = of.iter().map(|text| text.of(*axis)).sum::<f64>() / of.len() as f64;
            (!read.known.is_empty()).then(|| (before, read.label(*axis)))
        };
        let (before, after): (Vec<f64>, Vec<f64>) = read.iter().zip(&examples).filter_map(whole).unzip();
        inheritance.push((format!("{axis:?}").to_lowercase(), spearman(&before, &after)));
        let judged = in_wordings(engine, domain, *axis, &texts, settings.seed, true)?;
        cells.push((format!("{axis:?}").to_lowercase(), cells_reached(&judged)));
    }
    Ok(WrittenReport {
        domain: domain.name().to_owned(),
        judge,
        people,
        own,
        known: told_known(engine, true, settings)?,
        foreign: 1.0 - told_known(engine, false, settings)?,
        verbatim: verbatim as f64 / sentences.max(1) as f64,
        coherent: share(read.iter().filter(|read| read.is_of_one_thread()).count()),
        inheritance,
        cells,
        copies: share(texts.iter().zip(&examples).filter(copied).count()),
        samples: texts.into_iter().take(KEPT).collect(),
    })
}

/// Streams of the evaluation; training never draws from them.
fn stream(seed: u64, purpose: u64, number: usize) -> Stream {
    Stream::new(!seed ^ (purpose << 48), number as u64)
}

fn judge_property(
    engine: &Engine,
    domain: Domain,
    property: Property,
    settings: &EvaluationSettings,
) -> Result<JudgeReport, SeedlingError> {
    let texts: Vec<Written> = (0..settings.judged)
        .map(|at| judged_text(domain, property, Split::HeldOut, &mut stream(settings.seed, 1, at)))
        .collect();
    judge_texts(engine, domain, property, &texts, (settings.seed, false))
}

/// How a property of texts whose labels are known is judged.
fn judge_texts(
    engine: &Engine,
    domain: Domain,
    property: Property,
    texts: &[Written],
    (seed, own): (u64, bool),
) -> Result<JudgeReport, SeedlingError> {
    let written: Vec<String> = texts.iter().map(|text| text.text.clone()).collect();
    let guesses = in_wordings(engine, domain, property, &written, seed, own)?;
    let odds: Vec<f64> = texts.iter().map(|text| text.of(property)).collect();
    let truths: Vec<f64> = odds.iter().map(|odds| probability(*odds)).collect();
    // Texts that are on neither side have no right answer.
    let (sure, labels): (Vec<f64>, Vec<bool>) = guesses
        .iter()
        .zip(&odds)
        .filter(|(_, odds)| odds.abs() > 0.5)
        .map(|(guess, odds)| (*guess, *odds > 0.0))
        .unzip();
    Ok(JudgeReport {
        question: format!("{property:?}").to_lowercase(),
        area_under_curve: area_under_curve(&sure, &labels),
        calibration_error: calibration_error(&guesses, &truths),
        rank_correlation: spearman(&guesses, &odds),
    })
}

/// A property of the held-out texts that people wrote, one by one.
fn judge_people(
    engine: &Engine,
    domain: Domain,
    property: Property,
    (seed, own): (u64, bool),
) -> Result<JudgeReport, SeedlingError> {
    let material = Material::of(domain);
    let bad: &[Entry] = if axes(domain).contains(&property) { &[] } else { &material.faults };
    let kept = material.people.iter().chain(bad).filter(|entry| held_out(&entry.text));
    let texts: Vec<Written> = kept.map(Written::of_entry).collect();
    judge_texts(engine, domain, property, &texts, (seed, own))
}

/// P(the positive answer) about texts, each asked in another wording, or in samara's own.
pub(super) fn in_wordings(
    engine: &Engine,
    domain: Domain,
    property: Property,
    texts: &[String],
    seed: u64,
    own: bool,
) -> Result<Vec<f64>, SeedlingError> {
    let any = |at| Wordings::all().ask(domain, property, &mut stream(seed, 2, at));
    let asked: Vec<Asked> =
        (0..texts.len()).map(|at| if own { documents::own(domain, property) } else { any(at) }).collect();
    let requests = texts.iter().zip(&asked).map(|(text, asked)| {
        let prompt = crate::corpus::feedback_prompt(&asked.instruction, text).into();
        Request::Score { prompt, answers: asked.answers.iter().map(|answer| format!("\n{answer}")).collect() }
    });
    let replies = engine.ask_all(requests.collect());
    let positive = |(reply, asked): (Result<Reply, SeedlingError>, &Asked)| {
        let first = first_of(&reply?);
        Ok(if asked.reversed { 1.0 - first } else { first })
    };
    replies.into_iter().zip(&asked).map(positive).collect()
}

/// The probability of the first of two answers.
fn first_of(reply: &Reply) -> f64 {
    match reply {
        Reply::Scores { log_probabilities, .. } => probability(log_probabilities[0] - log_probabilities[1]),
        Reply::Text { .. } | Reply::Vector { .. } => f64::NAN,
    }
}

/// Share of held-out prompts, known or foreign, that the model calls known.
fn told_known(engine: &Engine, known: bool, settings: &EvaluationSettings) -> Result<f64, SeedlingError> {
    let purpose = 3 + u64::from(known);
    let prompts: Vec<String> = (0..PROMPTS)
        .map(|at| prompt_of(known, Split::HeldOut, &mut stream(settings.seed, purpose, at)))
        .collect();
    let told = prompts_known(engine, &prompts)?;
    Ok(told.iter().filter(|known| **known > 0.5).count() as f64 / PROMPTS as f64)
}

/// The probability that each of some prompts is about a subject of the model, as it says itself.
///
/// # Errors
/// A model that can't take the prompts.
pub fn prompts_known(engine: &Engine, prompts: &[String]) -> Result<Vec<f64>, SeedlingError> {
    let requests = prompts.iter().map(|prompt| question(prompt));
    engine.ask_all(requests.collect()).into_iter().map(|reply| Ok(first_of(&reply?))).collect()
}

/// Completions of few-shot prompts, with their examples.
fn complete(
    engine: &Engine,
    domain: Domain,
    settings: &EvaluationSettings,
) -> Result<(Vec<Vec<Written>>, Vec<String>), SeedlingError> {
    let groups: Vec<Vec<Written>> = (0..)
        .map(|number| few_shot_texts(domain, Split::HeldOut, &mut stream(settings.seed, 0, number)))
        .filter(|texts| texts.len() >= EXAMPLES)
        .map(|mut texts| {
            texts.truncate(EXAMPLES);
            texts
        })
        .take(settings.completions)
        .collect();
    let requests = groups.iter().enumerate().map(|(number, examples)| {
        let examples: Vec<&str> = examples.iter().map(|example| &*example.text).collect();
        let sampling = Sampling {
            max_tokens: length(domain),
            temperature: settings.temperature,
            top_p: 1.0,
            stop: vec!["###".into(), "\n#".into()],
            seed: settings.seed.wrapping_add(number as u64),
            penalties: Penalties::default(),
        };
        Request::Complete { prompt: few_shot_prompt(domain.template(), &examples).into(), sampling }
    });
    let replies = engine.ask_all(requests.collect());
    let text = |reply: Result<Reply, SeedlingError>| match reply? {
        Reply::Text { text, .. } => Ok(text.trim().to_owned()),
        Reply::Scores { .. } | Reply::Vector { .. } => Ok(String::new()),
    };
    let texts = replies.into_iter().map(text).collect::<Result<Vec<String>, SeedlingError>>()?;
    Ok((groups, texts))
}

/// The sentences of a domain's corpus: the thread or piece that each is of, and its labels.
struct Known {
    sentences: HashMap<String, Vec<(usize, Written)>>,
}

/// What the corpus knows of a completion.
struct Read {
    sentences: usize,
    known: Vec<Vec<(usize, Written)>>,
}

/// The sentences of a text.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '!', '?']).map(str::trim).filter(|sentence| sentence.len() > 2)
}

impl Known {
    fn of(domain: Domain) -> Self {
        let material = Material::of(domain);
        let mut known = Self { sentences: HashMap::new() };
        for (at, thread) in material.threads.iter().enumerate() {
            for entry in
                [&thread.openings, &thread.middles, &thread.turns, &thread.closes].into_iter().flatten()
            {
                known.add(at, &entry.text, &Written::of_entry(entry));
            }
        }
        for (at, piece) in material.pieces.iter().enumerate() {
            known.add(material.threads.len() + at, &piece.text, &Written::of_entry(piece));
        }
        known
    }

    fn add(&mut self, source: usize, text: &str, worth: &Written) {
        for sentence in sentences(text) {
            self.sentences.entry(sentence.to_owned()).or_default().push((source, worth.clone()));
        }
    }

    fn read(&self, text: &str) -> Read {
        let found = sentences(text).filter_map(|sentence| self.sentences.get(sentence).cloned()).collect();
        Read { sentences: sentences(text).count(), known: found }
    }
}

impl Read {
    /// Whether there is a thread or piece that all sentences are of; the last one may be cut off.
    fn is_of_one_thread(&self) -> bool {
        let whole = !self.known.is_empty() && self.known.len() + 1 >= self.sentences;
        whole
            && self.known[0].iter().any(|(source, _)| {
                self.known.iter().all(|known| known.iter().any(|(other, _)| other == source))
            })
    }

    fn label(&self, property: Property) -> f64 {
        let all = self.known.iter().map(|known| known[0].1.of(property));
        all.sum::<f64>() / self.known.len().max(1) as f64
    }
}
