//! Log-probabilities in shapes that make noise of a score.

use samara_lm::ScoreMethod;
use serde_json::{Value as Json, json};

use crate::{
    chat, chat_server, error, models, score,
    server::{Reply, Request, Server},
    verdict, writes, yes,
};

/// Words, each with the blank in front of it, line breaks and signs, as a tokenizer has them.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for c in text.chars() {
        let joins = pieces.last().is_some_and(|last: &String| {
            c.is_alphanumeric()
                && last.chars().all(|c| c.is_alphanumeric() || c == ' ')
                && last.trim_end() == last
        });
        let after_blank = c.is_alphanumeric() && pieces.last().is_some_and(|last| last == " ");
        match pieces.last_mut() {
            Some(last) if joins || after_blank => last.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces
}

fn log_probability(token: &str) -> f64 {
    match token.trim() {
        "zebra" => -14.0,
        "no" | "negative" => -3.0,
        "yes" | "positive" => -0.1,
        "2" => -0.05,
        word if word.parse::<u32>().is_ok() || word == "," => -0.2,
        word => -1.0 - (word.bytes().map(u32::from).sum::<u32>() % 7) as f64 / 10.0,
    }
}

/// A base model behind vLLM, whose tokenizer puts a mark in front: offsets count it, the text does not hold it.
fn base_model(mark: &str, loses_blanks: bool) -> Server {
    let mark = mark.to_owned();
    Server::start(move |request| match request.path.as_str() {
        "/v1/models" => models(),
        "/v1/completions" if request.has("echo") => Reply::json(&echo(request, &mark, loses_blanks)),
        "/v1/completions" => Reply::json(&writes("\npositive.", &Json::Null)),
        _ => error(400, "default chat template is no longer allowed, so you must provide a chat template"),
    })
}

fn echo(request: &Request, mark: &str, loses_blanks: bool) -> Json {
    let prompt = request.prompt();
    let own = pieces(prompt);
    let shown =
        own.iter().map(|piece| if loses_blanks { piece.strip_prefix(' ').unwrap_or(piece) } else { piece });
    let tokens: Vec<&str> = [mark].into_iter().chain(shown).chain(["."]).collect();
    let mut values: Vec<Option<f64>> = own.iter().map(|piece| Some(log_probability(piece))).collect();
    values.insert(0, None);
    values.push(Some(-0.7));
    let offsets: Vec<usize> = tokens
        .iter()
        .scan(0, |end, token| {
            let start = *end;
            *end += token.chars().count();
            Some(start)
        })
        .collect();
    let logprobs =
        json!({"tokens": tokens, "token_logprobs": values, "text_offset": offsets, "top_logprobs": null});
    writes(&format!("{prompt}."), &logprobs)
}

#[tokio::test]
async fn an_echo_is_right_although_a_mark_is_counted_or_blanks_are_lost() {
    for mark in ["<s>", "<|begin_of_text|>", "<bos>"] {
        for loses_blanks in [false, true] {
            let judged = score(&base_model(mark, loses_blanks), "").await.unwrap();
            assert_eq!(judged.method, ScoreMethod::Echo, "{mark} {loses_blanks}");
            let expected = (-0.1_f64).exp() / ((-0.1_f64).exp() + (-3.0_f64).exp());
            assert!((yes(&judged) - expected).abs() < 1e-9, "{mark} {loses_blanks}: {judged:?}");
        }
    }
}

#[tokio::test]
async fn an_echo_of_something_else_is_refused() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/models" => models(),
        "/v1/completions" if request.has("echo") => {
            let mut reply = echo(request, "<s>", false);
            let tokens = reply["choices"][0]["logprobs"]["tokens"].as_array_mut().unwrap();
            let last = tokens.len() - 2;
            tokens[last] = json!(" ok");
            Reply::json(&reply)
        }
        "/v1/completions" => Reply::json(&writes("2", &Json::Null)),
        _ => error(404, "no"),
    });
    let refused = score(&server, "scoring = \"echo\"").await.expect_err("not the answer");
    assert!(refused.to_string().contains("spell"), "{refused}");
}

fn alternatives(request: &Request, further: &Json) -> Json {
    let (right, wrong) = verdict(request.prompt());
    let entry = |token: &str, log: f64| json!({"token": token, "logprob": log, "bytes": token.as_bytes()});
    let mut list = vec![entry(right, -0.1), entry(wrong, -2.5)];
    if !further.is_null() {
        list.push(further.clone());
    }
    json!({"content": [{"token": right, "logprob": -0.1, "top_logprobs": list}]})
}

#[tokio::test]
async fn the_shape_of_a_chat_is_read_from_plain_completions_too() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/models" => models(),
        "/v1/completions" => {
            let logprobs =
                if request.has("logprobs") { alternatives(request, &Json::Null) } else { Json::Null };
            Reply::json(&writes(verdict(request.prompt()).0, &logprobs))
        }
        _ => {
            Reply::refuse(501, &json!({"error": {"code": 501, "message": "This server does not support it"}}))
        }
    });
    let judged = score(&server, "").await.unwrap();
    assert_eq!(judged.method, ScoreMethod::TopLogprobs);
    assert!(yes(&judged) > 0.9, "{judged:?}");
}

#[tokio::test]
async fn an_alternative_without_a_probability_is_passed_over() {
    for bad in ["null", "-Infinity", "NaN", "\"-inf\"", "-9999.0"] {
        let server = chat_server(move |request| {
            if request.has("prompt_logprobs") {
                return error(400, "no");
            }
            let further = json!({"token": "<s>", "logprob": 77777});
            let logprobs = if request.has("logprobs") { alternatives(request, &further) } else { Json::Null };
            let reply = chat(&json!({"content": verdict(request.prompt()).0}), "stop", &logprobs);
            Reply::bytes("application/json", reply.to_string().replace("77777", bad))
        });
        let judged = score(&server, "").await.unwrap();
        assert_eq!(judged.method, ScoreMethod::TopLogprobs, "{bad}");
        assert!(yes(&judged) > 0.9, "{bad}: {judged:?}");
    }
}

#[tokio::test]
async fn tokens_shown_as_marks_of_a_vocabulary_are_the_answers_all_the_same() {
    for mark in ["Ġ", "▁", "\\u0120"] {
        let server = chat_server(move |request| {
            if request.has("prompt_logprobs") {
                return error(400, "no");
            }
            let (right, wrong) = verdict(request.prompt());
            let entry = |token: &str, log: f64| json!({"token": format!("{mark}{token}"), "logprob": log});
            let logprobs = json!({"content": [{"top_logprobs": [entry(right, -0.1), entry(wrong, -2.5)]}]});
            Reply::json(&chat(&json!({"content": right}), "stop", &logprobs))
        });
        let judged = score(&server, "").await.unwrap();
        assert_eq!(judged.method, ScoreMethod::TopLogprobs, "{mark}");
        assert!(yes(&judged) > 0.9, "{mark}: {judged:?}");
    }
}

#[tokio::test]
async fn a_server_that_fails_at_log_probabilities_is_asked_for_samples() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/models" => models(),
        "/v1/completions" if request.has("echo") || request.has("logprobs") => Reply::refuse(
            500,
            &json!({"error": {"message": "2326", "type": "InternalServerError", "param": null, "code": 500}}),
        ),
        "/v1/completions" => Reply::json(&writes(verdict(request.prompt()).0, &Json::Null)),
        _ => {
            let mut reply = crate::says("x");
            reply["prompt_logprobs"] = json!([null]);
            Reply::json(&reply)
        }
    });
    let judged = score(&server, "max_attempts = 1").await.unwrap();
    assert_eq!(judged.method, ScoreMethod::Sampling);
    assert!(yes(&judged) > 0.8, "{judged:?}");
}

#[test]
fn pieces_make_up_the_text() {
    let text = "1+1= 2, I love  beans.\n\nyes";
    assert_eq!(pieces(text).concat(), text);
    assert!(pieces(text).contains(&" love".to_owned()), "{:?}", pieces(text));
}
