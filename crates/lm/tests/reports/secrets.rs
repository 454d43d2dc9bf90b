//! Keys that servers quote.

use std::sync::Arc;

use samara_lm::{AnswerCache, Budget, check, open_with};
use serde_json::{Value as Json, json};

use crate::{
    chat, chat_server, complete, model, models, request, says, score,
    server::{Reply, Request, Server},
    settings,
};

/// A variable that cargo sets to something with slashes, as many keys have: https://github.com/...
const VARIABLE: &str = "CARGO_PKG_REPOSITORY";
const KEY: &str = env!("CARGO_PKG_REPOSITORY");

fn with_key(more: &str) -> String {
    format!("api = \"chat\"\napi_key_env = \"{VARIABLE}\"\n{more}")
}

/// Each character of the key as an escape of JSON.
fn escaped(text: &str) -> String {
    text.replace(KEY, &KEY.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect::<String>())
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Whether a good part of the key is in a text, in any coding that the tests use.
fn leaks(text: &str) -> bool {
    let texts = [
        text.to_lowercase(),
        text.replace("\\/", "/").to_lowercase(),
        text.split_whitespace().collect::<String>().to_lowercase(),
    ];
    let part = &KEY.to_lowercase()[8..28];
    let codings = [
        part.to_owned(),
        percent(part).to_lowercase(),
        escaped(KEY)[8 * 6..28 * 6].to_owned(),
        part.replace('/', "&#x2f;"),
    ];
    texts.iter().any(|text| codings.iter().any(|coding| text.contains(coding)))
}

/// The requests arrive with the key: otherwise a test that finds no leak would say nothing.
fn carries_key(request: &Request) -> bool {
    request.header("authorization") == Some(&format!("Bearer {KEY}"))
}

fn quoting_servers() -> Vec<(&'static str, Reply)> {
    let message =
        format!("Incorrect API key provided: {KEY}. You can find your API key at https://example.com");
    let object = json!({"error": {"message": message, "code": 401}}).to_string();
    let page = format!("<!doctype html><title>{}</title>", message.replace('/', "&#x2F;"));
    let raw = |status: u16, body: String| Reply::bytes("application/json", body).status(status);
    let split = message.replace(KEY, &format!("{}\n  {}", &KEY[..10], &KEY[10..]));
    let logprob = json!({"content": [{"top_logprobs": [{"token": "2", "logprob": KEY}]}]});
    vec![
        ("status 200", raw(200, object.clone())),
        ("a text", raw(200, json!({"error": message}).to_string())),
        ("status 401", raw(401, object.clone())),
        ("status 500", raw(500, object.clone())),
        ("slashes escaped", raw(401, object.replace('/', "\\/"))),
        ("slashes escaped, status 200", raw(200, object.replace('/', "\\/"))),
        ("Unicode escapes", raw(401, escaped(&object))),
        ("escapes in escapes", raw(200, json!({"error": {"message": object}}).to_string())),
        ("percent", raw(401, json!({"error": {"message": percent(&message)}}).to_string())),
        ("capitals", raw(401, object.to_uppercase())),
        ("two lines", raw(401, json!({"error": {"message": split}}).to_string())),
        ("a page", Reply::bytes("text/html", page)),
        ("no JSON", raw(200, message.clone())),
        ("far behind", raw(401, format!("{}{message}", "x".repeat(270)))),
        ("cut", raw(401, object[..object.find(KEY).unwrap() + 30].to_owned())),
        ("choices", raw(200, json!({"choices": [{"error": {"message": message}}]}).to_string())),
        ("logprob", Reply::json(&chat(&json!({"content": "2"}), "stop", &logprob))),
        ("a stream", Reply::bytes("text/event-stream", format!("event: error\ndata: {object}\n\n"))),
        (
            "a redirect",
            Reply::bytes("text/plain", "")
                .status(307)
                .header("location", &format!("https://example.com/?key={}", percent(KEY))),
        ),
    ]
}

#[tokio::test]
async fn no_error_shows_the_key_that_a_server_quotes() {
    for (what, reply) in quoting_servers() {
        let server = chat_server(move |_| reply.clone());
        for more in ["", "scoring = \"top_logprobs\""] {
            let failed = match complete(&server, &with_key(more)).await {
                Ok(completion) => completion.text,
                Err(error) => format!("{error} {error:?}"),
            };
            let scored = score(&server, &with_key(more)).await.expect_err(what);
            let text = format!("{failed} {scored} {scored:?}");
            assert!(!leaks(&text), "{what}: {text}");
        }
        assert!(server.seen().iter().any(carries_key), "{what}");
    }
}

#[tokio::test]
async fn a_text_that_repeats_the_key_does_not_carry_it_on() {
    let server = chat_server(|_| Reply::json(&says(&format!("bad key {KEY}, sorry"))));
    let text = complete(&server, &with_key("")).await.unwrap().text;
    assert_eq!(text, "bad key ***, sorry");
}

#[tokio::test]
async fn a_key_among_the_names_of_models_does_not_reach_the_report() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/models" => Reply::json(&json!({"data": [{"id": KEY}]})),
        _ => Reply::json(&says("2")),
    });
    let report = check(&settings(&server, &with_key(""))).await;
    let text = match report {
        Ok(report) => serde_json::to_string(&report).unwrap(),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!leaks(&text), "{text}");
    assert!(server.seen().iter().any(carries_key));
}

#[tokio::test]
async fn a_key_that_appears_late_in_a_run_is_taken_out_too() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/models" => models(),
        _ if request.prompt().contains("1+1=") => Reply::json(&says("2")),
        _ => Reply::json(
            &json!({"error": {"message": format!("Incorrect API key provided: {KEY}"), "code": 401}}),
        ),
    });
    let model = model(&server, &with_key(""));
    let error = model.complete(&request("An opinion:", 20)).await.expect_err("a bad key");
    assert!(error.message.contains("Incorrect API key provided: ***"), "{error}");
    assert!(!leaks(&format!("{error:?}")), "{error:?}");
}

#[test]
fn leaks_would_be_noticed() {
    let json_escaped = Json::from(KEY).to_string().replace('/', "\\/");
    for text in [
        KEY.to_owned(),
        KEY.to_uppercase(),
        percent(KEY),
        escaped(KEY),
        json_escaped,
        KEY.replace('/', "&#x2F;"),
    ] {
        assert!(leaks(&format!("a {text} b")), "{text}");
    }
    assert!(!leaks("Incorrect API key provided: ***"));
}

#[tokio::test]
async fn a_recording_of_texts_that_repeat_the_key_does_not_hold_it() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/models" => Reply::json(&json!({"data": [{"id": "m", "owner": KEY}]})),
        _ if request.prompt().contains("1+1=") => Reply::json(&says("2")),
        _ if request.prompt().contains("fails") => Reply::json(&json!({"error": format!("bad key {KEY}")})),
        _ => Reply::json(&says(&format!("bad key {KEY}, sorry"))),
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recording.db");
    let recording = AnswerCache::record(&file).unwrap();
    let settings = settings(&server, &with_key(""));
    let model = open_with(&settings, Budget::unlimited(), Arc::clone(&recording)).unwrap();
    assert_eq!(model.complete(&request("An opinion:", 20)).await.unwrap().text, "bad key ***, sorry");
    model.complete(&request("This fails:", 20)).await.expect_err("an error");
    drop(model);
    recording.finish().unwrap();
    let mut size = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        size += bytes.len();
        assert!(!leaks(&String::from_utf8_lossy(&bytes)));
    }
    assert!(size > 1000, "something was recorded");
}

#[tokio::test]
async fn a_model_that_was_asked_shows_no_key_of_its_query_to_whoever_debugs_it() {
    // It looks the same in the key and in an address.
    let part = "samara-evolution";
    assert!(KEY.contains(part));
    let server = Server::start(move |request| match request.path.split_once('?') {
        Some(("/v1/chat/completions", query)) => {
            assert!(query.contains(part), "the request carries the key: {query}");
            Reply::json(&says("I love beans."))
        }
        _ => models(),
    });
    let model = model(&server, &format!("api = \"chat\"\nquery = {{ key = \"env:{VARIABLE}\" }}"));
    model.complete(&request("An opinion:", 9)).await.unwrap();
    assert!(!format!("{model:?}").contains(part));
}
