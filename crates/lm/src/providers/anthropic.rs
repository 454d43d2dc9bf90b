//! Anthropic's messages. There are no log-probabilities, seeds or embeddings: answers are sampled or rated.
//!
//! Some models take only one of `temperature` and `top_p`, the newest neither but at its default, so that a value of 1,
//! the default of both, is left out. A stop string of white space alone is refused; the client cuts the text at those.

use reqwest::header::HeaderName;
use serde_json::{Value as Json, json};

use super::{
    facts::{Call, Interfaces, Kind, Naming, Protocol, Provider},
    json, strings,
};
use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Answer, Endpoint, Operation, Value},
    provider_name::ProviderName,
    types::{CompletionRequest, Finish},
};

/// Anthropic.
pub(super) static PROVIDER: Provider = Provider {
    name: "anthropic",
    schemes: &["anthropic"],
    read: |_, rest| strings::server(ProviderName::Anthropic, rest),
    kind: Kind::Http(Protocol::Once { encode, decode }),
    base_url: "https://api.anthropic.com",
    base_variable: Some("ANTHROPIC_BASE_URL"),
    keys: &["ANTHROPIC_API_KEY"],
    key_header: Some(HeaderName::from_static("x-api-key")),
    headers: &[("anthropic-version", "2023-06-01")],
    naming: Naming::Required,
    interfaces: Interfaces::Chat,
    endpoints: &["/v1/messages", "/v1/models", "/v1"],
    optional: &["stop_sequences", "top_p", "temperature", "stream"],
    penalties: &[],
    ..Provider::PLAIN
};

/// The request of an operation.
pub(crate) fn encode(operation: &Operation<'_>) -> Result<Call, AttemptError> {
    match operation {
        Operation::Models => Ok(Call::get("/v1/models")),
        Operation::Complete { request, how } => message(request, how),
        _ => Err(json::unsupported("anthropic", operation)),
    }
}

fn message(request: &CompletionRequest, how: &Endpoint) -> Result<Call, AttemptError> {
    let sampling = &request.sampling;
    if sampling.temperature > 1.0 {
        let message = format!("anthropic takes temperatures of 0 to 1, not {}", sampling.temperature);
        return Err(AttemptError::permanent(ErrorKind::Invalid, message));
    }
    let mut body = json!({
        "model": how.model, "max_tokens": sampling.max_tokens,
        "messages": [{"role": "user", "content": request.message()}], "stream": false,
    });
    if sampling.temperature < 1.0 {
        body["temperature"] = json!(sampling.temperature);
    }
    if sampling.top_p < 1.0 {
        body["top_p"] = json!(sampling.top_p);
    }
    let stops: Vec<&String> = sampling.stop.iter().filter(|stop| !stop.trim().is_empty()).collect();
    if !stops.is_empty() {
        body["stop_sequences"] = json!(stops);
    }
    Ok(Call::post("/v1/messages", body))
}

/// The answer in a reply.
pub(crate) fn decode(operation: &Operation<'_>, reply: &Json) -> Result<Answer, AttemptError> {
    let value = match operation {
        Operation::Models => json::names(&reply["data"], "id"),
        // What was written before a filter stopped it is half an answer, to be thrown away.
        Operation::Complete { .. } if reply["stop_reason"] == "refusal" => {
            Value::Text(String::new(), Finish::Other)
        }
        Operation::Complete { .. } if reply["content"].is_array() => {
            json::message(reply, reply["stop_reason"].as_str())?
        }
        Operation::Complete { .. } => return Err(AttemptError::malformed("the reply contains no text")),
        _ => return Err(json::unsupported("anthropic", operation)),
    };
    Ok(json::answer(value, &reply["usage"]["input_tokens"], &reply["usage"]["output_tokens"]))
}
