//! Limits as vendors state them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// 2026-01-31T12:00:00Z.
const NOW: u64 = 1_769_860_800;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let name = |name: &str| reqwest::header::HeaderName::from_bytes(name.as_bytes()).expect("a name");
    pairs.iter().map(|(key, value)| (name(key), value.parse().expect("a value"))).collect()
}

fn wait(pairs: &[(&str, &str)], body: &Json) -> Option<(f64, String)> {
    let wait = after_refusal(&headers(pairs), Some(body), now())?;
    Some(((wait.wait.as_secs_f64() * 1e3).round() / 1e3, wait.source.to_string()))
}

#[test]
fn every_way_to_write_a_time_is_read() {
    for (text, expected) in [
        ("2", Some(2.0)),
        ("0.5", Some(0.5)),
        ("1769860860", Some(60.0)),
        ("1769860860000", Some(60.0)),
        ("1769860860123.0", Some(60.123)),
        ("1769860860000000", Some(60.0)),
        ("1769860860000000000", Some(60.0)),
        ("2026-01-31T12:01:00Z", Some(60.0)),
        ("2026-01-31T12:01:00.250Z", Some(60.25)),
        ("2026-01-31T13:01:00+01:00", Some(60.0)),
        ("2026-01-31T07:01:00-0500", Some(60.0)),
        ("2026-01-31 12:01:00", Some(60.0)),
        ("2026-02-01T12:00:00Z", Some(86_400.0)),
        ("2024-02-29T12:00:00Z", Some(-60_652_800.0)),
        ("Sat, 31 Jan 2026 12:00:10 GMT", Some(10.0)),
        ("6m0s", Some(360.0)),
        ("1.5s", Some(1.5)),
        ("20ms", Some(0.02)),
        ("1h2m3.5s", Some(3723.5)),
        ("34.074824224s", Some(34.074_824_224)),
        ("1m 30s", Some(90.0)),
        ("30 seconds", Some(30.0)),
        ("1 minute", Some(60.0)),
        ("150µs", Some(0.000_15)),
        ("2d", Some(172_800.0)),
        ("-1", None),
        ("NaN", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("s", None),
        ("1.2.3s", None),
        ("2026-13-31T12:00:00Z", None),
        ("2026-01-31T12:00:00+1", None),
    ] {
        let read = from_now(text, now());
        let close = match (read, expected) {
            (Some(read), Some(expected)) => (read - expected).abs() < 1e-3,
            (read, expected) => read == expected,
        };
        assert!(close, "{text}: {read:?}");
    }
}

#[test]
fn the_header_that_is_meant_for_us_counts_first() {
    let none = json!({});
    let after = |wait, source: &str| Some((wait, source.to_owned()));
    assert_eq!(wait(&[("retry-after", "2")], &none), after(2.0, "the header retry-after"));
    assert_eq!(
        wait(&[("retry-after-ms", "150"), ("retry-after", "9")], &none),
        after(0.15, "the header retry-after-ms")
    );
    assert_eq!(
        wait(&[("Retry-After", "Sat, 31 Jan 2026 12:00:10 GMT")], &none),
        after(10.0, "the header retry-after")
    );
    assert_eq!(
        wait(&[("retry-after", "Sat, 31 Jan 2026 11:00:00 GMT")], &none),
        after(0.0, "the header retry-after")
    );
    assert_eq!(wait(&[("retry-after", "99999999")], &none), after(86_400.0, "the header retry-after"));
    assert_eq!(wait(&[("retry-after", "soon")], &none), None);
    assert_eq!(wait(&[], &none), None);
    let both =
        [("retry-after", "3"), ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1h")];
    assert_eq!(wait(&both, &json!({"retry_after": 7})), after(3.0, "the header retry-after"));
}

#[test]
fn a_reset_counts_only_where_nothing_remains() {
    let openai = [
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "20s"),
        ("x-ratelimit-remaining-tokens", "149000"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    let requests = Some((20.0, "the header x-ratelimit-reset-requests".to_owned()));
    assert_eq!(wait(&openai, &json!({})), requests);
    let anthropic = [
        ("anthropic-ratelimit-requests-remaining", "12"),
        ("anthropic-ratelimit-requests-reset", "2026-01-31T13:00:00Z"),
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        ("anthropic-ratelimit-input-tokens-reset", "2026-01-31T12:00:41Z"),
    ];
    let tokens = Some((41.0, "the header anthropic-ratelimit-input-tokens-reset".to_owned()));
    assert_eq!(wait(&anthropic, &json!({})), tokens);
    // Of two that are exhausted, the later one.
    let both = [
        ("x-ratelimit-remaining-requests-day", "0"),
        ("x-ratelimit-reset-requests-day", "33011.382867"),
        ("x-ratelimit-remaining-tokens-minute", "0"),
        ("x-ratelimit-reset-tokens-minute", "11.38"),
    ];
    assert_eq!(wait(&both, &json!({})).map(|(wait, _)| wait), Some(33011.383));
    let full = [("x-ratelimit-remaining-tokens", "5"), ("x-ratelimit-reset-tokens", "6m0s")];
    assert_eq!(wait(&full, &json!({})), None);
}

#[test]
fn resets_are_read_in_the_forms_of_gateways() {
    let ms = "1769860860000";
    let router = [("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", ms)];
    assert_eq!(wait(&router, &json!({})), Some((60.0, "the header x-ratelimit-reset".to_owned())));
    let body = json!({"error": {"code": 429, "message": "Rate limit exceeded", "metadata": {"headers": {
        "X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": ms,
    }}}});
    assert_eq!(wait(&[], &body), Some((60.0, "the field x-ratelimit-reset".to_owned())));
    let alone = json!({"error": {"metadata": {"headers": {"X-RateLimit-Reset": ms}}}});
    assert_eq!(wait(&[], &alone), Some((60.0, "the field x-ratelimit-reset".to_owned())));
    for draft in ["limit=100, remaining=0, reset=5", "\"minute\";r=0;t=5"] {
        assert_eq!(wait(&[("ratelimit", draft)], &json!({})), Some((5.0, "the header ratelimit".to_owned())));
    }
    assert_eq!(wait(&[("ratelimit", "limit=100, remaining=7, reset=5")], &json!({})), None);
    assert_eq!(
        wait(&[("ratelimit-reset", "5"), ("ratelimit-remaining", "0")], &json!({})).map(|(wait, _)| wait),
        Some(5.0)
    );
    // Without what remains, one reset is the reason, and of two it is not known which.
    assert_eq!(wait(&[("x-ratelimit-reset-requests", "1.5")], &json!({})).map(|(wait, _)| wait), Some(1.5));
    let two = [("x-ratelimit-reset-requests", "1.5"), ("x-ratelimit-reset-tokens", "6m0s")];
    assert_eq!(wait(&two, &json!({})), None);
}

#[test]
fn delays_in_bodies_are_read() {
    let google = json!([{"error": {"code": 429, "message": "Please retry in 34.07s.", "details": [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "PerMinute"}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074824224s"},
    ]}}]);
    assert_eq!(wait(&[], &google), Some((34.075, "the field retryDelay".to_owned())));
    for (body, expected) in [
        (json!({"error": {"details": [{"retryDelay": {"seconds": 34, "nanos": 500_000_000}}]}}), 34.5),
        (json!({"retry_after": 7}), 7.0),
        (json!({"error": {"retry_after_ms": 250}}), 0.25),
        (json!({"error": {"metadata": {"retry_after_seconds": "12.5"}}}), 12.5),
        (json!({"detail": {"retryAfter": "3s"}}), 3.0),
        (json!({"error": "Model x is currently loading", "estimated_time": 20.5}), 20.5),
        (json!({"error": {"metadata": {"headers": {"Retry-After": "4"}}}}), 4.0),
    ] {
        assert_eq!(wait(&[], &body).map(|(wait, _)| wait), Some(expected), "{body}");
    }
    assert_eq!(wait(&[], &json!({"retry_after": null, "retryDelay": [], "retry_after_ms": -4})), None);
}

#[test]
fn words_are_the_last_resort_and_are_called_words() {
    let said = |text: &str| wait(&[], &json!({"error": {"message": text}}));
    let words = |wait| Some((wait, "the error's words".to_owned()));
    assert_eq!(said("Limit 30000, Used 29000. Please try again in 1.2s. Visit https://x.y"), words(1.2));
    assert_eq!(said("Please try again in 6m0s."), words(360.0));
    assert_eq!(said("Please retry in 34.074824224s."), words(34.075));
    assert_eq!(said("Please retry after 20 seconds."), words(20.0));
    assert_eq!(said("try again in 1 minute 30 seconds, please"), words(90.0));
    assert_eq!(said("Please wait for about 10 minutes!"), words(600.0));
    assert_eq!(said("please try again in a moment"), None);
    assert_eq!(said("retry after 5 failed"), None);
    assert_eq!(said("wait"), None);
    let field = json!({"error": {"message": "try again in 9s", "retry_after": 2}});
    assert_eq!(wait(&[], &field).map(|(wait, _)| wait), Some(2.0));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_or_wait_forever(
        text in "[ -~]{0,30}", number in "[0-9.eE+-]{0,12}(ms|s|m|h|x|Z|T)?[0-9:.]{0,20}[msh]?", any: String,
    ) {
        for value in [&text, &number, &any] {
            let body = json!({"error": {"message": format!("try again in {value}"), "retryDelay": value}});
            let valid: Vec<(&str, &str)> = ["retry-after", "retry-after-ms", "x-ratelimit-reset-requests", "ratelimit"]
                .into_iter()
                .filter(|_| value.parse::<reqwest::header::HeaderValue>().is_ok())
                .map(|name| (name, value.as_str()))
                .collect();
            for pairs in [&valid[..], &[]] {
                let wait = after_refusal(&headers(pairs), Some(&body), now());
                prop_assert!(wait.is_none_or(|wait| wait.wait <= LONGEST));
            }
        }
    }

    #[test]
    fn a_point_in_time_is_the_same_in_every_form(after in 0_u64..80_000) {
        let then = NOW + after;
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(then));
        let (days, rest) = ((then - NOW) / 86_400, (then - NOW) % 86_400 + 43_200);
        let day = if days + rest / 86_400 == 0 { "2026-01-31" } else { "2026-02-01" };
        let rest = rest % 86_400;
        let iso = format!("{day}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60);
        for text in [then.to_string(), (then * 1000).to_string(), date, iso, format!("{after}s"), after.to_string()] {
            let read = from_now(&text, now()).expect("a time");
            prop_assert!((read - after as f64).abs() < 1e-3, "{}: {}", text, read);
        }
    }
}
