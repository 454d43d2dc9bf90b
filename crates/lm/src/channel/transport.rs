//! One HTTP exchange (a request and its reply): JSON out, JSON in, without the keys. Knows no provider's JSON.

use std::{
    collections::BTreeMap,
    error::Error,
    io,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use reqwest::{
    Method, Url,
    header::{
        ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    },
};
use serde_json::Value as Json;

use super::{refusal, tls};
use crate::{
    error::{AttemptError, ErrorKind, LmError},
    log,
    reading::{
        address::is_this_machine,
        faults,
        framing::{self, BodyFault},
        secrets::Redactor,
    },
    secret::Secret,
    settings::{ModelSettings, validate_url},
};

/// How much of a refusal's body is read, and for how long.
const MAX_REFUSAL_BYTES: usize = 64 << 10;
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(250);

/// A server's address, what every request to it carries, and the client to reach it.
#[derive(Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
    /// The address of the settings, which it is known by.
    base: String,
    /// Where requests go: the address, or the one with a version that was found to be meant.
    found: RwLock<String>,
    /// The addresses that were asked so far, without the query, which may hold keys: parsing one costs a twentieth of a
    /// request.
    urls: RwLock<BTreeMap<String, Url>>,
    headers: HeaderMap,
    query: Vec<(String, Secret)>,
    /// All secrets in use.
    keys: Redactor,
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
        let key = settings.key_variables().into_iter().find_map(Secret::from_environment);
        let query = named(&settings.query, "query")?;
        let further = named(&settings.headers, "headers")?;
        let secrets = further.iter().chain(&query).filter(|(_, from, _)| *from).map(|(_, _, value)| value);
        let keys = Redactor::new(key.iter().chain(secrets));
        Ok(Self {
            client: client(settings, &base)?,
            found: RwLock::new(base.clone()),
            urls: RwLock::default(),
            base,
            headers: headers(settings, key.as_ref(), &further)?,
            query: query.into_iter().map(|(name, _, value)| (name, value)).collect(),
            keys,
            max_bytes: settings.max_reply_bytes,
        })
    }

    /// The address that it is known by.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends further requests to another address.
    pub(crate) fn move_to(&self, base: &str) {
        base.clone_into(&mut self.found.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sends a body (or a request without one) and returns the reply if it is a good one.
    pub(crate) async fn exchange(&self, path: &str, body: Option<&Json>) -> Result<Json, AttemptError> {
        let base = self.found.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.exchange_at(&base, path, body).await
    }

    /// The same at another address.
    pub(crate) async fn exchange_at(
        &self,
        base: &str,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Json, AttemptError> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = self.client.request(method, self.url(base, path)?).headers(self.headers.clone());
        let body = body.map(|body| body.to_string().into_bytes());
        log::exchange(path, body.as_ref().map_or(0, Vec::len));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let mut response = request.send().await.map_err(|error| self.connection_error(error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let content_type = text_of(&headers, &CONTENT_TYPE);
        if status.is_success() {
            let body = self.read(response).await?;
            return self.reply(&body, &headers, content_type);
        }
        let body = start_of_body(response).await;
        let body = framing::unpack(&body, text_of(&headers, &CONTENT_ENCODING), MAX_REFUSAL_BYTES)
            .unwrap_or_else(|_| body.clone().into());
        Err(refusal::of_status(status, &headers, &body, content_type, &self.keys))
    }

    fn url(&self, base: &str, path: &str) -> Result<Url, AttemptError> {
        let mut url = self.parsed(format!("{base}{path}"))?;
        if !self.query.is_empty() {
            let pairs = self.query.iter().map(|(name, value)| (name.as_str(), value.reveal()));
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Ok(url)
    }

    /// An address, parsed once.
    fn parsed(&self, address: String) -> Result<Url, AttemptError> {
        if let Some(url) = self.urls.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
            return Ok(url.clone());
        }
        let url = Url::parse(&address).map_err(|error| {
            AttemptError::permanent(
                ErrorKind::Configuration,
                format!("`base_url` is not an address: {error}"),
            )
        })?;
        self.urls.write().unwrap_or_else(PoisonError::into_inner).insert(address, url.clone());
        Ok(url)
    }

    /// A reply with a good status as JSON without keys, unless it is an error all the same.
    fn reply(
        &self,
        body: &[u8],
        headers: &HeaderMap,
        content_type: Option<&str>,
    ) -> Result<Json, AttemptError> {
        let read = || {
            let body = framing::unpack(body, text_of(headers, &CONTENT_ENCODING), self.max_bytes)?;
            framing::read(&body, content_type, &self.keys)
        };
        let mut reply = read().map_err(|fault| self.unreadable(&fault))?;
        if let Some(fault) = faults::in_reply(&reply) {
            return Err(refusal::within(fault, headers, &reply, &self.keys));
        }
        self.keys.redact_json(&mut reply);
        Ok(reply)
    }

    /// A body that is no JSON.
    fn unreadable(&self, fault: &BodyFault) -> AttemptError {
        let error = AttemptError::malformed(fault.to_string());
        match fault {
            BodyFault::TooLarge { .. } => self.too_large(),
            BodyFault::Html { .. } => {
                error.hint("check base_url: it is the address of a server's interface, for most up to /v1")
            }
            _ => error,
        }
    }

    fn too_large(&self) -> AttemptError {
        let message = format!("the reply is larger than {} bytes", self.max_bytes);
        AttemptError::permanent(ErrorKind::Malformed, message)
            .hint("raise max_reply_bytes in the model's section if that is expected")
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, AttemptError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.connection_error(error))? {
            if body.len() + chunk.len() > self.max_bytes {
                return Err(self.too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// A connection that failed or broke.
    fn connection_error(&self, error: reqwest::Error) -> AttemptError {
        let unreachable = error.is_connect();
        let error = error.without_url();
        let (cause, hint) = root_cause(&error);
        let message = self.keys.redact(&format!("{error}: {cause}"));
        if unreachable {
            let error = AttemptError::transient(ErrorKind::Unreachable, format!("no connection: {message}"));
            return AttemptError { hint, ..error };
        }
        if error.is_timeout() {
            return AttemptError { overloaded: true, ..AttemptError::transient(ErrorKind::Timeout, message) };
        }
        AttemptError::transient(ErrorKind::Overloaded, format!("the connection broke: {message}"))
    }
}

/// The client for a server.
fn client(settings: &ModelSettings, base: &str) -> Result<reqwest::Client, LmError> {
    // The first installation wins; a second one is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder();
    if is_this_machine(base) {
        // A proxy from the environment would look for the server on its own machine.
        builder = builder.no_proxy();
    }
    if let Some(config) = tls::config(settings.ca_file.as_deref())? {
        builder = builder.tls_backend_preconfigured(config);
    }
    builder
        .connect_timeout(Duration::from_secs_f64(settings.timeout_s.min(10.0)))
        .pool_max_idle_per_host(settings.max_concurrency)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| {
            LmError::new(ErrorKind::Configuration, format!("the HTTP client can't be set up: {error}"))
        })
}

/// Names and values, with whether the value is a secret of the environment.
type Named = Vec<(String, bool, Secret)>;

/// Values of the settings; those that begin with `env:` are read from the environment.
fn named(values: &BTreeMap<String, String>, setting: &str) -> Result<Named, LmError> {
    let read = |(name, value): (&String, &String)| {
        let Some(variable) = value.strip_prefix("env:") else {
            return Ok((name.clone(), false, Secret::new(value)));
        };
        let secret = Secret::from_environment(variable).ok_or_else(|| {
            let message = format!("`{setting}.{name}` names the variable {variable}, which is not set");
            LmError::new(ErrorKind::Configuration, message).hint("set it, or remove the line")
        })?;
        Ok((name.clone(), true, secret))
    };
    values.iter().map(read).collect()
}

/// What every request carries: the provider's own headers, the key, and those of the settings, which may replace them.
fn headers(settings: &ModelSettings, key: Option<&Secret>, further: &Named) -> Result<HeaderMap, LmError> {
    let facts = settings.provider.facts();
    let unusable = |what: &str| {
        let message = format!("{what} contains characters that an HTTP header can't carry");
        LmError::new(ErrorKind::Configuration, message)
    };
    let mut headers = HeaderMap::new();
    // A reply may be unpacked only within its limit; without compression there is nothing to unpack.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in facts.headers {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    if let Some(key) = key {
        let own = settings.key_header.as_ref().and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        let (name, value) = match own.or_else(|| facts.key_header.clone()) {
            Some(name) if name != AUTHORIZATION => (name, key.reveal().to_owned()),
            _ => (AUTHORIZATION, format!("Bearer {}", key.reveal())),
        };
        headers.insert(name, sensitive(&value).ok_or_else(|| unusable("the key"))?);
    }
    for (name, _, value) in further {
        let field =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable(&format!("the name `{name}`")))?;
        let value = sensitive(value.reveal()).ok_or_else(|| unusable(&format!("the value of `{name}`")))?;
        headers.insert(field, value);
    }
    Ok(headers)
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn text_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The innermost reason of a failure, and what to do if it is one of certificates.
fn root_cause(error: &reqwest::Error) -> (String, Option<String>) {
    let (mut cause, mut hint): (&dyn Error, _) = (error, None);
    loop {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            hint = Some(tls_hint(tls).to_owned());
        }
        match inner.map(|inner| inner as &dyn Error).or_else(|| cause.source()) {
            Some(deeper) => cause = deeper,
            None => return (cause.to_string(), hint),
        }
    }
}

fn tls_hint(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForName)
        | rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext { .. }) => {
            "the server's certificate is for another name: write the name that it is for in base_url"
        }
        rustls::Error::InvalidCertificate(_) => {
            "the server's certificate is not trusted: name a file with it or with its authority's certificate \
             (ca_file in the model's section, or the variable SSL_CERT_FILE)"
        }
        _ => "the server does not speak TLS as it should: is it http:// rather than https://?",
    }
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
