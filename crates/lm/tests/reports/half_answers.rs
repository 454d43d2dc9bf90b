//! Errors with status 200, and answers that break off.

use serde_json::{Value as Json, json};

use crate::{
    TEXT, chat, chat_server, complete, error, model, models, request, says,
    server::{Reply, Server},
};

const CHAT: &str = "api = \"chat\"";

#[tokio::test]
async fn an_error_with_status_200_is_told_in_its_vendors_words() {
    let upstream = "{\"error\": {\"message\": \"the inner reason\"}}";
    for (reply, words) in [
        (
            json!({"id": "x", "choices": null, "base_resp": {"status_code": 1004, "status_msg": "login fail: no key"}}),
            "login fail: no key",
        ),
        (json!({"error_code": 110, "error_msg": "Access token invalid"}), "Access token invalid"),
        (json!({"code": 1000, "msg": "authentication failed", "success": false}), "authentication failed"),
        (json!({"detail": "Not authenticated"}), "Not authenticated"),
        (json!({"detail": [{"loc": ["body", "model"], "msg": "field required"}]}), "field required"),
        (
            json!({"object": "error", "message": "The model `m` does not exist.", "type": "NotFoundError", "code": 404}),
            "The model `m` does not exist.",
        ),
        (
            json!({"success": false, "errors": [{"code": 10000, "message": "Authentication error"}], "result": null}),
            "Authentication error",
        ),
        (
            json!([{"error": {"code": 429, "message": "quota exceeded", "status": "RESOURCE_EXHAUSTED"}}]),
            "quota exceeded",
        ),
        (json!("Too many requests"), "Too many requests"),
        (
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            "Overloaded",
        ),
        (
            json!({"error": {"message": "Provider returned error", "metadata": {"raw": upstream}}}),
            "the inner reason",
        ),
    ] {
        let server = chat_server(move |_| Reply::json(&reply));
        let error = complete(&server, CHAT).await.expect_err(words).to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

/// A provider behind a gateway that breaks off under way.
fn broken(text: &str) -> Json {
    let mut reply = chat(&json!({"role": "assistant", "content": text}), "error", &Json::Null);
    reply["choices"][0]["error"] = json!({"code": 502, "message": "Upstream connection lost"});
    reply
}

#[tokio::test]
async fn half_an_answer_is_no_answer_and_says_why() {
    let only_finish = chat(
        &json!({"role": "assistant", "content": "Beans are the best thing since sli"}),
        "error",
        &Json::Null,
    );
    for (reply, words) in [
        (broken(""), "Upstream connection lost"),
        (broken("Beans are the best thing since sli"), "Upstream connection lost"),
        (only_finish, "error"),
        (json!({"choices": null}), "choices"),
        (json!({"choices": []}), "choices"),
        (json!({"id": "x"}), "choices"),
    ] {
        let server = chat_server(move |_| Reply::json(&reply));
        let error = complete(&server, CHAT).await.expect_err(words).to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_broke_off_is_asked_for_again() {
    let server = chat_server(|request| match request.number % 2 {
        1 => Reply::json(&broken("Beans are the best thing since sli")),
        _ => Reply::json(&says(TEXT)),
    });
    let model = model(&server, CHAT);
    for _ in 0..3 {
        let text = model.complete(&request("An opinion piece about vegetables:", 50)).await.unwrap().text;
        assert_eq!(text, TEXT);
    }
}

#[tokio::test]
async fn of_two_refusals_the_one_that_matters_is_shown() {
    for (status, words) in [
        (400, "The model `m` has been decommissioned and is no longer supported."),
        (400, "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16"),
        (429, "Rate limit reached for model `m`: tokens per day (TPD)"),
        (401, "Incorrect API key provided"),
    ] {
        let server = Server::start(move |request| match request.path.as_str() {
            "/v1/models" => models(),
            "/v1/chat/completions" => error(status, words),
            _ => error(404, "Unknown request URL. Please check the URL for typos"),
        });
        let shown = complete(&server, "deadline_s = 2.0").await.expect_err(words).to_string();
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[tokio::test]
async fn an_answer_that_a_filter_or_a_fault_cut_is_no_text_in_any_vendors_spelling() {
    for finish in [
        "SAFETY",
        "RECITATION",
        "content_filter: RECITATION",
        "PROHIBITED_CONTENT",
        "MALFORMED_FUNCTION_CALL",
        "guardrail_intervened",
        "ERROR_TOXIC",
    ] {
        let reply = chat(&json!({"role": "assistant", "content": "Beans are the best"}), finish, &Json::Null);
        let server = chat_server(move |_| Reply::json(&reply));
        let error = complete(&server, CHAT).await.expect_err(finish).to_string();
        assert!(error.contains(finish), "{finish}: {error}");
    }
}

#[tokio::test]
async fn an_error_may_be_a_flag_or_a_number_and_one_of_nulls_is_none() {
    for flag in [json!(true), json!(500)] {
        let server =
            chat_server(move |_| Reply::json(&json!({"error": flag, "message": "the inner reason"})));
        let error = complete(&server, CHAT).await.expect_err("a flag").to_string();
        assert!(error.contains("the inner reason"), "{error}");
    }
    let mut reply = says(TEXT);
    reply["error"] = json!({"message": null, "type": null, "code": null});
    let server = chat_server(move |_| Reply::json(&reply));
    assert_eq!(complete(&server, CHAT).await.unwrap().text, TEXT);
}

#[tokio::test]
async fn a_limit_in_capitals_is_a_limit() {
    let reply =
        chat(&json!({"role": "assistant", "content": "Beans are the best"}), "MAX_TOKENS", &Json::Null);
    let server = chat_server(move |_| Reply::json(&reply));
    assert_eq!(complete(&server, CHAT).await.unwrap().finish, samara_lm::Finish::Length);
}
