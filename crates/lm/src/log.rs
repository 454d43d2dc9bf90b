//! What an operator can read in a log about requests: who was asked, how it went, how long it took and what it cost.
//!
//! Never a key, a header, a prompt or an answer. A server's own words are logged at `debug` only, without the key: some
//! servers quote the prompt in their errors.

use std::time::Duration;

use tracing::{debug, info, trace, warn};

use crate::{error::AttemptError, operation::Answer};

/// Who is asked what.
pub(crate) struct Asked<'a> {
    pub provider: &'static str,
    pub model: &'a str,
    pub operation: &'static str,
}

/// One attempt at an operation, with its latency.
pub(crate) fn attempt(
    asked: &Asked<'_>,
    number: u32,
    latency: Duration,
    answer: &Result<Answer, AttemptError>,
) {
    let Asked { provider, model, operation } = *asked;
    let latency_ms = latency.as_millis() as u64;
    match answer {
        Ok(answer) => {
            // `None` is not logged: some servers don't report tokens.
            let (tokens_in, tokens_out) = answer.tokens.unzip();
            info!(
                provider,
                model,
                operation,
                attempt = number,
                status = "ok",
                latency_ms,
                tokens_in,
                tokens_out,
                "request"
            );
        }
        Err(error) => {
            let status = error.kind.name();
            info!(
                provider,
                model,
                operation,
                attempt = number,
                status,
                http = error.status,
                latency_ms,
                "request"
            );
            debug!(model, message = error.message.as_str(), "the server's answer");
        }
    }
}

/// An attempt that failed is made again.
pub(crate) fn retry(asked: &Asked<'_>, attempts: u32, error: &AttemptError, wait: Duration) {
    let (model, operation, why) = (asked.model, asked.operation, error.kind.name());
    let wait_ms = wait.as_millis() as u64;
    warn!(model, operation, attempts, why, http = error.status, wait_ms, "retry");
}

/// An operation failed for good.
pub(crate) fn gave_up(asked: &Asked<'_>, attempts: u32, error: &AttemptError) {
    let (model, operation, why) = (asked.model, asked.operation, error.kind.name());
    warn!(model, operation, attempts, why, http = error.status, "gave up");
}

/// The limit of requests in flight changed.
pub(crate) fn limit(model: &str, from: usize, to: usize) {
    info!(model, from, to, "limit of requests in flight");
}

/// Something was found out about a server.
pub(crate) fn remark(provider: &str, remark: &str) {
    warn!(provider, remark, "found out");
}

/// An answer came from the cache or the recording.
pub(crate) fn cached(model: &str, operation: &str) {
    debug!(model, operation, "answered from the cache");
}

/// An HTTP request goes out; `bytes` is the length of its body.
pub(crate) fn exchange(path: &str, bytes: usize) {
    trace!(path, bytes, "HTTP request");
}
