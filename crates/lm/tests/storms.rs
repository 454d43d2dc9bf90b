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
#[ignore = "ten thousand requests: a soak of some seconds"]
async fn ten_thousand_requests_survive_a_storm_and_the_rate_recovers_within_five_seconds() {
    let ms = Duration::from_millis;
    let storm = ms(1000)..ms(2500);
    let (ends, harmed) = weather(10_000, 300.0, Weather { storms: vec![storm.clone()], harmed: 50 }).await;
    let last = ends.iter().map(|end| end.at).max().unwrap_or_default();
    // Answers in half a second.
    let rate = |from: Duration| ends.iter().filter(|end| (from..from + ms(500)).contains(&end.at)).count();
    let by_time: Vec<usize> = (0..=last.as_millis() as u64 / 500).map(|half| rate(ms(half * 500))).collect();
    println!(
        "{} requests in {last:?}, {harmed} exchanges harmed; answers by half a second: {by_time:?}",
        ends.len()
    );
    let calm = rate(ms(500));
    let after = (0..9).map(|half| rate(storm.end + ms(half * 500))).max().unwrap_or_default();
    assert!(last > storm.end, "the requests must outlast the storm");
    assert!(after * 10 > calm * 7, "{calm} in half a second before, {after} in the best after");
}
