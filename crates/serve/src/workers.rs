//! A run's coordinator over HTTP: workers post messages and get replies, some of which come late.
//!
//! | route | what |
//! |---|---|
//! | `POST /v1/work` | a message of a worker that evaluates, as JSON -> the coordinator's reply as JSON |
//! | `POST /v1/ask` | the same for a worker that asks models |
//! | `GET /health`, `GET /metrics` | for operators; health needs no token |
//!
//! What messages say is the coordinator's business ([`Coordinator`]). Here is who is let in, and how much they may cost:
//! a token is always asked, and bodies lie in memory that is counted.

use crate::bounds::Bounds;
use crate::gate::Access;
use crate::listen::Door;
use crate::memory::Pool;
use crate::pieces::{self, Serving};
use crate::places::{Place, Places};
use crate::read::Posted;
use crate::refusal::Refusal;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Bytes of a message at most: a result with all that an evaluation may leave.
const MESSAGE: usize = 16 << 20;
/// Bytes of all messages that are being read together.
const MEMORY: usize = 256 << 20;
/// Connections at once: a worker has two that wait, and one for each result.
const CONNECTIONS: usize = 8192;
/// How long workers have to hear that the run is over.
const GRACE: Duration = Duration::from_secs(2);

/// The reply to a message, at some time; `None` to what is no message.
pub type Replied<'a> = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send + 'a>>;

/// What replies to workers.
pub trait Coordinator: Send + Sync + 'static {
    /// The reply to a message. It may wait, and is given up when the worker goes.
    fn reply(&self, message: Vec<u8>) -> Replied<'_>;

    /// The same for a message of a worker that asks models; `None` also where none is asked.
    fn reply_to_asking(&self, _message: Vec<u8>) -> Replied<'_> {
        Box::pin(async { None })
    }

    /// Figures for Prometheus, in its text format.
    fn figures(&self) -> String;
}

struct Desk {
    coordinator: Arc<dyn Coordinator>,
    access: Access,
    bounds: Bounds,
    memory: Pool,
}

/// Serves workers until `stop` is ready, and a moment longer, in which they hear what the coordinator replies last.
///
/// # Panics
/// If no token is asked: whoever can post messages can give results.
pub async fn coordinate(
    listener: TcpListener,
    coordinator: Arc<dyn Coordinator>,
    access: Access,
    stop: impl Future<Output = ()>,
) {
    assert!(access.token.as_ref().is_some_and(|token| !token.is_empty()), "workers are asked for a token");
    let bounds = Bounds {
        body: MESSAGE,
        connections: CONNECTIONS,
        waiting: CONNECTIONS,
        // A worker may have nothing to say for as long as a coordinator lets it wait.
        read_timeout: Duration::from_secs(60),
        ..Bounds::default()
    };
    let (read_timeout, write_timeout) = (bounds.read_timeout, bounds.write_timeout);
    let places = Places::new(bounds.waiting, bounds.connections);
    let desk = Arc::new(Desk { coordinator, access, bounds, memory: Pool::new(MEMORY) });
    let door = Door { router: router(&desk), places, read_timeout, write_timeout };
    let mut all_closed = door.accept(listener, stop).await;
    // Who does not hear it in time learns it when nobody is there.
    let _ = tokio::time::timeout(GRACE, all_closed.recv()).await;
}

fn router(desk: &Arc<Desk>) -> Router {
    Router::new()
        .route("/v1/work", post(work))
        .route("/v1/ask", post(ask))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .fallback(nowhere)
        .layer(middleware::from_fn_with_state(Arc::clone(desk), let_in))
        .with_state(Arc::clone(desk))
}

/// Lets a request in, or not, before anything of its body is read.
async fn let_in(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    match admitted(&desk, request, next).await {
        Ok(response) => response,
        Err(refusal) => ([(header::CONNECTION, "close")], refusal).into_response(),
    }
}

async fn admitted(desk: &Desk, request: Request, next: Next) -> Result<Response, Refusal> {
    desk.access.admit(&request)?;
    if request.uri().path() == "/health" {
        return Ok(next.run(request).await);
    }
    let Some(place) = request.extensions().get::<Arc<Place>>().map(Arc::clone) else {
        return Ok(next.run(request).await);
    };
    let busy = place.serve().ok_or_else(|| Refusal::unavailable("too many requests are being answered"))?;
    Ok(next.run(request).await.map(|body| Serving::body(body, busy)))
}

async fn nowhere() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "a coordinator has the routes /v1/work and /v1/ask".to_owned())
}

async fn health() -> Response {
    (JSON, pieces::json(&json!({ "status": "ok" }))).into_response()
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], desk.coordinator.figures()).into_response()
}

const JSON: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

async fn work(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    let message = message(&desk, request).await?;
    replied(desk.coordinator.reply(message).await)
}

async fn ask(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    let message = message(&desk, request).await?;
    replied(desk.coordinator.reply_to_asking(message).await)
}

/// The memory that it took is given back once it is read, which is before a reply that comes late.
async fn message(desk: &Desk, request: Request) -> Result<Vec<u8>, Refusal> {
    let mut posted = Posted::read(request, &desk.bounds, &desk.memory).await?;
    Ok(std::mem::take(&mut posted.bytes))
}

fn replied(reply: Option<Vec<u8>>) -> Result<Response, Refusal> {
    let reply = reply.ok_or_else(|| Refusal::bad("this is no message of a worker"))?;
    Ok((JSON, Body::from(reply)).into_response())
}
