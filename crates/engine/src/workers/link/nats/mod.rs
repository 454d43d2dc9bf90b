//! Workers and their coordinator meet at a NATS server with JetStream; both make outbound connections only.
//!
//! ```text
//! samara.NAME.hello     requests: greetings; one of the coordinators that share the token replies
//! samara.NAME.RUN.ask   requests: everything else, to the coordinator of a run
//! samara.NAME.RUN.call  a stream (work queue, in memory): one message for each ticket that waits; workers pull as many as
//!                       they have room for, ask for tickets, and acknowledge twice what they were given
//! samara.NAME.RUN.news  the run is over: who pulls asks at once
//! ```
//!
//! NAME follows from the token. Requests, replies and what lies in the store are sealed with a key from the token
//! (`seal`): who reads along at the server learns run ids, candidate numbers and sizes, and can neither give nor change
//! a result. Messages beyond the server's limit go through an object store by their digest (`store`).
//!
//! The server may lose everything: what is called is called again from the desk (`coordinator`), streams and consumers
//! are made again, requests are repeated by who asked (`worker`).

mod coordinator;
mod seal;
mod store;
mod worker;

use std::{error::Error as _, sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, HeaderMap,
    jetstream::{
        self, Context,
        consumer::{AckPolicy, PullConsumer, pull},
        stream::{RetentionPolicy, StorageType},
    },
};

use self::{seal::Seal, store::Store};
use super::{Broker, LinkError};

pub use coordinator::NatsDesk;
pub use worker::NatsLink;

/// How long a reply may take: coordinators do not let workers wait here.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what nobody fetches or pulls is kept.
const KEPT: Duration = Duration::from_secs(3600);
/// Calls in a stream at most: more than there are tickets at any time.
const MOST_CALLS: i64 = 100_000;

impl Broker {
    async fn connect(&self, name: &str) -> Result<Client, LinkError> {
        let mut options = ConnectOptions::new()
            .name(name)
            .request_timeout(Some(PATIENCE))
            .ping_interval(Duration::from_secs(10))
            .custom_inbox_prefix("_INBOX.samara");
        if let Some((user, password)) = &self.user {
            options = options.user_and_password(user.clone(), password.clone());
        }
        if let Some(token) = &self.token {
            options = options.token(token.clone());
        }
        if let Some(authorities) = &self.authorities {
            options = options.add_root_certificates(authorities.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        let addresses: Vec<String> = self.url.split(',').map(|address| address.trim().to_owned()).collect();
        options.connect(addresses).await.map_err(|error| unreached(&error))
    }
}

/// Why there is no connection.
fn unreached(error: &ConnectError) -> LinkError {
    match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => LinkError::Lasting(
            "the NATS server lets nobody in without its user, token or certificate".to_owned(),
        ),
        ConnectErrorKind::ServerParse => LinkError::Lasting("this is no address of a NATS server".to_owned()),
        kind if kind == ConnectErrorKind::Tls || is_of_tls(error) => {
            LinkError::Lasting(format!("TLS with the NATS server fails: {}", chain(error)))
        }
        _ => LinkError::Passing(format!("the NATS server can't be reached ({})", chain(error))),
    }
}

/// Whether a connection broke because one side did not like the other one's certificate: it will not the next time either.
fn is_of_tls(error: &ConnectError) -> bool {
    let broken = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    let tls = broken.and_then(std::io::Error::get_ref).and_then(|inner| inner.downcast_ref());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_)))
}

/// An error with what it comes from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let said = inner.to_string();
        if !told.contains(&said) {
            told = format!("{told}: {said}");
        }
        source = inner.source();
    }
    samara_search::commanding::one_line(&told).chars().take(300).collect()
}

/// What both sides do at a server.
#[derive(Clone)]
struct Meeting {
    client: Client,
    jetstream: Context,
    seal: Arc<Seal>,
    store: Store,
}

impl Meeting {
    async fn open(broker: &Broker, token: &str, name: &str) -> Result<Self, LinkError> {
        let client = broker.connect(name).await?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(PATIENCE / 2);
        let seal = Arc::new(Seal::of(token));
        let store = Store::new(client.clone(), jetstream.clone(), &seal);
        Ok(Self { client, jetstream, seal, store })
    }

    fn hello(&self) -> String {
        format!("samara.{}.hello", self.seal.name())
    }

    fn of_run(&self, run: &str, what: &str) -> String {
        format!("samara.{}.{run}.{what}", self.seal.name())
    }

    fn stream(&self) -> String {
        format!("samara-{}", self.seal.name())
    }

    /// The stream of calls, which is made if it is not there.
    async fn calls(&self) -> Result<jetstream::stream::Stream, LinkError> {
        let calls = jetstream::stream::Config {
            name: self.stream(),
            description: Some("samara: tickets that wait for a worker".to_owned()),
            subjects: vec![format!("samara.{}.*.call", self.seal.name())],
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::Memory,
            max_messages: MOST_CALLS,
            max_age: KEPT,
            ..jetstream::stream::Config::default()
        };
        let stream = self.jetstream.get_or_create_stream(calls).await;
        stream.map_err(|error| LinkError::Passing(format!("no stream at the NATS server: {}", chain(&error))))
    }

    /// The consumer of a run's calls, which is made if it is not there, with its stream.
    async fn consumer(&self, run: &str, ack_wait: Duration) -> Result<PullConsumer, LinkError> {
        let stream = self.calls().await?;
        let consumer = pull::Config {
            durable_name: Some(run.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait,
            max_waiting: 20_000,
            max_ack_pending: MOST_CALLS,
            filter_subject: self.of_run(run, "call"),
            inactive_threshold: KEPT,
            memory_storage: true,
            ..pull::Config::default()
        };
        let consumer = stream.get_or_create_consumer(run, consumer).await;
        consumer
            .map_err(|error| LinkError::Passing(format!("no consumer at the NATS server: {}", chain(&error))))
    }

    /// A message as it travels: sealed, and only named where it is longer than the server takes.
    async fn wrapped(&self, about: &[u8], message: &[u8]) -> Result<Vec<u8>, LinkError> {
        let most = self.client.max_payload().saturating_sub(ROOM);
        let frame = if message.len() <= most {
            [&[INLINE], message].concat()
        } else {
            let digest = self.store.put(message).await?;
            [&[STORED], digest.as_bytes()].concat()
        };
        self.seal.seal(about, &frame).ok_or_else(|| LinkError::Passing("no random numbers".to_owned()))
    }

    /// The message in what has travelled; `None` if it was not sealed with this token, for this purpose.
    async fn unwrapped(&self, about: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>, LinkError> {
        let Some(frame) = self.seal.open(about, sealed) else { return Ok(None) };
        match frame.split_first() {
            Some((&INLINE, message)) => Ok(Some(message.to_vec())),
            Some((&STORED, digest)) => match std::str::from_utf8(digest) {
                Ok(digest) => self.store.take(digest).await.map(Some),
                Err(_) => Ok(None),
            },
            _ => Ok(None),
        }
    }
}

/// Bytes of a payload that are not the message's: seal, frame, number of the request, and what headers take.
const ROOM: usize = 1024;
/// The message follows.
const INLINE: u8 = 0;
/// The digest follows under which the message is in the store.
const STORED: u8 = 1;

/// What a request is sealed for. Its number is in a header.
fn about_request(number: &str) -> Vec<u8> {
    format!("samara ask {number}").into_bytes()
}

/// What the reply to a request is sealed for: nobody can pass it off as the reply to another one.
fn about_reply(number: &str) -> Vec<u8> {
    format!("samara reply {number}").into_bytes()
}

/// The header with a request's number.
const NUMBER: &str = "Samara-Request";

fn numbered(number: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NUMBER, number);
    headers
}

/// Whether a run's id can stand in a subject.
fn is_plain(run: &str) -> bool {
    (1..=64).contains(&run.len()) && run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_no_password_and_is_one_of_nats() {
        let check = |url: &str| Broker { url: url.to_owned(), ..Broker::default() }.check();
        for url in ["nats://h:4222", "tls://h:4222", "nats://a:1,nats://b:2", "nats://[::1]:4222"] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
        for url in ["", "http://h", "nats://", "nats://u:p@h:4222", "nats://a:1,h:2", "nats://h:1/x"] {
            let why = check(url).expect_err(url);
            assert!(!why.contains("u:p"), "{why}");
        }
        let broker = Broker { user: Some(("u".into(), "secret".into())), ..Broker::default() };
        assert!(!format!("{broker:?}").contains("secret"));
    }

    #[test]
    fn a_run_whose_id_would_be_a_pattern_is_none() {
        assert!(is_plain("0123456789abcdef0123456789abcdef"));
        for run in ["", "a.b", "*", ">", "a b", &"x".repeat(65)] {
            assert!(!is_plain(run), "{run}");
        }
    }
}
