//! Which model calls wait for their answers: how many, and for how long the oldest.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// The calls in flight of a session; whoever asks models notes them, whoever shows progress reads them.
#[derive(Debug, Default)]
pub struct CallsInFlight {
    waiting: Mutex<Waiting>,
    /// Told whenever a call ends or a candidate stops asking.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// When each call began, by its number: the first one is the oldest.
    began: BTreeMap<u64, Instant>,
    /// Candidates that ask models, or will next.
    asking: usize,
}

impl CallsInFlight {
    /// Notes a call until what is returned is dropped.
    pub fn begin(&self) -> CallInFlight<'_> {
        let mut waiting = self.lock();
        let number = waiting.next;
        waiting.next += 1;
        waiting.began.insert(number, Instant::now());
        CallInFlight { calls: self, number }
    }

    /// Counts a candidate that asks models until what is returned is dropped.
    pub(crate) fn ask(self: &Arc<Self>) -> Asking {
        self.lock().asking += 1;
        Asking(self.clone())
    }

    /// How many candidates ask models, or will next.
    pub(crate) fn asking(&self) -> usize {
        self.lock().asking
    }

    /// Resolves when a call ends or a candidate stops asking; also if that was before it is awaited.
    pub(crate) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// How many wait, and how long the oldest has waited.
    pub fn now(&self) -> (usize, Duration) {
        let waiting = self.lock();
        let oldest = waiting.began.values().next().map_or(Duration::ZERO, Instant::elapsed);
        (waiting.began.len(), oldest)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Every change is whole, so what a panicking thread left can be read.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call in flight.
#[derive(Debug)]
pub struct CallInFlight<'a> {
    calls: &'a CallsInFlight,
    number: u64,
}

impl Drop for CallInFlight<'_> {
    fn drop(&mut self) {
        self.calls.lock().began.remove(&self.number);
        self.calls.ended.notify_one();
    }
}

/// A candidate that asks models.
#[derive(Debug)]
pub(crate) struct Asking(Arc<CallsInFlight>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.lock().asking -= 1;
        self.0.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_count_until_they_end_and_the_oldest_is_the_first_that_has_not() {
        let calls = CallsInFlight::default();
        assert_eq!(calls.now(), (0, Duration::ZERO));
        let first = calls.begin();
        let second = calls.begin();
        let before = calls.lock().began[&0];
        assert_eq!(calls.now().0, 2);
        assert!(calls.now().1 <= before.elapsed());
        drop(first);
        assert_eq!(calls.lock().began.keys().collect::<Vec<_>>(), [&1]);
        drop(second);
        assert_eq!(calls.now(), (0, Duration::ZERO));
    }

    #[tokio::test]
    async fn the_end_of_a_call_and_of_asking_is_told() {
        let calls = Arc::new(CallsInFlight::default());
        let (asking, call) = (calls.ask(), calls.begin());
        assert_eq!((calls.now().0, calls.asking()), (1, 1));
        drop(call);
        calls.ended().await;
        drop(asking);
        calls.ended().await;
        assert_eq!((calls.now().0, calls.asking()), (0, 0));
    }
}
