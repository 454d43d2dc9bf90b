//! Contacts between a node and a piece of the ground: friction, bounce and support.
//!
//! Box2D 2.3.0, `b2Contact` and `b2ContactSolver`; friction and accumulated clamped impulses as in Catto, GDC 2006.

use crate::body::Node;
use crate::constants::{
    BOUNCE_SPEED, CONTACT_MASS, EPSILON, FRICTION, MAX_CORRECTION, NODE_RADIUS, RESTITUTION, SKIN, SLOP, W,
};
use crate::ground::Ground;
use crate::piece::{Manifold, Surface};
use crate::vector::{Vec2, clamp, max, min, vec2};

/// A pair of a piece and a node whose boxes overlap.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub piece: u32,
    pub node: u32,
    pub enabled: bool,
    pub manifold: Option<Manifold>,
    /// When in the step the node comes to touch, if that has been computed.
    pub toi: Option<f32>,
    /// Sub-steps so far in this step.
    pub substeps: u8,
    /// Impulses so far along the normal and the tangent; the next step starts with them.
    impulse: Impulse,
    /// The solver's: normal, tangent, and the speed at which the node bounces off.
    normal: Vec2,
    tangent: Vec2,
    bounce: f32,
}

/// Impulses along the normal and along the tangent.
#[derive(Clone, Copy, Debug, Default)]
struct Impulse {
    normal: f32,
    tangent: f32,
}

impl Contact {
    pub(crate) fn new(piece: u32, node: u32) -> Self {
        Self {
            piece,
            node,
            enabled: true,
            manifold: None,
            toi: None,
            substeps: 0,
            impulse: Impulse::default(),
            normal: Vec2::ZERO,
            tangent: Vec2::ZERO,
            bounce: 0.0,
        }
    }

    pub(crate) fn touches(&self) -> bool {
        self.manifold.is_some()
    }

    /// Computes the manifold anew (`b2Contact::Update`).
    pub(crate) fn update(&mut self, ground: &Ground, node: &mut Node) {
        let before = self.manifold;
        self.enabled = true;
        self.manifold = ground.pieces[self.piece as usize].touch(node.p - ground.p);
        if before.map(|manifold| manifold.feature) != self.manifold.map(|manifold| manifold.feature) {
            self.impulse = Impulse::default();
        }
        if before.is_some() != self.manifold.is_some() {
            node.wake();
        }
    }

    /// Normal, tangent and bounce from the node's place and speed.
    pub(crate) fn prepare(&mut self, ground: &Ground, node: &Node) {
        self.normal = match self.manifold {
            Some(Manifold { surface: Surface::Plane(normal), .. }) => normal,
            Some(Manifold { point, .. }) => {
                let away = node.sweep.c - (point + ground.sweep.c);
                if away.dot(away) > EPSILON * EPSILON { away.normalised().0 } else { vec2(1.0, 0.0) }
            }
            None => return,
        };
        self.tangent = self.normal.turned();
        let speed = self.normal.dot(node.v);
        self.bounce = if speed < -BOUNCE_SPEED { (-RESTITUTION) * speed } else { 0.0 };
    }

    /// The last step's impulses as a first guess.
    pub(crate) fn warm_start(&self, v: &mut Vec2) {
        let p = (self.impulse.normal * self.normal) + (self.impulse.tangent * self.tangent);
        *v += W * p;
    }

    /// One velocity iteration: friction, bounded by the support so far, then support.
    pub(crate) fn solve_velocity(&mut self, v: &mut Vec2) {
        let most = FRICTION * self.impulse.normal;
        let wanted = self.impulse.tangent + CONTACT_MASS * (-v.dot(self.tangent));
        let friction = clamp(wanted, -most, most);
        *v += W * ((friction - self.impulse.tangent) * self.tangent);
        self.impulse.tangent = friction;

        let wanted = self.impulse.normal + (-CONTACT_MASS) * (v.dot(self.normal) - self.bounce);
        let support = max(wanted, 0.0);
        *v += W * ((support - self.impulse.normal) * self.normal);
        self.impulse.normal = support;
    }

    /// A copy for a sub-step, which neither uses nor changes the impulses.
    pub(crate) fn without_impulses(&self) -> Self {
        Self { impulse: Impulse::default(), ..self.clone() }
    }

    /// One position iteration: pushes the node out by a share of its overlap. The separation before.
    pub(crate) fn solve_position(&self, ground: &Ground, c: &mut Vec2, share: f32) -> f32 {
        let Some(manifold) = self.manifold else { return 0.0 };
        let away = *c - (manifold.point + ground.sweep.c);
        let normal = match manifold.surface {
            Surface::Plane(normal) => normal,
            Surface::Corner => away.normalised().0,
        };
        let separation = (away.dot(normal) - SKIN) - NODE_RADIUS;
        let correction = clamp(share * (separation + SLOP), -MAX_CORRECTION, 0.0);
        *c += W * (((-correction) / W) * normal);
        min(separation, 0.0)
    }
}
