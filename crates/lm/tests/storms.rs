//! A network that harms requests: each ends within its deadline, and each answer belongs to its prompt.
//!
//! The long version: `cargo test --release -p samara-lm --test storms -- --ignored --nocapture`.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod proxy;
mod server;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use proxy::{Proxy, Weather};
use samara_lm::{Api, Budget, CompletionRequest, ErrorKind, LmError, ModelSettings, Sampling, open};
use serde_json::json;
use server::{Server, ok};

/// How long the server takes for an answer.
const SERVICE: Duration = Duration::from_millis(10);

fn request(number: usize) -> CompletionRequest {
    let sampling = Sampling { max_tokens: 8, temperature: 1.0, top_p: 1.0, stop: Vec::new(), seed: 3 };
    CompletionRequest { prompt: format!("request {number}"), sampling }
}

/// How one request ended.
struct End {
    number: usize,
    reply: Result<String, LmError>,
    took: Duration,
    /// On the proxy's clock.
    at: Duration,
}

/// Sends this many requests at once through a proxy and checks what must hold for each; how they ended.
async fn weather(count: usize, deadline: f64, weather: Weather) -> (Vec<End>, u64) {
    let server = Server::start(|request| {
        std::thread::sleep(SERVICE);
        let text = format!("answer to {}", request.body["prompt"].as_str().unwrap());
        ok(&json!({"choices": [{"text": text, "finish_reason": "stop"}]}))
    });
    let proxy = Proxy::start(&server.url, weather);
    let settings = ModelSettings {
        base_url: Some(proxy.url.clone()),
        model: Some("m".into()),
        api: Api::Completions,
        timeout_s: 1.0,
        deadline_s: deadline,
        max_attempts: 40,
        ..ModelSettings::default()
    };
    let model = open(&settings, Budget::unlimited()).unwrap();
    let ask = |number| {
        let (model, proxy) = (&model, &proxy);
        async move {
            let started = Instant::now();
            let reply = model.complete(&request(number)).await.map(|completion| completion.text);
            End { number, reply, took: started.elapsed(), at: proxy.now() }
        }
    };
    let ends = futures_util::future::join_all((0..count).map(ask)).await;
    let mut failed = 0;
    for end in &ends {
        // A second for a busy machine to notice.
        assert!(end.took.as_secs_f64() < deadline + 1.0, "request {} took {:?}", end.number, end.took);
        match &end.reply {
            Ok(text) => assert_eq!(text, &format!("answer to request {}", end.number)),
            Err(error) => {
                failed += 1;
                let kinds = [ErrorKind::Overloaded, ErrorKind::Timeout, ErrorKind::Malformed];
                assert!(kinds.contains(&error.kind), "{error}");
            }
        }
    }
    assert_eq!(ends.len(), count);
    assert!(failed * 100 <= count, "{failed} of {count} were given up");
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
