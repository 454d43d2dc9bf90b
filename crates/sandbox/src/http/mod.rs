//! The sandbox as an HTTP server: our own route, and those that OpenELM's environments post to.
//!
//! | route | what |
//! |---|---|
//! | `POST /v1/run` | a job as JSON -> a verdict as JSON |
//! | `POST /gen_racer`, `/eval_imageoptim_func`, `/eval_p3_solution` | OpenELM's, see [`openelm`] |
//! | `GET /health`, `GET /metrics` | for operators; health needs no token |
//!
//! Everything has a bound: connections, the queue (429 when full), the body, the time to send it. A client that goes
//! away keeps its slot in the queue until its program has ended, so that the bounds hold.

mod job;
mod metrics;
pub mod openelm;

use crate::json;
use crate::sandbox::Sandbox;
use crate::verdict::Verdict;
use crate::{Job, SandboxError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::Metrics;
use serde_json::{Value as Json, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// The bounds of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Programs that run or wait at once; more are answered with 429. Default 64.
    pub queue: usize,
    /// Connections at once; more wait to be accepted. Default 256.
    pub connections: usize,
    /// Bytes of a request's body. Default 4 MiB.
    pub body: usize,
    /// Time that a client has to send a request's head, and again its body. Default 10 s.
    pub read_timeout: Duration,
    /// Programs in one request's list. Default 256.
    pub list: usize,
    /// Time that begun requests have when the server stops. Default 30 s.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let (read_timeout, grace) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { queue: 64, connections: 256, body: 4 << 20, read_timeout, list: 256, grace }
    }
}

/// What answers requests. It has no socket: [`serve`] gives it connections.
pub struct App {
    sandbox: Arc<Sandbox>,
    queue: Arc<Semaphore>,
    bounds: Bounds,
    token: Option<String>,
    metrics: Metrics,
}

type Answer = Result<(StatusCode, Json), Refusal>;

/// A request that is not served.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl Refusal {
    fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }
}

impl App {
    /// A server's logic over this sandbox. With a token, clients must send it as a bearer token.
    pub fn new(sandbox: Sandbox, bounds: Bounds, token: Option<String>) -> Self {
        let queue = Arc::new(Semaphore::new(bounds.queue));
        Self { sandbox: Arc::new(sandbox), queue, bounds, token, metrics: Metrics::default() }
    }

    /// Answers one request.
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() == Method::GET
            && request.uri().path() == "/metrics"
            && self.admits(request.headers())
        {
            let waiting = self.bounds.queue - self.queue.available_permits();
            return respond(StatusCode::OK, "text/plain; version=0.0.4", self.metrics.text(waiting));
        }
        let (status, body) = match self.route(request).await {
            Ok(answer) => answer,
            Err(Refusal(status, why)) => (status, json!({ "error": why })),
        };
        self.metrics.answered(status.as_u16());
        respond(status, "application/json", body.to_string())
    }

    async fn route(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let wanted = match path.as_str() {
            "/health" | "/metrics" => Method::GET,
            "/v1/run" => Method::POST,
            _ if openelm::Route::at(&path).is_some() => Method::POST,
            _ => return Err(Refusal(StatusCode::NOT_FOUND, format!("there is no {path}"))),
        };
        if *request.method() != wanted {
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, format!("{path} takes {wanted}")));
        }
        if path == "/health" {
            return Ok((StatusCode::OK, json!({ "status": "ok", "tier": self.sandbox.tier() })));
        }
        if !self.admits(request.headers()) {
            return Err(Refusal(StatusCode::UNAUTHORIZED, "a bearer token is needed".to_owned()));
        }
        let body = self.body(request).await?;
        match openelm::Route::at(&path) {
            Some(route) => self.openelm(route, &body).await,
            None => {
                let verdict = self.run(job::read(&body).map_err(Refusal::bad)?).await?;
                Ok((StatusCode::OK, json::from_verdict(&verdict)))
            }
        }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let given =
            headers.get(header::AUTHORIZATION).and_then(|given| given.as_bytes().strip_prefix(b"Bearer "));
        // Compared without stopping at the first difference, so that the time does not tell how much was right.
        given.is_some_and(|given| {
            given.len() == token.len()
                && given.iter().zip(token.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
        })
    }

    async fn body(&self, request: Request<Incoming>) -> Result<Json, Refusal> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        // Pages in a browser can't send this type to another site without asking first.
        if !kind.starts_with("application/json") {
            return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json".to_owned()));
        }
        let too_large =
            || Refusal(StatusCode::PAYLOAD_TOO_LARGE, format!("the body exceeds {} bytes", self.bounds.body));
        if request.body().size_hint().lower() > self.bounds.body as u64 {
            return Err(too_large());
        }
        let bytes =
            tokio::time::timeout(self.bounds.read_timeout, Limited::new(request, self.bounds.body).collect())
                .await;
        let bytes =
            bytes.map_err(|_| Refusal(StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned()))?;
        let bytes = bytes.map_err(|error| match error.downcast::<http_body_util::LengthLimitError>() {
            Ok(_) => too_large(),
            Err(error) => Refusal::bad(format!("the body can't be read: {error}")),
        })?;
        serde_json::from_slice(&bytes.to_bytes()).map_err(|error| Refusal::bad(format!("no JSON: {error}")))
    }

    /// Runs a job if there is room in the queue.
    async fn run(&self, job: Job) -> Result<Verdict, Refusal> {
        let permit = Arc::clone(&self.queue).try_acquire_owned();
        let permit =
            permit.map_err(|_| Refusal(StatusCode::TOO_MANY_REQUESTS, "the queue is full".to_owned()))?;
        let sandbox = Arc::clone(&self.sandbox);
        let ran = tokio::task::spawn_blocking(move || {
            let verdict = sandbox.run(&job);
            drop(permit);
            verdict
        });
        let failed = |why: String| Refusal(StatusCode::SERVICE_UNAVAILABLE, why);
        let verdict = match ran.await.map_err(|error| failed(error.to_string()))? {
            Ok(verdict) => verdict,
            Err(error @ SandboxError::Job(_)) => return Err(Refusal::bad(error.to_string())),
            Err(error) => return Err(failed(error.to_string())),
        };
        self.metrics.ran(&verdict);
        Ok(verdict)
    }

    async fn openelm(&self, route: openelm::Route, body: &Json) -> Answer {
        let request = openelm::read(route, body).map_err(Refusal::bad)?;
        if request.codes.len() > self.bounds.list {
            return Err(Refusal::bad(format!("more than {} programs in a list", self.bounds.list)));
        }
        let mut replies = Vec::new();
        for code in &request.codes {
            let verdict = self.run(openelm::job(route, code, &request)).await?;
            replies.push(openelm::reply(route, code, &verdict.ending));
        }
        match replies.pop() {
            Some((valid, reply)) if !request.list => {
                Ok((if valid { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }, reply))
            }
            last => {
                replies.extend(last);
                Ok((StatusCode::OK, replies.into_iter().map(|(_, reply)| reply).collect()))
            }
        }
    }
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// Serves connections until `stop` is ready. Then no connection is accepted any more, idle ones are closed, and
/// requests that have begun are answered, within [`Bounds::grace`]. Returns whether all of them were.
///
/// A program whose request is given up runs on until its own end: shut the runtime down without waiting for its
/// threads.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>) -> bool {
    let connections = Arc::new(Semaphore::new(app.bounds.connections));
    let (stopping, stopped) = watch::channel(());
    tokio::pin!(stop);
    loop {
        let permit = tokio::select! {
            () = &mut stop => break,
            permit = Arc::clone(&connections).acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of descriptors, or a client that has gone: the next one may do better.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
        };
        let (app, stopped) = (Arc::clone(&app), stopped.clone());
        tokio::spawn(async move {
            connection(stream, app, stopped).await;
            drop(permit);
        });
    }
    drop((listener, stopping));
    let all = u32::try_from(app.bounds.connections).unwrap_or(u32::MAX);
    tokio::time::timeout(app.bounds.grace, connections.acquire_many(all)).await.is_ok()
}

/// Answers the requests of one connection, until it ends or the server stops.
async fn connection(stream: TcpStream, app: Arc<App>, mut stopped: watch::Receiver<()>) {
    let read_timeout = app.bounds.read_timeout;
    let service = hyper::service::service_fn(move |request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Infallible>(app.answer(request).await) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(read_timeout).max_buf_size(64 << 10);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // A connection that breaks concerns nobody else. The sender never sends: it ends.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
