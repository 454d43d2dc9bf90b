//! Servers that misbehave: every request ends within its deadline, in an answer or in the right kind of error.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use samara_lm::{
    Api, Budget, CompletionRequest, ErrorKind, LanguageModel, Limits, LmError, ModelSettings, Needs,
    Sampling, ScoreMethod, ScoreRequest, Spent, open,
};
use samara_testing::server::{Action, Request, Server, ok, sound};
use serde_json::{Value, json};

fn settings(server: &Server) -> ModelSettings {
    ModelSettings {
        base_url: Some(server.url.clone()),
        model: Some("m".into()),
        timeout_s: 0.5,
        deadline_s: 4.0,
        ..ModelSettings::default()
    }
}

fn model(settings: &ModelSettings) -> Arc<dyn LanguageModel> {
    open(settings, Budget::unlimited()).unwrap()
}

fn request(prompt: &str) -> CompletionRequest {
    let sampling = Sampling {
        max_tokens: 8,
        temperature: 1.0,
        top_p: 1.0,
        stop: vec!["###".into()],
        seed: 3,
        penalties: Default::default(),
    };
    CompletionRequest { prompt: prompt.into(), instructions: None, sampling }
}

fn score(prompt: &str) -> ScoreRequest {
    ScoreRequest { prompt: prompt.into(), answers: vec!["positive".into(), "negative".into()], seed: 1 }
}

/// Sound until the probe is over, then what the test wants.
fn after_probe(behave: impl Fn(&Request) -> Action + Send + Sync + 'static) -> Server {
    Server::start(move |request| {
        let probing = request.body["prompt"].as_str().is_some_and(|prompt| prompt.starts_with("1+1="));
        if probing { sound(request) } else { behave(request) }
    })
}

/// Completes once the probe is over. The deadline of four seconds ends whatever goes on for ever; how promptly depends on
/// the machine, so only what hangs fails here.
async fn complete_against(
    behave: impl Fn(&Request) -> Action + Send + Sync + 'static,
) -> (Result<String, LmError>, usize) {
    let server = after_probe(behave);
    let model = model(&settings(&server));
    model.probe(Needs { complete: true, ..Needs::default() }).await.unwrap();
    let before = server.seen.load(Ordering::SeqCst);
    let started = Instant::now();
    let reply = model.complete(&request("Say")).await.map(|completion| completion.text);
    assert!(started.elapsed() < Duration::from_secs(60));
    (reply, server.seen.load(Ordering::SeqCst) - before)
}

/// Misbehaves `times` times, then is sound.
fn at_first(
    times: usize,
    action: impl Fn() -> Action + Send + Sync + 'static,
) -> impl Fn(&Request) -> Action + Send + Sync {
    let count = AtomicUsize::new(0);
    move |request| if count.fetch_add(1, Ordering::SeqCst) < times { action() } else { sound(request) }
}

#[tokio::test]
async fn passing_faults_are_retried_until_an_answer_comes() {
    let reply = |status: u16, headers: &str| Action::Reply(status, headers.to_owned(), "{}".to_owned());
    let faults: [fn() -> Action; 4] = [
        || Action::Reset,
        || Action::Stall,
        || Action::Truncate("{\"choices\": [".into()),
        || Action::Reply(200, String::new(), "<html>".into()),
    ];
    for fault in faults {
        let (text, asked) = complete_against(at_first(2, fault)).await;
        assert!(text.is_ok_and(|text| text.contains('.')));
        assert_eq!(asked, 3);
    }
    for headers in
        ["retry-after: 0\r\n", "retry-after-ms: 20\r\n", "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n"]
    {
        let (text, asked) = complete_against(at_first(2, move || reply(429, headers))).await;
        assert!(text.is_ok());
        assert_eq!(asked, 3);
    }
    assert!(complete_against(at_first(1, move || reply(500, ""))).await.0.is_ok());
}

#[tokio::test]
async fn faults_that_stay_end_in_their_kind_of_error() {
    let always = |status: u16, headers: &'static str, body: &'static str| {
        move |_: &Request| Action::Reply(status, headers.to_owned(), body.to_owned())
    };
    let kind = |(reply, _): (Result<String, LmError>, usize)| reply.unwrap_err().kind;
    assert_eq!(kind(complete_against(always(503, "", "busy")).await), ErrorKind::Overloaded);
    assert_eq!(kind(complete_against(always(401, "", "no")).await), ErrorKind::Refused);
    assert_eq!(kind(complete_against(always(404, "", "no such model")).await), ErrorKind::Refused);
    assert_eq!(kind(complete_against(always(400, "", "too long")).await), ErrorKind::Invalid);
    assert_eq!(kind(complete_against(always(429, "retry-after: 100\r\n", "")).await), ErrorKind::Overloaded);
    assert_eq!(kind(complete_against(always(200, "", "{\"choices\": []}")).await), ErrorKind::Malformed);
    assert_eq!(kind(complete_against(|_: &Request| Action::Stall).await), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_complaint_about_the_request_in_a_500_is_not_retried() {
    let body = "{\"object\": \"error\", \"message\": \"no\", \"type\": \"BadRequestError\", \"code\": 400}";
    let (reply, asked) =
        complete_against(move |_: &Request| Action::Reply(500, String::new(), body.to_owned())).await;
    assert_eq!(
        (reply.unwrap_err().kind, asked),
        (ErrorKind::Invalid, 2),
        "once more without optional fields"
    );
}

#[tokio::test]
async fn an_endless_reply_is_cut_off_and_an_empty_one_is_an_answer() {
    let huge = json!({"choices": [{"text": "x".repeat(10 << 20)}]}).to_string();
    let (reply, asked) =
        complete_against(move |_: &Request| Action::Reply(200, String::new(), huge.clone())).await;
    assert_eq!((reply.unwrap_err().kind, asked), (ErrorKind::Malformed, 1));
    let empty = json!({"choices": [{"text": ""}]});
    let (reply, _) = complete_against(move |_: &Request| ok(&empty)).await;
    assert_eq!(reply.unwrap(), "");
}

#[tokio::test]
async fn nobody_at_home_is_unreachable_at_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = ModelSettings { base_url: Some(format!("http://{free}/v1")), ..ModelSettings::default() };
    let error = model(&settings).complete(&request("Say")).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (ErrorKind::Unreachable, 2), "of eight");
}

#[tokio::test]
async fn a_sound_server_is_scored_by_echo() {
    let server = Server::start(sound);
    let model = model(&settings(&server));
    let found = model.probe(Needs { complete: true, score: true, embed: true }).await.unwrap();
    assert_eq!((found.score, found.embed), (Some(ScoreMethod::Echo), Some(2)));
    let score = model.score(&score("aeiou\n")).await.unwrap();
    let normalised = score.normalised();
    assert!((normalised.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    // Five vowels: log-odds of 3 (5/4 - 2).
    assert!((normalised[0] - 1.0 / (1.0 + 2.25_f64.exp())).abs() < 1e-9, "{normalised:?}");
}

#[tokio::test]
async fn a_server_that_ignores_the_flags_is_scored_by_sampling_and_says_why() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/completions" => {
            ok(&json!({"choices": [{"text": "Positive, I think", "finish_reason": "stop"}]}))
        }
        _ => Action::Reply(404, String::new(), "{}".into()),
    });
    let model = model(&settings(&server));
    let found = model.probe(Needs { score: true, ..Needs::default() }).await.unwrap();
    assert_eq!(found.score, Some(ScoreMethod::Sampling));
    assert_eq!(found.notes.len(), 3, "{:?}", found.notes);
    let probability = model.score(&score("Q")).await.unwrap().normalised()[0];
    assert!((probability - 17.0 / 18.0).abs() < 1e-9, "16 of 16, Laplace-smoothed");
}

#[tokio::test]
async fn constant_zero_or_null_log_probabilities_are_refused_by_the_probe() {
    for value in [json!(0.0), json!(-1.0), Value::Null] {
        let server = Server::start(move |request| {
            let body = &request.body;
            if body["echo"] != json!(true) {
                return sound(request);
            }
            let prompt = body["prompt"].as_str().unwrap();
            ok(
                &json!({"choices": [{"logprobs": {"tokens": ["1+1=", "a", "."], "text_offset": [0, 4, prompt.len()],
                "token_logprobs": [null, value, -1.0]}}]}),
            )
        });
        let found = model(&settings(&server)).probe(Needs { score: true, ..Needs::default() }).await.unwrap();
        assert_ne!(found.score, Some(ScoreMethod::Echo));
        assert!(found.notes[0].starts_with("echo"), "{:?}", found.notes);
    }
}

#[tokio::test]
async fn a_chat_server_is_found_and_scored_by_alternatives() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/chat/completions" if request.body["top_logprobs"] == json!(20) => {
            let entry = |token: &str, p: f64| json!({"token": token, "logprob": p.ln()});
            let top = [
                ("2", 0.8),
                ("Yes", 0.1),
                (" Positive", 0.05),
                ("zebra", 0.01),
                ("negative", 0.02),
                ("no", 0.001),
            ]
            .map(|(token, p)| entry(token, p));
            ok(
                &json!({"choices": [{"message": {"content": "2"}, "logprobs": {"content": [{"top_logprobs": top}]}}]}),
            )
        }
        "/v1/chat/completions" => ok(&json!({"choices": [{"message": {"content": "hello"}}]})),
        _ => Action::Reply(404, String::new(), "{}".into()),
    });
    let model = model(&settings(&server));
    let found = model.probe(Needs { complete: true, score: true, ..Needs::default() }).await.unwrap();
    assert_eq!((&*found.api, found.score), ("chat", Some(ScoreMethod::TopLogprobs)));
    let normalised = model.score(&score("Q")).await.unwrap().normalised();
    assert!((normalised[0] - 5.0 / 7.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_server_that_serves_eight_is_not_sent_many_more_for_long() {
    let inside = Arc::new(AtomicUsize::new(0));
    let refused = Arc::new(AtomicUsize::new(0));
    let (count, no) = (Arc::clone(&inside), Arc::clone(&refused));
    let server = after_probe(move |request| {
        let now = count.fetch_add(1, Ordering::SeqCst);
        let action = if now >= 8 {
            no.fetch_add(1, Ordering::SeqCst);
            Action::Reply(429, "retry-after-ms: 5\r\n".into(), "{}".into())
        } else {
            std::thread::sleep(Duration::from_millis(5));
            sound(request)
        };
        count.fetch_sub(1, Ordering::SeqCst);
        action
    });
    let settings = ModelSettings { max_attempts: 1000, deadline_s: 30.0, ..settings(&server) };
    let model = model(&settings);
    let requests: Vec<CompletionRequest> = (0..1000).map(|i| request(&format!("Say {i}"))).collect();
    let replies =
        futures_util::future::join_all(requests.iter().map(|request| model.complete(request))).await;
    assert!(replies.iter().all(Result::is_ok), "none is lost");
    // The first attempts and each trial of a higher limit meet some refusals until the limit is back at eight; a client
    // that did not learn would be refused several times a request.
    let refused = refused.load(Ordering::SeqCst);
    assert!((1..=250).contains(&refused), "{refused} refusals of 1000 requests");
}

#[tokio::test]
async fn the_budget_stops_calls_before_they_are_sent() {
    let server = Server::start(sound);
    let limits = Limits { tokens: Some(60), ..Limits::default() };
    let budget = Budget::new(limits, Spent::default());
    let model = open(&settings(&server), Arc::clone(&budget)).unwrap();
    let requests: Vec<CompletionRequest> = (0..50).map(|_| request("Say")).collect();
    let replies =
        futures_util::future::join_all(requests.iter().map(|request| model.complete(request))).await;
    assert!(replies.iter().any(Result::is_ok));
    assert!(replies.iter().any(|reply| matches!(reply, Err(error) if error.kind == ErrorKind::Budget)));
    assert!(budget.spent().tokens <= 60);
}

#[tokio::test]
async fn a_call_that_fails_gives_its_reservation_back() {
    let server = after_probe(|_| Action::Reply(400, String::new(), "no".into()));
    let limits = Limits { tokens: Some(20), money: Some(1.0), ..Limits::default() };
    let budget = Budget::new(limits, Spent::default());
    let settings = ModelSettings { api: Api::Completions, price_out: 1e5, ..settings(&server) };
    let model = open(&settings, Arc::clone(&budget)).unwrap();
    for _ in 0..5 {
        // Each would reserve more than half of what there is.
        assert_eq!(model.complete(&request("Say")).await.unwrap_err().kind, ErrorKind::Invalid);
    }
    assert_eq!(budget.spent(), Spent::default());
}
