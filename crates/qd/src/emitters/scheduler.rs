//! The generations of several emitters together: which emitter a place belongs to, and when all of it is told.

use super::{Bandit, Elites, Emitter, Proposal, Trial};
use crate::{QdError, Status, Stream};

/// Emitters side by side. A generation has a place for every candidate of every active emitter, those of the first
/// emitter first.
#[derive(Debug, Clone)]
pub struct Scheduler {
    emitters: Vec<Emitter>,
    bandit: Option<Bandit>,
    /// The active emitters with their first places.
    active: Vec<(usize, usize)>,
    /// What was told of the generation, by place.
    told: Vec<Told>,
    missing: usize,
}

#[derive(Debug, Clone, Default)]
enum Told {
    #[default]
    Nothing,
    Unscored,
    Scored(Trial),
}

impl Scheduler {
    /// All emitters in every generation, or as a bandit has it.
    ///
    /// # Errors
    /// No emitter.
    pub fn new(emitters: Vec<Emitter>, bandit: Option<Bandit>) -> Result<Self, QdError> {
        if emitters.is_empty() {
            return Err(QdError::Rules("a generation needs an emitter".into()));
        }
        let mut scheduler = Self { emitters, bandit, active: Vec::new(), told: Vec::new(), missing: 0 };
        scheduler.begin();
        Ok(scheduler)
    }

    /// The emitters.
    pub fn emitters(&self) -> &[Emitter] {
        &self.emitters
    }

    /// What chooses among them; `None` where all of them propose every generation.
    pub fn bandit(&self) -> Option<&Bandit> {
        self.bandit.as_ref()
    }

    /// The positions of the emitters that propose this generation.
    pub fn active(&self) -> impl Iterator<Item = usize> {
        self.active.iter().map(|(emitter, _)| *emitter)
    }

    /// How many candidates this generation has.
    pub fn size(&self) -> usize {
        self.told.len()
    }

    /// Whether a generation must be told before the next is proposed. If not, nobody needs to be told anything.
    pub fn needs_generation(&self) -> bool {
        self.bandit.is_some() || self.emitters.iter().any(Emitter::needs_generation)
    }

    /// The emitter of a place of this generation.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn emitter(&self, place: usize) -> &Emitter {
        assert!(place < self.size(), "a generation of {} has no place {place}", self.size());
        let next = self.active.partition_point(|(_, first)| *first <= place);
        &self.emitters[self.active[next - 1].0]
    }

    /// The vector of a place of this generation.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn propose(&self, place: usize, elites: &dyn Elites, stream: &mut Stream) -> Proposal {
        self.emitter(place).propose(elites, stream)
    }

    /// Notes what became of a place, in any order; `None` if it has no score. What is told of it a second time is
    /// ignored. Whether the generation is complete: then [`Scheduler::advance`] is due.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn tell(&mut self, place: usize, trial: Option<Trial>) -> bool {
        if matches!(self.told[place], Told::Nothing) {
            self.told[place] = trial.map_or(Told::Unscored, Told::Scored);
            self.missing -= 1;
        }
        self.missing == 0
    }

    /// Lets the emitters learn from a complete generation, and begins the next one. `stream` is only drawn from by
    /// emitters that begin anew.
    ///
    /// # Panics
    /// If the generation is not complete.
    pub fn advance(&mut self, elites: &dyn Elites, stream: &mut Stream) {
        assert_eq!(self.missing, 0, "a generation is complete when all of it is told");
        let told: Vec<Option<Trial>> = std::mem::take(&mut self.told)
            .into_iter()
            .map(|told| match told {
                Told::Scored(trial) => Some(trial),
                Told::Unscored | Told::Nothing => None,
            })
            .collect();
        for (emitter, first) in std::mem::take(&mut self.active) {
            let generation = &told[first..first + self.emitters[emitter].batch()];
            self.learn(emitter, generation, elites, stream);
        }
        if let Some(bandit) = &mut self.bandit {
            bandit.choose();
        }
        self.begin();
    }

    fn learn(
        &mut self,
        emitter: usize,
        generation: &[Option<Trial>],
        elites: &dyn Elites,
        stream: &mut Stream,
    ) {
        let before = self.emitters[emitter].restarts();
        self.emitters[emitter].learn(generation, elites, stream);
        if let Some(bandit) = &mut self.bandit {
            let after = self.emitters[emitter].restarts();
            let entered = generation.iter().flatten().filter(|trial| trial.status != Status::NotAdded);
            let terminated = after.is_none() || after > before;
            bandit.note(emitter, (generation.len(), entered.count()), terminated);
        }
    }

    /// Lays the places of the next generation out.
    fn begin(&mut self) {
        let active = self.bandit.as_ref().map_or_else(|| (0..self.emitters.len()).collect(), Bandit::active);
        let mut places = 0;
        for emitter in active {
            self.active.push((emitter, places));
            places += self.emitters[emitter].batch();
        }
        self.told = vec![Told::Nothing; places];
        self.missing = places;
    }
}
