//! Bodies: how one moves within a step, and the boxes by which pairs are found.

use crate::constants::{AABB_MARGIN, AABB_MULTIPLIER, NODE_RADIUS};
use crate::vector::{Vec2, max, min, vec2};

/// The motion of a body within a step (Box2D's `b2Sweep` without rotation).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
    /// Where the body is at `alpha0`.
    pub c0: Vec2,
    /// Where it is at the end of the step.
    pub c: Vec2,
    /// The share of the step at which `c0` holds.
    pub alpha0: f32,
    /// Never moves. In Box2D even static bodies are advanced, and drift by rounding errors.
    pub fixed: bool,
}

impl Sweep {
    pub(crate) fn new(c: Vec2, fixed: bool) -> Self {
        Self { c0: c, c, alpha0: 0.0, fixed }
    }

    /// The position at t in [0, 1], between `c0` and `c` (2.3.0's form of `GetTransform`).
    #[inline]
    pub(crate) fn at(&self, t: f32) -> Vec2 {
        if self.fixed { self.c } else { ((1.0 - t) * self.c0) + (t * self.c) }
    }

    /// Moves `c0` on to a later share of the step (2.3.0's form of `Advance`).
    pub(crate) fn advance(&mut self, alpha: f32) {
        if !self.fixed {
            let share = (alpha - self.alpha0) / (1.0 - self.alpha0);
            self.c0 = ((1.0 - share) * self.c0) + (share * self.c);
        }
        self.alpha0 = alpha;
    }
}

/// A box along the axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aabb {
    pub low: Vec2,
    pub high: Vec2,
}

impl Aabb {
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let (after, before) = (other.low - self.high, self.low - other.high);
        !(after.x > 0.0 || after.y > 0.0 || before.x > 0.0 || before.y > 0.0)
    }

    fn contains(&self, other: &Self) -> bool {
        self.low.x <= other.low.x
            && self.low.y <= other.low.y
            && self.high.x >= other.high.x
            && self.high.y >= other.high.y
    }

    pub(crate) fn widened(&self, margin: f32) -> Self {
        let margin = vec2(margin, margin);
        Self { low: self.low - margin, high: self.high + margin }
    }
}

/// A node of a creature: a disc that does not rotate.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub sweep: Sweep,
    /// Where collision sees it.
    pub p: Vec2,
    pub v: Vec2,
    pub awake: bool,
    /// How long it has been still, in seconds.
    pub still: f32,
    /// Whether its box has changed since pairs were last found.
    pub moved: bool,
    /// A box somewhat larger than the node, so that it need not follow every movement.
    pub fat: Aabb,
    /// How many contacts it has.
    pub contacts: u32,
}

const RADIUS: Vec2 = vec2(NODE_RADIUS, NODE_RADIUS);

impl Node {
    pub(crate) fn new(p: Vec2) -> Self {
        let fat = Aabb { low: p - RADIUS, high: p + RADIUS }.widened(AABB_MARGIN);
        let sweep = Sweep::new(p, false);
        Self { sweep, p, v: Vec2::ZERO, awake: true, still: 0.0, moved: true, fat, contacts: 0 }
    }

    pub(crate) fn wake(&mut self) {
        if !self.awake {
            self.awake = true;
            self.still = 0.0;
        }
    }

    pub(crate) fn sleep(&mut self) {
        self.awake = false;
        self.still = 0.0;
        self.v = Vec2::ZERO;
    }

    /// Lets the fat box follow the node's way through the step (`b2DynamicTree::MoveProxy`).
    pub(crate) fn synchronise(&mut self) {
        let (from, to) = (self.sweep.c0, self.p);
        let swept = Aabb {
            low: vec2(min(from.x - RADIUS.x, to.x - RADIUS.x), min(from.y - RADIUS.y, to.y - RADIUS.y)),
            high: vec2(max(from.x + RADIUS.x, to.x + RADIUS.x), max(from.y + RADIUS.y, to.y + RADIUS.y)),
        };
        if self.fat.contains(&swept) {
            return;
        }
        let mut fat = swept.widened(AABB_MARGIN);
        let ahead = AABB_MULTIPLIER * (to - from);
        if ahead.x < 0.0 {
            fat.low.x += ahead.x;
        } else {
            fat.high.x += ahead.x;
        }
        if ahead.y < 0.0 {
            fat.low.y += ahead.y;
        } else {
            fat.high.y += ahead.y;
        }
        self.fat = fat;
        self.moved = true;
    }
}
