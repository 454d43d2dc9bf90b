//! What the providers' decoders share: reading JSON that may be anything.

use serde_json::{Map, Value as Json};

use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Answer, Operation, Value},
    reading::{logprobs, thinking},
    types::{Finish, Sampling},
};

/// No reply has more tokens: a larger count is a mistake of the server, such as -1 without its sign.
const MOST_TOKENS: u64 = 1 << 32;
/// The least share of the first token's probability that answers must hold for their ratio to mean something.
const LEAST_MASS: f64 = 1e-3;

/// An operation that this provider has no request for.
pub(crate) fn unsupported(provider: &str, operation: &Operation<'_>) -> AttemptError {
    let what = match operation {
        Operation::Models => "list models".to_owned(),
        Operation::Complete { .. } | Operation::Several { .. } => "complete".to_owned(),
        Operation::LogProbability { method, .. } => format!("score by {}", method.name()),
        Operation::Labels { .. } => "score by the first token's alternatives".to_owned(),
        Operation::Embed { .. } => "embed texts".to_owned(),
    };
    AttemptError::permanent(ErrorKind::Unsupported, format!("{provider} can't {what}"))
}

/// Sets the penalties of repeats that are not 0: a server is not asked about what nobody set.
pub(crate) fn penalise(fields: &mut Json, sampling: &Sampling) {
    for (name, penalty) in sampling.penalties.named() {
        fields[name] = penalty.into();
    }
}

/// Sets fields on top of others, objects merged into objects.
pub(crate) fn merge(into: &mut Map<String, Json>, from: &Map<String, Json>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Json::Object(old)), Json::Object(new)) => merge(old, new),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// A completion's text.
pub(crate) fn text(value: &Json, finish: Option<&str>) -> Result<Value, AttemptError> {
    let text = value.as_str().ok_or_else(|| AttemptError::malformed("the reply contains no text"))?;
    Ok(Value::Text(text.to_owned(), ended(finish)))
}

/// What a chat's message says, without its thoughts. A message without any text is empty: the model refuses.
pub(crate) fn message(message: &Json, finish: Option<&str>) -> Result<Value, AttemptError> {
    if !message.is_object() {
        return Err(AttemptError::malformed("the reply contains no message"));
    }
    let unread = |part: &Json| match part {
        Json::Object(_) => part["type"] == "text" && part["text"].is_null(),
        part => !part.is_string(),
    };
    if list(&message["content"]).iter().any(unread) {
        return Err(AttemptError::malformed("a text block contains no text"));
    }
    let (said, finish) = (thinking::said(message), ended(finish));
    let answer = said.answer.as_deref().unwrap_or_default();
    // A chat whose tokens are used up without a word has spent them where nobody sees it.
    let silent = finish == Finish::Length && answer.trim().is_empty() && said.refusal.is_none();
    if said.only_thought() || silent {
        return Err(AttemptError::only_thoughts(None));
    }
    if said.answer.is_none() && !(message["content"].is_null() || message["content"].is_array()) {
        return Err(AttemptError::malformed("the reply contains no text"));
    }
    Ok(Value::Text(answer.to_owned(), finish))
}

/// Why a completion ended, in every server's word for it.
fn ended(finish: Option<&str>) -> Finish {
    // Some gateways leave a vendor's capitals.
    match finish.map(str::to_ascii_lowercase).as_deref() {
        Some(
            "stop"
            | "eos"
            | "eos_token"
            | "stop_sequence"
            | "stop_sequence_reached"
            | "end_turn"
            | "end_of_text"
            | "word",
        ) => Finish::Stop,
        Some("length" | "limit" | "max_tokens" | "maximum_tokens") => Finish::Length,
        _ => Finish::Other,
    }
}

/// An answer with the tokens that the reply reports.
pub(crate) fn answer(value: Value, tokens_in: &Json, tokens_out: &Json) -> Answer {
    let tokens = tokens_in.as_u64().map(|read| (read, tokens_out.as_u64().unwrap_or(0)));
    Answer { value, tokens: believable(tokens) }
}

/// Counts of tokens, unless they are beyond reason: then they are estimated.
pub(crate) fn believable(tokens: Option<(u64, u64)>) -> Option<(u64, u64)> {
    tokens.filter(|(read, written)| *read <= MOST_TOKENS && *written <= MOST_TOKENS)
}

/// A token's log-probability.
pub(crate) fn number(value: &Json) -> Result<f64, AttemptError> {
    value.as_f64().ok_or_else(|| AttemptError::malformed(format!("a token's log-probability is {value}")))
}

/// A sum of log-probabilities as one: finite and at most 0, up to rounding.
pub(crate) fn log_probability(sum: f64) -> Result<f64, AttemptError> {
    if sum.is_finite() && sum <= 1e-3 {
        return Ok(sum.min(0.0));
    }
    Err(AttemptError::malformed(format!("{sum} is not a log-probability")))
}

/// The elements of a list; none if it is no list.
pub(crate) fn list(value: &Json) -> &[Json] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The names in a list of objects.
pub(crate) fn names(models: &Json, key: &str) -> Value {
    Value::Models(list(models).iter().filter_map(|model| model[key].as_str().map(str::to_owned)).collect())
}

/// The one name that a server gives its model.
pub(crate) fn name(value: &Json) -> Result<Value, AttemptError> {
    let name = value.as_str().ok_or_else(|| AttemptError::malformed("the reply does not name a model"))?;
    Ok(Value::Models(vec![name.to_owned()]))
}

/// Vectors of one length, one per text.
pub(crate) fn vectors<'a>(rows: impl Iterator<Item = &'a Json>, texts: usize) -> Result<Value, AttemptError> {
    let read = |row: &Json| {
        let vector: Option<Vec<f64>> = row.as_array()?.iter().map(Json::as_f64).collect();
        vector.filter(|vector| !vector.is_empty())
    };
    let vectors: Vec<Vec<f64>> = rows
        .map(|row| {
            if row[0].is_array() {
                let message = "the server returns a vector for each token instead of one for the text: let it pool them \
                               (llama.cpp: --pooling mean)";
                return Err(AttemptError::permanent(ErrorKind::Unsupported, message));
            }
            read(row).ok_or_else(|| AttemptError::malformed("an embedding is empty or does not consist of numbers"))
        })
        .collect::<Result<_, _>>()?;
    let length = vectors.first().map_or(0, Vec::len);
    if vectors.len() != texts || vectors.iter().any(|vector| vector.len() != length) {
        return Err(AttemptError::malformed("embeddings are missing or of different lengths"));
    }
    Ok(Value::Vectors(vectors))
}

/// The answers' log-probabilities by the first token's alternatives. Where the answers hold next to none of the
/// probability, their ratio is noise: something else stands first, such as a mark of thinking.
pub(crate) fn labels(reply: &Json, answers: &[String]) -> Result<Value, AttemptError> {
    let alternatives =
        logprobs::first_token(reply).map_err(|error| AttemptError::malformed(error.to_string()))?;
    let found = alternatives.of(answers);
    if found.mass < LEAST_MASS {
        // At temperature 0 the same question would get the same reply.
        if found.mass == 0.0 {
            let message = "none of the answers is among the first token's alternatives";
            return Err(AttemptError::permanent(ErrorKind::Malformed, message));
        }
        let first = alternatives.listed.iter().max_by(|a, b| a.log.total_cmp(&b.log));
        let message = format!(
            "the answers hold {:.1e} of the first token's probability, the most probable token is {:?}",
            found.mass,
            first.map_or("", |first| first.text.as_str())
        );
        return Err(AttemptError::permanent(ErrorKind::Malformed, message));
    }
    Ok(Value::LogProbabilities(found.logs))
}

/// The sum over those tokens of prompt and answer that the prompt alone does not begin with, so that a token that
/// straddles the border counts: it is what tells answers apart. Tokens are compared by id, never by text: not all have
/// one.
pub(crate) fn after_prompt<'a>(
    prompt: impl Iterator<Item = Option<u64>>,
    whole: impl Iterator<Item = (Option<u64>, &'a Json)>,
) -> Result<Value, AttemptError> {
    let prompt: Vec<Option<u64>> = prompt.collect();
    let whole: Vec<(Option<u64>, &Json)> = whole.collect();
    if prompt.is_empty() || prompt.iter().chain(whole.iter().map(|(id, _)| id)).any(Option::is_none) {
        return Err(AttemptError::malformed("the reply contains no token ids"));
    }
    let common = prompt.iter().zip(&whole).take_while(|(id, (other, _))| *id == other).count();
    if common == whole.len() {
        return Err(AttemptError::malformed("the reply contains no tokens of the answer"));
    }
    let sum = whole[common..].iter().map(|(_, value)| number(value)).sum::<Result<f64, _>>()?;
    Ok(Value::LogProbabilities(vec![log_probability(sum)?]))
}
