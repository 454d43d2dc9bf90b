//! What every reader of a model's answer needs: its text without the model's own marks, and words for one that holds
//! nothing. Knows nothing of prompts.

use samara_engine::Abort;
use samara_lm::{Completion, Finish};

/// Marks of chat templates and training texts that servers leave in: an answer ends at the first.
const ENDS: [&str; 10] = [
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|im_start|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<end_of_turn>",
    "<start_of_turn>",
    "</s>",
];

/// How many characters of an answer a reason quotes.
const QUOTED: usize = 80;

/// The answer up to the first mark of an end, with `\n` for every line break.
pub(crate) fn text(answer: &str) -> String {
    let end = ENDS.iter().filter_map(|mark| answer.find(mark)).min().unwrap_or(answer.len());
    answer[..end].replace("\r\n", "\n")
}

/// Why a candidate is invalid whose `attempts` answers held none of what was asked for; `what` says so, as in "held no
/// text". Names how the last of them began.
pub(crate) fn nothing(attempts: u32, what: &str, last: Option<&Completion>) -> Abort {
    Abort::invalid(reason(attempts, what, last))
}

/// The words of [`nothing`].
pub(crate) fn reason(attempts: u32, what: &str, last: Option<&Completion>) -> String {
    let counted = match attempts {
        1 => "the completion".to_owned(),
        many => format!("{many} completions in a row"),
    };
    let Some(last) = last else { return format!("{counted} {what}") };
    let came = match last.text.trim() {
        "" => "was empty".to_owned(),
        text => format!("began {}", quoted(text)),
    };
    let cut = if last.finish == Finish::Length { ", and was not finished at gen_max_len tokens" } else { "" };
    let of = if attempts == 1 { "it" } else { "the last" };
    format!("{counted} {what}; {of} {came}{cut}")
}

/// The first characters of a text in quotation marks, control characters escaped.
fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(QUOTED).collect();
    let more = if shown.len() < text.len() { " ..." } else { "" };
    format!("{shown:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use samara_lm::Usage;

    fn completion(text: &str, finish: Finish) -> Completion {
        Completion { text: text.to_owned(), finish, usage: Usage::default() }
    }

    #[test]
    fn an_answer_ends_at_a_mark_that_a_server_left_in() {
        assert_eq!(text("peas<|im_end|>\n<|im_start|>user"), "peas");
        assert_eq!(text("a\r\nb</s>"), "a\nb");
        assert_eq!(text("a <b> c"), "a <b> c");
    }

    #[test]
    fn a_reason_says_what_came_instead_of_what_was_asked_for() {
        let sorry = completion("I'm sorry,\nbut no.", Finish::Stop);
        assert_eq!(
            reason(3, "held no text", Some(&sorry)),
            "3 completions in a row held no text; the last began \"I'm sorry,\\nbut no.\""
        );
        let long = completion(&"é".repeat(81), Finish::Length);
        assert_eq!(
            reason(1, "held no text", Some(&long)),
            format!(
                "the completion held no text; it began \"{}\" ..., and was not finished at gen_max_len tokens",
                "é".repeat(80)
            )
        );
        let empty = completion(" \n", Finish::Stop);
        assert_eq!(
            reason(2, "held no text", Some(&empty)),
            "2 completions in a row held no text; the last was empty"
        );
    }
}
