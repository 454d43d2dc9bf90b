//! Adaptive concurrency: how many attempts an endpoint is sent at once.
//!
//! Additive increase, multiplicative decrease: the limit doubles per round trip until the server first pushes back,
//! then halves on push-back and grows by one per round. A limit that is not used says nothing of the server and does
//! not grow (as RFC 2861 has it for TCP): else a push-back would halve a number far above what is in flight. First
//! come, first served; a dropped attempt gives its place back.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Attempts allowed before anything is known of the server.
const START: usize = 64;

#[derive(Debug)]
struct State {
    limit: usize,
    /// Places to take away as soon as they are free.
    debt: usize,
    /// Successes since the limit last grew.
    successes: usize,
    /// Until the first push-back every success opens a place.
    slow_start: bool,
    /// Counts decreases: attempts begun before the last one say nothing new.
    epoch: u64,
}

/// The gate of one endpoint.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Semaphore,
    most: usize,
    state: Mutex<State>,
}

/// How an attempt went, as far as load is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Answered.
    Fine,
    /// 429, 503 or no answer in time.
    TooMuch,
    /// Failed for another reason.
    Unknown,
}

/// A place within the gate.
pub(crate) struct Place<'a> {
    gate: &'a Gate,
    permit: Option<SemaphorePermit<'a>>,
    epoch: u64,
}

impl Gate {
    pub(crate) fn new(most: usize) -> Self {
        let limit = START.min(most);
        let state = State { limit, debt: 0, successes: 0, slow_start: true, epoch: 0 };
        Self { places: Semaphore::new(limit), most, state: Mutex::new(state) }
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self) -> Place<'_> {
        // The semaphore is never closed, so that this is always `Some`.
        let permit = self.places.acquire().await.ok();
        Place { gate: self, permit, epoch: self.lock().epoch }
    }

    /// How many attempts are allowed at once now.
    #[cfg(test)]
    fn limit(&self) -> usize {
        self.lock().limit
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grow(&self) {
        let mut state = self.lock();
        let used = (state.limit + state.debt).saturating_sub(self.places.available_permits());
        if used * 2 < state.limit {
            return;
        }
        state.successes += 1;
        if state.limit >= self.most || (!state.slow_start && state.successes < state.limit) {
            return;
        }
        state.successes = 0;
        state.limit += 1;
        if state.debt > 0 {
            state.debt -= 1;
        } else {
            self.places.add_permits(1);
        }
    }

    fn shrink(&self, epoch: u64) {
        let mut state = self.lock();
        if epoch < state.epoch {
            return;
        }
        let smaller = (state.limit / 2).max(1);
        state.debt += state.limit - smaller;
        state.limit = smaller;
        state.successes = 0;
        state.slow_start = false;
        state.epoch += 1;
    }
}

impl Place<'_> {
    /// Leaves, telling the gate how it went.
    pub(crate) fn leave(self, load: Load) {
        match load {
            Load::Fine => self.gate.grow(),
            Load::TooMuch => self.gate.shrink(self.epoch),
            Load::Unknown => {}
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        if state.debt > 0
            && let Some(permit) = self.permit.take()
        {
            state.debt -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, time::Duration};

    use super::*;

    /// As if there was always somebody waiting.
    async fn fill<'a>(gate: &'a Gate, places: &mut VecDeque<Place<'a>>) {
        while gate.places.available_permits() > 0 {
            places.push_back(gate.enter().await);
        }
    }

    #[tokio::test]
    async fn a_limit_that_is_not_used_does_not_grow() {
        let gate = Gate::new(256);
        for _ in 0..1000 {
            gate.enter().await.leave(Load::Fine);
        }
        assert_eq!(gate.limit(), START);
    }

    #[tokio::test]
    async fn a_dropped_place_or_a_dropped_wait_gives_the_place_back() {
        let gate = Gate::new(1);
        let place = gate.enter().await;
        let waiting = tokio::time::timeout(Duration::from_millis(5), gate.enter()).await;
        assert!(waiting.is_err());
        drop(place);
        gate.enter().await.leave(Load::Fine);
        assert_eq!(gate.places.available_permits(), 1);
    }

    #[tokio::test]
    async fn the_limit_doubles_per_round_until_the_server_pushes_back() {
        let gate = Gate::new(256);
        let mut places = VecDeque::new();
        for expected in [128, 256, 256] {
            for _ in 0..gate.limit() {
                fill(&gate, &mut places).await;
                places.pop_front().expect("filled").leave(Load::Fine);
            }
            assert_eq!(gate.limit(), expected);
        }
        places.clear();
        let (a, b) = (gate.enter().await, gate.enter().await);
        a.leave(Load::TooMuch);
        b.leave(Load::TooMuch);
        assert_eq!(gate.limit(), 128, "two failures of one round halve it once");
    }

    #[tokio::test]
    async fn a_smaller_limit_holds_even_for_places_taken_before() {
        let gate = Gate::new(8);
        let mut places = Vec::new();
        for _ in 0..8 {
            places.push(gate.enter().await);
        }
        places.remove(0).leave(Load::TooMuch);
        drop(places);
        assert_eq!(gate.limit(), 4);
        assert_eq!(gate.places.available_permits(), 4);
    }
}
