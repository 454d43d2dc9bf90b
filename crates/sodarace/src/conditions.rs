//! The conditions under which a walker is evaluated.

use serde::{Deserialize, Serialize};

use crate::constants::{MAX_MS, Paper};
use crate::law::Law;
use crate::terrain::Terrain;
use crate::walker::Rejection;

/// The conditions under which a walker is evaluated. Record them with the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// Which rules hold.
    pub law: Law,
    /// What the ground looks like.
    pub terrain: Terrain,
    /// Constants of `Law::Paper`.
    pub paper: Paper,
    /// Whether a creature that does not come to rest is scored nevertheless. What it moves by toppling then counts.
    pub score_unsettled: bool,
}

impl Conditions {
    /// What is wrong with the conditions.
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        let paper = &self.paper;
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let fault = if self.law == Law::OpenElm && self.terrain != Terrain::Flat {
            Some("OpenELM's law knows flat ground only")
        } else if !(0.0..1.0).contains(&paper.amplitude_scale) {
            Some("the amplitude scale is not in [0, 1)")
        } else if !positive(paper.full_amplitude) || !positive(paper.settled_speed) {
            Some("full amplitude or settled speed is not a positive number")
        } else if !(0.0..=1000.0).contains(&paper.clearance) {
            Some("the clearance is not in [0, 1000] m")
        } else if paper.max_settling_steps > 60 * MAX_MS / 1000 {
            Some("settling may take an hour at most")
        } else {
            self.terrain.fault()
        };
        fault.map_or(Ok(()), |fault| Err(Rejection::Conditions(fault)))
    }
}
