//! How a run ends, and what comes too late.

use proptest::prelude::*;
use samara_search::{Ask, End};

use crate::{
    drive::{ALONE, Log, drive, run, workers},
    world::{cases, finish, unlimited},
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_run_without_limits_is_complete_when_its_last_candidate_has_settled(case in unlimited(), workers in workers()) {
        let log = run(&case, workers);
        prop_assert_eq!(log.end, Some(End::Completed));
        prop_assert_eq!(log.candidates.len() as u64, case.settings.total_steps);
    }

    #[test]
    fn what_is_told_after_the_end_changes_nothing(case in cases(), workers in workers()) {
        let (mut search, mut log) = (case.search(), Log::default());
        drive(&mut search, workers, u64::MAX, &mut log);
        let first = case.search().ask();
        if let Ask::Ticket(ticket) = first {
            for index in 0..case.settings.total_steps + 2 {
                let mut late = finish(&ticket);
                late.index = index;
                prop_assert_eq!(search.tell(late), []);
            }
        }
        let mut after = Log { end: None, ..log.clone() };
        drive(&mut search, ALONE, u64::MAX, &mut after);
        prop_assert_eq!(after, log);
    }

    #[test]
    fn no_more_than_a_window_is_out(case in unlimited()) {
        let (mut search, mut tickets) = (case.search(), Vec::new());
        while let Ask::Ticket(ticket) = search.ask() {
            tickets.push(ticket);
        }
        let out = case.settings.total_steps.min(case.settings.window as u64);
        prop_assert_eq!(tickets.len() as u64, out);
        prop_assert!(matches!(search.ask(), Ask::Wait));
        // The first to be planned holds up all others.
        for ticket in tickets.iter().skip(1) {
            prop_assert_eq!(search.tell(finish(ticket)), []);
            prop_assert!(matches!(search.ask(), Ask::Wait));
        }
        prop_assert_eq!(search.tell(finish(&tickets[0])).len() as u64, out);
    }
}
