//! OpenAI's HTTP interface, as its many imitators implement it: encode and decode.
//!
//! Every trap here was met with a real server: `max_tokens: 0` with echo means "to the end of the context", so that one
//! token is asked for and dropped; `n` may be ignored, and so may flags, without an error. Where an echoed answer
//! stands is found in `reading/echo.rs`.

use serde_json::{Value as Json, json};

use super::{
    facts::{Call, Interfaces, Kind, Protocol, Provider},
    json, strings,
};
use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Answer, Endpoint, Operation, Value},
    provider_name::ProviderName,
    reading::{
        address::{OPENAI_ENDPOINTS, read},
        echo::answer_sum,
        faults::in_choices,
        logprobs::clean,
    },
    types::{CompletionRequest, ScoreMethod, ScoreRequest},
};

/// Any server that speaks OpenAI's interface.
pub(super) static PROVIDER: Provider = Provider {
    name: "openai",
    forms: &["http://host:port/v1#NAME"],
    schemes: &["openai", "http", "https"],
    read: |scheme, rest| match scheme {
        "openai" => strings::server(ProviderName::Openai, rest),
        _ => Some(strings::with_address(strings::of(ProviderName::Openai), &format!("{scheme}:{rest}"))),
    },
    kind: Kind::Http(Protocol::Once { encode, decode }),
    base_url: "http://127.0.0.1:8000/v1",
    base_variable: Some("OPENAI_BASE_URL"),
    read_address: |text| {
        read(text, OPENAI_ENDPOINTS).map_or_else(|_| text.to_owned(), |address| address.base)
    },
    endpoints: OPENAI_ENDPOINTS,
    has_version: true,
    optional: &["seed", "stop", "top_p", "temperature", "top_logprobs", "stream"],
    keys: &["OPENAI_API_KEY"],
    methods: &[ScoreMethod::Echo, ScoreMethod::PromptLogprobs, ScoreMethod::TopLogprobs],
    interfaces: Interfaces::Unknown,
    several: true,
    ..Provider::PLAIN
};

/// The request of an operation.
pub(crate) fn encode(operation: &Operation<'_>) -> Result<Call, AttemptError> {
    Ok(match operation {
        Operation::Models => Call::get("/models"),
        Operation::Complete { request, how } => completion(request, how, 1),
        Operation::Several { request, count, how } => completion(request, how, *count),
        Operation::LogProbability { prompt, answer, method: ScoreMethod::PromptLogprobs, how } => {
            let messages =
                json!([{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]);
            let body = json!({
                "model": how.model, "messages": messages, "max_tokens": 1, "prompt_logprobs": 1,
                "add_generation_prompt": false, "continue_final_message": true,
            });
            Call::post("/chat/completions", body)
        }
        Operation::LogProbability { prompt, answer, method: ScoreMethod::Echo, how } => {
            let body = json!({
                "model": how.model, "prompt": format!("{prompt}{answer}"),
                "echo": true, "logprobs": 1, "max_tokens": 1, "temperature": 0.0,
            });
            Call::post("/completions", body)
        }
        Operation::LogProbability { .. } => return Err(json::unsupported("openai", operation)),
        Operation::Labels { request, how } => labels(request, how),
        Operation::Embed { texts, how, .. } => {
            Call::post("/embeddings", json!({"model": how.model, "input": texts}))
        }
    })
}

fn completion(request: &CompletionRequest, how: &Endpoint, count: u32) -> Call {
    let sampling = &request.sampling;
    let limit = if how.completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    let mut body = json!({
        "model": how.model, limit: sampling.max_tokens, "temperature": sampling.temperature,
        "top_p": sampling.top_p, "seed": sampling.seed, "stream": false,
    });
    if !sampling.stop.is_empty() {
        body["stop"] = json!(sampling.stop);
    }
    json::penalise(&mut body, sampling);
    if count > 1 {
        body["n"] = json!(count);
    }
    let prompt = if how.chat { request.message() } else { request.prompt.clone() };
    with_prompt(body, &prompt, how)
}

fn labels(request: &ScoreRequest, how: &Endpoint) -> Call {
    let limit = if how.completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    let mut body = json!({"model": how.model, limit: 1, "temperature": 0.0, "stream": false});
    if how.chat {
        body["logprobs"] = json!(true);
        body["top_logprobs"] = json!(20);
    } else {
        // OpenAI's own limit for this interface.
        body["logprobs"] = json!(5);
    }
    with_prompt(body, &request.prompt, how)
}

fn with_prompt(mut body: Json, prompt: &str, how: &Endpoint) -> Call {
    if how.chat {
        body["messages"] = json!([{"role": "user", "content": prompt}]);
        Call::post("/chat/completions", body)
    } else {
        body["prompt"] = json!(prompt);
        Call::post("/completions", body)
    }
}

/// The answer in a reply.
pub(crate) fn decode(operation: &Operation<'_>, reply: &Json) -> Result<Answer, AttemptError> {
    let value = match operation {
        Operation::Models => json::names(&reply["data"], "id"),
        Operation::Complete { how, .. } => {
            text(first_choice(reply)?, how.chat).map_err(|error| match error.kind {
                ErrorKind::OnlyThoughts => {
                    AttemptError::only_thoughts(reply["usage"]["completion_tokens"].as_u64())
                }
                _ => error,
            })?
        }
        Operation::Several { how, count, .. } => several(reply, *count, how.chat)?,
        Operation::LogProbability { prompt, answer, method, .. } => {
            let sum = match method {
                ScoreMethod::PromptLogprobs => from_prompt_logprobs(reply, answer)?,
                _ => answer_sum(echoed(reply)?, reply["choices"][0]["text"].as_str(), prompt, answer)
                    .map_err(|fault| AttemptError::malformed(fault.to_string()))?,
            };
            Value::LogProbabilities(vec![json::log_probability(sum)?])
        }
        Operation::Labels { request, .. } => json::labels(reply, &request.answers)?,
        Operation::Embed { texts, .. } => vectors(&reply["data"], texts.len())?,
    };
    Ok(json::answer(value, &reply["usage"]["prompt_tokens"], &reply["usage"]["completion_tokens"]))
}

fn first_choice(reply: &Json) -> Result<&Json, AttemptError> {
    reply["choices"].get(0).ok_or_else(|| {
        let problem =
            in_choices(reply).map_or_else(|| "the reply contains no choice".to_owned(), |fault| fault.words);
        AttemptError::malformed(problem)
    })
}

fn text(choice: &Json, chat: bool) -> Result<Value, AttemptError> {
    let finish = choice["finish_reason"].as_str();
    if chat { json::message(&choice["message"], finish) } else { json::text(&choice["text"], finish) }
}

/// All choices, `count` at most: some servers give only one, whatever was asked for.
fn several(reply: &Json, count: u32, chat: bool) -> Result<Value, AttemptError> {
    first_choice(reply)?;
    let choices = json::list(&reply["choices"]).iter().take(count as usize);
    let texts = choices.map(|choice| match text(choice, chat) {
        Ok(Value::Text(text, _)) => Ok(Some(text)),
        Ok(_) => Err(AttemptError::malformed("the choice contains no text")),
        // Others may have come to an answer.
        Err(error) if error.kind == ErrorKind::OnlyThoughts => Ok(None),
        Err(error) => Err(error),
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    if texts.iter().all(Option::is_none) {
        return Err(AttemptError::only_thoughts(None));
    }
    Ok(Value::Texts(texts.into_iter().map(Option::unwrap_or_default).collect()))
}

/// The echoed log-probabilities: the choice's, or Together's, which are next to the choices.
fn echoed(reply: &Json) -> Result<&Json, AttemptError> {
    let beside = &reply["prompt"][0]["logprobs"];
    if beside.is_object() { Ok(beside) } else { Ok(&first_choice(reply)?["logprobs"]) }
}

/// The answer's part of a chat's prompt log-probabilities: the last tokens that together spell it.
fn from_prompt_logprobs(reply: &Json, answer: &str) -> Result<f64, AttemptError> {
    let tokens = reply["prompt_logprobs"]
        .as_array()
        .or_else(|| reply["choices"][0]["prompt_logprobs"].as_array())
        .ok_or_else(|| AttemptError::malformed("the reply contains no prompt log-probabilities"))?;
    let (mut spelt, mut sum, mut found) = (String::new(), 0.0, false);
    for entry in tokens.iter().rev().filter_map(Json::as_object) {
        // Beside the prompt's own token there may be the most probable one, of rank 1.
        let own = entry.values().find(|token| entry.len() == 1 || token["rank"].as_u64() != Some(1));
        let Some(own) = own else { break };
        let Some(piece) = own["decoded_token"].as_str().map(clean) else { break };
        // Once it is spelt, only parts of its first character may precede it: they have no text of their own.
        if found && !piece.is_empty() {
            break;
        }
        spelt.insert_str(0, &piece);
        sum += json::number(&own["logprob"])?;
        found = spelt.trim() == answer.trim();
        if !found && spelt.len() > answer.len() + 16 {
            break;
        }
    }
    if found {
        return Ok(sum);
    }
    Err(AttemptError::malformed("the answer's tokens can't be found in the prompt's log-probabilities"))
}

/// Embeddings, in the order of their numbers.
fn vectors(data: &Json, texts: usize) -> Result<Value, AttemptError> {
    let mut rows = vec![&Json::Null; texts];
    for (position, entry) in json::list(data).iter().enumerate() {
        let index = entry["index"].as_u64().map_or(position, |index| index as usize);
        let row = rows
            .get_mut(index)
            .ok_or_else(|| AttemptError::malformed("an embedding has an index beyond the number of texts"))?;
        *row = &entry["embedding"];
    }
    json::vectors(rows.into_iter(), texts)
}

#[cfg(test)]
#[path = "openai_tests.rs"]
mod tests;
