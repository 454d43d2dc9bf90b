//! How muscles are driven under each law, and what is a bone.

use std::f64::consts::PI;

use crate::constants::{CLOCK_PER_STEP, Paper};
use crate::law::Law;
use crate::walker::{Kind, Muscle};

/// Whether a connection is rigid.
pub(crate) fn is_bone(muscle: &Muscle, law: Law) -> bool {
    match law {
        Law::OpenElm => openelm_amplitude(muscle) < 0.2,
        Law::Paper => muscle.kind == Kind::Distance || muscle.amplitude == 0.0,
    }
}

/// The amplitude in [0, 1], as OpenELM reckons it for amplitudes between -1 and 1.
fn openelm_amplitude(muscle: &Muscle) -> f64 {
    (muscle.amplitude + 1.0) / 2.0
}

/// How the length of one muscle follows the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drive {
    /// The muscle's joint.
    pub joint: u32,
    rest: f64,
    /// How far the length swings: in metres (`OpenElm`), or as a share of the length (`Paper`).
    swing: f64,
    /// Where in the cycle the muscle is when the clock starts, in radians.
    pub offset: f64,
}

impl Drive {
    pub(crate) fn new(joint: u32, muscle: &Muscle, rest: f32, law: Law, paper: &Paper) -> Self {
        let rest = f64::from(rest);
        let (swing, offset) = match law {
            // OpenELM stores the walker's phase as the amplitude, and 0.3 of its amplitude as the phase.
            Law::OpenElm => (muscle.phase, ((0.3 * openelm_amplitude(muscle)) * 2.0) * PI),
            Law::Paper => {
                let share = (muscle.amplitude / paper.full_amplitude).clamp(-1.0, 1.0);
                (paper.amplitude_scale * share, (2.0 * PI) * muscle.phase)
            }
        };
        Self { joint, rest, swing, offset }
    }

    /// Whether the length ever changes.
    pub(crate) fn swings(&self) -> bool {
        self.swing != 0.0
    }

    /// The cosine of where the muscle is in its cycle: a software one, so that all platforms agree.
    pub(crate) fn cosine(&self, clock: &Clock) -> f64 {
        libm::cos(clock.angle + self.offset)
    }

    /// The length at this cosine.
    pub(crate) fn length(&self, law: Law, clock: &Clock, cosine: f64) -> f32 {
        let length = match law {
            Law::OpenElm => self.rest + (self.swing * cosine),
            Law::Paper => self.rest * (1.0 + (clock.growth * self.swing) * cosine),
        };
        length as f32
    }
}

/// The muscles' clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    angle: f64,
    /// How much of their swing the muscles have, in [0, 1]; always 1 under `OpenElm`, which does not ask.
    growth: f64,
    driven_steps: u32,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { angle: 0.0, growth: 0.0, driven_steps: 0 }
    }

    /// Called before a driven step: the swing grows linearly, the first step has its first part.
    pub(crate) fn begin_step(&mut self, paper: &Paper) {
        self.driven_steps = self.driven_steps.saturating_add(1);
        self.growth = (f64::from(self.driven_steps) / f64::from(paper.ramp_steps.max(1))).min(1.0);
    }

    /// Called after a driven step.
    pub(crate) fn end_step(&mut self) {
        self.angle += CLOCK_PER_STEP;
    }
}
