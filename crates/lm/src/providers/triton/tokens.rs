//! Models that take and give token ids: FasterTransformer's interface, which OpenELM's own client speaks.
//!
//! Datatypes are the metadata's: exports differ in them. `output_ids` holds the prompt, then what was written, one row
//! per beam, padded after its end.

use serde_json::{Map, Value as Json, json};

use samara_seedling::Tokenizer;

use super::tensor::{Metadata, Tensor, from_fields, integers};
use crate::{
    error::AttemptError,
    operation::{Answer, Value},
    types::{Finish, Sampling},
};

/// The outputs to ask for.
pub(crate) fn outputs(metadata: &Metadata) -> Vec<&'static str> {
    let length = metadata.gives("sequence_length").then_some("sequence_length");
    ["output_ids"].into_iter().chain(length).collect()
}

/// The inputs of a completion: what every such model needs, and what this one has of the rest.
pub(crate) fn encode(
    prompt: &[u32],
    sampling: &Sampling,
    metadata: &Metadata,
    extra: &Map<String, Json>,
) -> Result<Vec<Tensor>, AttemptError> {
    let mut fields = Map::new();
    let mut needs = |name: &str, value: Json| fields.insert(name.to_owned(), value);
    needs("input_ids", json!(prompt));
    needs("input_lengths", json!(prompt.len()));
    needs("request_output_len", json!(sampling.max_tokens));
    let greedy = sampling.temperature == 0.0;
    // It divides by the temperature: the most probable token alone is what 0 means.
    let temperature = if greedy { 1.0 } else { sampling.temperature };
    if greedy {
        needs("runtime_top_k", json!(1));
    }
    for (name, value) in [
        ("runtime_top_p", json!(sampling.top_p)),
        ("temperature", json!(temperature)),
        ("random_seed", json!(sampling.seed)),
    ] {
        if metadata.takes(name) {
            fields.insert(name.to_owned(), value);
        }
    }
    for (name, penalty) in sampling.penalties.named() {
        if !metadata.takes(name) {
            return Err(metadata.no_input(name));
        }
        fields.insert(name.to_owned(), json!(penalty));
    }
    fields.extend(extra.clone());
    from_fields(&fields, metadata)
}

/// The completion in the outputs.
pub(crate) fn decode(
    outputs: &[Tensor],
    prompt: &[u32],
    sampling: &Sampling,
    tokenizer: &Tokenizer,
) -> Result<Answer, AttemptError> {
    let bad = |what: &str| AttemptError::malformed(format!("output_ids {what}"));
    let (shape, ids) =
        integers(outputs, "output_ids").ok_or_else(|| bad("is missing or holds no integers"))?;
    let width = shape.last().and_then(|width| usize::try_from(*width).ok()).unwrap_or(0);
    let row = ids.get(..width).ok_or_else(|| bad("is shorter than its shape says"))?;
    let row: Vec<u32> = row
        .iter()
        .map(|id| u32::try_from(*id).ok().filter(|id| (*id as usize) < tokenizer.vocab_size()))
        .collect::<Option<_>>()
        .ok_or_else(|| bad("holds ids that the tokenizer does not know: is it this model's?"))?;
    let written = row.strip_prefix(prompt).ok_or_else(|| bad("does not begin with the prompt"))?;
    let length = integers(outputs, "sequence_length").and_then(|(_, lengths)| lengths.first());
    let length = length.and_then(|length| usize::try_from(*length).ok()).unwrap_or(width);
    let written = &written[..length.saturating_sub(prompt.len()).min(written.len())];
    let end = tokenizer.eos().and_then(|eos| written.iter().position(|id| *id == eos));
    let text = tokenizer.decode(&written[..end.unwrap_or(written.len())]);
    let finish = match end {
        Some(_) => Finish::Stop,
        None if written.len() >= sampling.max_tokens as usize => Finish::Length,
        None => Finish::Other,
    };
    let tokens = Some((prompt.len() as u64, written.len() as u64));
    Ok(Answer { value: Value::Text(text, finish), tokens })
}
