//! A request that is not served, and why.

use crate::pieces;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A request that is not served: the status, and what to tell the client.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl Refusal {
    pub(crate) fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }

    pub(crate) fn unavailable(why: impl Into<String>) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, why.into())
    }

    /// The memory budget is used up.
    pub(crate) fn full() -> Self {
        Self::unavailable("the server's memory budget is used up by other requests: try again")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, why) = self;
        let json = [(header::CONTENT_TYPE, "application/json")];
        let body = pieces::json(&json!({ "error": why }));
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                (status, json, [(header::RETRY_AFTER, "1")], body).into_response()
            }
            _ => (status, json, body).into_response(),
        }
    }
}
