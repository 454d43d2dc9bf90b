//! Pieces of the ground, and where a node touches one.
//!
//! Box2D 2.3.0, `b2CollidePolygonAndCircle` and `b2CollideEdgeAndCircle`.

use crate::body::Aabb;
use crate::constants::{AABB_MARGIN, EPSILON, MAX_FLOAT, REACH, SKIN};
use crate::vector::{Vec2, max, min, vec2};

/// A piece of the ground, in the ground's own frame.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    shape: Shape,
    /// Its box with skin and margin, in the world. It never changes.
    pub fat: Aabb,
}

#[derive(Clone, Debug)]
enum Shape {
    /// A box with its centre at the origin, counter-clockwise from its lower left corner.
    Box([Vec2; 4]),
    /// A stretch of a polyline, solid on the right-hand side, with its neighbours' outer ends.
    Edge { ends: [Vec2; 2], before: Option<Vec2>, after: Option<Vec2> },
}

/// Where and how a node touches, relative to the ground's position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Manifold {
    /// A point of the plane, or the corner.
    pub point: Vec2,
    pub surface: Surface,
    /// Which part of the piece is touched. Impulses are carried over only while it stays the same.
    pub feature: Feature,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Surface {
    /// A plane with this normal.
    Plane(Vec2),
    /// A corner: the normal is wherever the node's centre is seen from it.
    Corner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    Face,
    First,
    Second,
}

const BOX_NORMALS: [Vec2; 4] = [vec2(0.0, -1.0), vec2(1.0, 0.0), vec2(0.0, 1.0), vec2(-1.0, 0.0)];

impl Piece {
    /// A box of these half extents around `centre`.
    pub(crate) fn new_box(half: Vec2, centre: Vec2) -> Self {
        let corners = [vec2(-half.x, -half.y), vec2(half.x, -half.y), half, vec2(-half.x, half.y)];
        Self::new(Shape::Box(corners), centre)
    }

    /// A stretch of a polyline around the origin of the world.
    pub(crate) fn new_edge(ends: [Vec2; 2], before: Option<Vec2>, after: Option<Vec2>) -> Self {
        Self::new(Shape::Edge { ends, before, after }, Vec2::ZERO)
    }

    fn new(shape: Shape, centre: Vec2) -> Self {
        let mut fat = Aabb { low: vec2(MAX_FLOAT, MAX_FLOAT), high: vec2(-MAX_FLOAT, -MAX_FLOAT) };
        for corner in shape.vertices() {
            let corner = *corner + centre;
            fat.low = vec2(min(fat.low.x, corner.x), min(fat.low.y, corner.y));
            fat.high = vec2(max(fat.high.x, corner.x), max(fat.high.y, corner.y));
        }
        Self { shape, fat: fat.widened(SKIN).widened(AABB_MARGIN) }
    }

    pub(crate) fn vertices(&self) -> &[Vec2] {
        self.shape.vertices()
    }

    /// Where a node at x, relative to the ground's position, touches.
    pub(crate) fn touch(&self, x: Vec2) -> Option<Manifold> {
        match &self.shape {
            Shape::Box(corners) => touch_box(corners, x),
            Shape::Edge { ends, before, after } => touch_edge(*ends, *before, *after, x),
        }
    }
}

impl Shape {
    fn vertices(&self) -> &[Vec2] {
        match self {
            Self::Box(corners) => corners,
            Self::Edge { ends, .. } => ends,
        }
    }
}

/// A box pushes out through the face from which the node is farthest, or away from a corner. Whatever the face, Box2D
/// takes it for the same feature.
fn touch_box(corners: &[Vec2; 4], x: Vec2) -> Option<Manifold> {
    let (mut separation, mut face) = (-MAX_FLOAT, 0);
    for (i, normal) in BOX_NORMALS.iter().enumerate() {
        let s = normal.dot(x - corners[i]);
        if s > REACH {
            return None;
        }
        if s > separation {
            (separation, face) = (s, i);
        }
    }
    let (v1, v2) = (corners[face], corners[(face + 1) % 4]);
    let middle = 0.5 * (v1 + v2);
    let plane =
        |normal, point| Some(Manifold { point, surface: Surface::Plane(normal), feature: Feature::Face });
    if separation < EPSILON {
        return plane(BOX_NORMALS[face], middle);
    }
    let beyond_first = (x - v1).dot(v2 - v1) <= 0.0;
    if beyond_first || (x - v2).dot(v1 - v2) <= 0.0 {
        let corner = if beyond_first { v1 } else { v2 };
        let away = x - corner;
        return if away.dot(away) > REACH * REACH { None } else { plane(away.normalised().0, corner) };
    }
    if (x - middle).dot(BOX_NORMALS[face]) > REACH { None } else { plane(BOX_NORMALS[face], middle) }
}

/// A stretch of a polyline pushes to its left, or away from an end that no neighbour is responsible for.
///
/// In Box2D 2.3.0 edges push to both sides; one-sided ones came with 2.4. With both sides, a node that has got through
/// would be pushed on downwards.
fn touch_edge(ends: [Vec2; 2], before: Option<Vec2>, after: Option<Vec2>, x: Vec2) -> Option<Manifold> {
    let [v1, v2] = ends;
    let e = v2 - v1;
    if e.turned_left().dot(x - v1) < 0.0 {
        return None;
    }
    let (to_second, from_first) = (e.dot(v2 - x), e.dot(x - v1));
    let near = |point: Vec2| (x - point).dot(x - point) <= REACH * REACH;
    let corner =
        |point, feature| near(point).then_some(Manifold { point, surface: Surface::Corner, feature });
    if from_first <= 0.0 {
        let is_neighbours = before.is_some_and(|v0| (v1 - v0).dot(v1 - x) > 0.0);
        return if is_neighbours { None } else { corner(v1, Feature::First) };
    }
    if to_second <= 0.0 {
        let is_neighbours = after.is_some_and(|v3| (v3 - v2).dot(x - v2) > 0.0);
        return if is_neighbours { None } else { corner(v2, Feature::Second) };
    }
    let foot = (1.0 / e.dot(e)) * ((to_second * v1) + (from_first * v2));
    let normal = e.turned_left().normalised().0;
    near(foot).then_some(Manifold { point: v1, surface: Surface::Plane(normal), feature: Feature::Face })
}
