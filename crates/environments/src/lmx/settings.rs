//! The `[environment]` section of `lmx_generation`. Names are the reference system's where it has them.

use std::collections::BTreeSet;

use samara_search::{
    AxisSettings, Invalid,
    settings::{MOST_AXES, MOST_NAME},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{pool::CAPACITY, read, seeds, strategy::NoveltySection};
use crate::{
    Inputs, builtin,
    source::{MOST_TEXTS, expect_axes},
};

/// How the examples of a varied candidate are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mutation {
    /// Elites of cells near a uniformly chosen cell.
    #[default]
    LmxNear,
    /// An elite's own examples with one replaced by a pool item; texts that enter the archive join the pool.
    Replace,
}

/// Where the initial prompt pool comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolOrigin {
    /// Read from `prompt_pool_path`.
    #[default]
    Seed,
    /// Completions of the template without examples: five, or `few_shot` if that is more.
    Generated,
}

/// What the objective is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// The judge's probability of the first of `quality_answers`.
    #[default]
    AiFeedback,
    /// Cosine similarity of the text's embedding to that of `reference`.
    Embedding,
}

/// One axis of diversity: a question and its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Diversity", transform = samara_search::schema::in_order::<Self>)]
pub struct Diversity {
    /// The measure's name, that of its `[[axes]]` entry.
    #[schemars(length(max = MOST_NAME))]
    pub name: String,
    /// The question.
    pub instruction_prompt: String,
    /// Two answers to a hundred; the measure is the probability of the first.
    #[schemars(length(min = 2, max = MOST_TEXTS))]
    pub answers: Vec<String>,
}

/// The section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "lmx_generation", transform = samara_search::schema::in_order::<Self>)]
pub struct LmxSettings {
    /// What stands before every text in a prompt, on the line above it.
    pub prompt_template: String,
    /// Most tokens of a completion. Default 100.
    #[serde(default = "default_length")]
    #[schemars(range(min = 1, max = 1000000))]
    pub gen_max_len: u32,
    /// How examples are chosen. Default `lmx_near`.
    #[serde(default)]
    pub mutation_method: Mutation,
    /// Where the pool comes from. Default `seed`.
    #[serde(default)]
    pub solution_init_method: PoolOrigin,
    /// A file with `few_shot` to 100 texts, or `builtin:NAME`, for `seed`; a relative path starts at the experiment's file.
    /// One text a line; or texts of any number of lines with a line `###` between them; or, in a file that ends with
    /// `.jsonl`, a JSON string or an object with a string `text` a line.
    #[serde(default)]
    pub prompt_pool_path: Option<String>,
    /// Examples in a prompt, and cells that `lmx_near` needs filled; 1 to 100. Default 3.
    #[serde(default = "default_few_shot")]
    #[schemars(range(min = 1, max = CAPACITY))]
    pub few_shot: usize,
    /// Sampling temperature of the generator, 0 to 2. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: f64,
    /// Nucleus sampling: the probability mass tokens are drawn from, above 0 to 1. Default 1.
    #[serde(default = "one")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub top_p: f64,
    /// What a model that answers in a chat is told above the prompt; empty for nothing. Models that continue a text never
    /// see it. Default: to continue the list with one new entry and to reply with its text alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Where a text ends: before the first of these, or before a line that repeats the template. `["\n\n"]` keeps the
    /// first paragraph. A hundred at most. Default `["###", "@@@"]`.
    #[serde(default = "cuts")]
    #[schemars(length(max = MOST_TEXTS))]
    pub cuts: Vec<String>,
    /// Strings that end an answer where the server meets them; many servers take four at most. Unlike cuts they hold for
    /// the whole answer, a chat model's first sentences included. A hundred at most. Default `["\n###", "@@@"]`.
    #[serde(default = "stop")]
    #[schemars(length(max = MOST_TEXTS))]
    pub stop: Vec<String>,
    /// Completions asked for before an empty one makes the candidate invalid. Default 3.
    #[serde(default = "default_attempts")]
    #[schemars(range(min = 1, max = 1000))]
    pub attempts: u32,
    /// How alike a text may be to an elite of its island, above 0 to 1: the part of all runs of three words that both have.
    /// One that is at least as alike is written anew up to three times and is then invalid, before it is judged. Default
    /// 1: only equal texts are, as `search.duplicates` says.
    #[serde(default = "one")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub similarity: f64,
    /// The measures: a question each, in the order of `[[axes]]`.
    #[schemars(length(max = MOST_AXES))]
    pub diversity: Vec<Diversity>,
    /// What the objective is. Default `ai_feedback`.
    #[serde(default)]
    pub quality: Quality,
    /// The question about quality, for `ai_feedback`.
    #[serde(default)]
    pub quality_feedback_prompt: String,
    /// Its answers, two to a hundred; the objective is the probability of the first. Default `["yes", "no"]`.
    #[serde(default = "yes_no")]
    #[schemars(length(min = 2, max = MOST_TEXTS))]
    pub quality_answers: Vec<String>,
    /// The sentence that good texts resemble, for `embedding`.
    #[serde(default)]
    pub reference: String,
    /// What stands before every answer, such as `" \n"` for one judge. Default `"\n"`, a new line.
    #[serde(default = "newline")]
    pub answer_prefix: String,
    /// What stands behind every instruction, such as `" Please respond with a single word only."`. Default empty.
    #[serde(default)]
    pub instruction_suffix: String,
    /// The novelty of `search.strategy = "lmx_nsaif"` and `"lmx_rouge_l"`.
    #[serde(default)]
    pub novelty: NoveltySection,
}

fn default_length() -> u32 {
    100
}
fn cuts() -> Vec<String> {
    read::CUTS.map(str::to_owned).to_vec()
}
fn stop() -> Vec<String> {
    read::STOPS.map(str::to_owned).to_vec()
}
fn default_few_shot() -> usize {
    3
}
fn default_attempts() -> u32 {
    3
}
fn one() -> f64 {
    1.0
}
fn yes_no() -> Vec<String> {
    vec!["yes".into(), "no".into()]
}
fn newline() -> String {
    "\n".into()
}

fn invalid(key: &str, what: impl Into<String>, hint: &str) -> Invalid {
    Invalid::new(format!("environment.{key}"), what, hint)
}

impl LmxSettings {
    /// Checks the values, and that the axes are those of the diversity questions.
    pub fn validate(&self, axes: &[AxisSettings]) -> Result<(), Invalid> {
        if self.prompt_template.trim().is_empty() {
            return Err(invalid(
                "prompt_template",
                "is empty",
                "such as \"Here is a random opinion piece:\"",
            ));
        }
        if self.gen_max_len == 0 {
            return Err(invalid("gen_max_len", "is 0", "set it to the longest text in tokens, such as 50"));
        }
        if self.few_shot == 0 || self.attempts == 0 {
            let key = if self.few_shot == 0 { "few_shot" } else { "attempts" };
            return Err(invalid(key, "is 0", "3 is the default"));
        }
        if !(0.0..=2.0).contains(&self.temperature) {
            return Err(invalid("temperature", format!("is {}", self.temperature), "set it from 0 to 2"));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(invalid("top_p", format!("is {}", self.top_p), "set it above 0, to 1 at most"));
        }
        if !(self.similarity > 0.0 && self.similarity <= 1.0) {
            let hint = "set it above 0, to 1 at most, such as 0.7";
            return Err(invalid("similarity", format!("is {}", self.similarity), hint));
        }
        for (key, texts) in [("cuts", &self.cuts), ("stop", &self.stop)] {
            if texts.iter().any(String::is_empty) {
                return Err(invalid(key, "holds an empty string", "leave it out; [] is for none"));
            }
        }
        self.novelty.validate()?;
        self.validate_questions()?;
        self.validate_axes(axes)
    }

    fn validate_questions(&self) -> Result<(), Invalid> {
        let asked = self.diversity.iter().enumerate();
        let mut questions: Vec<(String, &str, &[String])> = asked
            .map(|(i, axis)| (format!("diversity[{i}]"), &*axis.instruction_prompt, &*axis.answers))
            .collect();
        match self.quality {
            Quality::AiFeedback => {
                questions.push((
                    "quality_feedback_prompt".into(),
                    &self.quality_feedback_prompt,
                    &self.quality_answers,
                ));
            }
            Quality::Embedding if self.reference.trim().is_empty() => {
                return Err(invalid(
                    "reference",
                    "is empty",
                    "quality = \"embedding\" compares texts to this sentence",
                ));
            }
            Quality::Embedding => {}
        }
        for (key, prompt, answers) in questions {
            if prompt.trim().is_empty() {
                return Err(invalid(&key, "asks nothing", "write the question that the judge answers"));
            }
            let distinct = answers.iter().filter(|answer| !answer.is_empty()).collect::<BTreeSet<_>>();
            let distinct = distinct.len() == answers.len();
            if answers.len() < 2 || !distinct {
                return Err(invalid(
                    &key,
                    "needs two different answers or more",
                    "such as [\"yes\", \"no\"]",
                ));
            }
        }
        Ok(())
    }

    fn validate_axes(&self, axes: &[AxisSettings]) -> Result<(), Invalid> {
        expect_axes(axes, self.diversity.len(), "environment.diversity")?;
        for (i, (axis, diversity)) in axes.iter().zip(&self.diversity).enumerate() {
            if axis.name != diversity.name {
                let what =
                    format!("is `{}`, but environment.diversity[{i}] is `{}`", axis.name, diversity.name);
                return Err(Invalid::new(
                    format!("axes[{i}].name"),
                    what,
                    "give both the same names in the same order",
                ));
            }
        }
        Ok(())
    }

    /// The seed texts; none if the pool is generated.
    pub fn read_pool(&self, inputs: &Inputs) -> Result<Vec<String>, Invalid> {
        let key = "prompt_pool_path";
        let path = match (self.solution_init_method, &self.prompt_pool_path) {
            (PoolOrigin::Generated, _) => return Ok(Vec::new()),
            (PoolOrigin::Seed, None) => {
                return Err(invalid(
                    key,
                    "is missing",
                    "name a file, or set solution_init_method = \"generated\"",
                ));
            }
            (PoolOrigin::Seed, Some(path)) => path,
        };
        let text = match path.strip_prefix("builtin:") {
            Some(name) => builtin::pool(name).map(str::to_owned).ok_or_else(|| {
                invalid(key, format!("there is no built-in pool `{name}`"), &builtin::pools_hint())
            })?,
            None => inputs.text(
                "environment.prompt_pool_path",
                path,
                "a file with texts; a relative path starts at the experiment's file",
            )?,
        };
        let texts = seeds::read(path, &text)?;
        if texts.len() < self.few_shot || texts.len() > CAPACITY {
            let what = format!("{path} holds {} texts", texts.len());
            let hint = format!(
                "a pool needs {} to {CAPACITY}, one a line or with lines ### between them",
                self.few_shot
            );
            return Err(invalid(key, what, &hint));
        }
        Ok(texts)
    }
}
