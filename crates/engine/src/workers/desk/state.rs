//! What the desk knows: workers, and tickets that wait or are held. Changes are whole, and time comes from outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use super::{Answered, Census, Patience, WorkerSeen};
use crate::{EngineError, workers::Ticket};

/// Tickets that are told of though no worker has room for them: one that comes finds them.
#[cfg(feature = "nats")]
const FEW: usize = 16;
/// Tickets that did not come to a worker are worth so many times less than one that was lost with it.
const MISLAID: u32 = 20;
/// Workers that are known at once at most.
const MOST_WORKERS: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct State {
    /// The run has ended.
    pub(super) over: bool,
    next: u64,
    workers: BTreeMap<u64, Worker>,
    open: BTreeMap<u64, Open>,
    /// The open ones that nobody holds, by their candidates: what has its turn first is given out first.
    queue: BTreeSet<u64>,
    pub(super) evaluated: u64,
    pub(super) failed: u64,
    pub(super) late: u64,
    pub(super) refused: u64,
    lost: u64,
}

/// A worker that was given a number.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) name: String,
    pub(super) slots: usize,
    pub(super) standing: Standing,
    pub(super) evaluated: u64,
    pub(super) failed: u64,
    pub(super) seconds: f64,
    /// Results that could not be what was asked for.
    pub(super) bad: u32,
    heard: Instant,
    held: BTreeSet<u64>,
}

impl Worker {
    /// Whether it takes tickets and was heard of within a lease.
    fn is_live(&self, now: Instant, lease: Duration) -> bool {
        self.standing == Standing::Ready && now.duration_since(self.heard) <= lease
    }
}

/// Whether a worker gets tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It sets itself up.
    Greeted,
    /// It does.
    Ready,
    /// It never will.
    Refused,
    /// It has gone.
    Left,
}

#[derive(Debug)]
struct Open {
    ticket: Arc<Ticket>,
    answered: oneshot::Sender<Result<Answered, EngineError>>,
    holder: Option<Holder>,
    /// Everybody who was given it.
    holders: BTreeSet<u64>,
    losses: u32,
    troubles: u32,
    /// How often it did not come to whom it was given.
    mislaid: u32,
}

#[derive(Debug)]
struct Holder {
    worker: u64,
    since: Instant,
    until: Instant,
}

impl State {
    /// The state of a new desk. Its numbers begin anywhere, so that no worker of an earlier one is taken for one of its
    /// own.
    pub(super) fn new() -> Self {
        Self { next: RandomState::new().hash_one(0) >> 16, ..Self::default() }
    }

    /// A number for a new worker; `None` if there are too many. Workers that have gone make room.
    pub(super) fn enter(&mut self, name: String, slots: usize, now: Instant) -> Option<u64> {
        if self.workers.len() >= MOST_WORKERS {
            self.workers.retain(|_, worker| worker.standing != Standing::Left);
        }
        if self.workers.len() >= MOST_WORKERS {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let worker = Worker {
            name,
            slots,
            standing: Standing::Greeted,
            evaluated: 0,
            failed: 0,
            seconds: 0.0,
            bad: 0,
            heard: now,
            held: BTreeSet::new(),
        };
        self.workers.insert(number, worker);
        Some(number)
    }

    /// The worker of that number, who has just been heard of.
    pub(super) fn heard(&mut self, worker: u64, now: Instant) -> Option<&mut Worker> {
        let worker = self.workers.get_mut(&worker)?;
        worker.heard = now;
        Some(worker)
    }

    pub(super) fn open(&mut self, ticket: Ticket, answered: oneshot::Sender<Result<Answered, EngineError>>) {
        let id = ticket.id;
        let ticket = Arc::new(ticket);
        let open = Open {
            ticket,
            answered,
            holder: None,
            holders: BTreeSet::new(),
            losses: 0,
            troubles: 0,
            mislaid: 0,
        };
        self.open.insert(id, open);
        self.queue.insert(id);
    }

    /// An open ticket that this worker was given, now or once.
    pub(super) fn given(&self, id: u64, worker: u64) -> Option<&Arc<Ticket>> {
        self.open.get(&id).filter(|open| open.holders.contains(&worker)).map(|open| &open.ticket)
    }

    /// Gives tickets to a worker: not more than it has free slots, and none that it has lost before if others could have
    /// it.
    pub(super) fn give(
        &mut self,
        worker: u64,
        most: usize,
        now: Instant,
        patience: &Patience,
    ) -> Vec<Ticket> {
        let Some(taker) = self.workers.get(&worker).filter(|taker| taker.standing == Standing::Ready) else {
            return Vec::new();
        };
        let live = |other: &Worker| other.is_live(now, patience.lease);
        let free = taker.slots.saturating_sub(taker.held.len());
        // What waits beyond all free slots may lie ahead at workers, so that short evaluations need not wait for the way.
        let others = self.workers.iter().filter(|(other, known)| **other != worker && live(known));
        let others: usize = others.map(|(_, known)| known.slots.saturating_sub(known.held.len())).sum();
        let ahead = (2 * taker.slots)
            .saturating_sub(taker.held.len().max(taker.slots))
            .min(self.queue.len().saturating_sub(free + others));
        let most = most.min(free + ahead);
        let could = |open: &Open| {
            let mut others = self.workers.iter();
            others.any(|(other, known)| live(known) && !open.holders.contains(other))
        };
        let fits =
            |id: &u64| self.open.get(id).is_some_and(|open| !open.holders.contains(&worker) || !could(open));
        let given: Vec<u64> = self.queue.iter().copied().filter(fits).take(most).collect();
        given.into_iter().filter_map(|id| self.hold(id, worker, now, patience)).collect()
    }

    fn hold(&mut self, id: u64, worker: u64, now: Instant, patience: &Patience) -> Option<Ticket> {
        let open = self.open.get_mut(&id)?;
        open.holder = Some(Holder { worker, since: now, until: now + patience.lease });
        open.holders.insert(worker);
        self.queue.remove(&id);
        self.workers.get_mut(&worker)?.held.insert(id);
        Some((*open.ticket).clone())
    }

    /// A worker says that it holds these: their leases begin anew. What it says of others is nothing.
    pub(super) fn extend(&mut self, worker: u64, holds: &[u64], now: Instant, patience: &Patience) {
        for id in holds {
            if let Some(holder) = self.open.get_mut(id).and_then(|open| open.holder.as_mut())
                && holder.worker == worker
            {
                holder.until = now + patience.lease;
            }
        }
    }

    /// Of what a worker says it holds, that which nobody waits for any more.
    pub(super) fn unwanted(&self, holds: &[u64]) -> Vec<u64> {
        holds.iter().copied().filter(|id| !self.open.contains_key(id)).collect()
    }

    /// What a worker was given and does not hold, by its own word: it never came there.
    pub(super) fn missing(&self, worker: u64, holds: &[u64]) -> Vec<u64> {
        let held = self.workers.get(&worker).map(|known| &known.held);
        held.into_iter().flatten().copied().filter(|id| !holds.contains(id)).collect()
    }

    /// How many tickets wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The first tickets that wait: as many as live workers could take, and a few more.
    #[cfg(feature = "nats")]
    pub(super) fn wanted(&self, now: Instant, lease: Duration) -> Vec<u64> {
        let live = self.workers.values().filter(|worker| worker.is_live(now, lease));
        let room: usize = live.map(|worker| (2 * worker.slots).saturating_sub(worker.held.len())).sum();
        self.queue.iter().copied().take(room + FEW).collect()
    }

    /// A worker was told that the run is over.
    pub(super) fn part(&mut self, worker: u64) {
        if let Some(known) = self.workers.get_mut(&worker).filter(|known| known.standing == Standing::Ready) {
            known.standing = Standing::Left;
        }
    }

    /// What a worker holds.
    pub(super) fn held(&self, worker: u64) -> Vec<u64> {
        self.workers.get(&worker).map(|known| known.held.iter().copied().collect()).unwrap_or_default()
    }

    /// Nobody holds this ticket any more; its holder, if there was one.
    fn release(&mut self, id: u64) -> Option<u64> {
        let holder = self.open.get_mut(&id)?.holder.take()?;
        if let Some(worker) = self.workers.get_mut(&holder.worker) {
            worker.held.remove(&id);
        }
        Some(holder.worker)
    }

    /// Gives a ticket back to those that wait, as if it had not been given out.
    pub(super) fn give_back(&mut self, id: u64) {
        if self.release(id).is_some() {
            self.queue.insert(id);
        }
    }

    /// A worker has lost a ticket, for a reason. It waits again, or stops the run.
    pub(super) fn lose(&mut self, id: u64, why: &str, patience: &Patience) {
        let Some(worker) = self.release(id) else { return };
        self.lost += 1;
        self.queue.insert(id);
        let name = self.name(worker);
        let Some(open) = self.open.get_mut(&id) else { return };
        open.losses += 1;
        if open.losses >= patience.losses {
            let (losses, what) = (open.losses, open.ticket.named());
            self.stop(id, format!(
                "{what} was lost {losses} times with the workers that had it, the last time with {name}: {why}\n\
                 hint: look at that worker; --worker-losses N allows more, and without --workers nothing is lost"
            ));
        }
    }

    /// A ticket did not come to the worker that it was given to, or so that one says. It waits again; nobody died of it, so
    /// that it takes many of these to stop the run.
    pub(super) fn mislay(&mut self, id: u64, patience: &Patience) {
        let Some(worker) = self.release(id) else { return };
        self.lost += 1;
        self.queue.insert(id);
        let name = self.name(worker);
        let Some(open) = self.open.get_mut(&id) else { return };
        // It may have it as well as any other.
        open.holders.remove(&worker);
        open.mislaid += 1;
        if open.mislaid >= patience.losses.saturating_mul(MISLAID) {
            let (mislaid, what) = (open.mislaid, open.ticket.named());
            self.stop(id, format!(
                "{what} was given out {mislaid} times and did not come to the worker, the last time to {name}\n\
                 hint: look at that worker and at the way to it"
            ));
        }
    }

    /// Who holds a ticket.
    pub(super) fn holder(&self, id: u64) -> Option<u64> {
        Some(self.open.get(&id)?.holder.as_ref()?.worker)
    }

    /// A worker says that it can't evaluate a ticket. It waits again, or stops the run.
    pub(super) fn trouble(&mut self, id: u64, worker: u64, why: &str, patience: &Patience) {
        if self.holder(id) == Some(worker) {
            self.give_back(id);
        }
        let name = self.name(worker);
        let Some(open) = self.open.get_mut(&id) else { return };
        open.troubles += 1;
        if open.troubles >= patience.troubles {
            let (troubles, ticket) = (open.troubles, Arc::clone(&open.ticket));
            let (undone, hint) = (ticket.undone(), ticket.trouble_hint());
            self.stop(
                id,
                format!(
                    "{troubles} workers could not {undone}, the last of them {name}: {why}\nhint: {hint}"
                ),
            );
        }
    }

    fn stop(&mut self, id: u64, why: String) {
        self.answer(id, Err(EngineError::Workers(why)));
    }

    /// Ends the waiting for a ticket.
    pub(super) fn answer(&mut self, id: u64, answer: Result<Answered, EngineError>) {
        self.release(id);
        self.queue.remove(&id);
        if let Some(open) = self.open.remove(&id) {
            // Nobody may wait for it any more.
            let _ = open.answered.send(answer);
        }
    }

    /// Nobody waits for a ticket any more.
    pub(super) fn forget(&mut self, id: u64) {
        self.release(id);
        self.queue.remove(&id);
        self.open.remove(&id);
    }

    /// Takes a ticket back that nobody holds.
    pub(super) fn take_back(&mut self, id: u64) -> bool {
        self.queue.remove(&id)
    }

    /// Whether a ticket waits and nobody holds it.
    pub(super) fn is_free(&self, id: u64) -> bool {
        self.queue.contains(&id)
    }

    /// Whether a ticket's lease or deadline is over, and what to tell then; when to look again.
    pub(super) fn expire(&mut self, id: u64, now: Instant, patience: &Patience) -> (Instant, Option<String>) {
        let later = now + patience.lease;
        let Some(holder) = self.open.get(&id).and_then(|open| open.holder.as_ref()) else {
            // A lease that begins later ends later.
            return (later, None);
        };
        let deadline = holder.since + patience.deadline;
        let end = holder.until.min(deadline);
        if now < end {
            return (end, None);
        }
        let why = if now >= deadline { "it did not answer in time" } else { "it has fallen silent" };
        let name = self.name(holder.worker);
        let what = self.open.get(&id).map_or_else(String::new, |open| open.ticket.named());
        self.lose(id, why, patience);
        (later, Some(format!("worker {name} had {what}, and {why}: others get it")))
    }

    /// A worker's name.
    pub(super) fn name(&self, worker: u64) -> String {
        self.workers.get(&worker).map_or_else(|| format!("number {worker}"), |known| known.name.clone())
    }

    pub(super) fn census(&self, now: Instant, lease: Duration) -> Census {
        let (workers, slots) = self
            .workers
            .values()
            .filter(|worker| worker.is_live(now, lease))
            .fold((0, 0), |(workers, slots), worker| (workers + 1, slots + worker.slots));
        let (waiting, held) =
            (self.queue.len(), self.open.values().filter(|open| open.holder.is_some()).count());
        let since = self.open.values().filter_map(|open| Some(open.holder.as_ref()?.since)).min();
        let oldest = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let Self { evaluated, failed, lost, late, refused, .. } = *self;
        Census { workers, slots, held, waiting, evaluated, failed, lost, late, refused, oldest }
    }

    pub(super) fn seen(&self) -> Vec<WorkerSeen> {
        let seen = |worker: &Worker| WorkerSeen {
            name: worker.name.clone(),
            slots: worker.slots,
            held: worker.held.len(),
            evaluated: worker.evaluated,
            failed: worker.failed,
            seconds: worker.seconds,
        };
        self.workers.values().map(seen).collect()
    }
}
