//! Attention of new rows over a sequence's pages.
//!
//! The order of every sum is fixed: a score runs over the head's dimensions; the softmax's sum over positions in 16
//! lanes, added up from first to last; the output over the positions of a page, and then over the pages. None of that
//! depends on how many rows are new.

use pulp::{Simd, WithSimd};

use crate::{ModelConfig, kernel::exp_f32};

use super::pages::{Cache, PAGE, PageShape};

/// Memory that attention reuses.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    scores: Vec<f32>,
}

/// Attends with the rows that were just written to the cache (and are not counted in its length yet).
pub(super) fn attend(
    config: &ModelConfig,
    layer: usize,
    cache: &Cache,
    qkv: &[f32],
    output: &mut [f32],
    scratch: &mut Scratch,
) {
    let dim = config.head_dim;
    let width = (config.heads + 2 * config.kv_heads) * dim;
    let pages: Vec<&[f32]> = cache.pages().collect();
    scratch.scores.resize(pages.len() * PAGE, 0.0);
    pulp::Arch::new().dispatch(Attend {
        shape: PageShape::new(config),
        heads: config.heads,
        group: config.heads / config.kv_heads,
        dim,
        width,
        layer,
        first: cache.len(),
        scale: 1.0 / (dim as f32).sqrt(),
        pages: &pages,
        qkv,
        output,
        scores: &mut scratch.scores,
    });
}

struct Attend<'a> {
    shape: PageShape,
    heads: usize,
    group: usize,
    dim: usize,
    width: usize,
    layer: usize,
    first: usize,
    scale: f32,
    pages: &'a [&'a [f32]],
    qkv: &'a [f32],
    output: &'a mut [f32],
    scores: &'a mut [f32],
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match PAGE / S::F32_LANES {
            1 => self.rows::<S, 1>(simd),
            2 => self.rows::<S, 2>(simd),
            4 => self.rows::<S, 4>(simd),
            _ => self.rows::<S, PAGE>(simd),
        }
    }
}

impl Attend<'_> {
    #[inline(always)]
    fn rows<S: Simd, const VECTORS: usize>(self, simd: S) {
        let out_width = self.heads * self.dim;
        let rows = self.qkv.chunks_exact(self.width).zip(self.output.chunks_exact_mut(out_width));
        for (i, (row, output)) in rows.enumerate() {
            let position = self.first + i;
            let pages = &self.pages[..position / PAGE + 1];
            let scores = &mut self.scores[..pages.len() * PAGE];
            for (head, output) in output.chunks_exact_mut(self.dim).enumerate() {
                let start = self.shape.start(self.layer, head / self.group);
                let block = start..start + self.shape.block();
                let query = &row[head * self.dim..(head + 1) * self.dim];
                score::<S, VECTORS>(simd, query, pages, block.clone(), scores);
                let sum = softmax(scores, position, self.scale);
                let values = start + PAGE * self.dim..block.end;
                mix::<S, VECTORS>(simd, scores, pages, values, 1.0 / sum, output);
            }
        }
    }
}

/// Products of a query with every key.
#[inline(always)]
fn score<S: Simd, const VECTORS: usize>(
    simd: S,
    query: &[f32],
    pages: &[&[f32]],
    block: std::ops::Range<usize>,
    scores: &mut [f32],
) {
    let (out, _) = S::as_mut_simd_f32s(scores);
    let (out, _) = out.as_chunks_mut::<VECTORS>();
    for (page, out) in pages.iter().zip(out) {
        let (keys, _) = S::as_simd_f32s(&page[block.clone()]);
        let (keys, _) = keys.as_chunks::<VECTORS>();
        let mut sums = [simd.splat_f32s(0.0); VECTORS];
        for (x, keys) in query.iter().zip(keys) {
            let x = simd.splat_f32s(*x);
            for j in 0..VECTORS {
                sums[j] = simd.mul_add_f32s(x, keys[j], sums[j]);
            }
        }
        *out = sums;
    }
}

/// Scores become weights, those behind `position` 0; returns their sum.
#[inline(always)]
fn softmax(scores: &mut [f32], position: usize, scale: f32) -> f32 {
    let mut tops = [f32::NEG_INFINITY; PAGE];
    scores[position + 1..].fill(f32::NEG_INFINITY);
    let (chunks, _) = scores.as_chunks_mut::<PAGE>();
    for chunk in chunks.iter() {
        for i in 0..PAGE {
            tops[i] = if chunk[i] > tops[i] { chunk[i] } else { tops[i] };
        }
    }
    let top = tops.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0_f32; PAGE];
    for chunk in chunks {
        for i in 0..PAGE {
            chunk[i] = exp_f32((chunk[i] - top) * scale);
            sums[i] += chunk[i];
        }
    }
    sums.iter().sum()
}

/// The weighted sum of values, times `factor`.
#[inline(always)]
fn mix<S: Simd, const VECTORS: usize>(
    simd: S,
    weights: &[f32],
    pages: &[&[f32]],
    values: std::ops::Range<usize>,
    factor: f32,
    output: &mut [f32],
) {
    let (weights, _) = weights.as_chunks::<PAGE>();
    let padded = values.len() / PAGE;
    for (part, output) in output.chunks_mut(PAGE).enumerate() {
        let mut total = [simd.splat_f32s(0.0); VECTORS];
        for (page, weights) in pages.iter().zip(weights) {
            let values = &page[values.clone()];
            let mut sums = [simd.splat_f32s(0.0); VECTORS];
            for (row, weight) in values.chunks_exact(padded).zip(weights) {
                let (row, _) = S::as_simd_f32s(&row[part * PAGE..(part + 1) * PAGE]);
                let weight = simd.splat_f32s(*weight);
                for j in 0..VECTORS {
                    sums[j] = simd.mul_add_f32s(weight, row[j], sums[j]);
                }
            }
            for j in 0..VECTORS {
                total[j] = simd.add_f32s(total[j], sums[j]);
            }
        }
        let mut numbers = [0.0_f32; PAGE];
        let (slots, _) = S::as_mut_simd_f32s(&mut numbers);
        slots.copy_from_slice(&total);
        for (to, x) in output.iter_mut().zip(numbers) {
            *to = x * factor;
        }
    }
}
