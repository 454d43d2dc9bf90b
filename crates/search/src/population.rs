//! Archives with the genomes and scores of their elites: one, or several islands that exchange their best.
//!
//! Settling a candidate is a pure function of the population and the candidate, so that a running search, a resumed
//! one and a reader of its journal come to the same archives.

use std::{collections::HashMap, sync::Arc};

use samara_qd::{Archive, Elite, Rules, Status, Tessellation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Fate, Genome, Invalid, IslandSettings, Score, SearchSettings};

/// An archive, and what its elites are.
#[derive(Debug, Clone)]
pub struct Island {
    archive: Archive,
    /// The archive's entries by candidate. Only looked up, never iterated: its order is arbitrary.
    members: HashMap<u64, Member>,
}

#[derive(Debug, Clone)]
struct Member {
    genome: Arc<Genome>,
    score: Arc<Score>,
}

/// What an archive made of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// `New`, `Improved`, `NotBetter`, or `Failed` for numbers that an archive can't hold.
    pub fate: Fate,
    /// The cell of its measures.
    pub cell: Option<usize>,
    /// Its place in the cell, if it entered.
    pub rank: Option<usize>,
    /// The candidate that left the archive for it.
    pub displaced: Option<u64>,
    /// The improvement value ([`samara_qd::Added::value`]); `None` without a cell.
    pub value: Option<f64>,
}

impl Placement {
    /// That of a candidate that no archive saw.
    pub(crate) fn nowhere(fate: Fate) -> Self {
        Self { fate, cell: None, rank: None, displaced: None, value: None }
    }
}

impl Island {
    fn new(archive: Archive) -> Self {
        Self { archive, members: HashMap::new() }
    }

    /// The archive; entries are candidate indices.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The genome of an elite.
    ///
    /// # Panics
    /// If no elite of this archive has this index.
    pub fn genome(&self, id: u64) -> &Arc<Genome> {
        &self.members[&id].genome
    }

    /// The score of an elite.
    ///
    /// # Panics
    /// If no elite of this archive has this index.
    pub fn score(&self, id: u64) -> &Arc<Score> {
        &self.members[&id].score
    }

    /// The `archive_hash` of this archive alone: equal for two exactly if they hold the same elites (genome, measures
    /// and objective) in the same cells.
    pub fn archive_hash(&self) -> String {
        self.archive.digest(&mut |id| self.members[&id].genome.bytes())
    }

    fn offer(&mut self, id: u64, genome: &Arc<Genome>, score: &Arc<Score>) -> Placement {
        let added = match self.archive.add(id, score.objective, &score.measures) {
            Ok(added) => added,
            Err(error) => {
                let fate = Fate::Failed { why: error.to_string() };
                return Placement::nowhere(fate);
            }
        };
        let fate = match added.status {
            Status::New => Fate::New,
            Status::Improved => Fate::Improved,
            Status::NotAdded => Fate::NotBetter,
        };
        if fate.entered() {
            self.members.insert(id, Member { genome: Arc::clone(genome), score: Arc::clone(score) });
        }
        if let Some(displaced) = added.displaced {
            self.members.remove(&displaced);
        }
        let (cell, value) = (Some(added.cell), Some(added.value));
        Placement { fate, cell, rank: added.rank, displaced: added.displaced, value }
    }

    /// Whether a candidate is among the elites.
    pub(crate) fn holds(&self, id: u64) -> bool {
        self.members.contains_key(&id)
    }

    /// The best elites of their cells, best first.
    fn best(&self, count: usize) -> Vec<(u64, Member)> {
        let member = |elite: &Elite<'_>| (elite.id, self.members[&elite.id].clone());
        self.archive.best_of(count).iter().map(member).collect()
    }
}

/// The genome and the score of an elite that moved.
pub(crate) type Moved = (Arc<Genome>, Arc<Score>);

/// One population, or several.
#[derive(Debug, Clone)]
pub enum Population {
    /// One archive.
    Single(Box<Island>),
    /// Several, side by side.
    Islands(Box<Ring>),
}

/// Islands in a ring: each sends its migrants to the next one, the last to the first.
#[derive(Debug, Clone)]
pub struct Ring {
    islands: Vec<Island>,
    /// Everything that any island was offered, in one archive without soft thresholds: what the run has found.
    overall: Island,
    settings: IslandSettings,
}

/// The exchange of elites between islands after a number of settled candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Migration {
    /// How many candidates were settled.
    pub after: u64,
    /// Who was offered where, in the order in which it was done.
    pub moves: Vec<Move>,
}

/// An elite's copy, offered to another island.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The candidate.
    pub candidate: u64,
    /// The island it came from.
    pub from: u32,
    /// The island it was offered to.
    pub to: u32,
    /// What became of it there.
    pub fate: Fate,
    /// The candidate that left that island's archive for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub displaced: Option<u64>,
}

impl Population {
    /// An empty population as the settings have it, with these cells.
    ///
    /// # Errors
    /// Rules that contradict each other or the cells.
    pub fn new(settings: &SearchSettings, tessellation: Tessellation) -> Result<Self, Invalid> {
        let archive = settings.archive_of(tessellation)?;
        if settings.islands.count == 1 {
            return Ok(Self::Single(Box::new(Island::new(archive))));
        }
        let rules = Rules { depth: 1, soft: None, ..settings.rules() };
        let overall = Archive::new(archive.tessellation().clone(), rules)
            .map_err(|error| Invalid::new("search", error.to_string(), "use fewer cells"))?;
        let islands = (0..settings.islands.count).map(|_| Island::new(archive.clone())).collect();
        let ring = Ring { islands, overall: Island::new(overall), settings: settings.islands };
        Ok(Self::Islands(Box::new(ring)))
    }

    /// The islands; one for a single population.
    pub fn islands(&self) -> &[Island] {
        match self {
            Self::Single(island) => std::slice::from_ref(&**island),
            Self::Islands(ring) => &ring.islands,
        }
    }

    /// The archive of all that was found: the only one, or of islands the best of every cell.
    pub fn overall(&self) -> &Island {
        match self {
            Self::Single(island) => island,
            Self::Islands(ring) => &ring.overall,
        }
    }

    /// The island that a candidate belongs to.
    pub fn island_of(&self, candidate: u64) -> u32 {
        (candidate % self.islands().len() as u64) as u32
    }

    /// The `archive_hash`: of a single population its archive's; of islands the hash of theirs in their order.
    pub fn archive_hash(&self) -> String {
        match self {
            Self::Single(island) => island.archive_hash(),
            Self::Islands(ring) => {
                let mut hasher = Sha256::new();
                ring.islands.iter().for_each(|island| hasher.update(island.archive_hash()));
                hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }

    /// Offers a scored candidate to its island.
    pub(crate) fn offer(&mut self, id: u64, genome: &Arc<Genome>, score: &Arc<Score>) -> Placement {
        let island = self.island_of(id) as usize;
        match self {
            Self::Single(island) => island.offer(id, genome, score),
            Self::Islands(ring) => {
                let placement = ring.islands[island].offer(id, genome, score);
                if placement.cell.is_some() {
                    ring.overall.offer(id, genome, score);
                }
                placement
            }
        }
    }

    /// The exchange that is due once `settled` candidates are settled, carried out. Who migrates is decided on every
    /// island before anybody moves. A candidate that the next island holds already is passed over. With each move comes
    /// what was moved.
    pub(crate) fn migrate(&mut self, settled: u64) -> Option<(Migration, Vec<Moved>)> {
        let Self::Islands(ring) = self else { return None };
        let IslandSettings { migration_interval, migrants, .. } = ring.settings;
        if migrants == 0 || !settled.is_multiple_of(migration_interval) {
            return None;
        }
        let chosen: Vec<Vec<(u64, Member)>> =
            ring.islands.iter().map(|island| island.best(migrants)).collect();
        let (mut moves, mut moved) = (Vec::new(), Vec::new());
        for (from, migrants) in chosen.into_iter().enumerate() {
            let to = (from + 1) % ring.islands.len();
            for (candidate, member) in migrants {
                if ring.islands[to].holds(candidate) {
                    continue;
                }
                let placement = ring.islands[to].offer(candidate, &member.genome, &member.score);
                let displaced = placement.displaced;
                moves.push(Move {
                    candidate,
                    from: from as u32,
                    to: to as u32,
                    fate: placement.fate,
                    displaced,
                });
                moved.push((member.genome, member.score));
            }
        }
        Some((Migration { after: settled, moves }, moved))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AxisSettings;

    /// A population on one axis of four cells: 0, 1, 2 and 3.
    fn population(islands: u32, migrants: usize) -> Population {
        let islands = IslandSettings { count: islands, migration_interval: 2, migrants };
        let settings = SearchSettings { islands, ..SearchSettings::default() };
        let cells = settings.tessellation(&[AxisSettings::even("x", [0.0, 4.0], 4)]).expect("cells");
        Population::new(&settings, cells).expect("a population")
    }

    fn offer(population: &mut Population, id: u64, objective: f64, x: f64) -> Placement {
        let score = Arc::new(Score::new(objective, vec![x]));
        population.offer(id, &Arc::new(Genome::text_of(format!("{id}"))), &score)
    }

    fn ids(island: &Island) -> Vec<u64> {
        island.archive().iter().map(|elite| elite.id).collect()
    }

    #[test]
    fn an_elite_that_is_displaced_takes_its_genome_with_it() {
        let mut population = population(1, 5);
        assert_eq!(offer(&mut population, 0, 1.0, 0.5).fate, Fate::New);
        let placement = offer(&mut population, 1, 2.0, 0.6);
        assert_eq!((placement.fate, placement.displaced), (Fate::Improved, Some(0)));
        assert_eq!(offer(&mut population, 2, 2.0, 0.7).fate, Fate::NotBetter);
        let island = population.overall();
        assert_eq!((ids(island), island.genome(1).text().into_owned()), (vec![1], "1".to_owned()));
        assert!(!island.holds(0) && !island.holds(2));
    }

    #[test]
    fn numbers_that_an_archive_cannot_hold_fail_with_the_number() {
        let mut population = population(2, 5);
        let placement = offer(&mut population, 0, f64::NAN, 0.5);
        assert_eq!(placement.fate.why(), Some("the objective is NaN, not a finite number"));
        assert_eq!((placement.cell, ids(population.overall())), (None, Vec::new()));
    }

    #[test]
    fn a_migrant_does_not_move_on_in_the_migration_in_which_it_arrives() {
        let mut population = population(3, 1);
        for (id, objective) in [(0, 3.0), (1, 2.0), (2, 1.0)] {
            offer(&mut population, id, objective, id as f64 + 0.5);
        }
        assert_eq!(population.migrate(3), None, "not every other candidate");
        let (migration, moved) = population.migrate(4).expect("it is due");
        let moves: Vec<(u64, u32, u32)> =
            migration.moves.iter().map(|step| (step.candidate, step.from, step.to)).collect();
        assert_eq!(moves, [(0, 0, 1), (1, 1, 2), (2, 2, 0)]);
        assert_eq!(moved.len(), 3);
        let islands: Vec<Vec<u64>> = population.islands().iter().map(ids).collect();
        assert_eq!(islands, [vec![0, 2], vec![0, 1], vec![1, 2]], "copies: nobody left");
    }

    #[test]
    fn who_is_there_already_does_not_migrate_again() {
        let mut population = population(2, 2);
        offer(&mut population, 0, 1.0, 0.5);
        let (first, _) = population.migrate(2).expect("it is due");
        assert_eq!(first.moves.len(), 1);
        let (second, _) = population.migrate(4).expect("it is due");
        assert_eq!(second, Migration { after: 4, moves: Vec::new() });
    }

    #[test]
    fn the_best_migrate_first_and_of_equals_the_earlier() {
        let mut population = population(2, 3);
        for (id, objective) in [(0, 1.0), (2, 5.0), (4, 1.0), (6, 0.0)] {
            offer(&mut population, id, objective, id as f64 / 2.0 + 0.5);
        }
        let (migration, _) = population.migrate(2).expect("it is due");
        let moved: Vec<u64> = migration.moves.iter().map(|step| step.candidate).collect();
        assert_eq!(moved, [2, 0, 4]);
    }

    #[test]
    fn the_archive_of_all_keeps_what_an_island_lost() {
        let mut population = population(2, 0);
        offer(&mut population, 0, 1.0, 0.5);
        offer(&mut population, 1, 2.0, 0.5);
        offer(&mut population, 3, 1.0, 1.5);
        assert_eq!(ids(population.overall()), [1, 3]);
        assert_eq!(population.migrate(2), None, "without migrants there is no migration");
    }

    #[test]
    fn the_hash_of_islands_depends_on_which_island_holds_what() {
        let (mut one, mut other) = (population(2, 0), population(2, 0));
        for (population, island) in [(&mut one, 0), (&mut other, 1)] {
            let score = Arc::new(Score::new(1.0, vec![0.5]));
            population.offer(island, &Arc::new(Genome::text_of("the same")), &score);
        }
        assert_ne!(one.archive_hash(), other.archive_hash());
        assert_eq!(one.overall().archive_hash(), other.overall().archive_hash());
        assert_eq!(one.archive_hash().len(), 32);
    }
}
