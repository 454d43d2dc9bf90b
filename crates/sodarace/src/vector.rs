//! Plane vectors in single precision, and the comparisons of the solver.
//!
//! Every operation rounds on its own: nothing is fused or reordered, since the order is part of the result.

use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use crate::constants::EPSILON;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Vec2 {
    pub x: f32,
    pub y: f32,
}

pub(crate) const fn vec2(x: f32, y: f32) -> Vec2 {
    Vec2 { x, y }
}

impl Vec2 {
    pub(crate) const ZERO: Self = vec2(0.0, 0.0);

    #[inline]
    pub(crate) fn dot(self, other: Self) -> f32 {
        (self.x * other.x) + (self.y * other.y)
    }

    #[inline]
    pub(crate) fn cross(self, other: Self) -> f32 {
        (self.x * other.y) - (self.y * other.x)
    }

    #[inline]
    pub(crate) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// A quarter turn clockwise.
    #[inline]
    pub(crate) fn turned(self) -> Self {
        vec2(self.y, -self.x)
    }

    /// A quarter turn counter-clockwise.
    #[inline]
    pub(crate) fn turned_left(self) -> Self {
        vec2(-self.y, self.x)
    }

    /// The vector at unit length, and its length before; a vector that is too short stays, with a length of 0.
    #[inline]
    pub(crate) fn normalised(self) -> (Self, f32) {
        let length = self.length();
        if length < EPSILON { (self, 0.0) } else { ((1.0 / length) * self, length) }
    }

    pub(crate) fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

impl Add for Vec2 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        vec2(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Vec2 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        vec2(self.x - other.x, self.y - other.y)
    }
}

impl Neg for Vec2 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        vec2(-self.x, -self.y)
    }
}

impl Mul<Vec2> for f32 {
    type Output = Vec2;
    #[inline]
    fn mul(self, v: Vec2) -> Vec2 {
        vec2(self * v.x, self * v.y)
    }
}

impl AddAssign for Vec2 {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Vec2 {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// The lesser; `b` if they don't compare (`f32::min` leaves the sign of zero open).
#[inline]
pub(crate) fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The greater; `b` if they don't compare.
#[inline]
pub(crate) fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// `a` between the bounds; never fails, unlike `f32::clamp`.
#[inline]
pub(crate) fn clamp(a: f32, low: f32, high: f32) -> f32 {
    max(low, min(a, high))
}
