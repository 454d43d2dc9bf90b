//! Whether an answer is right. Pure functions of texts.

use samara_engine::Question;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an item is asked, and what counts as right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The judge writes; its first line must be one of the outputs, but for case, punctuation and spaces.
    #[default]
    Exact,
    /// The judge writes; one of the outputs must stand in the answer, as whole words.
    Contains,
    /// The judge reasons; one of the outputs must stand behind the last "answer is" or "answer:", or in the last line
    /// where there is neither.
    Final,
    /// The judge writes nothing: the most probable of `choices` must be one of the outputs.
    Choice,
}

impl Answer {
    /// Whether an answer that was written is right.
    pub fn accepts(self, answer: &str, outputs: &[String]) -> bool {
        let answer = crate::answer::text(answer);
        match self {
            Self::Exact => {
                let line = answer.lines().map(unlabelled).find(|line| !line.is_empty()).unwrap_or_default();
                let words = words(line);
                outputs.iter().any(|output| self::words(output) == words)
            }
            Self::Contains | Self::Choice => holds_any(&answer, outputs),
            Self::Final => holds_any(conclusion(&answer), outputs),
        }
    }
}

/// A line without the label that prompts end with.
fn unlabelled(line: &str) -> &str {
    let line = line.trim();
    let label = ["output:", "answer:"]
        .into_iter()
        .find(|label| line.get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label)));
    label.map_or(line, |label| line[label.len()..].trim())
}

/// What stands behind the last mark of a conclusion; the last line where there is none.
fn conclusion(answer: &str) -> &str {
    let lower = answer.to_ascii_lowercase();
    let marks = ["answer is", "answer:"];
    let end = marks.iter().filter_map(|mark| lower.rfind(mark).map(|at| at + mark.len())).max();
    end.map_or_else(|| answer.trim().lines().last().unwrap_or_default(), |end| &answer[end..])
}

fn holds_any(answer: &str, outputs: &[String]) -> bool {
    let answer = words(answer);
    outputs
        .iter()
        .map(|output| words(output))
        .any(|output| !output.is_empty() && answer.windows(output.len()).any(|window| window == output))
}

/// The words of a text in lower case. A sign before a digit and a point between two belong to their number; every other
/// mark stands between words.
pub fn words(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let digit = |at: Option<usize>| at.and_then(|at| characters.get(at)).is_some_and(char::is_ascii_digit);
    let belongs = |(at, c): (usize, &char)| match c {
        '-' => digit(Some(at + 1)) && !digit(at.checked_sub(1)),
        '.' => digit(Some(at + 1)) && digit(at.checked_sub(1)),
        c => c.is_alphanumeric(),
    };
    let plain: String =
        characters.iter().enumerate().map(|(at, c)| if belongs((at, c)) { *c } else { ' ' }).collect();
    plain.split_whitespace().map(str::to_owned).collect()
}

/// The question whose most probable answer is the choice.
pub fn question(prompt: String, prefix: &str, choices: &[String]) -> Question {
    Question { prompt, answers: choices.iter().map(|choice| format!("{prefix}{choice}")).collect() }
}

/// The position of the largest log-probability; the first of equal ones.
pub fn most_probable(log_probabilities: &[f64]) -> Option<usize> {
    let better = |held: Option<(usize, f64)>, (i, x): (usize, f64)| match held {
        Some((_, best)) if best >= x => held,
        _ => Some((i, x)),
    };
    log_probabilities
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, x)| !x.is_nan())
        .fold(None, better)
        .map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(form: Answer, answer: &str, outputs: &[&str]) -> bool {
        form.accepts(answer, &outputs.iter().map(|output| (*output).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn an_exact_answer_is_the_output_but_for_case_marks_and_spaces() {
        for answer in ["cold", " Cold.", "\nOutput: COLD\nInput: up", "\"cold\"", "cold<|im_end|>"] {
            assert!(accepted(Answer::Exact, answer, &["warm", "cold"]), "{answer:?}");
        }
        for answer in ["", "it is cold", "colder", "warm\ncold"] {
            assert!(!accepted(Answer::Exact, answer, &["cold"]), "{answer:?}");
        }
        assert!(!accepted(Answer::Exact, "5", &["-5"]) && accepted(Answer::Exact, "-5.", &["-5"]));
        assert!(!accepted(Answer::Exact, "15", &["1.5"]) && accepted(Answer::Exact, "A-B", &["a b"]));
    }

    #[test]
    fn an_output_is_found_as_whole_words_anywhere_or_in_the_conclusion() {
        assert!(accepted(Answer::Contains, "The opposite is cold, I think.", &["cold"]));
        assert!(!accepted(Answer::Contains, "The opposite is colder.", &["cold"]));
        assert!(!accepted(Answer::Contains, "Anything.", &[""]));
        let reasoned = "She has 8 and gives 3 away. So the answer is 5.";
        assert!(accepted(Answer::Final, reasoned, &["5"]) && !accepted(Answer::Final, reasoned, &["8"]));
        assert!(
            accepted(Answer::Final, "8 - 3\nis 5", &["5"]) && !accepted(Answer::Final, "5\nis 8 - 3", &["5"])
        );
    }

    #[test]
    fn the_first_of_the_most_probable_choices_counts() {
        assert_eq!(most_probable(&[-2.0, -1.0, -1.0]), Some(1));
        assert_eq!(most_probable(&[f64::NAN, f64::NEG_INFINITY]), Some(1));
        assert_eq!((most_probable(&[]), most_probable(&[f64::NAN])), (None, None));
    }
}
