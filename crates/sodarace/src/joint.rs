//! Distance joints: bones, which are rigid, and muscles, which are damped springs whose length is driven.
//!
//! Box2D 2.3.0, `b2DistanceJoint`; the method is sequential impulses (Catto, "Fast and simple physics using
//! sequential impulses", GDC 2006), springs as softened constraints (Catto, "Soft constraints", GDC 2011).

use crate::body::Node;
use crate::constants::{GAMMA, H, MAX_CORRECTION, RIGID_MASS, SLOP, SOFT_MASS, STIFFNESS, W};
use crate::vector::{Vec2, clamp};

#[derive(Clone, Debug)]
pub(crate) struct Joint {
    pub a: u32,
    pub b: u32,
    /// Its place in the order of creation, and in the list of lengths.
    pub index: u32,
    /// Bone rather than muscle.
    pub rigid: bool,
    /// The impulse of all iterations so far; the next step starts with it.
    impulse: f32,
    /// From a to b, at unit length.
    u: Vec2,
    bias: f32,
    gamma: f32,
    mass: f32,
}

impl Joint {
    pub(crate) fn new(index: u32, a: u32, b: u32, rigid: bool) -> Self {
        let (gamma, mass) = if rigid { (0.0, RIGID_MASS) } else { (GAMMA, SOFT_MASS) };
        Self { a, b, index, rigid, impulse: 0.0, u: Vec2::ZERO, bias: 0.0, gamma, mass }
    }

    /// Direction and bias for this step, and the last step's impulse as a first guess. (Box2D scales that by the ratio
    /// of the steps' lengths, which is exactly 1, or 0 in the first step, where the impulse is 0.)
    pub(crate) fn prepare(&mut self, nodes: &[Node], lengths: &[f32], v: &mut [Vec2]) {
        let d = nodes[self.b as usize].sweep.c - nodes[self.a as usize].sweep.c;
        let length = d.length();
        self.u = if length > SLOP { (1.0 / length) * d } else { Vec2::ZERO };
        let error = length - lengths[self.index as usize];
        self.bias = if self.rigid { 0.0 } else { ((error * H) * STIFFNESS) * GAMMA };
        self.apply(self.impulse, v);
    }

    /// One velocity iteration: the impulse that brings the relative speed along the joint to what it should be.
    #[inline]
    pub(crate) fn solve_velocity(&mut self, v: &mut [Vec2]) {
        let speed = self.u.dot(v[self.b as usize] - v[self.a as usize]);
        let impulse = (-self.mass) * ((speed + self.bias) + self.gamma * self.impulse);
        self.impulse += impulse;
        self.apply(impulse, v);
    }

    #[inline]
    fn apply(&self, impulse: f32, v: &mut [Vec2]) {
        let p = impulse * self.u;
        v[self.a as usize] -= W * p;
        v[self.b as usize] += W * p;
    }

    /// One position iteration of a rigid joint: moves both ends towards its length. Whether it was near enough before.
    pub(crate) fn solve_position(&self, nodes: &mut [Node], lengths: &[f32]) -> bool {
        let (a, b) = (self.a as usize, self.b as usize);
        let (u, length) = (nodes[b].sweep.c - nodes[a].sweep.c).normalised();
        let error = clamp(length - lengths[self.index as usize], -MAX_CORRECTION, MAX_CORRECTION);
        let p = ((-RIGID_MASS) * error) * u;
        nodes[a].sweep.c -= W * p;
        nodes[b].sweep.c += W * p;
        error.abs() < SLOP
    }
}
