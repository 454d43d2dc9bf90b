//! How good a model of the walkers' corpus is: prompts of all formats, with parents that training never saw.
//!
//! Programs are run by the corpus' own interpreter, which accepts nothing that Python would not run.

use std::collections::HashSet;

use serde::Serialize;

use super::figures::spearman;
use crate::{
    Engine, Reply, Request, Sampling, SeedlingError, Stream,
    walkers::{self, Kind, Measures, Program, format},
};

/// Most tokens of a completion: the longest program of the corpus has fewer.
pub const MOST_TOKENS: usize = 320;

/// Cells of each axis that are counted.
const CELLS: f64 = 12.0;

/// Where the axes end: height, width and mass.
const RANGES: [f64; 3] = [1000.0, 1000.0, 2000.0];

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WalkerSettings {
    /// Completions of each format, 1 or more. Default 1,000.
    pub completions: usize,
    /// The sampling temperature. Default 0.7.
    pub temperature: f64,
    /// The seed of prompts and completions. Default 1.
    pub seed: u64,
}

impl Default for WalkerSettings {
    fn default() -> Self {
        Self { completions: 1000, temperature: 0.7, seed: 1 }
    }
}

/// What a prompt was answered with.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The programs that the prompt showed.
    pub shown: Vec<Program>,
    /// The program that was written, whether or not it can be run; `None` if a diff did not apply.
    pub written: Option<String>,
}

/// What the programs of one format are like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WalkerReport {
    /// The format: `new`, `few_shot`, `mutation` or `diff`.
    pub format: String,
    /// Share of completions that are programs of valid walkers; at least 0.6 is wanted.
    pub valid: f64,
    /// Share of the valid ones whose text differs from all others.
    pub distinct: f64,
    /// Share of the valid ones that repeat a program of the prompt exactly; less than 0.3 is wanted.
    pub copies: f64,
    /// Spearman's rank correlation of height, width and mass between the programs shown (their mean) and the one
    /// written, over the valid ones; 0 where none is shown.
    pub inheritance: [f64; 3],
    /// Cells of 12 x 12 x 12 over height and width to 1,000 and mass to 2,000 that the valid ones reach.
    pub cells: usize,
    /// Mean tokens of a completion.
    pub tokens: f64,
}

/// The names of the formats, in the order of the reports.
pub const FORMATS: [&str; 4] = ["new", "few_shot", "mutation", "diff"];

/// A prompt of a format, with the programs that it shows.
fn prompt(format: &str, stream: &mut Stream) -> (String, Vec<Program>) {
    let example = |kind, stream: &mut Stream| walkers::training_example_of(kind, stream).shown;
    match format {
        "new" => (format::HEADER.to_owned(), Vec::new()),
        "few_shot" => {
            let shown = example(Kind::FewShot, stream);
            let texts: Vec<&str> = shown.iter().map(|program| program.text.as_str()).collect();
            let style = stream.below(format::INSTRUCTIONS.len());
            (format::few_shot_prompt(&texts, style), shown)
        }
        "mutation" => {
            let shown = example(Kind::Mutation, stream);
            (format::mutation_prompt(&shown[0].text), shown)
        }
        _ => {
            let shown = example(Kind::Diff, stream);
            (format::diff_prompt(&shown[0].text, stream.choose::<&str>(&walkers::MESSAGES)), shown)
        }
    }
}

/// Asks prompts of one format and reads the answers.
///
/// # Errors
/// A model that can't take the prompts.
pub fn ask(
    engine: &Engine,
    format: &str,
    settings: &WalkerSettings,
) -> Result<(Vec<Answered>, f64), SeedlingError> {
    let mut stream = Stream::new(settings.seed, 0x57A1_C0DE);
    let mut requests = Vec::new();
    let mut all_shown = Vec::new();
    for number in 0..settings.completions {
        let (prompt, shown) = prompt(format, &mut stream);
        let stop = format::STOP.map(str::to_owned).to_vec();
        let sampling = Sampling {
            max_tokens: MOST_TOKENS,
            temperature: settings.temperature,
            top_p: 1.0,
            stop,
            seed: settings.seed.wrapping_add(number as u64),
            penalties: Default::default(),
        };
        requests.push(Request::Complete { prompt: prompt.into(), sampling });
        all_shown.push(shown);
    }
    let (mut answered, mut tokens) = (Vec::new(), 0);
    for (reply, shown) in engine.ask_all(requests).into_iter().zip(all_shown) {
        if let Reply::Text { text, tokens: (_, written), .. } = reply? {
            tokens += written;
            let written = match format {
                "diff" => walkers::patched(&shown[0].text, &text),
                _ => Some(format!("{}{}\n", format::HEADER, text.trim_end())),
            };
            answered.push(Answered { shown, written });
        }
    }
    let mean = tokens as f64 / answered.len().max(1) as f64;
    Ok((answered, mean))
}

/// Evaluates one format.
///
/// # Errors
/// A model that can't take the prompts.
pub fn evaluate_format(
    engine: &Engine,
    format: &str,
    settings: &WalkerSettings,
) -> Result<WalkerReport, SeedlingError> {
    let (answered, tokens) = ask(engine, format, settings)?;
    let valid = answered.iter().filter_map(|answered| {
        let text = answered.written.clone()?;
        let body = walkers::interpret(&text).filter(walkers::Body::is_valid)?;
        Some((answered.shown.as_slice(), Program { text, body }))
    });
    Ok(report(format, &valid.collect::<Vec<_>>(), answered.len(), tokens))
}

/// The figures of valid programs and those that were shown to the model, out of `asked` completions.
pub fn report(format: &str, valid: &[(&[Program], Program)], asked: usize, tokens: f64) -> WalkerReport {
    let count = valid.len().max(1) as f64;
    let texts: HashSet<&str> = valid.iter().map(|(_, program)| program.text.as_str()).collect();
    let copies = valid.iter().filter(|(shown, program)| shown.iter().any(|other| other.text == program.text));
    let axes: [fn(&Measures) -> f64; 3] = [|m| m.height, |m| m.width, |m| m.mass];
    let inheritance = axes.map(|axis| {
        let pairs = valid.iter().filter_map(|(shown, program)| {
            let of: Vec<f64> =
                shown.iter().filter_map(|other| other.body.measures()).map(|m| axis(&m)).collect();
            let mean = of.iter().sum::<f64>() / of.len() as f64;
            (!of.is_empty()).then_some((mean, axis(&program.body.measures()?)))
        });
        let (parents, children): (Vec<f64>, Vec<f64>) = pairs.unzip();
        if parents.is_empty() { 0.0 } else { spearman(&parents, &children) }
    });
    let cell = |m: Measures| {
        [(m.height, 0), (m.width, 1), (m.mass, 2)]
            .map(|(value, axis)| (value / RANGES[axis] * CELLS).min(CELLS - 1.0) as usize)
    };
    let cells: HashSet<[usize; 3]> =
        valid.iter().filter_map(|(_, program)| program.body.measures()).map(cell).collect();
    WalkerReport {
        format: format.to_owned(),
        valid: valid.len() as f64 / asked.max(1) as f64,
        distinct: texts.len() as f64 / count,
        copies: copies.count() as f64 / count,
        inheritance,
        cells: cells.len(),
        tokens,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_copies_inherits_everything_and_reaches_what_it_is_shown() {
        let mut stream = Stream::new(3, 0);
        let programs: Vec<Program> = (0..40).map(|_| Program::draw(&mut stream)).collect();
        let valid: Vec<_> =
            programs.iter().map(|program| (std::slice::from_ref(program), program.clone())).collect();
        let report = report("mutation", &valid, 80, 90.0);
        assert_eq!((report.valid, report.copies, report.inheritance), (0.5, 1.0, [1.0; 3]));
        assert!(report.distinct > 0.9 && report.cells > 15, "{report:?}");
    }
}
