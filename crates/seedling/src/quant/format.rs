//! The formats that weights have in a file: their numbers in GGUF, their sizes, and what a block says.
//!
//! A quantised row is a chain of blocks. Every block is one or several *pieces* of 32 weights, and a weight is
//! `scale * (code - centre) + offset`: small whole numbers and two factors that a piece (or half of one) has in common.
//! The layouts are those of ggml (MIT), whose files these are.

use half::{bf16, f16};

use crate::SeedlingError;

/// Weights of a piece.
pub const PIECE: usize = 32;

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// 32 bits each.
    F32,
    /// IEEE's 16 bits each.
    F16,
    /// The upper half of 32 bits each.
    Bf16,
    /// 8 bits and a scale for 32 weights.
    Q8_0,
    /// 4 bits and a scale for 32 weights.
    Q4_0,
    /// 4 bits, a scale and an offset for 32 weights.
    Q4_1,
    /// 5 bits and a scale for 32 weights.
    Q5_0,
    /// 5 bits, a scale and an offset for 32 weights.
    Q5_1,
    /// 4 bits; scales and offsets of 32 weights have 6 bits themselves, and share two factors for 256 weights.
    Q4K,
    /// 5 bits, and scales as in [`Format::Q4K`].
    Q5K,
    /// 6 bits; scales of 16 weights have 8 bits themselves, and share a factor for 256 weights.
    Q6K,
}

/// What the pieces of a quantised format are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bits of a code: 4, 5, 6 or 8.
    pub bits: usize,
    /// The code of zero.
    pub centre: i32,
    /// Whether pieces have an offset.
    pub offset: bool,
    /// Whether a piece's scales are whole numbers, multiplied by factors that eight pieces share.
    pub shared: bool,
    /// Whether the halves of a piece have scales of their own.
    pub halves: bool,
    /// Halves of pieces whose products, times their multiples, are summed as whole numbers: as many as 32 bits hold of
    /// the largest ones. A multiple of what has one scale.
    pub run: usize,
}

impl Layout {
    /// The layout of a quantised format; `None` for floats.
    pub(super) const fn of(format: Format) -> Option<Self> {
        let (bits, centre, offset, shared, halves, run) = match format {
            Format::F32 | Format::F16 | Format::Bf16 => return None,
            Format::Q8_0 => (8, 0, false, false, false, 2),
            Format::Q4_0 => (4, 8, false, false, false, 2),
            Format::Q4_1 => (4, 0, true, false, false, 2),
            Format::Q5_0 => (5, 16, false, false, false, 2),
            Format::Q5_1 => (5, 0, true, false, false, 2),
            Format::Q4K => (4, 0, true, true, false, 4),
            Format::Q5K => (5, 0, true, true, false, 2),
            Format::Q6K => (6, 32, false, true, true, 1),
        };
        Some(Self { bits, centre, offset, shared, halves, run })
    }
}

/// 32 weights of a row, as a file's block says them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    /// Codes; unsigned but those of 8 bits.
    pub codes: [i16; PIECE],
    /// The bits of the 16-bit scale, and of the offset, or of what they are multiples of.
    pub factors: [u16; 2],
    /// Multiples of the first factor for the halves of the piece, and of the second one.
    pub multiples: ([i16; 2], i16),
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 11] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Its number in GGUF files.
    pub fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q5_0 => 6,
            Self::Q5_1 => 7,
            Self::Q8_0 => 8,
            Self::Q4K => 12,
            Self::Q5K => 13,
            Self::Q6K => 14,
            Self::Bf16 => 30,
        }
    }

    /// The format with this number in GGUF files, if it is one that can be read.
    pub fn from_id(id: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.id() == id)
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
        }
    }

    /// Weights of a block.
    pub fn block_weights(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 => PIECE,
            Self::Q4K | Self::Q5K | Self::Q6K => 8 * PIECE,
        }
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Bytes of so many weights; `None` if they are no whole number of blocks, or more than can be counted.
    pub fn bytes(self, weights: usize) -> Option<usize> {
        let whole = weights.is_multiple_of(self.block_weights());
        whole.then(|| (weights / self.block_weights()).checked_mul(self.block_bytes())).flatten()
    }

    /// Decodes weights, block after block. No bits are refused: scales that are not finite give weights that aren't.
    ///
    /// # Errors
    /// If `output` is no whole number of blocks, or `bytes` are not those of so many weights.
    pub fn decode(self, bytes: &[u8], output: &mut [f32]) -> Result<(), SeedlingError> {
        if self.bytes(output.len()) != Some(bytes.len()) {
            return Err(self.misfit(bytes.len(), output.len()));
        }
        match self {
            Self::F32 => each(bytes, output, |bytes| f32::from_le_bytes(*bytes)),
            Self::F16 => each(bytes, output, |bytes| f16::from_le_bytes(*bytes).to_f32()),
            Self::Bf16 => each(bytes, output, |bytes| bf16::from_le_bytes(*bytes).to_f32()),
            _ => {
                let (pieces, _) = output.as_chunks_mut::<PIECE>();
                let blocks = bytes.chunks_exact(self.block_bytes());
                for (block, pieces) in blocks.zip(pieces.chunks_mut(self.block_weights() / PIECE)) {
                    for (number, output) in pieces.iter_mut().enumerate() {
                        self.piece(block, number).decode(self, output);
                    }
                }
            }
        }
        Ok(())
    }

    /// Says that bytes and weights don't fit.
    pub(super) fn misfit(self, bytes: usize, weights: usize) -> SeedlingError {
        SeedlingError::request(
            format!("{bytes} bytes can't be {weights} weights of the format {}", self.name()),
            "the file is damaged: download it again",
        )
    }

    /// A block's piece.
    pub(super) fn piece(self, block: &[u8], number: usize) -> Piece {
        let half = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
        let plain = |factors, codes| Piece { codes, factors, multiples: ([1, 1], 1) };
        match self {
            Self::Q4_0 => plain([half(0), 0], nibbles(&block[2..])),
            Self::Q4_1 => plain([half(0), half(2)], nibbles(&block[4..])),
            Self::Q5_0 => plain([half(0), 0], fifth_bits(nibbles(&block[6..]), &block[2..])),
            Self::Q5_1 => plain([half(0), half(2)], fifth_bits(nibbles(&block[8..]), &block[4..])),
            Self::Q8_0 => plain([half(0), 0], std::array::from_fn(|i| i16::from(block[2 + i].cast_signed()))),
            Self::Q4K | Self::Q5K => {
                let five = self == Self::Q5K;
                let (scale, min) = scale_and_min(&block[4..16], number);
                let low = &block[if five { 48 } else { 16 } + number / 2 * PIECE..][..PIECE];
                let codes = std::array::from_fn(|i| {
                    let high = if five { block[16 + i] >> number & 1 } else { 0 };
                    i16::from(low[i] >> (number % 2 * 4) & 15 | high << 4)
                });
                Piece { codes, factors: [half(0), half(2)], multiples: ([scale, scale], min) }
            }
            Self::Q6K => {
                let (part, row) = (number / 4, number % 4);
                let low = &block[part * 64 + row % 2 * PIECE..][..PIECE];
                let high = &block[128 + part * PIECE..][..PIECE];
                let codes = std::array::from_fn(|i| {
                    i16::from(low[i] >> (row / 2 * 4) & 15 | (high[i] >> (row * 2) & 3) << 4)
                });
                let scale = |i: usize| i16::from(block[192 + 2 * number + i].cast_signed());
                Piece { codes, factors: [half(208), 0], multiples: ([scale(0), scale(1)], 0) }
            }
            Self::F32 | Self::F16 | Self::Bf16 => plain([0, 0], [0; PIECE]),
        }
    }
}

impl Piece {
    /// Whether its factors are finite.
    pub(super) fn is_finite(&self) -> bool {
        self.factors.iter().all(|bits| f16::from_bits(*bits).is_finite())
    }

    /// The weights.
    pub(super) fn decode(&self, format: Format, output: &mut [f32; PIECE]) {
        let Some(layout) = Layout::of(format) else { return };
        let [scale, offset] = self.factors.map(|bits| f16::from_bits(bits).to_f32());
        let scales =
            self.multiples.0.map(|multiple| if layout.shared { scale * f32::from(multiple) } else { scale });
        // A sum with -0 changes nothing, not even the sign of a zero.
        let offset = match (layout.offset, layout.shared) {
            (false, _) => -0.0,
            (true, false) => offset,
            (true, true) => -(offset * f32::from(self.multiples.1)),
        };
        for (i, (output, code)) in output.iter_mut().zip(self.codes).enumerate() {
            *output = scales[i / (PIECE / 2)] * (i32::from(code) - layout.centre) as f32 + offset;
        }
    }
}

fn each<const N: usize>(bytes: &[u8], output: &mut [f32], number: impl Fn(&[u8; N]) -> f32) {
    for (bytes, output) in bytes.as_chunks::<N>().0.iter().zip(output) {
        *output = number(bytes);
    }
}

/// Sixteen bytes whose lower halves come first.
fn nibbles(bytes: &[u8]) -> [i16; PIECE] {
    std::array::from_fn(|i| i16::from(bytes[i % 16] >> (i / 16 * 4) & 15))
}

/// Adds a fifth bit to codes: 32 bits, the lowest first.
fn fifth_bits(codes: [i16; PIECE], bits: &[u8]) -> [i16; PIECE] {
    std::array::from_fn(|i| codes[i] | i16::from(bits[i / 8] >> (i % 8) & 1) << 4)
}

/// The 6-bit scale and offset of a piece of [`Format::Q4K`]: the upper bits of the last four lie above those of the first.
fn scale_and_min(packed: &[u8], number: usize) -> (i16, i16) {
    let (scale, min) = if number < 4 {
        (packed[number] & 63, packed[number + 4] & 63)
    } else {
        let low = packed[number + 4];
        (low & 15 | packed[number - 4] >> 6 << 4, low >> 4 | packed[number] >> 6 << 4)
    };
    (i16::from(scale), i16::from(min))
}
