//! With a window of 1 the search is MAP-Elites as the textbook has it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use samara_qd::{Archive, Stream};
use samara_search::{IslandSettings, Outcome};

use crate::{
    drive::{run, workers},
    world::{Case, founder, live, numbers, unlimited},
};

/// The algorithm on an archive alone: select, vary, evaluate, add.
fn map_elites(case: &Case) -> Archive {
    let settings = &case.settings;
    let mut archive = Archive::new(case.tessellation(), settings.rules()).expect("an archive");
    let mut genomes: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for index in 0..settings.total_steps {
        let mut stream = Stream::new(settings.seed, index);
        let mut sources = Vec::new();
        if index >= settings.init_steps && settings.strategy.varies() {
            let selected = archive.select_near(&mut stream, 2).unwrap_or_default();
            sources.extend(selected.iter().map(|elite| genomes[&elite.id].clone()));
        }
        if sources.is_empty() {
            sources.push(founder(&mut stream));
        }
        let sources: Vec<&[f64]> = sources.iter().map(Vec::as_slice).collect();
        if let Outcome::Scored { genome, score } = live(&sources, None, &mut stream)
            && archive.add(index, score.objective, &score.measures).is_ok()
        {
            genomes.insert(index, numbers(&genome).to_vec());
        }
    }
    archive
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_window_of_one_is_the_sequential_algorithm(case in unlimited(), workers in workers()) {
        let mut case = case;
        case.settings.window = 1;
        case.settings.islands = IslandSettings::default();
        case.weights.clear();
        let log = run(&case, workers);
        let mut replay = case.replay();
        log.candidates.iter().for_each(|candidate| drop(replay.settle(candidate)));
        let archive = map_elites(&case);
        prop_assert_eq!(replay.population().overall().archive(), &archive);
        let mut genome = |id: u64| log.candidates[id as usize].genome.as_ref().expect("an elite").bytes();
        prop_assert_eq!(archive.digest(&mut genome), log.archive_hash);
    }
}
