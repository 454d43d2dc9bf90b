//! HTTP exchanges with every kind of server, replayed on loopback: what is sent, and what is made of each reply.
//!
//! The files are in `tests/exchanges/`, one per provider; the shapes are those of the vendors' documentation and
//! sources. Each provider has one of every kind in [`KINDS`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use samara_testing::server::{Action, Server};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::backend::Backend;
use crate::{
    error::AttemptError,
    operation::{Answer, Endpoint, Operation, Value},
    provider_name::ProviderName,
    providers::facts::{Kind, Protocol},
    reading::{framing, secrets::Redactor},
    settings::ModelSettings,
    types::{CompletionRequest, Finish, Sampling, ScoreMethod, ScoreRequest, Side},
};

/// What every provider must have met.
const KINDS: [&str; 9] =
    ["ok", "refusal", "rate_limit", "validation", "truncated", "malformed", "missing", "null", "nan"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    kind: String,
    ask: Ask,
    #[serde(default)]
    chat: bool,
    /// Further settings.
    #[serde(default)]
    settings: toml::Table,
    exchanges: Vec<Exchange>,
    gives: Gives,
    #[serde(default)]
    tokens: Option<(u64, u64)>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Ask {
    Models,
    Complete(Complete),
    Answer { prompt: String, answer: String, method: ScoreMethod },
    Labels { prompt: String, answers: Vec<String> },
    Embed(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Complete {
    prompt: String,
    max_tokens: u32,
    temperature: f64,
    top_p: f64,
    stop: Vec<String>,
    seed: u64,
}

impl Default for Complete {
    fn default() -> Self {
        Self { prompt: "Say".into(), max_tokens: 8, temperature: 1.0, top_p: 1.0, stop: Vec::new(), seed: 3 }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Exchange {
    path: String,
    /// The body that must be sent; left out where another case shows it.
    sent: Option<Json>,
    /// What the head of the request must contain.
    head: Option<String>,
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    reply: Option<Json>,
    /// A reply that is not JSON.
    text: Option<String>,
    /// A reply that ends before its time.
    cut: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Gives {
    Models(Vec<String>),
    Text {
        text: String,
        finish: Finish,
    },
    LogProbabilities(Vec<f64>),
    Vectors(Vec<Vec<f64>>),
    Error {
        kind: String,
        retryable: bool,
        #[serde(default)]
        after_ms: Option<u64>,
        #[serde(default)]
        says: String,
    },
}

fn action(exchange: &Exchange) -> Action {
    if let Some(cut) = &exchange.cut {
        return Action::Truncate(cut.clone());
    }
    let headers = exchange.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let body = exchange.reply.as_ref().map(Json::to_string).or(exchange.text.clone()).unwrap_or_default();
    Action::Reply(exchange.status.unwrap_or(200), headers, body)
}

type Seen = Arc<Mutex<Vec<(String, Json, String)>>>;

/// A server that plays a case's part and remembers what it was asked.
fn play(case: &Case) -> (Server, Seen) {
    let (seen, steps) = (Seen::default(), case.exchanges.clone());
    let refuses = case.kind == "validation";
    let log = Arc::clone(&seen);
    let server = Server::start(move |request| {
        let asked = (request.path.clone(), request.body.clone(), request.head.clone());
        log.lock().expect("no test has panicked with it").push(asked);
        let over = || Action::Reply(404, String::new(), "one exchange too many".to_owned());
        // A server that refuses a request refuses it again, whatever is left out of it.
        let step =
            if refuses { steps.get(request.number).or(steps.last()) } else { steps.get(request.number) };
        step.map_or_else(over, action)
    });
    (server, seen)
}

async fn replay(provider: ProviderName, case: &Case) {
    let (server, seen) = play(case);
    let base = match provider {
        ProviderName::Openai => server.url.clone(),
        _ => server.url.trim_end_matches("/v1").to_owned(),
    };
    let mut settings: ModelSettings = case.settings.clone().try_into().expect(&case.name);
    settings = ModelSettings { provider, base_url: Some(base), model: Some("m".into()), ..settings };
    // A variable that is set everywhere and is no secret: a header must carry some key.
    settings.api_key_env = Some("CARGO_PKG_NAME".into());
    let backend = Backend::open(&settings).expect(&case.name);
    let how = Endpoint { model: "m".into(), chat: case.chat, completion_tokens: false };
    let (complete, score);
    let operation = match &case.ask {
        Ask::Models => Operation::Models,
        Ask::Complete(ask) => {
            let sampling = Sampling {
                max_tokens: ask.max_tokens,
                temperature: ask.temperature,
                top_p: ask.top_p,
                stop: ask.stop.clone(),
                seed: ask.seed,
                penalties: Default::default(),
            };
            complete = CompletionRequest { prompt: ask.prompt.clone(), instructions: None, sampling };
            Operation::Complete { request: &complete, how: &how }
        }
        Ask::Answer { prompt, answer, method } => {
            Operation::LogProbability { prompt, answer, method: *method, how: &how }
        }
        Ask::Labels { prompt, answers } => {
            score = ScoreRequest { prompt: prompt.clone(), answers: answers.clone(), seed: 1 };
            Operation::Labels { request: &score, how: &how }
        }
        Ask::Embed(texts) => Operation::Embed { texts, how: &how, side: Side::Symmetric },
    };
    let result = backend.attempt(&operation, 1).await;
    let seen = seen.lock().expect("no test has panicked with it");
    let complete = seen.len() == case.exchanges.len() || (case.kind == "validation" && !seen.is_empty());
    assert!(complete, "{}: {result:?} after {seen:#?}", case.name);
    for (exchange, (path, body, head)) in case.exchanges.iter().zip(seen.iter()) {
        assert_eq!(path, &exchange.path, "{}", case.name);
        if let Some(sent) = &exchange.sent {
            assert_eq!(body, sent, "{}", case.name);
        }
        assert!(exchange.head.as_ref().is_none_or(|part| head.contains(part)), "{}: {head}", case.name);
    }
    judge(case, result);
}

fn judge(case: &Case, result: Result<Answer, AttemptError>) {
    let name = &case.name;
    let expected = match &case.gives {
        Gives::Models(names) => Value::Models(names.clone()),
        Gives::Text { text, finish } => Value::Text(text.clone(), *finish),
        Gives::LogProbabilities(values) => {
            let Value::LogProbabilities(found) = result.expect(name).value else {
                panic!("{name}: no scores")
            };
            let near = found.iter().zip(values).all(|(found, value)| (found - value).abs() < 1e-9);
            assert!(near && found.len() == values.len(), "{name}: {found:?} instead of {values:?}");
            return;
        }
        Gives::Vectors(vectors) => Value::Vectors(vectors.clone()),
        Gives::Error { kind, retryable, after_ms, says } => {
            let error = result.expect_err(name);
            let found = format!("{:?}", error.kind).to_lowercase();
            assert_eq!((&found, error.retryable), (kind, *retryable), "{name}: {error:?}");
            assert_eq!(error.retry_after.map(|after| after.as_millis() as u64), *after_ms, "{name}");
            assert!(error.message.contains(says.as_str()), "{name}: {}", error.message);
            assert!(!error.message.contains("samara-lm"), "{name}: the key is quoted");
            return;
        }
    };
    let answer = result.expect(name);
    assert_eq!(answer.value, expected, "{name}");
    assert_eq!(answer.tokens, case.tokens, "{name}");
}

async fn replay_all(provider: ProviderName, file: &str) {
    let cases: Vec<Case> = serde_json::from_str(file).expect("a list of cases");
    for kind in KINDS {
        assert!(cases.iter().any(|case| case.kind == kind), "no exchange of the kind {kind}");
    }
    for case in &cases {
        replay(provider, case).await;
    }
}

macro_rules! providers {
    ($($test:ident: $provider:ident from $file:literal;)*) => {$(
        #[tokio::test]
        async fn $test() {
            replay_all(ProviderName::$provider, include_str!(concat!("../../tests/exchanges/", $file))).await;
        }
    )*};
}

providers! {
    openai_exchanges_are_understood: Openai from "openai.json";
    llama_server_exchanges_are_understood: LlamaServer from "llama-server.json";
    ollama_exchanges_are_understood: Ollama from "ollama.json";
    sglang_exchanges_are_understood: Sglang from "sglang.json";
    tgi_exchanges_are_understood: Tgi from "tgi.json";
    anthropic_exchanges_are_understood: Anthropic from "anthropic.json";
    aleph_alpha_exchanges_are_understood: AlephAlpha from "aleph-alpha.json";
    triton_exchanges_are_understood: Triton from "triton.json";
}

/// The protocols of all servers that are asked in JSON.
fn protocols() -> impl Iterator<Item = &'static Protocol> {
    ProviderName::ALL.iter().filter_map(|provider| match &provider.facts().kind {
        Kind::Http(protocol) => Some(protocol),
        _ => None,
    })
}

/// A reply in which every provider finds something to read.
fn almost(text: &str, numbers: &[Option<f64>], offsets: &[usize]) -> Json {
    let token = json!({"token": text, "id": offsets.first(), "bytes": offsets, "text": text,
        "logprob": numbers.first(), "top_logprobs": [{"token": text, "logprob": numbers.last()}]});
    let entry = json!([numbers.first(), offsets.first(), text]);
    json!({
        "choices": [{"text": text, "message": {"content": text}, "logprobs": {
            "tokens": [text], "text_offset": offsets, "token_logprobs": numbers, "content": [token],
            "top_logprobs": [numbers]}}],
        "prompt": [{"logprobs": {"tokens": [text, text], "token_logprobs": numbers}}],
        "prompt_logprobs": numbers, "data": [{"embedding": numbers, "id": text}],
        "content": [{"type": "text", "text": text}], "completion_probabilities": [token, token],
        "response": text, "models": [{"name": text}], "logprobs": [token], "embeddings": [numbers],
        "text": text, "model_path": text, "meta_info": {"input_token_logprobs": [entry, entry]},
        "generated_text": text, "model_id": text, "details": {"prefill": [token, token], "top_tokens": [[token]]},
        "completions": [{"completion": text}], "result": {"log_probability": numbers.first()},
    })
}

proptest! {
    // Each case tries hundreds of pairs of operation and reply.
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_body_makes_a_decoder_panic(
        bytes: Vec<u8>, text: String, numbers: Vec<Option<f64>>, offsets in prop::collection::vec(0_usize..300, 0..6),
    ) {
        let sampling = Sampling { max_tokens: 1, temperature: 0.0, top_p: 1.0, stop: vec![], seed: 0, penalties: Default::default() };
        let request = CompletionRequest { prompt: text.clone(), instructions: None, sampling };
        let score = ScoreRequest { prompt: text.clone(), answers: vec![text.clone(), "no".into()], seed: 0 };
        let reply = almost(&text, &numbers, &offsets);
        let mut replies = vec![reply.clone(), json!([reply, reply]), Json::Null];
        replies.extend(framing::read(&bytes, None, &Redactor::default()));
        let methods = [ScoreMethod::Echo, ScoreMethod::PromptLogprobs, ScoreMethod::Grammar, ScoreMethod::Evaluate,
            ScoreMethod::InputLogprobs, ScoreMethod::Prefill];
        for (protocol, chat) in protocols().flat_map(|protocol| [(protocol, false), (protocol, true)]) {
            let how = Endpoint { model: "m".into(), chat, completion_tokens: false };
            let mut operations = vec![
                Operation::Models,
                Operation::Complete { request: &request, how: &how },
                Operation::Several { request: &request, count: 2, how: &how },
                Operation::Labels { request: &score, how: &how },
                Operation::Embed { texts: std::slice::from_ref(&text), how: &how, side: Side::Symmetric },
            ];
            operations.extend(methods.map(|method| Operation::LogProbability { prompt: "Q", answer: &text, method, how: &how }));
            for operation in &operations {
                for reply in &replies {
                    let decoded = protocol.decode(operation, &[reply.clone(), reply.clone()]);
                    if let Ok(Answer { value: Value::LogProbabilities(values), .. }) = decoded {
                        prop_assert!(values.iter().all(|value| value.is_finite() && *value <= 0.0), "{values:?}");
                    }
                }
            }
        }
    }
}
