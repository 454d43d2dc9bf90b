//! Evaluating programs by a user's evaluator, whatever protocol it speaks.
//!
//! `settings` is the section `[environment.evaluation]`, `files` what is recorded of the evaluator. `harness.py` runs in
//! the evaluator's sandbox, one stage at a time, behind `answer.py`, which writes what it answers; `reply` reads that, `fate` what an end without an answer means,
//! `cascade` joins stages, and `metrics` has the rules for the score.

mod cascade;
#[cfg(test)]
mod causes;
#[cfg(test)]
mod conformance;
mod fate;
mod files;
mod metrics;
pub mod programs;
mod remarks;
mod reply;
pub mod settings;

use std::{collections::BTreeMap, time::Duration};

use samara_engine::{Abort, Bench};
use samara_sandbox::{EvaluationJob, EvaluatorOptions};
use samara_search::{Artifact, Genome, Invalid, Score};

use cascade::Progress;
use fate::Loss;
use files::EvaluatorFiles;
use metrics::{Metric, Metrics};
use reply::Reply;
use settings::{bad, words};

use crate::Inputs;
pub use settings::{EvaluationSettings, Protocol};

const HARNESS: &str = concat!(include_str!("answer.py"), "\n", include_str!("harness.py"));
/// The part of the harness, as Python, that reads what evaluators return and raise: for functions of Python that evaluate
/// in an evaluator's place.
pub const ANSWER: &str = include_str!("answer.py");

/// Where a candidate's files are while it is evaluated.
const FOLDER: &str = "/tmp/candidate";
/// A server that starts may take as long as a stage, and no less than this: imports take time on a busy machine.
const LEAST_PATIENCE: Duration = Duration::from_secs(30);
/// The stage that begins a cascade, or is the whole evaluation.
const FIRST: &str = "first";

/// What an evaluation must know of the program that is evolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramInfo {
    /// The path of the file, among the genome's, that the evaluator is given.
    pub main: String,
    /// The language, in lower case, such as `python`.
    pub language: String,
    /// The setting `environment.program`.
    pub setting: String,
    /// The names of the archive's axes: metrics of these names are no part of a mean score.
    pub axes: Vec<String>,
}

/// An evaluator, ready to be asked.
#[derive(Debug, Clone)]
pub struct Evaluation {
    settings: EvaluationSettings,
    program: ProgramInfo,
    files: EvaluatorFiles,
    /// What the harness is told, as Python text.
    config: String,
}

impl Evaluation {
    /// Reads the evaluator's files through `inputs`, after those of the program.
    ///
    /// # Errors
    /// Settings that don't fit together; files that can't be read.
    pub fn new(
        settings: EvaluationSettings,
        program: &ProgramInfo,
        inputs: &Inputs,
    ) -> Result<Self, Invalid> {
        settings.validate(&program.language)?;
        let files = EvaluatorFiles::read(&settings, &program.setting, inputs)?;
        let config = config(&settings, &files)?;
        Ok(Self { settings, program: program.clone(), files, config })
    }

    /// The section.
    pub fn settings(&self) -> &EvaluationSettings {
        &self.settings
    }

    /// What is not recorded of the evaluator's folder, for a person.
    pub fn unrecorded(&self) -> Option<String> {
        self.files.unrecorded()
    }

    /// What a person should know of the initial program's score before anything is paid for.
    pub fn remarks(&self, score: &Score) -> Vec<String> {
        remarks::of_initial(score, self.settings.score.as_deref(), &self.program.axes)
    }

    /// Whether candidates run apart from the evaluator: the sandbox of programs is needed too.
    pub fn is_hidden(&self) -> bool {
        self.settings.hidden
    }

    /// The name of the function that evaluates in the evaluator's place, if one does.
    pub fn function(&self) -> Option<&str> {
        self.settings.function.as_deref()
    }

    /// How the evaluator is started. Variables that are not set here are left out; [`Evaluation::missing_variable`]
    /// names the first.
    pub fn options(&self) -> EvaluatorOptions {
        let folder = std::fs::canonicalize(&self.files.folder).unwrap_or_else(|_| self.files.folder.clone());
        let place = serde_json::to_string(&folder.to_string_lossy()).unwrap_or_default();
        let mut options =
            EvaluatorOptions::new(format!("{}SAMARA_FOLDER = {place}\n{HARNESS}", self.config), folder);
        options.python = self.settings.python.as_ref().map(|python| {
            let beside = self.files.resolve(python);
            if python.contains('/') || beside.exists() { beside } else { python.into() }
        });
        options.mounts = self.settings.mounts.iter().map(|mount| self.files.resolve(mount)).collect();
        let variable = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
        options.environment = self.settings.variables.iter().filter_map(variable).collect();
        options.devices = self.settings.devices.iter().map(Into::into).collect();
        options.network = self.settings.network;
        options.slots = self.settings.slots.unwrap_or(options.slots);
        options.patience = Duration::from_secs_f64(self.settings.timeout_s).max(LEAST_PATIENCE);
        options
    }

    /// A variable of `environment.evaluation.variables` that is not set.
    pub fn missing_variable(&self) -> Option<&str> {
        let missing = |name: &&String| std::env::var(name).is_err();
        self.settings.variables.iter().find(missing).map(String::as_str)
    }

    /// The score of a draft, without measures: `objective` is the evaluator's score, higher is better; `metrics` has
    /// its numbers and flags (1 and 0); `artifacts` are its texts and pictures and what was printed.
    ///
    /// # Errors
    /// Why there is no score: [`Abort::Invalid`] for what the candidate may have done, [`Abort::Failed`] for what the
    /// evaluator or the sandbox did.
    pub async fn evaluate(&self, draft: &Genome, bench: &mut Bench) -> Result<Score, Abort> {
        self.measure(draft, bench).await?.map_err(Loss::abort)
    }

    /// Evaluates the initial program, before anything is paid for.
    ///
    /// # Errors
    /// The sandbox failed altogether. The inner error says what is wrong with the evaluator or the program, and what
    /// to do.
    pub async fn preflight(
        &self,
        initial: &Genome,
        bench: &mut Bench,
    ) -> Result<Result<Score, Invalid>, Abort> {
        if let Some(name) = self.missing_variable() {
            let what = format!("names {name}, which is not set");
            return Ok(Err(bad("variables", &what, "set it, or leave it out")));
        }
        let lost = |loss: Loss| {
            let key = if self.settings.command.is_some() { "command" } else { "evaluator" };
            let what = format!("gives the initial program no score: {}{}", loss.why, last_words(&loss));
            bad(key, &what, &loss.hint)
        };
        match self.measure(initial, bench).await {
            Ok(measured) => Ok(measured.map_err(lost)),
            // The sandbox failed for this evaluation alone.
            Err(Abort::Failed(reason) | Abort::Invalid(reason)) => Ok(Err(bad(
                "evaluator",
                &reason.why,
                "see SECURITY.md for what the sandbox of evaluators needs",
            ))),
            Err(stop @ Abort::Run(_)) => Err(stop),
        }
    }

    /// Checks a candidate by the function that `environment.evaluation.recheck` names, such as one without tolerances;
    /// `None` if none is named.
    ///
    /// # Errors
    /// As [`Evaluation::evaluate`].
    pub async fn recheck(&self, draft: &Genome, bench: &mut Bench) -> Result<Option<Score>, Abort> {
        let Some(function) = &self.settings.recheck else { return Ok(None) };
        let checked = match self.stage(draft, function, 0, bench).await? {
            Ok(reply) => self.outcome(Progress::new(reply)),
            Err(loss) => Err(loss),
        };
        checked.map(|outcome| Some(outcome.score())).map_err(Loss::abort)
    }

    /// Evaluates a draft as often as the settings say.
    async fn measure(&self, draft: &Genome, bench: &mut Bench) -> Result<Result<Score, Loss>, Abort> {
        let mut outcomes = Vec::new();
        for repeat in 0..self.settings.repeats {
            match self.once(draft, u64::from(repeat), bench).await? {
                Ok(outcome) => outcomes.push(outcome),
                Err(loss) => return Ok(Err(loss)),
            }
        }
        Ok(Ok(together(outcomes)))
    }

    /// All stages that a draft reaches.
    async fn once(
        &self,
        draft: &Genome,
        repeat: u64,
        bench: &mut Bench,
    ) -> Result<Result<Outcome, Loss>, Abort> {
        let mut progress = match self.stage(draft, FIRST, repeat, bench).await? {
            Ok(first) => Progress::new(first),
            Err(loss) => return Ok(Err(loss)),
        };
        while let Some(next) = progress.next(&self.settings.thresholds) {
            progress.add(self.stage(draft, &next, repeat, bench).await?);
        }
        Ok(self.outcome(progress))
    }

    /// One stage, or another function of the evaluator.
    async fn stage(
        &self,
        draft: &Genome,
        stage: &str,
        repeat: u64,
        bench: &mut Bench,
    ) -> Result<Result<Reply, Loss>, Abort> {
        let Genome::Files(files) = draft else {
            return Ok(Err(Loss::of_candidate(
                "is no program of files",
                "name files as environment.program",
            )));
        };
        let request = serde_json::json!({
            "stage": stage,
            "program": format!("{FOLDER}/{}", self.program.main),
            "folder": FOLDER,
            "several": files.len() > 1,
            "axes": self.program.axes,
        });
        let mut job = EvaluationJob::new(Vec::new());
        job.request = request.to_string();
        job.limits = self.settings.limits();
        job.seed = repeat;
        let verdict = if self.settings.hidden {
            let [(_, text)] = files.iter().collect::<Vec<_>>()[..] else {
                let why = "has several files, and environment.evaluation.hidden is for one";
                return Ok(Err(Loss::of_candidate(why, "make it one file, or set hidden = false")));
            };
            bench.evaluate_apart(job, &**text).await?
        } else {
            job.files =
                files.iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect();
            bench.evaluate(job).await?
        };
        Ok(fate::read(&verdict, &self.settings))
    }

    fn outcome(&self, progress: Progress) -> Result<Outcome, Loss> {
        let stage = progress.stage();
        let Progress { metrics, artifacts, .. } = progress;
        match metrics.score(self.settings.score.as_deref(), &self.program.axes) {
            Ok(score) => {
                let objective = if self.settings.minimise { -score } else { score };
                Ok(Outcome { objective, metrics, artifacts, stage })
            }
            Err(why) => {
                let hint = "make the evaluator return a number as `combined_score`, or name a metric as \
                            environment.evaluation.score";
                let texts = texts(&metrics);
                Err(Loss::of_candidate(why, hint).after(texts).after(artifacts))
            }
        }
    }
}

/// The score in what a function has answered, the harness's JSON. Measures are the metrics that the axes name.
///
/// # Errors
/// Why there is no score: [`Abort::Invalid`] for an exception or a number that is not finite, [`Abort::Failed`] for an
/// answer that is no score of this archive.
pub(crate) fn answered(json: &str, axes: &[String]) -> Result<Score, Abort> {
    let reply = Reply::read(json).map(fate::measured);
    let reply = reply.map_err(|why| Loss::of_evaluator(why).abort())?.map_err(Loss::abort)?;
    let Reply { metrics, artifacts, .. } = reply;
    let measure = |axis: &String| match metrics.get(axis) {
        Some(Metric::Number(number)) if number.is_finite() => Ok(*number),
        Some(Metric::Flag(flag)) => Ok(f64::from(u8::from(*flag))),
        Some(Metric::Number(number)) => {
            Err(Loss::of_candidate(format!("`{axis}` is {}", metrics::non_finite(*number)), ""))
        }
        _ => Err(Loss::of_evaluator(format!("evaluate gave no measure `{axis}`, which axes name"))),
    };
    let measures: Result<Vec<f64>, Loss> = axes.iter().map(measure).collect();
    let objective = metrics.score(None, axes).map_err(|why| Loss::of_candidate(why, ""));
    match objective.and_then(|objective| Ok((objective, measures?))) {
        Err(loss) => Err(loss.after(texts(&metrics)).after(artifacts).abort()),
        Ok((objective, measures)) => {
            let mut score = Outcome { objective, metrics, artifacts, stage: None }.score();
            // They are the objective and the measures.
            score.metrics.retain(|name, _| name != metrics::COMBINED && !axes.contains(name));
            Ok(Score { measures, ..score })
        }
    }
}

/// One evaluation that came to a score.
#[derive(Debug)]
struct Outcome {
    objective: f64,
    metrics: Metrics,
    artifacts: Vec<Artifact>,
    stage: Option<u32>,
}

impl Outcome {
    fn score(self) -> Score {
        let metrics = numbers(&self.metrics);
        let artifacts = self.artifacts.into_iter().chain(texts(&self.metrics)).collect();
        Score { objective: self.objective, measures: Vec::new(), metrics, artifacts, stage: self.stage }
    }
}

/// The mean of several evaluations, with the score's spread; the first one's artifacts, and the last stage that all have
/// reached.
fn together(outcomes: Vec<Outcome>) -> Score {
    let objectives: Vec<f64> = outcomes.iter().map(|outcome| outcome.objective).collect();
    let stage = outcomes.iter().filter_map(|outcome| outcome.stage).min();
    let repeated = outcomes.len() > 1;
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for outcome in &outcomes {
        for (name, number) in numbers(&outcome.metrics) {
            values.entry(name).or_default().push(number);
        }
    }
    let mut score = outcomes.into_iter().next().map(Outcome::score).unwrap_or_default();
    if !repeated {
        return score;
    }
    score.objective = metrics::mean(&objectives).unwrap_or_default();
    score.stage = stage;
    score.metrics =
        values.into_iter().filter_map(|(name, values)| Some((name, metrics::mean(&values)?))).collect();
    score.metrics.insert("spread".to_owned(), metrics::spread(&objectives));
    score
}

/// Finite numbers, and flags as 1 and 0.
fn numbers(metrics: &Metrics) -> BTreeMap<String, f64> {
    let number = |value: &Metric| match value {
        Metric::Number(number) => number.is_finite().then_some(*number),
        Metric::Flag(flag) => Some(f64::from(u8::from(*flag))),
        Metric::Text(..) | Metric::Nothing | Metric::Other(_) => None,
    };
    metrics.iter().filter_map(|(name, value)| Some((name.to_owned(), number(value)?))).collect()
}

/// What is shown of metrics that are no numbers.
fn texts(metrics: &Metrics) -> Vec<Artifact> {
    let text = |name: &str, value: &Metric| match value {
        Metric::Text(text, _) | Metric::Other(text) => Some(Artifact::text(name, text)),
        Metric::Number(number) if !number.is_finite() => {
            Some(Artifact::text(name, metrics::non_finite(*number)))
        }
        Metric::Number(_) | Metric::Flag(_) | Metric::Nothing => None,
    };
    metrics.iter().filter_map(|(name, value)| text(name, value)).collect()
}

/// The last lines of a traceback, or of what the evaluator left as errors or has printed, for a person.
fn last_words(loss: &Loss) -> String {
    let text = |name: &str| loss.artifacts.iter().find(|artifact| artifact.name == name)?.as_text();
    let left = ["error", "traceback", "stderr", "stdout"].into_iter().find_map(text);
    let text = loss.traceback.as_deref().or(left).unwrap_or_default();
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = &lines[lines.len().saturating_sub(8)..];
    last.iter().map(|line| format!("\n  {line}")).collect()
}

/// What the harness is told, as a Python assignment. It is the same for equal settings and files.
fn config(settings: &EvaluationSettings, files: &EvaluatorFiles) -> Result<String, Invalid> {
    let command = settings.command.as_deref().map(words).transpose()?;
    let told = serde_json::json!({
        "evaluator": files.evaluator,
        "command": command,
        "protocol": settings.protocol,
        "arguments": settings.arguments,
        "cascade": settings.cascade,
        "recheck": settings.recheck,
        "hidden": settings.hidden,
        "network": settings.network,
        "files": files.digests,
    });
    let text = serde_json::to_string(&told.to_string()).map_err(|error| {
        bad(
            "arguments",
            &format!("can't be written as JSON: {error}"),
            "use numbers, texts, lists and tables",
        )
    })?;
    Ok(format!("SAMARA_CONFIG = {text}\n"))
}
