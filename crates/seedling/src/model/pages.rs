//! What attention remembers of a sequence: keys and values, in pages of [`PAGE`] positions.
//!
//! A full page never changes again, so sequences with a common beginning share its pages.

use std::sync::Arc;

use crate::ModelConfig;

/// Positions of a page, and lanes of the arithmetic over it.
pub const PAGE: usize = 16;

/// How a page is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageShape {
    layers: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    /// `head_dim`, rounded up to whole vectors.
    padded: usize,
}

impl PageShape {
    /// The layout for a model.
    pub fn new(config: &ModelConfig) -> Self {
        Self {
            layers: config.layers,
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: config.head_dim,
            padded: config.head_dim.next_multiple_of(PAGE),
        }
    }

    /// Numbers of one layer and head: keys (dimension by dimension, the positions side by side), then values
    /// (position by position).
    pub fn block(&self) -> usize {
        PAGE * (self.head_dim + self.padded)
    }

    /// Where the block of a layer and head starts.
    pub fn start(&self, layer: usize, kv_head: usize) -> usize {
        (layer * self.kv_heads + kv_head) * self.block()
    }

    /// Bytes of a page.
    pub fn bytes(&self) -> usize {
        self.layers * self.kv_heads * self.block() * size_of::<f32>()
    }
}

/// Keys and values of [`PAGE`] positions, all layers.
#[derive(Debug, Clone)]
pub struct Page(pub(super) Vec<f32>);

/// The memory of one sequence. Cloning shares the full pages and copies the open ones.
#[derive(Debug, Clone)]
pub struct Cache {
    shape: PageShape,
    full: Vec<Arc<Page>>,
    open: Vec<Page>,
    len: usize,
}

impl Cache {
    pub(super) fn new(shape: PageShape) -> Self {
        Self { shape, full: Vec::new(), open: Vec::new(), len: 0 }
    }

    /// Positions held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The full pages.
    pub fn full(&self) -> &[Arc<Page>] {
        &self.full
    }

    /// Takes over a page that another sequence with the same beginning computed.
    ///
    /// # Panics
    /// If the cache does not end at a page's end.
    pub fn share(&mut self, page: Arc<Page>) {
        assert_eq!(self.len, self.full.len() * PAGE, "only whole pages can be shared");
        self.full.push(page);
        self.len += PAGE;
    }

    /// Makes room for `count` more positions.
    pub(super) fn reserve(&mut self, count: usize) {
        let pages = (self.len + count).div_ceil(PAGE);
        while self.full.len() + self.open.len() < pages {
            self.open.push(Page(vec![0.0; self.shape.layers * self.shape.kv_heads * self.shape.block()]));
        }
    }

    /// Notes that `count` positions were written; pages that are full now can be shared.
    pub(super) fn grow(&mut self, count: usize) {
        self.len += count;
        let done = self.len / PAGE - self.full.len();
        self.full.extend(self.open.drain(..done).map(Arc::new));
    }

    /// Writes a layer's keys and values of the rows that follow.
    pub(super) fn write(&mut self, layer: usize, qkv: &[f32]) {
        let shape = self.shape;
        let dim = shape.head_dim;
        let width = (shape.heads + 2 * shape.kv_heads) * dim;
        for (i, row) in qkv.chunks_exact(width).enumerate() {
            let position = self.len + i;
            let page = &mut self.open[position / PAGE - self.full.len()].0;
            let (keys, values) = row[shape.heads * dim..].split_at(shape.kv_heads * dim);
            for (head, (key, value)) in keys.chunks_exact(dim).zip(values.chunks_exact(dim)).enumerate() {
                let start = shape.start(layer, head);
                let (to_keys, to_values) = page[start..start + shape.block()].split_at_mut(PAGE * dim);
                for (slot, x) in to_keys[position % PAGE..].iter_mut().step_by(PAGE).zip(key) {
                    *slot = *x;
                }
                to_values[position % PAGE * shape.padded..][..dim].copy_from_slice(value);
            }
        }
    }

    /// Calls `each` with every page's numbers, in order.
    pub(super) fn pages(&self) -> impl Iterator<Item = &[f32]> {
        self.full.iter().map(|page| &page.0[..]).chain(self.open.iter().map(|page| &page.0[..]))
    }
}
