//! A walker's evaluation: what fitness it gets, and why none.

use serde::{Deserialize, Serialize};

use crate::constants::{MAX_MS, Paper};
use crate::law::Law;
use crate::morphology::Morphology;
use crate::terrain::Terrain;
use crate::walker::Rejection;

/// Under which circumstances a walker is evaluated. Record them with the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which rules hold.
    pub law: Law,
    /// What the ground looks like.
    pub terrain: Terrain,
    /// Constants of `Law::Paper`.
    pub paper: Paper,
    /// Whether a creature that does not come to rest is scored nevertheless. What it moves by toppling then counts.
    pub score_unsettled: bool,
}

/// How an evaluation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// With a fitness.
    Scored,
    /// The creature did not come to rest (`Law::Paper`).
    Unsettled,
    /// A position or velocity became infinite or not a number.
    NotFinite,
    /// Nothing is connected, which OpenELM scores as minus infinity (`Law::OpenElm`; the corrected law scores 0).
    NoConnections,
}

/// What an evaluation found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The law whose fitness this is.
    pub law: Law,
    /// How it ended.
    pub verdict: Verdict,
    /// The fitness in metres, never infinite or not a number; some if and only if the verdict is `Scored`.
    pub fitness: Option<f64>,
    /// How far the centre of mass went to the right in metres, from the moment the muscles were started; some if and
    /// only if the fitness is.
    pub displacement: Option<f64>,
    /// Whether the creature came to rest before its muscles were started (always true under `Law::OpenElm`).
    pub settled: bool,
    /// Steps of 1/60 s that it took to come to rest.
    pub settling_steps: u32,
    /// Steps of 1/60 s with driven muscles.
    pub steps: u32,
    /// The creature's shape.
    pub morphology: Morphology,
    /// Whether [`Walker::validate`](crate::Walker::validate) accepts the walker.
    pub valid: bool,
}

impl Settings {
    /// What is wrong with the settings.
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
        fault.map_or(Ok(()), |fault| Err(Rejection::Settings(fault)))
    }
}
