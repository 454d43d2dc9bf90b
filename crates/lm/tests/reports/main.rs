//! Servers that people reported trouble with, one for each report, and what is right with them.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod addresses;
mod asked;
mod certificates;
mod fields;
mod frames;
mod half_answers;
mod limits;
mod scores;
mod secrets;
mod server;
mod thinking;

use std::sync::Arc;

use samara_lm::{
    Budget, Completion, CompletionRequest, LanguageModel, LmError, ModelSettings, Sampling, Score,
    ScoreRequest, open,
};
use serde_json::{Value as Json, json};
use server::{Reply, Request, Server};

/// What the models here say.
const TEXT: &str = "I love beans.";

/// Settings for a server, with what a section of a configuration says besides.
fn settings(server: &Server, more: &str) -> ModelSettings {
    let mut section: toml::Table = toml::from_str(more).unwrap();
    section.entry("max_attempts").or_insert(2.into());
    section.entry("deadline_s").or_insert(30.0.into());
    section.entry("base_url").or_insert_with(|| format!("{}/v1", server.address).into());
    section.try_into().unwrap()
}

fn model(server: &Server, more: &str) -> Arc<dyn LanguageModel> {
    open(&settings(server, more), Budget::unlimited()).unwrap()
}

fn request(prompt: &str, max_tokens: u32) -> CompletionRequest {
    let sampling = Sampling {
        max_tokens,
        temperature: 0.8,
        top_p: 0.95,
        stop: vec!["###".into()],
        seed: 3,
        penalties: Default::default(),
    };
    CompletionRequest { prompt: prompt.into(), instructions: None, sampling }
}

/// Asks for an opinion about vegetables.
async fn complete(server: &Server, more: &str) -> Result<Completion, LmError> {
    model(server, more).complete(&request("An opinion piece about vegetables:", 50)).await
}

/// Asks whether a text is about vegetables: it is.
async fn score(server: &Server, more: &str) -> Result<Score, LmError> {
    let prompt = "Is this about vegetables? Answer \"yes\" or \"no\".\nI love beans.\nResponse:";
    let request = ScoreRequest { prompt: prompt.into(), answers: vec![" yes".into(), " no".into()], seed: 1 };
    model(server, more).score(&request).await
}

/// The probability of "yes".
fn yes(score: &Score) -> f64 {
    let weights: Vec<f64> = score.log_probabilities.iter().map(|log| log.exp()).collect();
    weights[0] / weights.iter().sum::<f64>()
}

/// What a sound judge answers, and what not, to the questions of these tests and of probes.
fn verdict(prompt: &str) -> (&'static str, &'static str) {
    match prompt {
        _ if prompt.contains("1+1=") => ("2", "zebra"),
        _ if prompt.contains("1, 2, 3, 4") => ("9", "zebra"),
        _ if prompt.contains("\"yes\"") => ("yes", "no"),
        _ => ("positive", "negative"),
    }
}

/// A chat's reply.
fn chat(message: &Json, finish: &str, logprobs: &Json) -> Json {
    json!({
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    })
}

/// A chat that says a text.
fn says(text: &str) -> Json {
    chat(&json!({"role": "assistant", "content": text}), "stop", &Json::Null)
}

/// A completion that says a text.
fn writes(text: &str, logprobs: &Json) -> Json {
    json!({
        "id": "x", "object": "text_completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "text": text, "finish_reason": "stop", "logprobs": logprobs}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    })
}

fn models() -> Reply {
    Reply::json(&json!({"object": "list", "data": [{"id": "m", "object": "model"}]}))
}

fn error(status: u16, message: &str) -> Reply {
    Reply::refuse(
        status,
        &json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}}),
    )
}

/// A server with a list of models and a chat, as `chat` behaves.
fn chat_server(chat: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request| match request.path.as_str() {
        "/v1/models" => models(),
        "/v1/chat/completions" => chat(request),
        _ => error(404, "Not Found"),
    })
}
