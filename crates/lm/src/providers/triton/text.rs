//! Models that take and give text: TensorRT-LLM's, vLLM's and Python models with the same names.
//!
//! Names differ between backends. Only those that the model has are sent, and further ones from the settings must be
//! among them, because the server ignores unknown ones without an error.

use serde_json::{Map, Value as Json, json};

use super::tensor::Metadata;
use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Answer, Value},
    providers::json,
    types::CompletionRequest,
};

/// The named values of a completion.
pub(crate) fn fields(
    request: &CompletionRequest,
    metadata: &Metadata,
    extra: &Map<String, Json>,
) -> Result<Map<String, Json>, AttemptError> {
    if !metadata.takes("text_input") || !metadata.gives("text_output") {
        let message = "the model has neither an input `input_ids` nor an input `text_input` with an output `text_output`";
        return Err(AttemptError::permanent(ErrorKind::Unsupported, message));
    }
    let sampling = &request.sampling;
    let mut fields = Map::new();
    fields.insert("text_input".into(), json!(request.prompt));
    if metadata.takes("sampling_parameters") {
        // vLLM's backend reads one text of JSON.
        let mut parameters = json!({
            "max_tokens": sampling.max_tokens, "temperature": sampling.temperature, "top_p": sampling.top_p,
            "seed": sampling.seed,
        });
        if !sampling.stop.is_empty() {
            parameters["stop"] = json!(sampling.stop);
        }
        json::penalise(&mut parameters, sampling);
        fields.insert("sampling_parameters".into(), json!(parameters.to_string()));
    } else {
        let Some(limit) = metadata.one_of(&["max_tokens", "request_output_len"]) else {
            return Err(metadata.no_input("max_tokens"));
        };
        fields.insert(limit.into(), json!(sampling.max_tokens));
        let optional: [(&[&str], Json); 4] = [
            (&["temperature"], json!(sampling.temperature)),
            (&["top_p", "runtime_top_p"], json!(sampling.top_p)),
            (&["seed", "random_seed"], json!(sampling.seed)),
            (&["stop_words", "stop"], json!(sampling.stop)),
        ];
        for (names, value) in optional {
            let empty = value.as_array().is_some_and(Vec::is_empty);
            if let Some(name) = metadata.one_of(names).filter(|_| !empty) {
                fields.insert(name.into(), value);
            }
        }
        for (name, penalty) in sampling.penalties.named() {
            if !metadata.takes(name) {
                return Err(metadata.no_input(name));
            }
            fields.insert(name.into(), json!(penalty));
        }
    }
    if metadata.takes("exclude_input_in_output") {
        fields.insert("exclude_input_in_output".into(), json!(true));
    }
    if let Some(unknown) = extra.keys().find(|name| !metadata.takes(name)) {
        return Err(metadata.no_input(unknown));
    }
    fields.extend(extra.clone());
    Ok(fields)
}

/// The completion; a model that can't leave the prompt out may repeat it in front.
pub(crate) fn decode(
    output: &Json,
    request: &CompletionRequest,
    metadata: &Metadata,
) -> Result<Answer, AttemptError> {
    // Some backends give a list of one.
    let text = if output.is_array() { &output[0] } else { output };
    let mut text =
        text.as_str().ok_or_else(|| AttemptError::malformed("the reply contains no text_output"))?;
    if !metadata.takes("exclude_input_in_output") {
        text = text.strip_prefix(&request.prompt).unwrap_or(text);
    }
    let value: Value = json::text(&json!(text), None)?;
    Ok(Answer { value, tokens: None })
}
