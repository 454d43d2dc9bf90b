//! Where workers are met: at a port of the run's own, or at a NATS server. A run has a desk for drafts, one for questions to
//! models, or both.

use std::{
    net::{TcpListener, ToSocketAddrs},
    sync::{Arc, OnceLock},
};

use samara_engine::workers::{Broker, Desk, NatsDesk, Reply, token_of_questions};
use samara_serve::{
    Access,
    watch::Watched,
    workers::{Coordinator, Replied, coordinate},
};
use tokio::{sync::oneshot, task::JoinHandle};

use super::broker;
use crate::exit::Failure;

/// Where workers are met.
pub(super) enum Door {
    /// They come to a port, which is taken once it is served.
    Http(Option<TcpListener>),
    /// They and we come to a server.
    Nats(Box<Broker>),
}

impl Door {
    /// Takes a port or finds a server.
    pub(super) async fn open(address: &str, token: &str) -> Result<Self, Failure> {
        if !broker::is_meant(address) {
            return listen(address).map(|listener| Self::Http(Some(listener)));
        }
        let server = broker::broker(address, "--workers")?;
        let checked = NatsDesk::check(&server, token).await;
        checked.map_err(|error| broker::unusable(address, &error))?;
        Ok(Self::Nats(Box::new(server)))
    }
}

/// A run's desks.
#[derive(Default)]
pub(super) struct Desks {
    /// Where drafts wait to be evaluated.
    pub(super) drafts: OnceLock<Arc<Desk>>,
    /// Where questions to models wait.
    pub(super) questions: OnceLock<Arc<Desk>>,
}

impl Desks {
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Desk>> {
        self.drafts.get().into_iter().chain(self.questions.get())
    }

    fn reply(desk: &OnceLock<Arc<Desk>>, message: Vec<u8>) -> Replied<'_> {
        Box::pin(async move {
            match desk.get() {
                Some(desk) => desk.reply_to(&message).await,
                // There is nothing to do here yet, or never.
                None => serde_json::to_vec(&Reply::Over).ok(),
            }
        })
    }
}

impl Coordinator for Desks {
    fn reply(&self, message: Vec<u8>) -> Replied<'_> {
        Self::reply(&self.drafts, message)
    }

    fn reply_to_asking(&self, message: Vec<u8>) -> Replied<'_> {
        Self::reply(&self.questions, message)
    }

    fn figures(&self) -> String {
        self.all().map(|desk| desk.figures()).collect()
    }
}

impl Watched for Desks {
    fn figures(&self) -> String {
        Coordinator::figures(self)
    }

    fn is_ready(&self) -> bool {
        self.all().any(|desk| desk.census().workers > 0)
    }
}

/// What is served.
#[derive(Default)]
pub(super) struct Serving {
    parts: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Serving {
    /// Serves a desk, which is among `desks`, at a door from now on. What a person is told of the place, if it is a new one.
    pub(super) async fn add(
        &mut self,
        door: &mut Door,
        token: &str,
        desk: &Arc<Desk>,
        desks: &Arc<Desks>,
    ) -> Result<Option<String>, Failure> {
        match door {
            Door::Http(listener) => {
                // The port that is served serves all desks.
                let Some(listener) = listener.take() else { return Ok(None) };
                let address = listener.local_addr();
                let address = address.map_err(|error| Failure::internal(format!("--workers: {error}")))?;
                let listener = tokio::net::TcpListener::from_std(listener)
                    .map_err(|error| Failure::internal(format!("--workers: {error}")))?;
                let access =
                    Access { token: Some(token.to_owned()), beyond_loopback: true, names: Vec::new() };
                let desks = Arc::clone(desks);
                self.spawn(|stop| coordinate(listener, desks, access, stop));
                Ok(Some(format!("workers: listening on http://{address}")))
            }
            Door::Nats(server) => {
                let asks = desks.questions.get().is_some_and(|questions| Arc::ptr_eq(questions, desk));
                let token = if asks { token_of_questions(token) } else { token.to_owned() };
                let opened = NatsDesk::open(server, &token, Arc::clone(desk)).await;
                let opened = opened.map_err(|error| broker::unusable(&server.url, &error))?;
                let told = format!("workers: meeting at {} (stream {})", server.url, opened.stream());
                self.spawn(|stop| opened.serve(stop));
                Ok(Some(told))
            }
        }
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        serve: impl FnOnce(std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> F,
    ) {
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = Box::pin(async {
            // Also if nobody is left to say it.
            let _ = stopped.await;
        });
        self.parts.push((stop, tokio::spawn(serve(stopped))));
    }

    /// Closes the port, or leaves the server, within moments, whatever workers do.
    pub(super) async fn end(self) {
        let (stops, serving): (Vec<_>, Vec<_>) = self.parts.into_iter().unzip();
        for stop in stops {
            // Nobody listens where serving has ended by itself.
            let _ = stop.send(());
        }
        for serving in serving {
            let _ = serving.await;
        }
    }
}

fn listen(url: &str) -> Result<TcpListener, Failure> {
    let wrong = |what: &str, hint: &str| Failure::usage(format!("--workers {url}: {what}\nhint: {hint}"));
    if url.starts_with("https://") {
        return Err(wrong("TLS is the business of a proxy", "listen on http:// behind one"));
    }
    let address = url.strip_prefix("http://").map(|address| address.trim_end_matches('/'));
    let address = address.ok_or_else(|| {
        wrong("it is no address of HTTP", "write http://127.0.0.1:7000, or nats://HOST:4222")
    })?;
    let found = address.to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    if found.is_empty() {
        return Err(wrong(
            "there is no such address here",
            "http://127.0.0.1:7000 for this machine alone, http://0.0.0.0:7000 for all networks",
        ));
    }
    let bound = TcpListener::bind(&found[..]).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| {
        wrong(&format!("can't be listened on: {error}"), "choose another port; 0 takes a free one")
    })
}
