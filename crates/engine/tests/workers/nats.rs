//! What only a NATS server can do wrong, and who may hear what there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use samara_engine::workers::{
    Broker, Desk, Link, LinkError, NatsDesk, NatsLink, PROTOCOL, Patience, Reply, Request,
};
use samara_qd::Stream;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    proxy::{Proxy, harmed},
    server::{Server, is_missing},
    suite::{Kit, VERSION, Worker, desk, desk_of, expected, numbers, patient, run},
    transports::TOKEN,
};

pub(crate) fn broker(url: String) -> Broker {
    Broker { url, ..Broker::default() }
}

/// Serves a desk at a server until it is told to stop.
async fn served(server: &Server, desk: &Arc<Desk>) -> (oneshot::Sender<()>, JoinHandle<()>) {
    served_by(&broker(server.url()), desk).await
}

pub(crate) async fn served_by(broker: &Broker, desk: &Arc<Desk>) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let there = NatsDesk::open(broker, TOKEN, Arc::clone(desk)).await.unwrap();
    let serving = tokio::spawn(there.serve(async {
        let _ = stopped.await;
    }));
    (stop, serving)
}

fn link(server: &Server, token: &str) -> NatsLink {
    NatsLink::new(broker(server.url()), token).unwrap()
}

fn hello() -> Request {
    Request::Hello {
        protocol: PROTOCOL,
        samara: VERSION.to_owned(),
        name: "w".to_owned(),
        slots: 1,
        labels: vec!["big".to_owned()],
    }
}

/// So short that what is lost is noticed soon.
fn brief() -> Patience {
    Patience { lease: Duration::from_millis(500), losses: u32::MAX, ..patient() }
}

/// How many rounds of chaos: `SAMARA_CHAOS=100` for many.
fn rounds() -> u64 {
    std::env::var("SAMARA_CHAOS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_loses_everything_costs_time_and_never_the_run() {
    if is_missing() {
        return;
    }
    let expected = expected().await;
    for round in 0..rounds() {
        let mut drawn = Stream::named(round, "broker");
        let server = Arc::new(Server::start(""));
        let desk = desk(brief());
        let (_stop, _serving) = served(&server, &desk).await;
        let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
        let kit = Kit::of(&numbers);
        let start =
            || Worker::staying(Arc::new(link(&server, TOKEN)), Arc::clone(&kit) as _, cache.path(), 3);
        let _workers = [start(), start()];
        let mut moments: Vec<u64> = (0..2).map(|_| drawn.index(110) as u64).collect();
        moments.sort_unstable();
        let (killed, watched) = (Arc::clone(&server), Arc::clone(&desk));
        // Equal drafts share an evaluation: there may be fewer than a moment says.
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let killing = tokio::task::spawn_blocking(move || {
            for moment in moments {
                while watched.census().evaluated < moment && !ended.load(Relaxed) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                killed.lose_everything();
                killed.begin();
            }
        });
        let (hash, _) = run(&numbers, &desk, 0, 0.0).await;
        over.store(true, Relaxed);
        assert_eq!(hash.unwrap(), expected, "round {round}");
        killing.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_both_sides_that_stall_and_are_cut_cost_time_and_never_the_run() {
    if is_missing() {
        return;
    }
    let expected = expected().await;
    for seed in 0..rounds() {
        let server = Server::start("");
        let proxy = Proxy::open(server.address(), seed).await;
        let by_proxy = broker(format!("nats://{}", proxy.address));
        let desk = desk(brief());
        let (_stop, _serving) = served_by(&by_proxy, &desk).await;
        let link = || Arc::new(NatsLink::new(by_proxy.clone(), TOKEN).unwrap()) as Arc<dyn Link>;
        harmed(&format!("seed {seed}"), (&desk, &link), (&proxy, 24), &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_beyond_the_servers_limit_go_through_its_store() {
    if is_missing() {
        return;
    }
    // Less than a piece of a file takes, less than a task; all of the run but the smallest messages.
    let server = Server::start("max_payload: 4096");
    let expected = expected().await;
    let desk = desk(patient());
    let (_stop, _serving) = served(&server, &desk).await;
    let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
    let _worker = Worker::start(Arc::new(link(&server, TOKEN)), Kit::of(&numbers), cache.path(), 3);
    assert_eq!(run(&numbers, &desk, 0, 0.0).await.0.unwrap(), expected);
    assert_eq!(desk.census().lost, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_another_token_hears_of_no_run_and_changes_none() {
    if is_missing() {
        return;
    }
    let server = Server::start("");
    let desk = desk(patient());
    let (_stop, _serving) = served(&server, &desk).await;
    let reply = link(&server, "another-token-of-this-test").ask(&hello()).await;
    assert!(matches!(&reply, Err(LinkError::Passing(why)) if why.contains("nobody")), "{reply:?}");
    // Somebody who listens to everything, and says again what others say.
    let client = async_nats::connect(server.url()).await.unwrap();
    let mut all = client.subscribe(">").await.unwrap();
    client.flush().await.unwrap();
    let honest = link(&server, TOKEN);
    let Reply::Welcome { worker, .. } = honest.ask(&hello()).await.unwrap() else { panic!() };
    let ready = Request::Ready { worker, isolation: None, refuses: None, models: vec![] };
    assert_eq!(honest.ask(&ready).await.unwrap(), Reply::Noted { drop: vec![] });
    let mut heard = Vec::new();
    while let Ok(Some(message)) =
        tokio::time::timeout(Duration::from_millis(500), futures_util::StreamExt::next(&mut all)).await
    {
        heard.push(message);
    }
    assert!(heard.len() >= 4);
    for message in heard {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        assert!(!text.contains(TOKEN) && !text.contains("numbers") && !text.contains("say"), "{text}");
        if message.subject.ends_with(".ask") {
            // Without the number that it was sealed for, and as another one's reply, it is nothing.
            let asked = tokio::time::timeout(
                Duration::from_millis(300),
                client.request(message.subject.clone(), message.payload.clone()),
            );
            assert!(asked.await.is_err(), "no reply");
        }
    }
    assert_eq!(desk.workers().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_coordinators_at_a_server_share_its_workers_and_mix_nothing_up() {
    if is_missing() {
        return;
    }
    let expected = expected().await;
    let server = Server::start("");
    let one = desk_of("0123456789abcdef0123456789abcdef", patient());
    let two = desk_of("fedcba9876543210fedcba9876543210", patient());
    let (stop_one, _one) = served(&server, &one).await;
    let (_stop_two, _two) = served(&server, &two).await;
    let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
    let kit = Kit::of(&numbers);
    let workers: Vec<Worker> = (0..4)
        .map(|_| Worker::staying(Arc::new(link(&server, TOKEN)), Arc::clone(&kit) as _, cache.path(), 2))
        .collect();
    // One after the other: whoever works for the first is free for the second once that is over.
    assert_eq!(run(&numbers, &one, 1, 0.0).await.0.unwrap(), expected);
    stop_one.send(()).unwrap();
    assert_eq!(run(&numbers, &two, 0, 0.0).await.0.unwrap(), expected);
    for worker in workers {
        worker.stop.send(true).unwrap();
        worker.working.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lets_nobody_in_or_has_no_streams_is_told() {
    if is_missing() {
        return;
    }
    let server = Server::start("authorization { user: u, password: \"p w\" }");
    let refused = NatsDesk::check(&broker(server.url()), TOKEN).await;
    assert!(
        matches!(&refused, Err(LinkError::Lasting(why)) if why.contains("lets nobody in")),
        "{refused:?}"
    );
    let user = Some(("u".to_owned(), "p w".to_owned()));
    let with = Broker { user, ..broker(server.url()) };
    assert_eq!(NatsDesk::check(&with, TOKEN).await, Ok(()));
    let gone = broker("nats://127.0.0.1:9".to_owned());
    assert!(matches!(NatsDesk::check(&gone, TOKEN).await, Err(LinkError::Passing(_))));
}
