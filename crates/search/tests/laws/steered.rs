//! What is asked of a run on the way: recorded, it gives the same run again, from anywhere.

use proptest::{prelude::*, strategy::Strategy as Draw};
use samara_qd::Stream;
use samara_search::{Limit, Order, Scheduled, Search};

use crate::{
    drive::{Log, Pace, Workers, drive, hand_out, tell, workers},
    world::{Case, cases, finish},
};

/// Orders, each with the number of settled candidates that it waits for.
fn orders() -> impl Draw<Value = Vec<(u64, Order)>> {
    let order = prop_oneof![
        1 => Just(Order::Finish),
        3 => (0_u64..60).prop_map(Order::StopAfter),
        3 => (1_u64..250).prop_map(|most| Order::Budget(Limit::Candidates(most))),
        3 => (1_u64..400).prop_map(|most| Order::Budget(Limit::Calls(most))),
        2 => (1_u64..20_000).prop_map(|most| Order::Budget(Limit::Tokens(most))),
        2 => (0.1..50.0).prop_map(|most| Order::Budget(Limit::Money(most))),
    ];
    prop::collection::vec((0_u64..120, order), 0..8).prop_map(|mut orders| {
        orders.sort_by_key(|(after, _)| *after);
        orders
    })
}

/// A run that is asked these, and what became of them.
fn steered(case: &Case, workers: Workers, orders: &[(u64, Order)]) -> (Log, Vec<Scheduled>) {
    let (mut search, mut log, mut changes) = (case.search(), Log::default(), Vec::new());
    let mut latencies =
        Stream::named(if let Pace::Drawn(seed) = workers.pace { seed } else { 0 }, "latencies");
    let (mut out, mut orders) = (Vec::new(), orders.iter().peekable());
    while log.end.is_none() {
        hand_out(&mut search, workers.concurrency, &mut out, &mut log);
        // Nothing is asked of a run before its first candidate begins.
        while let Some((_, order)) =
            orders.next_if(|(after, _)| *after <= search.settled() && !out.is_empty())
        {
            let Ok(change) = search.weigh(order) else { continue };
            let after = search.settled();
            search.limit(change.limits);
            changes.push(Scheduled { after, change });
        }
        if !out.is_empty() {
            let next = latencies.index(out.len());
            tell(&mut search, finish(&out.remove(next)), &mut log);
        }
    }
    log.spending = *search.spending();
    log.archive_hash = search.population().archive_hash();
    (log, changes)
}

/// The search that goes on behind so many candidates of a run that was steered.
fn folded(case: &Case, whole: &Log, settled: usize, changes: &[Scheduled]) -> (Search, Log) {
    let (mut search, mut log) = (case.search(), Log::default());
    search.schedule(changes.iter().copied());
    search.resume(settled as u64);
    for candidate in &whole.candidates[..settled] {
        log.migrations.extend(search.refold(candidate.clone()).expect("the same run"));
        log.candidates.push(candidate.clone());
    }
    (search, log)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_run_that_was_steered_and_stopped_anywhere_goes_on_as_if_it_had_not_been_stopped(
        case in cases(), first in workers(), second in workers(), orders in orders(), share in 0.0..1.0_f64,
    ) {
        let (whole, changes) = steered(&case, first, &orders);
        let settled = (share * (whole.candidates.len() + 1) as f64) as usize;
        let (mut search, mut log) = folded(&case, &whole, settled, &changes);
        drive(&mut search, second, u64::MAX, &mut log);
        prop_assert_eq!(log, whole.without_orders_before(settled as u64));
    }

    #[test]
    fn another_run_that_is_asked_the_same_at_the_same_candidates_is_equal(
        case in cases(), first in workers(), second in workers(), orders in orders(),
    ) {
        let (whole, changes) = steered(&case, first, &orders);
        let (mut search, mut log) = (case.search(), Log::default());
        search.schedule(changes);
        drive(&mut search, second, u64::MAX, &mut log);
        prop_assert_eq!(log, whole);
    }
}
