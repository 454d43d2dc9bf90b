//! Budgets of calls, tokens and money: where they end a run, and that they are kept.

use proptest::{prelude::*, strategy::Strategy as Draw};
use samara_search::{Ask, BudgetSettings, Charge, End, Spending};

use crate::{
    drive::{Log, run, workers},
    world::{Case, budgets, cases, finish},
};

/// Searches with a budget of calls, tokens or money.
fn budgeted() -> impl Draw<Value = Case> {
    let some = budgets().prop_filter("some limit", |budget| *budget != BudgetSettings::default());
    (cases(), some).prop_map(|(mut case, budget)| {
        case.settings.budget = budget;
        case.settings.target_score = None;
        case.settings.patience = None;
        case
    })
}

/// The first candidate that the budget forbids, by definition: each is judged at its horizon (those that were planned
/// before anything was known, after candidate 0), when all from there up to it are in flight and each may cost as much
/// as the most expensive settled one.
fn first_forbidden(case: &Case, log: &Log, setup: Charge) -> Option<u64> {
    let allowed = |index: u64| {
        let known = case.horizon(index).max(index.min(1));
        let mut spending = Spending { total: setup, ..Spending::default() };
        let settled = log.candidates.iter().take(known as usize);
        settled.for_each(|candidate| spending.charge(candidate.charge));
        spending.allows(&case.settings.budget, index - known)
    };
    (0..case.settings.total_steps.min(log.candidates.len() as u64 + 1)).find(|index| !allowed(*index))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_run_stops_at_the_first_candidate_that_the_budget_forbids(case in budgeted(), workers in workers()) {
        let log = run(&case, workers);
        let forbidden = first_forbidden(&case, &log, Charge::default());
        prop_assert_eq!(log.candidates.len() as u64, forbidden.unwrap_or(case.settings.total_steps));
        prop_assert_eq!(log.end, Some(if forbidden.is_some() { End::Budget } else { End::Completed }));
    }

    #[test]
    fn a_budget_is_kept_if_no_candidate_costs_more_than_the_first(
        case in budgeted(), concurrency in 1_usize..=64, setup in 0_u64..50, order in any::<u64>(),
    ) {
        let mut search = case.search();
        let setup = Charge { calls: setup, tokens: 20 * setup, money: setup as f64 / 64.0 };
        search.charge_setup(setup);
        let most = Charge { calls: 4, tokens: 399, money: 399.0 / 1024.0 };
        let mut log = Log::default();
        let (mut out, mut latencies) = (Vec::new(), samara_qd::Stream::named(order, "latencies"));
        loop {
            let full = out.len() == concurrency;
            match if full { Ask::Wait } else { search.ask() } {
                Ask::Ticket(ticket) => out.push(ticket),
                Ask::Wait => {
                    let ticket = out.remove(latencies.index(out.len()));
                    let mut finished = finish(&ticket);
                    if ticket.index == 0 {
                        finished.charge = most;
                    }
                    log.candidates.extend(search.tell(finished).into_iter().map(|settled| settled.candidate));
                }
                Ask::Ended(_) => break,
            }
            if search.settled() == 0 {
                prop_assert!(out.len() <= 1, "the first candidate is made alone");
            }
        }
        let forbidden = first_forbidden(&case, &log, setup);
        prop_assert_eq!(log.candidates.len() as u64, forbidden.unwrap_or(case.settings.total_steps));
        if log.candidates.len() > 1 {
            let (spent, budget) = (search.spending().total, case.settings.budget);
            prop_assert!(budget.calls.is_none_or(|calls| spent.calls <= calls));
            prop_assert!(budget.tokens.is_none_or(|tokens| spent.tokens <= tokens));
            prop_assert!(budget.money.is_none_or(|money| spent.money <= money));
        }
    }

    #[test]
    fn what_is_spent_is_the_sum_of_what_settled_candidates_cost(case in cases(), workers in workers()) {
        let log = run(&case, workers);
        let mut spending = Spending::default();
        log.candidates.iter().for_each(|candidate| spending.charge(candidate.charge));
        prop_assert_eq!(log.spending, spending);
    }
}
