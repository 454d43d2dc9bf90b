//! The inner kernel: some rows of whole numbers times one panel of codes.

use super::{
    activations::Row,
    format::{Format, Layout, PIECE},
    lanes::Lanes,
    panel::{GROUP, ROWS, Sizes},
};

/// `ROWS_LEFT` rows times a panel of format number `FORMAT` of [`Format::ALL`].
///
/// A piece's whole numbers are summed exactly; a group's pieces, as floats, from first to last; the groups, times the
/// activations' scale, from first to last.
#[inline(always)]
pub(super) fn tile<L: Lanes, const FORMAT: usize, const LEFT: usize>(
    lanes: L,
    panel: &[u8],
    rows: [Row<'_>; LEFT],
) -> [[f32; ROWS]; LEFT] {
    let layout = const { layout_of(FORMAT) };
    let sizes = const { Sizes::of(layout_of(FORMAT)) };
    let mut totals = [lanes.splat(0.0); LEFT];
    for (number, group) in panel.chunks(sizes.group()).enumerate() {
        let (shared, pieces) = group.split_at(sizes.shared);
        let factors = if layout.shared { factors(lanes, layout, shared) } else { [lanes.splat(0.0); 2] };
        let mut sums = [lanes.splat(0.0); LEFT];
        for (i, piece) in pieces.chunks_exact(sizes.piece()).enumerate() {
            let (scales, codes) = piece.split_at(sizes.scales);
            let at = number * GROUP + i;
            let pairs = rows.map(|row| &row.pairs[at]);
            let halves = rows.map(|row| row.halves[at]);
            let (scale, offset) = scale(lanes, layout, factors, scales);
            if layout.halves {
                // One half after the other: the sums of both would not fit into the registers.
                let whole = start(lanes, halves.map(|halves| -layout.centre * halves[0]));
                let whole = half::<L, FORMAT, LEFT, 0>(lanes, codes, pairs, whole);
                for r in 0..LEFT {
                    sums[r] = lanes.multiply_add(lanes.floats(whole[r]), scale, sums[r]);
                }
                let whole = start(lanes, halves.map(|halves| -layout.centre * halves[1]));
                let whole = half::<L, FORMAT, LEFT, 1>(lanes, codes, pairs, whole);
                for r in 0..LEFT {
                    sums[r] = lanes.multiply_add(lanes.floats(whole[r]), offset, sums[r]);
                }
            } else {
                let whole = start(lanes, halves.map(|halves| -layout.centre * (halves[0] + halves[1])));
                let whole = half::<L, FORMAT, LEFT, 0>(lanes, codes, pairs, whole);
                let whole = half::<L, FORMAT, LEFT, 1>(lanes, codes, pairs, whole);
                for r in 0..LEFT {
                    sums[r] = lanes.multiply_add(lanes.floats(whole[r]), scale, sums[r]);
                    if layout.offset {
                        sums[r] = lanes.multiply_add(offset, lanes.splat(rows[r].sums[at]), sums[r]);
                    }
                }
            }
        }
        for r in 0..LEFT {
            totals[r] = lanes.multiply_add(sums[r], lanes.splat(rows[r].scales[number]), totals[r]);
        }
    }
    totals.map(
        #[inline(always)]
        |total| lanes.store(total),
    )
}

const fn layout_of(format: usize) -> Layout {
    match Layout::of(Format::ALL[format]) {
        Some(layout) => layout,
        None => panic!("a format of floats has no codes"),
    }
}

#[inline(always)]
fn start<L: Lanes, const LEFT: usize>(lanes: L, sums: [i32; LEFT]) -> [L::Sums; LEFT] {
    sums.map(
        #[inline(always)]
        |sum| lanes.start(sum),
    )
}

/// The bytes of a fixed place.
#[inline(always)]
fn bytes<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    bytes[at..].first_chunk().unwrap_or(&[0; N])
}

/// What eight pieces share: the factor of scales, and that of offsets, negative.
#[inline(always)]
fn factors<L: Lanes>(lanes: L, layout: Layout, shared: &[u8]) -> [L::Floats; 2] {
    let scale = lanes.halves(bytes(shared, 0));
    if !layout.offset {
        return [scale; 2];
    }
    [scale, lanes.multiply(lanes.halves(bytes(shared, 2 * ROWS)), lanes.splat(-1.0))]
}

/// A piece's scale and offset, or the scales of its halves.
#[inline(always)]
fn scale<L: Lanes>(
    lanes: L,
    layout: Layout,
    [first, second]: [L::Floats; 2],
    scales: &[u8],
) -> (L::Floats, L::Floats) {
    if layout.halves {
        let multiples = (lanes.signed(bytes(scales, 0)), lanes.signed(bytes(scales, ROWS)));
        return (lanes.multiply(first, multiples.0), lanes.multiply(first, multiples.1));
    }
    if layout.shared {
        let multiples = (lanes.unsigned(bytes(scales, 0)), lanes.unsigned(bytes(scales, ROWS)));
        return (lanes.multiply(first, multiples.0), lanes.multiply(second, multiples.1));
    }
    let scale = lanes.halves(bytes(scales, 0));
    (scale, if layout.offset { lanes.halves(bytes(scales, 2 * ROWS)) } else { scale })
}

/// Adds half a piece to whole sums: two vectors' worth of four-bit codes.
#[inline(always)]
fn half<L: Lanes, const FORMAT: usize, const LEFT: usize, const HALF: usize>(
    lanes: L,
    codes: &[u8],
    pairs: [&[i32; PIECE / 2]; LEFT],
    sums: [L::Sums; LEFT],
) -> [L::Sums; LEFT] {
    let mut sums = sums;
    let quads = [2 * HALF, 2 * HALF + 1];
    for quad in quads {
        let four = quad_of::<L>(lanes, const { layout_of(FORMAT).bits }, codes, quad);
        for (i, codes) in four.into_iter().enumerate() {
            for r in 0..LEFT {
                sums[r] = lanes.dot(sums[r], codes, pairs[r][quad * 4 + i]);
            }
        }
    }
    sums
}

/// The codes of eight columns: four pairs. Where they lie is said in `panel.rs`.
#[inline(always)]
fn quad_of<L: Lanes>(lanes: L, bits: usize, codes: &[u8], quad: usize) -> [L::Codes; 4] {
    if bits == 8 {
        let [a, b] = [0, 1].map(
            #[inline(always)]
            |i| lanes.load(bytes(codes, (2 * quad + i) * 64)),
        );
        let lower = |codes| lanes.upper_byte(lanes.left(codes, 8));
        return [lower(a), lanes.upper_byte(a), lower(b), lanes.upper_byte(b)];
    }
    let low = lanes.load(bytes(codes, quad * 64));
    let four = [
        lanes.mask(low, 15),
        lanes.mask(lanes.right(low, 4), 15),
        lanes.mask(lanes.right(low, 8), 15),
        lanes.right(low, 12),
    ];
    if bits == 4 {
        return four;
    }
    let high = lanes.load(bytes(codes, if bits == 5 { 256 } else { 256 + quad / 2 * 64 }));
    let mut four = four;
    for (i, code) in four.iter_mut().enumerate() {
        let (from, mask) = if bits == 5 { (4 * quad + i, 0x10) } else { (quad % 2 * 8 + 2 * i, 0x30) };
        let moved =
            if from < 4 { lanes.left(high, 4 - from as u32) } else { lanes.right(high, from as u32 - 4) };
        *code = lanes.or(*code, lanes.mask(moved, mask));
    }
    four
}
