//! A target and a patience: where they end a run, and that they are the same for anybody who folds it.

use proptest::{prelude::*, strategy::Strategy as Draw};
use samara_search::{BudgetSettings, Candidate, End};

use crate::{
    drive::{ALONE, Log, drive, run, workers},
    world::{Case, cases, stops},
};

/// Searches with a target or a patience, and nothing else that ends them early.
fn stopping() -> impl Draw<Value = Case> {
    (cases(), stops()).prop_map(|(mut case, (target, patience, margin))| {
        case.settings.budget = BudgetSettings::default();
        case.settings.target_score = target;
        case.settings.patience = patience;
        case.settings.patience_margin = margin;
        case
    })
}

/// Why nothing more is planned once these have settled, by definition.
fn stop(case: &Case, settled: &[Candidate]) -> Option<End> {
    let scored: Vec<f64> = settled.iter().filter_map(Candidate::objective).collect();
    let target = case.settings.target_score;
    if target.is_some_and(|target| scored.iter().any(|objective| *objective >= target)) {
        return Some(End::Target);
    }
    let (mut best, mut since) = (f64::NEG_INFINITY, 0);
    for objective in scored {
        let better = objective > best + case.settings.patience_margin;
        (best, since) = if better { (objective, 0) } else { (best, since + 1) };
    }
    case.settings.patience.filter(|patience| since >= *patience).map(|_| End::Patience)
}

/// The first candidate that is not planned any more: it would be planned from a state in which the search is to stop.
fn first_unplanned(case: &Case, log: &Log) -> Option<u64> {
    let window = case.settings.window as u64;
    (window..case.settings.total_steps).find(|index| {
        let known = case.horizon(*index) as usize;
        log.candidates.get(..known).is_some_and(|settled| stop(case, settled).is_some())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_run_ends_a_window_after_the_candidate_that_stops_it_and_all_that_was_planned_is_made(
        case in stopping(), workers in workers(),
    ) {
        let log = run(&case, workers);
        let unplanned = first_unplanned(&case, &log);
        prop_assert_eq!(log.candidates.len() as u64, unplanned.unwrap_or(case.settings.total_steps));
        let all = stop(&case, &log.candidates);
        let expected = match unplanned {
            _ if all == Some(End::Target) => End::Target,
            Some(_) => End::Patience,
            None => End::Completed,
        };
        prop_assert_eq!(log.end, Some(expected));
    }

    #[test]
    fn a_run_that_is_given_a_higher_target_equals_one_that_had_it_from_the_start(
        case in stopping(), more in 0.0..2.0_f64, workers in workers(),
    ) {
        let short = run(&case, ALONE);
        let mut longer = case;
        longer.settings.target_score = longer.settings.target_score.map(|target| target + more);
        longer.settings.patience = longer.settings.patience.map(|patience| patience + 7);
        let whole = run(&longer, ALONE);
        let mut search = longer.search();
        search.resume(short.candidates.len() as u64);
        let mut log = Log::default();
        for candidate in &short.candidates {
            log.migrations.extend(search.refold(candidate.clone()).expect("the same run"));
            log.candidates.push(candidate.clone());
        }
        drive(&mut search, workers, u64::MAX, &mut log);
        prop_assert_eq!(log, whole.without_orders_before(short.candidates.len() as u64));
    }
}
