//! A walker as data: joints and the muscles between them, and what is wrong with one.

use serde::{Deserialize, Serialize};

use crate::constants::{MAX_COORDINATE, MAX_JOINTS, MAX_MUSCLES, MAX_OPENELM_DRIVE, MAX_PHASE};
use crate::law::Law;

/// A creature: point masses joined by bones and muscles.
///
/// As JSON it has the form of OpenELM's `to_dict()`:
/// `{"joints": [[x, y], ...], "muscles": [[i, j, {"type": "muscle", "amplitude": 5.0, "phase": 0.5}], ...]}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Walker {
    /// The joints' coordinates (x, y) in walker units; one unit is about 31 m wide and 32 m high in the world.
    /// y points down: it is flipped when the walker becomes bodies.
    pub joints: Vec<[f64; 2]>,
    /// The connections, in order of creation. The order is part of the creature: the solver follows it.
    pub muscles: Vec<Muscle>,
}

/// A connection between two joints.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(usize, usize, Driven)", into = "(usize, usize, Driven)")]
pub struct Muscle {
    /// Index of the first joint.
    pub a: usize,
    /// Index of the second joint. Equal to `a`: the connection does nothing.
    pub b: usize,
    /// What the connection is meant to be. `Law::OpenElm` ignores it.
    pub kind: Kind,
    /// How far the length swings; 10 is the most that [`Walker::validate`] accepts.
    pub amplitude: f64,
    /// Where in its swing the muscle begins, in turns.
    pub phase: f64,
}

/// What a connection is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A bone of fixed length.
    Distance,
    /// A muscle, whose length swings.
    Muscle,
}

/// The third element of a connection in `to_dict()`.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Driven {
    #[serde(rename = "type")]
    kind: Kind,
    amplitude: f64,
    phase: f64,
}

impl From<(usize, usize, Driven)> for Muscle {
    fn from((a, b, driven): (usize, usize, Driven)) -> Self {
        Self { a, b, kind: driven.kind, amplitude: driven.amplitude, phase: driven.phase }
    }
}

impl From<Muscle> for (usize, usize, Driven) {
    fn from(muscle: Muscle) -> Self {
        let Muscle { a, b, kind, amplitude, phase } = muscle;
        (a, b, Driven { kind, amplitude, phase })
    }
}

/// Why a walker cannot be simulated.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// It has no joints (`Law::Paper` only; OpenELM gives such a walker a fitness of minus infinity).
    #[error("the walker has no joints")]
    NoJoints,
    /// It has more joints than [`MAX_JOINTS`].
    #[error("the walker has {0} joints\nhint: at most {MAX_JOINTS} are simulated")]
    TooManyJoints(usize),
    /// It has more connections than [`MAX_MUSCLES`].
    #[error("the walker has {0} muscles\nhint: at most {MAX_MUSCLES} are simulated")]
    TooManyMuscles(usize),
    /// The coordinate of this joint is not a finite number.
    #[error("joint {0} has a coordinate that is not a finite number")]
    JointNotFinite(usize),
    /// A coordinate of this joint is too large: beyond [`MAX_COORDINATE`] (`Law::Paper`), or beyond single precision.
    #[error("joint {0} is too far away\nhint: keep coordinates within {MAX_COORDINATE} of the origin")]
    JointTooFar(usize),
    /// This connection names a joint that does not exist.
    #[error("muscle {muscle} names joint {joint}, which does not exist\nhint: joints are counted from 0")]
    NoSuchJoint {
        /// Index of the connection.
        muscle: usize,
        /// The joint it names.
        joint: usize,
    },
    /// The amplitude or phase of this connection is not a finite number.
    #[error("muscle {0} has an amplitude or phase that is not a finite number")]
    MuscleNotFinite(usize),
    /// The phase of this connection is beyond [`MAX_PHASE`] turns (`Law::Paper`), or amplitude or phase beyond
    /// [`MAX_OPENELM_DRIVE`] (`Law::OpenElm`).
    #[error(
        "muscle {0} has an amplitude or phase that is too large\nhint: phases are turns; keep them within {MAX_PHASE}"
    )]
    DriveTooLarge(usize),
    /// This connection is too long for single precision.
    #[error("muscle {0} is too long for single precision")]
    MuscleTooLong(usize),
    /// The conditions cannot be simulated, whatever the walker.
    #[error("{0}\nhint: change the settings of the evaluation")]
    Conditions(&'static str),
}

impl Walker {
    /// Whether a walker of so many joints and muscles can be simulated: to be asked before it is built from data of
    /// somebody else.
    ///
    /// # Errors
    /// [`Rejection::TooManyJoints`] above [`MAX_JOINTS`], [`Rejection::TooManyMuscles`] above [`MAX_MUSCLES`].
    pub fn check_size(joints: usize, muscles: usize) -> Result<(), Rejection> {
        if joints > MAX_JOINTS {
            return Err(Rejection::TooManyJoints(joints));
        }
        if muscles > MAX_MUSCLES { Err(Rejection::TooManyMuscles(muscles)) } else { Ok(()) }
    }

    /// Whether the walker can be simulated under a law.
    ///
    /// # Errors
    /// The first [`Rejection`] found: joints before muscles, each in order.
    pub fn check(&self, law: Law) -> Result<(), Rejection> {
        if self.joints.is_empty() && law == Law::Paper {
            return Err(Rejection::NoJoints);
        }
        Self::check_size(self.joints.len(), self.muscles.len())?;
        let farthest = match law {
            Law::Paper => MAX_COORDINATE,
            Law::OpenElm => f64::from(f32::MAX),
        };
        for (i, joint) in self.joints.iter().enumerate() {
            if !joint.iter().all(|coordinate| coordinate.is_finite()) {
                return Err(Rejection::JointNotFinite(i));
            }
            if joint.iter().any(|coordinate| coordinate.abs() > farthest) {
                return Err(Rejection::JointTooFar(i));
            }
        }
        self.muscles.iter().enumerate().try_for_each(|(i, muscle)| muscle.check(i, self.joints.len(), law))
    }
}

impl Muscle {
    fn check(&self, index: usize, joints: usize, law: Law) -> Result<(), Rejection> {
        if let Some(joint) = [self.a, self.b].into_iter().find(|joint| *joint >= joints) {
            return Err(Rejection::NoSuchJoint { muscle: index, joint });
        }
        if !self.amplitude.is_finite() || !self.phase.is_finite() {
            return Err(Rejection::MuscleNotFinite(index));
        }
        let too_large = match law {
            Law::Paper => self.phase.abs() > MAX_PHASE,
            Law::OpenElm => self.amplitude.abs() > MAX_OPENELM_DRIVE || self.phase.abs() > MAX_OPENELM_DRIVE,
        };
        if too_large { Err(Rejection::DriveTooLarge(index)) } else { Ok(()) }
    }
}
