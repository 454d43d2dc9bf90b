//! The left matrix of a product, as 16-bit whole numbers.

use pulp::{Simd, WithSimd};

use super::{format::PIECE, panel::GROUP};

/// Columns with one scale.
const GROUP_COLUMNS: usize = GROUP * PIECE;
/// The largest whole number.
const LARGEST: f32 = 32767.0;
/// Added and taken away again, it rounds a float below 2^22 to the nearest whole number, ties to even.
const MAGIC: f32 = 12_582_912.0;

/// Rows as whole numbers. What a row becomes depends on that row alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Activations {
    columns: usize,
    /// Pairs of columns: the first in the lower half.
    pairs: Vec<[i32; PIECE / 2]>,
    /// What a whole number stands for, by groups of 256 columns.
    scales: Vec<f32>,
    /// Sums of whole numbers, by halves of pieces, and by pieces.
    halves: Vec<[i32; 2]>,
    sums: Vec<f32>,
}

/// A row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub pairs: &'a [[i32; PIECE / 2]],
    pub scales: &'a [f32],
    pub halves: &'a [[i32; 2]],
    pub sums: &'a [f32],
}

/// A row's part in a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowGroup<'a> {
    pub pairs: &'a [i32],
    pub sums: &'a [f32],
    pub scale: f32,
}

impl<'a> Row<'a> {
    /// Its part in a group.
    #[inline(always)]
    pub(super) fn group(self, number: usize) -> RowGroup<'a> {
        let range = number * GROUP..self.pairs.len().min((number + 1) * GROUP);
        RowGroup {
            pairs: self.pairs[range.clone()].as_flattened(),
            sums: &self.sums[range],
            scale: self.scales[number],
        }
    }
}

impl Activations {
    /// Takes rows in. Numbers that are not finite make their group's scale one that isn't, and so the outputs.
    pub(super) fn read(&mut self, x: &[f32], columns: usize) {
        let pieces = x.len() / PIECE;
        self.columns = columns;
        self.pairs.resize(pieces, [0; PIECE / 2]);
        self.halves.resize(pieces, [0; 2]);
        self.sums.resize(pieces, 0.0);
        self.scales.clear();
        pulp::Arch::new().dispatch(Read { x, to: self });
    }

    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> Row<'_> {
        let (pieces, groups) = (self.columns / PIECE, self.columns.div_ceil(GROUP_COLUMNS));
        let range = row * pieces..(row + 1) * pieces;
        Row {
            pairs: &self.pairs[range.clone()],
            scales: &self.scales[row * groups..(row + 1) * groups],
            halves: &self.halves[range.clone()],
            sums: &self.sums[range],
        }
    }
}

struct Read<'a> {
    x: &'a [f32],
    to: &'a mut Activations,
}

impl WithSimd for Read<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let to = self.to;
        let mut pieces = to.pairs.iter_mut().zip(to.halves.iter_mut().zip(&mut to.sums));
        for row in self.x.chunks_exact(to.columns) {
            for group in row.chunks(GROUP_COLUMNS) {
                let (group, _) = group.as_chunks::<PIECE>();
                let largest = largest(group);
                // Numbers that are next to nothing are nothing: their scale's inverse would be infinite.
                let factor = if largest > 1e-30 { LARGEST / largest } else { 0.0 };
                to.scales.push(if largest > 1e-30 { largest / LARGEST } else { largest * 0.0 });
                for (x, (pairs, (halves, sum))) in group.iter().zip(&mut pieces) {
                    // Of numbers that aren't finite there are no whole ones; their scale is none either.
                    (*pairs, *halves) =
                        if largest.is_nan() { ([0; PIECE / 2], [0; 2]) } else { whole(x, factor) };
                    *sum = (halves[0] + halves[1]) as f32;
                }
            }
        }
    }
}

/// The largest magnitude; not a number if any isn't, and infinite if any is.
#[inline(always)]
fn largest(group: &[[f32; PIECE]]) -> f32 {
    // Magnitudes are ordered as their bits are, with what is not a number on top.
    let mut tops = [0_u32; PIECE];
    for x in group {
        for i in 0..PIECE {
            tops[i] = tops[i].max(x[i].to_bits() & 0x7fff_ffff);
        }
    }
    let top = f32::from_bits(tops.into_iter().fold(0, u32::max));
    if top.is_finite() { top } else { f32::NAN }
}

/// Rounds a piece; pairs, and the sums of its halves.
#[inline(always)]
fn whole(x: &[f32; PIECE], factor: f32) -> ([i32; PIECE / 2], [i32; 2]) {
    let mut numbers = [0_i32; PIECE];
    for i in 0..PIECE {
        numbers[i] =
            (x[i] * factor + MAGIC).to_bits().cast_signed().wrapping_sub(MAGIC.to_bits().cast_signed());
    }
    let mut pairs = [0; PIECE / 2];
    for (i, pair) in pairs.iter_mut().enumerate() {
        *pair = numbers[2 * i] & 0xffff | numbers[2 * i + 1] << 16;
    }
    let (first, second) = numbers.split_at(PIECE / 2);
    (pairs, [first.iter().sum(), second.iter().sum()])
}
