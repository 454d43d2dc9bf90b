//! Connections: accepting them, and stopping.

use crate::app::{App, router};
use crate::places::{Place, Places};
use crate::wire::Wire;
use axum::{Extension, Router};
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// Bytes of a request's head, and of what is read ahead.
const HEAD: usize = 32 << 10;
/// Once all requests are answered: how long clients have to read the ends of their answers.
const LAST: Duration = Duration::from_secs(1);

/// Serves connections until `stop` is ready. Then no connection is accepted any more, idle ones are closed, programs that
/// wait for their turn are refused, and those that run are answered, within [`Bounds::grace`](crate::Bounds::grace).
/// Returns whether all requests were answered.
///
/// A program whose request is given up runs on until its own end, or its fork server's: shut the runtime down without
/// waiting for its threads, and end the process.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>) -> bool {
    let door = Door {
        router: router(&app),
        places: Arc::clone(&app.places),
        read_timeout: app.bounds().read_timeout,
        write_timeout: app.bounds().write_timeout,
    };
    let mut all_closed = door.accept(listener, stop).await;
    app.runner.stop();
    let all_answered = async {
        tokio::select! {
            _ = all_closed.recv() => {}
            () = idle(&app) => drop(tokio::time::timeout(LAST, all_closed.recv()).await),
        }
    };
    tokio::time::timeout(app.bounds().grace, all_answered).await.is_ok()
}

/// Where connections come in.
pub(crate) struct Door {
    /// What answers their requests.
    pub(crate) router: Router,
    pub(crate) places: Arc<Places>,
    pub(crate) read_timeout: Duration,
    pub(crate) write_timeout: Duration,
}

impl Door {
    /// Answers connections until `stop` is ready. Then no more is accepted, and idle ones are closed; what is returned
    /// ends with the last one.
    pub(crate) async fn accept(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> mpsc::Receiver<()> {
        let (stopping, stopped) = watch::channel(());
        // Nobody sends: it tells when the last connection has ended.
        let (open, all_closed) = mpsc::channel::<()>(1);
        tokio::pin!(stop);
        loop {
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
            let (place, router, stopped, open) =
                (self.places.enter(), self.router.clone(), stopped.clone(), open.clone());
            let (read_timeout, write_timeout) = (self.read_timeout, self.write_timeout);
            tokio::spawn(async move {
                let connection = Connection { place, router, read_timeout, write_timeout };
                connection.answer(stream, stopped).await;
                drop(open);
            });
        }
        drop(stopping);
        all_closed
    }
}

/// Ready when no request is being answered.
async fn idle(app: &App) {
    while app.places.count().1 > 0 || app.runner.queued() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Connection {
    place: Arc<Place>,
    router: Router,
    read_timeout: Duration,
    write_timeout: Duration,
}

impl Connection {
    /// Answers the requests of one connection, until it ends, has to go, or the server stops.
    async fn answer(self, stream: TcpStream, mut stopped: watch::Receiver<()>) {
        let Self { place, router, read_timeout, write_timeout } = self;
        let wire = Wire::new(stream, Arc::clone(&place), write_timeout);
        let service = TowerToHyperService::new(router.layer(Extension(Arc::clone(&place))));
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(read_timeout).max_buf_size(HEAD);
        // A client that has nothing more to send may still read.
        server.half_close(true);
        let connection = server.serve_connection(wire, service);
        tokio::pin!(connection);
        // A connection that breaks concerns nobody else. The sender never sends: it ends.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = place.sent_away() => return,
            _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = place.sent_away() => {}
        }
    }
}
