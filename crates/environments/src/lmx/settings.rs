//! The `[environment]` section of `lmx_generation`. Names are the reference system's where it has them.

use std::collections::BTreeSet;

use samara_lm::Penalties;
use samara_search::{
    AxisSettings, Invalid,
    settings::{MOST_AXES, MOST_NAME},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    examples::Offer,
    pool::{CAPACITY, MOST_CAPACITY},
    prompt::{self, PLACEHOLDERS},
    read, seeds,
    strategy::NoveltySection,
};
use crate::{
    Inputs, builtin,
    source::{MOST_TEXTS, expect_axes},
    template,
};

/// How the examples of a varied candidate are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mutation {
    /// Elites of cells near a uniformly chosen cell.
    #[default]
    LmxNear,
    /// An elite's own examples with one replaced by a pool item; texts of `joins_prompt_pool` join the pool.
    Replace,
}

/// What stands between the template and an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Joint {
    /// A line break: the example stands on the line below.
    #[default]
    Newline,
    /// A blank: it stands on the same line.
    Blank,
    /// Nothing: it begins where the template ends.
    Nothing,
}

impl Joint {
    /// The characters.
    pub fn text(self) -> &'static str {
        match self {
            Self::Newline => "\n",
            Self::Blank => " ",
            Self::Nothing => "",
        }
    }
}

/// Which texts of candidates join the prompt pool under `replace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Joining {
    /// All that enter the archive.
    #[default]
    Elites,
    /// Those that enter a cell which was filled: they are better than what it held.
    Improvements,
    /// All that are scored.
    All,
}

impl Joining {
    /// Whether a scored text joins.
    pub(crate) fn lets_in(self, offer: &Offer<'_>) -> bool {
        match self {
            Self::Elites => offer.entered,
            Self::Improvements => offer.improved,
            Self::All => true,
        }
    }
}

/// Where the initial prompt pool comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolOrigin {
    /// Read from `prompt_pool_path`.
    #[default]
    Seed,
    /// Completions of the template without examples, as many as `init_size_prompt_pool`.
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

/// What a question's answers become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// The judge's probability of the first answer.
    #[default]
    First,
    /// Of answers that stand in an order: where the judge expects the text among them, 0 at the first, 1 at the last, and
    /// the others evenly between.
    Expected,
    /// Of answers without an order: the most probable one. The axis has them as its `categories`, in the same order.
    MostProbable,
}

impl Measured {
    /// For a setting that is left out where it changes nothing.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn is_usual(&self) -> bool {
        *self == Self::First
    }
}

/// One axis of diversity: a question and its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Diversity", transform = samara_search::schema::in_order::<Self>)]
pub struct Diversity {
    /// The measure's name, that of its `[[axes]]` entry.
    #[schemars(length(max = MOST_NAME))]
    pub name: String,
    /// The question; left out where `feedback_prompt_template` has no `{instruction}`.
    #[serde(default)]
    pub instruction_prompt: String,
    /// Two answers to a hundred.
    #[schemars(length(min = 2, max = MOST_TEXTS))]
    pub answers: Vec<String>,
    /// What the measure is. Default `first`, the judge's probability of the first answer.
    #[serde(default, skip_serializing_if = "Measured::is_usual")]
    pub measure: Measured,
    /// The judge's whole prompt for this question, as `environment.feedback_prompt_template` is for all. Default: that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_prompt_template: Option<String>,
}

/// The section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "lmx_generation", transform = samara_search::schema::in_order::<Self>)]
pub struct LmxSettings {
    /// What stands before every text in a prompt.
    pub prompt_template: String,
    /// What stands between it and an example. Default `newline`.
    #[serde(default)]
    pub template_joint: Joint,
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
    /// A file with `few_shot` to `max_prompt_pool_size` texts, or `builtin:NAME`, for `seed`; a relative path starts at the experiment's file.
    /// One text a line; or texts of any number of lines with a line `###` between them; or, in a file that ends with
    /// `.jsonl`, a JSON string or an object with a string `text` a line.
    #[serde(default)]
    pub prompt_pool_path: Option<String>,
    /// Texts that a `generated` pool starts with, `few_shot` to `max_prompt_pool_size`. Default 5, or `few_shot` if that is
    /// more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_CAPACITY))]
    pub init_size_prompt_pool: Option<usize>,
    /// Most texts that the pool holds, 1 to 10,000. When it is full, the oldest that joined leaves. Default 100.
    #[serde(default = "capacity")]
    #[schemars(range(min = 1, max = MOST_CAPACITY))]
    pub max_prompt_pool_size: usize,
    /// Which texts join the pool during a run with `mutation_method = "replace"`. Default `elites`.
    #[serde(default)]
    pub joins_prompt_pool: Joining,
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
    /// What a token's logit loses for every time that the completion holds it already (OpenAI's meaning), -2 to 2; for
    /// models and servers that can. Default 0.
    #[serde(default)]
    #[schemars(range(min = -2.0, max = 2.0))]
    pub frequency_penalty: f64,
    /// What it loses once if the completion holds it at all, -2 to 2; for models and servers that can. Default 0.
    #[serde(default)]
    #[schemars(range(min = -2.0, max = 2.0))]
    pub presence_penalty: f64,
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
    /// The judge's whole prompt, for every question that has no template of its own. `{instruction}` is the question with
    /// `instruction_suffix`, `{genotype}` or `{text}` the text, which must be in it, `{answers}` the answers with commas
    /// between them. Default: the question below `### Instruction:`, the text below `### Input:`, and `### Response:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_prompt_template: Option<String>,
    /// The judge's whole prompt about quality. Default: `feedback_prompt_template`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality_feedback_prompt_template: Option<String>,
    /// The question about quality, for `ai_feedback`; left out where its template has no `{instruction}`.
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
fn capacity() -> usize {
    CAPACITY
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

/// A question to be checked.
struct Asked<'a> {
    key: String,
    /// The key of its own template, if it has one.
    template_key: Option<String>,
    template: &'a str,
    instruction: &'a str,
    answers: &'a [String],
}

impl Asked<'_> {
    fn validate(&self) -> Result<(), Invalid> {
        self.validate_template()?;
        let asks = !self.instruction.trim().is_empty();
        match (asks, template::has(self.template, "instruction")) {
            (false, true) => {
                return Err(invalid(&self.key, "asks nothing", "write the question that the judge answers"));
            }
            (true, false) => {
                let hint = "write {instruction} where the question stands, or leave the question out";
                return Err(invalid(&self.key, "asks what its template does not say", hint));
            }
            _ => {}
        }
        let answers = self.answers;
        let distinct = answers.iter().filter(|answer| !answer.is_empty()).collect::<BTreeSet<_>>();
        if answers.len() < 2 || distinct.len() < answers.len() {
            let hint = "such as [\"yes\", \"no\"]";
            return Err(invalid(&self.key, "needs two different answers or more", hint));
        }
        Ok(())
    }

    fn validate_template(&self) -> Result<(), Invalid> {
        let key = self.template_key.as_deref().unwrap_or("feedback_prompt_template");
        if let Some(name) = template::unknown(self.template, &PLACEHOLDERS) {
            let hint = format!("the placeholders are {}", PLACEHOLDERS.join(", "));
            return Err(invalid(key, format!("names `{{{name}}}`, which is no placeholder"), &hint));
        }
        if !["genotype", "text"].iter().any(|name| template::has(self.template, name)) {
            let hint = "write {genotype} where the text stands";
            return Err(invalid(key, "does not show the text to the judge", hint));
        }
        Ok(())
    }
}

impl Diversity {
    /// Checks that the axis has the answers for categories if the measure is one of them, and else none.
    fn validate_categories(&self, axis: &AxisSettings, position: usize) -> Result<(), Invalid> {
        let key = format!("axes[{position}].categories");
        let most_probable = self.measure == Measured::MostProbable;
        match &axis.categories {
            Some(_) if !most_probable => {
                let what =
                    format!("the measure of environment.diversity[{position}] is a number, not a category");
                Err(Invalid::new(key, what, "use bins or ticks, or set its measure = \"most_probable\""))
            }
            categories if most_probable && categories.as_ref() != Some(&self.answers) => {
                let what = format!("are not the answers of environment.diversity[{position}]");
                let hint = "list them in the same order in place of bins and ticks: the most probable is the measure";
                Err(Invalid::new(key, what, hint))
            }
            _ => Ok(()),
        }
    }
}

/// How many texts a generated pool starts with unless settings say otherwise.
const GENERATED_POOL: usize = 5;

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
        self.validate_pool()?;
        for (key, penalty) in
            [("frequency_penalty", self.frequency_penalty), ("presence_penalty", self.presence_penalty)]
        {
            if !(-Penalties::MOST..=Penalties::MOST).contains(&penalty) {
                return Err(invalid(key, format!("is {penalty}"), "set it from -2 to 2; 0 is none"));
            }
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

    /// How many texts a generated pool starts with (by default the reference system's number).
    pub fn initial_pool(&self) -> usize {
        self.init_size_prompt_pool.unwrap_or(GENERATED_POOL.max(self.few_shot))
    }

    /// The template of a question that may have one of its own.
    pub fn feedback_template<'a>(&'a self, own: Option<&'a String>) -> &'a str {
        own.or(self.feedback_prompt_template.as_ref()).map_or(prompt::FEEDBACK, String::as_str)
    }

    fn validate_pool(&self) -> Result<(), Invalid> {
        let (least, most) = (self.few_shot, self.max_prompt_pool_size);
        if most < least || most > MOST_CAPACITY {
            let what = format!("is {most}");
            let hint = format!("set it from few_shot, which is {least}, to {MOST_CAPACITY}");
            return Err(invalid("max_prompt_pool_size", what, &hint));
        }
        match self.init_size_prompt_pool {
            Some(_) if self.solution_init_method == PoolOrigin::Seed => Err(invalid(
                "init_size_prompt_pool",
                "has no effect on a pool from a file",
                "remove it, or set solution_init_method = \"generated\"",
            )),
            Some(size) if size < least || size > most => {
                let hint = format!("set it from few_shot, which is {least}, to max_prompt_pool_size, {most}");
                Err(invalid("init_size_prompt_pool", format!("is {size}"), &hint))
            }
            _ => Ok(()),
        }
    }

    fn validate_questions(&self) -> Result<(), Invalid> {
        let asked = self.diversity.iter().enumerate();
        let own = |i: usize, axis: &Diversity| {
            axis.feedback_prompt_template.as_ref().map(|_| format!("diversity[{i}].feedback_prompt_template"))
        };
        let mut questions: Vec<Asked<'_>> = asked
            .map(|(i, axis)| Asked {
                key: format!("diversity[{i}]"),
                template_key: own(i, axis),
                template: self.feedback_template(axis.feedback_prompt_template.as_ref()),
                instruction: &axis.instruction_prompt,
                answers: &axis.answers,
            })
            .collect();
        match self.quality {
            Quality::AiFeedback => {
                let own = self.quality_feedback_prompt_template.as_ref();
                questions.push(Asked {
                    key: "quality_feedback_prompt".into(),
                    template_key: own.map(|_| "quality_feedback_prompt_template".into()),
                    template: self.feedback_template(own),
                    instruction: &self.quality_feedback_prompt,
                    answers: &self.quality_answers,
                });
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
        questions.iter().try_for_each(Asked::validate)
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
            diversity.validate_categories(axis, i)?;
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
        if texts.len() < self.few_shot || texts.len() > self.max_prompt_pool_size {
            let what = format!("{path} holds {} texts", texts.len());
            let hint = format!(
                "a pool needs {} to {}, one a line or with lines ### between them",
                self.few_shot, self.max_prompt_pool_size
            );
            return Err(invalid(key, what, &hint));
        }
        Ok(texts)
    }
}
