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

/// The most amplitude that [`Walker::validate`] accepts.
const VALID_AMPLITUDE: f64 = 10.0;
/// The most connections of a joint that [`Walker::validate`] accepts.
const VALID_CONNECTIONS: usize = 10;
/// The least distance of two joints that [`Walker::validate`] accepts, in walker units.
const VALID_DISTANCE: f64 = 0.003;

impl Walker {
    /// Whether OpenELM's `validate` would accept the walker: not empty, no muscle with an amplitude above 10, no joint
    /// with more than 10 connections, no two joints closer than 0.003. The simulation does not ask for it; galloper and
    /// runner, two of the reference's own seeds, fail it.
    #[must_use]
    pub fn validate(&self) -> bool {
        let empty = self.joints.is_empty() && self.muscles.is_empty();
        let strong = |muscle: &Muscle| muscle.kind == Kind::Muscle && muscle.amplitude > VALID_AMPLITUDE;
        !empty && !self.muscles.iter().any(strong) && !self.is_crowded() && !self.has_close_joints()
    }

    /// Whether a joint has too many connections. Of joints in one place the reference counts only the first's.
    fn is_crowded(&self) -> bool {
        let mut ends = vec![0; self.joints.len()];
        for joint in self.muscles.iter().flat_map(|muscle| [muscle.a, muscle.b]) {
            if let Some(count) = ends.get_mut(joint) {
                *count += 1;
            }
        }
        let is_first = |i: usize| !self.joints[..i].contains(&self.joints[i]);
        ends.iter().enumerate().any(|(i, &count)| count > VALID_CONNECTIONS && is_first(i))
    }

    fn has_close_joints(&self) -> bool {
        let close = |a: &[f64; 2], b: &[f64; 2]| {
            let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
            (dx * dx + dy * dy).sqrt() < VALID_DISTANCE
        };
        self.joints.iter().enumerate().any(|(i, a)| self.joints[i + 1..].iter().any(|b| close(a, b)))
    }

    /// Whether the walker can be simulated under a law.
    ///
    /// # Errors
    /// The first [`Rejection`] found: joints before muscles, each in order.
    pub fn check(&self, law: Law) -> Result<(), Rejection> {
        if self.joints.is_empty() && law == Law::Paper {
            return Err(Rejection::NoJoints);
        }
        if self.joints.len() > MAX_JOINTS {
            return Err(Rejection::TooManyJoints(self.joints.len()));
        }
        if self.muscles.len() > MAX_MUSCLES {
            return Err(Rejection::TooManyMuscles(self.muscles.len()));
        }
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
