//! The connections that there are. Who is being served has a place; who is not may have to go for the next one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// All connections.
#[derive(Debug)]
pub(crate) struct Places {
    most_waiting: usize,
    most_busy: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// Those that wait, in the order in which they began to, with how to send them away.
    waiting: BTreeMap<u64, Arc<Notify>>,
    busy: usize,
}

impl Places {
    pub(crate) fn new(most_waiting: usize, most_busy: usize) -> Arc<Self> {
        Arc::new(Self { most_waiting, most_busy, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection. If too many wait, the one that has waited longest is sent away.
    pub(crate) fn enter(self: &Arc<Self>) -> Arc<Place> {
        let place = Arc::new(Place {
            places: Arc::clone(self),
            leave: Arc::default(),
            number: AtomicU64::new(0),
            kept_waiting: AtomicU64::new(0),
        });
        place.wait();
        place
    }

    /// Connections that wait, and those that are being served.
    pub(crate) fn count(&self) -> (usize, usize) {
        let state = self.state();
        (state.waiting.len(), state.busy)
    }
}

/// One connection's place.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    leave: Arc<Notify>,
    /// Its number among those that wait.
    number: AtomicU64,
    /// Milliseconds that the client has kept the server waiting during this answer.
    kept_waiting: AtomicU64,
}

impl Place {
    fn wait(&self) {
        let mut state = self.places.state();
        if state.waiting.len() >= self.places.most_waiting
            && let Some((_, oldest)) = state.waiting.pop_first()
        {
            oldest.notify_one();
        }
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, Arc::clone(&self.leave));
        self.number.store(number, Relaxed);
    }

    /// Ready when this connection has to go.
    pub(crate) async fn sent_away(&self) {
        self.leave.notified().await;
    }

    /// It is being served until what is returned is dropped; `None` if too many are.
    pub(crate) fn serve(self: &Arc<Self>) -> Option<Busy> {
        let mut state = self.places.state();
        if state.busy >= self.places.most_busy {
            return None;
        }
        state.busy += 1;
        state.waiting.remove(&self.number.load(Relaxed));
        drop(state);
        self.kept_waiting.store(0, Relaxed);
        Some(Busy(Arc::clone(self)))
    }

    /// Adds to the time that the client has kept the server waiting.
    pub(crate) fn add_waiting(&self, time: Duration) {
        self.kept_waiting.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The time that the client has kept the server waiting during this answer.
    pub(crate) fn kept_waiting(&self) -> Duration {
        Duration::from_millis(self.kept_waiting.load(Relaxed))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().waiting.remove(&self.number.load(Relaxed));
    }
}

/// A connection is being served.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Place>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.places.state().busy -= 1;
        self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_poll::ready;

    /// Whether a future is ready at once.
    mod futures_poll {
        pub(super) fn ready(future: impl Future<Output = ()>) -> bool {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            std::pin::pin!(future).poll(&mut context).is_ready()
        }
    }

    #[test]
    fn the_one_that_has_waited_longest_goes_and_who_is_served_stays() {
        let places = Places::new(2, 1);
        let all: Vec<_> = (0..3).map(|_| places.enter()).collect();
        assert!(ready(all[0].sent_away()) && !ready(all[1].sent_away()));
        let busy = all[1].serve().unwrap();
        assert!(all[2].serve().is_none(), "one is served at once");
        let more: Vec<_> = (0..5).map(|_| places.enter()).collect();
        assert!(!ready(all[1].sent_away()), "it is being served");
        assert!(ready(all[2].sent_away()) && ready(more[0].sent_away()) && !ready(more[4].sent_away()));
        drop(busy);
        assert!(ready(more[3].sent_away()), "who was served waits again, as the last to come");
        assert_eq!(places.count(), (2, 0));
        drop((all, more));
        assert_eq!(places.count(), (0, 0));
    }
}
