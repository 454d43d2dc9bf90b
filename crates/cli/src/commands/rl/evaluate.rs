//! `samara rl evaluate`: what each model writes for each condition, beside what the runs found.
//!
//! Four writers are compared: the runs' best, a memoriser that knows the best program for every condition and nothing else,
//! the first step's model and the policy. The cross table has the policy's programs on every condition.

use std::{collections::BTreeSet, sync::Arc};

use samara_search::Genome;
use samara_seedling::{Stream, Tokenizer, Weights, files, train::tune::Sample};
use samara_view::numbers::number;
use serde::Serialize;
use tokio::{runtime::Handle, sync::watch};

use super::{
    conditions::{Conditions, Evaluated},
    curves::Group,
    offline::Known,
    rollouts,
    settings::{Folder, Settings},
};
use crate::{
    args::{Format, RlEvaluate},
    checkpoints::write,
    exit::{Exit, Failure, print, print_json, remark},
};

/// Bytes that the first step's samples may have.
const MOST: u64 = 1 << 32;

/// What a writer's samples for a condition come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Figures {
    model: &'static str,
    condition: String,
    samples: usize,
    best: f64,
    /// The mean objective; a sample without one counts 0.
    mean: f64,
    /// The part that has an objective.
    valid: f64,
    /// Different programs among those that have one.
    distinct: usize,
    /// The part of the samples that the first step had shown, word for word.
    copies: f64,
    /// The mean objective of the samples on every condition, in their order; empty for what was not looked at.
    across: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct Table {
    folder: String,
    temperature: f64,
    seed: u64,
    conditions: Vec<String>,
    figures: Vec<Figures>,
}

/// What samples are evaluated with.
struct Evaluating<'a> {
    args: &'a RlEvaluate,
    settings: Settings,
    conditions: Conditions,
    /// The programs that the first step has shown.
    shown: BTreeSet<[u8; 16]>,
    threads: usize,
    interrupt: &'a watch::Receiver<bool>,
}

pub(super) fn evaluate(
    args: &RlEvaluate,
    runtime: Handle,
    interrupt: &watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let folder = Folder::new(&args.folder);
    let settings: Settings = folder.read("rl.json")?;
    if !folder.model().exists() {
        return Err(Failure::usage(format!(
            "{} holds no finished model\nhint: `{}` goes on with it",
            args.folder.display(),
            folder.resume()
        )));
    }
    if !(args.temperature.is_finite() && args.temperature > 0.0) {
        return Err(Failure::usage("--temperature is not above 0\nhint: 1 is what the policy has learnt at"));
    }
    let threads = crate::commands::model::evaluate::threads(args.threads);
    let (base, file) = settings.base()?;
    let conditions = Conditions::new(&base, (&settings.conditions, &file), threads, runtime)?;
    let shown = shown(&folder)?;
    let known: Vec<Known> = folder.read("offline.json")?;
    let mut evaluating = Evaluating { args, settings, conditions, shown, threads, interrupt };
    let mut figures = evaluating.memoriser(&known)?;
    for (model, path) in [("first step", folder.first()), ("policy", folder.model())] {
        let weights = Weights::read(&path)?;
        let tokenizer = Tokenizer::read(&path.join("tokenizer.json"))?;
        let Some(of_model) = evaluating.model(model, &weights, &tokenizer)? else {
            return Ok(Exit::Interrupted);
        };
        figures.extend(of_model);
    }
    let table = Table {
        folder: args.folder.display().to_string(),
        temperature: args.temperature,
        seed: args.seed,
        conditions: evaluating.names(),
        figures,
    };
    write(&folder.file("evaluation.csv"), &table.to_csv())?;
    folder.write("evaluation.json", &table)?;
    match args.output.format {
        Format::Human => print(&table.to_text())?,
        Format::Json => print_json(&table)?,
    }
    Ok(Exit::Ok)
}

fn shown(folder: &Folder) -> Result<BTreeSet<[u8; 16]>, Failure> {
    let path = folder.lessons();
    let unusable = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let text = files::read_text(&path, MOST).map_err(|error| unusable(&error))?;
    let digest = |line: &str| {
        let sample: Sample = serde_json::from_str(line).map_err(|error| unusable(&error))?;
        Ok(*Genome::text_of(rollouts::program(&sample.completion)).digest().as_bytes())
    };
    text.lines().map(digest).collect()
}

impl Evaluating<'_> {
    fn names(&self) -> Vec<String> {
        self.settings.conditions.iter().map(|condition| condition.name.clone()).collect()
    }

    fn tell(&self, text: &str) {
        if !self.args.output.quiet {
            remark(text);
        }
    }

    /// One program for every condition: what a model would be that had learnt nothing but these.
    fn memoriser(&mut self, known: &[Known]) -> Result<Vec<Figures>, Failure> {
        let mut all = Vec::new();
        for (number, known) in known.iter().enumerate() {
            let program = Arc::new(Genome::text_of(known.program.clone()));
            let figures = self.figures("memoriser", number, &[program], true)?;
            all.push(Figures { best: known.best, ..figures });
        }
        Ok(all)
    }

    /// A model's samples for every condition; `None` if it was interrupted.
    fn model(
        &mut self,
        model: &'static str,
        weights: &Weights,
        tokenizer: &Tokenizer,
    ) -> Result<Option<Vec<Figures>>, Failure> {
        let engine = rollouts::start(weights, tokenizer, self.threads);
        let mut all = Vec::new();
        for (number, name) in self.names().iter().enumerate() {
            if *self.interrupt.borrow() {
                return Ok(None);
            }
            self.tell(&format!("{model}: {} samples for {name}", self.args.samples));
            let seed = |at: u64| Stream::new(self.args.seed, at).next_u64();
            let first = number as u64 * u64::from(self.args.samples);
            let asked =
                (0..u64::from(self.args.samples)).map(|at| (rollouts::prompt(name), seed(first + at)));
            let written = rollouts::written(&engine, asked, self.args.temperature)?;
            let programs: Vec<Arc<Genome>> = written.into_iter().map(|one| one.program).collect();
            all.push(self.figures(model, number, &programs, model == "policy")?);
        }
        Ok(Some(all))
    }

    fn figures(
        &mut self,
        model: &'static str,
        number: usize,
        programs: &[Arc<Genome>],
        cross: bool,
    ) -> Result<Figures, Failure> {
        let mut on = |condition: usize| -> Result<Vec<Evaluated>, Failure> {
            let asked: Vec<_> = programs.iter().map(|program| (condition, Arc::clone(program))).collect();
            self.conditions.evaluate(&asked)
        };
        let own = on(number)?;
        let others = if cross { 0..self.settings.conditions.len() } else { 0..0 };
        let across = others
            .map(|condition| Ok(Group::of(on(condition)?.iter()).mean))
            .collect::<Result<_, Failure>>()?;
        let Group { valid, mean, best } = Group::of(own.iter());
        let digest = |program: &Arc<Genome>| *program.digest().as_bytes();
        let rated = programs.iter().zip(&own).filter(|(_, one)| one.objective().is_some());
        let distinct: BTreeSet<_> = rated.map(|(program, _)| digest(program)).collect();
        let copies = programs.iter().filter(|program| self.shown.contains(&digest(program))).count();
        Ok(Figures {
            model,
            condition: self.settings.conditions[number].name.clone(),
            samples: programs.len(),
            best,
            mean,
            valid,
            distinct: distinct.len(),
            copies: copies as f64 / programs.len().max(1) as f64,
            across,
        })
    }
}

impl Table {
    fn to_csv(&self) -> String {
        let mut text = "model,condition,samples,best,mean,valid,distinct,copies".to_owned();
        self.conditions.iter().for_each(|name| text += &format!(",on_{name}"));
        text.push('\n');
        for one in &self.figures {
            let Figures { model, condition, samples, best, mean, valid, distinct, copies, across } = one;
            text += &format!("{model},{condition},{samples},{best},{mean},{valid},{distinct},{copies}");
            for at in 0..self.conditions.len() {
                let told = across.get(at).map_or(String::new(), f64::to_string);
                text += &format!(",{told}");
            }
            text.push('\n');
        }
        text
    }

    fn to_text(&self) -> String {
        let percent = |part: f64| format!("{:.0} %", 100.0 * part);
        let mut text = format!(
            "{:<16}{:<14}{:>9}{:>9}{:>9}{:>9}{:>10}{:>9}\n",
            "condition", "model", "samples", "best", "mean", "valid", "distinct", "copies"
        );
        for condition in &self.conditions {
            for one in self.figures.iter().filter(|one| one.condition == *condition) {
                text += &format!(
                    "{:<16}{:<14}{:>9}{:>9}{:>9}{:>9}{:>10}{:>9}\n",
                    one.condition,
                    one.model,
                    one.samples,
                    number(one.best),
                    number(one.mean),
                    percent(one.valid),
                    one.distinct,
                    percent(one.copies)
                );
            }
        }
        text += "\nthe policy's programs for (rows) on (columns), mean objective\n";
        text += &format!("{:<16}", "");
        self.conditions.iter().for_each(|name| text += &format!("{name:>14}"));
        text.push('\n');
        for one in self.figures.iter().filter(|one| one.model == "policy") {
            text += &format!("{:<16}", one.condition);
            one.across.iter().for_each(|mean| text += &format!("{:>14}", number(*mean)));
            text.push('\n');
        }
        text
    }
}
