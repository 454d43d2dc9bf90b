//! The prompts of `lmx_generation`. Pure functions of strings; [`super::read`] makes a text of the answer.

use std::sync::Arc;

/// What stands between two examples.
const BETWEEN: &str = "\n###\n";

/// What a chat model is told above a prompt with examples, unless `environment.instructions` is set.
const CONTINUE: &str = "Continue the list below with one new entry, which stands below the last line. Reply with the text \
                        of that entry alone: no preface, no title, no quotation marks, no explanation.";

/// What it is told above a prompt without examples.
const WRITE: &str = "Write the text that the line below announces. Reply with that text alone: no preface, no title, no \
                     quotation marks, no explanation.";

/// The usual instructions for chat models, above a prompt with so many examples.
pub fn instructions(examples: usize) -> &'static str {
    if examples == 0 { WRITE } else { CONTINUE }
}

/// The few-shot prompt: `template + example` for each example, joined by `\n###\n`, and the template alone at the
/// end. The example stands on the line below its template.
pub fn few_shot(template: &str, examples: &[Arc<str>]) -> String {
    let mut prompt = String::new();
    for example in examples {
        prompt.push_str(template);
        prompt.push('\n');
        prompt.push_str(example);
        prompt.push_str(BETWEEN);
    }
    prompt.push_str(template);
    prompt
}

/// The judge's prompt, up to where its answer follows.
pub fn feedback(instruction: &str, suffix: &str, text: &str) -> String {
    format!("### Instruction:\n{instruction}{suffix}\n\n### Input:\n{text}\n\n### Response:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_lists_its_examples_and_ends_with_the_template() {
        assert_eq!(
            few_shot("Say:", &["one.".into(), "two.".into()]),
            "Say:\none.\n###\nSay:\ntwo.\n###\nSay:"
        );
        assert_eq!(few_shot("Say:", &[]), "Say:");
    }

    #[test]
    fn the_feedback_prompt_ends_where_the_answer_follows() {
        let prompt = feedback("Good?", " Please respond with a single word only.", "A text.");
        assert_eq!(
            prompt,
            "### Instruction:\nGood? Please respond with a single word only.\n\n### Input:\nA text.\n\n### Response:"
        );
    }
}
