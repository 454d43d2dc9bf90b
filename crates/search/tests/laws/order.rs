//! The same run whatever the order of results and however many candidates are out; and what a plan could know.

use proptest::prelude::*;
use samara_search::{Candidate, Ensemble, Fate, Gain, Replay, Trial};

use crate::{
    drive::{ALONE, Log, drive, run, workers},
    world::{cases, hear, saw},
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_run_is_the_same_for_any_order_of_results_and_any_concurrency(case in cases(), workers in workers()) {
        prop_assert_eq!(run(&case, workers), run(&case, ALONE));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_candidate_is_planned_from_what_the_candidate_a_window_before_it_had_left(
        case in cases(), workers in workers(),
    ) {
        let log = run(&case, workers);
        let (mut replay, mut heard) = (case.replay(), vec![0; case.settings.islands.count as usize]);
        let mut states = vec![seen(&replay, &heard)];
        for candidate in &log.candidates {
            replay.settle(candidate);
            let heard_here = &mut heard[candidate.island as usize];
            *heard_here = hear(*heard_here, candidate);
            states.push(seen(&replay, &heard));
        }
        prop_assert_eq!(log.orders.len(), log.candidates.len());
        for (candidate, order) in log.candidates.iter().zip(log.orders.values()) {
            prop_assert_eq!(order.horizon, case.horizon(candidate.index));
            prop_assert_eq!(candidate.horizon, order.horizon);
            prop_assert_eq!(&order.plan.operator, &states[order.horizon as usize][order.island as usize]);
        }
    }

    #[test]
    fn a_candidate_says_how_it_was_made(case in cases(), workers in workers()) {
        let log = run(&case, workers);
        for (candidate, order) in log.candidates.iter().zip(log.orders.values()) {
            let parents: Vec<u64> = order.plan.parents.iter().map(|parent| parent.id).collect();
            prop_assert_eq!(&candidate.parents, &parents);
            prop_assert_eq!(&candidate.operator, &order.plan.operator);
            prop_assert_eq!(candidate.generator, order.generator);
            prop_assert_eq!(candidate.generator.is_some(), !case.weights.is_empty());
            prop_assert_eq!(order.seed, case.settings.seed);
            let may_vary = candidate.index >= case.settings.init_steps && case.settings.strategy.varies();
            prop_assert!(order.plan.fresh || may_vary);
            prop_assert!(parents.iter().all(|parent| *parent < candidate.horizon));
        }
    }

    #[test]
    fn the_ensemble_learns_what_every_settled_candidate_cost_and_brought(case in cases(), workers in workers()) {
        let (mut search, mut log) = (case.search(), Log::default());
        drive(&mut search, workers, u64::MAX, &mut log);
        let mut ensemble = Ensemble::new(case.choose, case.weights.clone());
        for Candidate { generator, charge, model_ms, fate, .. } in &log.candidates {
            let gain = match fate {
                Fate::New | Fate::Improved => Gain::Entered,
                Fate::NotBetter => Gain::Scored,
                Fate::Invalid { .. } | Fate::Failed { .. } => Gain::Nothing,
            };
            if let Some(generator) = *generator {
                ensemble.learn(&Trial { generator, charge: *charge, model_ms: *model_ms }, gain);
            }
        }
        prop_assert_eq!(search.ensemble(), &ensemble);
    }

    #[test]
    fn a_copy_names_the_first_candidate_of_its_content(case in cases(), workers in workers()) {
        let log = run(&case, workers);
        for candidate in &log.candidates {
            let same = |other: &&Candidate| other.genome == candidate.genome;
            let first = log.candidates.iter().find(same).filter(|_| candidate.genome.is_some());
            let copy_of = first.map(|first| first.index).filter(|first| *first != candidate.index);
            prop_assert_eq!(candidate.copy_of, copy_of);
        }
    }

    #[test]
    fn a_score_is_finite_and_what_an_evaluation_left_stays_without_one(case in cases(), workers in workers()) {
        for candidate in run(&case, workers).candidates {
            prop_assert_eq!(candidate.score.is_some(), candidate.cell.is_some());
            prop_assert_eq!(candidate.rank.is_some(), candidate.fate.entered());
            prop_assert_eq!(candidate.all_artifacts().len(), 2);
            if let Some(score) = &candidate.score {
                let mut numbers = score.measures.iter().chain(score.metrics.values()).chain([&score.objective]);
                prop_assert!(numbers.all(|number| number.is_finite()));
            } else {
                prop_assert!(candidate.fate.why().is_some());
            }
        }
    }
}

/// What a plan of each island says that is drawn from these archives and memories.
fn seen(replay: &Replay, heard: &[u64]) -> Vec<String> {
    let islands = replay.population().islands().iter();
    islands.zip(heard).map(|(island, heard)| saw(island.archive(), *heard)).collect()
}
