//! Which scoring method is found on which server, and what the methods make of their replies.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, atomic::Ordering},
};

use samara_lm::{
    Budget, CompletionRequest, ErrorKind, Finish, LanguageModel, ModelSettings, Needs, Sampling, ScoreMethod,
    ScoreRequest, Scoring, check, open,
};
use samara_testing::server::{Action, Request, Server, ok, sound};
use serde_json::{Value, json};

fn model(provider: &str, server: &Server, change: impl Fn(&mut ModelSettings)) -> Arc<dyn LanguageModel> {
    let base = server.url.trim_end_matches("/v1");
    let name = if matches!(provider, "sglang" | "tgi") { "" } else { "#m" };
    let text = match provider {
        "openai" => format!("{}#m", server.url),
        _ => format!("{provider}:{base}{name}"),
    };
    let mut settings = ModelSettings::parse(&text).unwrap();
    settings.timeout_s = 2.0;
    settings.deadline_s = 5.0;
    change(&mut settings);
    open(&settings, Budget::unlimited()).unwrap()
}

fn needs() -> Needs {
    Needs { complete: true, score: true, ..Needs::default() }
}

fn score() -> ScoreRequest {
    ScoreRequest { prompt: "Q:".into(), answers: vec![" yes".into(), " no".into()], seed: 1 }
}

fn ends_in(text: &Value, words: &[&str]) -> bool {
    text.as_str().is_some_and(|text| words.iter().any(|word| text.ends_with(word)))
}

/// What a native server says of a sure answer and of another; `log` is the sure one's log-probability.
fn native(request: &Request, log: f64, other: f64) -> Action {
    let body = &request.body;
    let value = |text: &Value| if ends_in(text, &["2", "yes"]) { log } else { other };
    match request.path.as_str() {
        "/completion" if body["grammar"].is_string() => {
            let rule =
                body["grammar"].as_str().unwrap().trim_start_matches("root ::= \"").trim_end_matches('"');
            let token = json!({"token": rule, "bytes": rule.as_bytes(), "logprob": value(&json!(rule))});
            ok(&json!({"content": rule, "completion_probabilities": [token]}))
        }
        "/completion" => ok(&json!({"content": "yes", "stop_type": "eos"})),
        "/generate" if body["text"].is_array() => {
            let token = json!([value(&body["text"][1]), 7, null]);
            let of =
                |tokens: Value| json!({"meta_info": {"input_token_logprobs": tokens, "prompt_tokens": 2}});
            ok(&json!([of(json!([[null, 1, null]])), of(json!([[null, 1, null], token]))]))
        }
        "/generate" if body["parameters"]["decoder_input_details"] == true => {
            let prefill = json!([{"id": 1, "logprob": null}, {"id": 7, "logprob": value(&body["inputs"])}]);
            ok(&json!({"generated_text": "", "details": {"prefill": prefill}}))
        }
        "/tokenize" => ok(&json!([{"id": 1, "text": "", "start": 0, "stop": 1}])),
        "/generate" => ok(&json!({"generated_text": "yes", "text": "yes"})),
        "/get_model_info" => ok(&json!({"model_path": "m"})),
        "/info" => ok(&json!({"model_id": "m"})),
        "/evaluate" => ok(&json!({"result": {"log_probability": value(&body["completion_expected"])}})),
        "/complete" => ok(&json!({"completions": [{"completion": "yes", "finish_reason": "end_of_text"}]})),
        "/api/generate" if body["logprobs"] == true => {
            let entry = |token: &str| json!({"token": token, "logprob": value(&json!(token))});
            let top: Vec<Value> = ["2", "zebra", "yes", "no"].map(entry).to_vec();
            ok(&json!({"response": "2", "logprobs": [{"top_logprobs": top}]}))
        }
        "/api/generate" => ok(&json!({"response": "yes", "done_reason": "stop"})),
        "/v1/messages" => {
            ok(&json!({"content": [{"type": "text", "text": "yes"}], "stop_reason": "end_turn"}))
        }
        _ => Action::Reply(404, String::new(), "{\"error\": \"no such route\"}".to_owned()),
    }
}

const NATIVE: [(&str, ScoreMethod); 5] = [
    ("llama-server", ScoreMethod::Grammar),
    ("sglang", ScoreMethod::InputLogprobs),
    ("tgi", ScoreMethod::Prefill),
    ("aleph-alpha", ScoreMethod::Evaluate),
    ("ollama", ScoreMethod::TopLogprobs),
];

#[tokio::test]
async fn every_provider_is_scored_by_its_own_method() {
    for (provider, method) in NATIVE {
        let server = Server::start(|request| native(request, -0.5, -2.0));
        let model = model(provider, &server, |_| ());
        let found = model.probe(needs()).await.unwrap();
        assert_eq!(found.score, Some(method), "{provider}: {:?}", found.notes);
        let score = model.score(&score()).await.unwrap();
        assert_eq!((score.log_probabilities, score.method), (vec![-0.5, -2.0], method), "{provider}");
    }
}

#[tokio::test]
async fn a_method_that_gives_equal_or_certain_or_swapped_values_is_refused_on_every_provider() {
    for (provider, method) in NATIVE {
        for (log, other) in [(-1.0, -1.0), (0.0, -1.0), (-2.0, -0.5)] {
            let server = Server::start(move |request| native(request, log, other));
            let found = model(provider, &server, |_| ()).probe(needs()).await.unwrap();
            assert_eq!(found.score, Some(ScoreMethod::Sampling), "{provider}");
            assert!(found.notes[0].starts_with(method.name()), "{provider}: {:?}", found.notes);
        }
    }
}

#[tokio::test]
async fn a_method_that_is_asked_for_but_does_not_work_is_an_error_not_another_method() {
    let server = Server::start(|request| native(request, -1.0, -1.0));
    let model = model("llama-server", &server, |settings| settings.scoring = Scoring::Grammar);
    let error = model.probe(needs()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("grammar"), "{error}");
}

#[tokio::test]
async fn anthropic_is_sampled_and_each_sample_is_a_message() {
    let server = Server::start(|request| native(request, 0.0, 0.0));
    let model = model("anthropic", &server, |settings| settings.score_samples = 4);
    assert_eq!(model.probe(needs()).await.unwrap().score, Some(ScoreMethod::Sampling));
    let before = server.seen.load(Ordering::SeqCst);
    let score = model.score(&score()).await.unwrap();
    assert_eq!(server.seen.load(Ordering::SeqCst) - before, 4);
    assert!((score.normalised()[0] - 5.0 / 6.0).abs() < 1e-12, "4 of 4, Laplace-smoothed");
}

/// Rates 2 after 1+1= at 10 and everything else at 8 or 9 by turns, in words of several kinds.
fn rating(request: &Request) -> Action {
    let prompt = request.body["messages"][0]["content"].as_str().unwrap_or_default();
    let text = match (prompt.starts_with("1+1="), request.number % 2) {
        (true, _) => "10",
        (false, 0) => "**8**/10",
        (false, _) => "I'd say 9 out of 10",
    };
    ok(&json!({"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}))
}

#[tokio::test]
async fn ratings_are_averaged_into_a_graded_score() {
    let server = Server::start(rating);
    let model = model("anthropic", &server, |settings| {
        settings.scoring = Scoring::Rating;
        settings.score_samples = 4;
    });
    assert_eq!(model.probe(needs()).await.unwrap().score, Some(ScoreMethod::Rating));
    let score = model.score(&score()).await.unwrap();
    assert!((score.normalised()[0] - 0.8).abs() < 1e-12, "the mean is 8.5: {score:?}");
    let three = ScoreRequest { answers: vec!["a".into(), "b".into(), "c".into()], ..self::score() };
    let shares = model.score(&three).await.unwrap().normalised();
    assert!(shares.iter().all(|share| (share - 1.0 / 3.0).abs() < 1e-12), "{shares:?}");
}

#[tokio::test]
async fn a_rater_that_always_says_the_same_middle_or_no_number_is_refused() {
    for text in ["5.5", "I would rather not"] {
        let server = Server::start(move |_| ok(&json!({"content": [{"type": "text", "text": text}]})));
        let model = model("anthropic", &server, |settings| {
            settings.scoring = Scoring::Rating;
            settings.score_samples = 2;
        });
        assert_eq!(model.probe(needs()).await.unwrap_err().kind, ErrorKind::Unsupported, "{text}");
    }
}

/// A completions server without log-probabilities that gives as many choices as `choices` says of the wanted.
fn sampler(choices: impl Fn(u64) -> u64 + Send + Sync + 'static) -> (Server, Arc<Mutex<Vec<Value>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let server = Server::start(move |request| {
        if request.path != "/v1/completions" || request.body["echo"] == true {
            return Action::Reply(404, String::new(), "{}".into());
        }
        log.lock().unwrap().push(request.body.clone());
        let wanted = request.body["n"].as_u64().unwrap_or(1);
        let given = choices(wanted);
        if given == 0 {
            return Action::Reply(400, String::new(), "{\"error\": {\"message\": \"n must be 1\"}}".into());
        }
        ok(&json!({"choices": vec![json!({"text": "yes", "finish_reason": "stop"}); given as usize]}))
    });
    (server, asked)
}

#[tokio::test]
async fn samples_are_asked_for_at_once_and_topped_up_one_by_one_with_seeds_of_their_own() {
    type Choices = fn(u64) -> u64;
    let cases: [(Choices, usize, usize); 4] = [
        // Gives what is wanted; half of it; one whatever is wanted; refuses more than one, which is tried once more with
        // sixteen tokens instead of eight, in case that was meant.
        (|wanted| wanted, 1, 1),
        (|wanted| wanted.div_ceil(2), 5, 5),
        (|_| 1, 8, 8),
        (|wanted| u64::from(wanted == 1), 10, 8),
    ];
    for (choices, first, second) in cases {
        let (server, asked) = sampler(choices);
        let model = model("openai", &server, |settings| {
            settings.scoring = Scoring::Sampling;
            settings.score_samples = 8;
        });
        model.probe(needs()).await.unwrap();
        for expected in [first, second] {
            asked.lock().unwrap().clear();
            let score = model.score(&score()).await.unwrap();
            assert!((score.normalised()[0] - 0.9).abs() < 1e-12, "8 of 8, Laplace-smoothed");
            let asked = asked.lock().unwrap();
            assert_eq!(asked.len(), expected);
            let single: Vec<u64> = asked
                .iter()
                .filter(|body| body["n"].is_null())
                .map(|body| body["seed"].as_u64().unwrap())
                .collect();
            assert_eq!(
                single.iter().collect::<BTreeSet<_>>().len(),
                single.len(),
                "seeds differ: {single:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_reasoning_chat_is_asked_with_the_name_of_the_limit_that_it_wants() {
    let server = Server::start(|request| {
        let body = &request.body;
        match request.path.as_str() {
            "/v1/chat/completions" if body["max_tokens"].is_number() => {
                let message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
                Action::Reply(400, String::new(), json!({"error": {"message": message}}).to_string())
            }
            "/v1/chat/completions" if body["max_completion_tokens"].is_number() => {
                ok(&json!({"choices": [{"message": {"content": "peas"}, "finish_reason": "stop"}]}))
            }
            _ => Action::Reply(404, String::new(), "{}".into()),
        }
    });
    let sampling = Sampling {
        max_tokens: 8,
        temperature: 1.0,
        top_p: 1.0,
        stop: Vec::new(),
        seed: 1,
        penalties: Default::default(),
    };
    let request = CompletionRequest { prompt: "Say".into(), instructions: None, sampling };
    assert_eq!(model("openai", &server, |_| ()).complete(&request).await.unwrap().text, "peas");
}

#[tokio::test]
async fn a_stop_string_that_the_server_left_in_is_cut_off() {
    let server = Server::start(|request| match request.path.as_str() {
        "/info" => ok(&json!({"model_id": "m"})),
        _ => ok(&json!({"generated_text": "peas\n### beans", "details": {"finish_reason": "length"}})),
    });
    let stop = vec!["###".to_owned(), "\n".to_owned()];
    let sampling = Sampling {
        max_tokens: 8,
        temperature: 1.0,
        top_p: 1.0,
        stop,
        seed: 1,
        penalties: Default::default(),
    };
    let request = CompletionRequest { prompt: "Say".into(), instructions: None, sampling };
    let completion = model("tgi", &server, |_| ()).complete(&request).await.unwrap();
    assert_eq!((&*completion.text, completion.finish), ("peas", Finish::Stop));
}

#[tokio::test]
async fn a_check_lists_what_works_and_what_does_not() {
    let server = Server::start(sound);
    let mut settings = ModelSettings::parse(&format!("{}#m", server.url)).unwrap();
    settings.price_in = 2.0;
    let report = check(&settings).await.unwrap();
    let works = |what: &str| report.findings.iter().find(|finding| finding.what == what).map(|f| f.works);
    assert_eq!((works("reachable"), works("complete"), works("seed")), (Some(true), Some(true), Some(true)));
    assert_eq!(works("stop strings"), Some(false), "the server knows none");
    assert_eq!(works("several at once (n)"), Some(false), "it gives one");
    assert_eq!((works("score by echo"), works("score by prompt_logprobs")), (Some(true), Some(false)));
    assert_eq!((report.scoring, works("embeddings")), (Some(ScoreMethod::Echo), Some(true)));
    assert_eq!(report.price.map(|price| price.per_million_in), Some(2.0));
    assert_eq!(report.speed.len(), 5);
}

#[tokio::test]
async fn a_check_takes_a_server_that_only_embeds_and_names_why_another_is_unusable() {
    let embedder = Server::start(|request| match request.path.as_str() {
        "/info" => ok(&json!({"model_id": "m"})),
        "/embed" => ok(&json!([[1.0, 2.0, 3.0]])),
        _ => Action::Reply(404, String::new(), "{}".into()),
    });
    let settings = ModelSettings::parse(&format!("tgi:{}", embedder.url.trim_end_matches("/v1"))).unwrap();
    let report = check(&settings).await.unwrap();
    assert!(report.findings.iter().any(|finding| finding.detail == "3 dimensions"), "{report:?}");
    assert!(report.api.is_empty() && report.scoring.is_none());
    let closed = Server::start(|_| Action::Reply(401, String::new(), "no key".into()));
    let error = check(&ModelSettings::parse(&closed.url).unwrap()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("no key"), "{error}");
}
