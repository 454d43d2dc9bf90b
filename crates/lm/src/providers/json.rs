//! What the providers' decoders share: reading JSON that may be anything.

use serde_json::{Map, Value as Json};

use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Answer, Operation, Value},
    types::{Finish, ScoreRequest},
};

/// A reply's body. Gateways in front of a server report its errors with a good status.
pub(crate) fn parse(body: &[u8]) -> Result<Json, AttemptError> {
    let reply: Json = serde_json::from_slice(body)
        .map_err(|error| AttemptError::malformed(format!("the reply is not JSON: {error}")))?;
    let stated = match &reply["error"] {
        Json::String(text) => Some(text.as_str()),
        Json::Object(fields) => {
            Some(fields.get("message").and_then(Json::as_str).unwrap_or("no reason given"))
        }
        _ => None,
    };
    match stated {
        Some(text) => {
            let text: String = text.chars().take(300).collect();
            Err(AttemptError::malformed(format!("the reply is an error: {text}")))
        }
        None => Ok(reply),
    }
}

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
    let finish = match finish {
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
    };
    Ok(Value::Text(text.to_owned(), finish))
}

/// An answer with the tokens that the reply reports.
pub(crate) fn answer(value: Value, tokens_in: &Json, tokens_out: &Json) -> Answer {
    Answer { value, tokens: tokens_in.as_u64().map(|read| (read, tokens_out.as_u64().unwrap_or(0))) }
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

/// The answers' entries among the first token's alternatives, as pairs of token and log-probability; "Yes", " Yes"
/// and "yes" are one. A missing answer gets the smallest entry, its upper bound.
pub(crate) fn labels<'a>(
    entries: impl Iterator<Item = (&'a str, &'a Json)>,
    request: &ScoreRequest,
) -> Result<Value, AttemptError> {
    let mut smallest = f64::INFINITY;
    let mut masses = vec![0.0_f64; request.answers.len()];
    for (token, value) in entries {
        let log = log_probability(number(value)?)?;
        smallest = smallest.min(log);
        if let Some(label) = label_of(token, &request.answers) {
            masses[label] += log.exp();
        }
    }
    if smallest == f64::INFINITY {
        return Err(AttemptError::malformed("the reply contains no alternatives to the first token"));
    }
    if masses.iter().all(|mass| *mass == 0.0) {
        // At temperature 0 the same question would get the same reply.
        let message = "none of the answers is among the first token's alternatives";
        return Err(AttemptError::permanent(ErrorKind::Malformed, message));
    }
    let logs = masses.into_iter().map(|mass| if mass > 0.0 { mass.ln().min(0.0) } else { smallest });
    Ok(Value::LogProbabilities(logs.collect()))
}

/// Alternatives as objects with `token` and `logprob`.
pub(crate) fn alternatives(entries: &Json) -> impl Iterator<Item = (&str, &Json)> {
    list(entries).iter().filter_map(|entry| Some((entry["token"].as_str()?, &entry["logprob"])))
}

/// The label that a token spells, or that it is the unmistakable start of.
fn label_of(token: &str, answers: &[String]) -> Option<usize> {
    let token = token.trim().to_lowercase();
    let label = |i: usize| answers[i].trim().to_lowercase();
    if let Some(exact) = (0..answers.len()).find(|i| label(*i) == token) {
        return Some(exact);
    }
    let mut begun = (0..answers.len()).filter(|i| label(*i).starts_with(&token));
    match (token.chars().count() >= 3, begun.next(), begun.next()) {
        (true, Some(only), None) => Some(only),
        _ => None,
    }
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
