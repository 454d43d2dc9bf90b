//! Frames in which real servers put good replies, and bodies that are no replies.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Secret;

fn read(body: &[u8], content_type: Option<&str>) -> Result<Json, BodyFault> {
    super::read(body, content_type, &Redactor::new([]))
}

fn utf_16_bytes(text: &str, mark: bool, split: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = mark.then_some(0xFEFF);
    mark.into_iter().chain(text.encode_utf16()).flat_map(split).collect()
}

#[test]
fn a_good_reply_is_read_in_every_frame() {
    let plain = r#"{"text": "beans é"}"#;
    let expected = json!({"text": "beans é"});
    for body in [
        plain.as_bytes().to_vec(),
        format!("\u{feff}{plain}").into_bytes(),
        format!("\n\n   \n{plain}\n\n").into_bytes(),
        format!("{plain}\0\0\0").into_bytes(),
        format!("{plain}\n\0 \r\n").into_bytes(),
        format!("{plain}\n\ndata: [DONE]\n\n").into_bytes(),
        utf_16_bytes(plain, true, u16::to_le_bytes),
        utf_16_bytes(plain, true, u16::to_be_bytes),
        utf_16_bytes(plain, false, u16::to_le_bytes),
        utf_16_bytes(plain, false, u16::to_be_bytes),
    ] {
        assert_eq!(
            read(&body, Some("application/json")).as_ref(),
            Ok(&expected),
            "{}",
            String::from_utf8_lossy(&body)
        );
    }
}

#[test]
fn what_is_no_character_is_replaced() {
    let text = |body: &[u8], content_type| {
        read(body, content_type).expect("JSON")["text"].as_str().map(str::to_owned)
    };
    let latin = b"{\"text\": \"beans \xe9 and\"}";
    assert_eq!(text(latin, None).as_deref(), Some("beans \u{fffd} and"));
    assert_eq!(text(latin, Some("application/json; charset=ISO-8859-1")).as_deref(), Some("beans é and"));
    for (escaped, expected) in [
        (r"a \ud83d and", "a \u{fffd} and"),
        (r"a \udd80 and", "a \u{fffd} and"),
        (r"a \ud83d\ud83e\udd80", "a \u{fffd}🦀"),
        (r"a \ud83d\u0041", "a \u{fffd}A"),
        (r"a \ud83d\n", "a \u{fffd}\n"),
        (r#"\\ud83d \"\ud83d\\"#, "\\ud83d \"\u{fffd}\\"),
        ("a\nb\tc\u{1}", "a\nb\tc\u{1}"),
        (r"a\u0000b", "a\0b"),
    ] {
        let body = format!("{{\"text\": \"{escaped}\"}}");
        assert_eq!(text(body.as_bytes(), None).as_deref(), Some(expected), "{escaped}");
    }
}

#[test]
fn numbers_that_json_does_not_have_are_null() {
    for word in ["NaN", "-NaN", "Infinity", "-Infinity", "inf", "-inf", "nan", "1e400", "-1e999"] {
        let body = format!("{{\"a\": [{word}, -1.5, \"NaN\", \"{word}\"], \"b\": {word}}}");
        assert_eq!(
            read(body.as_bytes(), None),
            Ok(json!({"a": [null, -1.5, "NaN", word], "b": null})),
            "{word}"
        );
    }
    assert!(read(b"{\"created\": 123456789012345678901234567890}", None).is_ok());
}

#[test]
fn a_body_that_is_something_else_is_described() {
    assert_eq!(read(b" \r\n\0", None), Err(BodyFault::Empty));
    assert_eq!(read(b"\xef\xbb\xbf", None), Err(BodyFault::Empty));
    let page = b"<!doctype html><html><head><title>Open\n WebUI</title></head><body>app</body></html>";
    for content_type in [None, Some("text/html; charset=utf-8"), Some("application/json")] {
        let fault = read(page, content_type).expect_err("a page").to_string();
        assert!(fault.starts_with("the reply is a web page, \"Open WebUI\": <!doctype html>"), "{fault}");
    }
    let fault = read(b"Too many requests", Some("text/plain")).expect_err("words").to_string();
    assert!(fault.contains("content type text/plain: Too many requests"), "{fault}");
    let fault = read(b"upstream connect error", None).expect_err("words").to_string();
    assert!(fault.contains("content type none: upstream connect error"), "{fault}");
    let lines = b"{\"response\": \"I\", \"done\": false}\n{\"response\": \"\", \"done\": true}\n";
    assert!(matches!(read(lines, Some("application/x-ndjson")), Err(BodyFault::Stream { .. })));
    let cut = read(b"{\"choices\": [{\"text\": \"I lo", None).expect_err("cut").to_string();
    assert!(cut.contains("EOF") && cut.contains("I lo"), "{cut}");
    assert!(matches!(read(b"{\"a\": 1} {\"b\": 2}", None), Err(BodyFault::NotJson { .. })));
}

#[test]
fn a_stream_is_read_as_the_reply_that_it_should_have_been() {
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"I love\"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" beans\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let reply = read(body.as_bytes(), Some("text/event-stream")).expect("a reply");
    assert_eq!(reply["choices"][0]["message"]["content"], "I love beans");
    let broken = &body[..body.find("data: [DONE]").expect("an end") - 60];
    assert_eq!(read(broken.as_bytes(), None), Err(BodyFault::BrokenStream));
    let other = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    assert!(matches!(read(other.as_bytes(), None), Err(BodyFault::Stream { .. })));
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [101, 127, 128, 200, 1_000_000] {
            let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let read = read(body.as_bytes(), None);
            assert!(depth < 128 || read == Err(BodyFault::TooDeep), "{depth}: {read:?}");
        }
        assert_eq!(read(open.repeat(100_000).as_bytes(), None), Err(BodyFault::TooDeep));
    }
    assert!(read(format!("{}1{}", "[".repeat(90), "]".repeat(90)).as_bytes(), None).is_ok());
    assert!(read(b"{\"a\": \"[[[[{{{{\"}", None).is_ok());
}

#[test]
fn no_fault_quotes_a_key() {
    let secret = Secret::of("sk-canary/123+456=789");
    let keys = Redactor::new([&secret]);
    let long = "x".repeat(290);
    for body in [
        "bad key sk-canary/123+456=789".to_owned(),
        "<html><title>sk-canary/123+456=789</title>sk-canary%2f123%2B456=789</html>".to_owned(),
        "event: error\ndata: {\"key\": \"sk-canary\\/123+456=789\"}\n\n".to_owned(),
        format!("{long} sk-canary/123+456=789"),
        "{\"error\": \"sk-canary/12".to_owned(),
    ] {
        let fault =
            super::read(body.as_bytes(), Some("x/sk-canary/123+456=789"), &keys).expect_err("no reply");
        let text = format!("{fault} {fault:?} {}", beginning(body.as_bytes(), None, &keys));
        assert!(text.contains("***") && !text.contains("canary"), "{body}: {text}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn a_compressed_body_is_unpacked_within_its_limit() {
    let body = b"{\"text\": \"beans\"}";
    let packed = gzip(body);
    let unpack = |bytes: &[u8], coding: Option<&str>| unpack(bytes, coding, 1000).map(Cow::into_owned);
    assert_eq!(unpack(&packed, Some("gzip")).as_deref(), Ok(&body[..]));
    assert_eq!(unpack(&gzip(&packed), Some("gzip, GZIP")).as_deref(), Ok(&body[..]));
    assert_eq!(unpack(body, None).as_deref(), Ok(&body[..]));
    assert_eq!(unpack(body, Some("identity")).as_deref(), Ok(&body[..]));
    assert_eq!(unpack(body, Some("gzip")).as_deref(), Ok(&body[..]), "a gateway has unpacked it");
    assert_eq!(unpack(&gzip(&[b'x'; 1001]), Some("gzip")), Err(BodyFault::TooLarge { limit: 1000 }));
    assert!(matches!(unpack(&packed[..20], Some("gzip")), Err(BodyFault::BrokenCompression { .. })));
    assert_eq!(unpack(&packed, Some("br")), Err(BodyFault::Compressed { coding: "br".to_owned() }));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(body: Vec<u8>, text: String) {
        for body in [body, text.into_bytes()] {
            let _ = read(&body, None);
            let _ = read(&body, Some("text/html; charset=latin1"));
            let _ = unpack(&body, Some("gzip"), 100);
        }
    }

    #[test]
    fn what_looks_like_json_does_not_make_the_reader_panic(text in "[\\[\\]{}\",:\\\\ud8dnNaIif0-9e.+ \n-]{0,80}") {
        let _ = read(text.as_bytes(), None);
    }

    #[test]
    fn mending_leaves_sound_json_as_it_is(text: String, number: f64, list: Vec<i64>) {
        let value = json!({"t": [text, {"n": number}], "l": list, "u": null, "b": true});
        let body = value.to_string();
        let read = one_value(&body).map_err(|problem| problem.describe());
        prop_assert_eq!(read, Ok(serde_json::from_str::<Json>(&body).expect("JSON")));
        let marked = read_back(&body);
        prop_assert_eq!(marked, serde_json::from_str::<Json>(&body).ok());
    }
}

fn read_back(body: &str) -> Option<Json> {
    read(format!("\u{feff}{body}\0").as_bytes(), None).ok()
}
