//! The transports that the suite runs over: within the process, over HTTP, and through a NATS server where there is one.

use std::{sync::Arc, time::Duration};

use samara_engine::workers::{Desk, HttpLink, Link, Local, NatsDesk, NatsLink};
use samara_serve::{
    Access,
    workers::{Coordinator, Replied, coordinate},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub(crate) const TOKEN: &str = "a-token-of-this-test";

/// A way from workers to a desk.
pub(crate) enum Transport {
    Within(Arc<Desk>),
    Http { address: String, stop: watch::Sender<bool>, serving: JoinHandle<()> },
    Nats { server: crate::server::Server, stop: watch::Sender<bool>, serving: JoinHandle<()> },
}

/// The transports by their names.
pub(crate) fn all() -> Vec<&'static str> {
    let served: &[&str] = &["within", "http"];
    let nats = crate::server::program().map(|_| "nats");
    served.iter().copied().chain(nats).collect()
}

struct Served(Arc<Desk>);

impl Coordinator for Served {
    fn reply(&self, message: Vec<u8>) -> Replied<'_> {
        Box::pin(async move { self.0.reply_to(&message).await })
    }

    fn figures(&self) -> String {
        self.0.figures()
    }
}

impl Transport {
    pub(crate) async fn open(name: &str, desk: &Arc<Desk>) -> Self {
        if name == "within" {
            return Self::Within(Arc::clone(desk));
        }
        if name == "nats" {
            return Self::at_server(desk).await;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let access = Access { token: Some(TOKEN.to_owned()), ..Access::default() };
        let (stop, mut stopped) = watch::channel(false);
        let served = Arc::new(Served(Arc::clone(desk)));
        let serving = tokio::spawn(coordinate(listener, served, access, async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        }));
        Self::Http { address, stop, serving }
    }

    async fn at_server(desk: &Arc<Desk>) -> Self {
        let server = crate::server::Server::start("");
        let broker = crate::nats::broker(server.url());
        let there = NatsDesk::open(&broker, TOKEN, Arc::clone(desk)).await.unwrap();
        let (stop, mut stopped) = watch::channel(false);
        let serving = tokio::spawn(there.serve(async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        }));
        Self::Nats { server, stop, serving }
    }

    /// A new worker's link.
    pub(crate) fn link(&self) -> Arc<dyn Link> {
        match self {
            Self::Within(desk) => Arc::new(Local(Arc::clone(desk))),
            Self::Http { address, .. } => Arc::new(HttpLink::new(address, TOKEN).unwrap()),
            Self::Nats { server, .. } => {
                let broker = crate::nats::broker(server.url());
                Arc::new(NatsLink::new(broker, TOKEN).unwrap())
            }
        }
    }

    /// Ends it once workers have heard that the run is over.
    pub(crate) async fn close(self) {
        match self {
            Self::Within(_) => {}
            Self::Http { stop, serving, .. } => ended(&stop, serving).await,
            Self::Nats { server, stop, serving } => {
                ended(&stop, serving).await;
                drop(server);
            }
        }
    }
}

async fn ended(stop: &watch::Sender<bool>, serving: JoinHandle<()>) {
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(600), serving).await.unwrap().unwrap();
}
