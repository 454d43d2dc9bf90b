//! An evolution strategy whose candidates are ranked by what an archive made of them.
//!
//! CMA-ME (Fontaine et al. 2020, arXiv 1912.02400): two-stage ranking, all accepted candidates are parents, and the
//! strategy begins anew at a random elite once a generation was accepted nowhere. CMA-MAE (Fontaine & Nikolaidis 2023,
//! arXiv 2205.10752): a soft archive, ranking by improvement, half of the generation are parents, and it begins anew only
//! when its distribution is of no further use.

use std::{cmp::Ordering, sync::Arc};

use super::{Cma, Elites, Shape, Space, Trial, validate};
use crate::{QdError, Status, Stream};

/// Ranking values that differ by less are all equal: there is nothing left to follow.
const FLAT: f64 = 1e-12;

/// The best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ranking {
    /// What filled an empty cell before what improved one, before the rest; within each by improvement.
    #[default]
    TwoStage,
    /// By improvement: objective minus the cell's threshold.
    Improvement,
    /// By objective, whatever the archive holds.
    Objective,
}

/// Which candidates of a generation the distribution follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parents {
    /// All that entered the archive.
    #[default]
    Accepted,
    /// The better half.
    Half,
}

/// When a strategy begins anew at an elite. It always does when its distribution is of no further use, or its ranking
/// values are all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Once a generation has entered the archive nowhere.
    #[default]
    NoImprovement,
    /// Then alone.
    Convergence,
    /// After every so many generations.
    Every(u64),
}

/// What an evolution strategy is made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvolutionRules {
    /// What its covariance is.
    pub shape: Shape,
    /// The step size that it begins with, above 0.
    pub sigma: f64,
    /// Candidates of a generation, 2 or more.
    pub batch: usize,
    /// How they are ranked.
    pub ranking: Ranking,
    /// Which of them it follows.
    pub parents: Parents,
    /// When it begins anew.
    pub restart: Restart,
}

/// The emitter.
#[derive(Debug, Clone)]
pub struct Evolution {
    space: Arc<Space>,
    rules: EvolutionRules,
    cma: Cma,
    generations: u64,
    restarts: u64,
}

impl Evolution {
    /// A strategy that begins at the space's start.
    ///
    /// # Errors
    /// A space that can't be, a step size that is not positive, a generation of fewer than 2, or restarts after 0.
    pub fn new(space: Arc<Space>, rules: EvolutionRules) -> Result<Self, QdError> {
        validate(&space, &[rules.sigma], rules.batch)?;
        if rules.batch < 2 {
            return Err(QdError::Rules("an evolution strategy ranks 2 candidates or more".into()));
        }
        if rules.restart == Restart::Every(0) {
            return Err(QdError::Rules("a restart after 0 generations leaves none".into()));
        }
        let cma = Cma::new(Arc::clone(&space), rules.shape, rules.sigma, rules.batch);
        Ok(Self { space, rules, cma, generations: 0, restarts: 0 })
    }

    /// What it is made with.
    pub fn rules(&self) -> &EvolutionRules {
        &self.rules
    }

    /// Its distribution.
    pub fn distribution(&self) -> &Cma {
        &self.cma
    }

    /// How often it has begun anew.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// A vector of its distribution.
    pub fn propose(&self, stream: &mut Stream) -> Vec<f64> {
        self.cma.sample(stream)
    }

    /// Learns from a generation, and begins anew at an elite drawn uniformly over cells if that is due.
    pub fn learn(&mut self, generation: &[Option<Trial>], elites: &dyn Elites, stream: &mut Stream) {
        self.generations += 1;
        let ranked = self.rules.ranking.order(generation);
        let accepted = ranked.iter().filter(|trial| trial.status != Status::NotAdded).count();
        let parents = match self.rules.parents {
            Parents::Accepted => accepted,
            Parents::Half => self.rules.batch / 2,
        };
        let parents: Vec<&[f64]> = ranked.iter().take(parents).map(|trial| &*trial.vector).collect();
        self.cma.update(&parents, generation.len());
        let due = match self.rules.restart {
            Restart::NoImprovement => accepted == 0,
            Restart::Convergence => false,
            Restart::Every(generations) => self.generations.is_multiple_of(generations),
        };
        if due || self.rules.ranking.is_flat(&ranked) || self.cma.is_degenerate() {
            self.begin_anew(elites, stream);
        } else {
            self.cma.refresh();
        }
    }

    fn begin_anew(&mut self, elites: &dyn Elites, stream: &mut Stream) {
        let elite = self.space.elite(elites, stream).map(|(_, vector)| vector);
        self.cma.restart(elite.unwrap_or(&self.space.start), self.rules.sigma);
        self.restarts += 1;
    }
}

impl Ranking {
    /// The trials that have a score, best first, and of equals the one in the earlier place.
    pub fn order(self, generation: &[Option<Trial>]) -> Vec<&Trial> {
        let mut ranked: Vec<&Trial> = generation.iter().flatten().collect();
        ranked.sort_by(|a, b| {
            let (a, b) = (self.key(a), self.key(b));
            b.partial_cmp(&a).unwrap_or(Ordering::Equal)
        });
        ranked
    }

    /// What trials are compared by: the stage, and then a number.
    fn key(self, trial: &Trial) -> (u8, f64) {
        let stage = match trial.status {
            Status::New => 2,
            Status::Improved => 1,
            Status::NotAdded => 0,
        };
        match self {
            Self::TwoStage => (stage, trial.value),
            Self::Improvement => (0, trial.value),
            Self::Objective => (0, trial.objective),
        }
    }

    /// Whether the best of two or more is as good as the worst.
    fn is_flat(self, ranked: &[&Trial]) -> bool {
        let [best, .., worst] = ranked else { return false };
        let (best, worst) = (self.key(best), self.key(worst));
        best.0 == worst.0 && (best.1 - worst.1).abs() < FLAT
    }
}
