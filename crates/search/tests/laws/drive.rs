//! A run in the world: tickets out, results back in any order.

use std::collections::BTreeMap;

use proptest::{prelude::*, strategy::Strategy as Draw};
use samara_qd::Stream;
use samara_search::{Ask, Candidate, End, Finished, Migration, Plan, Search, Spending, Ticket};

use crate::world::{Case, finish};

/// What a worker was given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) seed: u64,
    pub(crate) horizon: u64,
    pub(crate) island: u32,
    pub(crate) generator: Option<u32>,
    pub(crate) plan: Plan,
    /// What its stream gives next.
    pub(crate) next: [u64; 3],
}

impl Order {
    pub(crate) fn of(ticket: &Ticket) -> Self {
        let Ticket { seed, horizon, island, generator, .. } = *ticket;
        let mut stream = ticket.stream.clone();
        let next = [(); 3].map(|()| stream.next_u64());
        Self { seed, horizon, island, generator, plan: ticket.plan.clone(), next }
    }
}

/// All that can be seen of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Log {
    /// By candidate.
    pub(crate) orders: BTreeMap<u64, Order>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) migrations: Vec<Migration>,
    pub(crate) end: Option<End>,
    pub(crate) spending: Spending,
    pub(crate) archive_hash: String,
}

impl Log {
    /// The migration that followed from the candidate that was the `settled`th to settle.
    pub(crate) fn migration_after(&self, settled: u64) -> Option<&Migration> {
        self.migrations.iter().find(|migration| migration.after == settled)
    }

    /// The log less the orders of candidates before `index`.
    pub(crate) fn without_orders_before(mut self, index: u64) -> Self {
        self.orders.retain(|other, _| *other >= index);
        self
    }
}

/// Which of the candidates that are out finishes next.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    First,
    Last,
    Drawn(u64),
}

/// How many are out at most, who finishes first, and whether workers repeat themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workers {
    pub(crate) concurrency: usize,
    pub(crate) pace: Pace,
    pub(crate) noisy: bool,
}

/// One worker that does one thing after the other.
pub(crate) const ALONE: Workers = Workers { concurrency: 1, pace: Pace::First, noisy: false };

/// Any workers; the concurrency may exceed the window, which then bounds it.
pub(crate) fn workers() -> impl Draw<Value = Workers> {
    let pace =
        prop_oneof![1 => Just(Pace::First), 1 => Just(Pace::Last), 4 => any::<u64>().prop_map(Pace::Drawn)];
    (1_usize..=66, pace, any::<bool>()).prop_map(|(concurrency, pace, noisy)| Workers {
        concurrency,
        pace,
        noisy,
    })
}

/// A whole run of a case.
pub(crate) fn run(case: &Case, workers: Workers) -> Log {
    let mut log = Log::default();
    drive(&mut case.search(), workers, u64::MAX, &mut log);
    log
}

/// Goes on until the run has ended, or `stop` candidates or more are settled: then what is out is lost.
pub(crate) fn drive(search: &mut Search, workers: Workers, stop: u64, log: &mut Log) {
    let mut latencies =
        Stream::named(if let Pace::Drawn(seed) = workers.pace { seed } else { 0 }, "latencies");
    let mut out: Vec<Ticket> = Vec::new();
    while search.settled() < stop && log.end.is_none() {
        hand_out(search, workers.concurrency, &mut out, log);
        assert_eq!(search.in_flight(), out.len());
        if out.is_empty() {
            break;
        }
        let next = match workers.pace {
            Pace::First => 0,
            Pace::Last => out.len() - 1,
            Pace::Drawn(_) => latencies.index(out.len()),
        };
        let finished = finish(&out.remove(next));
        tell(search, finished.clone(), log);
        if workers.noisy {
            repeat_oneself(search, &finished);
        }
    }
    log.spending = *search.spending();
    log.archive_hash = search.population().archive_hash();
}

pub(crate) fn hand_out(search: &mut Search, concurrency: usize, out: &mut Vec<Ticket>, log: &mut Log) {
    while out.len() < concurrency {
        match search.ask() {
            Ask::Ticket(ticket) => {
                let known = log.orders.insert(ticket.index, Order::of(&ticket));
                assert_eq!(known, None, "candidate {} is handed out once", ticket.index);
                out.push(*ticket);
            }
            Ask::Wait => {
                assert!(!out.is_empty(), "there is something to wait for");
                return;
            }
            Ask::Ended(end) => {
                assert!(out.is_empty(), "a run ends when nothing is out");
                log.end = Some(end);
                return;
            }
        }
    }
}

pub(crate) fn tell(search: &mut Search, finished: Finished, log: &mut Log) {
    for settled in search.tell(finished) {
        assert_eq!(settled.candidate.index, log.candidates.len() as u64, "candidates settle in order");
        log.candidates.push(settled.candidate);
        log.migrations.extend(settled.migration);
    }
}

/// The same candidate again as another outcome, and candidates that nobody asked for.
fn repeat_oneself(search: &mut Search, finished: &Finished) {
    let other = samara_search::Outcome::Invalid(samara_search::Unscored::default());
    for index in [finished.index, search.settled() + 70, u64::MAX] {
        let again = Finished { index, outcome: other.clone(), ..finished.clone() };
        assert_eq!(search.tell(again), [], "nobody waits for it");
    }
}
