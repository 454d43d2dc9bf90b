//! Servers that refuse fields which others take.

use samara_lm::ScoreMethod;
use serde_json::{Value as Json, json};

use crate::{
    TEXT, chat, chat_server, complete, error, model, models, request, says, score,
    server::{Reply, Request, Server},
    verdict, yes,
};

fn complaint(message: &str, param: Option<&str>, code: &str) -> Reply {
    Reply::refuse(
        400,
        &json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}),
    )
}

/// Mistral takes only fields that it knows; its seed has another name.
fn strict_server() -> Server {
    chat_server(|request| {
        let known =
            ["model", "messages", "max_tokens", "temperature", "top_p", "stop", "random_seed", "n", "stream"];
        let unknown: Vec<Json> = request.body.as_object().unwrap().keys().filter(|name| !known.contains(&name.as_str())).map(|name| {
            json!({"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": 1})
        }).collect();
        if unknown.is_empty() {
            return Reply::json(&says(TEXT));
        }
        Reply::refuse(
            422,
            &json!({"object": "error", "message": {"detail": unknown}, "type": "invalid_request_error", "param": null, "code": null}),
        )
    })
}

#[tokio::test]
async fn a_field_that_a_server_does_not_know_is_left_out_from_then_on() {
    let server = strict_server();
    let model = model(&server, "");
    for _ in 0..3 {
        assert_eq!(
            model.complete(&request("An opinion:", 50)).await.map(|completion| completion.text),
            Ok(TEXT.to_owned())
        );
    }
    let seeded = server.seen().iter().filter(|request| request.has("seed")).count();
    let chats = server.seen().iter().filter(|request| request.path.ends_with("/chat/completions")).count();
    assert!(seeded <= 2 && chats >= 4, "{seeded} of {chats}");
}

#[tokio::test]
async fn a_field_can_be_called_by_another_name() {
    let server = strict_server();
    complete(&server, "rename = { seed = \"random_seed\" }").await.unwrap();
    let last = server.seen().pop().unwrap();
    assert!(last.has("random_seed") && !last.has("seed"), "{}", last.body);
}

#[tokio::test]
async fn a_field_can_be_left_out_by_the_settings() {
    let server = chat_server(|_| Reply::json(&says(TEXT)));
    complete(&server, "api = \"chat\"\nremove = [\"seed\", \"top_p\"]").await.unwrap();
    assert!(server.seen().iter().all(|request| !request.has("seed") && !request.has("top_p")));
}

#[tokio::test]
async fn fields_that_only_words_name_are_left_out() {
    let server = chat_server(|request| {
        let bad: Vec<String> = ["seed", "logprobs", "top_logprobs", "prompt_logprobs"]
            .into_iter()
            .filter(|name| request.has(name))
            .map(|name| format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field."))
            .collect();
        if bad.is_empty() {
            return Reply::json(&says(TEXT));
        }
        Reply::refuse(
            400,
            &json!([{"error": {"code": 400, "message": bad.join("\n"), "status": "INVALID_ARGUMENT"}}]),
        )
    });
    assert_eq!(complete(&server, "").await.map(|completion| completion.text), Ok(TEXT.to_owned()));
}

/// OpenAI's models that think: no `max_tokens`, no `stop`, no log-probabilities, no temperature, and few tokens are none.
fn thinkers(request: &Request) -> Reply {
    let unsupported = |name: &str| {
        complaint(
            &format!("Unsupported parameter: '{name}' is not supported with this model."),
            Some(name),
            "unsupported_parameter",
        )
    };
    if request.has("max_tokens") {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return complaint(message, Some("max_tokens"), "unsupported_parameter");
    }
    for name in ["prompt_logprobs", "add_generation_prompt", "continue_final_message"] {
        if request.has(name) {
            return complaint(&format!("Unknown parameter: '{name}'."), Some(name), "unknown_parameter");
        }
    }
    if let Some(name) = ["stop", "logprobs", "top_logprobs"].into_iter().find(|name| request.has(name)) {
        return unsupported(name);
    }
    for name in ["temperature", "top_p"] {
        if request.body[name].as_f64().is_some_and(|value| value != 1.0) {
            let message = format!(
                "Unsupported value: '{name}' does not support this value with this model. Only the default (1) value is supported."
            );
            return complaint(&message, Some(name), "unsupported_value");
        }
    }
    if request.body["max_completion_tokens"].as_u64().unwrap_or(999) < 200 {
        let mut reply = chat(&json!({"role": "assistant", "content": ""}), "length", &Json::Null);
        reply["usage"]["completion_tokens_details"] = json!({"reasoning_tokens": 64});
        return Reply::json(&reply);
    }
    let prompt = request.prompt();
    let text =
        if prompt.contains("opinion piece") { "I love beans.### And more." } else { verdict(prompt).0 };
    Reply::json(&says(text))
}

#[tokio::test]
async fn a_model_that_takes_hardly_any_field_is_asked_without_them_and_the_client_cuts() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/models" => models(),
        "/v1/chat/completions" => thinkers(request),
        _ => error(404, "This is a chat model and not supported in the v1/completions endpoint."),
    });
    let completion =
        model(&server, "").complete(&request("An opinion piece about vegetables:", 500)).await.unwrap();
    assert_eq!(completion.text, TEXT);
    let judged = score(&server, "").await.unwrap();
    assert_eq!(judged.method, ScoreMethod::Sampling);
    assert!(yes(&judged) > 0.8, "{judged:?}");
}

#[tokio::test]
async fn a_server_that_wants_sixteen_tokens_or_more_gets_them() {
    let server = chat_server(|request| {
        let tokens = request.body["max_tokens"].as_u64().unwrap_or(99);
        if tokens < 16 {
            let raw = format!(
                "{{\"error\": {{\"message\": \"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got {tokens} instead.\"}}}}"
            );
            return Reply::refuse(
                400,
                &json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw, "provider_name": "Azure"}}}),
            );
        }
        if request.has("logprobs") || request.has("prompt_logprobs") {
            return error(400, "logprobs are not supported");
        }
        Reply::json(&says(verdict(request.prompt()).0))
    });
    assert!(complete(&server, "").await.is_ok());
    let judged = score(&server, "").await.unwrap();
    assert!(yes(&judged) > 0.8, "{judged:?}");
}

#[tokio::test]
async fn a_seed_and_several_choices_that_exclude_each_other_still_give_a_score() {
    let server = chat_server(|request| {
        if request.has("logprobs") || request.has("prompt_logprobs") {
            return error(400, "no");
        }
        if request.body["n"].as_u64().unwrap_or(1) > 1 && request.has("seed") {
            return error(422, "Input validation error: `seed` must not be set when `best_of` > 1");
        }
        Reply::json(&says(verdict(request.prompt()).0))
    });
    let judged = score(&server, "").await.unwrap();
    assert_eq!(judged.method, ScoreMethod::Sampling);
    assert!(yes(&judged) > 0.8, "{judged:?}");
}

#[tokio::test]
async fn azures_query_and_its_header_for_the_key_are_sent() {
    let server = Server::start(|request| {
        if !request.path.contains("?api-version=2024-10-21") {
            return Reply::refuse(404, &json!({"error": {"code": "404", "message": "Resource not found"}}));
        }
        if request.header("api-key") != Some(env!("CARGO_PKG_NAME"))
            || request.header("authorization").is_some()
        {
            return Reply::refuse(
                401,
                &json!({"error": {"code": "401", "message": "Access denied due to invalid subscription key"}}),
            );
        }
        match request.path.split('?').next() {
            Some("/openai/deployments/d/chat/completions") => Reply::json(&says(TEXT)),
            _ => error(404, "The completion operation does not work with the specified model"),
        }
    });
    let more = format!(
        "base_url = \"{}/openai/deployments/d\"\nmodel = \"d\"\napi = \"chat\"\napi_key_env = \"CARGO_PKG_NAME\"\n\
         key_header = \"api-key\"\nquery = {{ api-version = \"2024-10-21\" }}",
        server.address
    );
    assert_eq!(complete(&server, &more).await.map(|completion| completion.text), Ok(TEXT.to_owned()));
}
