//! All constants in one place: of the world, of the solver, and of the corrected law.
//!
//! The solver's arithmetic is single precision throughout; derived constants are written as the formulas that give
//! their bits. Names of Box2D 2.3.0 (`b2Settings.h`) are given where it has one.

use serde::{Deserialize, Serialize};

// -- limits of what is simulated -------------------------------------------------------------------------------

/// The most joints of a walker.
pub const MAX_JOINTS: usize = 1_000;
/// The most connections of a walker.
pub const MAX_MUSCLES: usize = 10_000;
/// The largest coordinate of a joint under `Law::Paper`, in walker units.
pub const MAX_COORDINATE: f64 = 1_000.0;
/// The largest phase of a muscle under `Law::Paper`, in turns. Beyond it the cosine's argument loses digits.
pub const MAX_PHASE: f64 = 1e6;
/// The largest amplitude or phase under `Law::OpenElm`, which takes the phase for a length: impulses of a longer
/// muscle would leave single precision.
pub const MAX_OPENELM_DRIVE: f64 = 1e30;
/// The longest evaluation in simulated milliseconds: an hour. Longer ones are cut to it.
pub const MAX_MS: u32 = 3_600_000;

// -- the world: OpenELM's sodaracer simulator ------------------------------------------------------------------

/// Steps per simulated second.
pub const STEPS_PER_SECOND: u32 = 60;
/// Length of a step in seconds.
pub(crate) const STEP: f64 = 1.0 / 60.0;
/// Radians that the muscles' clock advances in a step: 3 rad/s.
pub(crate) const CLOCK_PER_STEP: f64 = 3.0 * STEP;
/// Width and height of the reference's canvas, which scales walkers.
pub(crate) const CANVAS: [f64; 2] = [150.0, 200.0];
/// Radius of a node in metres.
pub const NODE_RADIUS: f32 = ((150.0 / 2.2) / 35.0) as f32;
/// Half the width and height of the box that is flat ground, in metres.
pub(crate) const GROUND_HALF: [f32; 2] = [3500.0, 10.0];
/// Height of the centre of that box in OpenELM's world.
pub(crate) const OPENELM_GROUND_Y: f32 = -100.0;

/// The step as the solver sees it.
pub(crate) const H: f32 = STEP as f32;
pub(crate) const GRAVITY: f32 = -25.0;
pub(crate) const VELOCITY_ITERATIONS: usize = 10;
pub(crate) const POSITION_ITERATIONS: usize = 10;

// Box2D writes 3.14159265359f, which is the nearest single.
const PI: f32 = std::f32::consts::PI;
const DENSITY: f32 = 25.0;
const LINEAR_DAMPING: f32 = 1.1;
const SPRING_HERTZ: f32 = 3.0;
const SPRING_DAMPING: f32 = 0.3;

/// Mass of a node in kilograms: that of a disc.
pub(crate) const MASS: f32 = ((DENSITY * PI) * NODE_RADIUS) * NODE_RADIUS;
/// Inverse mass of a node.
pub(crate) const W: f32 = 1.0 / MASS;
/// What is left of a velocity after the damping of a step (2.3.0's form; later versions divide by 1 + h*c).
pub(crate) const DAMPED: f32 = 1.0 - H * LINEAR_DAMPING;
/// Effective mass of a rigid distance joint between two nodes.
pub(crate) const RIGID_MASS: f32 = 1.0 / (W + W);

// Catto, "Soft constraints: reinventing the spring", GDC 2011: a damped spring as a softened constraint.
const OMEGA: f32 = (2.0 * PI) * SPRING_HERTZ;
const DAMPING: f32 = ((2.0 * RIGID_MASS) * SPRING_DAMPING) * OMEGA;
/// Stiffness of a muscle, N/m.
pub(crate) const STIFFNESS: f32 = (RIGID_MASS * OMEGA) * OMEGA;
/// Softness of a muscle.
pub(crate) const GAMMA: f32 = 1.0 / (H * (DAMPING + H * STIFFNESS));
/// Effective mass of a soft distance joint between two nodes.
pub(crate) const SOFT_MASS: f32 = 1.0 / ((W + W) + GAMMA);

/// Friction of a node on the ground: `sqrt(0.2 * 1.0)`, the geometric mean of the two coefficients.
pub(crate) const FRICTION: f32 = f32::from_bits(0x3EE4_F92E);
/// Restitution of a node on the ground, the larger of the two.
pub(crate) const RESTITUTION: f32 = 0.1;
/// Effective mass of a contact.
pub(crate) const CONTACT_MASS: f32 = 1.0 / W;

// -- the solver: Box2D 2.3.0 -----------------------------------------------------------------------------------

pub(crate) const EPSILON: f32 = f32::EPSILON;
pub(crate) const MAX_FLOAT: f32 = f32::MAX;
/// Allowed overlap and joint error in metres (`b2_linearSlop`).
pub(crate) const SLOP: f32 = 0.005;
/// The skin around a polygon (`b2_polygonRadius`).
pub(crate) const SKIN: f32 = 2.0 * SLOP;
/// Distance from a polygon below which a node touches it.
pub(crate) const REACH: f32 = SKIN + NODE_RADIUS;
/// Share of an overlap that one position iteration removes (`b2_baumgarte`), and in a sub-step (`b2_toiBaugarte`).
pub(crate) const BAUMGARTE: f32 = 0.2;
pub(crate) const TOI_BAUMGARTE: f32 = 0.75;
/// The most that one position iteration moves (`b2_maxLinearCorrection`).
pub(crate) const MAX_CORRECTION: f32 = 0.2;
/// The most that a node moves in a step (`b2_maxTranslation`).
pub(crate) const MAX_TRANSLATION: f32 = 2.0;
/// Approach speed above which a contact bounces (`b2_velocityThreshold`).
pub(crate) const BOUNCE_SPEED: f32 = 1.0;
/// How much larger than its shape a box of the broad phase is, and by how many displacements.
pub(crate) const AABB_MARGIN: f32 = 0.1;
pub(crate) const AABB_MULTIPLIER: f32 = 2.0;
/// Speed below which a node rests, and how long it must.
pub(crate) const SLEEP_SPEED: f32 = 0.01;
pub(crate) const SLEEP_TIME: f32 = 0.5;
/// Sub-steps of a contact per step (`b2_maxSubSteps`), and position iterations of one.
pub(crate) const MAX_SUBSTEPS: u8 = 8;
pub(crate) const TOI_POSITION_ITERATIONS: usize = 20;
/// Limits of the search for a time of impact: outer rounds, push-backs, root finding; and of the distance.
pub(crate) const TOI_ROUNDS: usize = 20;
pub(crate) const TOI_PUSH_BACKS: usize = 16;
pub(crate) const TOI_ROOT_ITERATIONS: usize = 50;
pub(crate) const GJK_ITERATIONS: usize = 20;

// -- the corrected law -----------------------------------------------------------------------------------------

/// What `Law::Paper` adds to the solver. Record it with results: fitness under other values is another fitness.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// How far a muscle of full amplitude swings, as a share of its length. Below 1.
    pub amplitude_scale: f64,
    /// The amplitude that is full; larger ones count as this.
    pub full_amplitude: f64,
    /// Height of the lowest node's lowest point above the ground at the start, in metres.
    pub clearance: f64,
    /// Steps over which the muscles' swing grows from nothing to full.
    pub ramp_steps: u32,
    /// Speed in m/s below which a node counts as settled.
    pub settled_speed: f64,
    /// For how many steps in a row all nodes must be that slow.
    pub settled_steps: u32,
    /// The least steps that settling takes.
    pub min_settling_steps: u32,
    /// The steps after which a creature counts as unsettled.
    pub max_settling_steps: u32,
}

impl Paper {
    /// The values of all results unless said otherwise.
    pub const DEFAULT: Self = Self {
        amplitude_scale: 0.3,
        full_amplitude: 10.0,
        clearance: 0.05,
        ramp_steps: 30,
        settled_speed: 0.05,
        settled_steps: 15,
        min_settling_steps: 60,
        max_settling_steps: 1_800,
    };
}

impl Default for Paper {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_constants_have_the_bits_of_the_specification() {
        let found = [
            H,
            NODE_RADIUS,
            MASS,
            W,
            DAMPED,
            OMEGA,
            RIGID_MASS,
            DAMPING,
            STIFFNESS,
            GAMMA,
            SOFT_MASS,
            FRICTION,
            CONTACT_MASS,
            REACH,
        ];
        let expected: [u32; 14] = [
            0x3C88_8889,
            0x3FF9_59C4,
            0x4395_0690,
            0x3B5B_E1B3,
            0x3F7B_4E82,
            0x4196_CBE4,
            0x4315_0690,
            0x44D2_AE17,
            0x474E_D5AB,
            0x3CBF_681F,
            0x4204_FFD6,
            0x3EE4_F92E,
            0x4395_0690,
            0x3FFA_A172,
        ];
        assert_eq!(found.map(f32::to_bits), expected);
        assert_eq!(FRICTION, (0.2_f32 * 1.0).sqrt());
    }
}
