//! Errors as vendors shape them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn check(reply: &Json, words: &str, code: Option<&str>, persistence: Persistence) {
    let fault = in_reply(reply).unwrap_or_else(|| panic!("{reply}"));
    assert_eq!(
        (fault.words.as_str(), fault.code.as_deref(), fault.persistence),
        (words, code, persistence),
        "{reply}"
    );
    assert_eq!(read(reply).words, words, "with a bad status it says the same");
}

#[test]
fn an_error_is_found_in_every_shape_and_told_in_its_vendors_words() {
    let minimax = |code: i64, message: &str| json!({"id": "x", "choices": null, "base_resp": {"status_code": code, "status_msg": message}});
    use Persistence::{Lasting, Passing, Unknown};
    for (reply, words, code, persistence) in [
        (json!({"error": {"message": "Bad key", "code": 401}}), "Bad key", "401", Lasting),
        (
            json!([{"error": {"code": 429, "message": "no more", "status": "RESOURCE_EXHAUSTED"}}]),
            "no more",
            "RESOURCE_EXHAUSTED",
            Passing,
        ),
        (minimax(1004, "login fail"), "login fail", "1004", Lasting),
        (minimax(1002, "rate limit"), "rate limit", "1002", Passing),
        (json!({"error_code": 110, "error_msg": "Bad token"}), "Bad token", "110", Lasting),
        (json!({"code": 1000, "msg": "Bad key", "success": false}), "Bad key", "1000", Lasting),
        (
            json!({"detail": [{"loc": ["body", "seed"], "msg": "Not permitted", "type": "extra_forbidden"}]}),
            "body.seed: Not permitted",
            "extra_forbidden",
            Lasting,
        ),
        (
            json!({"object": "error", "message": "No such model.", "type": "NotFoundError", "param": null, "code": 404}),
            "No such model.",
            "NotFoundError",
            Lasting,
        ),
        (
            json!({"success": false, "errors": [{"code": 10000, "message": "Bad key"}], "result": null}),
            "Bad key",
            "10000",
            Unknown,
        ),
        (
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            "Overloaded",
            "overloaded_error",
            Passing,
        ),
        (
            json!({"error": {"message": "No credit", "type": "insufficient_quota", "code": 429}}),
            "No credit",
            "insufficient_quota",
            Lasting,
        ),
    ] {
        check(&reply, words, Some(code), persistence);
    }
}

#[test]
fn an_error_without_a_code_is_one_all_the_same() {
    for (reply, words) in [
        (json!({"error": "Bad key"}), "Bad key"),
        (
            json!({"error": "Unexpected endpoint or method. (GET /models)"}),
            "Unexpected endpoint or method. (GET /models)",
        ),
        (json!({"detail": "Not authenticated"}), "Not authenticated"),
        (json!("Too many requests"), "Too many requests"),
        (json!({"message": "no Route matched with those values"}), "no Route matched with those values"),
        (json!({"error": ["first", {"message": "second"}]}), "first; second"),
        (json!({"error": {"reason": "odd"}}), "{\"error\":{\"reason\":\"odd\"}}"),
    ] {
        check(&reply, words, None, Persistence::Unknown);
    }
}

#[test]
fn an_account_without_credit_is_told_from_a_limit_that_passes() {
    let of = |kind: &str, code: &Json| {
        read(&json!({"error": {"message": "x", "type": kind, "code": code}})).no_credit
    };
    assert!(of("insufficient_quota", &json!(null)) && of("rate_limit_error", &json!("insufficient_quota")));
    assert!(!of("invalid_request_error", &json!("rate_limit_exceeded")) && !of("requests", &json!(429)));
}

#[test]
fn a_good_reply_is_no_error() {
    for reply in [
        json!({"choices": [{"message": {"content": "beans"}, "finish_reason": "stop"}], "error": null}),
        json!({"choices": [{"text": "beans", "error": null}], "error": false}),
        json!({"choices": [{"text": "beans"}], "error": ""}),
        json!({"choices": [{"text": "beans"}], "error": {}}),
        json!({"choices": [{"text": "beans"}], "error": []}),
        json!({"choices": [{"text": "beans"}], "message": "cached", "code": 0, "detail": "fast"}),
        json!({"choices": [{"text": "beans"}], "base_resp": {"status_code": 0, "status_msg": ""}}),
        json!({"choices": [{"text": "beans"}], "success": true, "code": 200, "msg": "ok"}),
        json!({"data": [{"id": "m"}], "object": "list"}),
        json!({"message": {"role": "assistant", "content": "beans"}, "done": true}),
        json!({"response": "beans", "done": true, "code": 7, "message": "x"}),
        json!({"type": "message", "content": [{"type": "text", "text": "an error"}]}),
        json!({"generated_text": "an error", "details": {"finish_reason": "length"}}),
        json!({"code": 0, "message": "ok"}),
        json!([{"embedding": [1.0]}]),
        json!([[1.0, 2.0]]),
        json!({}),
        json!(null),
        json!(7),
    ] {
        assert_eq!(in_reply(&reply), None, "{reply}");
    }
}

#[test]
fn an_error_beside_or_inside_the_choices_counts() {
    let beside = json!({"choices": [{"text": "half"}], "error": {"message": "lost", "code": 502}});
    assert_eq!(
        in_reply(&beside).map(|fault| (fault.words, fault.persistence)),
        Some(("lost".to_owned(), Persistence::Passing))
    );
    let inside = json!({"choices": [
        {"message": {"content": "whole"}, "finish_reason": "stop"},
        {"message": {"content": "Beans are the best thing since sli"}, "finish_reason": "error",
         "error": {"code": 502, "message": "Upstream connection lost", "metadata": {"provider_name": "X"}}},
    ]});
    let fault = in_reply(&inside).expect("an error");
    assert_eq!((fault.words.as_str(), fault.persistence), ("Upstream connection lost", Persistence::Passing));
    for (finish, persistence) in [
        ("error", Persistence::Passing),
        ("abort", Persistence::Passing),
        ("content_filter", Persistence::Lasting),
    ] {
        let reply = json!({"choices": [{"message": {"content": "half"}, "finish_reason": finish}]});
        let fault = in_reply(&reply).expect("an error");
        assert_eq!((fault.code.as_deref(), fault.persistence), (Some(finish), persistence));
    }
}

#[test]
fn choices_that_are_missing_are_an_error_only_where_they_were_asked_for() {
    for reply in [
        json!({"choices": null}),
        json!({"choices": []}),
        json!({"choices": {}}),
        json!({"id": "x"}),
        json!([]),
    ] {
        assert_eq!(in_reply(&reply), None, "{reply}");
        assert_eq!(in_choices(&reply).map(|fault| fault.persistence), Some(Persistence::Passing), "{reply}");
    }
    assert_eq!(in_choices(&json!({"choices": [{"text": ""}]})), None);
    let error = json!({"choices": [], "error": "lost"});
    assert_eq!(in_choices(&error).map(|fault| fault.words), Some("lost".to_owned()));
}

/// Names of fields, those that were only guessed with a question mark.
fn names(fault: &Fault) -> Vec<String> {
    fault
        .fields
        .iter()
        .map(|field| format!("{}{}", field.name, if field.guessed { "?" } else { "" }))
        .collect()
}

#[test]
fn the_field_that_an_error_complains_about_is_named() {
    for (body, expected) in [
        (
            json!({"error": {"message": "Unsupported parameter: 'stop' is not supported with this model.", "param": "stop"}}),
            &["stop"][..],
        ),
        (json!({"error": {"message": "Unsupported parameter: 'stop' is not supported."}}), &["stop?"]),
        (
            json!({"object": "error", "message": {"detail": [
                {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": 1},
                {"type": "extra_forbidden", "loc": ["body", "top_logprobs"], "msg": "Extra inputs are not permitted"},
            ]}, "param": null}),
            &["seed", "top_logprobs"],
        ),
        (
            json!([{"error": {"code": 400, "message": "Invalid JSON payload received. Unknown name \"seed\": Cannot find field.\nInvalid JSON payload received. Unknown name \"logprobs\": Cannot find field."}}]),
            &["seed?", "logprobs?"],
        ),
        (
            json!({"error": {"message": "bad", "details": [{"fieldViolations": [{"field": "generation_config.seed", "description": "no"}]}]}}),
            &["seed"],
        ),
        (
            json!({"error": {"message": "Input validation error: `seed` must not be set when `best_of` > 1"}}),
            &["seed?", "best_of?"],
        ),
        (json!({"error": {"message": "temperature and top_p cannot both be specified"}}), &["top_p?"]),
        (json!({"error": "please stop asking for n things"}), &[]),
        (json!({"error": {"message": "The model `m` has been decommissioned"}}), &[]),
    ] {
        assert_eq!(names(&read(&body)), expected, "{body}");
    }
}

#[test]
fn what_is_wanted_instead_is_no_complaint() {
    let words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    for body in [json!({"error": {"message": words, "param": "max_tokens"}}), json!({"error": words})] {
        let fault = read(&body);
        assert_eq!(fault.fields[0].name, "max_tokens");
        assert_eq!((fault.fields.len(), fault.instead.as_deref()), (1, Some("max_completion_tokens")));
    }
}

#[test]
fn the_vendors_error_inside_a_gateways_is_told_too() {
    let raw = "{\"error\": {\"message\": \"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.\"}}";
    let body = json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw, "provider_name": "Azure"}}});
    let fault = read(&body);
    assert!(
        fault.words.starts_with("Provider returned error; Invalid 'max_output_tokens'"),
        "{}",
        fault.words
    );
    assert_eq!((names(&fault), fault.at_least), (vec!["max_output_tokens?".to_owned()], Some(16)));
    let pydantic =
        json!({"detail": [{"loc": ["body", "max_tokens"], "msg": "too small", "ctx": {"ge": 16}}]});
    assert_eq!(read(&pydantic).at_least, Some(16));
    let stringified = json!({"error": "{\"error\":{\"message\":\"inner\",\"code\":\"server_error\"}}"});
    assert_eq!(
        (read(&stringified).words.as_str(), read(&stringified).persistence),
        ("inner", Persistence::Passing)
    );
}

/// JSON values in which the fields are those that errors have.
fn errors() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "[a-z_'`\"{}\\[\\]>= 0-9é]{0,30}".prop_map(Json::from),
    ];
    let name = prop::sample::select(vec![
        "error",
        "errors",
        "message",
        "detail",
        "code",
        "type",
        "loc",
        "msg",
        "param",
        "choices",
        "metadata",
        "raw",
        "base_resp",
        "status_code",
        "finish_reason",
        "details",
        "fieldViolations",
        "ctx",
        "ge",
        "success",
        "object",
    ]);
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_value_makes_the_reader_panic_or_say_nothing(body in errors()) {
        let fault = read(&body);
        prop_assert!(!fault.words.is_empty());
        let _ = (in_reply(&body), in_choices(&body));
    }
}
