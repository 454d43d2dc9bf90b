//! What an environment contributes to the search itself: plans, and a memory of its own.

use std::sync::Arc;

use samara_qd::{Archive, Elite, Stream};

use crate::{Candidate, Genome, Island, Parent, Plan, Population, Score};

/// Plans the candidates of one island, and remembers what settled ones taught it.
///
/// Its state is a fold over the island's settled candidates, in index order: a resumed run hears them all again. Every
/// method runs on the owner of the search: it must be fast, must not block, and must take randomness from the given
/// stream alone.
pub trait Proposer: Send {
    /// Plans a candidate that is not varied from elites.
    fn create(&self, view: &View<'_>, stream: &mut Stream) -> Plan;

    /// Plans a candidate that descends from elites; `None` when the archive holds too few for this operator, and the
    /// candidate is then created instead.
    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan>;

    /// Hears of a candidate of its island that has settled.
    fn learn(&mut self, _candidate: &Candidate) {}
}

/// What a plan may depend on beside the proposer's own memory: the candidate's index, the archive of its island, and that
/// of all that was found.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    population: &'a Population,
    island: &'a Island,
    index: u64,
}

impl<'a> View<'a> {
    /// What candidate `index` is planned from.
    pub(crate) fn new(population: &'a Population, index: u64) -> Self {
        Self { population, island: &population.islands()[population.island_of(index) as usize], index }
    }

    /// The index of the candidate that is planned.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many islands there are.
    pub fn islands(&self) -> usize {
        self.population.islands().len()
    }

    /// The best that any island has found, as a parent; `None` before the first.
    pub fn best_of_all(&self) -> Option<Parent> {
        let island = self.population.overall();
        // Soft thresholds may have let the best go.
        let best = island.archive().stats().best_id.filter(|best| island.holds(*best))?;
        let (genome, score) = (island.genome(best), island.score(best));
        Some(Parent { id: best, genome: Arc::clone(genome), score: Some(Arc::clone(score)) })
    }

    /// The island's archive; entries are candidate indices.
    pub fn archive(&self) -> &'a Archive {
        self.island.archive()
    }

    /// An elite's genome.
    pub fn genome(&self, elite: &Elite<'_>) -> &'a Arc<Genome> {
        self.island.genome(elite.id)
    }

    /// An elite's score.
    pub fn score(&self, elite: &Elite<'_>) -> &'a Arc<Score> {
        self.island.score(elite.id)
    }

    /// An elite as a parent.
    pub fn parent(&self, elite: &Elite<'_>) -> Parent {
        Parent {
            id: elite.id,
            genome: Arc::clone(self.genome(elite)),
            score: Some(Arc::clone(self.score(elite))),
        }
    }
}
