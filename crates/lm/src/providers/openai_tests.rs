//! One test per trap of real servers' replies.

use proptest::prelude::*;

use super::*;
use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Answer, Endpoint, Operation, Value},
    types::ScoreMethod,
};

fn how(chat: bool) -> Endpoint {
    Endpoint { model: "m".into(), chat, completion_tokens: false }
}

fn decode(operation: &Operation<'_>, body: &[u8]) -> Result<Answer, AttemptError> {
    let unreadable = |_| AttemptError::malformed("not JSON");
    super::decode(operation, &serde_json::from_slice(body).map_err(unreadable)?)
}

fn echo(prompt: &str, answer: &str, reply: &Json) -> Result<f64, AttemptError> {
    let how = how(false);
    let operation = Operation::LogProbability { prompt, answer, method: ScoreMethod::Echo, how: &how };
    match decode(&operation, reply.to_string().as_bytes())?.value {
        Value::LogProbabilities(values) => Ok(values[0]),
        other => panic!("{other:?}"),
    }
}

fn echoed(tokens: &[&str], offsets: &[usize], values: &Json) -> Json {
    json!({"choices": [{"text": "", "logprobs": {"tokens": tokens, "text_offset": offsets, "token_logprobs": values}}]})
}

#[test]
fn an_echoed_answer_is_summed_without_the_prompt_and_the_generated_token() {
    let reply =
        echoed(&["Q", ":", " ye", "s", "!"], &[0, 1, 2, 5, 6], &json!([null, -9.0, -1.0, -0.5, -7.0]));
    assert_eq!(echo("Q:", " yes", &reply).expect("valid"), -1.5);
}

#[test]
fn offsets_may_count_characters_or_bytes() {
    let values = json!([null, -1.0, -0.25, -7.0]);
    let (prompt, answer) = ("é:", " né");
    let chars = echoed(&["é", ":", " né", "!"], &[0, 1, 2, 5], &values);
    let bytes = echoed(&["é", ":", " né", "!"], &[0, 2, 3, 7], &values);
    assert_eq!(echo(prompt, answer, &chars).expect("valid"), -0.25);
    assert_eq!(echo(prompt, answer, &bytes).expect("valid"), -0.25);
}

#[test]
fn what_a_server_goes_on_to_generate_until_a_character_is_complete_does_not_count() {
    // As llama-cpp-python replied to a request for one token, with a vocabulary of bytes.
    let recorded = |text: &str, tokens: &[&str], offsets: &[usize], values: Json| {
        let mut reply = echoed(tokens, offsets, &values);
        reply["choices"][0]["text"] = json!(text);
        reply
    };
    let values = json!([null, -5.5, -9.75, -7.5, -6.5, -5.25, -8.0, -2.75, -3.0, -2.5, -1.5]);
    let tokens = ["", "", "?", " ", "\"", "a", "\"", "", "", "", ""];
    let reply = recorded("ß? \"a\"Ѱ", &tokens, &[0, 0, 1, 2, 3, 4, 5, 6, 6, 6, 6], values);
    assert_eq!(echo("ß?", " \"a\"", &reply).expect("valid"), -27.25);
    let values = json!([null, -6.0, -5.25, -6.5, -5.0, -4.5, -2.75, -1.75, -3.0, -2.5, -2.5]);
    let tokens = ["Z", "", "", ":", "", "", "", "", "f", "J", "*"];
    let reply = recorded("Zé:éfJ*", &tokens, &[0, 1, 1, 2, 3, 3, 4, 4, 4, 5, 6], values);
    assert_eq!(echo("Zé:", "é", &reply).expect("valid"), -9.5);
    let values = json!([null, -6.0, -7.75, -9.25, -7.0, -2.75, -1.75, -2.25, -3.0]);
    let reply = recorded("四éʔ", &[""; 9], &[0, 0, 0, 1, 1, 2, 2, 2, 3], values);
    assert_eq!(echo("四", "é", &reply).expect("valid"), -16.25);
}

#[test]
fn bytes_of_one_character_are_several_tokens_without_text() {
    // "é" in two tokens, decoded cumulatively: both start where the character does.
    let values = json!([null, -9.0, -3.0, -0.5, -7.0]);
    let (prompt, answer) = ("ß:", "é");
    let chars = echoed(&["ß", ":", "", "é", "!"], &[0, 1, 2, 2, 3], &values);
    let bytes = echoed(&["ß", ":", "", "", "!"], &[0, 2, 3, 4, 5], &values);
    assert_eq!(echo(prompt, answer, &chars).expect("valid"), -3.5);
    assert_eq!(echo(prompt, answer, &bytes).expect("valid"), -3.5);
}

#[test]
fn the_unit_is_told_by_the_tokens_when_no_token_was_generated() {
    // Four characters in front make byte 5 look like the end in characters.
    let values = json!([null, -9.0, -2.0]);
    let bytes = echoed(&["ßß", ":", "no"], &[0, 4, 5], &values);
    assert_eq!(echo("ßß:", "no", &bytes).expect("valid"), -2.0);
    let chars = echoed(&["ßß", ":", "no"], &[0, 2, 3], &values);
    assert_eq!(echo("ßß:", "no", &chars).expect("valid"), -2.0);
}

proptest! {
    #[test]
    fn an_echo_is_summed_alike_in_bytes_and_in_characters(
        prompt in prop::collection::vec("[a-zß漢🦀 ]{1,3}", 1..5),
        answer in prop::collection::vec("[a-zß漢🦀 ]{1,3}", 1..4),
        generated: bool,
    ) {
        let pieces: Vec<&String> = prompt.iter().chain(&answer).collect();
        let mut values: Vec<Option<f64>> = (0..pieces.len()).map(|i| (i > 0).then_some(-(i as f64))).collect();
        let expected: f64 = values[prompt.len()..].iter().flatten().sum();
        let end = |length: fn(&str) -> usize| pieces.iter().scan(0, move |end, piece| {
            let start = *end;
            *end += length(piece);
            Some(start)
        }).collect::<Vec<usize>>();
        let (mut bytes, mut chars) = (end(str::len), end(|piece| piece.chars().count()));
        let (prompt, answer) = (prompt.concat(), answer.concat());
        let mut tokens: Vec<&str> = pieces.iter().map(|piece| piece.as_str()).collect();
        // Without a generated token, only a text that tells the units apart elsewhere can be placed.
        if generated || (prompt.len() > prompt.chars().count()) {
            if generated {
                tokens.push("!");
                values.push(Some(-100.0));
                bytes.push(prompt.len() + answer.len());
                chars.push(prompt.chars().count() + answer.chars().count());
            }
            prop_assert_eq!(echo(&prompt, &answer, &echoed(&tokens, &bytes, &json!(values))).expect("bytes"), expected);
            prop_assert_eq!(echo(&prompt, &answer, &echoed(&tokens, &chars, &json!(values))).expect("chars"), expected);
        }
    }
}

#[test]
fn a_token_that_straddles_the_border_belongs_to_the_answer() {
    let reply = echoed(&["Q", ": y", "es", "!"], &[0, 1, 4, 6], &json!([null, -2.0, -0.5, -7.0]));
    assert_eq!(echo("Q: ", "yes", &reply).expect("valid"), -2.5);
}

#[test]
fn without_offsets_tokens_are_placed_by_length_if_all_are_text() {
    let reply = |tokens: Json| json!({"choices": [{"logprobs": {"tokens": tokens, "token_logprobs": [null, -1.0, -0.5, -7.0]}}]});
    assert_eq!(echo("Q:", " no", &reply(json!(["Q", ":", " no", "!"]))).expect("valid"), -0.5);
    let unplaced = echo("Q:", " no", &reply(json!(["Q", "", " no", "!"]))).expect_err("can't be placed");
    assert_eq!(unplaced.kind, ErrorKind::Malformed);
}

#[test]
fn a_server_that_ignores_echo_or_gives_null_is_malformed() {
    for reply in [
        json!({"choices": [{"text": "4", "logprobs": null}]}),
        json!({"choices": [{"text": "4"}]}),
        echoed(&["4"], &[0], &json!([-0.1])),
        // The generated token alone, at its true place: an empty sum would be a certain answer.
        echoed(&["4"], &[5], &json!([-0.1])),
        echoed(&["o", "4"], &[4, 5], &json!([-0.1, -0.2])),
        echoed(&["Q", ":", " no", "!"], &[0, 1, 2, 5], &json!([null, -1.0, null, -7.0])),
        echoed(&["Q", ":", " no", "!"], &[0, 1, 2, 5], &json!([null, -1.0, 3.0, -7.0])),
        json!({"choices": []}),
        json!([]),
    ] {
        assert_eq!(echo("Q:", " no", &reply).expect_err("unusable").kind, ErrorKind::Malformed, "{reply}");
    }
}

#[test]
fn python_writes_nan_into_json_and_that_is_malformed() {
    let how = how(false);
    let operation =
        Operation::LogProbability { prompt: "Q", answer: "a", method: ScoreMethod::Echo, how: &how };
    let body = br#"{"choices":[{"logprobs":{"tokens":["Q","a","."],"text_offset":[0,1,2],"token_logprobs":[null,NaN,-1]}}]}"#;
    assert_eq!(decode(&operation, body).expect_err("no JSON").kind, ErrorKind::Malformed);
}

#[test]
fn prompt_logprobs_take_the_last_tokens_that_spell_the_answer() {
    let reply = json!({"prompt_logprobs": [
        null,
        {"5": {"logprob": -3.0, "rank": 1, "decoded_token": "Q"}},
        {"6": {"logprob": -0.1, "rank": 1, "decoded_token": " no"}, "7": {"logprob": -2.0, "rank": 4, "decoded_token": " ye"}},
        {"8": {"logprob": -0.5, "rank": 1, "decoded_token": "s"}},
    ]});
    assert_eq!(from_prompt_logprobs(&reply, "yes").expect("valid"), -2.5);
    let split = json!({"prompt_logprobs": [
        null,
        {"5": {"logprob": -9.0, "rank": 1, "decoded_token": ":"}},
        {"6": {"logprob": -3.0, "rank": 1, "decoded_token": ""}},
        {"7": {"logprob": -0.5, "rank": 1, "decoded_token": "é"}},
    ]});
    assert_eq!(from_prompt_logprobs(&split, "é").expect("valid"), -3.5);
    assert!(from_prompt_logprobs(&reply, "maybe").is_err());
    assert!(from_prompt_logprobs(&json!({}), "yes").is_err());
}

fn alternatives(entries: &Json, answers: &[&str]) -> Result<Vec<f64>, AttemptError> {
    let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    let reply = json!({"choices": [{"logprobs": {"content": [{"top_logprobs": entries}]}}]});
    match json::labels(&reply, &answers)? {
        Value::LogProbabilities(values) => Ok(values),
        other => panic!("{other:?}"),
    }
}

#[test]
fn spellings_of_a_label_are_merged_and_a_missing_one_is_bounded() {
    let entries = json!([
        {"token": "Yes", "logprob": 0.5_f64.ln()}, {"token": " yes", "logprob": 0.25_f64.ln()},
        {"token": "Maybe", "logprob": 0.01_f64.ln()},
    ]);
    let scores = alternatives(&entries, &["yes", "no"]).expect("valid");
    assert!((scores[0] - 0.75_f64.ln()).abs() < 1e-12);
    assert!((scores[1] - 0.01_f64.ln()).abs() < 1e-12);
    assert!(alternatives(&entries, &["left", "right"]).is_err(), "no label is among them");
}

#[test]
fn embeddings_are_put_in_order_and_must_be_complete() {
    let reply =
        json!({"data": [{"index": 1, "embedding": [3.0, 4.0]}, {"index": 0, "embedding": [1.0, 2.0]}]});
    let data = &reply["data"];
    let expected = Value::Vectors(vec![vec![1.0, 2.0], vec![3.0, 4.0]]);
    assert_eq!(vectors(data, 2).expect("valid"), expected);
    assert!(vectors(data, 3).is_err(), "one is missing");
    assert!(vectors(data, 1).is_err(), "one too many");
    assert!(vectors(&json!([{"embedding": [null]}]), 1).is_err());
}

#[test]
fn together_echoes_beside_the_choices_without_offsets_and_with_a_mark_in_front() {
    let logprobs = json!({"tokens": ["<s>", "Q", ":", " no"], "token_logprobs": [null, -1.0, -2.0, -0.5]});
    let reply = json!({
        "prompt": [{"text": "<s>Q: no", "logprobs": logprobs}],
        "choices": [{"text": "!", "logprobs": {"tokens": ["!"], "token_logprobs": [-7.0]}}],
    });
    assert_eq!(echo("Q:", " no", &reply).expect("valid"), -0.5);
}

#[test]
fn echo_asks_for_one_token_because_none_means_to_the_end_of_the_context() {
    let how = how(false);
    let operation =
        Operation::LogProbability { prompt: "Q", answer: "a", method: ScoreMethod::Echo, how: &how };
    let body = encode(&operation).expect("known").body.expect("a body");
    assert_eq!((&body["max_tokens"], &body["echo"]), (&json!(1), &json!(true)));
}

#[test]
fn a_server_may_give_fewer_choices_than_asked_for_and_more_are_dropped() {
    let choice = |text: &str| json!({"text": text, "finish_reason": "stop"});
    let reply = json!({"choices": [choice("a"), choice("b"), choice("c")]});
    assert_eq!(several(&reply, 2, false).expect("valid"), Value::Texts(vec!["a".into(), "b".into()]));
    assert_eq!(
        several(&reply, 9, false).expect("valid"),
        Value::Texts(["a", "b", "c"].map(str::to_owned).to_vec())
    );
    assert!(several(&json!({"choices": []}), 2, false).is_err());
}
