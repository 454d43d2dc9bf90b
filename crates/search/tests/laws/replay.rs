//! A reader who folds a record comes to what the search came to.

use proptest::prelude::*;
use samara_search::{Ask, FateCounts};

use crate::world::{cases, finish};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn folding_a_record_gives_the_population_fates_and_migrations_of_the_search(case in cases()) {
        let (mut search, mut replay, mut fates) = (case.search(), case.replay(), FateCounts::default());
        while let Ask::Ticket(ticket) = search.ask() {
            for settled in search.tell(finish(&ticket)) {
                let candidate = &settled.candidate;
                fates.count(&candidate.fate);
                let (placement, migration) = replay.settle(candidate);
                prop_assert_eq!(migration, settled.migration);
                prop_assert_eq!(&placement.fate, &candidate.fate);
                prop_assert_eq!(placement.cell.map(|cell| cell as u64), candidate.cell);
                prop_assert_eq!(placement.rank.map(|rank| rank as u32), candidate.rank);
            }
            prop_assert_eq!(replay.settled(), search.settled());
            prop_assert_eq!(replay.population().archive_hash(), search.population().archive_hash());
        }
        let (folded, made) = (replay.population(), search.population());
        for (a, b) in folded.islands().iter().zip(made.islands()).chain([(folded.overall(), made.overall())]) {
            prop_assert_eq!(a.archive(), b.archive());
            for elite in a.archive().iter() {
                prop_assert_eq!(a.genome(elite.id), b.genome(elite.id));
                prop_assert_eq!(a.score(elite.id), b.score(elite.id));
            }
        }
        prop_assert_eq!(replay.fates(), &fates);
        prop_assert_eq!(fates.total(), search.settled());
    }
}
