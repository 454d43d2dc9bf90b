//! The coordinator's side: which drafts wait for an evaluation, who holds them until when, and which results count.
//!
//! A ticket is given out to one worker at a time, on a lease that the worker's beats extend. A worker that is silent for
//! longer, or holds a ticket beyond its deadline, has lost it: the ticket is given out again under the same id. The first
//! result of anybody who was given a ticket counts, later ones are dropped. A worker that dies never fails a candidate;
//! a ticket that was lost too often stops the run and is named.

mod answers;
mod figures;
mod state;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use samara_lm::Introduction;
use tokio::{
    sync::{Notify, futures::Notified, mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use self::state::State;
use super::{
    Answer, Reply, Request, Task, Ticket,
    message::{MOST_BYTES, PIECE},
};
use crate::EngineError;

/// How long the coordinator waits for workers, and how often it gives out what they lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long a worker may be silent before what it holds is given to others. It is asked to say something three times
    /// as often. Default 30 s.
    pub lease: Duration,
    /// How long a worker may hold a ticket at most, alive or not. Default 1 h.
    pub deadline: Duration,
    /// How long a worker that waits for tickets is kept waiting for a reply. Default 20 s.
    pub poll: Duration,
    /// How often a ticket may be lost before it stops the run. Default 5.
    pub losses: u32,
    /// How often workers may say of a ticket that they can't evaluate it before it stops the run. Default 3.
    pub troubles: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            deadline: Duration::from_secs(3600),
            poll: Duration::from_secs(20),
            losses: 5,
            troubles: 3,
        }
    }
}

/// The workers at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Workers that take tickets and were heard of within a lease.
    pub workers: usize,
    /// Their slots.
    pub slots: usize,
    /// Tickets that they hold.
    pub held: usize,
    /// Tickets that wait for a free slot.
    pub waiting: usize,
    /// Results that counted.
    pub evaluated: u64,
    /// Those of them that failed a candidate.
    pub failed: u64,
    /// Tickets that were lost and given out again.
    pub lost: u64,
    /// Results that came too late to count.
    pub late: u64,
    /// Results that could not be what was asked for.
    pub refused: u64,
    /// How long the ticket that is held longest has been held.
    pub oldest: Duration,
}

/// What is known of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerSeen {
    /// Its name.
    pub name: String,
    /// Its slots.
    pub slots: usize,
    /// Tickets that it holds.
    pub held: usize,
    /// Its results that counted.
    pub evaluated: u64,
    /// Those of them that failed a candidate.
    pub failed: u64,
    /// Wall time of its evaluations together, in seconds.
    pub seconds: f64,
}

/// A result that counted.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    /// The worker's name.
    pub(crate) worker: String,
}

/// The coordinator's side of all transports.
#[derive(Debug)]
pub struct Desk {
    run: String,
    task: Task,
    digest: String,
    /// The files of the task by their digests.
    files: BTreeMap<String, Arc<[u8]>>,
    patience: Patience,
    state: Mutex<State>,
    /// Told whenever a worker that waits may find something.
    arrived: Notify,
    /// Told whenever a ticket that was held waits again.
    given_back: Notify,
    news: mpsc::UnboundedSender<String>,
    /// What the first worker that has the task's models says of them: others must say the same.
    introductions: watch::Sender<Option<Vec<Introduction>>>,
}

impl Desk {
    /// The desk of a run, and what a person should hear of its workers, line by line. `files` are those of the task by
    /// their digests.
    pub fn new(
        run: impl Into<String>,
        task: Task,
        files: BTreeMap<String, Arc<[u8]>>,
        patience: Patience,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<String>) {
        let (news, heard) = mpsc::unbounded_channel();
        let desk = Self {
            run: run.into(),
            digest: task.digest(),
            task,
            files,
            patience,
            state: Mutex::new(State::new()),
            arrived: Notify::new(),
            given_back: Notify::new(),
            news,
            introductions: watch::Sender::new(None),
        };
        (Arc::new(desk), heard)
    }

    /// The run's id.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The digest of the task.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What is said of the task's models, in their order, once a worker has them.
    pub(crate) async fn introductions(&self) -> Vec<Introduction> {
        let mut heard = self.introductions.subscribe();
        // The sender lives as long as the desk.
        let said = heard.wait_for(Option::is_some).await;
        said.ok().and_then(|said| said.clone()).unwrap_or_default()
    }

    /// The workers at this moment.
    pub fn census(&self) -> Census {
        self.state().census(Instant::now(), self.patience.lease)
    }

    /// Every worker that was given a number in this session, in their order.
    pub fn workers(&self) -> Vec<WorkerSeen> {
        self.state().seen()
    }

    /// The run is over: workers are told so, and nobody gets a ticket any more.
    pub fn close(&self) {
        self.state().over = true;
        self.arrived.notify_waiters();
    }

    /// The reply to a message of a worker, as JSON; `None` if it is no message.
    pub async fn reply_to(&self, message: &[u8]) -> Option<Vec<u8>> {
        if message.len() > MOST_BYTES {
            return None;
        }
        let request = serde_json::from_slice(message).ok()?;
        serde_json::to_vec(&self.reply(request).await).ok()
    }

    /// The reply to a message of a worker. [`Request::Take`] may wait for a while.
    pub async fn reply(&self, request: Request) -> Reply {
        let worker = request.worker();
        let reply = self.replied(request).await;
        if let (Reply::Over, Some(worker)) = (&reply, worker) {
            self.state().part(worker);
        }
        reply
    }

    async fn replied(&self, request: Request) -> Reply {
        match request {
            Request::Hello { protocol, samara, name, slots, labels } => {
                self.hello(protocol, &samara, &name, slots, &labels)
            }
            Request::Fetch { digest, from } => self.piece(&digest, from),
            Request::Ready { worker, isolation, refuses, models } => {
                self.ready(worker, isolation, refuses.or_else(|| self.unlike(models)))
            }
            Request::Take { worker, most, holds, wait } => self.take(worker, most, &holds, wait).await,
            Request::Beat { worker, holds } => self.beat(worker, &holds),
            Request::Done { worker, answers } => self.done(worker, answers),
            Request::Leave { worker } => self.leave(worker),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole, so what a panicking thread left can be used.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that was held may wait again: for workers, and for slots here.
    fn returned(&self) {
        self.arrived.notify_waiters();
        self.given_back.notify_waiters();
    }

    fn tell(&self, news: String) {
        tracing::info!(news, "workers");
        // Nobody may listen.
        let _ = self.news.send(news);
    }

    fn piece(&self, digest: &str, from: u64) -> Reply {
        let Some(file) = self.files.get(digest) else {
            return Reply::Refused { why: "there is no such file".to_owned() };
        };
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(file.len());
        let piece = &file[from..file.len().min(from.saturating_add(PIECE))];
        Reply::Piece { base64: BASE64.encode(piece) }
    }

    /// Offers a draft to the workers. What is returned waits for the result, and takes the offer back when it is dropped.
    pub(crate) fn offer(self: &Arc<Self>, ticket: Ticket) -> Waiting {
        let id = ticket.id;
        let (sender, receiver) = oneshot::channel();
        self.state().open(ticket, sender);
        self.arrived.notify_waiters();
        Waiting { desk: Arc::clone(self), id, receiver }
    }

    /// The first of the tickets that nobody holds, by their candidates: as many as could be taken now, and a few more.
    #[cfg(feature = "nats")]
    pub(crate) fn wanted(&self) -> Vec<u64> {
        self.state().wanted(Instant::now(), self.patience.lease)
    }

    /// Ready once a worker that waits may find something, from the moment on that this was enabled.
    #[cfg(feature = "nats")]
    pub(crate) fn arrived(&self) -> Notified<'_> {
        self.arrived.notified()
    }

    /// How long a worker may be silent.
    #[cfg(feature = "nats")]
    pub(crate) fn lease(&self) -> Duration {
        self.patience.lease
    }

    /// Ready once any ticket that was held waits again, from the moment on that this was enabled.
    pub(crate) fn given_back(&self) -> Notified<'_> {
        self.given_back.notified()
    }

    /// Looks after a ticket; when to do so again.
    fn look_after(&self, id: u64) -> Instant {
        let now = Instant::now();
        let (next, lost) = self.state().expire(id, now, &self.patience);
        if let Some(lost) = lost {
            self.tell(lost);
            self.returned();
        }
        next
    }
}

/// A draft that was offered to the workers.
#[derive(Debug)]
pub(crate) struct Waiting {
    desk: Arc<Desk>,
    id: u64,
    receiver: oneshot::Receiver<Result<Answered, EngineError>>,
}

impl Waiting {
    /// Takes the draft back to evaluate it here, unless a worker holds it.
    pub(crate) fn take_back(&self) -> bool {
        self.desk.state().take_back(self.id)
    }

    /// Whether nobody holds it.
    pub(crate) fn is_free(&self) -> bool {
        self.desk.state().is_free(self.id)
    }

    /// The first result that counts. It may be dropped and asked for again.
    pub(crate) async fn answered(&mut self) -> Result<Answered, EngineError> {
        loop {
            let next = self.desk.look_after(self.id);
            tokio::select! {
                biased;
                answered = &mut self.receiver => {
                    let closed = || EngineError::Internal("a ticket that nobody looks after".to_owned());
                    return answered.unwrap_or_else(|_| Err(closed()));
                }
                () = sleep_until(next) => {}
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.desk.state().forget(self.id);
    }
}
