//! A network that harms requests: each ends within its deadline, and each answer belongs to its prompt.
//!
//! The long version: `cargo test --release -p samara-lm --test storms -- --ignored --nocapture`.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod proxy;
mod server;

use std::{sync::atomic::Ordering, time::Duration};

use proxy::{End, Proxy, Weather};
use samara_lm::{CompletionRequest, Sampling};
use serde_json::json;
use server::{Server, ok};

/// How long the server takes for an answer.
const SERVICE: Duration = Duration::from_millis(10);

/// Sends this many requests at once through a proxy; how they ended, and how many exchanges it harmed.
async fn weather(count: usize, deadline: f64, weather: Weather) -> (Vec<End>, u64) {
    let server = Server::start(|request| {
        std::thread::sleep(SERVICE);
        let text = format!("answer to {}", request.body["prompt"].as_str().unwrap());
        ok(&json!({"choices": [{"text": text, "finish_reason": "stop"}]}))
    });
    let proxy = Proxy::start(&server.url, weather);
    let sampling = Sampling { max_tokens: 8, temperature: 1.0, top_p: 1.0, stop: Vec::new(), seed: 3 };
    let ask = |number| {
        let prompt = format!("request {number}");
        let answer = format!("answer to {prompt}");
        (CompletionRequest { prompt, sampling: sampling.clone() }, answer)
    };
    let ends = proxy.brave("m", count, deadline, ask).await;
    (ends, proxy.harmed.load(Ordering::SeqCst))
}

#[tokio::test]
async fn every_request_through_a_harmful_network_ends_in_its_own_answer_within_its_deadline() {
    let storms = vec![Duration::from_millis(150)..Duration::from_millis(900)];
    let (ends, harmed) = weather(400, 60.0, Weather { storms, harmed: 150 }).await;
    assert!(harmed > 40, "only {harmed} exchanges were harmed");
    assert!(ends.iter().any(|end| end.at > Duration::from_millis(900)), "the storm was met");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "ten thousand requests: a soak of about a minute"]
async fn ten_thousand_requests_survive_storms_and_the_rate_recovers_within_five_seconds() {
    let seconds = |from: u64, to: u64| Duration::from_secs(from)..Duration::from_secs(to);
    let storms = vec![seconds(4, 6), seconds(14, 17)];
    let (ends, harmed) = weather(10_000, 300.0, Weather { storms: storms.clone(), harmed: 50 }).await;
    let rate = |span: Range| {
        let within = ends.iter().filter(|end| span.contains(&end.at)).count();
        within as f64 / (span.end - span.start).as_secs_f64()
    };
    let last = ends.iter().map(|end| end.at).max().unwrap_or_default();
    println!("{} requests in {last:?}, {harmed} exchanges harmed", ends.len());
    let calm = rate(seconds(2, 4));
    for storm in storms {
        let end = storm.end.as_secs();
        let after = rate(seconds(end + 4, end + 6));
        println!("{calm:.0}/s before, {after:.0}/s from 4 s after the storm that ends at {end} s");
        assert!(last < Duration::from_secs(end + 6) || after > 0.7 * calm);
    }
}

type Range = std::ops::Range<Duration>;
