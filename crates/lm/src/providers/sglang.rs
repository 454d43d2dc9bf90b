//! SGLang by its native interface.
//!
//! An answer's tokens are those of prompt and answer that the prompt alone does not begin with: both are sent as one
//! batch, from whose token ids that is seen. All input tokens are asked for, because where the answer begins is not
//! known before.

use serde_json::{Value as Json, json};

use super::{
    facts::{Call, Kind, Naming, Protocol, Provider},
    json, strings,
};
use crate::{
    error::AttemptError,
    operation::{Answer, Operation},
    provider_name::ProviderName,
    types::ScoreMethod,
};

/// SGLang.
pub(super) static PROVIDER: Provider = Provider {
    name: "sglang",
    schemes: &["sglang"],
    read: |_, rest| strings::server(ProviderName::Sglang, rest),
    kind: Kind::Http(Protocol::Once { encode, decode }),
    base_url: "http://127.0.0.1:30000",
    keys: &["SGLANG_API_KEY"],
    naming: Naming::Served,
    methods: &[ScoreMethod::InputLogprobs],
    endpoints: &["/generate", "/encode"],
    optional: &["sampling_params.sampling_seed", "sampling_params.stop", "sampling_params.top_p", "stream"],
    ..Provider::PLAIN
};

/// The request of an operation.
pub(crate) fn encode(operation: &Operation<'_>) -> Result<Call, AttemptError> {
    Ok(match operation {
        Operation::Models => Call::get("/get_model_info"),
        Operation::Complete { request, .. } => {
            let sampling = &request.sampling;
            let mut parameters = json!({
                "max_new_tokens": sampling.max_tokens, "temperature": sampling.temperature, "top_p": sampling.top_p,
                // Heeded by a server that runs with --enable-deterministic-inference.
                "sampling_seed": sampling.seed,
            });
            if !sampling.stop.is_empty() {
                parameters["stop"] = json!(sampling.stop);
            }
            json::penalise(&mut parameters, sampling);
            Call::post(
                "/generate",
                json!({"text": request.prompt, "sampling_params": parameters, "stream": false}),
            )
        }
        Operation::LogProbability { prompt, answer, method: ScoreMethod::InputLogprobs, .. } => {
            let body = json!({
                "text": [prompt, format!("{prompt}{answer}")], "return_logprob": true, "logprob_start_len": 0,
                "sampling_params": {"max_new_tokens": 1, "temperature": 0.0},
            });
            Call::post("/generate", body)
        }
        Operation::Embed { texts, .. } => Call::post("/encode", json!({"text": texts})),
        _ => return Err(json::unsupported("sglang", operation)),
    })
}

/// The answer in a reply.
pub(crate) fn decode(operation: &Operation<'_>, reply: &Json) -> Result<Answer, AttemptError> {
    let meta = &reply["meta_info"];
    let value = match operation {
        Operation::Models => json::name(&reply["model_path"])?,
        Operation::Complete { .. } => json::text(&reply["text"], meta["finish_reason"]["type"].as_str())?,
        Operation::LogProbability { method: ScoreMethod::InputLogprobs, .. } => {
            // Entries are [log-probability, token id, text or null].
            let tokens = |i: usize| json::list(&reply[i]["meta_info"]["input_token_logprobs"]).iter();
            let value = json::after_prompt(
                tokens(0).map(|token| token[1].as_u64()),
                tokens(1).map(|token| (token[1].as_u64(), &token[0])),
            )?;
            let read = |i: usize| reply[i]["meta_info"]["prompt_tokens"].as_u64();
            let tokens = read(0).zip(read(1)).map(|(prompt, whole)| (prompt.saturating_add(whole), 2));
            return Ok(Answer { value, tokens: json::believable(tokens) });
        }
        Operation::Embed { texts, .. } => {
            json::vectors(json::list(reply).iter().map(|entry| &entry["embedding"]), texts.len())?
        }
        _ => return Err(json::unsupported("sglang", operation)),
    };
    Ok(json::answer(value, &meta["prompt_tokens"], &meta["completion_tokens"]))
}
