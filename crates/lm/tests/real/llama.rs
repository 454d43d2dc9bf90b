//! llama.cpp behind llama-cpp-python's server, with a model of random weights whose tokens are bytes.

use std::{sync::atomic::Ordering, time::Duration};

use samara_lm::{
    Api, Budget, CompletionRequest, EmbedRequest, ErrorKind, ModelSettings, Needs, Sampling, ScoreMethod,
    ScoreRequest, check, open,
};
use samara_testing::real_servers::RealServer;
use serde_json::{Value, json};

use crate::proxy::{FaultPlan, Proxy};

fn start() -> Option<RealServer> {
    RealServer::start("llama.cpp", 1, "/v1/models")
}

fn settings(server: &RealServer, model: &str) -> ModelSettings {
    ModelSettings::parse(&format!("{}#{model}", server.url("/v1"))).unwrap()
}

fn request(prompt: &str, temperature: f64, seed: u64) -> CompletionRequest {
    let sampling = Sampling {
        max_tokens: 8,
        temperature,
        top_p: 1.0,
        stop: Vec::new(),
        seed,
        penalties: Default::default(),
    };
    CompletionRequest { prompt: prompt.into(), instructions: None, sampling }
}

/// The log-probability of an answer that a grammar forces, token by token.
fn forced(server: &RealServer, prompt: &str, answer: &str) -> f64 {
    let rule = format!("root ::= {}", json!(answer));
    let body = json!({
        "model": "bytes", "prompt": prompt, "grammar": rule, "max_tokens": answer.len(), "logprobs": 1, "temperature": 0.0,
    });
    let reply = post(server, "/v1/completions", &body);
    let choice = &reply["choices"][0];
    assert_eq!(choice["text"], answer, "the grammar allows nothing else");
    let logs = choice["logprobs"]["token_logprobs"].as_array().unwrap();
    assert_eq!(logs.len(), answer.len(), "a token is a byte");
    logs.iter().map(|log| log.as_f64().unwrap()).sum()
}

/// A request as it is, around our client.
fn post(server: &RealServer, path: &str, body: &Value) -> Value {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", server.ports[0])).unwrap();
    let body = body.to_string();
    let head = "host: 127.0.0.1\r\ncontent-type: application/json\r\nconnection: close";
    write!(stream, "POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// Fifty prompts of many scripts, and to each some answers of one to many tokens.
fn questions() -> Vec<(String, Vec<String>)> {
    let subjects = [
        "the sea",
        "größere Städte",
        "四季",
        "l'été",
        "Ωμέγα",
        "два слова",
        "naïve café",
        "🌊🐚",
        "a\tb",
        "\"it\"",
    ];
    let answers =
        [" yes", " no", " größer", "四", " l'été à Paris", " да", "🐚", " \"maybe\"", "\n\n1. one", " x"];
    let ask = |number: usize| {
        let prompt = format!("Q{number}: what is {}? A:", subjects[number % subjects.len()]);
        let some = (0..3).map(|n| answers[(number + n * 3) % answers.len()].to_owned()).collect();
        (prompt, some)
    };
    (0..50).map(ask).collect()
}

#[tokio::test]
#[ignore = "a real server: run .ci/real_servers"]
async fn scoring_by_echo_equals_scoring_by_forced_decoding_to_four_digits() {
    let Some(server) = start() else { return };
    let model = open(&settings(&server, "bytes"), Budget::unlimited()).unwrap();
    let found = model.probe(Needs { score: true, ..Needs::default() }).await.unwrap();
    assert_eq!(found.score, Some(ScoreMethod::Echo), "{:?}", found.notes);
    let mut greatest: f64 = 0.0;
    for (prompt, answers) in questions() {
        let asked = ScoreRequest { prompt: prompt.clone(), answers: answers.clone(), seed: 1 };
        let score = model.score(&asked).await.unwrap();
        assert_eq!(score.method, ScoreMethod::Echo);
        for (echoed, answer) in score.log_probabilities.iter().zip(&answers) {
            let forced = forced(&server, &prompt, answer);
            let off = (echoed - forced).abs() / forced.abs();
            assert!(off < 5e-5, "{prompt:?} {answer:?}: {echoed} by echo, {forced} forced");
            greatest = greatest.max(off);
        }
    }
    eprintln!(
        "150 answers to 50 prompts: echo and forced decoding differ by {greatest:.1e} of their value at most"
    );
}

#[tokio::test]
#[ignore = "a real server: run .ci/real_servers"]
async fn completions_chats_seeds_and_embeddings_work_on_llama_cpp() {
    let Some(server) = start() else { return };
    for api in [Api::Completions, Api::Chat] {
        let model = open(&ModelSettings { api, ..settings(&server, "bytes") }, Budget::unlimited()).unwrap();
        let greedy = model.complete(&request("once", 0.0, 1)).await.unwrap();
        // It counts what it wrote by cutting the text into tokens once more.
        assert!(
            !greedy.usage.estimated && greedy.usage.tokens_in > 3 && greedy.usage.tokens_out > 0,
            "{api:?}"
        );
        let one = model.complete(&request("once", 1.0, 1)).await.unwrap();
        assert_eq!(one.text, model.complete(&request("once", 1.0, 1)).await.unwrap().text, "{api:?}");
        let mut others = Vec::new();
        for seed in 2..6 {
            others.push(model.complete(&request("once", 1.0, seed)).await.unwrap().text);
        }
        assert!(others.iter().any(|other| *other != one.text), "seeds count: {others:?}");
    }
    let embedder = open(&settings(&server, "embedder"), Budget::unlimited()).unwrap();
    let texts = ["the sea", "größere Städte", "the sea"].map(str::to_owned).to_vec();
    let found = embedder.embed(&EmbedRequest { texts, queries: Vec::new() }).await.unwrap().vectors;
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [64; 3]);
    let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
    assert!(near(&found[0], &found[2]) && !near(&found[0], &found[1]));
}

#[tokio::test]
#[ignore = "a real server: run .ci/real_servers"]
async fn a_check_of_llama_cpp_says_what_works_and_a_prompt_that_does_not_fit_is_an_error() {
    let Some(server) = start() else { return };
    let report = check(&settings(&server, "bytes")).await.unwrap();
    let works = |what: &str| report.findings.iter().find(|finding| finding.what == what).unwrap().works;
    assert!(works("reachable") && works("complete") && works("stop strings") && works("seed"), "{report:?}");
    assert!(
        works("score by echo") && !works("score by prompt_logprobs") && !works("embeddings"),
        "{report:?}"
    );
    assert_eq!((&*report.api, report.scoring), ("completions", Some(ScoreMethod::Echo)));
    assert!(report.speed.iter().chain(&report.score_speed).all(|speed| speed.per_second > 0.0));
    // Its context is 512 bytes: what does not fit is an error, not a cut-off prompt.
    let model = open(&settings(&server, "bytes"), Budget::unlimited()).unwrap();
    let error = model.complete(&request(&"long ".repeat(200), 0.0, 1)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
}

/// Requests through a faulty network to the real server, each with the answer that the server gives without it.
async fn complete_through(plan: FaultPlan, count: usize) -> String {
    let Some(server) = start() else { return "skipped".into() };
    let model = open(&settings(&server, "bytes"), Budget::unlimited()).unwrap();
    let asked = |number: usize| request(&format!("number {}:", number % 40), 0.0, 1);
    let mut answers = Vec::new();
    for number in 0..40 {
        answers.push(model.complete(&asked(number)).await.unwrap().text);
    }
    let proxy = Proxy::start(&server.url("/v1"), plan);
    let ends = proxy
        .complete_many("bytes", count, 900.0, |number| (asked(number), answers[number % 40].clone()))
        .await;
    let last = ends.iter().map(|end| end.at).max().unwrap();
    let faults = proxy.faults.load(Ordering::SeqCst);
    assert!(faults * 50 > count as u64, "only {faults} exchanges met a fault");
    format!("{count} requests in {last:?}, {faults} faults")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real server: run .ci/real_servers"]
async fn every_request_to_llama_cpp_through_a_faulty_network_gets_its_own_answer() {
    let outages = vec![Duration::from_secs(1)..Duration::from_secs(2)];
    println!("{}", complete_through(FaultPlan { outages, per_thousand: 60 }, 300).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "ten thousand requests: a soak of some minutes"]
async fn soak_ten_thousand_requests_to_llama_cpp_through_a_faulty_network() {
    let seconds = |from: u64, to: u64| Duration::from_secs(from)..Duration::from_secs(to);
    let outages = vec![seconds(4, 6), seconds(14, 17), seconds(40, 45)];
    complete_through(FaultPlan { outages, per_thousand: 50 }, 10_000).await;
}
