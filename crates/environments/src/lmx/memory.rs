//! Plans of `lmx_generation` and what they remember: the prompt pool under a strategy.

use std::sync::Arc;

use samara_qd::Stream;
use samara_search::{Candidate, Fate, Genome, Parent, Plan, Proposer, View};

use super::{
    examples::{Examples, Offer},
    settings::Mutation,
};

/// Plans texts of one island.
pub(super) struct Memory {
    pub examples: Examples,
    pub mutation: Mutation,
    pub few_shot: usize,
}

impl Proposer for Memory {
    fn create(&self, _view: &View<'_>, stream: &mut Stream) -> Plan {
        let examples = self.examples.draw(self.few_shot, stream);
        let parent = |example: &super::examples::Example| {
            let genome = Arc::new(Genome::Text(Arc::clone(&example.text)));
            example.candidate.map(|id| Parent { id, genome, score: None })
        };
        let parents = examples.iter().filter_map(parent).collect();
        let material = examples.into_iter().map(|example| Arc::new(Genome::Text(example.text))).collect();
        Plan { parents, ..Plan::fresh("examples", material) }
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        match self.mutation {
            Mutation::LmxNear => self.near(view, stream),
            Mutation::Replace => self.replace(view, stream),
        }
    }

    fn learn(&mut self, candidate: &Candidate) {
        let (Some(genome), Some(score)) = (&candidate.genome, &candidate.score) else { return };
        if let Genome::Text(text) | Genome::FewShot { text, .. } = &**genome {
            let (entered, improved) = (candidate.fate.entered(), candidate.fate == Fate::Improved);
            let (measures, objective) = (&score.measures, score.objective);
            let candidate = candidate.index;
            self.examples.learn(&Offer { candidate, text, measures, objective, entered, improved });
        }
    }
}

impl Memory {
    /// `lmx_near`: elites of cells near a uniformly chosen one are the examples.
    fn near(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let elites = view.archive().select_near(stream, self.few_shot)?;
        Some(Plan::varied("lmx_near", elites.iter().map(|elite| view.parent(elite)).collect()))
    }

    /// `replace`: a uniformly chosen elite's examples, with one position replaced by a pool item. The child gets its
    /// own list.
    fn replace(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let elite = view.archive().select(stream)?;
        let mut examples: Vec<Arc<str>> = view.genome(&elite).examples().to_vec();
        let pool = self.examples.pool();
        if examples.is_empty() || pool.is_empty() {
            return None;
        }
        let place = stream.index(examples.len());
        examples[place] = Arc::clone(pool.get(stream.index(pool.len())));
        let material = examples.into_iter().map(|text| Arc::new(Genome::Text(text))).collect();
        Some(Plan { material, ..Plan::varied("replace", vec![view.parent(&elite)]) })
    }
}
