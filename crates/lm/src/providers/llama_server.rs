//! llama.cpp's own server by its native interface.
//!
//! It echoes no log-probabilities. A grammar that allows the answer alone forces it, token by token, and the server
//! reports each token's log-probability before the grammar (`post_sampling_probs` is off by default), which is what
//! an echo would give. The tokens after the answer (the end of the text) are found by bytes and left out.

use serde_json::{Value as Json, json};

use super::{
    facts::{Call, Kind, Protocol, Provider},
    json, strings,
};
use crate::{
    error::AttemptError,
    operation::{Answer, Endpoint, Operation, Value},
    provider_name::ProviderName,
    types::ScoreMethod,
};

/// llama.cpp's server.
pub(super) static PROVIDER: Provider = Provider {
    name: "llama-server",
    schemes: &["llama-server"],
    read: |_, rest| strings::server(ProviderName::LlamaServer, rest),
    kind: Kind::Http(Protocol::Once { encode, decode }),
    base_url: "http://127.0.0.1:8080",
    keys: &["LLAMA_API_KEY"],
    methods: &[ScoreMethod::Grammar, ScoreMethod::TopLogprobs],
    endpoints: &["/completion", "/v1/models", "/embedding"],
    optional: &["seed", "stop", "top_k", "min_p", "top_p", "temperature", "stream"],
    ..Provider::PLAIN
};

/// The request of an operation.
pub(crate) fn encode(operation: &Operation<'_>) -> Result<Call, AttemptError> {
    Ok(match operation {
        Operation::Models => Call::get("/v1/models"),
        Operation::Complete { request, how } => {
            let sampling = &request.sampling;
            let mut body = json!({
                "n_predict": sampling.max_tokens, "temperature": sampling.temperature, "top_p": sampling.top_p,
                // Its own defaults cut the distribution.
                "top_k": 0, "min_p": 0.0, "seed": sampling.seed, "stop": sampling.stop,
            });
            json::penalise(&mut body, sampling);
            completion(how, &request.prompt, body)
        }
        Operation::LogProbability { prompt, answer, method: ScoreMethod::Grammar, how } => {
            let body = json!({
                "grammar": grammar(answer), "n_predict": answer.len() + 1, "n_probs": 1, "temperature": 0.0,
            });
            completion(how, prompt, body)
        }
        Operation::Labels { request, how } => {
            completion(how, &request.prompt, json!({"n_predict": 1, "n_probs": 20, "temperature": 0.0}))
        }
        Operation::Embed { texts, how, .. } => {
            Call::post("/embedding", json!({"model": how.model, "content": texts}))
        }
        _ => return Err(json::unsupported("llama-server", operation)),
    })
}

fn completion(how: &Endpoint, prompt: &str, mut body: Json) -> Call {
    body["model"] = json!(how.model);
    body["prompt"] = json!(prompt);
    body["stream"] = json!(false);
    Call::post("/completion", body)
}

/// A grammar (GBNF) of one text.
fn grammar(answer: &str) -> String {
    let mut rule = "root ::= \"".to_owned();
    for c in answer.chars() {
        match c {
            '"' => rule += "\\\"",
            '\\' => rule += "\\\\",
            '\n' => rule += "\\n",
            '\r' => rule += "\\r",
            '\t' => rule += "\\t",
            c if c.is_control() => rule += &format!("\\U{:08X}", u32::from(c)),
            c => rule.push(c),
        }
    }
    rule + "\""
}

/// The answer in a reply.
pub(crate) fn decode(operation: &Operation<'_>, reply: &Json) -> Result<Answer, AttemptError> {
    let value = match operation {
        Operation::Models => json::names(&reply["data"], "id"),
        Operation::Complete { .. } => json::text(&reply["content"], reply["stop_type"].as_str())?,
        Operation::LogProbability { answer, method: ScoreMethod::Grammar, .. } => {
            Value::LogProbabilities(vec![forced(&reply["completion_probabilities"], answer)?])
        }
        Operation::Labels { request, .. } => json::labels(reply, &request.answers)?,
        Operation::Embed { texts, .. } => embeddings(reply, texts.len())?,
        _ => return Err(json::unsupported("llama-server", operation)),
    };
    Ok(json::answer(value, &reply["tokens_evaluated"], &reply["tokens_predicted"]))
}

/// The sum over the tokens that spell the answer.
fn forced(tokens: &Json, answer: &str) -> Result<f64, AttemptError> {
    let tokens = json::list(tokens);
    if tokens.is_empty() {
        return Err(AttemptError::malformed("the reply contains no log-probabilities"));
    }
    let (mut spelt, mut sum) = (Vec::new(), 0.0);
    for token in tokens {
        if spelt.len() >= answer.len() {
            break;
        }
        match token["bytes"].as_array() {
            Some(bytes) => spelt.extend(bytes.iter().map(|byte| byte.as_u64().unwrap_or(256) as u16)),
            None => spelt.extend(token["token"].as_str().unwrap_or_default().bytes().map(u16::from)),
        }
        sum += json::number(&token["logprob"])?;
    }
    if spelt != answer.bytes().map(u16::from).collect::<Vec<u16>>() {
        return Err(AttemptError::malformed("the grammar was not followed: the reply spells something else"));
    }
    json::log_probability(sum)
}

/// Vectors: a list of objects, each with one vector, or with one per token when the server does not pool.
fn embeddings(reply: &Json, texts: usize) -> Result<Value, AttemptError> {
    let rows = json::list(reply).iter().map(|entry| match &entry["embedding"] {
        Json::Array(rows) if rows.len() == 1 && rows[0].is_array() => &rows[0],
        other => other,
    });
    json::vectors(rows, texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grammar_quotes_what_would_end_it() {
        assert_eq!(grammar("\n\"né\"\\\u{1}"), "root ::= \"\\n\\\"né\\\"\\\\\\U00000001\"");
    }

    #[test]
    fn a_forced_answer_ends_where_its_bytes_do_and_must_be_the_answer() {
        let token = |bytes: &[u8], log: f64| json!({"token": "\u{fffd}", "bytes": bytes, "logprob": log});
        // "é" in two tokens without a text of their own, then the end of the text.
        let tokens = json!([token(&[0xc3], -1.0), token(&[0xa9], -0.5), token(b"", -7.0)]);
        assert_eq!(forced(&tokens, "é").expect("valid"), -1.5);
        assert!(forced(&tokens, "e").is_err(), "another text");
        assert!(forced(&json!([token(&[0xc3], -1.0)]), "é").is_err(), "half of it");
        assert!(forced(&json!([]), "é").is_err() && forced(&Json::Null, "é").is_err());
        let null = json!([{"bytes": [97], "logprob": null}]);
        assert!(forced(&null, "a").is_err());
    }
}
