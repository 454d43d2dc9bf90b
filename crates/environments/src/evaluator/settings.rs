//! The `[environment]` section of `evaluator`; `[environment.evaluation]` is in `evaluation/settings.rs`.

use samara_search::Invalid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{evaluation::EvaluationSettings, presets::Preset};
use crate::source::MOST_TEXTS;

/// How an operator is chosen for a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "OperatorChoice")]
pub enum Choice {
    /// Drawn by the weights.
    Weights,
    /// Drawn by the weights times what each operator's candidates have brought so far.
    #[default]
    Bandit,
}

/// The section `[environment.variation]`: weights of the operators, and how models are asked. Only quotients of weights
/// count; without a model `gp`, `carry` and `tune` alone are used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Variation", transform = samara_search::schema::in_order::<Self>)]
pub struct VariationSettings {
    /// Weight of SEARCH/REPLACE diffs. Default 0.5.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub diff: f64,
    /// Weight of rewriting a whole program. Default 0.2.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub rewrite: f64,
    /// Weight of combining two or three programs. Default 0.1.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub crossover: f64,
    /// Weight of repairing a program that failed, while there is one. Default 0.1.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub fix: f64,
    /// Weight of edits without a model: numbers, operators, calls, statements, parts of another program. Default 0.15.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub gp: f64,
    /// Weight of carrying over what helped, without a model: the last step gone on with, improvements of other programs
    /// joined, steps along the difference of two. It makes nothing new; what models and `gp` found goes further.
    /// Above 0, a new best is followed at once by its step gone on with. Default 0.1.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub carry: f64,
    /// Weight of tuning numbers by what has been learnt, without a model: of several small steps, the one that a Gaussian
    /// process fitted to the programs evaluated so far expects most of. Programs with more than 256 numbers are not tuned.
    /// Default 0.5.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub tune: f64,
    /// How an operator is chosen. Default `bandit`.
    pub choice: Choice,
    /// Longest program in bytes, all files that may change together; 1 to 1,000,000. A seed may be longer, and its
    /// descendants as long as it. Default 10,000.
    #[schemars(range(min = 1, max = 1000000))]
    pub max_bytes: usize,
    /// Answers asked for before a candidate is invalid whose answers change nothing or can't be read; 1 to 100.
    /// Default 3.
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// Sampling temperature, 0 to 2. Default 0.7.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: f64,
    /// Nucleus sampling: the probability mass tokens are drawn from, above 0 to 1. Default 0.95.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub top_p: f64,
    /// Most tokens of an answer. Default 4,096.
    #[schemars(range(min = 1, max = 1000000))]
    pub max_tokens: u32,
}

impl Default for VariationSettings {
    fn default() -> Self {
        Self {
            diff: 0.5,
            rewrite: 0.2,
            crossover: 0.1,
            fix: 0.1,
            gp: 0.15,
            carry: 0.1,
            tune: 0.5,
            choice: Choice::Bandit,
            max_bytes: 10_000,
            attempts: 3,
            temperature: 0.7,
            top_p: 0.95,
            max_tokens: 4096,
        }
    }
}

/// The section `[environment.selection]`: whom to vary. What exploitation and exploration leave of 1 draws any elite,
/// better ones more often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Selection", transform = samara_search::schema::in_order::<Self>)]
pub struct SelectionSettings {
    /// How often the best is varied, or one of the next best, 0 to 1. Default 0.92.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub exploitation: f64,
    /// How often an elite of any filled cell is varied, 0 to 1. Default 0.05.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub exploration: f64,
    /// Best programs that a prompt shows beside the parent, 0 to 20. Default 3.
    #[schemars(range(min = 0, max = 20))]
    pub top_programs: usize,
    /// Other programs that a prompt shows, from any cells, 0 to 20. Default 2.
    #[schemars(range(min = 0, max = 20))]
    pub inspirations: usize,
    /// Settled candidates of an island without a better best after which a larger change is asked for; after twice as
    /// many, others than the best are varied for as long. 0 for never. Default 100.
    #[schemars(range(min = 0, max = 1000000))]
    pub patience: u64,
}

impl Default for SelectionSettings {
    fn default() -> Self {
        Self { exploitation: 0.92, exploration: 0.05, top_programs: 3, inspirations: 2, patience: 100 }
    }
}

/// The section `[environment.prompt]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Prompt", transform = samara_search::schema::in_order::<Self>)]
pub struct PromptSettings {
    /// A folder with templates of your own: `system.txt`, `diff.txt`, `rewrite.txt`, `crossover.txt`, `fix.txt`,
    /// `larger_change.txt`, each with `{placeholders}`. What it lacks is samara's. A relative path starts at the
    /// experiment's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templates: Option<String>,
    /// Kilobytes (of 1,024 bytes) of the parent's artifacts that a prompt shows, 0 for none. Default 20.
    #[schemars(range(min = 0, max = 1000))]
    pub artifacts_kb: usize,
}

impl Default for PromptSettings {
    fn default() -> Self {
        Self { templates: None, artifacts_kb: 20 }
    }
}

/// The section `[environment.screening]`: what is not worth an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Screening", transform = samara_search::schema::in_order::<Self>)]
pub struct ScreeningSettings {
    /// A draft whose tokens resemble an elite's of its island by this much or more is written anew, 0 to 1; 1 turns it
    /// off. Blanks and comments don't count. Drafts of `gp` are never screened: small steps are its work. Default 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub similarity: f64,
    /// The same by the cosine of embeddings, which needs `models.embedder`, 0 to 1; 1 turns it off. Default 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub embedding: f64,
}

impl Default for ScreeningSettings {
    fn default() -> Self {
        Self { similarity: 1.0, embedding: 1.0 }
    }
}

/// The section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "evaluator", transform = samara_search::schema::in_order::<Self>)]
pub struct EvolveSettings {
    /// The initial program: a file, or a folder of several files. A relative path starts at the experiment's file.
    pub program: String,
    /// Further programs to begin with, files or folders with the same files as `program`; a hundred at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_TEXTS))]
    pub seeds: Vec<String>,
    /// Which files of a folder may change: paths within it, `*` for any characters but `/`, `**` for any. Default: those
    /// with EVOLVE-BLOCK markers, or all if none has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_TEXTS))]
    pub may_change: Vec<String>,
    /// The language, such as `python` or `rust`; a prompt's fences name it. Default: from the file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What the model is told of the task: what the program is for, what a good one does.
    #[serde(default)]
    pub task: String,
    /// Whose defaults hold for what is not set. Default `samara`.
    #[serde(default)]
    pub preset: Preset,
    /// The evaluator.
    #[serde(default)]
    pub evaluation: EvaluationSettings,
    /// The operators.
    #[serde(default)]
    pub variation: VariationSettings,
    /// Whom to vary.
    #[serde(default)]
    pub selection: SelectionSettings,
    /// What a model is told.
    #[serde(default)]
    pub prompt: PromptSettings,
    /// What is not worth an evaluation.
    #[serde(default)]
    pub screening: ScreeningSettings,
}

impl EvolveSettings {
    /// Checks what depends on several values.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.program.trim().is_empty() {
            let hint = "name a file or a folder, such as program = \"initial_program.py\"";
            return Err(Invalid::new("environment.program", "is empty", hint));
        }
        let VariationSettings { diff, rewrite, crossover, fix, gp, .. } = self.variation;
        if diff + rewrite + crossover + gp <= 0.0 {
            let what = "no operator but `fix` has a weight";
            let fix_note = if fix > 0.0 { " (fix needs a program that failed)" } else { "" };
            let hint = format!("give diff, rewrite, crossover or gp a weight above 0{fix_note}");
            return Err(Invalid::new("environment.variation", what, hint));
        }
        let SelectionSettings { exploitation, exploration, .. } = self.selection;
        if exploitation + exploration > 1.0 + 1e-9 {
            let what = format!("exploitation and exploration make {}", exploitation + exploration);
            return Err(Invalid::new("environment.selection", what, "together they may make 1 at most"));
        }
        Ok(())
    }
}

/// The strategies that the environment knows beside `random_search`.
pub const STRATEGIES: [&str; 1] = ["climber"];
