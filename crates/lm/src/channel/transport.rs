//! One HTTP exchange (a request and its reply): bytes out, bytes in, and what an error status means. Knows no
//! provider's JSON.

use std::time::{Duration, SystemTime};

use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};

use crate::{
    error::{AttemptError, ErrorKind, LmError},
    log,
    secret::Secret,
    settings::{ModelSettings, is_loopback, validate_url},
};

/// The longest wait that is accepted from a server's headers.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How much of a refusal's body is read, and for how long.
const MAX_REFUSAL_BYTES: usize = 64 << 10;
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(250);

/// A server's address, the key for it and the client to reach it.
#[derive(Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
    base: String,
    key: Option<Secret>,
    /// The key's header if it is not a bearer token's, and what every request carries.
    key_header: Option<HeaderName>,
    headers: &'static [(&'static str, &'static str)],
    max_bytes: usize,
}

impl Transport {
    pub(crate) fn new(settings: &ModelSettings) -> Result<Self, LmError> {
        let base = settings.address();
        let facts = settings.provider.facts();
        validate_url(&base).map_err(|invalid| {
            let variable = facts.base_variable;
            let or_variable = variable.map_or(String::new(), |name| format!(" or the variable {name}"));
            let message = format!("`{}`{or_variable} {}", invalid.key, invalid.problem);
            LmError::new(ErrorKind::Configuration, message).hint(invalid.hint)
        })?;
        // The first installation wins; a second one is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder();
        if is_loopback(&base) {
            // A proxy from the environment would look for the server on its own machine.
            builder = builder.no_proxy();
        }
        let client = builder
            .connect_timeout(Duration::from_secs_f64(settings.timeout_s.min(10.0)))
            .pool_max_idle_per_host(settings.max_concurrency)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                LmError::new(ErrorKind::Configuration, format!("the HTTP client can't be set up: {error}"))
            })?;
        let key = settings.key_variables().into_iter().find_map(Secret::from_environment);
        Ok(Self {
            client,
            base,
            key,
            key_header: facts.key_header.clone(),
            headers: facts.headers,
            max_bytes: settings.max_reply_bytes,
        })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a body (or a request without one) and returns the reply's body if its status is good.
    pub(crate) async fn exchange(&self, path: &str, body: Option<Vec<u8>>) -> Result<Vec<u8>, AttemptError> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        log::exchange(path, body.as_ref().map_or(0, Vec::len));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        if let Some(key) = &self.key {
            let (name, value) = match &self.key_header {
                Some(name) => (name.clone(), key.reveal().to_owned()),
                None => (AUTHORIZATION, format!("Bearer {}", key.reveal())),
            };
            let mut value = HeaderValue::from_str(&value).map_err(|_| {
                AttemptError::permanent(
                    ErrorKind::Configuration,
                    "the key contains characters that an HTTP header can't carry",
                )
            })?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| self.connection_error(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() {
            return self.read(response).await;
        }
        let body = start_of_body(response).await;
        Err(refusal(status, &headers, &body, &self.quote(&body)))
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, AttemptError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.connection_error(error))? {
            if body.len() + chunk.len() > self.max_bytes {
                let message = format!("the reply is larger than {} bytes", self.max_bytes);
                let hint = "raise max_reply_bytes in the model's section if that is expected";
                return Err(AttemptError::permanent(ErrorKind::Malformed, message).hint(hint));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// A connection that failed or broke.
    fn connection_error(&self, error: reqwest::Error) -> AttemptError {
        let unreachable = error.is_connect();
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let message = self.redact(&format!("{error}: {cause}"));
        if unreachable {
            return AttemptError::transient(ErrorKind::Unreachable, format!("no connection: {message}"));
        }
        if error.is_timeout() {
            return AttemptError { overloaded: true, ..AttemptError::transient(ErrorKind::Timeout, message) };
        }
        AttemptError::transient(ErrorKind::Overloaded, format!("the connection broke: {message}"))
    }

    /// The beginning of a body, without the key.
    fn quote(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let text = self.redact(&text).split_whitespace().collect::<Vec<_>>().join(" ");
        text.chars().take(300).collect()
    }

    fn redact(&self, text: &str) -> String {
        self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.redact(text))
    }
}

/// What an error status means; `quoted` is the body as an error may show it.
///
/// 424 is Text Generation Inference's for a model that failed half-way, 529 Anthropic's for an overloaded server.
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8], quoted: &str) -> AttemptError {
    let message = format!("HTTP {}: {quoted}", status.as_u16());
    let error = match status.as_u16() {
        401..=404 => AttemptError::permanent(ErrorKind::Refused, message),
        429 if quoted.contains("insufficient_quota") => AttemptError::permanent(ErrorKind::Refused, message),
        501 => AttemptError::permanent(ErrorKind::Unsupported, message),
        408 | 424 | 429 | 500..=599 if !(status.is_server_error() && is_validation(body)) => {
            let retry_after = requested_wait(headers, status.as_u16() == 429, SystemTime::now());
            let overloaded = matches!(status.as_u16(), 429 | 503 | 529);
            let kind = ErrorKind::Overloaded;
            AttemptError { retry_after, overloaded, ..AttemptError::transient(kind, message) }
        }
        _ => AttemptError::permanent(ErrorKind::Invalid, message),
    };
    AttemptError { status: Some(status.as_u16()), ..error }
}

/// The start of a refusal's body, as far as it arrives: the status counts even if the connection breaks after it.
async fn start_of_body(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    let read = async {
        while body.len() < MAX_REFUSAL_BYTES
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
    };
    // On a timeout, what has arrived must do.
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, read).await;
    body
}

/// Whether a server error is really a complaint about the request, which some servers report as 500.
fn is_validation(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    ["validation error", "invalid_request", "badrequest", "validationerror"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// How long the server asks us to wait.
fn requested_wait(headers: &HeaderMap, limited: bool, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = |seconds: f64| (seconds >= 0.0 && seconds.is_finite()).then_some(seconds);
    let milliseconds = || text("retry-after-ms")?.parse::<f64>().ok().and_then(seconds).map(|ms| ms / 1e3);
    let after = || text("retry-after")?.parse::<f64>().ok().and_then(seconds);
    let date = || {
        let date = httpdate::parse_http_date(text("retry-after")?).ok()?;
        Some(date.duration_since(now).unwrap_or_default().as_secs_f64())
    };
    let reset = || {
        let names = ["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"];
        let waits = names.iter().filter_map(|name| text(name).and_then(span)).filter(|_| limited);
        waits.reduce(f64::max)
    };
    let wait = milliseconds().or_else(after).or_else(date).or_else(reset)?;
    Some(Duration::from_secs_f64(wait.min(LONGEST_WAIT.as_secs_f64())))
}

/// A span such as `1s`, `6m0s`, `20ms` or `1h2m`, or a bare number of seconds, in seconds.
fn span(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds >= 0.0 && seconds.is_finite()).then_some(seconds);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        total += number
            * match &rest[digits..unit_end] {
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect()
    }

    #[test]
    fn waits_are_read_in_every_form_servers_write_them() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let wait = |pairs: &[(&'static str, &str)]| {
            requested_wait(&headers(pairs), true, now).map(|wait| wait.as_secs_f64())
        };
        assert_eq!(wait(&[("retry-after", "2")]), Some(2.0));
        assert_eq!(wait(&[("retry-after-ms", "150"), ("retry-after", "9")]), Some(0.15));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), Some(10.0));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0.0));
        assert_eq!(
            wait(&[("x-ratelimit-reset-tokens", "1m2.5s"), ("x-ratelimit-reset-requests", "20ms")]),
            Some(62.5)
        );
        assert_eq!(wait(&[("x-ratelimit-reset-requests", "1.5")]), Some(1.5));
        assert_eq!(wait(&[("retry-after", "99999999")]), Some(300.0));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("retry-after", "-1")]), None);
        assert_eq!(wait(&[]), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic_or_wait_forever(
            text in "[ -~]{0,20}", span in "[0-9.]{0,4}(ms|s|m|h|x)?[0-9]{0,400}[msh]?",
        ) {
            for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset-requests"] {
                for value in [&text, &span] {
                    let wait = requested_wait(&headers(&[(name, value)]), true, SystemTime::now());
                    prop_assert!(wait.is_none_or(|wait| wait <= LONGEST_WAIT));
                }
            }
        }
    }
}
