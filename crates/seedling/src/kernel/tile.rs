//! The inner kernel of a product: tiles of the output, each summed in registers.

use pulp::{Simd, WithSimd};

/// Rows of a tile.
pub const MR: usize = 6;
/// Columns of a tile: one vector of 512 bits, two of 256, four of 128.
pub const NR: usize = 16;

/// What a product does with its output's old numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Overwrites it.
    Set,
    /// Adds to it.
    Add,
}

/// Copies `width` numbers; a whole row without a call.
#[inline(always)]
pub(super) fn copy_row<T: Copy, const N: usize>(from: &[T], to: &mut [T; N], width: usize) {
    match from.first_chunk::<N>() {
        Some(from) if width == N => *to = *from,
        _ => to[..width].copy_from_slice(&from[..width]),
    }
}

/// One block: all tiles of an output for one range of the inner dimension.
#[derive(Debug)]
pub struct Block<'a, T> {
    pub(super) left: &'a [T],
    pub(super) right: &'a [T],
    /// Steps of this block, and of the whole packed right matrix.
    pub(super) steps: usize,
    pub(super) inner: usize,
    pub(super) first: usize,
    pub(super) output: &'a mut [T],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) stride: usize,
    pub(super) write: Write,
}

impl<T: Copy + Default> Block<'_, T> {
    /// Calls `kernel(left panel, right panel, tile, rows)` for every tile; it adds to the tile.
    #[inline(always)]
    pub(super) fn each(self, kernel: impl Fn(&[T], &[T], &mut [[T; NR]; MR], usize)) {
        for j in 0..self.columns.div_ceil(NR) {
            let column = j * NR;
            let width = NR.min(self.columns - column);
            let start = j * NR * self.inner + self.first * NR;
            let right = &self.right[start..start + self.steps * NR];
            for row in (0..self.rows).step_by(MR) {
                let height = MR.min(self.rows - row);
                let left = &self.left[row * self.steps..(row + height) * self.steps];
                let mut tile = [[T::default(); NR]; MR];
                if self.write == Write::Add {
                    for (i, to) in tile[..height].iter_mut().enumerate() {
                        copy_row(&self.output[(row + i) * self.stride + column..], to, width);
                    }
                }
                kernel(left, right, &mut tile, height);
                for (i, from) in tile[..height].iter().enumerate() {
                    let to = &mut self.output[(row + i) * self.stride + column..];
                    match to.first_chunk_mut::<NR>() {
                        Some(to) if width == NR => *to = *from,
                        _ => to[..width].copy_from_slice(&from[..width]),
                    }
                }
            }
        }
    }
}

impl WithSimd for Block<'_, f32> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match NR / S::F32_LANES {
            1 => self.each(
                #[inline(always)]
                |a, b, tile, rows| rows_of::<S, 1>(simd, a, b, tile, rows),
            ),
            2 => self.each(
                #[inline(always)]
                |a, b, tile, rows| rows_of::<S, 2>(simd, a, b, tile, rows),
            ),
            4 => self.each(
                #[inline(always)]
                |a, b, tile, rows| rows_of::<S, 4>(simd, a, b, tile, rows),
            ),
            _ => self.each(
                #[inline(always)]
                |a, b, tile, rows| rows_of::<S, NR>(simd, a, b, tile, rows),
            ),
        }
    }
}

#[inline(always)]
fn rows_of<S: Simd, const VECTORS: usize>(
    simd: S,
    a: &[f32],
    b: &[f32],
    tile: &mut [[f32; NR]; MR],
    rows: usize,
) {
    match rows {
        6 => tile_of::<S, 6, VECTORS>(simd, a, b, tile),
        5 => tile_of::<S, 5, VECTORS>(simd, a, b, tile),
        4 => tile_of::<S, 4, VECTORS>(simd, a, b, tile),
        3 => tile_of::<S, 3, VECTORS>(simd, a, b, tile),
        2 => tile_of::<S, 2, VECTORS>(simd, a, b, tile),
        _ => tile_of::<S, 1, VECTORS>(simd, a, b, tile),
    }
}

/// The inner loop: `ROWS` x `NR` sums kept in registers.
#[inline(always)]
fn tile_of<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    a: &[f32],
    b: &[f32],
    tile: &mut [[f32; NR]; MR],
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (sums, row) in sums.iter_mut().zip(tile.iter()) {
        let (row, _) = S::as_simd_f32s(row);
        for (sum, held) in sums.iter_mut().zip(row) {
            *sum = *held;
        }
    }
    let (a, _) = a.as_chunks::<ROWS>();
    let (b, _) = S::as_simd_f32s(b);
    let (b, _) = b.as_chunks::<VECTORS>();
    for (a, b) in a.iter().zip(b) {
        for i in 0..ROWS {
            let x = simd.splat_f32s(a[i]);
            for j in 0..VECTORS {
                sums[i][j] = simd.mul_add_f32s(x, b[j], sums[i][j]);
            }
        }
    }
    for (sums, row) in sums.iter().zip(tile.iter_mut()) {
        let (row, _) = S::as_mut_simd_f32s(row);
        for (sum, held) in sums.iter().zip(row) {
            *held = *sum;
        }
    }
}
