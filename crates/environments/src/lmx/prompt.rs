//! The prompts of `lmx_generation`. Pure functions of strings; [`super::read`] makes a text of the answer.

use std::sync::Arc;

use crate::template;

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

/// The few-shot prompt: the template, `joint` and the example for each example, joined by `\n###\n`, and the template
/// alone at the end.
pub fn few_shot(template: &str, joint: &str, examples: &[Arc<str>]) -> String {
    let mut prompt = String::new();
    for example in examples {
        prompt.push_str(template);
        prompt.push_str(joint);
        prompt.push_str(example);
        prompt.push_str(BETWEEN);
    }
    prompt.push_str(template);
    prompt
}

/// How the judge is asked unless a template is set.
pub const FEEDBACK: &str = "### Instruction:\n{instruction}\n\n### Input:\n{genotype}\n\n### Response:";

/// What a template of the judge's prompt may name in braces: the question with its suffix, the text (by two names), and
/// the answers, with commas between them.
pub const PLACEHOLDERS: [&str; 4] = ["instruction", "genotype", "text", "answers"];

/// The judge's prompt, up to where its answer follows. `instruction` has its suffix.
pub fn feedback(template: &str, instruction: &str, text: &str, answers: &[String]) -> String {
    let answers = answers.join(", ");
    template::filled(template, |name| match name {
        "instruction" => instruction,
        "genotype" | "text" => text,
        "answers" => &answers,
        _ => "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_lists_its_examples_and_ends_with_the_template() {
        assert_eq!(
            few_shot("Say:", "\n", &["one.".into(), "two.".into()]),
            "Say:\none.\n###\nSay:\ntwo.\n###\nSay:"
        );
        assert_eq!(few_shot("Say:", "", &["one.".into()]), "Say:one.\n###\nSay:");
        assert_eq!(few_shot("Say:", "\n", &[]), "Say:");
    }

    #[test]
    fn the_feedback_prompt_ends_where_the_answer_follows() {
        let prompt = feedback(FEEDBACK, "Good? Please respond with a single word only.", "A text.", &[]);
        assert_eq!(
            prompt,
            "### Instruction:\nGood? Please respond with a single word only.\n\n### Input:\nA text.\n\n### Response:"
        );
    }

    #[test]
    fn a_template_of_ones_own_is_filled_and_what_a_text_says_in_braces_stays() {
        let answers = ["yes".to_owned(), "no".to_owned()];
        let prompt =
            feedback("{instruction} ({answers})\n### Input:{text}\n", "Good?", "{instruction}", &answers);
        assert_eq!(prompt, "Good? (yes, no)\n### Input:{instruction}\n");
    }
}
