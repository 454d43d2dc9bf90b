//! The prompts of `lmx_generation`, and how a completion becomes a text. Pure functions of strings.

use std::sync::Arc;

/// What stands between two examples.
const BETWEEN: &str = "\n###\n";

/// Stop sequences sent with the request: many servers take four at most. Newline runs are not among them, because
/// a completion may begin with one; [`tidy`] cuts at all.
pub const SERVER_STOPS: [&str; 4] = ["###", "\n#", "@@@", "\nHere"];

/// Where a completion is cut.
const CUTS: [&str; 6] = ["\n#", "###", "\n\n", "\r\n\r\n", "@@@", "\nHere"];

/// Marks that close a sentence.
const CLOSING: [char; 3] = ['.', '!', '?'];

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

/// A completion cut at the first stop sequence, trimmed, and closed with a full stop if it lacks a closing mark.
/// Empty if nothing is left.
pub fn tidy(completion: &str) -> String {
    let start = completion.trim_start();
    let end = CUTS.iter().filter_map(|cut| start.find(cut)).min().unwrap_or(start.len());
    let mut text = start[..end].trim_end().to_owned();
    let open = !text.trim_end_matches(['"', '\'', ')', '\u{201d}', '\u{2019}']).ends_with(CLOSING);
    if !text.is_empty() && open {
        text.push('.');
    }
    text
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

    #[test]
    fn a_completion_is_cut_at_the_first_stop_and_closed() {
        for (completion, text) in [
            ("\n\n I like peas", "I like peas."),
            ("I like peas!\n###\nSay: more", "I like peas!"),
            ("peas\n# title", "peas."),
            ("peas and\nbeans\n\nnext", "peas and\nbeans."),
            ("peas@@@", "peas."),
            ("peas\nHere is another", "peas."),
            ("she said \"peas.\"", "she said \"peas.\""),
            ("### peas", ""),
            ("  \n ", ""),
            ("", ""),
        ] {
            assert_eq!(tidy(completion), text, "{completion:?}");
        }
    }

    #[test]
    fn tidying_twice_changes_nothing() {
        for completion in ["\n a\nb", "é…", "x\n\n", "a?\"", "#"] {
            let once = tidy(completion);
            assert_eq!(tidy(&once), once, "{completion:?}");
        }
    }
}
