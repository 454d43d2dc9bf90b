//! What workers may ask about the past, against a record that is searched from its start.

use proptest::prelude::*;
use samara_search::{Ask, Candidate, ContentDigest, Replay};

use crate::{
    drive::{run, workers},
    world::{archipelagos, cases, finish},
};

/// Every island's elites in the order in which they entered.
#[derive(Debug, Clone)]
struct Ledger(Vec<Vec<u64>>);

impl Ledger {
    /// Writes down what a candidate and the migration after it changed.
    fn note(&mut self, candidate: &Candidate, replay: &mut Replay) {
        let (placement, migration) = replay.settle(candidate);
        if placement.fate.entered() {
            self.enter(candidate.island, candidate.index, placement.displaced);
        }
        for step in migration.iter().flat_map(|migration| &migration.moves) {
            if step.fate.entered() {
                self.enter(step.to, step.candidate, step.displaced);
            }
        }
    }

    fn enter(&mut self, island: u32, candidate: u64, displaced: Option<u64>) {
        let elites = &mut self.0[island as usize];
        elites.retain(|elite| Some(*elite) != displaced);
        elites.push(candidate);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_elites_of_every_horizon_within_the_window_are_those_of_the_record(
        case in prop_oneof![cases(), archipelagos()], window in 1_usize..12, order in any::<u64>(),
    ) {
        let mut case = case;
        case.settings.window = window;
        let (mut search, mut replay) = (case.search(), case.replay());
        let mut ledgers = vec![Ledger(vec![Vec::new(); case.settings.islands.count as usize])];
        let (mut out, mut latencies) = (Vec::new(), samara_qd::Stream::named(order, "latencies"));
        loop {
            match search.ask() {
                Ask::Ticket(ticket) => out.push(ticket),
                Ask::Wait => {
                    let ticket = out.remove(latencies.index(out.len()));
                    for settled in search.tell(finish(&ticket)) {
                        let mut ledger = ledgers[ledgers.len() - 1].clone();
                        ledger.note(&settled.candidate, &mut replay);
                        ledgers.push(ledger);
                    }
                }
                Ask::Ended(_) => break,
            }
            for horizon in case.horizon(search.settled())..=search.settled() {
                for (island, expected) in ledgers[horizon as usize].0.iter().enumerate() {
                    let elites = search.index().elites(island as u32, horizon);
                    let ids: Vec<u64> = elites.iter().map(|elite| elite.id).collect();
                    prop_assert_eq!(&ids, expected, "island {} at horizon {}", island, horizon);
                }
            }
        }
    }

    #[test]
    fn an_elite_of_the_index_is_the_candidate_that_it_was(case in cases()) {
        let mut search = case.search();
        let mut settled = Vec::new();
        while let Ask::Ticket(ticket) = search.ask() {
            settled.extend(search.tell(finish(&ticket)).into_iter().map(|settled| settled.candidate));
        }
        for island in 0..case.settings.islands.count {
            for elite in search.index().elites(island, search.settled()) {
                let candidate = &settled[elite.id as usize];
                prop_assert_eq!(candidate.genome.as_ref(), Some(&elite.genome));
                prop_assert_eq!(candidate.score.as_ref(), Some(&elite.score));
            }
        }
        prop_assert_eq!(search.index().elites(case.settings.islands.count, search.settled()).len(), 0);
    }

    #[test]
    fn a_content_is_found_as_of_any_horizon_and_no_sooner(case in cases(), workers in workers()) {
        let log = run(&case, workers);
        let mut search = case.search();
        search.resume(log.candidates.len() as u64);
        for candidate in &log.candidates {
            search.refold(candidate.clone()).expect("the same run");
        }
        let contents: Vec<Option<ContentDigest>> =
            log.candidates.iter().map(|candidate| candidate.genome.as_ref().map(|genome| genome.digest())).collect();
        for content in contents.iter().flatten() {
            let first = contents.iter().position(|other| other.as_ref() == Some(content)).map(|first| first as u64);
            for horizon in 0..=contents.len() as u64 {
                let known = first.filter(|first| *first < horizon);
                prop_assert_eq!(search.index().find(content, horizon), known);
            }
        }
    }
}
