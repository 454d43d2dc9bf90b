//! What answers requests: routes, and who is let in.

use crate::bounds::{Bounds, BoundsError};
use crate::gate::Access;
use crate::openelm::Route;
use crate::pieces::{self, Answer, Pieces, Serving};
use crate::places::{Place, Places};
use crate::read::Posted;
use crate::refusal::Refusal;
use crate::run::{Held, Runner, Said};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use samara_sandbox::Sandbox;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What answers requests. It has no socket: [`serve`](crate::serve) gives it connections.
pub struct App {
    pub(crate) runner: Runner,
    pub(crate) places: Arc<Places>,
    access: Access,
}

impl App {
    /// A server's logic over this sandbox.
    ///
    /// # Errors
    /// If the bounds can't be held.
    pub fn new(sandbox: Sandbox, bounds: Bounds, access: Access) -> Result<Self, BoundsError> {
        bounds.check()?;
        let places = Places::new(bounds.waiting, bounds.connections);
        Ok(Self { runner: Runner::new(sandbox, bounds), places, access })
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.runner.bounds
    }
}

const HEALTH: &str = "/health";
const METRICS: &str = "/metrics";
/// What is read; everything else is posted to.
const READ: [&str; 2] = [HEALTH, METRICS];

/// All routes.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let openelm =
        |route| post(move |State(app): State<Arc<App>>, request: Request| openelm(app, route, request));
    Router::new()
        .route(HEALTH, get(health))
        .route(METRICS, get(metrics))
        .route("/v1/run", post(run))
        .route("/gen_racer", openelm(Route::Racer))
        .route("/eval_imageoptim_func", openelm(Route::Image))
        .route("/eval_p3_solution", openelm(Route::Puzzle))
        .fallback(nowhere)
        .method_not_allowed_fallback(another_method)
        .layer(middleware::from_fn_with_state(Arc::clone(app), let_in))
        .with_state(Arc::clone(app))
}

/// Lets a request in, or not, before anything of its body is read.
async fn let_in(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let response = match admitted(&app, request, next).await {
        Ok(response) => response,
        // What the client still sends is not read.
        Err(refusal) => ([(header::CONNECTION, "close")], refusal).into_response(),
    };
    app.runner.metrics.answered(response.status().as_u16());
    response
}

async fn admitted(app: &App, request: Request, next: Next) -> Result<Response, Refusal> {
    app.access.check_host(&request)?;
    if request.uri().path() == HEALTH {
        return Ok(next.run(request).await);
    }
    if !app.access.admits(request.headers()) {
        return Err(Refusal(StatusCode::UNAUTHORIZED, "a bearer token is needed".to_owned()));
    }
    if request.method() != Method::POST {
        return Ok(next.run(request).await);
    }
    let Some(place) = request.extensions().get::<Arc<Place>>().map(Arc::clone) else {
        return Ok(next.run(request).await);
    };
    let busy = place.serve().ok_or_else(|| Refusal::unavailable("too many requests are being answered"))?;
    Ok(next.run(request).await.map(|body| Serving::body(body, busy)))
}

async fn nowhere(uri: Uri) -> Refusal {
    let path: String = uri.path().chars().take(100).collect();
    Refusal(StatusCode::NOT_FOUND, format!("there is no {path}"))
}

async fn another_method(uri: Uri) -> Refusal {
    let takes = if READ.contains(&uri.path()) { Method::GET } else { Method::POST };
    Refusal(StatusCode::METHOD_NOT_ALLOWED, format!("{} takes {takes}", uri.path()))
}

async fn health(State(app): State<Arc<App>>) -> Response {
    let isolation = app.runner.sandbox.isolation();
    let health = json!({ "status": "ok", "tier": isolation.tier, "python": &*isolation.python });
    ([JSON], pieces::json(&health)).into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let runner = &app.runner;
    let text = runner.metrics.text(runner.queued(), &runner.memory(), app.places.count());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

const JSON: (header::HeaderName, &str) = (header::CONTENT_TYPE, "application/json");

fn answer(status: StatusCode, body: Body) -> Response {
    (status, [JSON], body).into_response()
}

async fn run(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let runner = &app.runner;
    let posted = Posted::read(request, app.bounds(), &runner.asked).await?;
    let (job, asked) = runner.read_run(posted).await?;
    let held = runner.queue(asked)?;
    let ran = runner.run(job, &held).await?;
    let written = runner.write(Said::Verdict(ran), app.bounds().output, None).await?;
    let written = written.ok_or_else(|| too_long(app.bounds().output))?;
    Ok(answer(StatusCode::OK, Answer::whole(written.pieces)))
}

fn too_long(most: usize) -> Refusal {
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, beyond(most))
}

fn beyond(most: usize) -> String {
    format!("the answer is longer than {most} bytes")
}

async fn openelm(app: Arc<App>, route: Route, request: Request) -> Result<Response, Refusal> {
    let runner = &app.runner;
    let posted = Posted::read(request, app.bounds(), &runner.asked).await?;
    let (mut request, asked) = runner.read_openelm(route, posted).await?;
    let held = runner.queue(asked)?;
    if request.list {
        let (send, coming) = mpsc::channel(1);
        tokio::spawn(List { app, route, request, held, send }.answer());
        return Ok(answer(StatusCode::OK, Answer::coming(coming)));
    }
    let code = request.codes.pop().unwrap_or_default();
    let ran = runner.run(request.job(route, &code), &held).await?;
    let most = app.bounds().output;
    let written = match runner.write(Said::OpenElm(route, code, ran), most, None).await? {
        Some(written) => written,
        // Without the program, which may be what is too long.
        None => {
            let said = runner.write(Said::Not(String::new(), beyond(most)), most, None).await?;
            said.ok_or_else(|| too_long(most))?
        }
    };
    let status = if written.valid { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    Ok(answer(status, Answer::whole(written.pieces)))
}

/// A list of programs, answered one by one.
struct List {
    app: Arc<App>,
    route: Route,
    request: crate::openelm::Request,
    held: Arc<Held>,
    send: mpsc::Sender<Pieces>,
}

impl List {
    /// Runs the programs in their order and sends what becomes of each, until the client is gone. The next program runs
    /// once the client takes the answers before it.
    async fn answer(mut self) {
        let mut left = self.app.bounds().output;
        let codes = std::mem::take(&mut self.request.codes);
        let any = !codes.is_empty();
        for (index, code) in codes.into_iter().enumerate() {
            let before = if index == 0 { b'[' } else { b',' };
            let entry = tokio::select! {
                biased;
                () = self.send.closed() => return,
                entry = self.entry(code, &mut left, before) => entry,
            };
            let Some(pieces) = entry else { return };
            if self.send.send(pieces).await.is_err() {
                return;
            }
        }
        let end: &'static [u8] = if any { b"]" } else { b"[]" };
        // Nobody may be there to read it.
        let _ = self.send.send(Pieces::from([end.into()])).await;
    }

    /// The entry of one program. `None` if there is no memory even for a refusal: the list breaks off.
    async fn entry(&self, code: String, left: &mut usize, before: u8) -> Option<Pieces> {
        let runner = &self.app.runner;
        let most = self.app.bounds().output;
        let no_room = || format!("the answers to this list are longer than {most} bytes: send shorter lists");
        let why = if *left == 0 {
            no_room()
        } else {
            match runner.run(self.request.job(self.route, &code), &self.held).await {
                Err(Refusal(_, why)) => why,
                Ok(ran) => match runner
                    .write(Said::OpenElm(self.route, code.clone(), ran), *left, Some(before))
                    .await
                {
                    Ok(Some(written)) => {
                        *left -= written.length;
                        return Some(written.pieces);
                    }
                    Ok(None) => {
                        *left = 0;
                        no_room()
                    }
                    Err(Refusal(_, why)) => why,
                },
            }
        };
        // Its length is the program's, which is bounded by the request's.
        let written = runner.write(Said::Not(code, why), usize::MAX, Some(before)).await;
        written.ok().flatten().map(|written| written.pieces)
    }
}
