//! The `[environment]` section of `prompt_evolution`.

use std::collections::BTreeSet;

use samara_search::{Algorithm, Invalid, SearchSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answers::Answer,
    data::{self, Item, MOST_ITEMS},
    prompts::Templates,
};
use crate::{
    Inputs, builtin,
    source::{MOST_TEXTS, Source},
};

/// The names of axes that are measures of an instruction.
pub const MEASURES: [&str; 3] = ["length", "sentiment", "embedding"];

/// How a new instruction is written from elites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mutation {
    /// The generator is shown an instruction with items of the task, and rewrites it.
    Rewrite,
    /// The generator continues a list of instructions from cells near one another (LMX).
    Crossover,
    /// The generator finishes the beginning of an instruction, cut at a drawn word: for models that only continue texts.
    Continue,
    /// No model: the beginning of an instruction and the end of another, each cut at a drawn word.
    Splice,
}

impl Mutation {
    /// Its name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rewrite => "rewrite",
            Self::Crossover => "crossover",
            Self::Continue => "continue",
            Self::Splice => "splice",
        }
    }
}

/// The `[environment.race]` section: a prompt that is too unlikely to do better than its cell's elite, as that was when
/// the prompt was planned, is not asked all items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub struct RaceSection {
    /// Whether prompts race. Default true. Needs `map_elites` without soft thresholds.
    pub enabled: bool,
    /// Items between two tests, 1 or more; they are asked at once. Default 10.
    #[schemars(range(min = 1, max = MOST_ITEMS))]
    pub batch: usize,
    /// The largest probability with which a prompt that would do better is stopped, 0 to 0.5. At 0 only those are stopped
    /// that can't do better any more. Default 0.01.
    #[schemars(range(min = 0.0, max = 0.5))]
    pub risk: f64,
}

impl Default for RaceSection {
    fn default() -> Self {
        Self { enabled: true, batch: 10, risk: 0.01 }
    }
}

/// The section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "prompt_evolution", transform = samara_search::schema::in_order::<Self>)]
pub struct PromptSettings {
    /// The data set: `builtin:NAME`, or a file; a relative path starts at the experiment's file. In a `.jsonl` file an
    /// object `{"input": "hot", "output": ["cold"]}` a line; a `.json` file of instruction induction; or a `.csv` file of
    /// questions and rationales.
    pub data: String,
    /// Another data set whose items are shown to the generator. Default: the first items of `data`, which are then not
    /// scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<String>,
    /// Items shown to the generator, 1 to 100. Default 5.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = MOST_TEXTS))]
    pub shown: usize,
    /// The most items that an instruction is scored by, the first of those that are not shown. Default 100.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = MOST_ITEMS))]
    pub scored: usize,
    /// The part of the items that are not shown which is kept for a test, 0 to 0.9: the last of them, by which nothing is
    /// selected. An instruction that does better than what its cell held when it was planned is asked them, too, and its
    /// metric `test_share` says what part it answers right. Default 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = 0.9))]
    pub test_share: f64,
    /// How an item is asked and what counts as right. Default `exact`.
    #[serde(default)]
    pub answer: Answer,
    /// The answers of `choice`, 2 to 100. Default: all outputs of the items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_TEXTS))]
    pub choices: Vec<String>,
    /// What stands before every choice. Default `"\n"`, a new line.
    #[serde(default = "newline")]
    pub answer_prefix: String,
    /// Most tokens of an answer. Default 16; reasoning takes 200 or more.
    #[serde(default = "sixteen")]
    #[schemars(range(min = 1, max = 1000000))]
    pub answer_max_len: u32,
    /// Strings that end an answer, a hundred at most. Default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_TEXTS))]
    pub answer_stop: Vec<String>,
    /// Instructions to begin with, a hundred at most. Default: `initial` instructions that the generator writes from items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_TEXTS))]
    pub initial_instructions: Vec<String>,
    /// How many instructions are written to begin with where none are given, 1 to 100. Default 5.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = MOST_TEXTS))]
    pub initial: usize,
    /// How instructions are varied; each candidate draws one. Default `["rewrite", "crossover"]`.
    #[serde(default = "mutations")]
    #[schemars(length(min = 1, max = 4))]
    pub mutations: Vec<Mutation>,
    /// Instructions in a prompt of `crossover`, 1 to 100. Default 3.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = MOST_TEXTS))]
    pub few_shot: usize,
    /// Most tokens of an instruction. Default 60.
    #[serde(default = "sixty")]
    #[schemars(range(min = 1, max = 1000000))]
    pub gen_max_len: u32,
    /// Sampling temperature of the generator, 0 to 2. Default 1. Answers are always greedy.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: f64,
    /// Nucleus sampling of the generator, above 0 to 1. Default 1.
    #[serde(default = "one")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub top_p: f64,
    /// Completions asked for before an empty one makes the candidate invalid. Default 3.
    #[serde(default = "three_attempts")]
    #[schemars(range(min = 1, max = 1000))]
    pub attempts: u32,
    /// The question about an instruction that an axis `sentiment` asks the judge.
    #[serde(default = "sentiment_prompt")]
    pub sentiment_prompt: String,
    /// Its answers, two to a hundred; the measure is the probability of the first. Default `["positive", "negative"]`.
    #[serde(default = "sentiment_answers")]
    #[schemars(length(min = 2, max = MOST_TEXTS))]
    pub sentiment_answers: Vec<String>,
    /// The sentence that an axis `embedding` compares instructions with, by the cosine similarity of embeddings.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// What models are asked, with `{names}` in the places of texts.
    #[serde(default)]
    pub templates: Templates,
    /// When a prompt is stopped early.
    #[serde(default)]
    pub race: RaceSection,
}

/// The items of a run, by what they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Items {
    /// Shown to the generator.
    pub shown: Vec<Item>,
    /// What instructions are selected by.
    pub scored: Vec<Item>,
    /// What nothing is selected by.
    pub tested: Vec<Item>,
}

/// For a setting that is left out where it changes nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}
fn three() -> usize {
    3
}
fn five() -> usize {
    5
}
fn hundred() -> usize {
    100
}
fn sixteen() -> u32 {
    16
}
fn sixty() -> u32 {
    60
}
fn three_attempts() -> u32 {
    3
}
fn one() -> f64 {
    1.0
}
fn newline() -> String {
    "\n".into()
}
fn mutations() -> Vec<Mutation> {
    vec![Mutation::Rewrite, Mutation::Crossover]
}
fn sentiment_prompt() -> String {
    "Determine the sentiment of the input text. If it is positive, answer \"positive\". If it is negative, answer \
     \"negative\"."
        .into()
}
fn sentiment_answers() -> Vec<String> {
    vec!["positive".into(), "negative".into()]
}

/// Whether what an objective must exceed to enter a cell is known: on a grid without soft thresholds.
pub(super) fn has_bars(search: &SearchSettings) -> bool {
    search.algorithm == Algorithm::MapElites && search.learning_rate.is_none()
}

fn invalid(key: &str, what: impl Into<String>, hint: &str) -> Invalid {
    Invalid::new(format!("environment.{key}"), what, hint)
}

impl PromptSettings {
    /// Checks what types and ranges don't say.
    pub(super) fn validate(&self, source: &Source<'_>) -> Result<(), Invalid> {
        if self.initial_instructions.iter().any(|text| text.trim().is_empty()) {
            return Err(invalid("initial_instructions", "holds an empty text", "leave it out"));
        }
        let distinct: BTreeSet<Mutation> = self.mutations.iter().copied().collect();
        if distinct.len() != self.mutations.len() {
            return Err(invalid("mutations", "holds one twice", "name each once: they are drawn evenly"));
        }
        for (key, texts) in [("answer_stop", &self.answer_stop), ("choices", &self.choices)] {
            if texts.iter().any(String::is_empty) {
                return Err(invalid(key, "holds an empty string", "leave it out"));
            }
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(invalid("top_p", format!("is {}", self.top_p), "set it above 0, to 1 at most"));
        }
        self.templates.validate(self.answer)?;
        self.validate_race(source)?;
        self.validate_axes(source)
    }

    fn validate_race(&self, source: &Source<'_>) -> Result<(), Invalid> {
        if self.race.enabled && !has_bars(source.search) {
            let what = "a race needs the elite of a cell of a grid to beat, without soft thresholds";
            let hint = "set race.enabled = false, or search.algorithm = \"map_elites\" without learning_rate";
            return Err(invalid("race.enabled", what, hint));
        }
        Ok(())
    }

    fn validate_axes(&self, source: &Source<'_>) -> Result<(), Invalid> {
        if source.axes.is_empty() {
            return Err(Invalid::new("axes", "there is none", "add [[axes]] with name = \"length\""));
        }
        for (i, axis) in source.axes.iter().enumerate() {
            if !MEASURES.contains(&&*axis.name) {
                let what = format!("is `{}`, which is no measure of an instruction", axis.name);
                let hint = format!("the measures are {}", MEASURES.join(", "));
                return Err(Invalid::new(format!("axes[{i}].name"), what, hint));
            }
        }
        if source.axes.iter().any(|axis| axis.name == "embedding") && self.reference.trim().is_empty() {
            let hint = "an axis `embedding` compares instructions to this sentence";
            return Err(invalid("reference", "is empty", hint));
        }
        Ok(())
    }

    /// The items of the data sets, each for one thing alone.
    pub(super) fn read(&self, inputs: &Inputs) -> Result<Items, Invalid> {
        let mut scored = read("data", &self.data, inputs)?;
        let shown: Vec<Item> = match &self.examples {
            Some(path) => read("examples", path, inputs)?.into_iter().take(self.shown).collect(),
            None => scored.drain(..self.shown.min(scored.len())).collect(),
        };
        let tested = scored.split_off(scored.len() - self.tested(scored.len())?);
        scored.truncate(self.scored);
        if scored.is_empty() {
            let what = format!("{} holds no items beside the {} that are shown", self.data, shown.len());
            return Err(invalid("data", what, "show fewer, or name other ones in environment.examples"));
        }
        Ok(Items { shown, scored, tested })
    }

    /// How many of so many items are kept for a test, rounded down; at least one is scored by.
    fn tested(&self, items: usize) -> Result<usize, Invalid> {
        let tested = (items as f64 * self.test_share) as usize;
        if self.test_share > 0.0 && tested == 0 && items > 0 {
            let what = format!("is {}, and that part of {items} items is none", self.test_share);
            return Err(invalid("test_share", what, "set it higher, or use more items; 0 is for no test"));
        }
        Ok(tested)
    }

    /// The answers of `choice`: those given, or all outputs in the order of the items.
    pub(super) fn choices(&self, items: &Items) -> Result<Vec<String>, Invalid> {
        let mut choices = self.choices.clone();
        if choices.is_empty() {
            for output in items.scored.iter().chain(&items.tested).filter_map(|item| item.outputs.first()) {
                if !choices.contains(output) {
                    choices.push(output.clone());
                }
            }
        }
        if self.answer == Answer::Choice && !(2..=MOST_TEXTS).contains(&choices.len()) {
            let what = format!("there are {} to choose from", choices.len());
            return Err(invalid("choices", what, &format!("list 2 to {MOST_TEXTS}, or use another answer")));
        }
        Ok(choices)
    }
}

fn read(key: &str, path: &str, inputs: &Inputs) -> Result<Vec<Item>, Invalid> {
    let key = format!("environment.{key}");
    match path.strip_prefix("builtin:") {
        Some(name) => match builtin::task(name) {
            Some(text) => data::read(&key, "builtin.jsonl", text),
            None => {
                let what = format!("there is no built-in data set `{name}`");
                Err(Invalid::new(key, what, builtin::tasks_hint()))
            }
        },
        None => {
            let hint = "a file with items; a relative path starts at the experiment's file";
            data::read(&key, path, &inputs.text(&key, path, hint)?)
        }
    }
}
