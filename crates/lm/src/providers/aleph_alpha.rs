//! Aleph Alpha: completions, the evaluation of an expected completion, and semantic embeddings.
//!
//! There is no seed. `extra` sets an embedder's `compress_to_size`.

use serde_json::{Value as Json, json};

use super::{
    facts::{Call, Kind, Naming, Protocol, Provider},
    json, strings,
};
use crate::{
    error::AttemptError,
    operation::{Answer, Operation, Value},
    provider_name::ProviderName,
    types::ScoreMethod,
};

/// Aleph Alpha.
pub(super) static PROVIDER: Provider = Provider {
    name: "aleph-alpha",
    schemes: &["aleph-alpha"],
    read: |_, rest| strings::server(ProviderName::AlephAlpha, rest),
    kind: Kind::Http(Protocol::Once { encode, decode }),
    base_url: "https://api.aleph-alpha.com",
    keys: &["AA_TOKEN", "ALEPH_ALPHA_API_KEY"],
    naming: Naming::Required,
    methods: &[ScoreMethod::Evaluate],
    own_settings: &["representation"],
    endpoints: &["/complete", "/evaluate"],
    optional: &["stop_sequences", "top_p", "temperature"],
    ..Provider::PLAIN
};

/// The request of an operation.
pub(crate) fn encode(operation: &Operation<'_>) -> Result<Call, AttemptError> {
    Ok(match operation {
        Operation::Models => Call::get("/models_available"),
        Operation::Complete { request, how } => {
            let sampling = &request.sampling;
            let mut body = json!({
                "model": how.model, "prompt": request.prompt, "maximum_tokens": sampling.max_tokens,
                "temperature": sampling.temperature,
            });
            if sampling.top_p < 1.0 {
                body["top_p"] = json!(sampling.top_p);
            }
            if !sampling.stop.is_empty() {
                body["stop_sequences"] = json!(sampling.stop);
            }
            json::penalise(&mut body, sampling);
            Call::post("/complete", body)
        }
        Operation::LogProbability { prompt, answer, method: ScoreMethod::Evaluate, how } => Call::post(
            "/evaluate",
            json!({"model": how.model, "prompt": prompt, "completion_expected": answer}),
        ),
        Operation::Embed { texts, how, side } => Call::post(
            "/batch_semantic_embed",
            json!({"model": how.model, "prompts": texts, "representation": side}),
        ),
        _ => return Err(json::unsupported("aleph-alpha", operation)),
    })
}

/// The answer in a reply.
pub(crate) fn decode(operation: &Operation<'_>, reply: &Json) -> Result<Answer, AttemptError> {
    let value = match operation {
        Operation::Models => json::names(reply, "name"),
        Operation::Complete { .. } => {
            let first = &reply["completions"][0];
            json::text(&first["completion"], first["finish_reason"].as_str())?
        }
        Operation::LogProbability { method: ScoreMethod::Evaluate, .. } => {
            let value = json::number(&reply["result"]["log_probability"])?;
            Value::LogProbabilities(vec![json::log_probability(value)?])
        }
        Operation::Embed { texts, .. } => {
            json::vectors(json::list(&reply["embeddings"]).iter(), texts.len())?
        }
        _ => return Err(json::unsupported("aleph-alpha", operation)),
    };
    Ok(json::answer(value, &reply["num_tokens_prompt_total"], &reply["num_tokens_generated"]))
}
