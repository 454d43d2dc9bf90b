//! Alternatives in the shapes of servers.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn answers(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn pairs(reply: &Json) -> Vec<(String, f64)> {
    let alternatives = first_token(reply).expect("alternatives");
    alternatives.listed.into_iter().map(|alternative| (alternative.text, alternative.log)).collect()
}

fn chat(entries: &Json) -> Json {
    json!({"choices": [{"message": {"content": "yes"}, "logprobs": {"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": entries}]}}]})
}

#[test]
fn alternatives_are_found_in_every_shape() {
    let list = json!([{"token": "yes", "logprob": -0.125}, {"token": " no", "logprob": -2.5}]);
    let expected = vec![("yes".to_owned(), -0.125), (" no".to_owned(), -2.5)];
    for reply in [
        chat(&list),
        json!({"choices": [{"text": "yes", "logprobs": {"content": [{"top_logprobs": list}]}}]}),
        json!({"choices": [{"text": "yes", "logprobs": {"top_logprobs": [list, []]}}]}),
        json!({"completion_probabilities": [{"token": "yes", "top_logprobs": list}]}),
        json!({"response": "yes", "logprobs": [{"token": "yes", "top_logprobs": list}]}),
        json!({"details": {"top_tokens": [[{"text": "yes", "logprob": -0.125, "special": false}, {"text": " no", "logprob": -2.5}]]}}),
    ] {
        assert_eq!(pairs(&reply), expected, "{reply}");
    }
    for map in
        [json!({"yes": -0.125, " no": -2.5}), json!({"yes": {"logprob": -0.125}, " no": {"logprob": -2.5}})]
    {
        let mut found = pairs(&json!({"choices": [{"logprobs": {"top_logprobs": [map]}}]}));
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        assert_eq!(found, expected);
    }
    let probabilities = json!({"completion_probabilities": [{"probs": [{"tok_str": "yes", "prob": 0.5}, {"tok_str": "no", "prob": 0.0}]}]});
    assert_eq!(pairs(&probabilities), [("yes".to_owned(), 0.5_f64.ln())]);
    let after_sampling = json!({"completion_probabilities": [{"token": "yes", "prob": 0.5, "top_probs": [{"token": "yes", "prob": 0.25}]}]});
    assert_eq!(pairs(&after_sampling), [("yes".to_owned(), 0.25_f64.ln())]);
}

#[test]
fn an_alternative_that_cannot_come_is_passed_over() {
    for bad in [
        json!(null),
        json!("-inf"),
        json!("-Infinity"),
        json!("NaN"),
        json!(77777),
        json!(-9999.0),
        json!(-1e30),
        json!("sk-canary"),
        json!([]),
    ] {
        let found = first_token(&chat(&json!([
            {"token": "yes", "logprob": -0.125}, {"token": "<s>", "logprob": bad}, {"token": "no", "logprob": "-2.5"},
        ])));
        let found = found.expect("alternatives");
        assert_eq!((found.listed.len(), found.impossible), (2, 1), "{bad}");
        assert_eq!(found.of(&answers(&["yes", "no"])).logs[1], -2.5);
        let none = first_token(&chat(&json!([{"token": "yes", "logprob": bad}])));
        assert_eq!(none, Err(NoAlternatives::Impossible), "{bad}");
    }
    assert_eq!(log_probability(&json!(0.0005)), Some(0.0), "rounding lifts it above 0");
}

#[test]
fn a_reply_without_alternatives_says_so() {
    for reply in [
        json!({"choices": [{"text": "yes", "logprobs": null}]}),
        json!({"choices": [{"text": "yes"}]}),
        chat(&json!([])),
        chat(&json!(null)),
        json!({"choices": [{"logprobs": {"top_logprobs": [null]}}]}),
        json!({"choices": []}),
        json!([]),
        json!("x"),
    ] {
        assert_eq!(first_token(&reply), Err(NoAlternatives::Missing), "{reply}");
    }
}

#[test]
fn marks_of_vocabularies_are_cleaned() {
    for (token, text) in [
        ("Ġyes", " yes"),
        ("▁yes", " yes"),
        ("\\u0120yes", " yes"),
        ("\\u2581yes", " yes"),
        ("Ċ", "\n"),
        ("ĊĊĠyes", "\n\n yes"),
        ("<0x0A>", "\n"),
        ("<0xE6>", "\u{fffd}"),
        ("<0xZZ>", "<0xZZ>"),
        ("yes", "yes"),
        ("", ""),
        ("<think>", "<think>"),
    ] {
        assert_eq!(clean(token), text, "{token}");
    }
    let by_bytes = chat(&json!([{"token": "token_id:7", "bytes": [32, 121, 101, 115], "logprob": -0.5}]));
    assert_eq!(pairs(&by_bytes), [(" yes".to_owned(), -0.5)]);
    let without = chat(
        &json!([{"token": "yes", "bytes": null, "logprob": -0.5}, {"token": "no", "bytes": [], "logprob": -1.0}]),
    );
    assert_eq!(pairs(&without).len(), 2);
}

#[test]
fn spellings_of_an_answer_are_one_and_a_missing_one_is_bounded() {
    let found = first_token(&chat(&json!([
        {"token": "Yes", "logprob": 0.5_f64.ln()}, {"token": "Ġyes", "logprob": 0.125_f64.ln()},
        {"token": "\"yes", "logprob": 0.0625_f64.ln()}, {"token": "Maybe", "logprob": 0.015_625_f64.ln()},
    ])));
    let of = found.expect("alternatives").of(&answers(&["yes", "no"]));
    assert!((of.logs[0] - 0.6875_f64.ln()).abs() < 1e-12);
    assert!((of.logs[1] - 0.015_625_f64.ln()).abs() < 1e-12);
    assert!((of.mass - 0.6875).abs() < 1e-12);
    assert_eq!(of.listed, [true, false]);
    let alone =
        first_token(&chat(&json!([{"token": "yes", "logprob": 0.75_f64.ln()}]))).expect("an alternative");
    assert!(
        (alone.of(&answers(&["yes", "no"])).logs[1] - 0.25_f64.ln()).abs() < 1e-12,
        "the rest is left for it"
    );
}

#[test]
fn the_beginning_of_an_answer_counts_if_it_is_unmistakable() {
    let labels = answers(&["positive", "negative", "neutral"]);
    for (token, expected) in [
        ("pos", Some(0)),
        (" Positive", Some(0)),
        ("**neg", Some(1)),
        ("ne", None),
        ("n", None),
        ("p", None),
        ("", None),
        ("\n", None),
        ("not", None),
        ("negatively", None),
    ] {
        assert_eq!(answer_of(token, &labels), expected, "{token}");
    }
    assert_eq!(answer_of("+", &answers(&["+", "-"])), Some(0));
    assert_eq!(answer_of("!", &answers(&["+", "-"])), None);
}

#[test]
fn answers_that_hold_next_to_nothing_are_seen_by_their_mass() {
    let thinking = json!([
        {"token": "<think>", "logprob": -0.00039}, {"token": "<", "logprob": -9.1}, {"token": "negative", "logprob": -14.5},
        {"token": "positive", "logprob": -17.5},
    ]);
    let found = first_token(&chat(&thinking)).expect("alternatives");
    assert!(found.mass() > 0.99);
    let of = found.of(&answers(&["positive", "negative"]));
    assert!(of.mass < 1e-3 && of.mass > 0.0, "{}", of.mass);
    assert_eq!(found.of(&answers(&["left", "right"])).mass, 0.0);
}

proptest! {
    #[test]
    fn masses_are_probabilities_and_logs_are_logs(
        entries in prop::collection::vec(("[a-zĠ▁ \"]{0,5}", -1e4_f64..1.0), 0..8), labels in prop::collection::vec("[a-z]{1,4}", 2..4),
    ) {
        let list: Vec<Json> = entries.iter().map(|(token, log)| json!({"token": token, "logprob": log})).collect();
        if let Ok(found) = first_token(&chat(&json!(list))) {
            prop_assert_eq!(found.listed.len() + found.impossible, list.len());
            let of = found.of(&labels);
            prop_assert!((0.0..=1.0).contains(&of.mass) && (0.0..=1.0).contains(&found.mass()));
            prop_assert!(of.logs.iter().all(|log| log.is_finite() && *log <= 0.0));
        }
    }
}
