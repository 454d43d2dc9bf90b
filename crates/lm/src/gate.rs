//! Adaptive concurrency: how many attempts an endpoint is sent at once.
//!
//! The decisions are in `pace`; here they become places. First come, first served; a dropped attempt
//! gives its place back; while a server refuses everything, nobody enters for a moment.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use crate::pace::Pace;

#[derive(Debug)]
struct State {
    pace: Pace,
    /// Places that there are, those to take away as soon as they are free not counted.
    places: usize,
    debt: usize,
}

/// The gate of one endpoint.
#[derive(Debug)]
pub(crate) struct Gate {
    free: Semaphore,
    started: Instant,
    state: Mutex<State>,
}

/// How an attempt went, as far as load is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Answered.
    Fine,
    /// 429, 503 or no answer in time; after how long the server wants to be asked again, if it said so.
    TooMuch(Option<Duration>),
    /// Failed for another reason.
    Unknown,
}

/// A place within the gate.
pub(crate) struct Place<'a> {
    gate: &'a Gate,
    permit: Option<SemaphorePermit<'a>>,
}

impl Gate {
    pub(crate) fn new(most: usize) -> Self {
        let pace = Pace::new(most);
        let places = pace.limit();
        let state = Mutex::new(State { pace, places, debt: 0 });
        Self { free: Semaphore::new(places), started: Instant::now(), state }
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self) -> Place<'_> {
        // The semaphore is never closed, so that this is always `Some`.
        let place = Place { gate: self, permit: self.free.acquire().await.ok() };
        loop {
            let pause = self.lock().pace.pause(self.started.elapsed());
            let Some(pause) = pause else { return place };
            tokio::time::sleep(pause).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the pace how an attempt went, and makes as many places as it wants.
    fn note(&self, load: Load) {
        let now = self.started.elapsed();
        let mut state = self.lock();
        let used = (state.places + state.debt).saturating_sub(self.free.available_permits());
        match load {
            Load::Fine => state.pace.answered(now, used),
            Load::TooMuch(after) => state.pace.refused(now, after),
            Load::Unknown => return,
        }
        let wanted = state.pace.limit();
        if wanted > state.places {
            let more = wanted - state.places;
            let kept = more.min(state.debt);
            state.debt -= kept;
            self.free.add_permits(more - kept);
        } else {
            state.debt += state.places - wanted;
            state.debt -= self.free.forget_permits(state.debt);
        }
        state.places = wanted;
    }
}

impl Place<'_> {
    /// Leaves, telling the gate how it went.
    pub(crate) fn leave(self, load: Load) {
        self.gate.note(load);
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
    use super::*;

    /// Every place there is, taken.
    async fn fill(gate: &Gate) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        while gate.free.available_permits() > 0 {
            places.push(gate.enter().await);
        }
        places
    }

    #[tokio::test]
    async fn a_dropped_place_or_a_dropped_wait_gives_the_place_back() {
        let gate = Gate::new(1);
        let place = gate.enter().await;
        let waiting = tokio::time::timeout(Duration::from_millis(5), gate.enter()).await;
        assert!(waiting.is_err());
        drop(place);
        gate.enter().await.leave(Load::Fine);
        assert_eq!(gate.free.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_smaller_limit_holds_even_for_places_taken_before() {
        let gate = Gate::new(8);
        let mut places = fill(&gate).await;
        for _ in 0..3 {
            // Refusals without a wish may be excused.
            places.remove(0).leave(Load::TooMuch(Some(Duration::from_millis(1))));
        }
        assert_eq!(gate.free.available_permits(), 0, "five are in flight, and five are allowed");
        drop(places);
        assert_eq!(fill(&gate).await.len(), 5);
    }

    #[tokio::test]
    async fn a_server_that_refuses_everything_is_left_alone_for_a_moment() {
        let gate = Gate::new(1);
        gate.enter().await.leave(Load::TooMuch(Some(Duration::from_millis(40))));
        let asked = Instant::now();
        gate.enter().await.leave(Load::Fine);
        assert!(asked.elapsed() >= Duration::from_millis(35));
    }

    #[tokio::test]
    async fn places_follow_the_limit_whatever_happens() {
        let gate = Gate::new(64);
        for round in 0..200_u32 {
            for (position, place) in fill(&gate).await.into_iter().enumerate() {
                // At least one in a round is answered, so that nobody is paused.
                let refused = position > 0 && (position as u32 * 7 + round).is_multiple_of(11);
                place.leave(if refused { Load::TooMuch(None) } else { Load::Fine });
            }
            let state = gate.lock();
            assert_eq!((state.debt, state.places), (0, state.pace.limit()));
            assert_eq!(gate.free.available_permits(), state.places);
        }
    }
}
