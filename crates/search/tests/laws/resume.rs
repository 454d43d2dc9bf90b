//! Stopped anywhere and folded again, a run goes on as if nothing had happened.

use proptest::prelude::*;
use samara_search::{Candidate, End, FoldError, Search};

use crate::{
    drive::{ALONE, Log, drive, run, workers},
    world::{Case, cases},
};

/// A search after these candidates, and the log of a run that has come that far. Candidates pass through JSON, as in a
/// journal.
fn folded(case: &Case, recorded: &[Candidate]) -> Result<(Search, Log), FoldError> {
    let (mut search, mut log) = (case.search(), Log::default());
    search.resume(recorded.len() as u64);
    for candidate in recorded {
        let text = serde_json::to_string(candidate).expect("a record");
        log.migrations.extend(search.refold(serde_json::from_str(&text).expect("the same"))?);
        log.candidates.push(candidate.clone());
    }
    Ok((search, log))
}

/// A number of candidates up to all of them.
fn part(of: &Log, share: f64) -> usize {
    (share * (of.candidates.len() + 1) as f64) as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_run_that_is_stopped_anywhere_and_folded_again_goes_on_as_if_it_had_not_been(
        case in cases(), workers in workers(), share in 0.0..1.0_f64,
    ) {
        let whole = run(&case, ALONE);
        let settled = part(&whole, share);
        let (mut search, mut log) = folded(&case, &whole.candidates[..settled]).expect("the same run");
        drive(&mut search, workers, u64::MAX, &mut log);
        prop_assert_eq!(log, whole.without_orders_before(settled as u64));
    }

    #[test]
    fn a_run_may_lose_what_is_out_as_often_as_it_likes(
        case in cases(), workers in workers(), stops in prop::collection::vec(0_u64..90, 0..5),
    ) {
        let mut log = Log::default();
        for stop in stops {
            let (mut search, so_far) = folded(&case, &log.candidates).expect("the same run");
            log = so_far;
            drive(&mut search, workers, stop, &mut log);
        }
        let (mut search, so_far) = folded(&case, &log.candidates).expect("the same run");
        log = so_far;
        drive(&mut search, workers, u64::MAX, &mut log);
        let orders = log.orders.keys().next().copied().unwrap_or(log.candidates.len() as u64);
        prop_assert_eq!(log, run(&case, ALONE).without_orders_before(orders));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_run_that_is_made_longer_or_given_more_to_spend_equals_one_that_had_it_from_the_start(
        case in cases(), more in 1_u64..40, workers in workers(),
    ) {
        let short = run(&case, ALONE);
        let mut longer = case;
        longer.settings.total_steps += more;
        longer.settings.budget.tokens = longer.settings.budget.tokens.map(|tokens| tokens + 100 * more);
        longer.settings.budget.calls = longer.settings.budget.calls.map(|calls| calls + more);
        let whole = run(&longer, ALONE);
        let (mut search, mut log) = folded(&longer, &short.candidates).expect("the same run");
        drive(&mut search, workers, u64::MAX, &mut log);
        prop_assert_eq!(log, whole.without_orders_before(short.candidates.len() as u64));
    }

    #[test]
    fn a_finished_run_that_is_folded_has_ended(case in cases()) {
        let whole = run(&case, ALONE);
        let (mut search, mut log) = folded(&case, &whole.candidates).expect("the same run");
        drive(&mut search, ALONE, u64::MAX, &mut log);
        prop_assert!(matches!(log.end, Some(End::Completed | End::Budget | End::Target | End::Patience)));
        prop_assert_eq!(log, whole.without_orders_before(u64::MAX));
    }

    #[test]
    fn a_record_that_folding_does_not_give_is_refused(case in cases(), share in 0.0..1.0_f64, what in 0..4) {
        let mut record = run(&case, ALONE).candidates;
        prop_assume!(!record.is_empty());
        let index = (share * record.len() as f64) as usize;
        let changed = &mut record[index];
        match what {
            0 => changed.index += 1,
            1 => changed.island += 1,
            2 => changed.cell = Some(changed.cell.map_or(0, |cell| cell + 1)),
            _ => changed.fate = if changed.fate.entered() {
                samara_search::Fate::NotBetter
            } else {
                samara_search::Fate::New
            },
        }
        let mut replay = case.replay();
        let readers = record.iter().try_for_each(|candidate| replay.refold(candidate).map(drop)).expect_err("refused");
        let error = folded(&case, &record).map(drop).expect_err("refused");
        prop_assert_eq!(&error, &readers);
        let at = match error {
            FoldError::Order { expected, .. } => expected,
            FoldError::Candidate { index, .. } => index,
            FoldError::Migration { after } => after,
        };
        prop_assert_eq!(at, index as u64);
    }
}
