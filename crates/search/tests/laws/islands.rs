//! Islands: whose a candidate is, who migrates, when, and what is known of all of them.

use proptest::prelude::*;
use samara_qd::{Archive, Elite, Rules, Status};
use samara_search::{Candidate, Fate, IslandSettings, Migration, Move, Population};

use crate::{
    drive::{run, workers},
    world::{Case, archipelagos, cases},
};

/// The ring by definition, on archives alone.
struct Naive {
    islands: Vec<Archive>,
    overall: Archive,
    settings: IslandSettings,
}

impl Naive {
    fn new(case: &Case) -> Self {
        let islands = case.settings.islands;
        let archive = |rules| Archive::new(case.tessellation(), rules).expect("an archive");
        Self {
            islands: (0..islands.count).map(|_| archive(case.settings.rules())).collect(),
            overall: archive(Rules { depth: 1, soft: None, ..case.settings.rules() }),
            settings: islands,
        }
    }

    fn settle(&mut self, candidate: &Candidate, all: &[Candidate]) -> Option<Migration> {
        if let Some(score) = &candidate.score {
            let island = (candidate.index % self.islands.len() as u64) as usize;
            for archive in [&mut self.islands[island], &mut self.overall] {
                archive.add(candidate.index, score.objective, &score.measures).expect("numbers");
            }
        }
        let after = candidate.index + 1;
        let due = self.settings.migrants > 0 && after.is_multiple_of(self.settings.migration_interval);
        due.then(|| Migration { after, moves: self.migrate(all) })
    }

    /// Who goes is decided while everybody is still at home.
    fn migrate(&mut self, all: &[Candidate]) -> Vec<Move> {
        let going: Vec<Vec<u64>> =
            self.islands.iter().map(|island| best(island, self.settings.migrants)).collect();
        let mut moves = Vec::new();
        for (from, going) in going.into_iter().enumerate() {
            let to = (from + 1) % self.islands.len();
            for candidate in going {
                if self.islands[to].iter().any(|elite| elite.id == candidate) {
                    continue;
                }
                let score = all[candidate as usize].score.as_ref().expect("an elite");
                let added =
                    self.islands[to].add(candidate, score.objective, &score.measures).expect("numbers");
                let fate = match added.status {
                    Status::New => Fate::New,
                    Status::Improved => Fate::Improved,
                    Status::NotAdded => Fate::NotBetter,
                };
                let (from, to) = (from as u32, to as u32);
                moves.push(Move { candidate, from, to, fate, displaced: added.displaced });
            }
        }
        moves
    }
}

fn best(archive: &Archive, count: usize) -> Vec<u64> {
    let mut elites: Vec<Elite<'_>> = archive.iter().filter(|elite| elite.rank == 0).collect();
    elites.sort_by(|a, b| b.objective.total_cmp(&a.objective).then(a.id.cmp(&b.id)));
    elites.iter().take(count).map(|elite| elite.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn islands_exchange_the_best_of_their_cells_after_every_interval(case in archipelagos(), workers in workers()) {
        let log = run(&case, workers);
        let (mut naive, mut replay) = (Naive::new(&case), case.replay());
        for candidate in &log.candidates {
            let migration = naive.settle(candidate, &log.candidates);
            prop_assert_eq!(log.migration_after(candidate.index + 1), migration.as_ref());
            replay.settle(candidate);
        }
        let population = replay.population();
        prop_assert_eq!(population.archive_hash(), log.archive_hash);
        for (island, archive) in population.islands().iter().zip(&naive.islands) {
            prop_assert_eq!(island.archive(), archive);
        }
        prop_assert_eq!(population.overall().archive(), &naive.overall);
    }

    #[test]
    fn candidates_are_dealt_to_the_islands_in_turn(case in archipelagos(), workers in workers()) {
        let log = run(&case, workers);
        for (candidate, order) in log.candidates.iter().zip(log.orders.values()) {
            prop_assert_eq!(candidate.island, (candidate.index % u64::from(case.settings.islands.count)) as u32);
            prop_assert_eq!(candidate.island, order.island);
        }
    }

    #[test]
    fn nobody_moves_on_in_the_migration_in_which_they_arrived(case in archipelagos(), workers in workers()) {
        let log = run(&case, workers);
        let mut replay = case.replay();
        for candidate in &log.candidates {
            let mut before = case.replay();
            before.clone_from(&replay);
            let (_, migration) = replay.settle(candidate);
            for step in migration.iter().flat_map(|migration| &migration.moves) {
                let was_home = holds(before.population(), step.from, step.candidate)
                    || (step.candidate, step.from) == (candidate.index, candidate.island);
                prop_assert!(was_home, "{:?}", step);
                prop_assert_eq!(step.to, (step.from + 1) % case.settings.islands.count);
            }
        }
    }

    #[test]
    fn an_island_without_migrants_is_a_run_of_its_own_candidates(case in archipelagos(), workers in workers()) {
        let mut case = case;
        case.settings.islands.migrants = 0;
        let log = run(&case, workers);
        prop_assert_eq!(&log.migrations, &[]);
        let mut replay = case.replay();
        log.candidates.iter().for_each(|candidate| drop(replay.settle(candidate)));
        let mut alone = case.clone();
        alone.settings.islands = IslandSettings::default();
        for (number, island) in replay.population().islands().iter().enumerate() {
            let mut own = alone.replay();
            let inhabitants = log.candidates.iter().filter(|candidate| candidate.island == number as u32);
            inhabitants.for_each(|candidate| drop(own.settle(candidate)));
            prop_assert_eq!(island.archive_hash(), own.population().archive_hash());
        }
    }

    #[test]
    fn one_island_is_a_single_population(case in cases(), interval in 1_u64..20, migrants in 0_usize..5) {
        let mut case = case;
        case.settings.islands = IslandSettings { count: 1, migration_interval: interval, migrants };
        let log = run(&case, crate::drive::ALONE);
        let mut archive = Archive::new(case.tessellation(), case.settings.rules()).expect("an archive");
        for candidate in &log.candidates {
            if let Some(score) = &candidate.score {
                archive.add(candidate.index, score.objective, &score.measures).expect("numbers");
            }
        }
        let mut genome = |id: u64| log.candidates[id as usize].genome.as_ref().expect("an elite").bytes();
        prop_assert_eq!(archive.digest(&mut genome), log.archive_hash);
        prop_assert_eq!(log.migrations, []);
    }
}

fn holds(population: &Population, island: u32, candidate: u64) -> bool {
    population.islands()[island as usize].archive().iter().any(|elite| elite.id == candidate)
}
