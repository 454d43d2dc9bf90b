//! How matrices lie in memory: panels of 16 rows side by side, so that a vector holds one number of each.
//!
//! A quantised panel is a chain of pieces (32 columns); each holds the scales of the 16 rows and then their codes. Eight
//! pieces of formats with shared factors stand behind those factors. Codes keep their width: four bits, and behind
//! them the fifth or the fifth and sixth ones.
//!
//! Codes are meant for products of pairs of 16-bit numbers, as processors have them: a 32-bit lane is a row, its
//! lower half is for the first column of a pair, its upper half for the second one. See [`place`].

use super::format::{Format, Layout, PIECE, Piece};

/// Rows of a panel.
pub(super) const ROWS: usize = 16;

/// Pieces whose activations have one scale in common, and that share factors where a format has those.
pub(super) const GROUP: usize = 8;

/// Sizes of a panel's parts, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Shared factors in front of eight pieces.
    pub shared: usize,
    /// Scales (and offsets) of a piece.
    pub scales: usize,
    /// Codes of a piece.
    pub codes: usize,
}

impl Sizes {
    pub(super) const fn of(layout: Layout) -> Self {
        let halves = 2 * ROWS * if layout.offset { 2 } else { 1 };
        let (shared, scales) = if layout.shared { (halves, 2 * ROWS) } else { (0, halves) };
        Self { shared, scales, codes: ROWS * PIECE * layout.bits / 8 }
    }

    /// A piece.
    pub(super) const fn piece(self) -> usize {
        self.scales + self.codes
    }

    /// Eight pieces and what they share.
    pub(super) const fn group(self) -> usize {
        self.shared + GROUP * self.piece()
    }

    /// A panel of so many columns.
    pub(super) const fn panel(self, columns: usize) -> usize {
        let pieces = columns / PIECE;
        pieces.div_ceil(GROUP) * self.shared + pieces * self.piece()
    }
}

/// Where a part of a code lies: byte, and the shift within it.
type Place = (usize, u32);

/// Where the four lower bits of a code are (all eight, of 8-bit codes), and where the upper ones are.
fn place(bits: usize, row: usize, column: usize) -> (Place, Option<Place>) {
    let (pair, side) = (column / 2, column % 2);
    let at = |vector: usize, bit: usize| (vector * 4 * ROWS + row * 4 + side * 2 + bit / 8, (bit % 8) as u32);
    match bits {
        8 => (at(pair / 2, pair % 2 * 8), None),
        5 => (at(pair / 4, pair % 4 * 4), Some(at(4, pair))),
        6 => (at(pair / 4, pair % 4 * 4), Some(at(4 + pair / 8, pair % 8 * 2))),
        _ => (at(pair / 4, pair % 4 * 4), None),
    }
}

/// Puts a row's piece into its place of a panel. The panel was zeros there.
pub(super) fn put(format: Format, panel: &mut [u8], row: usize, number: usize, piece: &Piece) {
    let Some(layout) = Layout::of(format) else { return };
    let sizes = Sizes::of(layout);
    let group = number / GROUP * sizes.group();
    let start = group + sizes.shared + number % GROUP * sizes.piece();
    let mut half = |at: usize, bits: u16| panel[at + 2 * row..][..2].copy_from_slice(&bits.to_le_bytes());
    let factors = if layout.shared { group } else { start };
    half(factors, piece.factors[0]);
    if layout.offset {
        half(factors + 2 * ROWS, piece.factors[1]);
    }
    if layout.shared {
        let ([first, second], min) = piece.multiples;
        panel[start + row] = first as u8;
        panel[start + ROWS + row] = (if layout.halves { second } else { min }) as u8;
    }
    let codes = &mut panel[start + sizes.scales..][..sizes.codes];
    for (column, code) in piece.codes.into_iter().enumerate() {
        let (low, high) = place(layout.bits, row, column);
        let lower = if layout.bits == 8 { code as u8 } else { code as u8 & 15 };
        codes[low.0] |= lower << low.1;
        if let Some(high) = high {
            codes[high.0] |= (code as u8 >> 4) << high.1;
        }
    }
}

/// Takes a row's piece out of a panel again.
pub(super) fn take(format: Format, panel: &[u8], row: usize, number: usize) -> Option<Piece> {
    let layout = Layout::of(format)?;
    let sizes = Sizes::of(layout);
    let group = number / GROUP * sizes.group();
    let start = group + sizes.shared + number % GROUP * sizes.piece();
    let half = |at: usize| u16::from_le_bytes([panel[at + 2 * row], panel[at + 2 * row + 1]]);
    let factors = if layout.shared { group } else { start };
    let factors = [half(factors), if layout.offset { half(factors + 2 * ROWS) } else { 0 }];
    let (first, second) = (panel[start + row], panel[start + ROWS + row]);
    let multiples = match (layout.shared, layout.halves) {
        (false, _) => ([1, 1], 1),
        (true, false) => ([i16::from(first); 2], i16::from(second)),
        (true, true) => ([i16::from(first.cast_signed()), i16::from(second.cast_signed())], 0),
    };
    let codes = &panel[start + sizes.scales..][..sizes.codes];
    let codes = std::array::from_fn(|column| {
        let (low, high) = place(layout.bits, row, column);
        if layout.bits == 8 {
            return i16::from(codes[low.0].cast_signed());
        }
        let upper = high.map_or(0, |(at, shift)| codes[at] >> shift & (if layout.bits == 5 { 1 } else { 3 }));
        i16::from(codes[low.0] >> low.1 & 15 | upper << 4)
    });
    Some(Piece { codes, factors, multiples })
}
