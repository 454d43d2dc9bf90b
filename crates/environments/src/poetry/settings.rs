//! The `[environment]` section of `poetry`.

use samara_search::{AxisSettings, Invalid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the judge says what a text is and how good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// In words: the name of a category, a rating from 1 to 10. Any chat model can; an answer that names none makes the
    /// candidate invalid.
    #[default]
    Words,
    /// By the probabilities of its answers: the most probable category, the expected rating.
    Probabilities,
}

/// The section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "poetry", transform = samara_search::schema::in_order::<Self>)]
pub struct PoetrySettings {
    /// What the generator is asked for a first text. With the axes' names in braces, such as `{genre}`, each is replaced
    /// by a category that is drawn. Default: a short poem, whatever its genre.
    pub create: String,
    /// What it is asked for a text of another cell: `{text}` is an elite, and every axis' name in braces, such as
    /// `{genre}`, a category that is drawn. Default: the poem as a poem of that genre and tone.
    pub rewrite: String,
    /// What the judge is asked about an axis: `{text}`, `{axis}` is its name, `{categories}` are its categories. Default:
    /// which of them the poem is best described by.
    pub question: String,
    /// What the judge is asked for a rating of `{text}` from 1 to 10. Default: the quality of the poem.
    pub rating: String,
    /// How the judge answers. Default `words`.
    pub judged: Judged,
    /// What stands before every answer whose probability is asked for. Default `"\n"`, a new line.
    pub answer_prefix: String,
    /// Most tokens of a text. Default 400.
    #[schemars(range(min = 1, max = 1000000))]
    pub gen_max_len: u32,
    /// Most tokens of a judge's answer in words. Default 60.
    #[schemars(range(min = 1, max = 1000000))]
    pub answer_max_len: u32,
    /// Sampling temperature of the generator, 0 to 2. Default 1.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: f64,
    /// Sampling temperature of the judge's words, 0 to 2. Default 0.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub judge_temperature: f64,
    /// Completions asked for before one that holds no text, category or rating makes the candidate invalid. Default 3.
    #[schemars(range(min = 1, max = 1000))]
    pub attempts: u32,
}

impl Default for PoetrySettings {
    fn default() -> Self {
        Self {
            create: "Write a short poem. Reply with the poem alone.".into(),
            rewrite: "{text}\n\nMake a {genre} with a {tone} tone of the poem above. Reply with the new poem alone.".into(),
            question: "{text}\n\nWhich {axis} describes the poem above best? Answer with one of these alone: {categories}.".into(),
            rating: "{text}\n\nHow good is the poem above, from 1 (poor) to 10 (outstanding)? Answer as JSON: \
                     {\"rating\": NUMBER}"
                .into(),
            judged: Judged::Words,
            answer_prefix: "\n".into(),
            gen_max_len: 400,
            answer_max_len: 60,
            temperature: 1.0,
            judge_temperature: 0.0,
            attempts: 3,
        }
    }
}

impl PoetrySettings {
    /// Checks the templates, and that every axis has categories.
    pub(super) fn validate(&self, axes: &[AxisSettings]) -> Result<(), Invalid> {
        if axes.is_empty() {
            let hint = "add [[axes]] with name = \"genre\" and categories = [..]";
            return Err(Invalid::new("axes", "there is none", hint));
        }
        if let Some(i) = axes.iter().position(|axis| axis.categories.is_none()) {
            let hint = "list the categories in place of bins or ticks";
            return Err(Invalid::new(format!("axes[{i}].categories"), "is missing", hint));
        }
        let names = axes.iter().map(|axis| ("rewrite", &self.rewrite, axis.name.as_str()));
        let fixed = [
            ("rewrite", &self.rewrite, "text"),
            ("question", &self.question, "text"),
            ("question", &self.question, "categories"),
            ("rating", &self.rating, "text"),
        ];
        match names.chain(fixed).find(|(_, template, name)| !template.contains(&format!("{{{name}}}"))) {
            None if self.create.trim().is_empty() => {
                Err(Invalid::new("environment.create", "asks for nothing", "such as \"Write a short poem.\""))
            }
            None => Ok(()),
            Some((key, _, name)) => {
                let what = format!("lacks {{{name}}}");
                Err(Invalid::new(format!("environment.{key}"), what, "write it where the text belongs"))
            }
        }
    }
}
