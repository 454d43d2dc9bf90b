//! Threads that share one piece of work: a pass over a model that fits no cache.
//!
//! What a thread computes is never added to what another one does, so their number shows in no bit.

use std::sync::Arc;

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use crate::SeedlingError;

/// A team of threads; clones are the same team.
#[derive(Debug, Clone, Default)]
pub struct Threads {
    /// None for the caller's thread alone.
    pool: Option<Arc<ThreadPool>>,
}

impl Threads {
    /// Starts a team; with `count` 0 or 1 it is the caller's own thread.
    ///
    /// # Errors
    /// If the system refuses to start a thread.
    pub fn new(count: usize) -> Result<Self, SeedlingError> {
        if count < 2 {
            return Ok(Self::default());
        }
        let name = |number| format!("pass-{number}");
        let pool =
            ThreadPoolBuilder::new().num_threads(count).thread_name(name).build().map_err(|error| {
                let what = format!("{count} threads can't be started: {error}");
                SeedlingError::request(
                    what,
                    "set fewer threads, or raise the limit of processes (`ulimit -u`)",
                )
            })?;
        Ok(Self { pool: Some(Arc::new(pool)) })
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.pool.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    /// Runs something long inside the team, so that the work shared on the way finds threads awake.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Does something with every item; returns when all are done.
    pub fn share<T: Send>(&self, mut items: Vec<T>, work: impl Fn(&mut T) + Sync) {
        match &self.pool {
            Some(pool) if items.len() > 1 => pool.install(|| halve(&mut items, &work)),
            _ => items.iter_mut().for_each(work),
        }
    }
}

fn halve<T: Send>(items: &mut [T], work: &(impl Fn(&mut T) + Sync)) {
    match items {
        [] => {}
        [item] => work(item),
        _ => {
            let (first, second) = items.split_at_mut(items.len() / 2);
            rayon_core::join(|| halve(first, work), || halve(second, work));
        }
    }
}
