//! Workers ask their coordinator over HTTP: connections go outward only, and wait where there is nothing to do.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url, header};

use super::{Link, LinkError, Replied};
use crate::{
    remote::{address, bearer, brief, client, join},
    workers::{Reply, Request, message::MOST_BYTES},
};

/// Where a coordinator takes messages of those that evaluate, and of those that ask models.
const ROUTE: &str = "v1/work";
const ROUTE_OF_QUESTIONS: &str = "v1/ask";
/// How long a reply may take; one to a worker that waits for tickets comes late.
const PATIENCE: Duration = Duration::from_secs(120);

/// The way to a coordinator over HTTP.
#[derive(Debug, Clone)]
pub struct HttpLink {
    client: Client,
    base: Url,
    url: Url,
    token: header::HeaderValue,
}

impl HttpLink {
    /// The way to the coordinator at an address, with its token. Nothing is sent yet.
    ///
    /// # Errors
    /// The address or the token can't be used.
    pub fn new(base: &str, token: &str) -> Result<Self, String> {
        let base = address(base)?;
        let client = client(&base).map_err(|error| error.to_string())?;
        let token = bearer(token).map_err(|_| "the token can't be sent".to_owned())?;
        let url = join(&base, ROUTE);
        Ok(Self { client, base, url, token })
    }

    /// The way to the coordinator's desk of questions.
    #[must_use]
    pub fn to_questions(self) -> Self {
        Self { url: join(&self.base, ROUTE_OF_QUESTIONS), ..self }
    }

    async fn send(&self, request: &Request) -> Result<Reply, LinkError> {
        let message = serde_json::to_vec(request).map_err(|error| LinkError::Lasting(error.to_string()))?;
        let asked = self
            .client
            .post(self.url.clone())
            .timeout(PATIENCE)
            .header(header::AUTHORIZATION, self.token.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(message);
        let mut response = asked.send().await.map_err(|error| passing(&error))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| passing(&error))? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(LinkError::Lasting("the coordinator's reply has no end".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        if status == StatusCode::OK {
            let wrong =
                |_| LinkError::Lasting("who listens there is no coordinator of this version".to_owned());
            return serde_json::from_slice(&body).map_err(wrong);
        }
        Err(refused(status, &body))
    }
}

impl Link for HttpLink {
    fn ask<'a>(&'a self, request: &'a Request) -> Replied<'a> {
        Box::pin(self.send(request))
    }
}

fn refused(status: StatusCode, body: &[u8]) -> LinkError {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = parsed.and_then(|json| Some(format!(": {}", brief(json.get("error")?.as_str()?))));
    let said = said.unwrap_or_default();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            LinkError::Lasting(format!("the coordinator lets nobody in without its token ({status}{said})"))
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            LinkError::Lasting(format!("who listens there is no coordinator ({status}{said})"))
        }
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
            LinkError::Lasting(format!("the coordinator does not take the message ({status}{said})"))
        }
        _ => LinkError::Passing(format!("the coordinator is busy ({status}{said})")),
    }
}

fn passing(error: &reqwest::Error) -> LinkError {
    LinkError::Passing(
        if error.is_timeout() {
            "the coordinator does not answer in time"
        } else if error.is_connect() {
            "the coordinator can't be reached"
        } else {
            "the connection broke"
        }
        .to_owned(),
    )
}
