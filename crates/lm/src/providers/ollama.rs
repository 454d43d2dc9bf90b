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
    read_address: with_scheme,
    keys: &["OLLAMA_API_KEY"],
    methods: &[ScoreMethod::TopLogprobs],
    interfaces: Interfaces::Either,
    ..Provider::PLAIN
};

/// An address as `OLLAMA_HOST` has it: without a scheme or a port, or the one that a server listens at.
fn with_scheme(text: &str) -> String {
    if text.contains("://") {
        return text.to_owned();
    }
    let host = text.replacen("0.0.0.0", "127.0.0.1", 1);
    let port = if host.contains(':') { "" } else { ":11434" };
    format!("http://{host}{port}")
}

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
            generate(how, &request.prompt, json!({"options": options}))
        }
        Operation::Labels { request, how } => {
            let options = json!({"num_predict": 1, "temperature": 0.0});
            let body = json!({"options": options, "logprobs": true, "top_logprobs": 20});
            generate(how, &request.prompt, body)
        }
        Operation::Embed { texts, how } => {
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
            let text = if how.chat { &reply["message"]["content"] } else { &reply["response"] };
            json::text(text, reply["done_reason"].as_str())?
        }
        Operation::Labels { request, .. } => {
            json::labels(json::alternatives(&reply["logprobs"][0]["top_logprobs"]), request)?
        }
        Operation::Embed { texts, .. } => {
            json::vectors(json::list(&reply["embeddings"]).iter(), texts.len())?
        }
        _ => return Err(json::unsupported("ollama", operation)),
    };
    Ok(json::answer(value, &reply["prompt_eval_count"], &reply["eval_count"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_scheme_or_port_becomes_an_address() {
        assert_eq!(with_scheme("0.0.0.0"), "http://127.0.0.1:11434");
        assert_eq!(with_scheme("gpu:80"), "http://gpu:80");
        assert_eq!(with_scheme("https://gpu/v1"), "https://gpu/v1");
    }
}
