//! A model ready for inference: packed weights, and one pass over the new tokens of many sequences.
//!
//! **Batch-invariant**: what a pass computes for a token depends on that token's own sequence alone, to the last bit;
//! neither on the other sequences, nor on how a sequence is cut into passes. Products sum in a fixed order (see
//! [`crate::kernel`]), attention goes page by page (see `attention.rs`).

mod attention;
mod pages;

use crate::{
    ModelConfig, Weights,
    kernel::{Packed, Real, View, Write, add, multiply_packed, rms_norm},
    rope::Rotary,
};

pub use pages::{Cache, PAGE, Page, PageShape};

/// Longest context that positions are prepared for, unless a model's own is shorter.
pub const MAX_CONTEXT: usize = 8192;

#[derive(Debug)]
struct Layer {
    attention_norm: Vec<f32>,
    qkv: Packed<f32>,
    qkv_bias: Vec<f32>,
    /// Of queries and of keys; empty if heads aren't normed.
    head_norms: [Vec<f32>; 2],
    o: Packed<f32>,
    ffn_norm: Vec<f32>,
    gate_up: Packed<f32>,
    down: Packed<f32>,
}

/// A model, read-only; threads share it.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    embedding: Vec<f32>,
    layers: Vec<Layer>,
    final_norm: Vec<f32>,
    head: Packed<f32>,
    rotary: Rotary<f32>,
    context: usize,
}

/// The new tokens of one sequence.
#[derive(Debug)]
pub struct Span<'a> {
    /// What its earlier tokens left; the new ones are added.
    pub cache: &'a mut Cache,
    /// The new tokens, at least one.
    pub tokens: &'a [u32],
    /// From which of the new tokens on the caller wants outputs; `tokens.len()` for none.
    pub outputs_from: usize,
}

/// Memory that passes reuse.
#[derive(Debug, Default)]
pub struct Workspace {
    x: Vec<f32>,
    normed: Vec<f32>,
    qkv: Vec<f32>,
    attended: Vec<f32>,
    gate_up: Vec<f32>,
    product: Vec<f32>,
    left: Vec<f32>,
    attention: attention::Scratch,
    /// Hidden states after the last norm, a row for every output that was asked for.
    pub hidden: Vec<f32>,
    /// Logits of the same rows.
    pub logits: Vec<f32>,
}

/// Stacks matrices of equal width, transposed and packed.
fn pack(parts: &[&[f32]], inputs: usize) -> Packed<f32> {
    let stacked = parts.concat();
    Packed::new(View::rows(&stacked, stacked.len() / inputs, inputs, inputs).transposed())
}

/// Makes a list this long; what it held may stay.
fn sized(list: &mut Vec<f32>, len: usize) -> &mut [f32] {
    list.resize(len, 0.0);
    list
}

impl Model {
    /// Packs weights, whose shapes were checked when they were read.
    pub fn new(weights: &Weights) -> Self {
        let config = weights.config.clone();
        let hidden = config.hidden_size;
        let layers = weights
            .layers
            .iter()
            .map(|layer| Layer {
                attention_norm: layer.attention_norm.clone(),
                qkv: pack(&[&layer.q, &layer.k, &layer.v], hidden),
                qkv_bias: [&layer.q_bias[..], &layer.k_bias, &layer.v_bias].concat(),
                head_norms: [layer.q_norm.clone(), layer.k_norm.clone()],
                o: pack(&[&layer.o], config.heads * config.head_dim),
                ffn_norm: layer.ffn_norm.clone(),
                gate_up: pack(&[&layer.gate, &layer.up], hidden),
                down: pack(&[&layer.down], config.intermediate_size),
            })
            .collect();
        let context = config.max_positions.min(MAX_CONTEXT);
        Self {
            embedding: weights.embedding.clone(),
            layers,
            final_norm: weights.final_norm.clone(),
            head: pack(&[weights.head.as_ref().unwrap_or(&weights.embedding)], hidden),
            rotary: Rotary::new(&config, context),
            context,
            config,
        }
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The longest sequence, in tokens.
    pub fn context(&self) -> usize {
        self.context
    }

    /// An empty cache for a sequence.
    pub fn cache(&self) -> Cache {
        Cache::new(PageShape::new(&self.config))
    }

    /// Runs the new tokens of all spans. Hidden states and logits of the outputs that were asked for are left in the
    /// workspace, span by span; logits only with `logits`.
    ///
    /// # Panics
    /// If a token is not below the vocabulary's size, or a sequence would grow past the context; the engine checks
    /// both.
    pub fn pass(&self, spans: &mut [Span<'_>], logits: bool, work: &mut Workspace) {
        let hidden = self.config.hidden_size;
        let rows: usize = spans.iter().map(|span| span.tokens.len()).sum();
        let tokens = spans.iter().flat_map(|span| span.tokens);
        for (x, token) in sized(&mut work.x, rows * hidden).chunks_exact_mut(hidden).zip(tokens) {
            let at = *token as usize * hidden;
            x.copy_from_slice(&self.embedding[at..at + hidden]);
        }
        for span in spans.iter_mut() {
            span.cache.reserve(span.tokens.len());
        }
        for (number, layer) in self.layers.iter().enumerate() {
            self.attend(number, layer, spans, rows, work);
            self.feed_forward(layer, rows, work);
        }
        self.outputs(spans, logits, work);
        for span in spans.iter_mut() {
            span.cache.grow(span.tokens.len());
        }
    }

    fn attend(
        &self,
        number: usize,
        layer: &Layer,
        spans: &mut [Span<'_>],
        rows: usize,
        work: &mut Workspace,
    ) {
        let width = layer.qkv.columns();
        let query_width = self.config.heads * self.config.head_dim;
        self.norm(&work.x, &layer.attention_norm, &mut work.normed);
        linear(&work.normed, &layer.qkv, rows, &mut work.qkv, Write::Set, &mut work.left);
        if !layer.qkv_bias.is_empty() {
            work.qkv.chunks_exact_mut(width).for_each(|row| add(row, &layer.qkv_bias));
        }
        if self.config.qk_norm {
            self.norm_heads(&mut work.qkv, &layer.head_norms);
        }
        sized(&mut work.attended, rows * query_width);
        let mut first = 0;
        for span in spans {
            let end = first + span.tokens.len();
            let qkv = &mut work.qkv[first * width..end * width];
            self.rotate(qkv, span.cache.len());
            span.cache.write(number, qkv);
            let out = &mut work.attended[first * query_width..end * query_width];
            attention::attend(&self.config, number, span.cache, qkv, out, &mut work.attention);
            first = end;
        }
        linear(&work.attended, &layer.o, rows, &mut work.x, Write::Add, &mut work.left);
    }

    /// Norms every head's queries and keys (Henry et al. 2020, "Query-key normalization for transformers", with a root
    /// mean square as Qwen3 has it).
    fn norm_heads(&self, qkv: &mut [f32], [of_queries, of_keys]: &[Vec<f32>; 2]) {
        let (dim, heads, kv_heads) = (self.config.head_dim, self.config.heads, self.config.kv_heads);
        let mut head_before = vec![0.0; dim];
        for row in qkv.chunks_exact_mut((heads + 2 * kv_heads) * dim) {
            for (number, head) in row.chunks_exact_mut(dim).take(heads + kv_heads).enumerate() {
                head_before.copy_from_slice(head);
                let gain = if number < heads { of_queries } else { of_keys };
                rms_norm(&head_before, gain, self.config.rms_eps, head);
            }
        }
    }

    fn rotate(&self, qkv: &mut [f32], first: usize) {
        let dim = self.config.head_dim;
        let width = (self.config.heads + 2 * self.config.kv_heads) * dim;
        let turned = (self.config.heads + self.config.kv_heads) * dim;
        for (i, row) in qkv.chunks_exact_mut(width).enumerate() {
            for head in row[..turned].chunks_exact_mut(dim) {
                self.rotary.turn(head, first + i, 1.0);
            }
        }
    }

    fn feed_forward(&self, layer: &Layer, rows: usize, work: &mut Workspace) {
        let ffn = self.config.intermediate_size;
        self.norm(&work.x, &layer.ffn_norm, &mut work.normed);
        linear(&work.normed, &layer.gate_up, rows, &mut work.gate_up, Write::Set, &mut work.left);
        let product = sized(&mut work.product, rows * ffn);
        for (product, gate_up) in product.chunks_exact_mut(ffn).zip(work.gate_up.chunks_exact(2 * ffn)) {
            let (gate, up) = gate_up.split_at(ffn);
            f32::silu_times(gate, up, product);
        }
        linear(&work.product, &layer.down, rows, &mut work.x, Write::Add, &mut work.left);
    }

    fn norm(&self, x: &[f32], gain: &[f32], into: &mut Vec<f32>) {
        let hidden = self.config.hidden_size;
        let into = sized(into, x.len());
        for (x, into) in x.chunks_exact(hidden).zip(into.chunks_exact_mut(hidden)) {
            rms_norm(x, gain, self.config.rms_eps, into);
        }
    }

    fn outputs(&self, spans: &[Span<'_>], logits: bool, work: &mut Workspace) {
        let hidden = self.config.hidden_size;
        work.normed.clear();
        let mut first = 0;
        for span in spans {
            let end = first + span.tokens.len();
            let from = first + span.outputs_from.min(span.tokens.len());
            work.normed.extend_from_slice(&work.x[from * hidden..end * hidden]);
            first = end;
        }
        let asked = std::mem::take(&mut work.normed);
        self.norm(&asked, &self.final_norm, &mut work.hidden);
        work.normed = asked;
        work.logits.clear();
        if logits {
            let rows = work.hidden.len() / hidden;
            linear(&work.hidden, &self.head, rows, &mut work.logits, Write::Set, &mut work.left);
        }
    }
}

fn linear(x: &[f32], map: &Packed<f32>, rows: usize, y: &mut Vec<f32>, write: Write, left: &mut Vec<f32>) {
    let (inputs, outputs) = (map.inner(), map.columns());
    let y = sized(y, rows * outputs);
    multiply_packed(View::rows(x, rows, inputs, inputs), map, y, outputs, write, left);
}
