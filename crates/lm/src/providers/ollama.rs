//! Ollama. `raw` prompts bypass the model's template, so that a base model continues them; `api = "chat"` uses it.
//!
//! Log-probabilities (0.12.11 and later) are of generated tokens only: answers are told apart by their first token.

use serde_json::{Value as Json, json};

use super::{
    facts::{Call, Interfaces, Kind, Protocol, Provider},
    json, strings,
};
use crate::{
    error::AttemptError,
    operation::{Answer, Endpoint, Operation},
    provider_name::ProviderName,
    reading::address::ollama,
    types::ScoreMethod,
};

/// Ollama.
pub(super) static PROVIDER: Provider = Provider {
    name: "ollama",
    schemes: &["ollama"],
    read: |_, rest| strings::server(ProviderName::Ollama, rest),
    kind: Kind::Http(Protocol::Once { encode, decode }),
    base_url: "http://127.0.0.1:11434",
    base_variable: Some("OLLAMA_HOST"),
    read_address: ollama,
    keys: &["OLLAMA_API_KEY"],
    methods: &[ScoreMethod::TopLogprobs],
    interfaces: Interfaces::Either,
    endpoints: &["/api/generate", "/api/chat", "/api/embed", "/api/tags", "/v1", "/api"],
    optional: &[
        "options.min_p",
        "options.top_k",
        "options.repeat_penalty",
        "options.seed",
        "options.stop",
        "options.top_p",
    ],
    ..Provider::PLAIN
};

/// The request of an operation.
pub(crate) fn encode(operation: &Operation<'_>) -> Result<Call, AttemptError> {
    Ok(match operation {
        Operation::Models => Call::get("/api/tags"),
        Operation::Complete { request, how } => {
            let sampling = &request.sampling;
            let mut options = json!({
                "num_predict": sampling.max_tokens, "temperature": sampling.temperature, "top_p": sampling.top_p,
                // Its own defaults cut and bend the distribution.
                "top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0, "seed": sampling.seed,
            });
            if !sampling.stop.is_empty() {
                options["stop"] = json!(sampling.stop);
            }
            json::penalise(&mut options, sampling);
            let prompt = if how.chat { request.message() } else { request.prompt.clone() };
            generate(how, &prompt, json!({"options": options}))
        }
        Operation::Labels { request, how } => {
            let options = json!({"num_predict": 1, "temperature": 0.0});
            let body = json!({"options": options, "logprobs": true, "top_logprobs": 20});
            generate(how, &request.prompt, body)
        }
        Operation::Embed { texts, how, .. } => {
            Call::post("/api/embed", json!({"model": how.model, "input": texts}))
        }
        _ => return Err(json::unsupported("ollama", operation)),
    })
}

fn generate(how: &Endpoint, prompt: &str, mut body: Json) -> Call {
    body["model"] = json!(how.model);
    body["stream"] = json!(false);
    if how.chat {
        body["messages"] = json!([{"role": "user", "content": prompt}]);
        return Call::post("/api/chat", body);
    }
    body["raw"] = json!(true);
    body["prompt"] = json!(prompt);
    Call::post("/api/generate", body)
}

/// The answer in a reply.
pub(crate) fn decode(operation: &Operation<'_>, reply: &Json) -> Result<Answer, AttemptError> {
    let value = match operation {
        Operation::Models => json::names(&reply["models"], "name"),
        Operation::Complete { how, .. } => {
            let finish = reply["done_reason"].as_str();
            // Its reply to a request that only moved the model into memory, or out of it.
            if let Some("load" | "unload") = finish {
                let message = "the server loaded or unloaded the model and wrote nothing";
                return Err(AttemptError::malformed(message));
            }
            if how.chat {
                json::message(&reply["message"], finish)?
            } else {
                json::text(&reply["response"], finish)?
            }
        }
        Operation::Labels { request, .. } => json::labels(reply, &request.answers)?,
        Operation::Embed { texts, .. } => {
            json::vectors(json::list(&reply["embeddings"]).iter(), texts.len())?
        }
        _ => return Err(json::unsupported("ollama", operation)),
    };
    Ok(json::answer(value, &reply["prompt_eval_count"], &reply["eval_count"]))
}
