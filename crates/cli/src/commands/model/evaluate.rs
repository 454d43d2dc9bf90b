//! `samara model evaluate`, and the evaluation at the end of a training.

use std::{path::Path, sync::Arc, time::Duration};

use indicatif::ProgressBar;
use samara_seedling::{
    Engine, EngineSettings, Model, SeedlingError, Tokenizer, Weights, check_tokenizer,
    corpus::Domain,
    evaluate::{
        DomainReport, EvaluationSettings,
        blind::{self, BlindPrompts, BlindReport},
        evaluate_domain,
        walkers::{self, WalkerReport, WalkerSettings},
        written::{self, WrittenReport},
    },
    train::Corpus,
};
use serde::Serialize;

use super::findings::{self, Finding};
use crate::{
    args::{self, Format},
    exit::{Exit, Failure, print, print_json},
};

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Evaluation {
    /// Completions of each domain or format.
    pub completions: usize,
    /// Texts that every question was asked about; 0 for walkers.
    pub texts: usize,
    /// Whether every target is met.
    pub met: bool,
    /// All numbers beside their targets, as in the table.
    pub findings: Vec<Finding>,
    /// All numbers of a model of texts as they are, domain by domain.
    pub domains: Vec<DomainReport>,
    /// All numbers of a model of written texts as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<WrittenReport>,
    /// All numbers of a model of walkers as they are, format by format.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub walkers: Vec<WalkerReport>,
}

impl Evaluation {
    /// The table with its heading.
    pub(crate) fn text(&self) -> String {
        let (completions, texts) = (self.completions, self.texts);
        let heading = if self.walkers.is_empty() {
            format!("evaluated on {texts} unseen texts a question and {completions} completions a domain\n\n")
        } else {
            format!("evaluated on {completions} completions of unseen prompts a format\n\n")
        };
        heading + &findings::table(&self.findings)
    }
}

/// What `samara model evaluate --format json` prints.
#[derive(Debug, Serialize)]
struct Evaluated {
    model: String,
    parameters: usize,
    vocabulary: usize,
    context: usize,
    evaluation: Evaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    blind: Option<Blind>,
}

/// What a model of written texts makes of the blind held-out set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Blind {
    /// Its judge, domain by domain.
    pub domains: Vec<BlindReport>,
    /// Whether it knows its subjects.
    pub prompts: BlindPrompts,
}

fn blind(engine: &Engine) -> Result<Blind, SeedlingError> {
    let seed = EvaluationSettings::default().seed;
    let domains = Domain::ALL
        .into_iter()
        .map(|domain| blind::evaluate(engine, domain, seed))
        .collect::<Result<_, _>>()?;
    Ok(Blind { domains, prompts: blind::prompts(engine)? })
}

pub(crate) fn evaluate(args: &args::Evaluate) -> Result<Exit, Failure> {
    let corpus = Corpus::from(args.corpus);
    if args.blind && corpus != Corpus::Written {
        return Err(Failure::usage("--blind is about models of `--corpus written`".to_owned()));
    }
    let settings = Measured {
        completions: args.completions as usize,
        texts: args.texts as usize,
        temperature: args.temperature.unwrap_or_else(|| Measured::of(corpus, 1).temperature),
        corpus,
    };
    if !(settings.temperature > 0.0 && settings.temperature <= 2.0) {
        return Err(Failure::usage(format!(
            "--temperature {}: set it above 0, to 2 at most",
            settings.temperature
        )));
    }
    // Nothing is written here: a folder that holds no model is an argument that can't be used.
    let (engine, parameters) =
        open(&args.folder, threads(args.threads)).map_err(|error| Failure::usage(error.to_string()))?;
    let bar = spinner(args.output.quiet);
    let evaluated = Evaluated {
        model: args.folder.display().to_string(),
        parameters,
        vocabulary: engine.model().config().vocab_size,
        context: engine.model().context(),
        evaluation: measure(&engine, &settings, &bar)?,
        blind: args.blind.then(|| blind(&engine)).transpose()?,
    };
    match args.output.format {
        Format::Json => print_json(&evaluated)?,
        Format::Human => {
            let (model, parameters) = (&evaluated.model, grouped(parameters as u64));
            let shape = format!("vocabulary {}, context {}", evaluated.vocabulary, evaluated.context);
            print(&format!("{model}: {parameters} parameters, {shape}\n{}", evaluated.evaluation.text()))?;
            if let Some(blind) = &evaluated.blind {
                print(&format!(
                    "\non the blind held-out set\n\n{}",
                    findings::table(&findings::blind(blind))
                ))?;
            }
        }
    }
    Ok(Exit::Ok)
}

/// The threads that were asked for, or the machine's.
pub(crate) fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| EngineSettings::default().threads, usize::from)
}

/// Starts a model's folder, and says how many parameters it has.
pub(crate) fn open(folder: &Path, threads: usize) -> Result<(Engine, usize), SeedlingError> {
    let weights = Weights::read(folder)?;
    let tokenizer = Tokenizer::read(&folder.join("tokenizer.json"))?;
    check_tokenizer(&tokenizer, &weights.config)?;
    let model = Arc::new(Model::new(&weights));
    let settings = EngineSettings { threads, ..EngineSettings::default() };
    Ok((Engine::start(model, Arc::new(tokenizer), settings), weights.parameters()))
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// What the model writes.
    pub corpus: Corpus,
    /// Completions of each domain or format.
    pub completions: usize,
    /// Texts that every question is asked about.
    pub texts: usize,
    /// The completions' sampling temperature.
    pub temperature: f64,
}

impl Measured {
    /// With a number of completions and texts, and the temperature of the corpus.
    pub(crate) fn of(corpus: Corpus, count: usize) -> Self {
        let temperature = match corpus {
            Corpus::Texts | Corpus::Written => EvaluationSettings::default().temperature,
            Corpus::Walkers => WalkerSettings::default().temperature,
        };
        Self { corpus, completions: count, texts: count, temperature }
    }
}

/// Evaluates every domain or format, and shows on the bar which.
pub(crate) fn measure(
    engine: &Engine,
    settings: &Measured,
    bar: &ProgressBar,
) -> Result<Evaluation, SeedlingError> {
    let (mut domains, mut formats, mut written) = (Vec::new(), Vec::new(), Vec::new());
    match settings.corpus {
        Corpus::Texts => domains = measure_texts(engine, settings, bar)?,
        Corpus::Written => written = measure_written(engine, settings, bar)?,
        Corpus::Walkers => formats = measure_walkers(engine, settings, bar)?,
    }
    bar.finish_and_clear();
    let findings = match settings.corpus {
        Corpus::Texts => findings::findings(&domains),
        Corpus::Written => findings::written(&written),
        Corpus::Walkers => findings::walkers(&formats),
    };
    let met = findings.iter().all(|finding| finding.met != Some(false));
    let texts = if settings.corpus != Corpus::Walkers { settings.texts } else { 0 };
    Ok(Evaluation {
        completions: settings.completions,
        texts,
        met,
        findings,
        domains,
        written,
        walkers: formats,
    })
}

fn measure_texts(
    engine: &Engine,
    settings: &Measured,
    bar: &ProgressBar,
) -> Result<Vec<DomainReport>, SeedlingError> {
    let asked = EvaluationSettings {
        completions: settings.completions,
        judged: settings.texts,
        temperature: settings.temperature,
        ..EvaluationSettings::default()
    };
    let each = |(number, domain): (usize, Domain)| {
        bar.set_message(format!("evaluating {} ({} of {})", domain.name(), number + 1, Domain::ALL.len()));
        evaluate_domain(engine, domain, &asked)
    };
    Domain::ALL.into_iter().enumerate().map(each).collect()
}

fn measure_written(
    engine: &Engine,
    settings: &Measured,
    bar: &ProgressBar,
) -> Result<Vec<WrittenReport>, SeedlingError> {
    let asked = EvaluationSettings {
        completions: settings.completions,
        judged: settings.texts,
        temperature: settings.temperature,
        ..EvaluationSettings::default()
    };
    let each = |domain: Domain| {
        bar.set_message(format!("evaluating {}", domain.name()));
        written::evaluate(engine, domain, &asked)
    };
    Domain::ALL.into_iter().map(each).collect()
}

fn measure_walkers(
    engine: &Engine,
    settings: &Measured,
    bar: &ProgressBar,
) -> Result<Vec<WalkerReport>, SeedlingError> {
    let asked = WalkerSettings {
        completions: settings.completions,
        temperature: settings.temperature,
        ..WalkerSettings::default()
    };
    let each = |format: &str| {
        bar.set_message(format!("evaluating prompts of the format {format}"));
        walkers::evaluate_format(engine, format, &asked)
    };
    walkers::FORMATS.into_iter().map(each).collect()
}

/// A sign of life for work of unknown length.
pub(crate) fn spinner(quiet: bool) -> ProgressBar {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    if let Ok(style) = indicatif::ProgressStyle::with_template("{spinner} {msg}  [{elapsed}]") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A number with a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for start in (first..digits.len()).step_by(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text += &digits[start..start + 3];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_told_apart() {
        let seen = [0, 12, 999, 1000, 12_345, 999_999, 1_234_567].map(grouped);
        assert_eq!(seen, ["0", "12", "999", "1,000", "12,345", "999,999", "1,234,567"]);
    }
}
