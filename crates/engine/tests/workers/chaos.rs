//! Workers die at drawn moments, and messages are lost and repeated: the archive stays what it is.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use samara_engine::workers::{Desk, Link, LinkError, Patience, Request, link::Replied};
use samara_qd::Stream;

use crate::{
    suite::{Kit, Worker, desk, expected, numbers, patient, run},
    transports::{Transport, all},
};

/// A link that loses and repeats messages, and stays silent for good once its worker is dead.
struct Shaky {
    link: Arc<dyn Link>,
    dead: Arc<AtomicBool>,
    drawn: Mutex<Stream>,
    /// Of a hundred messages: so many are lost, so many replies are lost, so many are sent twice.
    losses: [usize; 3],
}

impl Link for Shaky {
    fn ask<'a>(&'a self, request: &'a Request) -> Replied<'a> {
        Box::pin(async move {
            let drawn = self.drawn.lock().unwrap().index(100);
            let [lost, unheard, twice] = self.losses;
            let broke = || Err(LinkError::Passing("the connection broke".to_owned()));
            if self.dead.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
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
fn brief() -> Patience {
    let lease = Duration::from_millis(300);
    Patience { lease, losses: u32::MAX, ..patient() }
}

/// Starts workers over shaky links, and kills the oldest of them at drawn counts of results; ends with the run.
async fn torment(desk: Arc<Desk>, way: Arc<Transport>, kit: Arc<Kit>, seed: u64, losses: [usize; 3]) {
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
            let shaky = Shaky { link: way.link(), dead: Arc::clone(&dead), drawn, losses };
            let worker = Worker::start(Arc::new(shaky), Arc::clone(&kit) as _, cache.path(), 3);
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
            let torment = tokio::spawn(torment(Arc::clone(&desk), Arc::clone(&way), kit, seed, [0; 3]));
            let (hash, _) = run(&numbers, &desk, 0, 0.0).await;
            assert_eq!(hash.unwrap(), expected, "{transport}, seed {seed}");
            torment.abort();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_and_repeated_messages_cost_time_and_never_the_run() {
    let expected = expected().await;
    for transport in all() {
        let desk = desk(brief());
        let way = Arc::new(Transport::open(transport, &desk).await);
        let numbers = numbers();
        let kit = Kit::of(&numbers);
        let torment = tokio::spawn(torment(Arc::clone(&desk), Arc::clone(&way), kit, 9, [5, 5, 5]));
        let (hash, _) = run(&numbers, &desk, 1, 0.0).await;
        assert_eq!(hash.unwrap(), expected, "{transport}");
        torment.abort();
    }
}
