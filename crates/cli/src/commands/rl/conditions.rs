//! What a writer is to write for, and what its programs come to there.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use samara_engine::{Abort, Bench, Evaluator, Programs};
use samara_search::{ContentDigest, Genome, Outcome, Score, Unscored};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet};
use toml::{Table, Value};

use crate::{
    config::{self, Experiment},
    exit::Failure,
};

/// A condition: its name, which is the token that prompts begin with, and the settings of the environment that it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub name: String,
    pub settings: Table,
}

impl Condition {
    /// A terrain as a condition.
    pub(super) fn terrain(name: &str) -> Self {
        let settings = Table::from_iter([("terrain".to_owned(), Value::String(name.to_owned()))]);
        Self { name: name.to_owned(), settings }
    }

    /// `NAME=KEY=VALUE`, the value as TOML.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let hint = "write NAME=KEY=VALUE, such as --condition 'low=terrain={kind=\"tunnel\",height=40}'";
        let odd = |why: &str| Failure::usage(format!("--condition {text}: {why}\nhint: {hint}"));
        let (name, setting) = text.split_once('=').ok_or_else(|| odd("no `=`"))?;
        let settings = setting.parse::<Table>().map_err(|error| odd(error.message()))?;
        Ok(Self { name: name.trim().to_owned(), settings })
    }
}

/// What a program came to on a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Evaluated {
    pub result: Result<Score, Unrated>,
    pub isolation: Option<String>,
}

/// Why a program has no score.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unrated {
    /// Whether it could not be evaluated, rather than having failed.
    pub invalid: bool,
    pub why: String,
}

impl Evaluated {
    /// Its objective, if it has one.
    pub(super) fn objective(&self) -> Option<f64> {
        self.result.as_ref().ok().map(|score| score.objective)
    }

    /// As what a candidate's life came to, with further numbers where it has a score.
    pub(super) fn outcome(&self, genome: Arc<Genome>, metrics: &[(&str, f64)]) -> Outcome {
        match &self.result {
            Ok(score) => {
                let mut score = score.clone();
                score.metrics.extend(metrics.iter().map(|(name, number)| ((*name).to_owned(), *number)));
                Outcome::Scored { genome, score }
            }
            Err(Unrated { invalid, why }) => {
                let unscored = Unscored { genome: Some(genome), why: why.clone(), artifacts: Vec::new() };
                if *invalid { Outcome::Invalid(unscored) } else { Outcome::Failed(unscored) }
            }
        }
    }
}

/// Evaluates programs on conditions; the same program is evaluated once on each.
pub(super) struct Conditions {
    evaluators: Vec<Arc<dyn Evaluator>>,
    programs: Option<Programs>,
    known: HashMap<(usize, ContentDigest), Evaluated>,
    places: usize,
    runtime: Handle,
}

/// An evaluation that is asked for: the condition's number and the program.
pub(super) type Asked = (usize, Arc<Genome>);

impl Conditions {
    /// Builds the environment of every condition from the settings of a run, and starts the sandbox.
    ///
    /// # Errors
    /// Settings that can't be used together.
    pub(super) fn new(
        base: &Table,
        (conditions, file): (&[Condition], &str),
        places: usize,
        runtime: Handle,
    ) -> Result<Self, Failure> {
        let mut evaluators = Vec::new();
        let mut programs = None;
        for condition in conditions {
            let experiment = on(base, condition, file)?;
            let evaluator = experiment.environment.evaluator();
            evaluators.push(evaluator.ok_or_else(|| Failure::internal("walkers have no evaluator"))?);
            if programs.is_none() && experiment.environment.roles().sandbox {
                programs = Some(Programs::start(&experiment.sandbox)?);
            }
        }
        Ok(Self { evaluators, programs, known: HashMap::new(), places, runtime })
    }

    /// Evaluates all; results in the order in which they are asked for.
    ///
    /// # Errors
    /// A sandbox that has failed altogether.
    pub(super) fn evaluate(&mut self, asked: &[Asked]) -> Result<Vec<Evaluated>, Failure> {
        let mut fresh = BTreeMap::new();
        for (condition, genome) in asked {
            let key = (*condition, genome.digest());
            if !self.known.contains_key(&key) {
                fresh.insert((key.0, *key.1.as_bytes()), (key, Arc::clone(genome)));
            }
        }
        let found = self.runtime.block_on(self.evaluate_each(fresh.into_values().collect()))?;
        self.known.extend(found);
        let known = |(condition, genome): &Asked| self.known[&(*condition, genome.digest())].clone();
        Ok(asked.iter().map(known).collect())
    }

    async fn evaluate_each(
        &self,
        asked: Vec<((usize, ContentDigest), Arc<Genome>)>,
    ) -> Result<Vec<((usize, ContentDigest), Evaluated)>, Failure> {
        let places = Arc::new(Semaphore::new(self.places));
        let mut tasks = JoinSet::new();
        for (key, genome) in asked {
            let evaluator = Arc::clone(&self.evaluators[key.0]);
            let (places, programs) = (Arc::clone(&places), self.programs.clone());
            tasks.spawn(async move {
                // Places are never closed.
                let _place = places.acquire_owned().await;
                let mut bench = Bench::new(programs, genome.digest().seed(0));
                let result = evaluator.evaluate(&genome, &BTreeMap::new(), &mut bench).await;
                let isolation = bench.isolation().map(str::to_owned);
                let told = |invalid, why| {
                    Ok(Evaluated { result: Err(Unrated { invalid, why }), isolation: isolation.clone() })
                };
                let evaluated = match result {
                    Ok(score) => Ok(Evaluated { result: Ok(score), isolation: isolation.clone() }),
                    Err(Abort::Invalid(reason)) => told(true, reason.why),
                    Err(Abort::Failed(reason)) => told(false, reason.why),
                    Err(Abort::Run(error)) => Err(Failure::from(error)),
                };
                evaluated.map(|evaluated| (key, evaluated))
            });
        }
        let mut found = Vec::new();
        while let Some(done) = tasks.join_next().await {
            found.push(done.map_err(|error| Failure::internal(format!("an evaluation: {error}")))??);
        }
        Ok(found)
    }
}

/// The experiment of a run as a condition has it.
fn on(base: &Table, condition: &Condition, file: &str) -> Result<Experiment, Failure> {
    let mut table = base.clone();
    let section = table.entry("environment").or_insert_with(|| Value::Table(Table::new()));
    if let Some(section) = section.as_table_mut() {
        section.extend(condition.settings.clone());
    }
    let file = format!("{file}, condition {}", condition.name);
    config::of_table(table, (&file, Path::new(".")), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_name_and_settings_and_what_is_none_is_told() {
        let low = Condition::parse("low=terrain={kind=\"tunnel\",height=40}").expect("a condition");
        assert_eq!(low.name, "low");
        assert_eq!(low.settings["terrain"]["height"].as_integer(), Some(40));
        assert_eq!(
            Condition::terrain("rough"),
            Condition::parse("rough=terrain=\"rough\"").expect("a condition")
        );
        for odd in ["low", "low=", "low=terrain", "low=terrain=tunnel tunnel"] {
            let told = Condition::parse(odd);
            assert!(odd == "low=" || told.is_err_and(|failure| failure.message.contains("hint: ")), "{odd}");
        }
    }
}
