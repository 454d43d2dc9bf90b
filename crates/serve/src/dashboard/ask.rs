//! From a form to a run: whoever holds the cookie and the secret of this server's own forms may ask something of a run that
//! goes on. The run records it; nothing is written here.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use samara_view::dashboard::address::Address;
use samara_view::dashboard::{control, trouble};
use samara_view::trace::Over;

use super::Dashboard;
use super::answer::{page, sent_to, too_many};
use super::door::Let;
use crate::control::{AskError, ask as ask_run};
use crate::gate::same;
use crate::refusal::Refusal;

/// Bytes of a form at most: a note, encoded.
const LONGEST: usize = 64 << 10;

/// Answers a form: with the run's page if it is followed.
pub(super) async fn ask(dashboard: &Arc<Dashboard>, request: Request) -> Result<Response, Refusal> {
    let forbidden = |why: &str| Refusal(StatusCode::FORBIDDEN, why.to_owned());
    // A token in the address is no page's: only who has been let in asks.
    if dashboard.keys.lets(request.headers(), "") != Let::In {
        return Err(Refusal(StatusCode::UNAUTHORIZED, "open the address with the token first".to_owned()));
    }
    let headers = request.headers().clone();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "it is no form".to_owned()));
    }
    let body = read(request).await?;
    let asked = std::str::from_utf8(&body).ok().and_then(control::read);
    let asked =
        asked.ok_or_else(|| Refusal::bad("this form can't be read: a number is missing or no number"))?;
    let secret = dashboard.control.as_deref().unwrap_or_default();
    if secret.is_empty() || !same(asked.secret.as_bytes(), secret.as_bytes()) {
        return Err(forbidden("this form is not this server's: load the page anew"));
    }
    let _turn = dashboard.pages.acquire().await.map_err(|_| too_many())?;
    let library = Arc::clone(&dashboard.library);
    let link = Address::Run(asked.run.clone(), Over::default()).link();
    let done = tokio::task::spawn_blocking(move || {
        let shelf = library.shelf(&asked.run).map_err(|_| AskError::Over)?;
        ask_run(&shelf.folder(), &asked.order)
    });
    Ok(match done.await {
        Ok(Ok(_)) => sent_to(&link),
        Ok(Err(error)) => told(&error.to_string(), &headers),
        Err(_) => told("asking the run failed: this is an error of samara's", &headers),
    })
}

fn told(why: &str, headers: &HeaderMap) -> Response {
    page(StatusCode::CONFLICT, trouble::page("The run was not changed", why).whole(), headers)
}

async fn read(request: Request) -> Result<Bytes, Refusal> {
    let body = axum::body::to_bytes(request.into_body(), LONGEST);
    let late = |_| Refusal(StatusCode::REQUEST_TIMEOUT, "the form did not come in time".to_owned());
    let read = tokio::time::timeout(super::PATIENCE, body).await.map_err(late)?;
    read.map_err(|_| Refusal(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large".to_owned()))
}
