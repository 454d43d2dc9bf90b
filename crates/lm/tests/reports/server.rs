//! A model server on loopback that replies as a test says: any status, headers and bytes; over TLS if it has a
//! certificate. It remembers what it was asked.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::Value as Json;

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Its number on this server, from 0.
    pub(crate) number: usize,
    /// Its path and query.
    pub(crate) path: String,
    /// Its headers, their names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body; null if it has none.
    pub(crate) body: Json,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// What it asks the model, system message apart.
    pub(crate) fn prompt(&self) -> &str {
        let message = |messages: &Json| messages.as_array().and_then(|list| list.last().cloned());
        match &self.body["prompt"] {
            Json::String(prompt) => prompt,
            _ if message(&self.body["messages"]).is_some() => {
                let last = self.body["messages"].as_array().map_or(0, |list| list.len() - 1);
                self.body["messages"][last]["content"].as_str().unwrap_or_default()
            }
            _ => "",
        }
    }

    /// Whether it asks for a field.
    pub(crate) fn has(&self, field: &str) -> bool {
        !self.body[field].is_null()
    }
}

/// What the server replies.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// A value, with status 200.
    pub(crate) fn json(value: &Json) -> Self {
        Self::refuse(200, value)
    }

    /// A value with a status of its own.
    pub(crate) fn refuse(status: u16, value: &Json) -> Self {
        Self::bytes("application/json", value.to_string().into_bytes()).status(status)
    }

    /// Bytes of a type, with status 200.
    pub(crate) fn bytes(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status: 200, headers, body: body.into() }
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    fn written(&self) -> Vec<u8> {
        let mut out = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str("\r\n");
        [out.as_bytes(), &self.body].concat()
    }
}

/// A running server.
pub(crate) struct Server {
    /// Its address, without a path.
    pub(crate) address: String,
    /// The port it listens on.
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

type Behave = dyn Fn(&Request) -> Reply + Send + Sync;

impl Server {
    /// Starts one that behaves so.
    pub(crate) fn start(behave: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", None, behave)
    }

    /// The same, at an address of this machine.
    pub(crate) fn start_at(
        address: &str,
        tls: Option<Arc<ServerConfig>>,
        behave: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let bound = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (log, behave): (_, Arc<Behave>) = (Arc::clone(&seen), Arc::new(behave));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, behave, tls) = (Arc::clone(&log), Arc::clone(&behave), tls.clone());
                std::thread::spawn(move || match tls {
                    None => while serve(&mut &stream, &log, behave.as_ref()).is_some() {},
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        let mut stream = StreamOwned::new(connection, stream);
                        while serve(&mut stream, &log, behave.as_ref()).is_some() {}
                    }
                });
            }
        });
        Self { address: format!("{scheme}://{bound}"), port: bound.port(), seen }
    }

    /// What it was asked so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A certificate and its key among the test's files.
pub(crate) fn certificate(name: &str) -> Arc<ServerConfig> {
    // The first installation wins; a second one is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = |kind: &str| certificate_file(&format!("{name}.{kind}"));
    let chain = vec![CertificateDer::from_pem_file(file("pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
    Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap())
}

/// The path of a file of certificates.
pub(crate) fn certificate_file(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports/certificates").join(name)
}

/// Serves one request; `None` when the connection is over.
fn serve(stream: &mut (impl Read + Write), log: &Mutex<Vec<Request>>, behave: &Behave) -> Option<()> {
    let mut data = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        if let Some(end) = data.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        data.extend_from_slice(&chunk[..read]);
    };
    let head = String::from_utf8_lossy(&data[..end]).into_owned();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let field =
        |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(field).collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, n)| n.parse().unwrap());
    while data.len() < end + length {
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        data.extend_from_slice(&chunk[..read]);
    }
    let body = serde_json::from_slice(&data[end..]).unwrap_or(Json::Null);
    let request = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let request = Request { number: log.len(), path, headers, body };
        log.push(request.clone());
        request
    };
    stream.write_all(&behave(&request).written()).ok()?;
    stream.flush().ok()
}
