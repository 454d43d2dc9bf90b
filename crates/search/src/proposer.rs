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

    /// Whether the candidate may be planned from the state as it is. If not, it is asked again when the next candidate has
    /// settled: a proposer that needs a whole generation waits for the last one. The answer must follow from what has
    /// settled, and must not stay `false` once all candidates before this one have. Default: always.
    fn is_ready(&self, _view: &View<'_>) -> bool {
        true
    }

    /// Hears of a candidate of its island that has settled.
    fn learn(&mut self, _candidate: &Candidate) {}

    /// The same with what the archive made of it: the improvement value ([`samara_qd::Added::value`]; `None` if it was not
    /// offered), and a view of the archive as it now is. Default: [`Proposer::learn`].
    fn settle(&mut self, candidate: &Candidate, _value: Option<f64>, _view: &View<'_>) {
        self.learn(candidate);
    }
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

    /// An elite's genome, if the island holds one of this index.
    pub fn genome_of(&self, id: u64) -> Option<&'a Arc<Genome>> {
        self.island.holds(id).then(|| self.island.genome(id))
    }

    /// An elite as a parent, if the island holds one of this index.
    pub fn parent_of(&self, id: u64) -> Option<Parent> {
        let genome = Arc::clone(self.genome_of(id)?);
        Some(Parent { id, genome, score: Some(Arc::clone(self.island.score(id))) })
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
