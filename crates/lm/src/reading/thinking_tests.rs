//! Thoughts as models and servers write them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn finished(answer: &str) -> Parted<'_> {
    Parted { answer, thought: Thought::Finished }
}

const NOTHING: Parted<'static> = Parted { answer: "", thought: Thought::Unfinished };

#[test]
fn thoughts_at_the_beginning_are_no_part_of_the_answer() {
    for (open, close) in MARKS {
        let text = format!("\n{open}\nOkay, beans.\n{close}\n\nI love beans.");
        assert_eq!(part(&text), finished("I love beans."), "{open}");
        let unfinished = format!("{open}\nOkay, the user wants beans");
        assert_eq!(part(&unfinished), NOTHING, "{open}");
        let unopened = format!("Okay, beans.\n{close}\n\nI love beans.");
        assert_eq!(part(&unopened), finished("I love beans."), "{close}");
        let empty = format!("{open}\n\n{close}\n\nI love beans.");
        assert_eq!(part(&empty), finished("I love beans."), "{open}");
    }
    assert_eq!(part("<THINK>a</Think>b"), finished("b"));
    assert_eq!(part("<think>a</think><think>b</think>c"), finished("c"));
    assert_eq!(part("<think>a <think>b</think> c</think>d"), finished("d"));
    assert_eq!(part("<think>a <think> b</think>d"), finished("d"), "an inner mark is only mentioned");
    assert_eq!(part("a</think>b</think>c"), finished("c"));
    assert_eq!(part("<think>a</think>b</think>c"), finished("c"));
    assert_eq!(part("<think>a</think>\n"), finished(""));
    assert_eq!(part("<think>é漢</think>🦀"), finished("🦀"));
}

#[test]
fn a_program_in_the_thoughts_is_no_program() {
    let text = "<think>\n```python\ndef draw():\n    return WRONG\n```\nNo.\n</think>\n\n```python\ndef draw():\n    return RIGHT\n```\n";
    assert_eq!(part(text), finished("```python\ndef draw():\n    return RIGHT\n```\n"));
}

#[test]
fn a_text_that_mentions_thinking_stays_as_it_is() {
    for text in [
        " I love beans.",
        "",
        "\n",
        "A story about a robot that says <think> before it speaks.",
        "It writes <think>like this</think> and goes on.",
        "[think] He walks to the window. [/think]",
        "<thinker> is no mark",
        "a < b and b > c",
        "<",
        "<th",
        "The <think> and the <thinking>",
        "analysis of beans",
    ] {
        assert_eq!(part(text), Parted { answer: text, thought: Thought::No }, "{text}");
    }
}

#[test]
fn a_mark_that_was_cut_leaves_nothing() {
    for text in [
        "<thi",
        "<think",
        " <seed:th",
        "[THINK",
        "<|chan",
        "<|channel|>analysis",
        "<|channel|>analysis<|message|>Hm",
        "<|start|>assis",
    ] {
        assert_eq!(part(text), NOTHING, "{text}");
    }
}

#[test]
fn of_a_text_in_harmony_format_the_final_message_is_the_answer() {
    for text in [
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>I love beans.<|return|>",
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>I love beans.",
        "<|start|>assistant<|channel|>analysis<|message|>Say <|channel|>final<|message|>?<|end|><|start|>assistant<|channel|>final <|constrain|>text<|message|>I love beans.<|end|>",
        "Hm.<|end|><|start|>assistant<|channel|>final<|message|>I love beans.",
        "analysisThe user wants beans.assistantfinalI love beans.",
    ] {
        assert_eq!(part(text), finished("I love beans."), "{text}");
    }
    let only = "<|channel|>final<|message|>I love beans.<|return|>";
    assert_eq!(part(only), Parted { answer: "I love beans.", thought: Thought::No });
}

#[test]
fn marks_around_the_answer_are_taken_off() {
    assert_eq!(part("<think>a</think>\n<answer>\nI love beans.\n</answer>"), finished("I love beans."));
    assert_eq!(part("<think>a</think><answer>I love"), finished("I love"));
    assert_eq!(part("<answer>b</answer>"), Parted { answer: "<answer>b</answer>", thought: Thought::No });
}

#[test]
fn content_may_be_a_list_of_parts() {
    let parts = json!({"content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Okay."}], "closed": true},
        {"type": "text", "text": "I love"}, {"type": "output_text", "text": {"value": " beans."}}, " Much.",
        {"type": "image_url", "image_url": {"url": "x"}},
    ]});
    let said_text = said(&parts);
    assert_eq!(said_text.answer.as_deref(), Some("I love beans. Much."));
    assert_eq!(said_text.thought, Thought::Finished);
    assert!(!said_text.only_thought());
    let thinking = said(&json!({"content": [{"type": "thinking", "thinking": "Okay"}]}));
    assert_eq!((thinking.answer.clone(), thinking.thought), (None, Thought::Unfinished));
    assert!(thinking.only_thought());
    let refused = said(&json!({"content": [{"type": "refusal", "refusal": "I can't."}]}));
    assert_eq!(refused.refusal.as_deref(), Some("I can't."));
    assert!(!refused.only_thought());
    assert_eq!(said(&json!({"content": null, "refusal": "No."})).refusal.as_deref(), Some("No."));
}

#[test]
fn thoughts_in_fields_of_their_own_are_noticed() {
    for (name, value) in [
        ("reasoning_content", json!("Okay")),
        ("reasoning", json!("Okay")),
        ("thinking", json!("Okay")),
        ("reasoning_details", json!([{"type": "reasoning.text", "text": "Okay"}])),
    ] {
        for content in [json!(null), json!(""), json!("\n")] {
            let message = json!({"content": content, name: value});
            assert!(said(&message).only_thought(), "{message}");
        }
        let message = json!({"content": "beans", name: value});
        assert!(!said(&message).only_thought());
        assert_eq!(said(&message).thought, Thought::Finished);
    }
    let plain =
        said(&json!({"content": "", "reasoning_content": "", "reasoning": null, "reasoning_details": []}));
    assert_eq!((plain.answer.as_deref(), plain.thought), (Some(""), Thought::No));
    assert_eq!(said(&json!({"content": null})), Said::default());
    assert_eq!(said(&json!("no object")), Said::default());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_and_the_answer_is_the_texts_end(
        any: String, marked in "(<think>|</think>|<thinking>|</thinking>|\\[THINK\\]|<\\|channel\\|>final|<\\|message\\|>|<\\|end\\|>|◁think▷|◁/think▷|<answer>|é| |a){0,12}",
    ) {
        for text in [&any, &marked] {
            let parted = part(text);
            prop_assert!(text.contains(parted.answer));
            prop_assert!(parted.thought != Thought::Unfinished || parted.answer.is_empty());
        }
    }

    #[test]
    fn an_answer_behind_any_thoughts_is_found_whole(
        thoughts in "[a-zA-Z .\n<>/]{0,40}", answer in "[a-zA-Z][a-zA-Z .\n]{0,40}", which in 0..MARKS.len(),
    ) {
        let (open, close) = MARKS[which];
        prop_assume!(MARKS.iter().all(|(open, close)| count(&thoughts, open) == 0 && count(&thoughts, close) == 0));
        let text = format!("{open}{thoughts}{close}\n\n{answer}");
        prop_assert_eq!(part(&text), finished(&answer));
    }
}
