//! Turns on the sandbox: how a job waits, runs and becomes an answer.

use crate::bounds::Bounds;
use crate::job;
use crate::memory::{self, ASKED_NODE, ASKED_TEXT, Account, Pool, Share};
use crate::metrics::Metrics;
use crate::openelm::{self, Reply, Route};
use crate::pieces::{self, Pieces, Writer};
use crate::read::Posted;
use crate::refusal::Refusal;
use axum::http::StatusCode;
use samara_sandbox::json::{Meter, Told};
use samara_sandbox::{Job, Sandbox, SandboxError, Verdict};
use std::io::Write;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The sandbox, and what waits for it.
pub(crate) struct Runner {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) bounds: Bounds,
    pub(crate) metrics: Metrics,
    pub(crate) asked: Pool,
    running: Pool,
    answers: Pool,
    queue: Arc<Semaphore>,
    /// One for each fork server.
    turns: Arc<Semaphore>,
    /// One for each CPU: reading and writing values.
    work: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

/// A place in the queue and the memory of a request, until both can be given back.
#[derive(Debug)]
pub(crate) struct Held {
    _place: OwnedSemaphorePermit,
    _asked: Share,
}

/// A program that has ended, in the memory that it needs.
pub(crate) struct Ran {
    pub(crate) verdict: Verdict,
    _share: Share,
}

/// What is written as an answer.
pub(crate) enum Said {
    /// The verdict itself.
    Verdict(Ran),
    /// What OpenELM's clients read.
    OpenElm(Route, String, Ran),
    /// The entry of a list for a program without an answer of its own.
    Not(String, String),
}

/// An answer that is written.
pub(crate) struct Written {
    /// Whether the program is valid, for OpenELM's routes.
    pub(crate) valid: bool,
    pub(crate) length: usize,
    pub(crate) pieces: Pieces,
}

impl Runner {
    pub(crate) fn new(sandbox: Sandbox, bounds: Bounds) -> Self {
        let (asked, running, answers) = memory::split(bounds.memory);
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let places = |count: usize| Arc::new(Semaphore::new(count));
        Self {
            turns: places(sandbox.servers().len().max(1)),
            sandbox: Arc::new(sandbox),
            queue: places(bounds.queue),
            work: places(cpus),
            metrics: Metrics::default(),
            asked: Pool::new(asked),
            running: Pool::new(running),
            answers: Pool::new(answers),
            stopping: watch::Sender::new(false),
            bounds,
        }
    }

    /// What waits is sent away from now on.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Requests in the queue.
    pub(crate) fn queued(&self) -> usize {
        self.bounds.queue - self.queue.available_permits()
    }

    /// Memory pools with their names: bytes that are taken, and all.
    pub(crate) fn memory(&self) -> [(&'static str, usize, usize); 3] {
        [("asked", &self.asked), ("running", &self.running), ("answers", &self.answers)]
            .map(|(name, pool)| (name, pool.taken(), pool.size()))
    }

    /// Reads the request of `/v1/run`.
    pub(crate) async fn read_run(&self, posted: Posted) -> Result<(Job, Share), Refusal> {
        self.read(posted, job::read).await
    }

    /// Reads a request of OpenELM's.
    pub(crate) async fn read_openelm(
        &self,
        route: Route,
        posted: Posted,
    ) -> Result<(openelm::Request, Share), Refusal> {
        let list = self.bounds.list;
        self.read(posted, move |bytes, meter| openelm::read(route, bytes, list, meter)).await
    }

    /// Reads what was posted on a blocking thread; what it becomes is taken from the memory for what was asked.
    async fn read<T: Send + 'static>(
        &self,
        posted: Posted,
        read: impl Fn(&[u8], &Meter<'_>) -> Result<T, String> + Send + 'static,
    ) -> Result<(T, Share), Refusal> {
        let account = Account::new(self.asked.try_take(0).ok_or_else(Refusal::full)?);
        let nodes = self.bounds.nodes;
        self.work(move || {
            let take = |nodes: usize, text: usize| {
                account.take(nodes.saturating_mul(ASKED_NODE) + text.saturating_mul(ASKED_TEXT))
            };
            let meter = Meter::new(nodes, &take);
            let read = read(&posted.bytes, &meter);
            let refused = meter.refused();
            match read {
                Ok(read) => Ok((read, account.into_share())),
                Err(_) if refused => Err(Refusal::full()),
                Err(why) => Err(Refusal::bad(why)),
            }
        })
        .await?
    }

    /// Does something that takes a while on a blocking thread, as many at once as there are CPUs.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let turn = Arc::clone(&self.work).acquire_owned().await;
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        working.await.map_err(|error| Refusal::unavailable(error.to_string()))
    }

    /// A place in the queue, if there is one.
    pub(crate) fn queue(&self, asked: Share) -> Result<Arc<Held>, Refusal> {
        let place = Arc::clone(&self.queue).try_acquire_owned();
        let full = |_| Refusal(StatusCode::TOO_MANY_REQUESTS, "the queue is full".to_owned());
        Ok(Arc::new(Held { _place: place.map_err(full)?, _asked: asked }))
    }

    /// Runs a job when its turn comes. What is held stays held until the program has ended, even if nobody waits for it
    /// any more.
    pub(crate) async fn run(&self, job: Job, held: &Arc<Held>) -> Result<Ran, Refusal> {
        let mut stopping = self.stopping.subscribe();
        let turn = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => None,
            turn = self.turn(&job) => Some(turn),
        };
        let (turn, mut share) = turn.ok_or_else(|| Refusal::unavailable("the server stops"))??;
        let (sandbox, held) = (Arc::clone(&self.sandbox), Arc::clone(held));
        let ran = tokio::task::spawn_blocking(move || {
            let verdict = sandbox.run(&job);
            drop(job);
            if let Ok(verdict) = &verdict {
                share.keep(memory::of_verdict(verdict));
            }
            drop((turn, held));
            verdict.map(|verdict| Ran { verdict, _share: share })
        });
        match ran.await.map_err(|error| Refusal::unavailable(error.to_string()))? {
            Ok(ran) => {
                self.metrics.ran(&ran.verdict);
                Ok(ran)
            }
            Err(error @ SandboxError::Job(_)) => Err(Refusal::bad(error.to_string())),
            Err(error) => Err(Refusal::unavailable(error.to_string())),
        }
    }

    async fn turn(&self, job: &Job) -> Result<(OwnedSemaphorePermit, Share), Refusal> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| Refusal::unavailable(error.to_string()))?;
        let share = tokio::time::timeout(self.bounds.patience, self.running.take(memory::of_run(job)));
        Ok((turn, share.await.ok().flatten().ok_or_else(Refusal::full)?))
    }

    /// Writes an answer of at most so many bytes, behind a byte that parts it from the one before. `None` if it is longer.
    pub(crate) async fn write(
        &self,
        said: Said,
        most: usize,
        before: Option<u8>,
    ) -> Result<Option<Written>, Refusal> {
        let answers = self.answers.clone();
        let counted = self.work(move || {
            let Some(length) = said.length(most) else { return Counted::TooLong };
            match answers.try_take(pieces::cost(length + 1)) {
                Some(share) => Counted::Written(said.write(length, before, share)),
                None => Counted::Waits(said, length),
            }
        });
        let (said, length) = match counted.await? {
            Counted::TooLong => return Ok(None),
            Counted::Written(written) => return Ok(Some(written)),
            Counted::Waits(said, length) => (said, length),
        };
        let share = tokio::time::timeout(self.bounds.patience, self.answers.take(pieces::cost(length + 1)));
        let share = share.await.ok().flatten().ok_or_else(Refusal::full)?;
        self.work(move || said.write(length, before, share)).await.map(Some)
    }
}

/// An answer whose length is known.
enum Counted {
    TooLong,
    Written(Written),
    /// There is no memory for it yet.
    Waits(Said, usize),
}

impl Said {
    fn length(&self, most: usize) -> Option<usize> {
        match self {
            Self::Verdict(ran) => pieces::length(&Told(&ran.verdict), most),
            Self::OpenElm(route, code, ran) => {
                pieces::length(&Reply::new(*route, code, &ran.verdict.ending), most)
            }
            Self::Not(code, why) => pieces::length(&Reply::none(code, why), most),
        }
    }

    /// Writes it into memory for one byte more than its length. What was said is given back at once.
    fn write(self, length: usize, before: Option<u8>, share: Share) -> Written {
        let mut writer = Writer::new(length + usize::from(before.is_some()), share);
        // This writer takes everything.
        let _ = writer.write_all(before.as_slice());
        let valid = match &self {
            Self::Verdict(ran) => {
                writer.json(&Told(&ran.verdict));
                true
            }
            Self::OpenElm(route, code, ran) => {
                let reply = Reply::new(*route, code, &ran.verdict.ending);
                writer.json(&reply);
                reply.valid()
            }
            Self::Not(code, why) => {
                writer.json(&Reply::none(code, why));
                false
            }
        };
        Written { valid, length, pieces: writer.finish() }
    }
}
