//! Which runs have grown, told once a second to all who hear: one look at the runs for everybody, and none while nobody
//! hears.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;

use super::library::Library;
use crate::pieces::{self, Answer, Pieces};

/// Between two looks.
const TICK: Duration = Duration::from_secs(1);
/// Looks between two at which runs there are.
const AROUND: u32 = 5;
/// After so long without news something is said, so that whoever is gone is noticed.
const QUIET: Duration = Duration::from_secs(15);

/// Events that wait for whoever is slow.
const WAITING: usize = 32;
/// Runs that one event tells of at most, so that none is long; of more there are several events.
const MOST_TOLD: usize = 64;

/// Who hears.
pub(crate) struct Events {
    /// `None` once the server stops.
    news: Arc<Mutex<Option<broadcast::Sender<Bytes>>>>,
    /// Counts the looks that found something, and those that nobody heard of.
    looks: Arc<AtomicU64>,
}

impl Events {
    /// Begins to look.
    pub(crate) fn start(library: Arc<Library>) -> (Self, JoinHandle<()>) {
        let (sender, _) = broadcast::channel(WAITING);
        let news = Arc::new(Mutex::new(Some(sender.clone())));
        // It holds no sender of its own while it waits, so that streams end when the last one does.
        let weak = sender.downgrade();
        drop(sender);
        let looks = Arc::new(AtomicU64::new(0));
        let looked = Arc::clone(&looks);
        let ticking = tokio::spawn(async move {
            for tick in 0_u32.. {
                tokio::time::sleep(TICK).await;
                let Some(sender) = weak.upgrade() else { return };
                if sender.receiver_count() == 0 {
                    looked.fetch_add(1, Relaxed);
                    continue;
                }
                let library = Arc::clone(&library);
                let look = move || {
                    if tick % AROUND == 0 {
                        library.look_around();
                    }
                    library.grown()
                };
                let Ok(grown) = tokio::task::spawn_blocking(look).await else { continue };
                // Before anybody hears of it, so that who does is told what is new.
                looked.fetch_add(u64::from(!grown.is_empty()), Relaxed);
                for grown in grown.chunks(MOST_TOLD) {
                    let text = String::from_utf8(pieces::json(&grown)).unwrap_or_default();
                    // Nobody may be there any more.
                    let _ = sender.send(format!("event: runs\ndata: {text}\n\n").into());
                }
            }
        });
        (Self { news, looks }, ticking)
    }

    /// Which look this is: between two of them nobody has heard of anything new. `None` while nobody hears, and so nobody
    /// looks.
    pub(crate) fn look(&self) -> Option<u64> {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = news.as_ref().is_some_and(|news| news.receiver_count() > 0);
        heard.then(|| self.looks.load(Relaxed))
    }

    /// Ends all streams.
    pub(crate) fn end(&self) {
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A stream of news: an answer's body, which ends with the server.
    pub(crate) fn hear(&self) -> Body {
        let (send, coming) = mpsc::channel::<Pieces>(1);
        let heard = self
            .news
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(broadcast::Sender::subscribe);
        if let Some(heard) = heard {
            tokio::spawn(tell(heard, send));
        }
        Answer::coming(coming)
    }
}

async fn tell(mut heard: broadcast::Receiver<Bytes>, send: mpsc::Sender<Pieces>) {
    let mut next: Bytes = "retry: 2000\n\n".into();
    loop {
        if send.send(Pieces::from([next])).await.is_err() {
            return;
        }
        next = tokio::select! {
            () = send.closed() => return,
            news = tokio::time::timeout(QUIET, heard.recv()) => match news {
                Ok(Ok(news)) => news,
                Err(_) => ": still here\n\n".into(),
                // Whoever is slow misses something, and hears of the run when it grows again.
                Ok(Err(broadcast::error::RecvError::Lagged(_))) => ": missed\n\n".into(),
                Ok(Err(broadcast::error::RecvError::Closed)) => return,
            },
        };
    }
}
