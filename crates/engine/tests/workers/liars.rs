//! Workers that lie, say nonsense, never answer, or must not be let in: they cost time at most.

use std::{sync::Arc, time::Duration};

use samara_engine::workers::{
    Answer, Census, Desk, HttpLink, Link as _, LinkError, Local, Outcome, PROTOCOL, Patience, Reply, Request,
    Ticket,
};
use samara_search::Score;
use tokio::sync::Semaphore;

use crate::{
    suite::{Kit, VERSION, Worker, answer_to, desk, expected, numbers, patient, run, run_of},
    transports::Transport,
};

fn hello() -> Request {
    Request::Hello {
        protocol: PROTOCOL,
        samara: VERSION.to_owned(),
        name: "liar\u{1b}[2J".to_owned(),
        slots: 2,
        labels: vec!["big".to_owned()],
    }
}

/// The number of a new worker that says it is ready.
async fn enter(desk: &Arc<Desk>) -> u64 {
    let Reply::Welcome { worker, .. } = desk.reply(hello()).await else { panic!() };
    let ready = Request::Ready { worker, isolation: None, refuses: None, models: vec![] };
    assert_eq!(desk.reply(ready).await, Reply::Noted { drop: vec![] });
    worker
}

/// The next ticket for a worker.
async fn ticket(desk: &Arc<Desk>, worker: u64) -> Ticket {
    loop {
        match desk.reply(Request::Take { worker, most: 1, holds: vec![], wait: true }).await {
            Reply::Tickets { mut tickets, .. } => {
                if let Some(ticket) = tickets.pop() {
                    return ticket;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

fn answer(ticket: &Ticket) -> Answer {
    answer_to(ticket, Outcome::Scored(Score::new(1e9, vec![0.5])))
}

fn wrong(kind: usize, answer: Answer) -> Answer {
    match kind {
        0 => Answer { protocol: PROTOCOL + 1, ..answer },
        1 => Answer { run: "another".to_owned(), ..answer },
        2 => Answer { task: "another".to_owned(), ..answer },
        3 => Answer { work: "another".to_owned(), ..answer },
        _ => Answer { ms: f64::NAN.max(-1.0), ..answer },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_can_not_be_what_was_asked_for_change_nothing() {
    let expected = expected().await;
    let desk = desk(Patience { losses: 100, ..patient() });
    let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
    let lying = Arc::clone(&desk);
    let (kit, folder) = (Kit::of(&numbers), cache.path().to_owned());
    let lies = tokio::spawn(async move {
        for kind in 0..5 {
            let worker = enter(&lying).await;
            let ticket = ticket(&lying, worker).await;
            let done = |worker, answer| Request::Done { worker, answers: vec![answer] };
            // Of a candidate that it was never given, and of one that there is not.
            for id in [ticket.id + 1, u64::MAX] {
                let unasked = Answer { id, ..answer(&ticket) };
                assert_eq!(lying.reply(done(worker, unasked)).await, Reply::Noted { drop: vec![] });
            }
            assert_eq!(lying.reply(done(99_999, answer(&ticket))).await, Reply::Stranger);
            let bad = wrong(kind, answer(&ticket));
            assert!(matches!(lying.reply(done(worker, bad)).await, Reply::Refused { .. }), "{kind}");
        }
        Worker::start(Arc::new(Local(lying)), kit, &folder, 3)
    });
    let (hash, workers) = run(&numbers, &desk, 0, 0.0).await;
    assert_eq!(hash.unwrap(), expected);
    assert!(workers.iter().all(|worker| worker.as_deref() == Some("a worker")));
    assert_eq!((desk.census().refused, desk.census().lost), (5, 5));
    lies.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_results_are_wrong_again_and_again_gets_no_more_tickets() {
    let desk = desk(Patience { losses: 100, ..patient() });
    let numbers = numbers();
    let lying = Arc::clone(&desk);
    let lies = tokio::spawn(async move {
        let worker = enter(&lying).await;
        for _ in 0..3 {
            let ticket = ticket(&lying, worker).await;
            let answers = vec![wrong(3, answer(&ticket))];
            lying.reply(Request::Done { worker, answers }).await;
        }
        let reply = lying.reply(Request::Take { worker, most: 1, holds: vec![], wait: true }).await;
        assert!(matches!(reply, Reply::Refused { .. }), "{reply:?}");
        assert_eq!(lying.census().workers, 0);
        let cache = tempfile::tempdir().unwrap();
        let honest = Worker::start(Arc::new(Local(lying)), Kit::of(&numbers), cache.path(), 2);
        honest.working.await.unwrap();
    });
    assert_eq!(run(&crate::suite::numbers(), &desk, 0, 0.0).await.0.unwrap(), expected().await);
    lies.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_has_no_reply() {
    let desk = desk(patient());
    for message in [&b""[..], b"{}", b"\xff\xfe", b"[[[[[[", b"{\"say\":\"done\",\"worker\":0}"] {
        assert_eq!(desk.reply_to(message).await, None);
    }
    let deep = "[".repeat(100_000);
    assert_eq!(desk.reply_to(deep.as_bytes()).await, None);
    let endless = vec![b' '; samara_engine::workers::message::MOST_BYTES + 1];
    assert_eq!(desk.reply_to(&endless).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_beats_and_never_answers_loses_its_tickets_by_their_deadline() {
    let expected = expected().await;
    let desk = desk(Patience::default());
    let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
    let silent = Arc::clone(&desk);
    let (kit, folder) = (Kit::of(&numbers), cache.path().to_owned());
    let silence = tokio::spawn(async move {
        let worker = enter(&silent).await;
        let first = ticket(&silent, worker).await.id;
        let held = ticket_beside(&silent, worker, first).await;
        let _honest = Worker::start(Arc::new(Local(Arc::clone(&silent))), kit, &folder, 3);
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            match silent.reply(Request::Beat { worker, holds: vec![first, held] }).await {
                Reply::Over => return,
                Reply::Noted { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    });
    let begun = tokio::time::Instant::now();
    let (hash, _) = run(&numbers, &desk, 0, 0.0).await;
    assert_eq!(hash.unwrap(), expected);
    assert_eq!(desk.census().lost, 2);
    assert!(begun.elapsed() >= Patience::default().deadline);
    silence.await.unwrap();
}

/// Another ticket for a worker that holds one.
async fn ticket_beside(desk: &Arc<Desk>, worker: u64, held: u64) -> u64 {
    loop {
        let request = Request::Take { worker, most: 1, holds: vec![held], wait: true };
        let Reply::Tickets { tickets, .. } = desk.reply(request).await else { panic!() };
        if let Some(ticket) = tickets.first() {
            return ticket.id;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_whose_holders_die_again_and_again_stops_the_run_and_is_named() {
    let desk = desk(Patience::default());
    let mortal = Arc::clone(&desk);
    let deaths = tokio::spawn(async move {
        for _ in 0..5 {
            let worker = enter(&mortal).await;
            ticket(&mortal, worker).await;
            // It dies. The next one gets the ticket once the lease is over.
        }
    });
    let (hash, _) = run_of(1, &numbers(), &desk, 0, 0.0).await;
    let why = hash.unwrap_err().to_string();
    assert!(why.contains("candidate 0 was lost 5 times") && !why.contains('\u{1b}'), "{why}");
    deaths.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_lost_tickets_wait_for_may_be_a_slot_here() {
    let expected = expected().await;
    let desk = desk(Patience::default());
    let mut numbers = numbers();
    numbers.permits = Arc::new(Semaphore::new(0));
    let (mortal, permits) = (Arc::clone(&desk), Arc::clone(&numbers.permits));
    let death = tokio::spawn(async move {
        let worker = enter(&mortal).await;
        // The slot here has one that does not end, so that this is another one. With it the worker dies.
        ticket(&mortal, worker).await;
        permits.add_permits(10_000);
    });
    let (hash, workers) = run(&numbers, &desk, 1, 0.0).await;
    assert_eq!(hash.unwrap(), expected);
    assert!(workers.iter().all(Option::is_none) && desk.census().lost == 1);
    death.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_broken_leave_and_three_of_them_stop_the_run() {
    let desk = desk(patient());
    let broken = Arc::clone(&desk);
    let leaving = tokio::spawn(async move {
        for _ in 0..3 {
            let worker = enter(&broken).await;
            let ticket = ticket(&broken, worker).await;
            let trouble = Outcome::Trouble { why: "no namespaces".to_owned() };
            let answers = vec![Answer { outcome: trouble, ..answer(&ticket) }];
            broken.reply(Request::Done { worker, answers }).await;
            broken.reply(Request::Leave { worker }).await;
        }
    });
    let why = run_of(1, &numbers(), &desk, 0, 0.0).await.0.unwrap_err().to_string();
    assert!(
        why.contains("3 workers could not evaluate candidate 0") && why.contains("no namespaces"),
        "{why}"
    );
    leaving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_workers_of_the_same_version_with_the_wanted_labels_are_greeted() {
    let desk = desk(patient());
    let Request::Hello { protocol, samara, name, slots, labels } = hello() else { panic!() };
    let with = |protocol, samara: &str, slots, labels: &[String]| Request::Hello {
        protocol,
        samara: samara.to_owned(),
        name: name.clone(),
        slots,
        labels: labels.to_vec(),
    };
    for request in [
        with(protocol + 1, &samara, slots, &labels),
        with(protocol, "1.2.4", slots, &labels),
        with(protocol, &samara, 0, &labels),
        with(protocol, &samara, 1_000_000, &labels),
        with(protocol, &samara, slots, &[]),
    ] {
        assert!(matches!(desk.reply(request.clone()).await, Reply::Refused { .. }), "{request:?}");
    }
    assert_eq!(desk.census(), Census::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_token_gets_nothing() {
    let desk = desk(patient());
    let way = Transport::open("http", &desk).await;
    let Transport::Http { address, .. } = &way else { panic!() };
    for token in ["", "a-token-of-this-tesT", "a-token-of-this-test2"] {
        let reply = HttpLink::new(address, token).unwrap().ask(&hello()).await;
        assert!(matches!(&reply, Err(LinkError::Lasting(why)) if why.contains("token")), "{reply:?}");
    }
    assert!(desk.workers().is_empty());
    assert!(desk.figures().contains("samara_workers_live 0"));
}
