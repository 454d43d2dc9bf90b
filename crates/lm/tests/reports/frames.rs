//! Good replies in frames that a strict reader refuses, and bodies that are no replies.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use crate::{TEXT, chat_server, complete, model, request, says, server::Reply};

const CHAT: &str = "api = \"chat\"";

fn framed(kind: &str) -> Reply {
    let plain = says(TEXT).to_string();
    let json = |body: Vec<u8>| Reply::bytes("application/json", body);
    match kind {
        "byte order mark" => json(format!("\u{feff}{plain}").into_bytes()),
        "blanks in front" => json(format!("{}{plain}", "\n\n   \n".repeat(50)).into_bytes()),
        "zeros behind" => json(format!("{plain}\0\0").into_bytes()),
        "UTF-16" => {
            json([0xFEFF].into_iter().chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect())
        }
        "an end of stream" => Reply::bytes("text/event-stream", format!("{plain}\n\ndata: [DONE]\n\n")),
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(plain.as_bytes()).unwrap();
            json(encoder.finish().unwrap()).header("content-encoding", "gzip")
        }
        "gzip without a header" => framed("gzip").without("content-encoding"),
        "comments in front" => json(format!("\n: PROCESSING\n\n: PROCESSING\n\n{plain}").into_bytes()),
        "written twice" => json(format!("{plain}\n{plain}").into_bytes()),
        "an error of nulls" => {
            json(plain.replacen('{', "{\"error\":{\"message\":null,\"code\":null},", 1).into_bytes())
        }
        "numbers beyond reason" => json(plain.replace("\"created\":1", "\"created\":1e400").into_bytes()),
        "NaN" => json(plain.replace("\"created\":1", "\"created\":NaN").into_bytes()),
        "no error" => json(plain.replacen('{', "{\"error\":{},", 1).into_bytes()),
        "a false error" => json(plain.replacen('{', "{\"error\":false,", 1).into_bytes()),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_good_reply_is_read_in_every_frame() {
    for kind in [
        "byte order mark",
        "blanks in front",
        "zeros behind",
        "UTF-16",
        "an end of stream",
        "gzip",
        "gzip without a header",
        "comments in front",
        "written twice",
        "an error of nulls",
        "numbers beyond reason",
        "NaN",
        "no error",
        "a false error",
    ] {
        let server = chat_server(move |_| framed(kind));
        let text = complete(&server, CHAT).await.map(|completion| completion.text);
        assert_eq!(text, Ok(TEXT.to_owned()), "{kind}");
    }
}

#[tokio::test]
async fn what_is_no_character_in_a_text_is_replaced() {
    let escaped = says("beans X and").to_string();
    for body in [escaped.replace('X', "\\ud83d").into_bytes(), {
        let mut bytes = escaped.clone().into_bytes();
        let at = bytes.iter().position(|byte| *byte == b'X').unwrap();
        bytes[at] = 0xE9;
        bytes
    }] {
        let server = chat_server(move |_| Reply::bytes("application/json", body.clone()));
        let text = complete(&server, CHAT).await.map(|completion| completion.text);
        assert_eq!(text, Ok("beans \u{fffd} and".to_owned()));
    }
}

#[tokio::test]
async fn a_server_that_streams_unless_told_not_to_is_told_so_or_read() {
    let part = |delta: &str, finish: &str| {
        format!(
            "data: {{\"choices\": [{{\"index\": 0, \"delta\": {{\"content\": \"{delta}\"}}, \"finish_reason\": {finish}}}]}}\n\n"
        )
    };
    let stream = part("I love", "null") + &part(" beans.", "\"stop\"") + "data: [DONE]\n\n";
    let server = chat_server(move |request| {
        if request.body["stream"] == json!(false) {
            return Reply::json(&says(TEXT));
        }
        Reply::bytes("text/event-stream", stream.clone())
    });
    let text = complete(&server, CHAT).await.map(|completion| completion.text);
    assert_eq!(text, Ok(TEXT.to_owned()));
}

#[tokio::test]
async fn a_body_that_is_no_reply_is_described_and_quoted() {
    for (reply, expected) in [
        (
            Reply::bytes("text/html", "<!doctype html><html><head><title>Open WebUI</title></head></html>"),
            &["web page", "Open WebUI"][..],
        ),
        (Reply::bytes("application/json", ""), &["empty"]),
        (Reply::bytes("text/plain", "upstream connect error"), &["text/plain", "upstream connect error"]),
        (
            Reply::bytes("text/event-stream", "event: ping\ndata: {\"type\": \"ping\"}\n\n"),
            &["stream", "ping"],
        ),
        (Reply::bytes("application/json", "[".repeat(100_000)), &["deep"]),
    ] {
        let server = chat_server(move |_| reply.clone());
        let error = complete(&server, CHAT).await.expect_err("no reply").to_string();
        assert!(expected.iter().all(|word| error.contains(word)), "{error}");
    }
}

#[tokio::test]
async fn counts_of_tokens_beyond_reason_are_estimates_and_end_nothing() {
    for count in
        ["18446744073709551615", "9223372036854775807", "4611686018427387904", "-1", "9.0", "\"9\"", "null"]
    {
        let server = chat_server(move |_| {
            let body =
                says(TEXT).to_string().replace("\"prompt_tokens\":9", &format!("\"prompt_tokens\":{count}"));
            Reply::bytes("application/json", body)
        });
        let model = model(&server, &format!("{CHAT}\nprice_in = 1.0\nprice_out = 1.0"));
        for _ in 0..3 {
            let completion =
                model.complete(&request("An opinion piece about vegetables:", 50)).await.unwrap();
            assert_eq!(completion.text, TEXT, "{count}");
            let usage = completion.usage;
            assert!(usage.tokens_in < 1000 && usage.cost < 1.0, "{count}: {usage:?}");
            assert!(usage.estimated || usage.tokens_in == 9, "{count}: {usage:?}");
        }
    }
}

#[tokio::test]
async fn a_vector_that_is_none_is_an_error() {
    use samara_lm::EmbedRequest;
    let good = json!({"data": [{"index": 0, "embedding": [1.0, 2.0, 0.5]}]});
    for (body, works) in [
        (good.to_string(), true),
        (good.to_string().replace("1.0", "NaN"), false),
        (good.to_string().replace("1.0", "null"), false),
        ("{\"data\": []}".to_owned(), false),
        ("{\"error\": {\"message\": \"json: unsupported value: NaN\"}}".to_owned(), false),
    ] {
        let reply = body.clone();
        let server = crate::Server::start(move |request| match request.path.as_str() {
            "/v1/models" => crate::models(),
            _ => Reply::bytes("application/json", reply.clone()),
        });
        let embedded = model(&server, "")
            .embed(&EmbedRequest { texts: vec!["beans".into()], queries: Vec::new() })
            .await;
        assert_eq!(embedded.is_ok(), works, "{body}");
    }
}
