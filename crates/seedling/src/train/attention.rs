//! Causal attention of one document, forward and backward.

use crate::{
    ModelConfig,
    kernel::{Real, Scratch, View, Write, dot, multiply},
    rope::Rotary,
};

/// Query rows that are handled together: later keys need no products with them.
const ROWS: usize = 64;

/// How q, k and v lie in a row.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
}

impl Shape {
    /// The shape of a model.
    pub fn new(config: &ModelConfig) -> Self {
        Self { heads: config.heads, kv_heads: config.kv_heads, head_dim: config.head_dim }
    }

    /// Query heads.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Width of a row of q, k and v.
    pub fn width(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_dim
    }

    /// Width of a row of q, or of attention's output.
    pub fn query_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Where head `head`'s key starts in a row.
    fn key(&self, head: usize) -> usize {
        (self.heads + head / (self.heads / self.kv_heads)) * self.head_dim
    }

    fn value(&self, head: usize) -> usize {
        self.key(head) + self.kv_heads * self.head_dim
    }

    fn scale<T: Real>(&self) -> T {
        T::ONE / T::from_f64(self.head_dim as f64).sqrt()
    }
}

/// Rotates q and k of rows from position `first` on; `direction` 1 is forward, -1 back.
pub(super) fn rotate<T: Real>(rotary: &Rotary<T>, rows: &mut [T], shape: &Shape, first: usize, direction: T) {
    for (i, row) in rows.chunks_exact_mut(shape.width()).enumerate() {
        let turned = (shape.heads + shape.kv_heads) * shape.head_dim;
        for head in row[..turned].chunks_exact_mut(shape.head_dim) {
            rotary.turn(head, first + i, direction);
        }
    }
}

/// Writes the output of attention for the rows from `trunk` on, and its probabilities: rows x length per head, of
/// which a row's later keys may hold anything.
pub(super) fn forward<T: Real>(
    qkv: &[T],
    trunk: usize,
    shape: &Shape,
    output: &mut [T],
    probabilities: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let (width, dim) = (shape.width(), shape.head_dim);
    let length = qkv.len() / width;
    if length == trunk {
        return;
    }
    for (head, probabilities) in probabilities.chunks_exact_mut((length - trunk) * length).enumerate() {
        for first in (trunk..length).step_by(ROWS) {
            let end = length.min(first + ROWS);
            let q = View::rows(&qkv[first * width + head * dim..], end - first, dim, width);
            let k = View::rows(&qkv[shape.key(head)..], end, dim, width);
            let v = View::rows(&qkv[shape.value(head)..], end, dim, width);
            let rows = &mut probabilities[(first - trunk) * length..(end - trunk) * length];
            multiply(q, k.transposed(), rows, length, Write::Set, scratch);
            for (i, row) in rows.chunks_exact_mut(length).enumerate() {
                softmax(&mut row[..end], first + i, shape.scale());
            }
            let out = &mut output[(first - trunk) * shape.query_width() + head * dim..];
            let p = View::rows(rows, end - first, end, length);
            multiply(p, v, out, shape.query_width(), Write::Set, scratch);
        }
    }
}

/// Scores up to and including `last` become probabilities, later ones 0.
fn softmax<T: Real>(row: &mut [T], last: usize, scale: T) {
    let (seen, unseen) = row.split_at_mut(last + 1);
    let top = seen.iter().copied().fold(seen[0], |a, b| if b > a { b } else { a });
    let sum = T::exp_shifted(seen, top, scale);
    let factor = T::ONE / sum;
    for x in seen {
        *x *= factor;
    }
    unseen.fill(T::ZERO);
}

/// The gradient of q, k and v (added to `d_qkv`, which starts at zero) from that of the output.
pub(super) fn backward<T: Real>(
    qkv: &[T],
    probabilities: &[T],
    trunk: usize,
    shape: &Shape,
    d_output: &[T],
    d_qkv: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let (width, dim, out) = (shape.width(), shape.head_dim, shape.query_width());
    let length = qkv.len() / width;
    if length == trunk {
        return;
    }
    let mut d_scores = vec![T::ZERO; ROWS.min(length) * length];
    for (head, probabilities) in probabilities.chunks_exact((length - trunk) * length).enumerate() {
        for first in (trunk..length).step_by(ROWS) {
            let end = length.min(first + ROWS);
            let rows = end - first;
            let q = View::rows(&qkv[first * width + head * dim..], rows, dim, width);
            let k = View::rows(&qkv[shape.key(head)..], end, dim, width);
            let v = View::rows(&qkv[shape.value(head)..], end, dim, width);
            let p = View::rows(&probabilities[(first - trunk) * length..], rows, end, length);
            let d_out = View::rows(&d_output[(first - trunk) * out + head * dim..], rows, dim, out);
            let d_value = &mut d_qkv[shape.value(head)..];
            multiply(p.transposed(), d_out, d_value, width, Write::Add, scratch);
            multiply(d_out, v.transposed(), &mut d_scores, end, Write::Set, scratch);
            for (i, d) in d_scores[..rows * end].chunks_exact_mut(end).enumerate() {
                let at = (first - trunk + i) * length;
                softmax_backward(&probabilities[at..at + end], d, shape.scale());
            }
            let d = View::rows(&d_scores, rows, end, end);
            multiply(d, k, &mut d_qkv[first * width + head * dim..], width, Write::Add, scratch);
            multiply(d.transposed(), q, &mut d_qkv[shape.key(head)..], width, Write::Add, scratch);
        }
    }
}

fn softmax_backward<T: Real>(p: &[T], d: &mut [T], scale: T) {
    let mean = dot(p, d);
    for (p, d) in p.iter().zip(d) {
        *d = *p * (*d - mean) * scale;
    }
}
