//! Matrices of weights in the width of their file.

use std::ops::Range;

use half::{bf16, f16};

use crate::SeedlingError;

use super::{
    format::{Format, Layout, PIECE},
    panel::{ROWS, Sizes, put, take},
};

/// Bytes of a line of a cache, where panels start.
const LINE: usize = 64;

/// A matrix of `rows` outputs and `columns` inputs, kept as its file's codes. Read-only; threads share it.
#[derive(Debug, Clone)]
pub struct Quantised {
    columns: usize,
    parts: Vec<Part>,
}

/// Rows of one format.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub format: Format,
    pub rows: usize,
    columns: usize,
    /// Panels from byte `start` on.
    data: Vec<u8>,
    start: usize,
}

impl Quantised {
    /// Takes over a matrix: `bytes` are its rows' blocks, one row after the other, as a file holds them.
    ///
    /// # Errors
    /// If there are no weights, a row is no whole number of blocks, the bytes are too few or too many, a scale or a
    /// weight isn't finite, or memory is short.
    pub fn new(format: Format, rows: usize, columns: usize, bytes: &[u8]) -> Result<Self, SeedlingError> {
        let row = format.bytes(columns).filter(|row| rows > 0 && row.checked_mul(rows) == Some(bytes.len()));
        let row = row.filter(|row| *row > 0).ok_or_else(|| {
            let what = format!(
                "{} bytes can't be {rows} rows of {columns} weights of the format {}",
                bytes.len(),
                format.name()
            );
            SeedlingError::request(what, "the file is damaged: download it again")
        })?;
        let mut part = Part { format, rows, columns, data: Vec::new(), start: 0 };
        part.reserve()?;
        for (number, bytes) in bytes.chunks_exact(row).enumerate() {
            part.fill(number, bytes)?;
        }
        Ok(Self { columns, parts: vec![part] })
    }

    /// Matrices of equal width one above the other, each in its own format: the outputs of the first come first.
    ///
    /// # Errors
    /// If there are none, or their widths differ.
    pub fn stack(matrices: Vec<Self>) -> Result<Self, SeedlingError> {
        let columns = matrices.first().map_or(0, |matrix| matrix.columns);
        if columns == 0 || matrices.iter().any(|matrix| matrix.columns != columns) {
            let what = "matrices that belong together have different widths";
            return Err(SeedlingError::request(what, "the file is damaged: download it again"));
        }
        Ok(Self { columns, parts: matrices.into_iter().flat_map(|matrix| matrix.parts).collect() })
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.data.len()).sum()
    }

    /// The weights of a row, bit for bit those of [`Format::decode`].
    ///
    /// # Panics
    /// If there is no such row, or `output` is not as long as a row.
    pub fn decode_row(&self, row: usize, output: &mut [f32]) {
        assert_eq!(output.len(), self.columns, "a row has {} weights", self.columns);
        let mut row = row;
        for part in &self.parts {
            if row < part.rows {
                return part.decode_row(row, output);
            }
            row -= part.rows;
        }
        panic!("a row behind the last one was asked for");
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl Part {
    /// Panels, the last of which may hold fewer rows.
    pub(super) fn panels(&self) -> usize {
        self.rows.div_ceil(ROWS)
    }

    /// Bytes of a panel.
    pub(super) fn panel_bytes(&self) -> usize {
        let floats = self.columns * ROWS * self.format.block_bytes();
        Layout::of(self.format).map_or(floats, |layout| Sizes::of(layout).panel(self.columns))
    }

    /// A panel.
    pub(super) fn panel(&self, number: usize) -> &[u8] {
        &self.data[self.range(number)]
    }

    /// What lies from byte `at` of a panel on, be it in the next panels.
    pub(super) fn rest(&self, number: usize, at: usize) -> &[u8] {
        self.data.get(self.range(number).start + at..).unwrap_or_default()
    }

    fn range(&self, panel: usize) -> Range<usize> {
        let start = self.start + panel * self.panel_bytes();
        start..start + self.panel_bytes()
    }

    /// Makes room for all panels, and starts them at a line of the cache: vectors across two lines take twice as long.
    fn reserve(&mut self) -> Result<(), SeedlingError> {
        let bytes = self.panels().checked_mul(self.panel_bytes()).and_then(|bytes| bytes.checked_add(LINE));
        let short = || {
            let what = format!("{} rows of {} weights don't fit into memory", self.rows, self.columns);
            SeedlingError::request(what, "use a smaller model or one with fewer bits a weight")
        };
        let bytes = bytes.ok_or_else(short)?;
        self.data.try_reserve_exact(bytes).map_err(|_| short())?;
        self.data.resize(bytes, 0);
        self.start = self.data.as_ptr().align_offset(LINE).min(LINE);
        Ok(())
    }

    /// Packs a row.
    fn fill(&mut self, row: usize, bytes: &[u8]) -> Result<(), SeedlingError> {
        let (format, range) = (self.format, self.range(row / ROWS));
        let (panel, row_in) = (&mut self.data[range], row % ROWS);
        let finite = match format {
            Format::F32 => floats::<4>(panel, row_in, bytes, |bits| f32::from_le_bytes(*bits).is_finite()),
            Format::F16 => floats::<2>(panel, row_in, bytes, |bits| f16::from_le_bytes(*bits).is_finite()),
            Format::Bf16 => floats::<2>(panel, row_in, bytes, |bits| bf16::from_le_bytes(*bits).is_finite()),
            _ => {
                let pieces = format.block_weights() / PIECE;
                let mut finite = true;
                for (number, block) in bytes.chunks_exact(format.block_bytes()).enumerate() {
                    for i in 0..pieces {
                        let piece = format.piece(block, i);
                        finite &= piece.is_finite();
                        put(format, panel, row_in, number * pieces + i, &piece);
                    }
                }
                finite
            }
        };
        if finite {
            return Ok(());
        }
        let what = format!("row {row} of a matrix ({}) holds numbers that are not finite", format.name());
        Err(SeedlingError::request(what, "the file is damaged, or its training failed: use another one"))
    }

    fn decode_row(&self, row: usize, output: &mut [f32]) {
        let (panel, row) = (self.panel(row / ROWS), row % ROWS);
        let numbers = |width: usize| panel.chunks_exact(width).skip(row).step_by(ROWS);
        match self.format {
            Format::F32 => copy(numbers(4), output, f32::from_le_bytes),
            Format::F16 => copy(numbers(2), output, |bits| f16::from_le_bytes(bits).to_f32()),
            Format::Bf16 => copy(numbers(2), output, |bits| bf16::from_le_bytes(bits).to_f32()),
            format => {
                for (number, output) in output.as_chunks_mut::<PIECE>().0.iter_mut().enumerate() {
                    if let Some(piece) = take(format, panel, row, number) {
                        piece.decode(format, output);
                    }
                }
            }
        }
    }
}

/// Packs a row of floats, column by column; whether all are fine.
fn floats<const N: usize>(
    panel: &mut [u8],
    row: usize,
    bytes: &[u8],
    fine: impl Fn(&[u8; N]) -> bool,
) -> bool {
    let slots = panel.as_chunks_mut::<N>().0.iter_mut().skip(row).step_by(ROWS);
    let mut all = true;
    for (slot, bits) in slots.zip(bytes.as_chunks::<N>().0) {
        *slot = *bits;
        all &= fine(bits);
    }
    all
}

fn copy<'a, const N: usize>(
    numbers: impl Iterator<Item = &'a [u8]>,
    output: &mut [f32],
    number: impl Fn([u8; N]) -> f32,
) {
    for (output, bits) in output.iter_mut().zip(numbers.filter_map(<[u8]>::first_chunk::<N>)) {
        *output = number(*bits);
    }
}
