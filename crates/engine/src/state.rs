//! All that a proposal may depend on: the archive, the genomes of its elites, the prompt pool, what was spent, and what
//! is known of the generator's ensemble.
//!
//! The state is a fold over settled candidates. A running search and a resumed one call the same [`State::settle`],
//! so there is no second code path that could differ.

use std::{collections::HashMap, sync::Arc};

use samara_journal::{Fate, Genome, Settled};
use samara_qd::{Archive, Elite, Status};

use crate::{
    Charge, EngineError, Ensemble, Examples, Outcome, Pool, Pull, Spending, ensemble::Gain, examples::Offer,
};

/// The owner's state after a number of settled candidates.
#[derive(Debug, Clone)]
pub struct State {
    archive: Archive,
    /// Genomes of the candidates in the archive, by index. Only looked up, never iterated: its order is arbitrary.
    genomes: HashMap<u64, Arc<Genome>>,
    examples: Examples,
    ensemble: Ensemble,
    settled: u64,
    spending: Spending,
}

/// What the archive made of an outcome; with the outcome it makes up the journal's record.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// What became of the candidate.
    pub fate: Fate,
    /// The cell it was offered to.
    pub cell: Option<usize>,
    /// Its place in the cell (0 is the best), if it entered.
    pub rank: Option<usize>,
    /// What was evaluated or written.
    pub genome: Option<Arc<Genome>>,
    /// One number per axis, if it was scored with finite numbers.
    pub measures: Option<Vec<f64>>,
    /// Its objective, if it was scored with a finite number.
    pub objective: Option<f64>,
}

impl State {
    /// The state before candidate 0. A fold that proposes nothing needs no examples: `Examples::default()`.
    pub fn new(archive: Archive, examples: Examples) -> Self {
        let (genomes, ensemble, spending) = (HashMap::new(), Ensemble::default(), Spending::default());
        Self { archive, genomes, examples, ensemble, settled: 0, spending }
    }

    /// With an ensemble to choose the writers from. It has learnt nothing yet.
    pub fn with_ensemble(self, ensemble: Ensemble) -> Self {
        Self { ensemble, ..self }
    }

    /// The generator's ensemble and what is known of it.
    pub fn ensemble(&self) -> &Ensemble {
        &self.ensemble
    }

    /// The archive; entries are candidate indices, see [`State::genome`].
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// What prompts of created candidates show, under the run's strategy.
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// The prompt pool.
    pub fn pool(&self) -> &Pool {
        self.examples.pool()
    }

    /// How many candidates are settled: the index of the next one.
    pub fn settled(&self) -> u64 {
        self.settled
    }

    /// What settled candidates and the setup have spent.
    pub fn spending(&self) -> &Spending {
        &self.spending
    }

    /// The genome of an elite.
    ///
    /// # Panics
    /// If the elite is not of this archive.
    pub fn genome(&self, elite: &Elite<'_>) -> &Arc<Genome> {
        &self.genomes[&elite.id]
    }

    /// The `archive_hash`: equal for two runs exactly if their archives hold the same elites (genome, measures and
    /// objective) in the same cells.
    pub fn archive_hash(&self) -> String {
        self.archive.digest(&mut |id| self.genomes[&id].text().into_owned().into_bytes())
    }

    /// Settles the next candidate: offers it to the archive, and to the prompt pool as the strategy has it. `pull` is
    /// what an ensemble learns from.
    pub fn settle(&mut self, outcome: Outcome, charge: Charge, pull: Option<Pull>) -> Settlement {
        let index = self.settled;
        self.settled += 1;
        self.spending.charge(charge);
        let settlement = match outcome {
            Outcome::Scored { genome, measures, objective } => self.offer(index, genome, measures, objective),
            Outcome::Invalid { genome, why } => unscored(Fate::Invalid { why }, genome),
            Outcome::Failed { genome, why } => unscored(Fate::Failed { why }, genome),
        };
        if let Some(pull) = pull {
            self.ensemble.learn(&pull, gain_of(&settlement.fate));
        }
        settlement
    }

    /// Charges calls that belong to no candidate (the setup's).
    pub fn charge_setup(&mut self, charge: Charge) {
        self.spending.total += charge;
    }

    /// Settles a candidate of a journal again.
    ///
    /// # Errors
    /// The journal records another fate than folding gives.
    pub fn refold(&mut self, settled: Settled) -> Result<(), EngineError> {
        let charge = Charge { calls: u64::from(settled.calls), tokens: settled.tokens, money: settled.price };
        let pull = settled.arm.map(|arm| Pull { arm, charge, model_ms: settled.model_ms });
        let (index, fate) = (settled.index, settled.fate.clone());
        let settlement = self.settle(outcome_of(settled), charge, pull);
        if settlement.fate == fate {
            return Ok(());
        }
        let (recorded, folded) = (fate.name().to_owned(), settlement.fate.name().to_owned());
        Err(EngineError::Fold { index, recorded, folded })
    }

    fn offer(&mut self, index: u64, genome: Genome, measures: Vec<f64>, objective: f64) -> Settlement {
        let added = match self.archive.add(index, objective, &measures) {
            Ok(added) => added,
            Err(error) => return unscored(Fate::Failed { why: error.to_string() }, Some(genome)),
        };
        let genome = Arc::new(genome);
        let fate = match added.status {
            Status::New => Fate::New,
            Status::Improved => Fate::Improved,
            Status::NotAdded => Fate::NotBetter,
        };
        let entered = added.status != Status::NotAdded;
        if entered {
            self.genomes.insert(index, Arc::clone(&genome));
        }
        if let Genome::Text(text) | Genome::FewShot { text, .. } = &*genome {
            self.examples.learn(&Offer { candidate: index, text, measures: &measures, objective, entered });
        }
        if let Some(displaced) = added.displaced {
            self.genomes.remove(&displaced);
        }
        Settlement {
            fate,
            cell: Some(added.cell),
            rank: added.rank,
            genome: Some(genome),
            measures: Some(measures),
            objective: Some(objective),
        }
    }
}

fn gain_of(fate: &Fate) -> Gain {
    match fate {
        Fate::New | Fate::Improved => Gain::Entered,
        Fate::NotBetter => Gain::Scored,
        Fate::Invalid { .. } | Fate::Failed { .. } => Gain::Nothing,
    }
}

/// What a worker had brought back when the journal's record was written.
fn outcome_of(settled: Settled) -> Outcome {
    match (settled.fate, settled.genome, settled.measures, settled.objective) {
        (_, Some(genome), Some(measures), Some(objective)) => Outcome::Scored { genome, measures, objective },
        (Fate::Invalid { why }, genome, ..) => Outcome::Invalid { genome, why },
        (Fate::Failed { why }, genome, ..) => Outcome::Failed { genome, why },
        (fate, genome, ..) => {
            Outcome::Failed { genome, why: format!("recorded as {} without a score", fate.name()) }
        }
    }
}

fn unscored(fate: Fate, genome: Option<Genome>) -> Settlement {
    let genome = genome.map(Arc::new);
    Settlement { fate, cell: None, rank: None, genome, measures: None, objective: None }
}
