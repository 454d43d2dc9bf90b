//! The ground: one static body of one or many pieces, and which of them are near a node.

use crate::body::{Aabb, Sweep};
use crate::constants::{GROUND_HALF, OPENELM_GROUND_Y};
use crate::piece::Piece;
use crate::vector::{Vec2, vec2};

#[derive(Clone, Debug)]
pub(crate) struct Ground {
    /// In Box2D static bodies have a sweep too, which sub-steps move by rounding errors and later steps see.
    pub sweep: Sweep,
    /// Where collision sees it.
    pub p: Vec2,
    pub pieces: Vec<Piece>,
    /// The pieces by their boxes' left ends: left end, right end of it or any before it, piece.
    by_left: Vec<(f32, f32, u32)>,
}

impl Ground {
    /// OpenELM's ground, a box that drifts.
    pub(crate) fn openelm() -> Self {
        Self::with_box(vec2(0.0, OPENELM_GROUND_Y), false)
    }

    /// The same box with its top at y = 0, exactly fixed.
    pub(crate) fn flat() -> Self {
        Self::with_box(vec2(0.0, -GROUND_HALF[1]), true)
    }

    fn with_box(centre: Vec2, fixed: bool) -> Self {
        let [x, y] = GROUND_HALF;
        Self::new(vec![Piece::new_box(vec2(x, y), centre)], centre, fixed)
    }

    /// Polylines around the origin, each solid on its right-hand side, exactly fixed.
    pub(crate) fn polylines(lines: &[Vec<[f64; 2]>]) -> Self {
        let single = |point: &[f64; 2]| vec2(point[0] as f32, point[1] as f32);
        let mut pieces = Vec::new();
        for line in lines {
            for i in 1..line.len() {
                let before = i.checked_sub(2).map(|i| single(&line[i]));
                let after = line.get(i + 1).map(single);
                pieces.push(Piece::new_edge([single(&line[i - 1]), single(&line[i])], before, after));
            }
        }
        Self::new(pieces, Vec2::ZERO, true)
    }

    fn new(pieces: Vec<Piece>, centre: Vec2, fixed: bool) -> Self {
        let mut by_left: Vec<(f32, f32, u32)> =
            pieces.iter().zip(0..).map(|(piece, i)| (piece.fat.low.x, piece.fat.high.x, i)).collect();
        by_left.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
        let mut right = f32::NEG_INFINITY;
        for entry in &mut by_left {
            right = right.max(entry.1);
            entry.1 = right;
        }
        Self { sweep: Sweep::new(centre, fixed), p: centre, pieces, by_left }
    }

    /// The pieces whose boxes overlap this one.
    pub(crate) fn near<'a>(&'a self, aabb: &'a Aabb) -> impl Iterator<Item = u32> + 'a {
        let first = self.by_left.partition_point(|entry| entry.1 < aabb.low.x);
        self.by_left[first..]
            .iter()
            .take_while(|entry| entry.0 <= aabb.high.x)
            .map(|entry| entry.2)
            .filter(|piece| self.pieces[*piece as usize].fat.overlaps(aabb))
    }
}
