//! The time of impact: when in a step a node comes to touch a piece of the ground.
//!
//! Box2D 2.3.0, `b2TimeOfImpact`: conservative advancement by local separating axes; Catto, "Continuous collision",
//! GDC 2013.

use crate::body::Sweep;
use crate::constants::{REACH, SLOP, TOI_PUSH_BACKS, TOI_ROOT_ITERATIONS, TOI_ROUNDS};
use crate::distance::{Cache, distance, support};
use crate::vector::Vec2;

/// How near the centre must come, and how exactly that is met.
const TARGET: f32 = max_const(SLOP, REACH - 3.0 * SLOP);
const TOLERANCE: f32 = 0.25 * SLOP;

const fn max_const(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The first time in [0, 1] at which a point that moves along `b` touches a polygon that moves along `a`; none if they
/// stay apart, overlap from the start, or the search fails.
pub(crate) fn time_of_impact(polygon: &[Vec2], a: &Sweep, b: &Sweep) -> Option<f32> {
    let mut cache = Cache::default();
    let mut t = 0.0;
    for _ in 0..TOI_ROUNDS {
        let apart = distance(polygon, a.at(t), b.at(t), &mut cache);
        if apart <= 0.0 {
            return None;
        }
        if apart < TARGET + TOLERANCE {
            return Some(t);
        }
        match Separation::new(polygon, a, b, &cache, t).advance(t) {
            Advanced::To(later) => t = later,
            Advanced::Touching => return Some(t),
            Advanced::NoImpact => return None,
        }
    }
    None
}

/// What is known after looking along one axis.
enum Advanced {
    /// They are at the target distance along this axis at this time; another axis may be nearer.
    To(f32),
    /// They touch at the time asked about.
    Touching,
    NoImpact,
}

/// Separation along an axis that is fixed for one round (`b2SeparationFunction`).
struct Separation<'a> {
    polygon: &'a [Vec2],
    a: &'a Sweep,
    b: &'a Sweep,
    axis: Vec2,
    /// The middle of the polygon's edge that the axis stands on; none if the axis begins in a vertex.
    middle: Option<Vec2>,
}

impl<'a> Separation<'a> {
    fn new(polygon: &'a [Vec2], a: &'a Sweep, b: &'a Sweep, cache: &Cache, t: f32) -> Self {
        let (at_a, at_b) = (a.at(t), b.at(t));
        match cache.nearest() {
            [first, second, ..] => {
                let (v1, v2) = (polygon[*first], polygon[*second]);
                let axis = (v2 - v1).turned().normalised().0;
                let middle = 0.5 * (v1 + v2);
                let ahead = (at_b - (middle + at_a)).dot(axis) < 0.0;
                let axis = if ahead { -axis } else { axis };
                Self { polygon, a, b, axis, middle: Some(middle) }
            }
            nearest => {
                let vertex = polygon[nearest.first().copied().unwrap_or(0)];
                let axis = (at_b - (vertex + at_a)).normalised().0;
                Self { polygon, a, b, axis, middle: None }
            }
        }
    }

    /// The separation at time t of a point of the polygon.
    #[inline]
    fn at(&self, point: Vec2, t: f32) -> f32 {
        (self.b.at(t) - (point + self.a.at(t))).dot(self.axis)
    }

    /// Moves t on as far as this axis keeps them apart.
    fn advance(&self, t1: f32) -> Advanced {
        let mut t2 = 1.0;
        for _ in 0..TOI_PUSH_BACKS {
            // The deepest point is the same at all times, since nothing rotates.
            let point = self.middle.unwrap_or_else(|| self.polygon[support(self.polygon, self.axis)]);
            let s2 = self.at(point, t2);
            if s2 > TARGET + TOLERANCE {
                return Advanced::NoImpact;
            }
            if s2 > TARGET - TOLERANCE {
                return Advanced::To(t2);
            }
            let s1 = self.at(point, t1);
            if s1 < TARGET - TOLERANCE {
                return Advanced::NoImpact;
            }
            if s1 <= TARGET + TOLERANCE {
                return Advanced::Touching;
            }
            t2 = self.root(point, (t1, s1), (t2, s2)).unwrap_or(t2);
        }
        Advanced::To(t1)
    }

    /// When the separation is at the target between two times: bisection and secant in turn. None if it is not found.
    fn root(&self, point: Vec2, (mut a1, mut s1): (f32, f32), (mut a2, mut s2): (f32, f32)) -> Option<f32> {
        for k in 0..TOI_ROOT_ITERATIONS {
            let t = if k % 2 == 1 { a1 + ((TARGET - s1) * (a2 - a1)) / (s2 - s1) } else { 0.5 * (a1 + a2) };
            let s = self.at(point, t);
            if (s - TARGET).abs() < TOLERANCE {
                return Some(t);
            }
            if s > TARGET { (a1, s1) = (t, s) } else { (a2, s2) = (t, s) }
        }
        None
    }
}
