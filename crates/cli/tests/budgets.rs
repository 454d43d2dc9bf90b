//! Budgets, counted where the money goes: at the server.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::sync::{Arc, Mutex};

use common::{Place, parse};
use samara_testing::server::{Action, Request, Server, sound};
use serde_json::{Value, json};

/// What a server has answered, those aside who ask what it can do.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
struct Served {
    completions: u64,
    /// Requests that score one answer.
    scores: u64,
    tokens_in: u64,
    tokens_out: u64,
}

/// A sound server that says what every answer took, and counts it.
fn counting() -> (Server, Arc<Mutex<Served>>) {
    let served = Arc::new(Mutex::new(Served::default()));
    let count = Arc::clone(&served);
    let server = Server::start(move |request| {
        let Action::Reply(200, headers, body) = sound(request) else { return sound(request) };
        if request.path != "/v1/completions" {
            return Action::Reply(200, headers, body);
        }
        let (tokens_in, tokens_out) = usage(request);
        let mut reply: Value = serde_json::from_str(&body).unwrap();
        reply["usage"] = json!({"prompt_tokens": tokens_in, "completion_tokens": tokens_out});
        let prompt = request.body["prompt"].as_str().unwrap_or_default();
        if !prompt.contains("1+1=") {
            let mut served = count.lock().unwrap();
            let echo = request.body["echo"] == json!(true);
            *(if echo { &mut served.scores } else { &mut served.completions }) += 1;
            served.tokens_in += tokens_in;
            served.tokens_out += tokens_out;
        }
        Action::Reply(200, headers, reply.to_string())
    });
    (server, served)
}

fn usage(request: &Request) -> (u64, u64) {
    let prompt = request.body["prompt"].as_str().unwrap_or_default();
    (prompt.len() as u64 / 4, 7)
}

/// A run under a budget, and what the server served of it.
fn run(budget: &str, concurrency: u32) -> (Value, Served) {
    let (place, (server, served)) = (Place::new(), counting());
    let mut arguments: Vec<String> =
        ["run", "opinions", "--quiet", "--format", "json", "--out", "out"].map(str::to_owned).to_vec();
    let price = "price_in = 1000.0, price_out = 2000.0, timeout_s = 600, deadline_s = 600";
    for role in ["generator", "judge"] {
        let model =
            format!("models.{role}={{ provider = \"openai\", base_url = \"{}\", {price} }}", server.url);
        arguments.extend(["--set".to_owned(), model]);
    }
    for set in [format!("search.budget.{budget}"), format!("search.concurrency={concurrency}")] {
        arguments.extend(["--set".to_owned(), set]);
    }
    let summary = parse(&place.run_all(&arguments));
    assert_eq!(summary["ended"], "budget", "{summary}");
    let served = *served.lock().unwrap();
    (summary, served)
}

/// The same at any concurrency, to the request.
fn alike(budget: &str) -> (Value, Served) {
    let (one, many) = (run(budget, 1), run(budget, 32));
    assert_eq!(one.1, many.1, "{budget}");
    assert_eq!(one.0["archive_hash"], many.0["archive_hash"], "{budget}");
    one
}

#[test]
fn a_budget_of_calls_is_not_overdrawn_at_the_server() {
    let (summary, served) = alike("calls=100");
    // A score of two answers is one call, and two requests.
    let calls = served.completions + served.scores / 2;
    assert!((90..=100).contains(&calls), "{served:?}");
    assert_eq!(summary["calls"], calls);
}

#[test]
fn a_budget_of_tokens_is_not_overdrawn_at_the_server() {
    let (summary, served) = alike("tokens=30000");
    let tokens = served.tokens_in + served.tokens_out;
    assert!((20_000..=30_000).contains(&tokens), "{served:?}");
    assert_eq!(summary["tokens"], tokens);
}

#[test]
fn a_budget_of_money_is_not_overdrawn_at_the_server() {
    let (summary, served) = alike("money=30.0");
    // Prices are for a million tokens.
    let money = (served.tokens_in as f64 * 1000.0 + served.tokens_out as f64 * 2000.0) / 1e6;
    assert!((20.0..=30.0).contains(&money), "{served:?}");
    assert!((summary["cost"].as_f64().unwrap() - money).abs() < 1e-9, "{summary}");
}
