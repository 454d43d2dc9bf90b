//! Adaptive concurrency: how many attempts an endpoint is sent at once.
//!
//! `concurrency` decides the limit; here the limit becomes permits. First come, first served; a dropped attempt gives
//! its permit back; while a server refuses everything, no attempt is let through for a moment. The permit of an attempt
//! that was given up comes back later, when the server has probably finished with it.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use super::concurrency::ConcurrencyLimit;

/// The limit, and the permits that exist because of it.
#[derive(Debug)]
struct Allowance {
    limit: ConcurrencyLimit,
    /// Permits in existence, without those that are to be revoked.
    permits: usize,
    /// Permits in use that are taken away as soon as they come back.
    to_revoke: usize,
    /// When the permits of abandoned attempts come back, the earliest on top.
    held: BinaryHeap<Reverse<Duration>>,
}

/// Limits how many attempts are in flight to one endpoint.
#[derive(Debug)]
pub(crate) struct Limiter {
    free: Semaphore,
    started: Instant,
    allowance: Mutex<Allowance>,
}

/// What an attempt says about the load of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Answered.
    Bearable,
    /// 429 or 503; after how long the server wants to be asked again, if it said so.
    Excessive(Option<Duration>),
    /// Given up without an answer: the server may still be at work on it.
    Abandoned,
    /// Failed for another reason.
    Unknown,
}

/// How the number of attempts that may be in flight changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitChange {
    pub from: usize,
    pub to: usize,
}

/// Permission for one attempt.
pub(crate) struct Permit<'a> {
    limiter: &'a Limiter,
    permit: Option<SemaphorePermit<'a>>,
    /// When the attempt could begin.
    since: Duration,
}

impl Limiter {
    /// At most `max` attempts at once, whatever the server can take.
    pub(crate) fn new(max: usize) -> Self {
        Self::with(ConcurrencyLimit::new(max))
    }

    fn with(limit: ConcurrencyLimit) -> Self {
        let permits = limit.current();
        let allowance = Mutex::new(Allowance { limit, permits, to_revoke: 0, held: BinaryHeap::new() });
        Self { free: Semaphore::new(permits), started: Instant::now(), allowance }
    }

    /// How many attempts may be in flight at the moment.
    pub(crate) fn current(&self) -> usize {
        self.lock().permits
    }

    /// Waits for a permit.
    pub(crate) async fn acquire(&self) -> Permit<'_> {
        let mut permit = Permit { limiter: self, permit: None, since: Duration::ZERO };
        while permit.permit.is_none() {
            let next = self.give_back();
            let wait = async {
                match next {
                    Some(at) => tokio::time::sleep_until(self.started + at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // The semaphore is never closed, so this is always `Some`.
                free = self.free.acquire() => permit.permit = free.ok(),
                () = wait => {}
            }
        }
        loop {
            permit.since = self.started.elapsed();
            let pause = self.lock().limit.pause(permit.since);
            let Some(pause) = pause else { return permit };
            tokio::time::sleep(pause).await;
        }
    }

    /// Gives back the permits of abandoned attempts whose time has passed; returns when the next one comes back.
    fn give_back(&self) -> Option<Duration> {
        let now = self.started.elapsed();
        let mut allowance = self.lock();
        while let Some(Reverse(at)) = allowance.held.peek().copied() {
            if at > now {
                return Some(at);
            }
            allowance.held.pop();
            if allowance.to_revoke > 0 {
                allowance.to_revoke -= 1;
            } else {
                self.free.add_permits(1);
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Allowance> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns from an attempt, and adds or revokes permits until there are as many as the limit allows. `Some` if that
    /// changed the limit.
    fn record(&self, permit: &mut Permit<'_>, load: Load) -> Option<LimitChange> {
        let now = self.started.elapsed();
        let took = now.saturating_sub(permit.since);
        let mut allowance = self.lock();
        let used = (allowance.permits + allowance.to_revoke).saturating_sub(self.free.available_permits());
        match load {
            Load::Bearable => allowance.limit.answered(now, used, took),
            Load::Excessive(after) => allowance.limit.refused(now, after),
            Load::Abandoned => {
                let back = now + allowance.limit.abandoned(now, took);
                if let Some(permit) = permit.permit.take() {
                    permit.forget();
                    allowance.held.push(Reverse(back));
                }
            }
            Load::Unknown => return None,
        }
        let (before, wanted) = (allowance.permits, allowance.limit.current());
        if wanted > allowance.permits {
            let more = wanted - allowance.permits;
            let spared = more.min(allowance.to_revoke);
            allowance.to_revoke -= spared;
            self.free.add_permits(more - spared);
        } else {
            allowance.to_revoke += allowance.permits - wanted;
            allowance.to_revoke -= self.free.forget_permits(allowance.to_revoke);
        }
        allowance.permits = wanted;
        (before != wanted).then_some(LimitChange { from: before, to: wanted })
    }
}

impl Permit<'_> {
    /// Gives the permit back and reports how the attempt went. `Some` if that changed the limit.
    pub(crate) fn release(mut self, load: Load) -> Option<LimitChange> {
        let limiter = self.limiter;
        limiter.record(&mut self, load)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut allowance = self.limiter.lock();
        if allowance.to_revoke > 0
            && let Some(permit) = self.permit.take()
        {
            allowance.to_revoke -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every permit there is.
    async fn acquire_all(limiter: &Limiter) -> Vec<Permit<'_>> {
        let mut permits = Vec::new();
        while limiter.free.available_permits() > 0 {
            permits.push(limiter.acquire().await);
        }
        permits
    }

    #[tokio::test]
    async fn a_dropped_permit_or_a_dropped_wait_gives_the_permit_back() {
        let limiter = Limiter::new(1);
        let permit = limiter.acquire().await;
        let waiting = tokio::time::timeout(Duration::from_millis(5), limiter.acquire()).await;
        assert!(waiting.is_err());
        drop(permit);
        limiter.acquire().await.release(Load::Bearable);
        assert_eq!(limiter.free.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_smaller_limit_holds_even_for_permits_given_out_before() {
        let limiter = Limiter::with(ConcurrencyLimit::at(8, 8));
        let mut permits = acquire_all(&limiter).await;
        for _ in 0..3 {
            // Refusals that say when to come back are never excused.
            permits.remove(0).release(Load::Excessive(Some(Duration::from_millis(1))));
        }
        assert_eq!(limiter.free.available_permits(), 0, "five are in flight, and five are allowed");
        drop(permits);
        assert_eq!(acquire_all(&limiter).await.len(), 5);
    }

    #[tokio::test]
    async fn a_server_that_refuses_everything_is_left_alone_for_a_moment() {
        let limiter = Limiter::new(1);
        limiter.acquire().await.release(Load::Excessive(Some(Duration::from_millis(40))));
        let asked = Instant::now();
        limiter.acquire().await.release(Load::Bearable);
        assert!(asked.elapsed() >= Duration::from_millis(35));
    }

    #[tokio::test]
    async fn an_abandoned_attempt_counts_as_in_flight_for_about_as_long_as_an_answer_takes() {
        let limiter = Limiter::with(ConcurrencyLimit::at(2, 2));
        let usual = Duration::from_millis(60);
        let answered = limiter.acquire().await;
        tokio::time::sleep(usual).await;
        answered.release(Load::Bearable);
        let permit = limiter.acquire().await;
        let abandoned = Instant::now();
        permit.release(Load::Abandoned);
        assert_eq!(limiter.free.available_permits(), 1, "one of two is held");
        let _other = limiter.acquire().await;
        let _third = limiter.acquire().await;
        assert!(abandoned.elapsed() >= usual, "it came back after {:?}", abandoned.elapsed());
    }

    #[tokio::test]
    async fn permits_follow_the_limit_whatever_happens() {
        let limiter = Limiter::new(64);
        for round in 0..200_u32 {
            for (position, permit) in acquire_all(&limiter).await.into_iter().enumerate() {
                // At least one in a round is answered, so that there is no pause.
                let refused = position > 0 && (position as u32 * 7 + round).is_multiple_of(11);
                permit.release(if refused { Load::Excessive(None) } else { Load::Bearable });
            }
            let allowance = limiter.lock();
            assert_eq!((allowance.to_revoke, allowance.permits), (0, allowance.limit.current()));
            assert_eq!(limiter.free.available_permits(), allowance.permits);
        }
    }
}
