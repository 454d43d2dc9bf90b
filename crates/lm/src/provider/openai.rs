//! OpenAI's HTTP interface, as its many imitators speak it: encode and decode, and one exchange between.
//!
//! Every trap here was met on a real server: `max_tokens: 0` with echo means "to the end of the context", so that one
//! token is asked for and dropped; the first token's log-probability is null; a token that is no valid UTF-8 is "";
//! offsets count characters on one server and bytes on another; flags are ignored without a word.

use serde_json::{Map, Value as Json, json};

use crate::{
    CompletionRequest, ErrorKind, Finish, LmError, ModelSettings, ScoreMethod, ScoreRequest,
    client::{Answer, Endpoint, Operation, Value},
    retry::AttemptError,
    transport::Transport,
};

/// A server.
#[derive(Debug)]
pub(crate) struct OpenAi {
    transport: Transport,
    extra: Map<String, Json>,
}

impl OpenAi {
    pub(crate) fn new(settings: &ModelSettings) -> Result<Self, LmError> {
        let extra =
            serde_json::to_value(&settings.extra)
                .ok()
                .and_then(|extra| extra.as_object().cloned())
                .ok_or_else(|| LmError::new(ErrorKind::Configuration, "`extra` can't be written as JSON"))?;
        Ok(Self { transport: Transport::new(settings)?, extra })
    }

    pub(crate) fn address(&self) -> &str {
        self.transport.base()
    }

    pub(crate) async fn attempt(&self, operation: &Operation<'_>) -> Result<Answer, AttemptError> {
        let (path, body) = encode(operation);
        let body = body.map(|mut body| {
            if let Some(fields) = body.as_object_mut() {
                fields.extend(self.extra.clone());
                if self.extra.contains_key("max_completion_tokens") {
                    // Newer models take this name alone, and refuse the old one beside it.
                    fields.remove("max_tokens");
                }
            }
            body.to_string().into_bytes()
        });
        decode(operation, &self.transport.exchange(path, body).await?)
    }
}

/// An operation's path and body.
fn encode(operation: &Operation<'_>) -> (&'static str, Option<Json>) {
    match operation {
        Operation::Models => ("/models", None),
        Operation::Complete { request, how } => completion(request, how),
        Operation::LogProbability { prompt, answer, method: ScoreMethod::PromptLogprobs, how } => {
            let messages =
                json!([{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]);
            let body = json!({
                "model": how.model, "messages": messages, "max_tokens": 1, "prompt_logprobs": 1,
                "add_generation_prompt": false, "continue_final_message": true,
            });
            ("/chat/completions", Some(body))
        }
        Operation::LogProbability { prompt, answer, how, .. } => {
            let body = json!({
                "model": how.model, "prompt": format!("{prompt}{answer}"),
                "echo": true, "logprobs": 1, "max_tokens": 1, "temperature": 0.0,
            });
            ("/completions", Some(body))
        }
        Operation::Labels { request, how } => labels(request, how),
        Operation::Embed { texts, how } => ("/embeddings", Some(json!({"model": how.model, "input": texts}))),
    }
}

fn completion(request: &CompletionRequest, how: &Endpoint) -> (&'static str, Option<Json>) {
    let sampling = &request.sampling;
    let mut body = json!({
        "model": how.model, "max_tokens": sampling.max_tokens, "temperature": sampling.temperature,
        "top_p": sampling.top_p, "seed": sampling.seed,
    });
    if !sampling.stop.is_empty() {
        body["stop"] = json!(sampling.stop);
    }
    (prompt_of(&mut body, &request.prompt, how), Some(body))
}

fn labels(request: &ScoreRequest, how: &Endpoint) -> (&'static str, Option<Json>) {
    let mut body = json!({"model": how.model, "max_tokens": 1, "temperature": 0.0});
    if how.chat {
        body["logprobs"] = json!(true);
        body["top_logprobs"] = json!(20);
    } else {
        // OpenAI's own limit for this interface.
        body["logprobs"] = json!(5);
    }
    (prompt_of(&mut body, &request.prompt, how), Some(body))
}

fn prompt_of(body: &mut Json, prompt: &str, how: &Endpoint) -> &'static str {
    if how.chat {
        body["messages"] = json!([{"role": "user", "content": prompt}]);
        "/chat/completions"
    } else {
        body["prompt"] = json!(prompt);
        "/completions"
    }
}

/// The answer in a good reply's body.
pub(crate) fn decode(operation: &Operation<'_>, body: &[u8]) -> Result<Answer, AttemptError> {
    let reply: Json = serde_json::from_slice(body)
        .map_err(|error| AttemptError::malformed(format!("the reply is no JSON: {error}")))?;
    let value = match operation {
        Operation::Models => Value::Models(
            reply["data"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|m| m["id"].as_str().map(str::to_owned))
                .collect(),
        ),
        Operation::Complete { how, .. } => text(&reply, how.chat)?,
        Operation::LogProbability { prompt, answer, method, .. } => {
            let sum = match method {
                ScoreMethod::PromptLogprobs => from_prompt_logprobs(&reply, answer)?,
                _ => from_echo(&reply, prompt, answer)?,
            };
            Value::LogProbabilities(vec![log_probability(sum)?])
        }
        Operation::Labels { request, how } => {
            Value::LogProbabilities(from_alternatives(&reply, request, how.chat)?)
        }
        Operation::Embed { texts, .. } => Value::Vectors(vectors(&reply, texts.len())?),
    };
    let tokens = |name: &str| reply["usage"][name].as_u64();
    let tokens = tokens("prompt_tokens").map(|prompt| (prompt, tokens("completion_tokens").unwrap_or(0)));
    Ok(Answer { value, tokens })
}

fn first_choice(reply: &Json) -> Result<&Json, AttemptError> {
    reply["choices"].get(0).ok_or_else(|| AttemptError::malformed("the reply holds no choice"))
}

fn text(reply: &Json, chat: bool) -> Result<Value, AttemptError> {
    let choice = first_choice(reply)?;
    let text = if chat { &choice["message"]["content"] } else { &choice["text"] };
    let text = match text {
        Json::String(text) => text.clone(),
        // A chat that only thinks or refuses says null.
        Json::Null if chat && choice["message"].is_object() => String::new(),
        _ => return Err(AttemptError::malformed("the choice holds no text")),
    };
    let finish = match choice["finish_reason"].as_str() {
        Some("stop" | "eos" | "eos_token") => Finish::Stop,
        Some("length") => Finish::Length,
        _ => Finish::Other,
    };
    Ok(Value::Text(text, finish))
}

/// A sum of log-probabilities as one: finite and at most 0, up to rounding.
fn log_probability(sum: f64) -> Result<f64, AttemptError> {
    if sum.is_finite() && sum <= 1e-3 {
        return Ok(sum.min(0.0));
    }
    Err(AttemptError::malformed(format!("{sum} is no log-probability")))
}

fn number(value: &Json) -> Result<f64, AttemptError> {
    value.as_f64().ok_or_else(|| AttemptError::malformed(format!("a token's log-probability is {value}")))
}

/// The answer's part of an echoed text's log-probabilities.
fn from_echo(reply: &Json, prompt: &str, answer: &str) -> Result<f64, AttemptError> {
    let choice = first_choice(reply)?;
    let list = |name: &str| choice["logprobs"][name].as_array().map(Vec::as_slice).unwrap_or_default();
    let (values, offsets) = (list("token_logprobs"), list("text_offset"));
    if values.is_empty() {
        return Err(AttemptError::malformed("the reply echoes no log-probabilities"));
    }
    let tokens = list("tokens");
    let starts = token_starts(offsets, tokens, values.len())?;
    let whole = format!("{prompt}{answer}");
    let (bytes, chars) = (whole.len(), whole.chars().count());
    // A generated token starts where prompt and answer end, so that the last start tells the unit if no token does.
    let in_bytes = counts_bytes(&starts, tokens)
        .unwrap_or_else(|| starts.last().is_some_and(|last| *last != chars && *last > chars.min(bytes - 1)));
    let (from, to) = if in_bytes { (prompt.len(), bytes) } else { (prompt.chars().count(), chars) };
    let own: Vec<usize> = (0..starts.len())
        .filter(|position| {
            let start = starts[*position];
            let end = starts.get(position + 1).copied().unwrap_or(usize::MAX);
            // A token that straddles the border belongs to the answer: it is what tells the answers apart. So does
            // one of no length at the border, the first part of a character.
            start < to && (start >= from || end > from)
        })
        .collect();
    let echoes = starts.last().is_some_and(|last| *last >= from)
        && own.first().is_some_and(|first| starts[*first] <= from);
    if !echoes {
        return Err(AttemptError::malformed("the reply does not echo the answer"));
    }
    own.into_iter().map(|position| number(&values[position])).sum()
}

/// Whether starts count bytes rather than characters, by the first token whose text tells.
fn counts_bytes(starts: &[usize], tokens: &[Json]) -> Option<bool> {
    if tokens.len() != starts.len() {
        return None;
    }
    tokens.iter().zip(starts.windows(2)).find_map(|(token, pair)| {
        let (text, length) = (token.as_str()?, pair[1].checked_sub(pair[0])?);
        let (bytes, chars) = (text.len(), text.chars().count());
        (bytes != chars && (length == bytes || length == chars)).then_some(length == bytes)
    })
}

/// Where tokens start: the server's offsets, or the tokens' lengths if it gives none and all are text.
fn token_starts(offsets: &[Json], tokens: &[Json], count: usize) -> Result<Vec<usize>, AttemptError> {
    if offsets.len() == count {
        return offsets
            .iter()
            .map(|offset| offset.as_u64().map(|offset| offset as usize))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| AttemptError::malformed("a token's offset is no number"));
    }
    let texts: Vec<&str> = tokens.iter().filter_map(Json::as_str).collect();
    if texts.len() != count || texts.iter().skip(1).any(|text| text.is_empty()) {
        return Err(AttemptError::malformed(
            "the echoed tokens can't be placed: no offsets, and not all are text",
        ));
    }
    let mut end = 0;
    Ok(texts
        .iter()
        .map(|text| {
            let start = end;
            end += text.len();
            start
        })
        .collect())
}

/// The answer's part of a chat's prompt log-probabilities: the last tokens that together spell it.
fn from_prompt_logprobs(reply: &Json, answer: &str) -> Result<f64, AttemptError> {
    let tokens = reply["prompt_logprobs"]
        .as_array()
        .or_else(|| reply["choices"][0]["prompt_logprobs"].as_array())
        .ok_or_else(|| AttemptError::malformed("the reply holds no prompt log-probabilities"))?;
    let (mut spelt, mut sum, mut found) = (String::new(), 0.0, false);
    for entry in tokens.iter().rev().filter_map(Json::as_object) {
        // Beside the prompt's own token there may be the most probable one, of rank 1.
        let own = entry.values().find(|token| entry.len() == 1 || token["rank"].as_u64() != Some(1));
        let Some(own) = own else { break };
        let Some(piece) = own["decoded_token"].as_str() else { break };
        // Once it is spelt, only parts of its first character may precede it: they have no text of their own.
        if found && !piece.is_empty() {
            break;
        }
        spelt.insert_str(0, piece);
        sum += number(&own["logprob"])?;
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

/// The labels' entries among the first token's alternatives; "Yes", " Yes" and "yes" are one. A missing label gets
/// the smallest entry, its upper bound.
fn from_alternatives(reply: &Json, request: &ScoreRequest, chat: bool) -> Result<Vec<f64>, AttemptError> {
    let choice = first_choice(reply)?;
    let entries = if chat { chat_alternatives(choice) } else { completion_alternatives(choice) };
    let mut smallest = f64::INFINITY;
    let mut masses = vec![0.0_f64; request.answers.len()];
    for (token, value) in entries {
        let log = log_probability(number(value)?)?;
        smallest = smallest.min(log);
        if let Some(label) = label_of(token, &request.answers) {
            masses[label] += log.exp();
        }
    }
    if masses.iter().all(|mass| *mass == 0.0) {
        // At temperature 0 the same question would get the same reply.
        let message = "none of the answers is among the first token's alternatives";
        return Err(AttemptError::final_(ErrorKind::Malformed, message));
    }
    Ok(masses.into_iter().map(|mass| if mass > 0.0 { mass.ln().min(0.0) } else { smallest }).collect())
}

fn chat_alternatives(choice: &Json) -> Vec<(&str, &Json)> {
    let first = choice["logprobs"]["content"][0]["top_logprobs"].as_array();
    first
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry["token"].as_str()?, &entry["logprob"])))
        .collect()
}

fn completion_alternatives(choice: &Json) -> Vec<(&str, &Json)> {
    let first = choice["logprobs"]["top_logprobs"][0].as_object();
    first.into_iter().flatten().map(|(token, value)| (&**token, value)).collect()
}

/// The one label that a token spells, or begins unmistakably.
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

fn vectors(reply: &Json, texts: usize) -> Result<Vec<Vec<f64>>, AttemptError> {
    let data =
        reply["data"].as_array().ok_or_else(|| AttemptError::malformed("the reply holds no embeddings"))?;
    let mut vectors = vec![Vec::new(); texts];
    for (position, entry) in data.iter().enumerate() {
        let place = entry["index"].as_u64().map_or(position, |index| index as usize);
        let vector: Option<Vec<f64>> =
            entry["embedding"].as_array().and_then(|numbers| numbers.iter().map(Json::as_f64).collect());
        match (vectors.get_mut(place), vector) {
            (Some(slot), Some(vector)) => *slot = vector,
            _ => return Err(AttemptError::malformed("an embedding is out of place or not made of numbers")),
        }
    }
    let length = vectors.first().map_or(0, Vec::len);
    if length == 0 || vectors.iter().any(|vector| vector.len() != length) {
        return Err(AttemptError::malformed("embeddings are missing or of different lengths"));
    }
    Ok(vectors)
}

#[cfg(test)]
#[path = "openai_tests.rs"]
mod tests;
