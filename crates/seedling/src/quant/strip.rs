//! Many rows times panels whose codes were unpacked before: what unpacking costs is shared by all rows.
//!
//! What is summed, here and in `tile.rs`: codes less their centre, times whole numbers, exactly. Of formats with shared
//! factors the codes are multiplied with their piece's multiple first; *runs* of as many columns as 32 bits hold are
//! summed exactly, a group's runs, as floats, from first to last; so are the offsets' multiples times the pieces' sums;
//! both then get their factors. Of other formats a group's pieces, times their scales, are summed from first to last, each
//! followed by its offset. The groups, times the activations' scales, are summed from first to last.

use super::{
    activations::{Activations, RowGroup},
    format::{Layout, PIECE},
    lanes::{Lanes, Work},
    panel::{GROUP, ROWS, Sizes},
    tile::{factors, layout_of, multiples, next, own_scale, quad_of},
};

/// Pairs of columns in half a piece.
const HALF: usize = PIECE / 4;

/// Panels side by side.
pub(super) const PANELS: usize = 2;

/// A group of a panel, ready for products.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Unpacked {
    /// Pairs of columns of all rows.
    codes: [[i16; 2 * ROWS]; GROUP * PIECE / 2],
    /// What pieces' sums are multiplied with, unless factors are shared.
    scales: [[f32; ROWS]; GROUP],
    /// Offsets of pieces, or multiples of the shared one.
    offsets: [[f32; ROWS]; GROUP],
    /// Shared factors of scales, and of offsets (negative).
    factors: [[f32; ROWS]; 2],
}

impl Unpacked {
    /// Zeros.
    pub(super) const EMPTY: Self = Self {
        codes: [[0; 2 * ROWS]; GROUP * PIECE / 2],
        scales: [[0.0; ROWS]; GROUP],
        offsets: [[0.0; ROWS]; GROUP],
        factors: [[0.0; ROWS]; 2],
    };

    /// Unpacks a group of format number `FORMAT` of [`super::Format::ALL`]; `ahead` is what comes next.
    #[inline(always)]
    pub(super) fn fill<L: Lanes, const FORMAT: usize>(&mut self, lanes: L, group: &[u8], ahead: &[u8]) {
        let layout = const { layout_of(FORMAT) };
        let sizes = const { Sizes::of(layout_of(FORMAT)) };
        let (shared, pieces) = group.split_at(sizes.shared);
        lanes.prefetch(next(ahead, 0, sizes.shared));
        if layout.shared {
            let [scale, offset] = factors(lanes, layout, shared);
            self.factors = [lanes.store(scale), lanes.store(offset)];
        }
        for (i, piece) in pieces.chunks_exact(sizes.piece()).enumerate() {
            lanes.prefetch(next(ahead, sizes.shared + i * sizes.piece(), sizes.piece()));
            let (scales, codes) = piece.split_at(sizes.scales);
            let mut of_halves = [lanes.twice(lanes.start(1)); 2];
            if layout.shared {
                let [first, second] = multiples(lanes, layout, scales);
                of_halves[0] = lanes.twice(first);
                of_halves[1] = if layout.halves { lanes.twice(second) } else { of_halves[0] };
                self.offsets[i] = lanes.store(lanes.floats(second));
            } else {
                let (scale, offset) = own_scale(lanes, layout, scales);
                self.scales[i] = lanes.store(scale);
                self.offsets[i] = lanes.store(offset);
            }
            for quad in 0..4 {
                let four = quad_of(lanes, layout.bits, codes, quad);
                for (j, mut codes) in four.into_iter().enumerate() {
                    if layout.centre != 0 {
                        codes = lanes.subtract(codes, layout.centre as i16);
                    }
                    if layout.shared {
                        codes = lanes.multiply_codes(codes, of_halves[quad / 2]);
                    }
                    self.codes[i * PIECE / 2 + 4 * quad + j] = lanes.store_codes(codes);
                }
            }
        }
    }
}

/// All rows times a group of `WIDTH` panels: apart from the rest, so that it is compiled once for all formats.
#[derive(Debug)]
pub(super) struct Strips<'a, const WIDTH: usize> {
    pub layout: Layout,
    pub panels: &'a [Unpacked; WIDTH],
    pub activations: &'a Activations,
    /// The group's number.
    pub group: usize,
    /// What products are added to, row by row.
    pub totals: &'a mut [[[f32; ROWS]; PANELS]],
}

impl<const WIDTH: usize> Work for Strips<'_, WIDTH> {
    #[inline(always)]
    fn work<L: Lanes>(mut self, lanes: L) {
        let mut first = 0;
        while first < self.totals.len() {
            let left = self.totals.len() - first;
            first += match left {
                8.. if L::WIDE => self.strip::<L, 8>(lanes, first),
                4.. => self.strip::<L, 4>(lanes, first),
                2.. => self.strip::<L, 2>(lanes, first),
                _ => self.strip::<L, 1>(lanes, first),
            };
        }
    }
}

impl<const WIDTH: usize> Strips<'_, WIDTH> {
    /// `LEFT` rows from row `first` on.
    #[inline(always)]
    fn strip<L: Lanes, const LEFT: usize>(&mut self, lanes: L, first: usize) -> usize {
        let mut rows = [self.activations.row(first).group(self.group); LEFT];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = self.activations.row(first + r).group(self.group);
        }
        strip::<L, LEFT, WIDTH>(lanes, self.layout, self.panels, &rows, &mut self.totals[first..]);
        LEFT
    }
}

/// Adds a group's products of `LEFT` rows with `WIDTH` panels to their totals.
#[inline(always)]
fn strip<L: Lanes, const LEFT: usize, const WIDTH: usize>(
    lanes: L,
    layout: Layout,
    panels: &[Unpacked; WIDTH],
    rows: &[RowGroup<'_>; LEFT],
    totals: &mut [[[f32; ROWS]; PANELS]],
) {
    // Loops over indices all the way: the compiler keeps arrays in registers then, and `map` calls functions.
    let mut sums = [[lanes.splat(0.0); LEFT]; WIDTH];
    let length = layout.run * HALF;
    for run in 0..rows[0].pairs.len() / length {
        let range = run * length..(run + 1) * length;
        let mut pairs = [&rows[0].pairs[..0]; LEFT];
        for r in 0..LEFT {
            pairs[r] = &rows[r].pairs[range.clone()];
        }
        let mut codes = [&panels[0].codes[..0]; WIDTH];
        for p in 0..WIDTH {
            codes[p] = &panels[p].codes[range.clone()];
        }
        let mut whole = [[lanes.start(0); LEFT]; WIDTH];
        // Not unrolled, so that the compiler keeps a product and its addition one instruction.
        for k in 0..length {
            for p in 0..WIDTH {
                let codes = lanes.load_codes(&codes[p][k]);
                for r in 0..LEFT {
                    whole[p][r] = lanes.dot(whole[p][r], codes, pairs[r][k]);
                }
            }
        }
        if layout.shared {
            for p in 0..WIDTH {
                for r in 0..LEFT {
                    sums[p][r] = lanes.add(sums[p][r], lanes.floats(whole[p][r]));
                }
            }
        } else {
            for p in 0..WIDTH {
                let scale = lanes.load_floats(&panels[p].scales[run * length / (2 * HALF)]);
                for r in 0..LEFT {
                    sums[p][r] = lanes.multiply_add(lanes.floats(whole[p][r]), scale, sums[p][r]);
                }
            }
            if layout.offset {
                add_offset(lanes, panels, run * length / (2 * HALF), rows, &mut sums);
            }
        }
    }
    if layout.shared {
        finish(lanes, layout, panels, rows, &mut sums);
    }
    for (r, totals) in totals.iter_mut().enumerate().take(LEFT) {
        let scale = lanes.splat(rows[r].scale);
        for p in 0..WIDTH {
            let total = lanes.load_floats(&totals[p]);
            totals[p] = lanes.store(lanes.multiply_add(sums[p][r], scale, total));
        }
    }
}

/// Adds the offsets of a piece, or their multiples, times the sums of numbers.
#[inline(always)]
fn add_offset<L: Lanes, const LEFT: usize, const WIDTH: usize>(
    lanes: L,
    panels: &[Unpacked; WIDTH],
    piece: usize,
    rows: &[RowGroup<'_>; LEFT],
    sums: &mut [[L::Floats; LEFT]; WIDTH],
) {
    for p in 0..WIDTH {
        let offset = lanes.load_floats(&panels[p].offsets[piece]);
        for r in 0..LEFT {
            sums[p][r] = lanes.multiply_add(offset, lanes.splat(rows[r].sums[piece]), sums[p][r]);
        }
    }
}

/// Gives a group's products their shared factor, and adds offsets.
#[inline(always)]
fn finish<L: Lanes, const LEFT: usize, const WIDTH: usize>(
    lanes: L,
    layout: Layout,
    panels: &[Unpacked; WIDTH],
    rows: &[RowGroup<'_>; LEFT],
    sums: &mut [[L::Floats; LEFT]; WIDTH],
) {
    let mut offsets = [[lanes.splat(0.0); LEFT]; WIDTH];
    if layout.offset {
        for piece in 0..rows[0].sums.len() {
            add_offset(lanes, panels, piece, rows, &mut offsets);
        }
    }
    for p in 0..WIDTH {
        let scale = lanes.load_floats(&panels[p].factors[0]);
        let offset = lanes.load_floats(&panels[p].factors[1]);
        for r in 0..LEFT {
            sums[p][r] = lanes.multiply(sums[p][r], scale);
            if layout.offset {
                sums[p][r] = lanes.multiply_add(offsets[p][r], offset, sums[p][r]);
            }
        }
    }
}
