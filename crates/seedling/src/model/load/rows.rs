//! The order of a file's rows of queries, keys and values, where it isn't: queries head by head, then keys, then values,
//! each head's rotated dimensions as two halves.
//!
//! Rotating neighbours (0 with 1, 2 with 3) is rotating halves of the same dimensions in another order, and a product of
//! a query and a key doesn't depend on the order of their dimensions; so one kind of rotation serves all.

use crate::{ModelConfig, config::Layout};

/// Which row of a file's matrix of `heads` heads of `dim` dimensions, all of which are rotated as neighbours, is each
/// row of the model's.
pub(super) fn from_neighbours(heads: usize, dim: usize) -> Vec<usize> {
    (0..heads).flat_map(|head| (0..dim).map(move |i| head * dim + neighbour(i, dim))).collect()
}

/// Which row of a folder's fused matrix is each row of the model's; `None` if they are in order.
pub(super) fn from_fused(config: &ModelConfig) -> Option<Vec<usize>> {
    let (heads, dim) = (config.heads, config.head_dim);
    let places = (0..3).flat_map(|kind| (0..heads).map(move |head| (kind, head)));
    let places = places.flat_map(|(kind, head)| (0..dim).map(move |i| (kind, head, i)));
    match config.design.layout {
        // Queries, keys and values of each head, head by head.
        Layout::GptNeox => Some(places.map(|(kind, head, i)| (head * 3 + kind) * dim + i).collect()),
        // Four groups of heads, as for four processors, in each queries, values and keys; neighbours are rotated.
        Layout::Codegen => {
            let (group, rotated) = (heads / 4, config.rotary_dim());
            let row = |(kind, head, i): (usize, usize, usize)| {
                let part = [0, 2, 1][kind];
                let i = if kind < 2 && i < rotated { neighbour(i, rotated) } else { i };
                ((head / group * 3 + part) * group + head % group) * dim + i
            };
            Some(places.map(row).collect())
        }
        _ => None,
    }
}

/// Where dimension `i`, of two halves, is among neighbours.
fn neighbour(i: usize, dim: usize) -> usize {
    let half = dim / 2;
    if i < half { 2 * i } else { 2 * (i - half) + 1 }
}

/// Puts rows of bytes into an order.
pub(super) fn reorder(bytes: &[u8], order: &[usize]) -> Vec<u8> {
    let width = bytes.len() / order.len();
    order.iter().flat_map(|row| &bytes[row * width..][..width]).copied().collect()
}

/// Exchanges rows and columns of a matrix of `rows` rows whose numbers have `width` bytes.
pub(super) fn transposed(bytes: &[u8], rows: usize, width: usize) -> Vec<u8> {
    let row_bytes = bytes.len() / rows;
    let mut turned = Vec::with_capacity(bytes.len());
    for column in (0..row_bytes).step_by(width) {
        for row in bytes.chunks_exact(row_bytes) {
            turned.extend_from_slice(&row[column..column + width]);
        }
    }
    turned
}
