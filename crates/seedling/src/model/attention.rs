//! Attention of new rows over a sequence's pages.
//!
//! The order of every sum is fixed: a score runs over the head's dimensions; the softmax's sum over positions in 16
//! lanes, added up from first to last; the output over the positions of a page, and then over the pages. None of that
//! depends on how many rows are new.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::{ModelConfig, kernel::exp_f32};

use super::pages::{Cache, PAGE, PageShape};

/// What a layer's tokens see, and how scores become weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// How many tokens a token sees, itself included.
    window: usize,
    /// Scores are multiplied by it.
    scale: f32,
}

impl Sight {
    /// That of a layer of a model.
    pub(super) fn new(config: &ModelConfig, window: Option<usize>) -> Self {
        let scale = config.design.query_scale.map(|scale| scale as f32);
        Self {
            window: window.unwrap_or(usize::MAX),
            scale: scale.unwrap_or_else(|| 1.0 / (config.head_dim as f32).sqrt()),
        }
    }
}

/// Memory that attention reuses.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    scores: Vec<f32>,
}

/// Attends with the rows that were just written to the cache (and are not counted in its length yet).
pub(super) fn attend(
    config: &ModelConfig,
    layer: usize,
    sight: Sight,
    cache: &Cache,
    qkv: &[f32],
    output: &mut [f32],
    scratch: &mut Scratch,
) {
    let dim = config.head_dim;
    let width = (config.heads + 2 * config.kv_heads) * dim;
    let pages: Vec<&[f32]> = cache.pages().collect();
    scratch.scores.resize(config.heads / config.kv_heads * pages.len() * PAGE, 0.0);
    pulp::Arch::new().dispatch(Attend {
        shape: PageShape::new(config),
        kv_heads: config.kv_heads,
        group: config.heads / config.kv_heads,
        dim,
        width,
        layer,
        first: cache.len(),
        sight,
        pages: &pages,
        qkv,
        output,
        scores: &mut scratch.scores,
    });
}

struct Attend<'a> {
    shape: PageShape,
    kv_heads: usize,
    /// Query heads of a key head.
    group: usize,
    dim: usize,
    width: usize,
    layer: usize,
    first: usize,
    sight: Sight,
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
        let group = self.group * self.dim;
        let rows = self.qkv.chunks_exact(self.width).zip(self.output.chunks_exact_mut(self.kv_heads * group));
        for (i, (row, output)) in rows.enumerate() {
            let position = self.first + i;
            let seen = (position + 1).saturating_sub(self.sight.window);
            let pages = &self.pages[seen / PAGE..position / PAGE + 1];
            let seen = seen % PAGE..position - seen / PAGE * PAGE + 1;
            let scores = &mut self.scores[..self.group * pages.len() * PAGE];
            let heads = row.chunks_exact(group).zip(output.chunks_exact_mut(group));
            for (kv_head, (queries, output)) in heads.enumerate() {
                let start = self.shape.start(self.layer, kv_head);
                let keys = start..start + PAGE * self.dim;
                let values = keys.end..start + self.shape.block();
                score::<S, VECTORS>(simd, queries, self.dim, pages, keys, scores);
                let heads =
                    scores.chunks_exact_mut(pages.len() * PAGE).zip(output.chunks_exact_mut(self.dim));
                for (scores, output) in heads {
                    let sum = softmax(scores, seen.clone(), self.sight.scale);
                    mix::<S, VECTORS>(simd, scores, pages, values.clone(), 1.0 / sum, output);
                }
            }
        }
    }
}

/// Pages whose sums run side by side: a sum alone would wait for every addition.
const TOGETHER: usize = 4;

/// A page's numbers in `range`, as groups of [`PAGE`].
#[inline(always)]
fn groups<S: Simd, const VECTORS: usize>(page: &[f32], range: Range<usize>) -> &[[S::f32s; VECTORS]] {
    S::as_simd_f32s(&page[range]).0.as_chunks().0
}

/// Products of the queries of a key head with every key.
#[inline(always)]
fn score<S: Simd, const VECTORS: usize>(
    simd: S,
    queries: &[f32],
    dim: usize,
    pages: &[&[f32]],
    keys: Range<usize>,
    scores: &mut [f32],
) {
    let length = pages.len() * PAGE;
    let (several, rest) = pages.as_chunks::<TOGETHER>();
    for (i, pages) in several.iter().enumerate() {
        let keys = pages.map(|page| groups::<S, VECTORS>(page, keys.clone()));
        for (query, scores) in queries.chunks_exact(dim).zip(scores.chunks_exact_mut(length)) {
            score_pages(simd, query, keys, &mut scores[i * TOGETHER * PAGE..]);
        }
    }
    for (i, page) in (several.len() * TOGETHER..).zip(rest) {
        let keys = [groups::<S, VECTORS>(page, keys.clone())];
        for (query, scores) in queries.chunks_exact(dim).zip(scores.chunks_exact_mut(length)) {
            score_pages(simd, query, keys, &mut scores[i * PAGE..]);
        }
    }
}

#[inline(always)]
fn score_pages<S: Simd, const VECTORS: usize, const PAGES: usize>(
    simd: S,
    query: &[f32],
    keys: [&[[S::f32s; VECTORS]]; PAGES],
    scores: &mut [f32],
) {
    let keys = keys.map(|keys| &keys[..query.len()]);
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; PAGES];
    for (i, x) in query.iter().enumerate() {
        let x = simd.splat_f32s(*x);
        for page in 0..PAGES {
            for j in 0..VECTORS {
                sums[page][j] = simd.mul_add_f32s(x, keys[page][i][j], sums[page][j]);
            }
        }
    }
    let (scores, _) = S::as_mut_simd_f32s(scores);
    scores.as_chunks_mut::<VECTORS>().0[..PAGES].copy_from_slice(&sums);
}

/// Scores become weights, those outside `seen` 0; returns their sum.
#[inline(always)]
fn softmax(scores: &mut [f32], seen: Range<usize>, scale: f32) -> f32 {
    let mut tops = [f32::NEG_INFINITY; PAGE];
    scores[..seen.start].fill(f32::NEG_INFINITY);
    scores[seen.end..].fill(f32::NEG_INFINITY);
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
    values: Range<usize>,
    factor: f32,
    output: &mut [f32],
) {
    let (weights, _) = weights.as_chunks::<PAGE>();
    let (several, rest) = pages.as_chunks::<TOGETHER>();
    let (several_weights, rest_weights) = weights.as_chunks::<TOGETHER>();
    let parts = values.len() / (PAGE * PAGE);
    for (part, output) in output.chunks_mut(PAGE).enumerate() {
        let mut total = [simd.splat_f32s(0.0); VECTORS];
        for (pages, weights) in several.iter().zip(several_weights) {
            let values = pages.map(|page| &groups::<S, VECTORS>(page, values.clone())[part..]);
            mix_pages(simd, weights, values, parts, &mut total);
        }
        for (page, weights) in rest.iter().zip(rest_weights) {
            let values = [&groups::<S, VECTORS>(page, values.clone())[part..]];
            mix_pages(simd, std::array::from_ref(weights), values, parts, &mut total);
        }
        let mut numbers = [0.0_f32; PAGE];
        let (slots, _) = S::as_mut_simd_f32s(&mut numbers);
        slots.copy_from_slice(&total);
        for (to, x) in output.iter_mut().zip(numbers) {
            *to = x * factor;
        }
    }
}

/// Adds the weighted sums of pages to a total, page by page.
#[inline(always)]
fn mix_pages<S: Simd, const VECTORS: usize, const PAGES: usize>(
    simd: S,
    weights: &[[f32; PAGE]; PAGES],
    values: [&[[S::f32s; VECTORS]]; PAGES],
    parts: usize,
    total: &mut [S::f32s; VECTORS],
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; PAGES];
    for i in 0..PAGE {
        for page in 0..PAGES {
            let weight = simd.splat_f32s(weights[page][i]);
            for j in 0..VECTORS {
                sums[page][j] = simd.mul_add_f32s(weight, values[page][i * parts][j], sums[page][j]);
            }
        }
    }
    for sums in sums {
        for j in 0..VECTORS {
            total[j] = simd.add_f32s(total[j], sums[j]);
        }
    }
}
