//! Hugging Face's Text Generation Inference.
//!
//! It refuses a temperature of 0 and a `top_p` of 1, for which leaving them out stands. At most four stop strings are
//! allowed, and the one that ended a text is part of it; the client cuts the text at any. The answer's tokens in the
//! prefill are told from the prompt's by ids, which `/tokenize` gives. A Text Embeddings Inference server takes the
//! embeddings.

use serde_json::{Value as Json, json};

use super::{
    facts::{Call, Kind, Naming, Protocol, Provider},
    json, strings,
};
use crate::{
    error::AttemptError,
    operation::{Answer, Operation},
    provider_name::ProviderName,
    types::{Sampling, ScoreMethod},
};

/// Text Generation Inference.
pub(super) static PROVIDER: Provider = Provider {
    name: "tgi",
    schemes: &["tgi"],
    read: |_, rest| strings::server(ProviderName::Tgi, rest),
    kind: Kind::Http(Protocol::Steps { encode, decode }),
    base_url: "http://127.0.0.1:8080",
    keys: &["HF_TOKEN"],
    naming: Naming::Served,
    methods: &[ScoreMethod::Prefill, ScoreMethod::TopLogprobs],
    endpoints: &["/generate", "/embed"],
    optional: &["parameters.seed", "parameters.stop", "parameters.top_p", "parameters.temperature"],
    penalties: &["frequency_penalty"],
    ..Provider::PLAIN
};

/// Stop strings that a server takes unless started otherwise.
const STOPS: usize = 4;

/// The next request of an operation, `done` of which were answered.
pub(crate) fn encode(operation: &Operation<'_>, done: usize) -> Result<Option<Call>, AttemptError> {
    let scores = matches!(operation, Operation::LogProbability { .. });
    if done > usize::from(scores) {
        return Ok(None);
    }
    Ok(Some(match operation {
        Operation::Models => Call::get("/info"),
        Operation::Complete { request, .. } => generate(&request.prompt, &parameters(&request.sampling)),
        Operation::LogProbability { prompt, answer, method: ScoreMethod::Prefill, .. } => {
            if done == 0 {
                Call::post("/tokenize", json!({"inputs": prompt}))
            } else {
                let details = json!({"max_new_tokens": 1, "decoder_input_details": true, "details": true});
                generate(&format!("{prompt}{answer}"), &details)
            }
        }
        Operation::Labels { request, .. } => {
            generate(&request.prompt, &json!({"max_new_tokens": 1, "details": true, "top_n_tokens": 5}))
        }
        Operation::Embed { texts, .. } => Call::post("/embed", json!({"inputs": texts})),
        _ => return Err(json::unsupported("tgi", operation)),
    }))
}

fn generate(prompt: &str, parameters: &Json) -> Call {
    Call::post("/generate", json!({"inputs": prompt, "parameters": parameters}))
}

fn parameters(sampling: &Sampling) -> Json {
    let mut parameters = json!({
        "max_new_tokens": sampling.max_tokens, "do_sample": sampling.temperature > 0.0, "seed": sampling.seed,
        "details": true,
    });
    if sampling.temperature > 0.0 {
        parameters["temperature"] = json!(sampling.temperature);
    }
    if sampling.top_p < 1.0 {
        parameters["top_p"] = json!(sampling.top_p);
    }
    json::penalise(&mut parameters, sampling);
    if !sampling.stop.is_empty() {
        parameters["stop"] = json!(sampling.stop.iter().take(STOPS).collect::<Vec<_>>());
    }
    parameters
}

/// The answer in the replies.
pub(crate) fn decode(operation: &Operation<'_>, replies: &[Json]) -> Result<Answer, AttemptError> {
    let reply = replies.last().unwrap_or(&Json::Null);
    let details = &reply["details"];
    let prefill = json::list(&details["prefill"]);
    let value = match operation {
        Operation::Models => json::name(&reply["model_id"])?,
        Operation::Complete { .. } => {
            json::text(&reply["generated_text"], details["finish_reason"].as_str())?
        }
        Operation::LogProbability { method: ScoreMethod::Prefill, .. } => json::after_prompt(
            json::list(&replies[0]).iter().map(|token| token["id"].as_u64()),
            prefill.iter().map(|token| (token["id"].as_u64(), &token["logprob"])),
        )?,
        Operation::Labels { request, .. } => json::labels(reply, &request.answers)?,
        Operation::Embed { texts, .. } => json::vectors(json::list(reply).iter(), texts.len())?,
        _ => return Err(json::unsupported("tgi", operation)),
    };
    let read = (!prefill.is_empty()).then_some(prefill.len() as u64);
    let written = details["generated_tokens"].as_u64().unwrap_or(0);
    Ok(Answer { value, tokens: json::believable(read.map(|read| (read, written))) })
}
