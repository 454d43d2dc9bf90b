//! A network between both sides that stalls, and cuts connections in the middle of a message: the archive stays what it is.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use samara_engine::workers::{Census, Desk, HttpLink, Link, Patience};
use samara_qd::Stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

use crate::{
    suite::{Kit, Worker, desk, expected, numbers, patient, run},
    transports::{TOKEN, Transport},
};

/// Of a thousand pieces of a connection: so many end it, with a part of them or nothing come through; so many wait.
const CUT: usize = 30;
const STALLED: usize = 60;
/// A look at a stalled connection, and how many there are at most before it goes on: longer than a lease.
const LOOK: Duration = Duration::from_millis(1);
const MOST_LOOKS: usize = 800;
/// Looks at a run in which nothing changes, after which it hangs.
const HANGS: usize = 120_000;

/// A proxy that does harm so many times, and then carries what comes.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    harm: Arc<Harm>,
    serving: JoinHandle<()>,
}

/// What is left to be done to connections.
struct Harm {
    left: AtomicUsize,
    done: Mutex<(usize, usize)>,
}

/// What becomes of a piece of a connection.
enum Fate {
    Through,
    Cut,
    Stalled,
}

impl Harm {
    /// The fate of a piece by what is drawn for it, as long as harm is to be done. However few pieces there are, the first is
    /// cut and the next stalled.
    fn fate(&self, drawn: usize) -> Fate {
        let mut done = self.done.lock().unwrap();
        let fate = match *done {
            (0, _) => Fate::Cut,
            (_, 0) => Fate::Stalled,
            _ if drawn < CUT => Fate::Cut,
            _ if drawn < CUT + STALLED => Fate::Stalled,
            _ => return Fate::Through,
        };
        if self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
            return Fate::Through;
        }
        match fate {
            Fate::Cut => done.0 += 1,
            Fate::Stalled => done.1 += 1,
            Fate::Through => {}
        }
        fate
    }
}

impl Proxy {
    /// A way to an address, honest until it is told otherwise.
    pub(crate) async fn open(to: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let harm = Arc::new(Harm { left: AtomicUsize::new(0), done: Mutex::default() });
        let known = Arc::clone(&harm);
        let serving = tokio::spawn(async move {
            for number in 0_u64.. {
                let Ok((near, _)) = listener.accept().await else { return };
                let (harm, name) = (Arc::clone(&known), format!("connection {number}"));
                tokio::spawn(async move {
                    // Who can't be reached is silent here: the connection ends.
                    let Ok(far) = TcpStream::connect(to).await else { return };
                    let (from_near, to_near) = near.into_split();
                    let (from_far, to_far) = far.into_split();
                    let drawn = |way: &str| Stream::named(seed, &format!("{name}, {way}"));
                    tokio::select! {
                        () = carry(from_near, to_far, drawn("there"), &harm) => {}
                        () = carry(from_far, to_near, drawn("back"), &harm) => {}
                    }
                });
            }
        });
        Self { address, harm, serving }
    }

    /// Does harm from now on, so many times.
    pub(crate) fn harm(&self, times: usize) {
        self.harm.left.store(times, Relaxed);
    }

    /// How many connections it has cut and stalled.
    pub(crate) fn done(&self) -> (usize, usize) {
        *self.harm.done.lock().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Carries bytes one way, until either side ends or a cut is drawn.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut drawn: Stream, harm: &Harm) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        match harm.fate(drawn.index(1000)) {
            Fate::Through => {}
            Fate::Cut => {
                let part = drawn.index(read + 1);
                let _ = to.write_all(&buffer[..part]).await;
                return;
            }
            Fate::Stalled => {
                for _ in 0..drawn.index(MOST_LOOKS) {
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// A lease so short that a stall can outlast it. Losses that are none, on a busy machine, do no harm.
pub(crate) fn brief() -> Patience {
    Patience { lease: Duration::from_millis(300), losses: u32::MAX, ..patient() }
}

/// Ends a test whose run does not come to its end: nothing changes there, however often one looks.
async fn hangs(desk: Arc<Desk>) {
    let mut looks = 0;
    let mut last = 0;
    while looks < HANGS {
        tokio::time::sleep(LOOK).await;
        let Census { evaluated, .. } = desk.census();
        looks = if evaluated == last { looks + 1 } else { 0 };
        last = evaluated;
    }
    panic!("nothing was evaluated in {HANGS} looks: {:?}", desk.census());
}

/// A run whose workers reach their coordinator through a proxy that does harm so many times.
pub(crate) async fn harmed(
    what: &str,
    (desk, link): (&Arc<Desk>, &dyn Fn() -> Arc<dyn Link>),
    (proxy, times): (&Proxy, usize),
    expected: &str,
) {
    let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
    let kit = Kit::of(&numbers);
    let workers: Vec<Worker> =
        (0..3).map(|_| Worker::staying(link(), Arc::clone(&kit) as _, cache.path(), 3)).collect();
    proxy.harm(times);
    let hash = tokio::select! {
        (hash, _) = run(&numbers, desk, 0, 0.0) => hash.unwrap(),
        () = hangs(Arc::clone(desk)) => unreachable!("it panics"),
    };
    assert_eq!(hash, expected, "{what}");
    let (cut, stalled) = proxy.done();
    assert!(cut > 0 && stalled > 0, "{what}: {cut} cut, {stalled} stalled");
    let Census { evaluated, held, waiting, refused, .. } = desk.census();
    assert!(evaluated <= 120, "{what}: each of 120 counts once at most, equal ones together");
    assert_eq!((held, waiting, refused), (0, 0, 0), "{what}: none is left");
    for worker in workers {
        worker.stop.send(true).unwrap();
        worker.working.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_stall_and_are_cut_within_a_message_cost_time_and_never_the_run() {
    let expected = expected().await;
    for seed in 0..3 {
        let desk = desk(brief());
        let way = Transport::open("http", &desk).await;
        let Transport::Http { address, .. } = &way else { panic!() };
        let proxy = Proxy::open(address.strip_prefix("http://").unwrap().parse().unwrap(), seed).await;
        let address = format!("http://{}", proxy.address);
        let link = || Arc::new(HttpLink::new(&address, TOKEN).unwrap()) as Arc<dyn Link>;
        harmed(&format!("seed {seed}"), (&desk, &link), (&proxy, 60), &expected).await;
        way.close().await;
    }
}
