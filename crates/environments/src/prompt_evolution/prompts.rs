//! What models are asked: templates with `{names}` in the places of texts. Pure functions of strings.

use samara_search::Invalid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{answers::Answer, data::Item};

/// How an item is asked unless `templates.item` is set, by a model that writes its answer.
const WRITTEN: &str = "{instruction}\n\nInput: {input}\nOutput:";
/// The same for the judge's choices: the form of its questions.
const CHOSEN: &str = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:";
const INDUCE: &str = "Here are inputs, each with the output that is right for it.\n\n{examples}\n\nWrite the instruction that tells \
                      somebody who has never seen these how to get from an input to its output.\nInstruction:";
const REWRITE: &str = "Here is an instruction, and inputs with the outputs that it should lead to.\n\nInstruction: \
                       {instruction}\n\n{examples}\n\nWrite a different instruction for the same task, one that is followed more \
                       reliably.\nInstruction:";
const CROSSOVER: &str = "{instructions}Instruction:";
const CONTINUE: &str = "### Instruction:\n{beginning}";
/// What a chat model is told above every prompt that asks for an instruction.
const ALONE: &str = "Reply with one instruction alone: no preface, no quotation marks, no explanation.";

/// The `[environment.templates]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub struct Templates {
    /// How an item is asked, with `{instruction}` and `{input}`. Default: the instruction, and below it the input and
    /// `Output:`; for `choice` the form of the judge's questions.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub item: String,
    /// How an instruction is found from `{examples}`.
    pub induce: String,
    /// How `{instruction}` is rewritten; `{examples}` are items.
    pub rewrite: String,
    /// How a list of `{instructions}` is continued: each stands behind `Instruction:`, with a blank line between them.
    pub crossover: String,
    /// How the `{beginning}` of an instruction is finished.
    #[serde(rename = "continue")]
    pub finish: String,
    /// What chat models are told above a prompt that asks for an instruction; empty for nothing. Models that continue a
    /// text never see it.
    pub instructions: String,
}

impl Default for Templates {
    fn default() -> Self {
        Self {
            item: String::new(),
            induce: INDUCE.into(),
            rewrite: REWRITE.into(),
            crossover: CROSSOVER.into(),
            finish: CONTINUE.into(),
            instructions: ALONE.into(),
        }
    }
}

impl Templates {
    /// Refuses templates that leave out what they are for.
    pub(super) fn validate(&self, answer: Answer) -> Result<(), Invalid> {
        for (key, template, names) in [
            ("item", self.item_of(answer), &["instruction", "input"][..]),
            ("induce", &self.induce, &["examples"]),
            ("rewrite", &self.rewrite, &["instruction"]),
            ("crossover", &self.crossover, &["instructions"]),
            ("continue", &self.finish, &["beginning"]),
        ] {
            if let Some(name) = names.iter().find(|name| !template.contains(&format!("{{{name}}}"))) {
                let key = format!("environment.templates.{key}");
                return Err(Invalid::new(
                    key,
                    format!("lacks {{{name}}}"),
                    "write it where the text belongs",
                ));
            }
        }
        Ok(())
    }

    /// The template of an item.
    pub fn item_of(&self, answer: Answer) -> &str {
        match (&*self.item, answer) {
            ("", Answer::Choice) => CHOSEN,
            ("", _) => WRITTEN,
            (item, _) => item,
        }
    }
}

/// A template with texts in the places of its names. What the texts hold is never taken for a name.
pub fn fill(template: &str, texts: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        let named = texts
            .iter()
            .find(|(name, _)| rest[1..].strip_prefix(name).is_some_and(|behind| behind.starts_with('}')));
        let taken = match named {
            Some((name, text)) => {
                filled.push_str(text);
                name.len() + 2
            }
            None => {
                filled.push('{');
                1
            }
        };
        rest = &rest[taken..];
    }
    filled + rest
}

/// Items as prompts show them: the first output of each.
pub fn examples(items: &[&Item]) -> String {
    let shown = |item: &&Item| {
        let output = item.outputs.first().map_or("", String::as_str);
        format!("Input: {}\nOutput: {output}", item.input)
    };
    items.iter().map(shown).collect::<Vec<_>>().join("\n\n")
}

/// A list of instructions, each with a blank line below it.
pub fn list(instructions: &[&str]) -> String {
    instructions.iter().map(|text| format!("Instruction: {text}\n\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_once_and_what_is_put_there_stays_as_it_is() {
        let texts = [("input", "{instruction}"), ("instruction", "say {input}"), ("in", "no")];
        assert_eq!(
            fill("{instruction}: {input} {x} { {in}{", &texts),
            "say {input}: {instruction} {x} { no{"
        );
    }

    #[test]
    fn a_template_without_its_place_is_refused() {
        assert_eq!(Templates::default().validate(Answer::Exact), Ok(()));
        assert_eq!(Templates::default().validate(Answer::Choice), Ok(()));
        let key = |change: fn(&mut Templates)| {
            let mut templates = Templates::default();
            change(&mut templates);
            templates.validate(Answer::Exact).expect_err("must be refused").key
        };
        assert_eq!(key(|t| t.item = "{input}".into()), "environment.templates.item");
        assert_eq!(key(|t| t.finish = String::new()), "environment.templates.continue");
    }
}
