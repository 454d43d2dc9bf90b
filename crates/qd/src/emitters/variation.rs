//! Emitters that take steps from elites: Gaussian ones, and along the line between two.
//!
//! They learn nothing, and propose from the archive as it stands.

use std::sync::Arc;

use super::{Elites, Proposal, Space, validate};
use crate::{QdError, Stream, symmetric::add_scaled};

/// Gaussian steps from an elite that is drawn uniformly over cells: MAP-Elites with a Gaussian mutation (Mouret & Clune
/// 2015, arXiv 1504.04909).
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    space: Arc<Space>,
    sigma: f64,
    batch: usize,
}

impl Gaussian {
    /// Steps of standard deviation `sigma` in every coordinate.
    pub(super) fn new(space: Arc<Space>, sigma: f64, batch: usize) -> Result<Self, QdError> {
        validate(&space, &[sigma], batch)?;
        Ok(Self { space, sigma, batch })
    }

    /// Its candidates a generation.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// A step from an elite, or from the start while there is none; coordinates out of the bounds are moved to them.
    pub fn propose(&self, elites: &dyn Elites, stream: &mut Stream) -> Proposal {
        let parent = self.space.elite(elites, stream);
        let mut vector = step(&self.space, parent.map(|(_, vector)| vector), self.sigma, stream);
        self.space.clip(&mut vector);
        Proposal { vector, parents: parent.iter().map(|(id, _)| *id).collect() }
    }
}

/// Iso+LineDD (Vassiliades & Mouret 2018, arXiv 1804.03906): a Gaussian step from an elite, and one along the line to a
/// second elite. Elites lie near each other's lines where the good vectors are a small part of the space.
#[derive(Debug, Clone, PartialEq)]
pub struct IsoLine {
    space: Arc<Space>,
    iso_sigma: f64,
    line_sigma: f64,
    batch: usize,
}

impl IsoLine {
    /// Steps of standard deviation `iso_sigma` in every coordinate, and of `line_sigma` times the way to another elite.
    pub(super) fn new(
        space: Arc<Space>,
        (iso_sigma, line_sigma): (f64, f64),
        batch: usize,
    ) -> Result<Self, QdError> {
        validate(&space, &[iso_sigma, line_sigma], batch)?;
        Ok(Self { space, iso_sigma, line_sigma, batch })
    }

    /// Its candidates a generation.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// x + `iso_sigma` N(0, I) + `line_sigma` (y - x) N(0, 1) of two elites x and y, each drawn uniformly over cells;
    /// from the start while there is none. Coordinates out of the bounds are moved to them.
    pub fn propose(&self, elites: &dyn Elites, stream: &mut Stream) -> Proposal {
        let first = self.space.elite(elites, stream);
        let second = first.and_then(|_| self.space.elite(elites, stream));
        let mut vector = step(&self.space, first.map(|(_, vector)| vector), self.iso_sigma, stream);
        if let (Some((_, from)), Some((_, to))) = (first, second) {
            let length = self.line_sigma * stream.normal();
            add_scaled(&mut vector, length, to);
            add_scaled(&mut vector, -length, from);
        }
        self.space.clip(&mut vector);
        let mut parents: Vec<u64> = first.iter().chain(&second).map(|(id, _)| *id).collect();
        parents.dedup();
        Proposal { vector, parents }
    }
}

/// A Gaussian step from a vector, or from the start.
fn step(space: &Space, from: Option<&[f64]>, sigma: f64, stream: &mut Stream) -> Vec<f64> {
    let mut vector = vec![0.0; space.start.len()];
    stream.fill_normal(&mut vector);
    for (x, from) in vector.iter_mut().zip(from.unwrap_or(&space.start)) {
        *x = from + sigma * *x;
    }
    vector
}
