//! Plans of `prompt_evolution`.

use std::sync::Arc;

use samara_qd::{Archive, Stream};
use samara_search::{Genome, Plan, Proposer, View};

use super::settings::Mutation;

/// How a plan is called that takes an initial instruction as it is.
pub(super) const INITIAL: &str = "initial";
/// How a plan is called that has an instruction written from items.
pub(super) const INDUCE: &str = "induce";

/// Plans instructions of one island.
pub(super) struct Memory {
    /// The initial instructions.
    pub pool: Vec<Arc<str>>,
    /// Whether instructions can be written from items alone: not where the initial ones are given.
    pub induces: bool,
    pub mutations: Vec<Mutation>,
    pub few_shot: usize,
    /// Whether a plan says what its cell takes to enter.
    pub has_bars: bool,
}

impl Proposer for Memory {
    fn create(&self, view: &View<'_>, stream: &mut Stream) -> Plan {
        let turn = view.index() / view.islands() as u64;
        let initial = usize::try_from(turn).ok().and_then(|turn| self.pool.get(turn));
        let plan = match initial {
            Some(text) => Plan {
                verbatim: true,
                ..Plan::fresh(INITIAL, vec![Arc::new(Genome::Text(Arc::clone(text)))])
            },
            None if self.induces || self.pool.is_empty() => Plan::fresh(INDUCE, Vec::new()),
            None => {
                let mutation = self.mutations[stream.index(self.mutations.len())];
                let drawn = stream.distinct(self.pool.len(), self.sources(mutation).min(self.pool.len()));
                let texts = drawn.into_iter().map(|i| Arc::new(Genome::Text(Arc::clone(&self.pool[i]))));
                Plan::fresh(mutation.name(), texts.collect())
            }
        };
        self.with_bars(plan, view)
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let mutation = self.mutations[stream.index(self.mutations.len())];
        let near = match self.sources(mutation) {
            1 => None,
            several => view.archive().select_near(stream, several),
        };
        let elites = match near {
            Some(elites) => elites,
            None => vec![view.archive().select(stream)?],
        };
        let parents = elites.iter().map(|elite| view.parent(elite)).collect();
        Some(self.with_bars(Plan::varied(mutation.name(), parents), view))
    }
}

impl Memory {
    /// How many instructions a mutation makes a new one from.
    fn sources(&self, mutation: Mutation) -> usize {
        match mutation {
            Mutation::Rewrite | Mutation::Continue => 1,
            Mutation::Splice => 2,
            Mutation::Crossover => self.few_shot,
        }
    }

    /// With what every filled cell takes to enter, as it is known now.
    fn with_bars(&self, plan: Plan, view: &View<'_>) -> Plan {
        if !self.has_bars {
            return plan;
        }
        let archive = view.archive();
        let scales = archive.occupied().iter().filter_map(|cell| {
            let worst = bar(archive, *cell as usize)?;
            Some((cell_name(*cell as usize), [worst, worst]))
        });
        Plan { scales: scales.collect(), ..plan }
    }
}

/// How the bar of a cell is called among the scales of a plan.
pub(super) fn cell_name(cell: usize) -> String {
    format!("cell {cell}")
}

/// What an objective must exceed to enter a cell; `None` while the cell has room.
fn bar(archive: &Archive, cell: usize) -> Option<f64> {
    let (count, worst) = archive
        .elites(cell)
        .fold((0, f64::INFINITY), |(n, worst), elite| (n + 1, worst.min(elite.objective)));
    (count >= archive.rules().depth).then_some(worst)
}
