//! The inner kernel: some rows of whole numbers times one panel of codes.

use super::{
    activations::Row,
    format::{Format, Layout, PIECE},
    lanes::Lanes,
    panel::{GROUP, ROWS, Sizes},
};

/// `LEFT` rows times a panel of format number `FORMAT` of [`Format::ALL`], whose codes are unpacked on the way.
///
/// `ahead` is what the caches are asked for meanwhile. What is summed, and in what order, is said in `strip.rs`, which gives the same bits.
#[inline(always)]
pub(super) fn tile<L: Lanes, const FORMAT: usize, const LEFT: usize>(
    lanes: L,
    panel: &[u8],
    ahead: &[u8],
    rows: [Row<'_>; LEFT],
) -> [[f32; ROWS]; LEFT] {
    let layout = const { layout_of(FORMAT) };
    let sizes = const { Sizes::of(layout_of(FORMAT)) };
    let mut totals = [lanes.splat(0.0); LEFT];
    for (number, group) in panel.chunks(sizes.group()).enumerate() {
        let (shared, pieces) = group.split_at(sizes.shared);
        lanes.prefetch(next(ahead, number * sizes.group(), sizes.shared));
        let factors = if layout.shared { factors(lanes, layout, shared) } else { [lanes.splat(0.0); 2] };
        let mut sums = Sums::new(lanes);
        for (i, piece) in pieces.chunks_exact(sizes.piece()).enumerate() {
            let soon = number * sizes.group() + sizes.shared + i * sizes.piece();
            lanes.prefetch(next(ahead, soon, sizes.piece()));
            let (scales, codes) = piece.split_at(sizes.scales);
            let at = number * GROUP + i;
            let rows = rows.map(|row| (&row.pairs[at], row.halves[at], row.sums[at]));
            if layout.shared {
                sums.multiples::<FORMAT>(lanes, scales, codes, i, rows);
            } else {
                sums.scaled::<FORMAT>(lanes, scales, codes, rows);
            }
        }
        for r in 0..LEFT {
            let sum = if layout.shared { sums.of_group(lanes, layout, factors, r) } else { sums.products[r] };
            totals[r] = lanes.multiply_add(sum, lanes.splat(rows[r].scales[number]), totals[r]);
        }
    }
    totals.map(
        #[inline(always)]
        |total| lanes.store(total),
    )
}

/// A row's pairs, sums of halves, and sum, of one piece.
type Numbers<'a> = (&'a [i32; PIECE / 2], [i32; 2], f32);

/// The sums of a group.
struct Sums<L: Lanes, const LEFT: usize> {
    run: [L::Sums; LEFT],
    products: [L::Floats; LEFT],
    offsets: [L::Floats; LEFT],
}

impl<L: Lanes, const LEFT: usize> Sums<L, LEFT> {
    #[inline(always)]
    fn new(lanes: L) -> Self {
        let zeros = [lanes.splat(0.0); LEFT];
        Self { run: [lanes.start(0); LEFT], products: zeros, offsets: zeros }
    }

    /// Adds a piece with scales of its own.
    #[inline(always)]
    fn scaled<const FORMAT: usize>(
        &mut self,
        lanes: L,
        scales: &[u8],
        codes: &[u8],
        rows: [Numbers<'_>; LEFT],
    ) {
        let layout = const { layout_of(FORMAT) };
        let whole = whole::<L, FORMAT, LEFT>(lanes, codes, rows);
        let (scale, offset) = own_scale(lanes, layout, scales);
        for r in 0..LEFT {
            self.products[r] = lanes.multiply_add(lanes.floats(whole[r]), scale, self.products[r]);
            if layout.offset {
                self.products[r] = lanes.multiply_add(offset, lanes.splat(rows[r].2), self.products[r]);
            }
        }
    }

    /// Adds a group's piece number `i`, whose scales are multiples of shared ones.
    #[inline(always)]
    fn multiples<const FORMAT: usize>(
        &mut self,
        lanes: L,
        scales: &[u8],
        codes: &[u8],
        i: usize,
        rows: [Numbers<'_>; LEFT],
    ) {
        let layout = const { layout_of(FORMAT) };
        let multiples = multiples(lanes, layout, scales);
        if layout.halves {
            // One half after the other: the sums of both would not fit into the registers.
            let whole = half::<L, FORMAT, LEFT, 0>(lanes, codes, rows);
            self.add_runs(lanes, multiples[0], whole);
            let whole = half::<L, FORMAT, LEFT, 1>(lanes, codes, rows);
            return self.add_runs(lanes, multiples[1], whole);
        }
        let whole = whole::<L, FORMAT, LEFT>(lanes, codes, rows);
        let offset = lanes.floats(multiples[1]);
        let ends = (i + 1).is_multiple_of(layout.run / 2);
        for r in 0..LEFT {
            self.run[r] = lanes.add_sums(self.run[r], lanes.multiply_sums(whole[r], multiples[0]));
            if ends {
                self.products[r] = lanes.add(self.products[r], lanes.floats(self.run[r]));
                self.run[r] = lanes.start(0);
            }
            self.offsets[r] = lanes.multiply_add(offset, lanes.splat(rows[r].2), self.offsets[r]);
        }
    }

    /// Adds runs of one multiple.
    #[inline(always)]
    fn add_runs(&mut self, lanes: L, multiple: L::Sums, whole: [L::Sums; LEFT]) {
        for (product, whole) in self.products.iter_mut().zip(whole) {
            *product = lanes.add(*product, lanes.floats(lanes.multiply_sums(whole, multiple)));
        }
    }

    /// A row's sum over a group with shared factors.
    #[inline(always)]
    fn of_group(&self, lanes: L, layout: Layout, [scale, offset]: [L::Floats; 2], r: usize) -> L::Floats {
        let sum = lanes.multiply(self.products[r], scale);
        if layout.offset { lanes.multiply_add(self.offsets[r], offset, sum) } else { sum }
    }
}

pub(super) const fn layout_of(format: usize) -> Layout {
    match Layout::of(Format::ALL[format]) {
        Some(layout) => layout,
        None => panic!("a format of floats has no codes"),
    }
}

/// A part of what is to be read soon, as far as there is any.
#[inline(always)]
pub(super) fn next(ahead: &[u8], at: usize, length: usize) -> &[u8] {
    ahead.get(at..at + length).unwrap_or_default()
}

/// The bytes of a fixed place.
#[inline(always)]
fn bytes<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    bytes[at..].first_chunk().unwrap_or(&[0; N])
}

/// What eight pieces share: the factor of scales, and that of offsets, negative.
#[inline(always)]
pub(super) fn factors<L: Lanes>(lanes: L, layout: Layout, shared: &[u8]) -> [L::Floats; 2] {
    let scale = lanes.halves(bytes(shared, 0));
    if !layout.offset {
        return [scale; 2];
    }
    [scale, lanes.multiply(lanes.halves(bytes(shared, 2 * ROWS)), lanes.splat(-1.0))]
}

/// A piece's own scale and offset.
#[inline(always)]
pub(super) fn own_scale<L: Lanes>(lanes: L, layout: Layout, scales: &[u8]) -> (L::Floats, L::Floats) {
    let scale = lanes.halves(bytes(scales, 0));
    (scale, if layout.offset { lanes.halves(bytes(scales, 2 * ROWS)) } else { scale })
}

/// A piece's multiples of shared factors: of the scale and of the offset, or of the scale in either half.
#[inline(always)]
pub(super) fn multiples<L: Lanes>(lanes: L, layout: Layout, scales: &[u8]) -> [L::Sums; 2] {
    if layout.halves {
        return [lanes.signed(bytes(scales, 0)), lanes.signed(bytes(scales, ROWS))];
    }
    [lanes.unsigned(bytes(scales, 0)), lanes.unsigned(bytes(scales, ROWS))]
}

/// A piece's products, summed.
#[inline(always)]
fn whole<L: Lanes, const FORMAT: usize, const LEFT: usize>(
    lanes: L,
    codes: &[u8],
    rows: [Numbers<'_>; LEFT],
) -> [L::Sums; LEFT] {
    let first = half::<L, FORMAT, LEFT, 0>(lanes, codes, rows);
    let second = half::<L, FORMAT, LEFT, 1>(lanes, codes, rows);
    std::array::from_fn(
        #[inline(always)]
        |r| lanes.add_sums(first[r], second[r]),
    )
}

/// Products of half a piece, summed: two vectors' worth of four-bit codes.
#[inline(always)]
fn half<L: Lanes, const FORMAT: usize, const LEFT: usize, const HALF: usize>(
    lanes: L,
    codes: &[u8],
    rows: [Numbers<'_>; LEFT],
) -> [L::Sums; LEFT] {
    let layout = const { layout_of(FORMAT) };
    let mut sums = rows.map(
        #[inline(always)]
        |(_, halves, _)| lanes.start(-layout.centre * halves[HALF]),
    );
    let quads = [2 * HALF, 2 * HALF + 1];
    for quad in quads {
        let four = quad_of::<L>(lanes, layout.bits, codes, quad);
        for (i, codes) in four.into_iter().enumerate() {
            for r in 0..LEFT {
                sums[r] = lanes.dot(sums[r], codes, rows[r].0[quad * 4 + i]);
            }
        }
    }
    sums
}

/// The codes of eight columns: four pairs. Where they lie is said in `panel.rs`.
#[inline(always)]
pub(super) fn quad_of<L: Lanes>(lanes: L, bits: usize, codes: &[u8], quad: usize) -> [L::Codes; 4] {
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
