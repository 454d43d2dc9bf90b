//! From a request to a page.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use samara_journal::Reader;
use samara_search::Candidate;
use samara_view::dashboard::address::{Address, ArchiveAsked};
use samara_view::dashboard::{
    EVENTS_AT, Page, SCRIPT, SCRIPT_AT, SHEET, SHEET_AT, Shown, archive, candidate, compare,
    control::{self, ASK_AT},
    film::{self, Walk},
    lineage, operators, run, runs, trouble,
};

use super::door::Let;
use super::library::{Library, Trouble};
use super::shared::Text;
use super::{Dashboard, ask};
use crate::pieces::Serving;
use crate::places::Place;
use crate::refusal::Refusal;

/// What a browser lets a page do: what this server serves, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// What a browser lets a picture do that is opened by itself: show its own colours.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";
/// For how long the first page of all runs reads what it does not know yet; the rest follows.
const PATIENCE: Duration = Duration::from_millis(250);
/// How hard answers are packed: to a quarter less than the fastest way does.
const PACKING: flate2::Compression = flate2::Compression::new(4);
/// Answers that are shorter are not packed.
const WORTH_PACKING: usize = 1000;
/// Runs beside each other at most; and those that always are, whatever the number of their candidates.
const MOST_COMPARED: usize = 64;
const ALWAYS_COMPARED: usize = 24;
/// Candidates of all of them beyond which no more runs are taken in: they are held while they are compared.
const MOST_CANDIDATES: u64 = 400_000;

/// Answers a request.
pub(super) async fn answer(State(dashboard): State<Arc<Dashboard>>, request: Request) -> Response {
    let response = answered(&dashboard, request).await;
    let mut response = response.unwrap_or_else(|Refusal(status, why)| refused(status, &why));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    response
}

fn refused(status: StatusCode, why: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Not answered");
    let mut response = page(status, trouble::page(title, why).whole(), &HeaderMap::new());
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    // What the client still sends is not read.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn answered(dashboard: &Arc<Dashboard>, request: Request) -> Result<Response, Refusal> {
    let asks = dashboard.control.is_some() && request.uri().path() == ASK_AT;
    dashboard.keys.check(&request, asks)?;
    if asks && *request.method() == Method::POST {
        return ask::ask(dashboard, request).await;
    }
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    match path {
        SHEET_AT => {
            return Ok(text(StatusCode::OK, "text/css; charset=utf-8", SHEET.into(), request.headers()));
        }
        SCRIPT_AT => {
            return Ok(text(
                StatusCode::OK,
                "text/javascript; charset=utf-8",
                SCRIPT.into(),
                request.headers(),
            ));
        }
        _ => {}
    }
    match dashboard.keys.lets(request.headers(), query) {
        Let::In => {}
        Let::WithCookie(cookie) => return Ok(redirected(path, query, &cookie)),
        Let::Out => {
            let why = "A token is needed: open the address that `samara serve` printed.";
            return Ok(page(
                StatusCode::UNAUTHORIZED,
                trouble::page("Not let in", why).whole(),
                request.headers(),
            ));
        }
    }
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let busy = place.map(|place| place.serve().ok_or_else(too_many)).transpose()?;
    let response = if path == EVENTS_AT {
        let mut response = Response::new(dashboard.events.hear());
        let kind = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    } else {
        shown(dashboard, path, query, request.headers()).await?
    };
    Ok(match busy {
        Some(busy) => response.map(|body| Serving::body(body, busy)),
        None => response,
    })
}

pub(super) fn too_many() -> Refusal {
    Refusal::unavailable("Too many requests are being answered: try again.")
}

/// To another page.
pub(super) fn sent_to(link: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let link = HeaderValue::from_str(link).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, link);
    response
}

/// To the same page without the token, which is in the cookie from now on.
fn redirected(path: &str, query: &str, cookie: &str) -> Response {
    // Only a page of our own: what is no address of one could lead anywhere.
    let to = Address::read(path, query).map_or_else(|| "/".to_owned(), |address| address.link());
    let mut response = sent_to(&to);
    let headers = response.headers_mut();
    if let Ok(mut cookie) = HeaderValue::from_str(cookie) {
        cookie.set_sensitive(true);
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A page. What is alive on it is shared by all who ask for it behind the same look at the runs.
async fn shown(
    dashboard: &Arc<Dashboard>,
    path: &str,
    query: &str,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let Some(address) = Address::read(path, query) else {
        let page_of = trouble::page("Not found", "There is no such page.").whole();
        return Ok(page(StatusCode::NOT_FOUND, page_of, headers));
    };
    let fragment = query.split('&').any(|part| part.split('=').next() == Some("fragment"));
    if let Some(look) = dashboard.events.look().filter(|_| fragment) {
        let make = || async {
            match made(dashboard, address.clone(), true).await? {
                Made::Page(StatusCode::OK, html) => Ok(Text::new(html)),
                other => Err(Other::Made(other)),
            }
        };
        return match dashboard.shared.get(look, address.link(), make).await {
            Ok(text) => Ok(sent(StatusCode::OK, HTML, &text, headers)),
            Err(Other::Made(made)) => Ok(made.response(headers)),
            Err(Other::Refused(refusal)) => Err(refusal),
        };
    }
    Ok(made(dashboard, address, fragment).await?.response(headers))
}

/// What was made.
enum Made {
    Page(StatusCode, String),
    /// An SVG.
    Picture(String),
}

impl Made {
    fn response(self, asked: &HeaderMap) -> Response {
        match self {
            Self::Page(status, html) => page(status, html, asked),
            Self::Picture(svg) => {
                let mut response = text(StatusCode::OK, "image/svg+xml; charset=utf-8", svg, asked);
                let policy = HeaderValue::from_static(PICTURE_POLICY);
                response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
                response
            }
        }
    }
}

/// What is not shared.
enum Other {
    Made(Made),
    Refused(Refusal),
}

impl From<Refusal> for Other {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A page or what is alive on it, made on a thread that may take its time.
async fn made(dashboard: &Arc<Dashboard>, address: Address, fragment: bool) -> Result<Made, Refusal> {
    let _turn = dashboard.pages.acquire().await.map_err(|_| too_many())?;
    let dashboard = Arc::clone(dashboard);
    let made = tokio::task::spawn_blocking(move || {
        let _asking = dashboard.library.asking();
        make(&dashboard.library, dashboard.control.as_deref(), &address, fragment)
    });
    let told = |status, title: &str, why: &str| Made::Page(status, trouble::page(title, why).whole());
    Ok(match made.await {
        Ok(Ok(made)) => made,
        Ok(Err(Trouble::NotThere(why))) => told(StatusCode::NOT_FOUND, "Not found", &why),
        Ok(Err(Trouble::Broken(why))) => {
            told(StatusCode::INTERNAL_SERVER_ERROR, "This run can't be shown", &why)
        }
        Err(_) => {
            let why =
                "Making this page failed: this is an error of samara's. The other pages are still there.";
            told(StatusCode::INTERNAL_SERVER_ERROR, "This page can't be shown", why)
        }
    })
}

fn make(
    library: &Arc<Library>,
    secret: Option<&str>,
    address: &Address,
    fragment: bool,
) -> Result<Made, Trouble> {
    let page = match address {
        Address::Film(name, index, walk) => return picture(library, name, *index, *walk).map(Made::Picture),
        Address::Runs(asked) => Ok(runs::page(&library.listed(PATIENCE), asked)),
        Address::Compare(names, folder) => compared(library, names, folder.as_deref()),
        Address::Run(name, over) => {
            let shelf = library.shelf(name)?;
            library.with_calls(&shelf, |shown, _| {
                let mut page = run::page(shown, shelf.rate(), *over);
                control::add(&mut page, shown, secret);
                Ok(page)
            })
        }
        Address::Operators(name, by) => {
            library.with_calls(&*library.shelf(name)?, |shown, _| Ok(operators::page(shown, *by)))
        }
        Address::Archive(name, asked) => {
            library.with(&*library.shelf(name)?, |shown, reader| archive_of(shown, reader, asked))
        }
        Address::Candidate(name, index, other) => {
            library.with(&*library.shelf(name)?, |shown, reader| candidate_of(shown, reader, *index, *other))
        }
        Address::Lineage(name, of) => library.with(&*library.shelf(name)?, |shown, reader| {
            let best = || shown.run.view.replay.population().overall().archive().stats().best_id;
            let of = of.or_else(best);
            let needed = of.map(|of| lineage::needed(shown, of)).unwrap_or_default();
            if let (Some(of), true) = (of, needed.is_empty()) {
                return Err(no_candidate(of));
            }
            let members = needed.into_iter().map(|index| read(reader, index).map(|(candidate, _)| candidate));
            Ok(lineage::page(shown, of, members.collect::<Result<_, _>>()?))
        }),
    }?;
    Ok(Made::Page(StatusCode::OK, if fragment { page.fragment() } else { page.whole() }))
}

/// The picture of a candidate's walk, from its own record: nothing else of the run is read.
fn picture(library: &Library, run: &str, index: u64, walk: Walk) -> Result<String, Trouble> {
    let (candidate, _) = read(&library.shelf(run)?.reader()?, index)?;
    let none = || Trouble::NotThere(format!("Candidate {index} has no film."));
    film::picture(&candidate, walk).ok_or_else(none)
}

fn compared(library: &Library, names: &[String], folder: Option<&str>) -> Result<Page, Trouble> {
    let mut asked = names.to_vec();
    if let Some(folder) = folder {
        library.look_around();
        let below = format!("{folder}/");
        let inside = library.shelves().into_iter().map(|shelf| shelf.name.clone());
        asked.extend(inside.filter(|name| name.starts_with(&below) && !names.contains(name)));
    }
    let (mut shelves, mut missing) = (Vec::new(), Vec::new());
    let (mut candidates, mut left_out) = (0_u64, 0);
    for name in &asked {
        if shelves.len() == MOST_COMPARED
            || (shelves.len() >= ALWAYS_COMPARED && candidates > MOST_CANDIDATES)
        {
            left_out += 1;
            continue;
        }
        let shelf = library.shelf(name).and_then(|shelf| {
            library.with(&shelf, |shown, _| Ok(shown.book.len())).map(|count| (shelf, count))
        });
        match shelf {
            Ok((shelf, count)) => {
                candidates += count;
                shelves.push(shelf);
            }
            Err(_) => missing.push(name.clone()),
        }
    }
    library.with_all(&shelves, |shown| {
        Ok(compare::page(&compare::Asked { runs: shown, folder, missing: &missing, left_out }))
    })
}

fn archive_of(shown: Shown<'_>, reader: &Reader, asked: &ArchiveAsked) -> Result<Page, Trouble> {
    let sight = archive::Sight::of(shown, asked);
    let mut members = BTreeMap::new();
    for missing in sight.missing() {
        members.extend(reader.candidate(missing)?.map(|(candidate, _)| (missing, candidate)));
    }
    Ok(sight.page(&members)?)
}

fn candidate_of(shown: Shown<'_>, reader: &Reader, index: u64, other: Option<u64>) -> Result<Page, Trouble> {
    let (found, life) = read(reader, index)?;
    let other = candidate::compared_with(shown, index, other);
    let other = other.map(|other| read(reader, other)).transpose()?.map(|(other, _)| other);
    Ok(candidate::page(shown, &candidate::Told { candidate: &found, life: &life, other: other.as_ref() }))
}

fn read(reader: &Reader, index: u64) -> Result<(Candidate, samara_journal::Life), Trouble> {
    reader.candidate(index)?.ok_or_else(|| no_candidate(index))
}

fn no_candidate(index: u64) -> Trouble {
    Trouble::NotThere(format!("The run has no candidate {index} yet."))
}

const HTML: &str = "text/html; charset=utf-8";

pub(super) fn page(status: StatusCode, html: String, asked: &HeaderMap) -> Response {
    text(status, HTML, html, asked)
}

fn text(status: StatusCode, kind: &'static str, text: String, asked: &HeaderMap) -> Response {
    sent(status, kind, &Text::new(text), asked)
}

/// A text, packed where the client unpacks it.
fn sent(status: StatusCode, kind: &'static str, text: &Text, asked: &HeaderMap) -> Response {
    let takes = asked.get(header::ACCEPT_ENCODING).and_then(|takes| takes.to_str().ok()).unwrap_or_default();
    let takes = takes.split(',').any(|one| one.split(';').next().is_some_and(|name| name.trim() == "gzip"));
    let packed = (takes && text.plain.len() > WORTH_PACKING).then(|| text.packed(packed)).flatten();
    let is_packed = packed.is_some();
    let mut response = Response::new(Body::from(packed.unwrap_or_else(|| text.plain.clone())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn packed(text: &[u8]) -> Option<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), PACKING);
    packer.write_all(text).ok()?;
    packer.finish().ok()
}
