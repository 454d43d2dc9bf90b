//! `samara model evaluate`, and the evaluation at the end of a training.

use std::{path::Path, sync::Arc, time::Duration};

use indicatif::ProgressBar;
use samara_seedling::{
    Engine, EngineSettings, Model, SeedlingError, Tokenizer, Weights, check_tokenizer,
    corpus::Domain,
    evaluate::{DomainReport, EvaluationSettings, evaluate_domain},
};
use serde::Serialize;

use super::findings::{self, Finding};
use crate::{
    args::{self, Format},
    exit::{Exit, Failure, print},
};

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Evaluation {
    /// Completions of each domain.
    pub completions: usize,
    /// Texts that every question was asked about.
    pub texts: usize,
    /// Whether every target is met.
    pub met: bool,
    /// All numbers beside their targets, as in the table.
    pub findings: Vec<Finding>,
    /// All numbers as they are, domain by domain.
    pub domains: Vec<DomainReport>,
}

impl Evaluation {
    /// The table with its heading.
    pub(crate) fn text(&self) -> String {
        let (completions, texts) = (self.completions, self.texts);
        let heading = format!(
            "evaluated on {texts} unseen texts a question and {completions} completions a domain\n\n"
        );
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
}

pub(crate) fn evaluate(args: &args::Evaluate) -> Result<Exit, Failure> {
    let settings = EvaluationSettings {
        completions: args.completions as usize,
        judged: args.texts as usize,
        temperature: args.temperature,
        ..EvaluationSettings::default()
    };
    if !(args.temperature > 0.0 && args.temperature <= 2.0) {
        return Err(Failure::usage(format!(
            "--temperature {}: set it above 0, to 2 at most",
            args.temperature
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
    };
    match args.output.format {
        Format::Json => print(&(serde_json::to_string(&evaluated).unwrap_or_default() + "\n"))?,
        Format::Human => {
            let (model, parameters) = (&evaluated.model, grouped(parameters as u64));
            let shape = format!("vocabulary {}, context {}", evaluated.vocabulary, evaluated.context);
            print(&format!("{model}: {parameters} parameters, {shape}\n{}", evaluated.evaluation.text()))?;
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

/// Evaluates every domain and shows on the bar which.
pub(crate) fn measure(
    engine: &Engine,
    settings: &EvaluationSettings,
    bar: &ProgressBar,
) -> Result<Evaluation, SeedlingError> {
    let mut domains = Vec::new();
    for (number, domain) in Domain::ALL.into_iter().enumerate() {
        bar.set_message(format!("evaluating {} ({} of {})", domain.name(), number + 1, Domain::ALL.len()));
        domains.push(evaluate_domain(engine, domain, settings)?);
    }
    bar.finish_and_clear();
    let findings = findings::findings(&domains);
    let met = findings.iter().all(|finding| finding.met != Some(false));
    Ok(Evaluation { completions: settings.completions, texts: settings.judged, met, findings, domains })
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
