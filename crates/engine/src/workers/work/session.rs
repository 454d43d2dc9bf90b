//! A worker's work for one run: taking tickets into free slots, evaluating, reporting, beating.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use samara_search::artifact::fitting;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::AbortHandle,
    time::Instant,
};

use super::{Equipped, FIRST_WAIT, Heard, LONGEST_WAIT, stopped};
use crate::workers::{Answer, Link, LinkError, Outcome, PROTOCOL, Reply, Request, Ticket};

/// How long a worker that goes tries to say so.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a worker works with for one run.
pub(super) struct Session {
    pub(super) link: Arc<dyn Link>,
    pub(super) worker: u64,
    pub(super) task: String,
    pub(super) slots: usize,
    pub(super) equipped: Arc<Equipped>,
    pub(super) hear: Arc<dyn Fn(Heard) + Send + Sync>,
    /// How long a coordinator may be out of reach.
    pub(super) give_up: Option<Duration>,
}

/// Why a session has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// The worker was told to stop, and has.
    Stopped,
    /// The run is over, or its coordinator begins anew.
    Over,
    /// The worker gets no more tickets.
    Refused(String),
    /// The worker can't evaluate any more.
    Broken(String),
}

/// What evaluations and the session share.
struct Shared {
    session: Session,
    free: Arc<Semaphore>,
    /// What is evaluated or has yet to be reported.
    held: Mutex<BTreeMap<u64, Option<AbortHandle>>>,
    evaluated: AtomicU64,
    /// Why the session ends, once it does.
    ended: watch::Sender<Option<Ended>>,
}

impl Session {
    /// Works until the run is over or the worker is told to stop; how it ended, and how many evaluations were reported.
    pub(super) async fn run(self, beat: Duration, stop: &mut watch::Receiver<bool>) -> (Ended, u64) {
        let free = Arc::new(Semaphore::new(self.slots));
        let shared = Arc::new(Shared {
            session: self,
            free,
            held: Mutex::default(),
            evaluated: AtomicU64::new(0),
            ended: watch::Sender::new(None),
        });
        let mut heard = shared.ended.subscribe();
        let working = async {
            let ended = tokio::select! {
                () = shared.take_all() => None,
                () = stopped(stop) => Some(Ended::Stopped),
            };
            if ended.is_some() {
                shared.drain().await;
            }
            ended
        };
        let ended = tokio::select! {
            // Whatever ends the session otherwise is noted.
            Some(ended) = working => ended,
            () = shared.beat(beat) => Ended::Over,
            ended = heard.wait_for(Option::is_some) => {
                ended.ok().and_then(|ended| ended.clone()).unwrap_or(Ended::Over)
            }
        };
        shared.abort_all();
        if !matches!(ended, Ended::Over) {
            let leave = Request::Leave { worker: shared.session.worker };
            // Who is not there learns it by silence.
            let _ = tokio::time::timeout(FAREWELL, shared.session.link.ask(&leave)).await;
        }
        (ended, shared.evaluated.load(Relaxed))
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, BTreeMap<u64, Option<AbortHandle>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self) -> Vec<u64> {
        self.held().keys().copied().collect()
    }

    fn end(&self, ended: Ended) {
        // The first reason counts.
        self.ended.send_if_modified(|noted| {
            let first = noted.is_none();
            if first {
                *noted = Some(ended);
            }
            first
        });
    }

    /// Takes tickets whenever slots are free.
    async fn take_all(self: &Arc<Self>) {
        loop {
            let Ok(first) = Arc::clone(&self.free).acquire_owned().await else { return };
            let mut places = vec![first];
            while let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
                places.push(place);
            }
            let request = Request::Take {
                worker: self.session.worker,
                most: u32::try_from(places.len()).unwrap_or(u32::MAX),
                holds: self.holds(),
            };
            let Some(Reply::Tickets { tickets, drop }) = self.ask(&request).await else {
                // Why is noted, and ends the session.
                return std::future::pending().await;
            };
            self.abort(&drop);
            for (ticket, place) in tickets.into_iter().zip(places) {
                self.begin(ticket, place);
            }
        }
    }

    /// Evaluates a ticket in a place, and reports the result.
    fn begin(self: &Arc<Self>, ticket: Ticket, place: OwnedSemaphorePermit) {
        let candidate = ticket.candidate;
        let mut held = self.held();
        if held.contains_key(&candidate) {
            return;
        }
        held.insert(candidate, None);
        let shared = Arc::clone(self);
        let task = tokio::spawn(async move {
            shared.evaluate(ticket).await;
            shared.held().remove(&candidate);
            drop(place);
        });
        held.insert(candidate, Some(task.abort_handle()));
    }

    async fn evaluate(self: &Arc<Self>, ticket: Ticket) {
        let Ticket { run, candidate, draft, thresholds, seed, task, .. } = ticket;
        let begun = Instant::now();
        let mut bench = self.session.equipped.bench.clone();
        bench.assign(candidate, seed);
        let (outcome, isolation) = if task == self.session.task {
            let evaluator = Arc::clone(&self.session.equipped.evaluator);
            let draft = Arc::clone(&draft);
            // On a task of its own: a panic is a trouble of this worker.
            let evaluating = AbortOnDrop(tokio::spawn(async move {
                let result = evaluator.evaluate(&draft, &thresholds, &mut bench).await;
                (Outcome::from(result), bench.isolation().map(str::to_owned))
            }));
            match evaluating.joined().await {
                Ok(evaluated) => evaluated,
                Err(why) => (Outcome::Trouble { why }, None),
            }
        } else {
            (Outcome::Trouble { why: "it was given a ticket of another task".to_owned() }, None)
        };
        let outcome = trimmed(outcome);
        let broken = match &outcome {
            Outcome::Trouble { why } => Some(why.clone()),
            _ => None,
        };
        let answer = Box::new(Answer {
            protocol: PROTOCOL,
            run,
            candidate,
            task,
            draft: draft.digest().to_string(),
            outcome,
            isolation,
            ms: begun.elapsed().as_secs_f64() * 1e3,
        });
        let reply = self.ask(&Request::Done { worker: self.session.worker, answer }).await;
        if matches!(reply, Some(Reply::Noted { .. })) {
            self.evaluated.fetch_add(1, Relaxed);
        }
        if let Some(why) = broken {
            self.end(Ended::Broken(why));
        }
    }

    /// Says from time to time that it is alive; ends with the run.
    async fn beat(&self, every: Duration) {
        let mut heard = Instant::now();
        loop {
            tokio::time::sleep(every).await;
            let request = Request::Beat { worker: self.session.worker, holds: self.holds() };
            let asked = tokio::time::timeout(every, self.session.link.ask(&request)).await;
            match asked {
                Ok(Ok(Reply::Noted { drop })) => {
                    heard = Instant::now();
                    self.abort(&drop);
                }
                Ok(Ok(Reply::Over | Reply::Stranger)) => return,
                // Tickets and results say why.
                _ if self.session.give_up.is_some_and(|most| heard.elapsed() >= most) => return,
                _ => {}
            }
        }
    }

    /// Sends a message until there is a reply that goes on with the session; `None` once it has ended, for a reason that is
    /// noted.
    async fn ask(&self, request: &Request) -> Option<Reply> {
        let mut wait = FIRST_WAIT;
        loop {
            match self.session.link.ask(request).await {
                Ok(Reply::Over | Reply::Stranger) => {
                    self.end(Ended::Over);
                    return None;
                }
                Ok(Reply::Refused { why }) => {
                    self.end(Ended::Refused(why));
                    return None;
                }
                Ok(reply) => return Some(reply),
                Err(LinkError::Lasting(why)) => {
                    self.end(Ended::Refused(why));
                    return None;
                }
                Err(LinkError::Passing(why)) => (self.session.hear)(Heard::Waiting { why }),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Waits until all that was begun is reported.
    async fn drain(&self) {
        let running = self.held().len();
        (self.session.hear)(Heard::Draining { running });
        // Every evaluation gives its place back when it is reported; a ticket that was on its way is given to others.
        let all = u32::try_from(self.session.slots).unwrap_or(u32::MAX);
        let _ = self.free.acquire_many(all).await;
    }

    fn abort(&self, candidates: &[u64]) {
        let mut held = self.held();
        for candidate in candidates {
            if let Some(Some(task)) = held.remove(candidate) {
                task.abort();
            }
        }
    }

    fn abort_all(&self) {
        let all = self.holds();
        self.abort(&all);
    }
}

/// A task that ends when nobody waits for it any more.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    async fn joined(mut self) -> Result<T, String> {
        (&mut self.0).await.map_err(|error| format!("an evaluation did not end well: {error}"))
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A result without the artifacts that the coordinator would not keep.
fn trimmed(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Scored(mut score) => {
            score.artifacts = fitting(score.artifacts);
            Outcome::Scored(score)
        }
        Outcome::Invalid { why, artifacts } => Outcome::Invalid { why, artifacts: fitting(artifacts) },
        Outcome::Failed { why, artifacts } => Outcome::Failed { why, artifacts: fitting(artifacts) },
        trouble @ Outcome::Trouble { .. } => trouble,
    }
}
