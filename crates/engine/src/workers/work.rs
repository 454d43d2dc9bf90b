//! The worker's side: greets the coordinator, fetches what it lacks, takes tickets, answers, and leaves.
//!
//! A worker has no state that anybody would miss: it can be killed at any moment. Told to stop, it takes no more tickets,
//! ends what it has begun, and goes.

mod session;
mod tally;

use std::{path::Path, sync::Arc, time::Duration};

use samara_lm::{Introduction, Respondent};
use tokio::{sync::watch, time::Instant};

use self::session::{Ended, Session};
pub use self::tally::Tally;
use super::{Link, LinkError, PROTOCOL, Reply, Request, Task, cache::Cache, task::digest_of};
use crate::{Bench, Evaluator};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};

/// How long a worker waits before it asks again where it got no reply. It doubles up to the longest wait.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a worker says of itself, and how long it stays.
#[derive(Debug, Clone)]
pub struct Me {
    /// A name for people.
    pub name: String,
    /// Tickets that it works at at once, 1 or more.
    pub slots: u32,
    /// What a run may ask for, such as `gpu`.
    pub labels: Vec<String>,
    /// The version of samara.
    pub samara: String,
    /// How long it waits for a coordinator, or for the next run after the last; `None` for as long as it lives.
    pub give_up: Option<Duration>,
    /// What it counts.
    pub tally: Arc<Tally>,
}

/// What does a task's work here.
pub enum Equipped {
    /// It evaluates drafts.
    Evaluator {
        /// The evaluator.
        evaluator: Arc<dyn Evaluator>,
        /// What it evaluates with.
        bench: Box<Bench>,
        /// How programs are isolated, for people; `None` if none runs.
        isolation: Option<String>,
    },
    /// It asks models, which stand in the task's order.
    Models(Vec<Arc<Respondent>>),
}

impl Equipped {
    /// How programs are isolated, or which models there are, for people.
    fn told(&self) -> Option<String> {
        match self {
            Self::Evaluator { isolation, .. } => isolation.clone(),
            Self::Models(models) => {
                Some(models.iter().map(|model| model.label()).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn introductions(&self) -> Vec<Introduction> {
        match self {
            Self::Evaluator { .. } => Vec::new(),
            Self::Models(models) => models.iter().map(|model| model.introduction().clone()).collect(),
        }
    }
}

/// Makes what does a task's work; it may block.
pub trait Equip: Send + Sync {
    /// What does a task's work, whose files lie in `folder`, with so many slots.
    ///
    /// # Errors
    /// Why this worker can't, for a person.
    fn equip(&self, task: &Task, folder: &Path, slots: u32) -> Result<Equipped, String>;
}

/// What a worker tells its person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It works for a run from here on.
    Begun {
        /// The run's id.
        run: String,
        /// How it isolates programs, or which models it has.
        isolation: Option<String>,
    },
    /// A message had no reply; it is sent again.
    Waiting {
        /// Why.
        why: String,
    },
    /// The run that it worked for is over, or its coordinator begins anew.
    Over {
        /// Evaluations that it has reported.
        evaluated: u64,
    },
    /// It was told to stop, and ends what it has begun.
    Draining {
        /// Evaluations.
        running: usize,
    },
}

/// Why a worker has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It was told to.
    Stopped,
    /// It has waited long enough.
    GaveUp,
    /// It can't work for this coordinator, or may not.
    Refused(String),
    /// Its sandbox is broken.
    Broken(String),
}

/// Works for whoever coordinates at the other end of a link, until it is told to stop.
pub async fn work(
    link: Arc<dyn Link>,
    me: &Me,
    (cache, equip): (&Cache, Arc<dyn Equip>),
    stop: watch::Receiver<bool>,
    hear: Arc<dyn Fn(Heard) + Send + Sync>,
) -> Done {
    let mut worker =
        Worker { link, me, cache, equip, stop, hear, equipped: None, alone_since: Instant::now() };
    loop {
        match worker.serve().await {
            Ok(()) => {}
            Err(done) => return done,
        }
    }
}

struct Worker<'a> {
    link: Arc<dyn Link>,
    me: &'a Me,
    cache: &'a Cache,
    equip: Arc<dyn Equip>,
    stop: watch::Receiver<bool>,
    hear: Arc<dyn Fn(Heard) + Send + Sync>,
    /// What it has set up last, by the digest of the task: a coordinator that begins anew finds it ready.
    equipped: Option<(String, Arc<Equipped>)>,
    /// Since when it has had no run to work for.
    alone_since: Instant,
}

impl Worker<'_> {
    /// Works for one coordinator, from the greeting to the end of its run.
    async fn serve(&mut self) -> Result<(), Done> {
        let Me { name, slots, labels, samara, .. } = self.me;
        let hello = Request::Hello {
            protocol: PROTOCOL,
            samara: samara.clone(),
            name: name.clone(),
            slots: *slots,
            labels: labels.clone(),
        };
        let (worker, run, task, beat) = match self.ask(&hello).await? {
            Reply::Welcome { protocol: PROTOCOL, worker, run, task, beat_ms } => {
                (worker, run, task, Duration::from_millis(beat_ms.max(1)))
            }
            Reply::Refused { why } => return Err(Done::Refused(why)),
            // The end of a run: the next one may begin here.
            _ => return self.pause("the coordinator has no work").await,
        };
        let equipped = self.equipped(&task).await?;
        let (isolation, refuses, models) = match &equipped {
            Ok(equipped) => (equipped.told(), None, equipped.introductions()),
            Err(why) => (None, Some(why.clone()), Vec::new()),
        };
        let ready = Request::Ready { worker, isolation: isolation.clone(), refuses: refuses.clone(), models };
        let reply = self.ask(&ready).await?;
        let equipped = equipped.map_err(Done::Refused)?;
        match reply {
            Reply::Noted { .. } => {}
            Reply::Refused { why } => return Err(Done::Refused(why)),
            _ => return self.pause("the coordinator has no work").await,
        }
        (self.hear)(Heard::Begun { run: run.clone(), isolation });
        let session = Session {
            link: Arc::clone(&self.link),
            worker,
            task: task.digest(),
            slots: *slots as usize,
            equipped,
            hear: Arc::clone(&self.hear),
            give_up: self.me.give_up,
            tally: Arc::clone(&self.me.tally),
        };
        self.me.tally.works(true);
        let (ended, evaluated) = session.run(beat, &mut self.stop).await;
        self.me.tally.works(false);
        self.alone_since = Instant::now();
        match ended {
            Ended::Stopped => Err(Done::Stopped),
            Ended::Broken(why) => Err(Done::Broken(why)),
            Ended::Refused(why) => Err(Done::Refused(why)),
            Ended::Over => {
                (self.hear)(Heard::Over { evaluated });
                Ok(())
            }
        }
    }

    /// Waits a little before it greets again.
    async fn pause(&mut self, why: &str) -> Result<(), Done> {
        (self.hear)(Heard::Waiting { why: why.to_owned() });
        self.wait(LONGEST_WAIT / 5).await
    }

    async fn wait(&mut self, time: Duration) -> Result<(), Done> {
        if self.me.give_up.is_some_and(|most| self.alone_since.elapsed() >= most) {
            return Err(Done::GaveUp);
        }
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = stopped(&mut self.stop) => Err(Done::Stopped),
        }
    }

    /// Sends a message until there is a reply.
    async fn ask(&mut self, request: &Request) -> Result<Reply, Done> {
        let mut wait = FIRST_WAIT;
        loop {
            let link = Arc::clone(&self.link);
            let reply = tokio::select! {
                reply = link.ask(request) => reply,
                () = stopped(&mut self.stop) => return Err(Done::Stopped),
            };
            match reply {
                Ok(reply) => return Ok(reply),
                Err(LinkError::Lasting(why)) => return Err(Done::Refused(why)),
                Err(LinkError::Passing(why)) => {
                    self.me.tally.unheard();
                    (self.hear)(Heard::Waiting { why });
                }
            }
            self.wait(wait).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// What does a task's work; the inner error says why this worker can't.
    async fn equipped(&mut self, task: &Task) -> Result<Result<Arc<Equipped>, String>, Done> {
        let digest = task.digest();
        if let Some((known, equipped)) = &self.equipped
            && *known == digest
        {
            return Ok(Ok(Arc::clone(equipped)));
        }
        // Two of them at once might be more than this machine can bear.
        self.equipped = None;
        if let Err(why) = task.check() {
            return Ok(Err(format!("its task can't be used: {why}")));
        }
        for file in &task.files {
            if self.cache.get(file).is_none()
                && let Err(why) = self.fetch(file).await?
            {
                return Ok(Err(why));
            }
        }
        let (cache, equip, task) = (self.cache.clone(), Arc::clone(&self.equip), task.clone());
        let slots = self.me.slots;
        let made = tokio::task::spawn_blocking(move || {
            let folder = cache.lay_out(&task)?;
            equip.equip(&task, &folder, slots).map(Arc::new)
        });
        let made = made.await.unwrap_or_else(|error| Err(error.to_string()));
        if let Ok(equipped) = &made {
            self.equipped = Some((digest, Arc::clone(equipped)));
        }
        Ok(made)
    }

    /// Fetches a file into the cache, piece by piece.
    async fn fetch(&mut self, file: &super::TaskFile) -> Result<Result<(), String>, Done> {
        let mut bytes: Vec<u8> = Vec::new();
        while (bytes.len() as u64) < file.bytes {
            let request = Request::Fetch { digest: file.digest.clone(), from: bytes.len() as u64 };
            let Reply::Piece { base64 } = self.ask(&request).await? else {
                return Ok(Err(format!("the coordinator does not send {}", file.path)));
            };
            let Ok(piece) = BASE64.decode(base64) else {
                return Ok(Err(format!("the coordinator does not send {} as it should", file.path)));
            };
            if piece.is_empty() || bytes.len() as u64 + piece.len() as u64 > file.bytes {
                return Ok(Err(format!("{} is not as long as was said", file.path)));
            }
            bytes.extend_from_slice(&piece);
        }
        if digest_of(&bytes) != file.digest {
            return Ok(Err(format!("{} is not the file of its digest", file.path)));
        }
        Ok(self.cache.put(file, &bytes))
    }
}

/// Ready once the worker is told to stop; never if nobody can tell it any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
