//! A faulty network: each request ends within its deadline, and each answer belongs to its prompt.
//!
//! The long version: `cargo test --release -p samara-lm --test network -- --ignored --nocapture`.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod proxy;

use std::{sync::atomic::Ordering, time::Duration};

use proxy::{FaultPlan, Proxy, RequestEnd};
use samara_lm::{CompletionRequest, Sampling};
use samara_testing::server::{Server, ok};
use serde_json::json;

/// How long the server takes for an answer.
const SERVICE: Duration = Duration::from_millis(10);

/// Sends this many requests at once through a proxy; returns how they ended and how many exchanges met a fault.
async fn complete_through(plan: FaultPlan, count: usize, deadline: f64) -> (Vec<RequestEnd>, u64) {
    let server = Server::start(|request| {
        std::thread::sleep(SERVICE);
        let text = format!("answer to {}", request.body["prompt"].as_str().unwrap());
        ok(&json!({"choices": [{"text": text, "finish_reason": "stop"}]}))
    });
    let proxy = Proxy::start(&server.url, plan);
    let sampling = Sampling {
        max_tokens: 8,
        temperature: 1.0,
        top_p: 1.0,
        stop: Vec::new(),
        seed: 3,
        penalties: Default::default(),
    };
    let ask = |number| {
        let prompt = format!("request {number}");
        let answer = format!("answer to {prompt}");
        (CompletionRequest { prompt, instructions: None, sampling: sampling.clone() }, answer)
    };
    let ends = proxy.complete_many("m", count, deadline, ask).await;
    (ends, proxy.faults.load(Ordering::SeqCst))
}

#[tokio::test]
async fn every_request_through_a_faulty_network_gets_its_own_answer_within_its_deadline() {
    let outages = vec![Duration::from_millis(150)..Duration::from_millis(900)];
    let (ends, faults) = complete_through(FaultPlan { outages, per_thousand: 150 }, 400, 60.0).await;
    assert!(faults > 40, "only {faults} exchanges met a fault");
    assert!(ends.iter().any(|end| end.at > Duration::from_millis(900)), "the outage was met");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "ten thousand requests: a soak of some seconds"]
async fn ten_thousand_requests_survive_an_outage_and_throughput_recovers_within_five_seconds() {
    let ms = Duration::from_millis;
    let outage = ms(1000)..ms(2500);
    let plan = FaultPlan { outages: vec![outage.clone()], per_thousand: 50 };
    let (ends, faults) = complete_through(plan, 10_000, 300.0).await;
    let last = ends.iter().map(|end| end.at).max().unwrap_or_default();
    // Answers in half a second.
    let rate = |from: Duration| ends.iter().filter(|end| (from..from + ms(500)).contains(&end.at)).count();
    let by_time: Vec<usize> = (0..=last.as_millis() as u64 / 500).map(|half| rate(ms(half * 500))).collect();
    println!("{} requests in {last:?}, {faults} faults; answers by half a second: {by_time:?}", ends.len());
    let before = rate(ms(500));
    let after = (0..9).map(|half| rate(outage.end + ms(half * 500))).max().unwrap_or_default();
    assert!(last > outage.end, "the requests must outlast the outage");
    assert!(after * 10 > before * 7, "{before} in half a second before, {after} in the best after");
}
