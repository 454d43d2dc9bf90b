//! A model ready for inference: packed weights, and one pass over the new tokens of many sequences.
//!
//! **Batch-invariant**: what a pass computes for a token depends on that token's own sequence alone, to the last bit;
//! neither on the other sequences, nor on how a sequence is cut into passes. Products sum in a fixed order (see
//! [`crate::kernel`]), attention goes page by page (see `attention.rs`).

mod attention;
mod functions;
mod linear;
mod load;
mod pages;

use std::path::Path;

use crate::{
    ModelConfig, RopeScaling, SeedlingError, Weights,
    config::Arrangement,
    kernel::{Threads, Write, add, rms_norm},
    rope::Rotary,
};

use attention::Sight;
use functions::{Norm, activate, cap};
use linear::{Head, Linear, Matrix, Memory, Table};

pub use pages::{Cache, PAGE, Page, PageShape};

/// Longest context that positions are prepared for, unless a model's own is shorter.
pub const MAX_CONTEXT: usize = 8192;

#[derive(Debug)]
struct Layer {
    attention_norm: Norm,
    /// Queries head by head, then keys, then values.
    qkv: Linear,
    /// Of queries and of keys; empty if heads aren't normed.
    head_norms: [Vec<f32>; 2],
    o: Linear,
    /// Of what attention adds.
    post_attention_norm: Option<Norm>,
    /// `None` where the feed-forward layer reads what attention reads.
    ffn_norm: Option<Norm>,
    /// The gate, if the model has one, and then what goes up.
    up: Linear,
    down: Linear,
    /// Of what the feed-forward layer adds.
    post_ffn_norm: Option<Norm>,
    /// How many tokens a token sees, itself included; `None` for all.
    window: Option<usize>,
}

/// A model, read-only; threads share it.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    embedding: Table,
    /// Vectors that are added to embeddings, position by position; or empty.
    positions: Vec<f32>,
    layers: Vec<Layer>,
    final_norm: Norm,
    head: Head,
    rotary: Rotary<f32>,
    /// That of layers that see the latest tokens alone, if it differs.
    local_rotary: Option<Rotary<f32>>,
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
    /// What the feed-forward layer reads, where attention reads something else at the same time.
    beside: Vec<f32>,
    qkv: Vec<f32>,
    attended: Vec<f32>,
    inner: Vec<f32>,
    product: Vec<f32>,
    /// What a part of a layer adds, before it is normed and after.
    added: [Vec<f32>; 2],
    memory: Memory,
    /// One for every span: spans' attention is shared among the threads.
    attention: Vec<attention::Scratch>,
    /// Hidden states after the last norm, a row for every output that was asked for.
    pub hidden: Vec<f32>,
    /// Logits of the same rows.
    pub logits: Vec<f32>,
}

impl Workspace {
    /// For passes that these threads share.
    pub fn with_threads(threads: Threads) -> Self {
        Self { memory: Memory::new(threads), ..Self::default() }
    }
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
        let norm = |gain: &[f32]| Norm { gain: gain.to_vec(), bias: Vec::new() };
        let map =
            |parts: &[&[f32]], inputs, bias| Linear { matrix: Matrix::packed(&parts.concat(), inputs), bias };
        let layers = weights.layers.iter().map(|layer| Layer {
            attention_norm: norm(&layer.attention_norm),
            qkv: map(
                &[&layer.q, &layer.k, &layer.v],
                hidden,
                [&layer.q_bias[..], &layer.k_bias, &layer.v_bias].concat(),
            ),
            head_norms: [layer.q_norm.clone(), layer.k_norm.clone()],
            o: map(&[&layer.o], config.heads * config.head_dim, Vec::new()),
            post_attention_norm: None,
            ffn_norm: Some(norm(&layer.ffn_norm)),
            up: map(&[&layer.gate, &layer.up], hidden, Vec::new()),
            down: map(&[&layer.down], config.intermediate_size, Vec::new()),
            post_ffn_norm: None,
            window: None,
        });
        let head = weights.head.as_ref().unwrap_or(&weights.embedding);
        Self::assemble(load::Parts {
            embedding: Table::Numbers(weights.embedding.clone()),
            positions: Vec::new(),
            layers: layers.collect(),
            final_norm: norm(&weights.final_norm),
            head: Head::Own(map(&[head], hidden, Vec::new())),
            config,
        })
    }

    /// Reads a model from a GGUF file, or from a folder with `config.json` and safetensors. Weights stay in memory as
    /// the file has them, quantised ones too; small models in floating point become f32.
    ///
    /// # Errors
    /// If the path holds no model, one of a family, size or kind of numbers that isn't supported, damaged or
    /// contradictory files, numbers that aren't finite; or if memory is short.
    pub fn open(path: &Path) -> Result<Self, SeedlingError> {
        load::open(path).map(Self::assemble)
    }

    fn assemble(parts: load::Parts) -> Self {
        let load::Parts { config, embedding, positions, layers, final_norm, head } = parts;
        let context = config.max_positions.min(MAX_CONTEXT);
        let dim = config.rotary_dim();
        let local = config.design.window.as_ref().and_then(|window| window.theta);
        // A model with vectors for its positions rotates nothing.
        let rotated = if config.design.learned_positions { 0 } else { context };
        Self {
            embedding,
            positions,
            layers,
            final_norm,
            head,
            rotary: Rotary::table(config.rope_theta, dim, &config.rope_scaling, rotated),
            local_rotary: local.map(|theta| Rotary::table(theta, dim, &RopeScaling::None, context)),
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

    /// Bytes of the matrices that are kept in the width of their file: those whose products threads can share.
    pub fn kept_bytes(&self) -> usize {
        let maps = self.layers.iter().flat_map(|layer| [&layer.qkv, &layer.o, &layer.up, &layer.down]);
        maps.map(|map| map.matrix.kept_bytes()).sum::<usize>() + self.head.kept_bytes(&self.embedding)
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
        let rows: usize = spans.iter().map(|span| span.tokens.len()).sum();
        self.embed(spans, rows, work);
        for span in spans.iter_mut() {
            span.cache.reserve(span.tokens.len());
        }
        for (number, layer) in self.layers.iter().enumerate() {
            self.layer(number, layer, spans, rows, work);
        }
        self.outputs(spans, logits, work);
        for span in spans.iter_mut() {
            span.cache.grow(span.tokens.len());
        }
    }

    fn embed(&self, spans: &[Span<'_>], rows: usize, work: &mut Workspace) {
        let hidden = self.config.hidden_size;
        let places = spans.iter().flat_map(|span| (span.cache.len()..).zip(span.tokens));
        for (x, (position, token)) in sized(&mut work.x, rows * hidden).chunks_exact_mut(hidden).zip(places) {
            self.embedding.read(*token as usize, x);
            if let Some(scale) = self.config.design.embedding_scale {
                x.iter_mut().for_each(|x| *x *= scale as f32);
            }
            if !self.positions.is_empty() {
                add(x, &self.positions[position * hidden..][..hidden]);
            }
        }
    }

    fn layer(&self, number: usize, layer: &Layer, spans: &mut [Span<'_>], rows: usize, work: &mut Workspace) {
        self.norm(&layer.attention_norm, &work.x, &mut work.normed);
        match (&layer.ffn_norm, self.config.design.arrangement) {
            (Some(norm), Arrangement::Parallel) => {
                self.norm(norm, &work.x, &mut work.beside);
                self.attend(number, layer, spans, rows, work);
                std::mem::swap(&mut work.normed, &mut work.beside);
            }
            (Some(norm), _) => {
                self.attend(number, layer, spans, rows, work);
                self.norm(norm, &work.x, &mut work.normed);
            }
            (None, _) => self.attend(number, layer, spans, rows, work),
        }
        self.feed_forward(layer, rows, work);
    }

    /// Adds attention over `normed` to `x`.
    fn attend(
        &self,
        number: usize,
        layer: &Layer,
        spans: &mut [Span<'_>],
        rows: usize,
        work: &mut Workspace,
    ) {
        let width = layer.qkv.matrix.outputs();
        let query_width = self.config.heads * self.config.head_dim;
        layer.qkv.apply(&work.normed, rows, &mut work.qkv, Write::Set, &mut work.memory);
        if self.config.qk_norm {
            self.norm_heads(&mut work.qkv, &layer.head_norms);
        }
        sized(&mut work.attended, rows * query_width);
        let sight = Sight::new(&self.config, layer.window);
        work.attention.resize_with(spans.len().max(work.attention.len()), Default::default);
        let mut rest = (&mut work.qkv[..], &mut work.attended[..]);
        let mut tasks = Vec::with_capacity(spans.len());
        for (span, scratch) in spans.iter_mut().zip(&mut work.attention) {
            let (qkv, more_qkv) = rest.0.split_at_mut(span.tokens.len() * width);
            let (out, more_out) = rest.1.split_at_mut(span.tokens.len() * query_width);
            tasks.push((span, scratch, qkv, out));
            rest = (more_qkv, more_out);
        }
        work.memory.threads().share(tasks, |(span, scratch, qkv, out)| {
            self.rotate(qkv, span.cache.len(), layer.window.is_some());
            span.cache.write(number, qkv);
            attention::attend(&self.config, number, sight, span.cache, qkv, out, scratch);
        });
        let post = layer.post_attention_norm.as_ref();
        self.add(&layer.o, post, rows, (&work.attended, &mut work.x), &mut work.added, &mut work.memory);
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

    fn rotate(&self, qkv: &mut [f32], first: usize, local: bool) {
        if self.config.design.learned_positions {
            return;
        }
        let rotary = self.local_rotary.as_ref().filter(|_| local).unwrap_or(&self.rotary);
        let (dim, rotated) = (self.config.head_dim, self.config.rotary_dim());
        let width = (self.config.heads + 2 * self.config.kv_heads) * dim;
        let turned = (self.config.heads + self.config.kv_heads) * dim;
        for (i, row) in qkv.chunks_exact_mut(width).enumerate() {
            for head in row[..turned].chunks_exact_mut(dim) {
                rotary.turn(&mut head[..rotated], first + i, 1.0);
            }
        }
    }

    /// Adds the feed-forward layer of `normed` to `x`.
    fn feed_forward(&self, layer: &Layer, rows: usize, work: &mut Workspace) {
        let (ffn, width) = (self.config.intermediate_size, layer.up.matrix.outputs());
        layer.up.apply(&work.normed, rows, &mut work.inner, Write::Set, &mut work.memory);
        let product = sized(&mut work.product, rows * ffn);
        for (product, inner) in product.chunks_exact_mut(ffn).zip(work.inner.chunks_exact(width)) {
            activate(self.config.design.activation, inner, product);
        }
        let post = layer.post_ffn_norm.as_ref();
        self.add(&layer.down, post, rows, (&work.product, &mut work.x), &mut work.added, &mut work.memory);
    }

    /// Adds a map of rows to other rows, normed before if there is a norm.
    fn add(
        &self,
        map: &Linear,
        post: Option<&Norm>,
        rows: usize,
        (from, to): (&[f32], &mut Vec<f32>),
        [before, after]: &mut [Vec<f32>; 2],
        memory: &mut Memory,
    ) {
        let Some(norm) = post else {
            return map.apply(from, rows, to, Write::Add, memory);
        };
        map.apply(from, rows, before, Write::Set, memory);
        self.norm(norm, before, after);
        add(to, after);
    }

    fn norm(&self, norm: &Norm, x: &[f32], into: &mut Vec<f32>) {
        norm.apply(self.config.design.norm, self.config.rms_eps, x, into);
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
        self.norm(&self.final_norm, &work.normed, &mut work.hidden);
        work.logits.clear();
        if logits {
            let rows = work.hidden.len() / hidden;
            self.head.apply(&self.embedding, &work.hidden, rows, &mut work.logits, &mut work.memory);
            if let Some(most) = self.config.design.logit_cap {
                cap(&mut work.logits, most as f32);
            }
        }
    }
}
