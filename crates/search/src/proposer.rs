//! What an environment contributes to the search itself: plans, and a memory of its own.

use std::sync::Arc;

use samara_qd::{Archive, Elite, Stream};

use crate::{Candidate, Genome, Island, Parent, Plan, Score};

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

/// What a plan may depend on beside the proposer's own memory: the archive of its island.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    island: &'a Island,
}

impl<'a> View<'a> {
    pub(crate) fn new(island: &'a Island) -> Self {
        Self { island }
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
