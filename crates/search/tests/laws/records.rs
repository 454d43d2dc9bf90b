//! Records are written and read back as they were.

use std::fmt::Debug;

use proptest::prelude::*;
use samara_search::{Ask, Outcome};
use serde::{Serialize, de::DeserializeOwned};

use crate::world::{cases, finish};

fn read_back<T: Serialize + DeserializeOwned>(record: &T) -> T {
    let text = serde_json::to_string(record).expect("a record has a JSON text");
    serde_json::from_str(&text).expect("which can be read")
}

fn unchanged<T: Serialize + DeserializeOwned + PartialEq + Debug>(record: &T) -> Result<(), TestCaseError> {
    prop_assert_eq!(&read_back(record), record);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_goes_out_comes_back_and_is_stored_reads_as_it_was_written(case in cases()) {
        let mut search = case.search();
        while let Ask::Ticket(ticket) = search.ask() {
            unchanged(&ticket.plan)?;
            let finished = finish(&ticket);
            let mut comparable = finished.clone();
            if let Outcome::Scored { score, .. } = &mut comparable.outcome {
                // NaN equals nothing, not even itself.
                score.metrics.retain(|_, value| !value.is_nan());
                score.objective = if score.objective.is_nan() { 0.0 } else { score.objective };
            }
            unchanged(&comparable)?;
            for settled in search.tell(finished) {
                unchanged(&settled.candidate)?;
                unchanged(&settled.migration)?;
            }
        }
    }

    #[test]
    fn results_that_come_as_json_are_judged_like_those_that_do_not(case in cases()) {
        let (mut near, mut far) = (case.search(), case.search());
        while let (Ask::Ticket(ticket), Ask::Ticket(other)) = (near.ask(), far.ask()) {
            prop_assert_eq!(ticket.index, other.index);
            let finished = finish(&ticket);
            prop_assert_eq!(far.tell(read_back(&finished)), near.tell(finished));
        }
        prop_assert_eq!(near.settled(), far.settled());
    }
}
