//! Workers die at drawn moments, and messages are lost, repeated, and come out of order: the archive stays what it is.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use samara_engine::workers::{Census, Desk, Equip, Link, LinkError, Patience, Request, link::Replied};
use samara_qd::Stream;

use crate::{
    suite::{Kit, Worker, desk, expected, numbers, patient, run},
    transports::{Transport, all},
};

/// What may become of messages: of a hundred so many each.
#[derive(Clone, Copy, Default)]
pub(crate) struct Odds {
    /// They are lost.
    pub(crate) lost: usize,
    /// Their replies are lost.
    pub(crate) unheard: usize,
    /// They are sent twice.
    pub(crate) twice: usize,
    /// They wait while others overtake them.
    pub(crate) late: usize,
    /// Behind them an earlier one is sent again, whatever has happened since.
    pub(crate) stale: usize,
}

/// Earlier messages that are kept to be sent again.
const KEPT: usize = 64;
/// Looks at most that a message waits while others overtake it.
const LOOKS: usize = 60;

/// A link that does these, and stays silent for good once its worker is dead.
struct Shaky {
    link: Arc<dyn Link>,
    dead: Arc<AtomicBool>,
    drawn: Mutex<Stream>,
    odds: Odds,
    earlier: Mutex<Vec<Request>>,
}

impl Shaky {
    fn drawn(&self, below: usize) -> usize {
        self.drawn.lock().unwrap().index(below)
    }

    /// Lets others overtake a message, and sends an earlier one behind its back, if that is drawn.
    async fn mix_up(&self, request: &Request) {
        if self.drawn(100) < self.odds.late {
            for _ in 0..self.drawn(LOOKS) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let again = (self.drawn(100) < self.odds.stale).then(|| self.drawn(KEPT));
        let stale = {
            let mut earlier = self.earlier.lock().unwrap();
            let stale = again.and_then(|number| earlier.get(number).cloned());
            if earlier.len() < KEPT {
                earlier.push(request.clone());
            }
            stale
        };
        if let Some(stale) = stale {
            let link = Arc::clone(&self.link);
            // Nobody hears the reply.
            tokio::spawn(async move { link.ask(&stale).await });
        }
    }
}

impl Link for Shaky {
    fn ask<'a>(&'a self, request: &'a Request) -> Replied<'a> {
        Box::pin(async move {
            let drawn = self.drawn(100);
            let Odds { lost, unheard, twice, .. } = self.odds;
            let broke = || Err(LinkError::Passing("the connection broke".to_owned()));
            if self.dead.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            self.mix_up(request).await;
            if drawn < lost {
                return broke();
            }
            if drawn >= 100 - twice {
                // The first copy may be under way for as long as a reply takes.
                let _ = self.link.ask(request).await;
            }
            let reply = self.link.ask(request).await;
            if self.dead.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            if drawn < lost + unheard { broke() } else { reply }
        })
    }
}

/// A lease so short that the dead are noticed soon. Losses that are none, on a busy machine, do no harm.
pub(crate) fn brief() -> Patience {
    let lease = Duration::from_millis(300);
    Patience { lease, losses: u32::MAX, ..patient() }
}

/// Starts workers over shaky links, and kills the oldest of them at drawn counts of results; ends with the run of the
/// numbers.
pub(crate) async fn torment(
    desk: Arc<Desk>,
    way: Arc<Transport>,
    kit: Arc<dyn Equip>,
    seed: u64,
    odds: Odds,
) {
    let cache = tempfile::tempdir().unwrap();
    let mut stream = Stream::named(seed, "chaos");
    let mut alive = std::collections::VecDeque::new();
    let mut born = 0;
    let mut next = 0;
    while desk.census().evaluated < 120 {
        while alive.len() < 3 {
            let dead = Arc::new(AtomicBool::new(false));
            let drawn = Mutex::new(Stream::named(seed, &format!("link {born}")));
            born += 1;
            let (link, earlier) = (way.link(), Mutex::default());
            let shaky = Shaky { link, dead: Arc::clone(&dead), drawn, odds, earlier };
            let worker = Worker::start(Arc::new(shaky), Arc::clone(&kit), cache.path(), 3);
            alive.push_back((dead, worker));
        }
        if desk.census().evaluated >= next {
            if let Some((dead, _)) = alive.pop_front() {
                dead.store(true, Ordering::Relaxed);
            }
            next = desk.census().evaluated + stream.index(25) as u64 + 5;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_cost_time_and_never_the_run() {
    let expected = expected().await;
    for transport in all() {
        for seed in 0..3 {
            let desk = desk(brief());
            let way = Arc::new(Transport::open(transport, &desk).await);
            let numbers = numbers();
            let kit = Kit::of(&numbers);
            let torment =
                tokio::spawn(torment(Arc::clone(&desk), Arc::clone(&way), kit, seed, Odds::default()));
            let (hash, _) = run(&numbers, &desk, 0, 0.0).await;
            assert_eq!(hash.unwrap(), expected, "{transport}, seed {seed}");
            torment.abort();
        }
    }
}

async fn mixed_up(seed: u64, odds: Odds) {
    let expected = expected().await;
    for transport in all() {
        let desk = desk(brief());
        let way = Arc::new(Transport::open(transport, &desk).await);
        let numbers = numbers();
        let kit = Kit::of(&numbers);
        let torment = tokio::spawn(torment(Arc::clone(&desk), Arc::clone(&way), kit, seed, odds));
        let (hash, _) = run(&numbers, &desk, 1, 0.0).await;
        assert_eq!(hash.unwrap(), expected, "{transport}");
        let Census { held, waiting, refused, .. } = desk.census();
        assert_eq!((held, waiting, refused), (0, 0, 0), "{transport}");
        torment.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_and_repeated_messages_cost_time_and_never_the_run() {
    mixed_up(9, Odds { lost: 5, unheard: 5, twice: 5, ..Odds::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_out_of_order_and_old_ones_that_come_again_cost_time_and_never_the_run() {
    mixed_up(10, Odds { unheard: 5, twice: 5, late: 30, stale: 20, ..Odds::default() }).await;
}
