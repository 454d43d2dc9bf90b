//! Addresses as people write them, and servers that are somewhere else.

use std::process::Command;

use serde_json::json;

use crate::{
    TEXT, chat_server, complete, error, model, models, request, says,
    server::{Reply, Request, Server},
    writes,
};

fn at_v1(request: &Request) -> Option<Reply> {
    match request.path.trim_end_matches('/') {
        "/v1/models" => Some(models()),
        "/v1/completions" => Some(Reply::json(&writes(TEXT, &json!(null)))),
        "/v1/chat/completions" => Some(Reply::json(&says(TEXT))),
        _ => None,
    }
}

#[tokio::test]
async fn a_missing_v1_is_found_or_asked_for() {
    for elsewhere in [
        error(404, "Not Found"),
        Reply::json(&json!({"error": "Unexpected endpoint or method. (GET /models)"})),
        Reply::bytes("text/html", "<!doctype html><html><head><title>Open WebUI</title></head></html>"),
    ] {
        let server = Server::start(move |request| at_v1(request).unwrap_or_else(|| elsewhere.clone()));
        for end in ["", "/"] {
            match complete(&server, &format!("base_url = \"{}{end}\"", server.address)).await {
                Ok(completion) => assert_eq!(completion.text, TEXT),
                Err(error) => assert!(error.to_string().contains("/v1"), "{error}"),
            }
        }
    }
}

#[tokio::test]
async fn the_address_of_an_endpoint_is_that_of_its_server() {
    let server = Server::start(|request| at_v1(request).unwrap_or_else(|| error(404, "Not Found")));
    for endpoint in ["/chat/completions", "/completions", "/models", "/"] {
        let more = format!("base_url = \"{}/v1{endpoint}\"", server.address);
        assert_eq!(
            complete(&server, &more).await.map(|completion| completion.text),
            Ok(TEXT.to_owned()),
            "{endpoint}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_target_is_named() {
    for status in [301, 302, 307, 308] {
        let server = Server::start(move |request| {
            Reply::bytes("text/plain", "")
                .status(status)
                .header("location", &format!("https://llm.corp.example/real{}", request.path))
        });
        let error = complete(&server, "").await.expect_err("a redirect").to_string();
        assert!(error.contains("https://llm.corp.example/real"), "{status}: {error}");
    }
}

#[tokio::test]
async fn a_server_at_a_six_is_reached() {
    let behave = |request: &Request| at_v1(request).unwrap_or_else(|| error(404, "Not Found"));
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        samara_testing::tiers::skipped("this machine has no IPv6");
        return;
    }
    let server = Server::start_at("[::1]:0", None, behave);
    assert!(server.address.starts_with("http://[::1]:"));
    assert_eq!(complete(&server, "").await.map(|completion| completion.text), Ok(TEXT.to_owned()));
}

#[tokio::test]
async fn ollama_host_may_be_a_port_a_number_or_quoted() {
    let server = Server::start(|request| match request.path.as_str() {
        "/api/tags" => Reply::json(&json!({"models": [{"name": "m"}]})),
        "/api/generate" => Reply::json(
            &json!({"response": TEXT, "done": true, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 2}),
        ),
        _ => Reply::refuse(404, &json!({"error": "no"})),
    });
    let port = server.port;
    for host in [
        format!(":{port}"),
        format!("127.0.0.1:{port}"),
        format!("0.0.0.0:{port}"),
        format!(" \"127.0.0.1:{port}\" "),
        format!("http://127.0.0.1:{port}/"),
    ] {
        assert_in_child("addresses::asks_ollama", &[("OLLAMA_HOST", &host)]);
    }
    assert!(server.seen().len() >= 5);
}

#[tokio::test]
#[ignore = "asks where the variable of its parent says"]
async fn asks_ollama() {
    let settings = toml::from_str("provider = \"ollama\"\nmax_attempts = 1").unwrap();
    let model = samara_lm::open(&settings, samara_lm::Budget::unlimited()).unwrap();
    let text = model.complete(&request("An opinion:", 20)).await.map(|completion| completion.text);
    assert_eq!(text, Ok(TEXT.to_owned()));
}

#[tokio::test]
async fn no_port_is_guessed_for_other_servers_and_a_proxy_is_no_way_to_this_machine() {
    let server = chat_server(|_| Reply::json(&says(TEXT)));
    // The proxy is a port at which nobody listens.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = format!("http://{nobody}");
    for host in ["127.0.0.1", "0.0.0.0", "localhost"] {
        let address = format!("http://{host}:{}/v1", server.port);
        assert_in_child(
            "addresses::asks_openai",
            &[
                ("OPENAI_BASE_URL", &address),
                ("HTTP_PROXY", &proxy),
                ("http_proxy", &proxy),
                ("ALL_PROXY", &proxy),
            ],
        );
    }
}

#[tokio::test]
#[ignore = "asks where the variable of its parent says"]
async fn asks_openai() {
    let settings = toml::from_str("api = \"chat\"\nmax_attempts = 1").unwrap();
    let model = samara_lm::open(&settings, samara_lm::Budget::unlimited()).unwrap();
    let text = model.complete(&request("An opinion:", 20)).await.map(|completion| completion.text);
    assert_eq!(text, Ok(TEXT.to_owned()));
}

/// Runs an ignored test of this file in a process of its own, with variables of its own.
fn assert_in_child(test: &str, variables: &[(&str, &str)]) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--ignored", "--nocapture"]).envs(variables.iter().copied());
    let output = child.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{variables:?}: {said}");
}

#[tokio::test]
async fn a_base_without_a_scheme_is_an_address_or_is_refused_with_a_hint() {
    let server = chat_server(|_| Reply::json(&says(TEXT)));
    let more = format!("base_url = \"127.0.0.1:{}/v1\"\napi = \"chat\"", server.port);
    match samara_lm::open(&crate::settings(&server, &more), samara_lm::Budget::unlimited()) {
        Ok(_) => {
            let text = model(&server, &more)
                .complete(&request("An opinion:", 20))
                .await
                .map(|completion| completion.text);
            assert_eq!(text, Ok(TEXT.to_owned()));
        }
        Err(error) => assert!(error.hint.is_some(), "{error}"),
    }
}
