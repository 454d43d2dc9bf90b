//! Products of matrices: views, packing, and the loops around the inner kernel.
//!
//! The layout follows Goto & van de Geijn (2008, "Anatomy of high-performance matrix multiplication"): the right
//! matrix is packed into panels of [`NR`] columns, the left one into panels of [`MR`] rows, and blocks of the inner
//! dimension are small enough for a cache.

use super::{
    real::Real,
    tile::{Block, MR, NR, Write, copy_row},
};

/// Steps of the inner dimension in one block.
const KC: usize = 256;

/// A matrix inside a slice: element (i, j) is at `i * row + j * column`.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, T> {
    /// The numbers.
    pub data: &'a [T],
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Distance between rows.
    pub row: usize,
    /// Distance between columns.
    pub column: usize,
}

impl<'a, T> View<'a, T> {
    /// A row-major matrix whose rows lie `stride` apart.
    pub fn rows(data: &'a [T], rows: usize, columns: usize, stride: usize) -> Self {
        Self { data, rows, columns, row: stride, column: 1 }
    }

    /// The same numbers with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, row: self.column, column: self.row, ..self }
    }
}

/// A right matrix (`inner` x `columns`), packed into panels.
#[derive(Debug, Clone, Default)]
pub struct Packed<T> {
    data: Vec<T>,
    inner: usize,
    columns: usize,
}

impl<T: Real> Packed<T> {
    /// Packs a matrix.
    pub fn new(b: View<'_, T>) -> Self {
        let mut packed = Self::default();
        packed.pack(b);
        packed
    }

    /// Packs a matrix into the memory of an old one.
    pub fn pack(&mut self, b: View<'_, T>) {
        self.inner = b.rows;
        self.columns = b.columns;
        self.data.resize(b.columns.div_ceil(NR) * NR * b.rows, T::ZERO);
        if b.rows == 0 {
            return;
        }
        for (j, panel) in self.data.chunks_exact_mut(NR * b.rows).enumerate() {
            let first = j * NR;
            let width = NR.min(b.columns - first);
            let (rows, _) = panel.as_chunks_mut::<NR>();
            if b.column == 1 {
                for (k, row) in rows.iter_mut().enumerate() {
                    copy_row(&b.data[k * b.row + first..], row, width);
                }
            } else {
                // Row by row of the source: its rows are what lies together in memory.
                for i in 0..width {
                    let from = b.data[(first + i) * b.column..].iter().step_by(b.row);
                    for (row, x) in rows.iter_mut().zip(from) {
                        row[i] = *x;
                    }
                }
            }
        }
    }

    /// The inner dimension.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The columns.
    pub fn columns(&self) -> usize {
        self.columns
    }
}

/// Packs rows `rows` of the left matrix, columns `inner`, into panels of [`MR`] rows; the last one is narrower.
fn pack_left<T: Real>(a: &View<'_, T>, inner: std::ops::Range<usize>, into: &mut Vec<T>) {
    into.resize(a.rows * inner.len(), T::ZERO);
    let mut rest = into.as_mut_slice();
    for first in (0..a.rows).step_by(MR) {
        let height = MR.min(a.rows - first);
        let panel;
        (panel, rest) = rest.split_at_mut(height * inner.len());
        if a.row == 1 && height == MR {
            for (k, to) in panel.as_chunks_mut::<MR>().0.iter_mut().enumerate() {
                copy_row(&a.data[first + (inner.start + k) * a.column..], to, MR);
            }
        } else if height == MR && a.column == 1 {
            pack_six(a, first, inner.start, panel);
        } else {
            for i in 0..height {
                let from = &a.data[(first + i) * a.row + inner.start * a.column..];
                for (to, x) in panel[i..].iter_mut().step_by(height).zip(from.iter().step_by(a.column)) {
                    *to = *x;
                }
            }
        }
    }
}

/// Six rows that are contiguous, side by side.
fn pack_six<T: Real>(a: &View<'_, T>, first: usize, start: usize, panel: &mut [T]) {
    let (panel, _) = panel.as_chunks_mut::<MR>();
    let row = |i: usize| &a.data[(first + i) * a.row + start..][..panel.len()];
    let rows: [&[T]; MR] = std::array::from_fn(row);
    for (k, to) in panel.iter_mut().enumerate() {
        for i in 0..MR {
            to[i] = rows[i][k];
        }
    }
}

/// `output = a b` or `output += a b` with a packed right matrix; rows of the output lie `stride` apart. `scratch` is
/// memory to reuse.
///
/// # Panics
/// If the shapes don't fit.
pub fn multiply_packed<T: Real>(
    a: View<'_, T>,
    b: &Packed<T>,
    output: &mut [T],
    stride: usize,
    write: Write,
    scratch: &mut Vec<T>,
) {
    assert_eq!(a.columns, b.inner, "the inner dimensions of a product differ");
    if a.rows == 0 || b.columns == 0 {
        return;
    }
    let mut write = write;
    let mut first = 0;
    while first < b.inner {
        let steps = KC.min(b.inner - first);
        pack_left(&a, first..first + steps, scratch);
        T::block(Block {
            left: scratch,
            right: &b.data,
            steps,
            inner: b.inner,
            first,
            output,
            rows: a.rows,
            columns: b.columns,
            stride,
            write,
        });
        // Sums go on where they were: the order over the inner dimension stays first to last.
        write = Write::Add;
        first += steps;
    }
}

/// Memory that products of unpacked matrices reuse.
#[derive(Debug, Clone, Default)]
pub struct Scratch<T> {
    left: Vec<T>,
    right: Packed<T>,
}

/// [`multiply_packed`] for a right matrix that is used once.
pub fn multiply<T: Real>(
    a: View<'_, T>,
    b: View<'_, T>,
    output: &mut [T],
    stride: usize,
    write: Write,
    scratch: &mut Scratch<T>,
) {
    scratch.right.pack(b);
    multiply_packed(a, &scratch.right, output, stride, write, &mut scratch.left);
}
