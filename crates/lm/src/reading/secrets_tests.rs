//! Keys in every coding that a server was seen to quote them in.

use proptest::prelude::*;

use super::*;

const KEY: &str = "sk-live/Zx9+Qw7=Canary_41-tail";

fn redactor(key: &str) -> Redactor {
    Redactor::new([&Secret::of(key)])
}

/// Each character of a key in one of its codings, as `pick` says.
fn coded(key: &str, pick: impl Fn(usize) -> u8) -> String {
    let code = |(i, c): (usize, char)| match pick(i) % 7 {
        1 => format!("\\u{:04x}", u32::from(c)),
        2 => format!("\\u{:04X}", u32::from(c)),
        3 => format!("%{:02x}", u32::from(c)),
        4 => format!("%{:02X}", u32::from(c)),
        5 => format!("&#{};", u32::from(c)),
        6 => format!("&#x{:x};", u32::from(c)),
        _ => c.to_string(),
    };
    key.chars().enumerate().map(code).collect()
}

fn base64(bytes: &[u8]) -> String {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().div_ceil(3) * 3, 0);
    String::from_utf8(inside_base64(&padded, 0, false)).expect("ASCII")
}

#[test]
fn base64_is_as_everybody_writes_it() {
    assert_eq!(base64(b"Bearer sk-canary?>"), "QmVhcmVyIHNrLWNhbmFyeT8+");
    assert_eq!(inside_base64(b"canary", 1, false), b"NhbmFye");
}

#[test]
fn a_key_is_blotted_out_in_every_coding() {
    let redactor = redactor(KEY);
    let escaped = KEY.replace('/', "\\/").replace('+', "\\u002b");
    let nested = serde_json::to_string(&serde_json::to_string(&escaped).expect("JSON")).expect("JSON");
    for quoted in [
        KEY.to_owned(),
        KEY.replace('/', "\\/"),
        KEY.replace('+', "\\u002b").replace('=', "\\u003D"),
        KEY.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D"),
        KEY.replace('/', "&#x2F;"),
        coded(KEY, |_| 1),
        coded(KEY, |_| 4),
        coded(KEY, |i| i as u8),
        nested,
        coded(KEY, |_| 4).replace('%', "%25"),
        KEY.to_lowercase(),
        KEY.to_uppercase(),
        format!("{}\n{}", &KEY[..10], &KEY[10..]),
        format!("{}\\n  {}", &KEY[..10], &KEY[10..]),
        base64(KEY.as_bytes()),
        base64(format!("Bearer {KEY}").as_bytes()),
        base64(format!("user:{KEY}").as_bytes()),
        base64(format!("u:{KEY}").as_bytes()),
        base64(format!(":{KEY}").as_bytes()).replace('+', "-").replace('/', "_"),
    ] {
        let clean = redactor.redact(&format!("Incorrect API key: {quoted} See https://example.com"));
        assert!(clean.starts_with("Incorrect API key: "), "{quoted}: {clean}");
        assert!(clean.ends_with(" See https://example.com"), "{quoted}: {clean}");
        // Of base64 a few digits may be left that the bytes around the key have a part in.
        let left = &clean["Incorrect API key: ".len()..clean.len() - " See https://example.com".len()];
        assert!(left.contains(BLOT) && left.len() < 20, "{quoted}: {clean}");
    }
}

#[test]
fn the_short_form_that_vendors_show_of_a_key_stays() {
    let text = "Incorrect API key provided: sk-li*****tail.";
    assert_eq!(redactor(KEY).redact(text), text);
}

#[test]
fn a_key_that_somebody_cut_is_still_found() {
    let redactor = redactor(KEY);
    assert_eq!(redactor.redact(&format!("bad key {}... (cut)", &KEY[..20])), "bad key ***... (cut)");
    assert_eq!(redactor.quote(&format!("bad key {}", &KEY[..5]), 300, true), "bad key ***");
    assert_eq!(redactor.quote(&format!("bad key {}", &KEY[..5]), 300, false), "bad key sk-li");
}

#[test]
fn a_quote_is_redacted_before_it_is_cut() {
    assert_eq!(redactor(KEY).quote(&format!("bad key {KEY} here"), 12, false), "bad key *** ...");
    assert_eq!(redactor(KEY).quote(&format!("bad key {KEY}"), 10, false), "bad key **...");
}

#[test]
fn of_several_keys_none_is_left() {
    let keys = [Secret::of("first-key-1234"), Secret::of("second-key-5678"), Secret::of("azkey")];
    let redactor = Redactor::new(&keys);
    assert_eq!(redactor.redact("first-key-1234/second-key-5678?api-key=azkey"), "***/***?api-key=***");
    assert_eq!(Redactor::new([]).redact("first-key-1234"), "first-key-1234");
}

#[test]
fn a_key_that_looks_like_an_escape_is_found_plain_and_coded() {
    let key = "ab%41cd\\u0041ef&amp;gh";
    for quoted in [key.to_owned(), coded(key, |_| 3), coded(key, |_| 1), key.replace('%', "%25")] {
        assert_eq!(redactor(key).redact(&format!("<{quoted}>")), "<***>", "{quoted}");
    }
}

#[test]
fn a_key_with_other_letters_is_found_in_whole_characters() {
    let key = "schlüssel-漢字-🦀-key";
    let escaped: String = key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    for quoted in [key.to_owned(), escaped, key.replace('ü', "%C3%BC").replace('漢', "&#28450;")] {
        assert_eq!(redactor(key).redact(&format!("é{quoted}漢")), "é***漢", "{quoted}");
    }
}

#[test]
fn replies_keep_words_that_are_no_secrets() {
    let mut reply = serde_json::json!({"text": "an EMPTY test", "EMPTY": 1});
    let before = reply.clone();
    redactor("EMPTY").redact_json(&mut reply);
    assert_eq!(reply, before);
    assert_eq!(redactor("EMPTY").redact("bad key EMPTY"), "bad key ***");
}

#[test]
fn a_reply_loses_the_key_in_all_its_strings_and_names() {
    let mut reply = serde_json::json!({
        "data": [{"id": KEY}, {KEY: [KEY, 1, null, {"deep": format!("is {KEY}")}]}], "fine": "as it is",
    });
    redactor(KEY).redact_json(&mut reply);
    let expected = serde_json::json!({
        "data": [{"id": "***"}, {"***": ["***", 1, null, {"deep": "is ***"}]}], "fine": "as it is",
    });
    assert_eq!(reply, expected);
}

#[test]
fn a_text_of_a_megabyte_that_almost_is_the_key_all_over_is_searched() {
    // A search that starts over at every byte would take two thousand million steps.
    let text = "a".repeat(1 << 20);
    assert_eq!(redactor(&("a".repeat(2000) + "b")).redact(&text), BLOT);
}

proptest! {
    #[test]
    fn no_mix_of_codings_hides_a_key(
        key in "[!-\\[\\]-~]{12,40}", picks in prop::collection::vec(0_u8..7, 40), nested: bool,
    ) {
        let mut text = coded(&key, |i| picks[i]);
        // Two codings on top of each other, of a key that looks like one itself, have more than one reading.
        if nested && !key.contains(['%', '&']) {
            text = serde_json::to_string(&text).expect("JSON");
        }
        let clean = redactor(&key).redact(&format!("before {text} after"));
        prop_assert!(clean.contains(BLOT), "{}", clean);
        prop_assert!(!clean.contains(&text), "{}", clean);
    }

    #[test]
    fn any_text_around_a_plain_key_leaves_nothing_of_it(key in "[!-~]{8,30}", before: String, after: String) {
        let clean = redactor(&key).redact(&format!("{before}{key}{after}"));
        prop_assert!(clean.contains(BLOT));
        let untouched = before.matches(&key).count() + after.matches(&key).count();
        prop_assume!(untouched == 0 && !BLOT.contains(&key[..3]));
        prop_assert!(!clean.contains(&key));
    }

    #[test]
    fn a_text_without_the_key_stays_as_it_is(text in "[a-m%&\\\\u0-4; ]{0,200}") {
        prop_assert_eq!(redactor("zzzz-zzzz-zzzz-zzzz").redact(&text), text);
    }
}
