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
    sync::{Notify, Semaphore, mpsc, watch},
    task::AbortHandle,
    time::Instant,
};

use super::{Equipped, FIRST_WAIT, Heard, LONGEST_WAIT, Tally, stopped};
use crate::workers::{
    Answer, Link, LinkError, Outcome, PROTOCOL, Reply, Request, Ticket, Work, message::MOST_ANSWERS,
};

/// Evaluations that are shorter than this have the next ones lie ahead.
const SHORT_MS: f64 = 250.0;
/// Bytes of artifacts after which results are reported without waiting for others.
const MOST_TOGETHER: usize = 256 << 10;
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
    pub(super) tally: Arc<Tally>,
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
    /// Places for evaluations at once.
    places: Arc<Semaphore>,
    held: Mutex<Held>,
    /// Told whenever something is not held any more.
    freed: Notify,
    /// Where results go that are to be reported.
    finished: mpsc::UnboundedSender<Answer>,
    evaluated: AtomicU64,
    /// Why the session ends, once it does.
    ended: watch::Sender<Option<Ended>>,
}

/// What was taken and has yet to be reported.
#[derive(Default)]
struct Held {
    tickets: BTreeMap<u64, Holding>,
    /// How long evaluations take, in milliseconds: a mean that forgets.
    mean_ms: Option<f64>,
}

#[derive(Default)]
struct Holding {
    task: Option<AbortHandle>,
    /// Whether its evaluation has begun.
    begun: bool,
}

impl Held {
    /// How many tickets may be held: one for each slot, and as many ahead where evaluations are so short that the way to
    /// the next ticket would show.
    fn capacity(&self, slots: usize) -> usize {
        if self.mean_ms.is_some_and(|ms| ms < SHORT_MS) { 2 * slots } else { slots }
    }

    fn took(&mut self, ms: f64) {
        self.mean_ms = Some(self.mean_ms.map_or(ms, |mean| mean + (ms - mean) / 8.0));
    }
}

impl Session {
    /// Works until the run is over or the worker is told to stop; how it ended, and how many evaluations were reported.
    pub(super) async fn run(self, beat: Duration, stop: &mut watch::Receiver<bool>) -> (Ended, u64) {
        let (finished, results) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            places: Arc::new(Semaphore::new(self.slots)),
            session: self,
            held: Mutex::default(),
            freed: Notify::new(),
            finished,
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
            () = shared.report_all(results) => Ended::Over,
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
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self) -> Vec<u64> {
        self.held().tickets.keys().copied().collect()
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

    /// Takes tickets whenever there is room for some.
    async fn take_all(self: &Arc<Self>) {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            let (room, holds) = {
                let held = self.held();
                let room = held.capacity(self.session.slots).saturating_sub(held.tickets.len());
                (room, held.tickets.keys().copied().collect())
            };
            if room == 0 {
                freed.await;
                continue;
            }
            let most = u32::try_from(room).unwrap_or(u32::MAX);
            let request = Request::Take { worker: self.session.worker, most, holds, wait: true };
            let Some(Reply::Tickets { tickets, drop, .. }) = self.ask(&request).await else {
                // Why is noted, and ends the session.
                return std::future::pending().await;
            };
            self.abort(&drop);
            for ticket in tickets.into_iter().take(room) {
                self.begin(ticket);
            }
        }
    }

    /// Does a ticket's work as soon as there is a place for it.
    fn begin(self: &Arc<Self>, ticket: Ticket) {
        let id = ticket.id;
        let mut held = self.held();
        if held.tickets.contains_key(&id) {
            return;
        }
        held.tickets.insert(id, Holding::default());
        let shared = Arc::clone(self);
        let task = tokio::spawn(async move {
            // Places are never closed.
            let Ok(_place) = Arc::clone(&shared.places).acquire_owned().await else { return };
            if let Some(holding) = shared.held().tickets.get_mut(&id) {
                holding.begun = true;
            }
            let running = shared.session.tally.begins();
            let answer = shared.done(ticket).await;
            drop(running);
            shared.session.tally.evaluated(&answer);
            shared.held().took(answer.ms);
            // Nobody is there to report it once the session has ended.
            let _ = shared.finished.send(answer);
        });
        if let Some(holding) = held.tickets.get_mut(&id) {
            holding.task = Some(task.abort_handle());
        }
    }

    async fn done(self: &Arc<Self>, ticket: Ticket) -> Answer {
        let Ticket { run, id, work, task, .. } = ticket;
        let begun = Instant::now();
        let equipped = Arc::clone(&self.session.equipped);
        let (done, outcome) = if task == self.session.task {
            let doing = Arc::clone(&work);
            // On a task of its own: a panic is a trouble of this worker.
            let doing = AbortOnDrop(tokio::spawn(async move { equipped.work(id, &doing).await }));
            doing.joined().await.map_or_else(
                |why| (Did::default(), Outcome::Trouble { why }),
                |(did, outcome)| (did, trimmed(outcome)),
            )
        } else {
            (Did::default(), Outcome::Trouble { why: "it was given a ticket of another task".to_owned() })
        };
        Answer {
            protocol: PROTOCOL,
            run,
            id,
            task,
            work: work.digest(),
            outcome,
            isolation: done.isolation,
            ms: done.took.unwrap_or_else(|| begun.elapsed()).as_secs_f64() * 1e3,
        }
    }

    /// Reports results as they come. Those that come while others are on their way go together.
    async fn report_all(&self, mut results: mpsc::UnboundedReceiver<Answer>) {
        while let Some(first) = results.recv().await {
            let mut bytes = artifact_bytes(&first);
            let mut answers = vec![first];
            while answers.len() < MOST_ANSWERS
                && bytes < MOST_TOGETHER
                && let Ok(next) = results.try_recv()
            {
                bytes += artifact_bytes(&next);
                answers.push(next);
            }
            // What nobody waits for any more is not told.
            answers.retain(|answer| self.held().tickets.contains_key(&answer.id));
            self.report(answers).await;
        }
    }

    async fn report(&self, answers: Vec<Answer>) {
        if answers.is_empty() {
            return;
        }
        let told: Vec<u64> = answers.iter().map(|answer| answer.id).collect();
        let broken = answers.iter().find_map(|answer| match &answer.outcome {
            Outcome::Trouble { why } => Some(why.clone()),
            _ => None,
        });
        let reply = self.ask(&Request::Done { worker: self.session.worker, answers }).await;
        if matches!(reply, Some(Reply::Noted { .. })) {
            self.evaluated.fetch_add(told.len() as u64, Relaxed);
            self.session.tally.reported(told.len());
        }
        for id in told {
            self.held().tickets.remove(&id);
        }
        self.freed.notify_waiters();
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
                Err(LinkError::Passing(why)) => {
                    self.session.tally.unheard();
                    (self.session.hear)(Heard::Waiting { why });
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Waits until all that was begun is reported. The rest, and what was on its way, is given to others.
    async fn drain(&self) {
        let waiting: Vec<u64> = {
            let held = self.held();
            held.tickets.iter().filter(|(_, holding)| !holding.begun).map(|(id, _)| *id).collect()
        };
        self.abort(&waiting);
        let running = self.held().tickets.len();
        (self.session.hear)(Heard::Draining { running });
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if self.held().tickets.is_empty() {
                return;
            }
            freed.await;
        }
    }

    fn abort(&self, ids: &[u64]) {
        let mut held = self.held();
        for id in ids {
            if let Some(Holding { task: Some(task), .. }) = held.tickets.remove(id) {
                task.abort();
            }
        }
        drop(held);
        self.freed.notify_waiters();
    }

    fn abort_all(&self) {
        let all = self.holds();
        self.abort(&all);
    }
}

/// How work was done.
#[derive(Default)]
struct Did {
    isolation: Option<String>,
    /// How long it took, where that is not all of the time.
    took: Option<Duration>,
}

impl Equipped {
    async fn work(&self, id: u64, work: &Work) -> (Did, Outcome) {
        match (self, work) {
            (Self::Evaluator { evaluator, bench, .. }, Work::Draft { draft, thresholds, seed }) => {
                let mut bench = (**bench).clone();
                bench.assign(id, *seed);
                let outcome = Outcome::from(evaluator.evaluate(draft, thresholds, &mut bench).await);
                (Did { isolation: bench.isolation().map(str::to_owned), took: None }, outcome)
            }
            (Self::Models(models), Work::Question(question)) => {
                let Some(model) = models.get(question.model as usize) else {
                    let why =
                        format!("it has {} models, and model {} was meant", models.len(), question.model);
                    return (Did::default(), Outcome::Trouble { why });
                };
                let (said, took) = model.reply(question).await;
                let did = Did { isolation: None, took: Some(took) };
                match said.unreached() {
                    Some(why) => (did, Outcome::Trouble { why: format!("{}: {why}", model.label()) }),
                    None => (did, Outcome::Said(said)),
                }
            }
            _ => (Did::default(), Outcome::Trouble { why: "it was given work of another kind".to_owned() }),
        }
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

/// Bytes of what an evaluation left.
fn artifact_bytes(answer: &Answer) -> usize {
    let artifacts = match &answer.outcome {
        Outcome::Scored(score) => &score.artifacts,
        Outcome::Invalid { artifacts, .. } | Outcome::Failed { artifacts, .. } => artifacts,
        Outcome::Said(_) | Outcome::Trouble { .. } => return 0,
    };
    artifacts.iter().map(|artifact| artifact.body.len()).sum()
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
        other @ (Outcome::Said(_) | Outcome::Trouble { .. }) => other,
    }
}
