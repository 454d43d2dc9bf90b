//! Emitters: what proposes vectors. Pure: they know an archive and the vectors of its elites, and draw from the random
//! stream that they are given.
//!
//! - [`variation`]: steps from elites, Gaussian and along lines between two;
//! - [`cma`]: the covariance matrix adaptation of evolution strategies, full and separable;
//! - [`evolution`]: an evolution strategy that is ranked by what an archive makes of its candidates (CMA-ME, CMA-MAE);
//! - [`bandit`]: which of many emitters are active; [`scheduler`]: the generations of several emitters together.
//!
//! An evolution strategy needs a whole generation: it proposes the next one when every candidate of the last has been
//! told. Between two generations it does not change, so that the candidates of one may be proposed in any order, and by
//! streams of their own; and what it learns depends on their places in the generation, not on the order of telling.

pub mod bandit;
pub mod cma;
pub mod evolution;
pub mod scheduler;
pub mod variation;

use std::sync::Arc;

use crate::{Archive, QdError, Status, Stream};

pub use bandit::{Bandit, Reselect};
pub use cma::{Cma, Shape};
pub use evolution::{Evolution, EvolutionRules, Parents, Ranking, Restart};
pub use scheduler::Scheduler;
pub use variation::{Gaussian, IsoLine};

/// An archive, and the vectors of its elites.
pub trait Elites {
    /// The archive.
    fn archive(&self) -> &Archive;

    /// The vector of an elite; `None` if what the archive holds by this id is no vector.
    fn vector(&self, id: u64) -> Option<&[f64]>;
}

/// Where vectors lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Where emitters begin, and where they take their parents from as long as the archive is empty. One number or more.
    pub start: Vec<f64>,
    /// Lowest and highest value of every coordinate; `None` for no bounds.
    pub bounds: Option<[f64; 2]>,
}

impl Space {
    /// Checks it.
    ///
    /// # Errors
    /// No coordinate, a start that is not finite or out of the bounds, bounds that are no range.
    pub fn validate(&self) -> Result<(), QdError> {
        let bad = |what: &str| Err(QdError::Rules(what.to_owned()));
        if self.start.is_empty() {
            return bad("a vector needs a coordinate");
        }
        if let Some([lo, hi]) = self.bounds
            && !(lo.is_finite() && hi.is_finite() && lo < hi)
        {
            return bad("the bounds of the vectors are no range");
        }
        if !self.start.iter().all(|x| x.is_finite() && self.holds(*x)) {
            return bad("the start of the emitters is not finite or out of the bounds");
        }
        Ok(())
    }

    /// Whether a coordinate is within the bounds.
    fn holds(&self, x: f64) -> bool {
        self.bounds.is_none_or(|[lo, hi]| (lo..=hi).contains(&x))
    }

    /// Moves every coordinate that is out of the bounds, or no finite number, to the nearest that is within.
    fn clip(&self, vector: &mut [f64]) {
        let [lo, hi] = self.bounds.unwrap_or([f64::MIN, f64::MAX]);
        for x in vector {
            *x = if x.is_nan() { lo.midpoint(hi) } else { x.clamp(lo, hi) };
        }
    }

    /// An elite drawn uniformly over cells, if its vector lies in this space.
    fn elite<'a>(&self, elites: &'a dyn Elites, stream: &mut Stream) -> Option<(u64, &'a [f64])> {
        let elite = elites.archive().select(stream)?;
        let vector = elites.vector(elite.id).filter(|vector| vector.len() == self.start.len())?;
        Some((elite.id, vector))
    }
}

/// A vector to try.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proposal {
    /// The vector.
    pub vector: Vec<f64>,
    /// The elites that it descends from; none of an evolution strategy's.
    pub parents: Vec<u64>,
}

/// What became of a proposed vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The vector that was tried.
    pub vector: Vec<f64>,
    /// Its objective.
    pub objective: f64,
    /// What the archive made of it.
    pub status: Status,
    /// The improvement value ([`crate::Added::value`]).
    pub value: f64,
}

/// An emitter.
#[derive(Debug, Clone)]
pub enum Emitter {
    /// Gaussian steps from elites.
    Gaussian(Gaussian),
    /// Steps around elites and along the line to another (Iso+LineDD).
    IsoLine(IsoLine),
    /// An evolution strategy.
    Evolution(Box<Evolution>),
}

impl Emitter {
    /// Gaussian steps of this standard deviation, `batch` a generation.
    ///
    /// # Errors
    /// A space that can't be, a deviation that is not positive, an empty batch.
    pub fn gaussian(space: &Arc<Space>, sigma: f64, batch: usize) -> Result<Self, QdError> {
        Gaussian::new(Arc::clone(space), sigma, batch).map(Self::Gaussian)
    }

    /// Steps of standard deviation `iso_sigma`, and of `line_sigma` times the way to another elite.
    ///
    /// # Errors
    /// As [`Emitter::gaussian`].
    pub fn iso_line(
        space: &Arc<Space>,
        (iso_sigma, line_sigma): (f64, f64),
        batch: usize,
    ) -> Result<Self, QdError> {
        IsoLine::new(Arc::clone(space), (iso_sigma, line_sigma), batch).map(Self::IsoLine)
    }

    /// An evolution strategy.
    ///
    /// # Errors
    /// As [`Evolution::new`].
    pub fn evolution(space: &Arc<Space>, rules: EvolutionRules) -> Result<Self, QdError> {
        Evolution::new(Arc::clone(space), rules).map(|emitter| Self::Evolution(Box::new(emitter)))
    }

    /// How many candidates of a generation are its.
    pub fn batch(&self) -> usize {
        match self {
            Self::Gaussian(emitter) => emitter.batch(),
            Self::IsoLine(emitter) => emitter.batch(),
            Self::Evolution(emitter) => emitter.rules().batch,
        }
    }

    /// Its name: `gaussian`, `iso_line`, `cma_es` or `sep_cma_es`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gaussian(_) => "gaussian",
            Self::IsoLine(_) => "iso_line",
            Self::Evolution(emitter) => emitter.rules().shape.name(),
        }
    }

    /// Whether it learns from generations, and so needs the last one whole before it proposes the next.
    pub fn needs_generation(&self) -> bool {
        matches!(self, Self::Evolution(_))
    }

    /// How often it has begun anew; `None` of an emitter that never does, since it learns nothing.
    pub fn restarts(&self) -> Option<u64> {
        match self {
            Self::Evolution(emitter) => Some(emitter.restarts()),
            Self::Gaussian(_) | Self::IsoLine(_) => None,
        }
    }

    /// A vector to try.
    pub fn propose(&self, elites: &dyn Elites, stream: &mut Stream) -> Proposal {
        match self {
            Self::Gaussian(emitter) => emitter.propose(elites, stream),
            Self::IsoLine(emitter) => emitter.propose(elites, stream),
            Self::Evolution(emitter) => Proposal { vector: emitter.propose(stream), parents: Vec::new() },
        }
    }

    /// Learns from its candidates of a generation, in the order of their places; `None` of one without a score.
    pub fn learn(&mut self, generation: &[Option<Trial>], elites: &dyn Elites, stream: &mut Stream) {
        if let Self::Evolution(emitter) = self {
            emitter.learn(generation, elites, stream);
        }
    }
}

/// Refuses what no emitter can be made with.
fn validate(space: &Space, deviations: &[f64], batch: usize) -> Result<(), QdError> {
    space.validate()?;
    if let Some(sigma) = deviations.iter().find(|sigma| !(sigma.is_finite() && **sigma > 0.0)) {
        return Err(QdError::Rules(format!("a standard deviation of {sigma} moves nothing")));
    }
    if batch == 0 {
        return Err(QdError::Rules("an emitter needs a batch of 1 or more".into()));
    }
    Ok(())
}
