//! Models that think aloud.

use samara_lm::{CompletionRequest, ErrorKind};
use serde_json::{Value as Json, json};

use crate::{TEXT, chat, chat_server, complete, model, request, says, score, server::Reply, verdict, yes};

const CHAT: &str = "api = \"chat\"";

#[tokio::test]
async fn thoughts_are_no_part_of_the_text() {
    let draft = "<think>\nA first idea:\n```python\ndef draw():\n    return WRONG\n```\nNo.\n</think>\n\n";
    for text in [
        format!("{draft}{TEXT}"),
        format!("Okay, the user wants beans.\n</think>\n\n{TEXT}"),
        format!("<|channel|>final<|message|>{TEXT}<|return|>"),
        format!("[THINK]Okay.[/THINK]{TEXT}"),
        format!("Here is my thought process:\n\nBeans.\n\nHere is my response:\n\n{TEXT}"),
        format!(
            "<|channel|>analysis<|message|>Okay.<|end|><|start|>assistant<|channel|>final<|message|>{TEXT}"
        ),
    ] {
        let reply = says(&text);
        let server = chat_server(move |_| Reply::json(&reply));
        let found = complete(&server, CHAT).await.map(|completion| completion.text);
        assert_eq!(found, Ok(TEXT.to_owned()), "{text}");
    }
}

#[tokio::test]
async fn a_text_that_mentions_thinking_keeps_it() {
    for text in ["The robot says <think> before it speaks.", "Here is my"] {
        let server = chat_server(move |_| Reply::json(&says(text)));
        assert_eq!(complete(&server, CHAT).await.unwrap().text, text);
    }
}

#[tokio::test]
async fn content_that_is_a_list_of_parts_is_a_text() {
    let parts = json!([
        {"type": "thinking", "thinking": [{"type": "text", "text": "Okay."}], "closed": true},
        {"type": "text", "text": "I love"}, {"type": "text", "text": " beans."},
    ]);
    let reply = chat(&json!({"role": "assistant", "content": parts}), "stop", &Json::Null);
    let server = chat_server(move |_| Reply::json(&reply));
    assert_eq!(complete(&server, CHAT).await.unwrap().text, TEXT);
}

#[tokio::test]
async fn a_model_that_thinks_up_all_its_tokens_is_said_to() {
    for message in [
        json!({"role": "assistant", "content": null, "reasoning_content": "Okay, the user wants"}),
        json!({"role": "assistant", "content": "", "reasoning": "Okay, the user wants"}),
        json!({"role": "assistant", "content": "<think>\nOkay, the user wants"}),
        json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "Okay"}]}),
    ] {
        let reply = chat(&message, "length", &Json::Null);
        let server = chat_server(move |_| Reply::json(&reply));
        let error = complete(&server, CHAT).await.expect_err("no answer");
        assert!(error.to_string().contains("thinking"), "{error}");
    }
}

/// The first token is `<think>`, and the answers among its alternatives are noise; the answer comes after the thoughts.
fn thinking_judge() -> crate::Server {
    chat_server(|request| {
        let (right, wrong) = verdict(request.prompt());
        let entry = |token: &str, log: f64| json!({"token": token, "logprob": log});
        let noise =
            json!([entry("<think>", -0.00039), entry("<", -9.1), entry(wrong, -14.0), entry(right, -17.0)]);
        let logprobs = json!({"content": [{"token": "<think>", "logprob": -0.00039, "top_logprobs": noise}]});
        let logprobs = if request.has("logprobs") { logprobs } else { Json::Null };
        let whole = request.body["max_tokens"].as_u64().unwrap_or(99) > 30;
        let text = if whole {
            format!("<think>\nIt praises beans.\n</think>\n\n{right}")
        } else {
            "<think>\nOkay".to_owned()
        };
        let finish = if whole { "stop" } else { "length" };
        Reply::json(&chat(&json!({"role": "assistant", "content": text}), finish, &logprobs))
    })
}

#[tokio::test]
async fn the_noise_beside_the_beginning_of_thoughts_is_no_score() {
    let server = thinking_judge();
    let judged = score(&server, CHAT).await.unwrap();
    assert_eq!(judged.method, samara_lm::ScoreMethod::Sampling);
    assert!(yes(&judged) > 0.8, "{judged:?}");
    let refused = score(&server, &format!("{CHAT}\nscoring = \"top_logprobs\"")).await.expect_err("noise");
    assert_eq!(refused.kind, ErrorKind::Unsupported, "{refused}");
}

#[tokio::test]
async fn ratings_are_read_behind_thoughts() {
    let server = chat_server(|request| {
        let whole = request.body["max_tokens"].as_u64().unwrap_or(99) > 30;
        let text = if whole { "<think>\nIt is 1 or 2? No.\n</think>\n\n9" } else { "<think>\nIt is 1" };
        Reply::json(&chat(&json!({"content": text}), if whole { "stop" } else { "length" }, &Json::Null))
    });
    let judged = score(&server, &format!("{CHAT}\nscoring = \"rating\"")).await.unwrap();
    assert!((yes(&judged) - 0.85).abs() < 1e-9, "{judged:?}");
}

#[tokio::test]
async fn a_model_without_text_and_without_thoughts_says_nothing() {
    let server = chat_server(|_| Reply::json(&says("")));
    let completion = model(&server, CHAT).complete(&request("An opinion:", 20)).await.unwrap();
    assert_eq!(completion.text, "");
}

#[tokio::test]
async fn a_record_shows_what_a_chat_was_told_above_the_prompt() {
    let instructions = Some("Reply with the text alone.".to_owned());
    let request = CompletionRequest { instructions, ..request("An opinion:", 9) };
    let server = chat_server(|_| Reply::json(&says(TEXT)));
    let model = model(&server, CHAT);
    assert_eq!(model.asked(&request), "An opinion:", "nobody has been asked yet");
    model.complete(&request).await.unwrap();
    assert_eq!(model.asked(&request), "Reply with the text alone.\n\nAn opinion:");
}
