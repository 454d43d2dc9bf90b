//! What an archive admits. Plain values with their check; `archive.rs` applies them.

use serde::{Deserialize, Serialize};

use crate::error::QdError;

/// The most entries a cell may keep.
pub const MAX_DEPTH: usize = 4096;

/// Rules of admission and of scoring.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Entries kept per cell, best first: 1 to [`MAX_DEPTH`], default 1. More keeps more parents to choose from.
    pub depth: usize,
    /// Soft thresholds; default none: an elite is replaced only by a strictly better one.
    pub soft: Option<Soft>,
    /// Subtracted from each elite's objective in the QD score; default 0. Set it to the lowest possible
    /// objective, so that filling a cell never lowers the score.
    pub qd_offset: f64,
}

/// The soft archive of CMA-MAE (Fontaine and Nikolaidis, "Covariance matrix adaptation MAP-Annealing", 2023).
/// A cell has a threshold, at first `threshold_min`; a candidate above it takes the cell, even from a better
/// elite, and moves the threshold towards its objective.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Soft {
    /// How far an admitted candidate moves the threshold, 0 (not at all) to 1 (all the way, as without `soft`).
    pub learning_rate: f64,
    /// The threshold of an empty cell; finite. Candidates at or below it are never admitted.
    pub threshold_min: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { depth: 1, soft: None, qd_offset: 0.0 }
    }
}

impl Rules {
    /// Checks the rules' ranges.
    pub(crate) fn check(&self) -> Result<(), QdError> {
        let fail = |problem: String| Err(QdError::Rules { problem });
        if self.depth == 0 || self.depth > MAX_DEPTH {
            return fail(format!("depth {}\nhint: at least 1 and at most {MAX_DEPTH}", self.depth));
        }
        if !self.qd_offset.is_finite() {
            return fail(format!("qd_offset {} is not a finite number", self.qd_offset));
        }
        let Some(soft) = self.soft else { return Ok(()) };
        if self.depth > 1 {
            return fail(format!("soft thresholds with depth {}\nhint: set the depth to 1", self.depth));
        }
        if !(0.0..=1.0).contains(&soft.learning_rate) {
            return fail(format!("learning rate {} lies outside of 0 to 1", soft.learning_rate));
        }
        if !soft.threshold_min.is_finite() {
            return fail(format!("threshold_min {} is not a finite number", soft.threshold_min));
        }
        Ok(())
    }

    /// The objective that a candidate for an empty cell must exceed.
    #[inline]
    pub(crate) fn floor(&self) -> f64 {
        self.soft.map_or(f64::NEG_INFINITY, |soft| soft.threshold_min)
    }
}
