//! A process that is watched: figures for Prometheus, and whether it lives and works. Nothing can be asked of it.
//!
//! | route | what |
//! |---|---|
//! | `GET /metrics` | figures |
//! | `GET /health` | 200: the process lives |
//! | `GET /ready` | 200 while it works, 503 while it waits |
//!
//! Where a token is asked for, everything but `/health` wants it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use crate::gate::Access;
use crate::listen::Door;
use crate::pieces;
use crate::places::Places;
use crate::refusal::Refusal;

/// Connections at once: those who watch are few.
const CONNECTIONS: usize = 32;
/// How long a request or a reply may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is watched.
pub trait Watched: Send + Sync + 'static {
    /// Figures in Prometheus's text format.
    fn figures(&self) -> String;

    /// Whether it works at this moment.
    fn is_ready(&self) -> bool;
}

/// Serves what is watched, until it is dropped: to whom `access` lets in, or to everybody.
pub async fn watch(listener: TcpListener, watched: Arc<dyn Watched>, access: Option<Access>) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .fallback(nowhere)
        .layer(middleware::from_fn_with_state(Arc::new(access), let_in))
        .layer(middleware::from_fn(unread))
        .with_state(watched);
    let places = Places::new(CONNECTIONS, CONNECTIONS);
    let door = Door { router, places, read_timeout: PATIENCE, write_timeout: PATIENCE };
    let mut closed = door.accept(listener, std::future::pending()).await;
    let _ = closed.recv().await;
}

/// Lets a request in, or not.
async fn let_in(State(access): State<Arc<Option<Access>>>, request: Request, next: Next) -> Response {
    match access.as_ref().as_ref().map(|access| access.admit(&request)) {
        None | Some(Ok(())) => next.run(request).await,
        Some(Err(refusal)) => refusal.into_response(),
    }
}

/// Bodies are not read.
async fn unread(request: Request, next: Next) -> Response {
    let has_body = request.headers().get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
        || request.headers().contains_key(header::TRANSFER_ENCODING);
    let response = next.run(request).await;
    if has_body { ([(header::CONNECTION, "close")], response).into_response() } else { response }
}

async fn metrics(State(watched): State<Arc<dyn Watched>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], watched.figures()).into_response()
}

async fn health() -> Response {
    told(StatusCode::OK, "ok")
}

async fn ready(State(watched): State<Arc<dyn Watched>>) -> Response {
    if watched.is_ready() {
        told(StatusCode::OK, "works")
    } else {
        told(StatusCode::SERVICE_UNAVAILABLE, "waits")
    }
}

fn told(status: StatusCode, word: &str) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (status, json, pieces::json(&json!({ "status": word }))).into_response()
}

async fn nowhere() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "there are /metrics, /health and /ready".to_owned())
}
