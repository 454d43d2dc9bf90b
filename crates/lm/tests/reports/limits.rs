//! Servers that say when they may be asked again.

use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use samara_lm::ErrorKind;
use serde_json::json;

use crate::{
    TEXT, chat_server, complete, error, model, models, request, says,
    server::{Reply, Server},
};

/// How long a server's limit lasts: several attempts' worth of a client that does not wait as it is told.
const WINDOW: Duration = Duration::from_secs(3);

/// A time in RFC 3339: seconds are all that vendors give.
fn rfc_3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // From 2026-01-01; the years that this test will see are not leap years before 2028, and then it says so.
    let since_2026 = days - 20_454;
    let year = 2026 + since_2026 / 365;
    assert!(year < 2028, "write a calendar");
    let mut day = since_2026 % 365;
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = lengths.iter().position(|length| {
        let inside = day < *length;
        day -= if inside { 0 } else { *length };
        inside
    });
    let month = month.unwrap() + 1;
    format!("{year}-{month:02}-{:02}T{:02}:{:02}:{:02}Z", day + 1, rest / 3600, rest / 60 % 60, rest % 60)
}

/// A refusal of a vendor whose limit is reset at a time.
fn refusal(style: &str, left: Duration) -> Reply {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + left;
    let ms = at.as_millis().to_string();
    // Rounded up, as vendors do that give seconds.
    let seconds = left.as_secs() + 1;
    match style {
        "gemini" => Reply::refuse(429, &json!([{"error": {"code": 429, "message": "You exceeded your current quota.", "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{:.9}s", left.as_secs_f64())}]}}])),
        "openrouter" => Reply::refuse(429, &json!({"error": {"message": "Rate limit exceeded", "code": 429, "metadata": {"headers": {"X-RateLimit-Reset": ms}}}}))
            .header("x-ratelimit-limit", "10")
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", &ms),
        "openrouter's body" => Reply::refuse(429, &json!({"error": {"message": "Rate limit exceeded", "code": 429, "metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": ms}}}})),
        "anthropic" => Reply::refuse(429, &json!({"type": "error", "error": {"type": "rate_limit_error", "message": "rate limit"}}))
            .header("anthropic-ratelimit-requests-remaining", "0")
            .header("anthropic-ratelimit-requests-reset", &rfc_3339(at.as_secs() + 1)),
        "retry-after" => error(429, "slow down").header("retry-after", &seconds.to_string()),
        "openai" => error(429, "Rate limit reached for requests")
            .header("x-ratelimit-remaining-requests", "0")
            .header("x-ratelimit-reset-requests", &format!("{seconds}s"))
            .header("x-ratelimit-remaining-tokens", "149000")
            .header("x-ratelimit-reset-tokens", "6m0s"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_limit_is_waited_for_in_every_vendors_form() {
    let styles = ["gemini", "openrouter", "openrouter's body", "anthropic", "retry-after", "openai"];
    // At once: each waits for some seconds.
    let all = styles.map(|style| async move {
        let reset: Mutex<Option<Instant>> = Mutex::new(None);
        let server = chat_server(move |request| {
            if request.prompt().contains("1+1=") {
                return Reply::json(&says("2"));
            }
            let now = Instant::now();
            let reset = *reset.lock().unwrap().get_or_insert(now + WINDOW);
            match reset.checked_duration_since(now) {
                Some(left) => refusal(style, left),
                None => Reply::json(&says(TEXT)),
            }
        });
        // Two attempts are enough for who waits as told, and too few for who does not; 30 s are too short for the other
        // limit's six minutes.
        let text =
            complete(&server, "api = \"chat\"\nmax_attempts = 2").await.map(|completion| completion.text);
        assert_eq!(text, Ok(TEXT.to_owned()), "{style}");
        let asked = server.seen().iter().filter(|request| request.prompt().contains("opinion")).count();
        assert_eq!(asked, 2, "{style}");
    });
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn a_limit_that_lasts_beyond_the_deadline_ends_the_operation_at_once() {
    let server = chat_server(|request| {
        if request.prompt().contains("1+1=") {
            return Reply::json(&says("2"));
        }
        error(429, "Rate limit reached for tokens per day").header("retry-after", "3600")
    });
    let failed = complete(&server, "api = \"chat\"").await.expect_err("a limit");
    assert_eq!(failed.kind, ErrorKind::Overloaded);
    assert!(failed.to_string().contains("Rate limit reached for tokens per day"), "{failed}");
    assert_eq!(server.seen().iter().filter(|request| request.prompt().contains("opinion")).count(), 1);
}

#[tokio::test]
async fn a_model_that_is_loading_is_waited_for_to_the_deadline() {
    let start = Instant::now();
    let server = Server::start(move |request| {
        if start.elapsed() < WINDOW {
            return Reply::refuse(
                503,
                &json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
            );
        }
        match request.path.as_str() {
            "/v1/models" => models(),
            "/v1/completions" => Reply::json(&crate::writes(TEXT, &json!(null))),
            _ => error(404, "Not Found"),
        }
    });
    // Attempts are counted for errors, not for waiting.
    let text = model(&server, "max_attempts = 2")
        .complete(&request("An opinion:", 20))
        .await
        .map(|completion| completion.text);
    assert_eq!(text, Ok(TEXT.to_owned()));
}

#[test]
fn times_are_written_as_vendors_write_them() {
    assert_eq!(rfc_3339(1_769_860_800), "2026-01-31T12:00:00Z");
    assert_eq!(rfc_3339(1_798_761_599), "2026-12-31T23:59:59Z");
    assert_eq!(rfc_3339(1_798_761_600), "2027-01-01T00:00:00Z");
}

#[tokio::test]
async fn a_server_that_goes_on_refusing_although_it_says_at_once_is_not_flooded() {
    let server = chat_server(|request| {
        if request.prompt().contains("1+1=") {
            return Reply::json(&says("2"));
        }
        error(429, "slow down").header("retry-after", "0")
    });
    complete(&server, "api = \"chat\"\ndeadline_s = 3.0").await.expect_err("a limit");
    let asked = server.seen().len();
    assert!(asked < 60, "{asked} requests in 3 s");
}

#[tokio::test]
async fn a_limit_at_the_start_is_shown_before_a_person_waits_for_minutes() {
    let server = chat_server(|_| {
        error(429, "Rate limit reached for model `m`: tokens per day (TPD)").header("retry-after", "1")
    });
    let shown = complete(&server, "deadline_s = 600.0").await.expect_err("a limit");
    assert!(shown.to_string().contains("tokens per day (TPD)"), "{shown}");
    let asked = server.seen().iter().filter(|request| request.path.ends_with("/chat/completions")).count();
    assert_eq!(asked, 2, "as often as max_attempts says");
}
