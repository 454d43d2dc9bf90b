//! Servers that answer, but not as the interface's description has it.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod server;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use samara_lm::{
    Api, Budget, CompletionRequest, EmbedRequest, ErrorKind, LanguageModel, ModelSettings, Needs, Sampling,
    ScoreMethod, ScoreRequest, Scoring, check, open,
};
use serde_json::{Value, json};
use server::{Action, Request, Server, ok, sound};

fn settings(server: &Server) -> ModelSettings {
    ModelSettings {
        base_url: Some(server.url.clone()),
        model: Some("m".into()),
        timeout_s: 2.0,
        deadline_s: 8.0,
        ..ModelSettings::default()
    }
}

fn model(settings: &ModelSettings) -> Arc<dyn LanguageModel> {
    open(settings, Budget::unlimited()).unwrap()
}

fn request(prompt: &str) -> CompletionRequest {
    let sampling = Sampling { max_tokens: 8, temperature: 1.0, top_p: 1.0, stop: Vec::new(), seed: 3 };
    CompletionRequest { prompt: prompt.into(), sampling }
}

fn score(prompt: &str, answers: [&str; 2]) -> ScoreRequest {
    ScoreRequest { prompt: prompt.into(), answers: answers.map(str::to_owned).to_vec(), seed: 1 }
}

const SCORES: Needs = Needs { complete: false, score: true, embed: false };

/// One token per character, as a byte vocabulary has it: a character of several bytes is several tokens, all but the
/// last of them without text. The log-probability of a byte is its value over -100.
fn echo_bytes(text: &str, in_bytes: bool, offsets: bool) -> Value {
    let (mut tokens, mut starts, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (place, character)) in text.char_indices().enumerate() {
        let mut buffer = [0; 4];
        let bytes = character.encode_utf8(&mut buffer).as_bytes();
        for (i, byte) in bytes.iter().enumerate() {
            let last = i + 1 == bytes.len();
            tokens.push(if last { character.to_string() } else { String::new() });
            starts.push(if in_bytes { place + i } else { number });
            values.push(if tokens.len() == 1 { Value::Null } else { json!(-f64::from(*byte) / 100.0) });
        }
    }
    tokens.push("!".into());
    starts.push(if in_bytes { text.len() } else { text.chars().count() });
    values.push(json!(-50.0));
    let mut logprobs = json!({"tokens": tokens, "token_logprobs": values});
    if offsets {
        logprobs["text_offset"] = json!(starts);
    }
    json!({"choices": [{"text": text, "logprobs": logprobs}]})
}

fn byte_server(in_bytes: bool, offsets: bool) -> Server {
    Server::start(move |request| match request.body["prompt"].as_str() {
        Some(prompt) if request.body["echo"] == json!(true) => ok(&echo_bytes(prompt, in_bytes, offsets)),
        _ => sound(request),
    })
}

fn by_bytes(text: &str) -> f64 {
    text.bytes().map(|byte| -f64::from(byte) / 100.0).sum()
}

#[tokio::test]
async fn answers_of_several_bytes_a_character_are_scored_whole_in_either_unit() {
    for in_bytes in [false, true] {
        let server = byte_server(in_bytes, true);
        let model = model(&settings(&server));
        assert_eq!(model.probe(SCORES).await.unwrap().score, Some(ScoreMethod::Echo));
        for answers in [["né", "nö"], ["漢字", "🦀"], ["yes", "ß"]] {
            let scored = model.score(&score("Größe 🦀:\n", answers)).await.unwrap();
            for (value, answer) in scored.log_probabilities.iter().zip(answers) {
                assert!((value - by_bytes(answer)).abs() < 1e-9, "{answer}: {value} in_bytes={in_bytes}");
            }
        }
    }
}

#[tokio::test]
async fn without_offsets_a_text_is_placed_by_its_tokens_or_refused_never_guessed() {
    let server = byte_server(false, false);
    let settings = ModelSettings { scoring: Scoring::Echo, ..settings(&server) };
    let model = model(&settings);
    let scored = model.score(&score("Q:", ["yes", "no"])).await.unwrap();
    assert!((scored.log_probabilities[1] - by_bytes("no")).abs() < 1e-9);
    let unplaced = model.score(&score("Größe:", ["yes", "no"])).await.unwrap_err();
    assert_eq!(unplaced.kind, ErrorKind::Malformed);
}

/// Sound, but the first `times` echoes after the probe hold `value`.
fn scores_badly(times: usize, value: &'static str) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |request| {
        let prompt = request.body["prompt"].as_str().unwrap_or_default();
        let echoes = request.body["echo"] == json!(true) && !prompt.starts_with("1+1=");
        if echoes && count.fetch_add(1, Ordering::SeqCst) < times {
            let body = "{\"choices\": [{\"logprobs\": {\"tokens\": [\"\", \"a\"], \"text_offset\": [0, 0], \"token_logprobs\": [null, VALUE]}}]}";
            return Action::Reply(200, String::new(), body.replace("VALUE", value));
        }
        sound(request)
    })
}

#[tokio::test]
async fn nan_and_null_log_probabilities_are_asked_for_again_and_then_malformed() {
    for value in ["NaN", "null", "1e999", "Infinity", "0.5"] {
        let server = scores_badly(2, value);
        let good = model(&settings(&server)).score(&score("Q\n", ["positive", "negative"])).await.unwrap();
        assert_eq!(good.usage.attempts, 4, "two answers, two of the attempts bad");
        let server = scores_badly(usize::MAX, value);
        let error =
            model(&settings(&server)).score(&score("Q\n", ["positive", "negative"])).await.unwrap_err();
        assert_eq!((error.kind, error.attempts), (ErrorKind::Malformed, 3), "{value}");
    }
}

#[tokio::test]
async fn an_overload_at_the_start_does_not_choose_a_worse_method() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        if count.fetch_add(1, Ordering::SeqCst) < 4 {
            return Action::Reply(429, "retry-after-ms: 5\r\n".into(), "{}".into());
        }
        sound(request)
    });
    assert_eq!(model(&settings(&server)).probe(SCORES).await.unwrap().score, Some(ScoreMethod::Echo));
    let server = Server::start(move |request| {
        if request.body["echo"] == json!(true) {
            return Action::Reply(500, String::new(), "internal error".into());
        }
        sound(request)
    });
    let settings = ModelSettings { max_attempts: 2, ..settings(&server) };
    let found = model(&settings).probe(SCORES).await.unwrap();
    assert_eq!(
        found.score,
        Some(ScoreMethod::Sampling),
        "a server that fails at echo alone is used otherwise"
    );
    assert!(found.notes[0].contains("500"), "{:?}", found.notes);
}

#[tokio::test]
async fn a_server_without_chat_or_log_probabilities_that_says_501_is_not_asked_again() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/completions" if request.body["echo"] == json!(true) => {
            Action::Reply(501, String::new(), "{}".into())
        }
        _ => sound(request),
    });
    let before = Instant::now();
    let found = model(&settings(&server)).probe(SCORES).await.unwrap();
    assert_eq!(found.score, Some(ScoreMethod::Sampling));
    assert!(before.elapsed() < Duration::from_secs(3));
    assert!(server.seen.load(Ordering::SeqCst) < 10);
}

#[tokio::test]
async fn samples_that_name_no_answer_are_an_error_and_not_an_undecided_judge() {
    let server = Server::start(|_| ok(&json!({"choices": [{"text": "Well, nothing certain"}]})));
    let settings = ModelSettings { scoring: Scoring::Sampling, score_samples: 4, ..settings(&server) };
    let error = model(&settings).score(&score("Q", ["yes", "no"])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed);
    assert!(error.to_string().contains("hint:"), "{error}");
}

#[tokio::test]
async fn completions_alternatives_are_used_where_echo_is_ignored() {
    let server = Server::start(|request| {
        let top = json!([{" 2": -0.1, " yes": -1.0, "Yes": -2.0, "no": -3.0, "zebra": -9.0}]);
        let logprobs =
            json!({"tokens": [" 2"], "token_logprobs": [-0.1], "text_offset": [4], "top_logprobs": top});
        match request.path.as_str() {
            "/v1/completions" => ok(&json!({"choices": [{"text": " 2", "logprobs": logprobs}]})),
            _ => Action::Reply(404, String::new(), "{}".into()),
        }
    });
    let model = model(&settings(&server));
    let found = model.probe(SCORES).await.unwrap();
    assert_eq!((found.score, &*found.api), (Some(ScoreMethod::TopLogprobs), "completions"));
    assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
    let values = model.score(&score("Q", ["yes", "no"])).await.unwrap().log_probabilities;
    assert!((values[0] - ((-1.0_f64).exp() + (-2.0_f64).exp()).ln()).abs() < 1e-9);
    assert!((values[1] + 3.0).abs() < 1e-12);
}

#[tokio::test]
async fn a_model_that_only_embeds_is_probed_for_nothing_else() {
    let failures = AtomicUsize::new(0);
    let server = Server::start(move |request| match request.path.as_str() {
        "/v1/embeddings"
            if request.body["input"] == json!(["again"]) && failures.fetch_add(1, Ordering::SeqCst) < 4 =>
        {
            Action::Reply(503, "retry-after-ms: 1\r\n".into(), "{}".into())
        }
        "/v1/embeddings" | "/v1/models" => sound(request),
        _ => Action::Reply(404, String::new(), "{}".into()),
    });
    let settings = ModelSettings { model: None, ..settings(&server) };
    let model = model(&settings);
    let found = model.probe(Needs { embed: true, ..Needs::default() }).await.unwrap();
    assert_eq!((found.embed, &*found.model), (Some(2), "sound"));
    let reply = model.embed(&EmbedRequest { texts: vec!["again".into()] }).await.unwrap();
    assert_eq!(reply.usage.attempts, 5, "it gets all its attempts");
}

#[tokio::test]
async fn what_the_settings_add_reaches_the_server_and_the_seed_does_too() {
    let server = Server::start(|request| {
        let body = &request.body;
        ok(
            &json!({"choices": [{"message": {"content": format!("{} {} {} {}", body["top_k"], body["seed"], body["max_tokens"], body["max_completion_tokens"])}}]}),
        )
    });
    let extra = "top_k = 40\nmax_completion_tokens = 99".parse().unwrap();
    let settings = ModelSettings { api: Api::Chat, extra, ..settings(&server) };
    assert_eq!(model(&settings).complete(&request("Say")).await.unwrap().text, "40 3 null 99");
}

/// The key that a test can rely on without changing its environment: a path that cargo sets.
const KEY: &str = "CARGO_MANIFEST_DIR";

/// Quotes the request's head in a refusal, as a debugging proxy would.
fn tells_all(status: u16) -> impl Fn(&Request) -> Action + Send + Sync {
    move |request| {
        let quoted = json!({"error": format!("I got {}", request.head)}).to_string();
        Action::Reply(status, String::new(), quoted)
    }
}

#[tokio::test]
async fn a_key_is_sent_and_shows_in_no_error_and_no_debug_output() {
    let key = std::env::var(KEY).unwrap();
    let heads = Arc::new(AtomicUsize::new(0));
    for status in [400, 401, 403, 404, 422, 429, 500, 503] {
        let (count, sent) = (Arc::clone(&heads), format!("Bearer {key}"));
        let answer = tells_all(status);
        let server = Server::start(move |request| {
            count.fetch_add(usize::from(request.head.contains(&sent)), Ordering::SeqCst);
            answer(request)
        });
        let settings = ModelSettings {
            api_key_env: KEY.into(),
            api: Api::Completions,
            max_attempts: 2,
            ..settings(&server)
        };
        let model = model(&settings);
        let error = model.complete(&request("Say")).await.unwrap_err();
        let shown = format!("{error} {error:?} {model:?} {} {settings:?}", model.label());
        assert!(!shown.contains(&key), "{shown}");
        assert!(shown.contains("***"), "the server quoted it: {shown}");
        let probed = model.probe(Needs { complete: true, score: true, embed: true }).await;
        assert!(!format!("{probed:?}").contains(&key));
    }
    assert!(heads.load(Ordering::SeqCst) >= 8, "the key was sent");
}

#[test]
fn an_address_with_a_password_is_refused_without_showing_it() {
    let settings =
        ModelSettings { base_url: Some("http://me:hunter2@host/v1".into()), ..ModelSettings::default() };
    let error = open(&settings, Budget::unlimited()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Configuration);
    assert!(!error.to_string().contains("hunter2") && error.to_string().contains("api_key_env"), "{error}");
}

#[test]
fn an_unknown_setting_is_an_error() {
    let error = toml::from_str::<ModelSettings>("modle = \"m\"").unwrap_err().to_string();
    assert!(error.contains("modle"), "{error}");
    let settings = ModelSettings { extra: "top_k = 40".parse().unwrap(), ..ModelSettings::default() };
    let written = toml::to_string(&settings).unwrap();
    assert_eq!(toml::from_str::<ModelSettings>(&written).unwrap(), settings);
}

#[tokio::test]
async fn a_check_reports_what_works_and_why_the_rest_does_not() {
    let server = Server::start(sound);
    let report = check(&settings(&server)).await.unwrap();
    let works = |what: &str| report.findings.iter().find(|finding| finding.what == what).unwrap().works;
    assert!(works("complete") && works("seed") && works("score by echo") && works("embeddings"));
    assert!(!works("stop strings"), "the sound server knows none");
    assert!(!works("score by prompt_logprobs"));
    assert_eq!(report.scoring, Some(ScoreMethod::Echo));
    assert_eq!(report.speed.iter().map(|speed| speed.concurrency).collect::<Vec<_>>(), [1, 2, 4, 8]);
    assert!(report.speed.iter().all(|speed| speed.per_second > 0.0 && speed.median_ms > 0.0));
}
