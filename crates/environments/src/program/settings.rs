//! The `[environment.writing]` section: how the generator is asked for programs.

use samara_search::{Choose, Invalid, Operator};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::MOST_TEXTS;

/// What stands between the parents and the program that the generator writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Instruction {
    /// The parent is called an old version with a bug, the new program the fixed one (ELM's prompt mutation).
    Fix,
    /// Nothing: the generator goes on after the parents, and writes the function's header itself (the reference
    /// system's instruction 0).
    Nothing,
    /// The function's header (its instruction 1).
    Header,
    /// A comment that asks to modify the program above, and the header (its instruction 2).
    Modify,
    /// A comment that asks to combine the programs above, and the header (its instruction 3).
    Combine,
    /// A comment that asks for another program of the same kind, and the header.
    Similar,
}

/// Which elites a crossover shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Neighbours {
    /// Elites of cells near a uniformly chosen cell, as `lmx_near` draws them.
    #[default]
    Near,
    /// Each elite drawn on its own, uniformly over the filled cells.
    Uniform,
}

/// The `[environment.writing.mix]` section: how often each operator writes a candidate. An operator with the weight 0 never
/// does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub struct MixSettings {
    /// How an operator is chosen: by the weights, or by a bandit that learns which operator's candidates enter the archive
    /// most often (the first candidates by the weights). Default `weights`.
    pub choose: Choose,
    /// A program from nothing: its weight, 0 to 1e6. Default 1.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub new: f64,
    /// Prompt mutation. Default 1.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub prompt: f64,
    /// Diffs. Default 0.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub diff: f64,
    /// Few-shot crossover. Default 0.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub crossover: f64,
    /// Edits without a model. Default 0.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub gp: f64,
}

impl Default for MixSettings {
    fn default() -> Self {
        Self { choose: Choose::Weights, new: 1.0, prompt: 1.0, diff: 0.0, crossover: 0.0, gp: 0.0 }
    }
}

impl MixSettings {
    /// The operators with a weight above 0, each with its own.
    pub fn operators(&self) -> Vec<(Operator, f64)> {
        let all = [
            (Operator::New, self.new),
            (Operator::Prompt, self.prompt),
            (Operator::Diff, self.diff),
            (Operator::Crossover, self.crossover),
            (Operator::Gp, self.gp),
        ];
        all.into_iter().filter(|(_, weight)| *weight > 0.0).collect()
    }

    fn validate(&self) -> Result<(), Invalid> {
        let weights = [
            ("new", self.new),
            ("prompt", self.prompt),
            ("diff", self.diff),
            ("crossover", self.crossover),
            ("gp", self.gp),
        ];
        if let Some((name, weight)) = weights.iter().find(|(_, weight)| !(0.0..=1e6).contains(weight)) {
            let key = format!("environment.writing.mix.{name}");
            return Err(Invalid::new(key, format!("is {weight:?}"), "set it from 0 to 1e6"));
        }
        if self.operators().is_empty() {
            let hint = "give at least one operator a weight above 0, such as new = 1";
            return Err(Invalid::new("environment.writing.mix", "has no operator", hint));
        }
        Ok(())
    }
}

/// The section. Nothing in it matters to the operator `gp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub struct WritingSettings {
    /// What is asked. Default: `fix` for `search.operator = "prompt"`, `header` for `crossover`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Instruction>,
    /// What a model that answers in a chat is told above the prompt; empty for nothing. Models that continue a text never
    /// see it. Default: to continue the code below with the functions of the experiment and to reply with the complete
    /// program in one fenced block, or, for the operator `diff`, with the diff alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Strings that end an answer where the server meets them; a hundred at most, of which many servers take four.
    /// Default: the end of a training text and three blank lines; for `diff`, the beginning of another record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MOST_TEXTS))]
    pub stop: Option<Vec<String>>,
    /// Most tokens of a completion. Default 500.
    #[schemars(range(min = 1, max = 1000000))]
    pub gen_max_len: u32,
    /// Sampling temperature, 0 to 2. Default 0.8.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: f64,
    /// Nucleus sampling, above 0 to 1. Default 0.95.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub top_p: f64,
    /// Completions asked for before one without a program makes the candidate invalid. Default 3.
    #[schemars(range(min = 1, max = 1000))]
    pub attempts: u32,
    /// Programs that a crossover shows, 2 to 10; fewer while fewer cells are filled. Default 3.
    #[schemars(range(min = 2, max = 10))]
    pub few_shot: usize,
    /// Which elites a crossover shows. Default `near`.
    pub neighbours: Neighbours,
    /// What `search.operator = "mix"` chooses from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<MixSettings>,
}

impl Default for WritingSettings {
    fn default() -> Self {
        Self {
            instruction: None,
            instructions: None,
            stop: None,
            gen_max_len: 500,
            temperature: 0.8,
            top_p: 0.95,
            attempts: 3,
            few_shot: 3,
            neighbours: Neighbours::Near,
            mix: None,
        }
    }
}

impl WritingSettings {
    /// Checks its values.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self) -> Result<(), Invalid> {
        let bad = |key: &str, what: String, hint: &str| {
            Err(Invalid::new(format!("environment.writing.{key}"), what, hint))
        };
        if self.gen_max_len == 0 {
            return bad(
                "gen_max_len",
                "is 0".into(),
                "set it to the longest program in tokens; 500 is the default",
            );
        }
        if !(0.0..=2.0).contains(&self.temperature) {
            return bad("temperature", format!("is {}", self.temperature), "set it from 0 to 2");
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return bad("top_p", format!("is {}", self.top_p), "set it above 0, to 1 at most");
        }
        if self.stop.iter().flatten().any(String::is_empty) {
            return bad("stop", "holds an empty string".into(), "leave it out; [] is for no stop sequences");
        }
        if self.attempts == 0 {
            return bad("attempts", "is 0".into(), "3 is the default");
        }
        if !(2..=10).contains(&self.few_shot) {
            return bad("few_shot", format!("is {}", self.few_shot), "set it from 2 to 10; 3 is the default");
        }
        self.mix.map_or(Ok(()), |mix| mix.validate())
    }
}
