//! Where each tensor lies in one long list of numbers: parameters, gradients and the optimiser's moments share it.
//!
//! Matrices that read the same input lie side by side (q, k, v; gate, up), so that one product serves them.

use std::ops::Range;

use crate::{ModelConfig, SeedlingError, Weights};

use super::muon::Matrix;

/// The ranges of one layer's tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRanges {
    /// Gain of the norm before attention.
    pub attention_norm: Range<usize>,
    /// q, k and v, one below the other.
    pub qkv: Range<usize>,
    /// Output of attention.
    pub o: Range<usize>,
    /// Gain of the norm before the feed-forward part.
    pub ffn_norm: Range<usize>,
    /// Gate and up, one below the other.
    pub gate_up: Range<usize>,
    /// Down.
    pub down: Range<usize>,
}

/// The ranges of all tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Embedding, `vocab_size` x `hidden_size`; also the output's matrix.
    pub embedding: Range<usize>,
    /// The layers.
    pub layers: Vec<LayerRanges>,
    /// Gain of the last norm.
    pub final_norm: Range<usize>,
    /// The number of parameters.
    pub len: usize,
}

impl Layout {
    /// The layout of a model's parameters.
    ///
    /// # Errors
    /// A shape that training does not support: an output matrix of its own, biases, or normed heads.
    pub fn new(config: &ModelConfig) -> Result<Self, SeedlingError> {
        if !config.tied || config.attention_bias || config.qk_norm {
            let what =
                "only models with tied embeddings, without biases and without normed heads can be trained";
            return Err(SeedlingError::setting("model", what, "train from another model, or from scratch"));
        }
        let mut len = 0;
        let mut take = |count: usize| {
            len += count;
            len - count..len
        };
        let (hidden, ffn) = (config.hidden_size, config.intermediate_size);
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let embedding = take(config.vocab_size * hidden);
        let layers = (0..config.layers)
            .map(|_| LayerRanges {
                attention_norm: take(hidden),
                qkv: take((q + 2 * kv) * hidden),
                o: take(hidden * q),
                ffn_norm: take(hidden),
                gate_up: take(2 * ffn * hidden),
                down: take(hidden * ffn),
            })
            .collect();
        let final_norm = take(hidden);
        Ok(Self { embedding, layers, final_norm, len })
    }

    /// The layers' matrices, in the order in which they lie.
    pub fn matrices(&self, config: &ModelConfig) -> Vec<Matrix> {
        let hidden = config.hidden_size;
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let mut matrices = Vec::new();
        let mut cut = |range: &Range<usize>, heights: &[usize], columns: usize| {
            let mut start = range.start;
            for rows in heights {
                let range = start..start + rows * columns;
                start = range.end;
                matrices.push(Matrix { range, rows: *rows, columns });
            }
        };
        for layer in &self.layers {
            cut(&layer.qkv, &[q, kv, kv], hidden);
            cut(&layer.o, &[hidden], q);
            cut(&layer.gate_up, &[config.intermediate_size; 2], hidden);
            cut(&layer.down, &[hidden], config.intermediate_size);
        }
        matrices
    }

    /// What lies between and around the matrices.
    pub fn others(&self, matrices: &[Matrix]) -> Vec<Range<usize>> {
        let starts = matrices.iter().map(|matrix| matrix.range.start).chain([self.len]);
        let ends = [0].into_iter().chain(matrices.iter().map(|matrix| matrix.range.end));
        ends.zip(starts).map(|(end, start)| end..start).filter(|range| !range.is_empty()).collect()
    }

    /// Whether weight decay applies to the parameter at `position`: to matrices, not to gains.
    pub fn decayed(&self) -> Vec<Range<usize>> {
        let mut ranges = vec![self.embedding.clone()];
        for layer in &self.layers {
            ranges.extend([&layer.qkv, &layer.o, &layer.gate_up, &layer.down].map(Clone::clone));
        }
        ranges
    }

    /// The weights as one list.
    pub fn flatten(&self, weights: &Weights) -> Vec<f32> {
        let mut flat = Vec::with_capacity(self.len);
        flat.extend(&weights.embedding);
        for layer in &weights.layers {
            for tensor in [
                &layer.attention_norm,
                &layer.q,
                &layer.k,
                &layer.v,
                &layer.o,
                &layer.ffn_norm,
                &layer.gate,
                &layer.up,
                &layer.down,
            ] {
                flat.extend(tensor);
            }
        }
        flat.extend(&weights.final_norm);
        debug_assert_eq!(flat.len(), self.len);
        flat
    }

    /// Writes a list back into weights of the same shape.
    pub fn unflatten(&self, flat: &[f32], weights: &mut Weights) {
        let mut rest = flat;
        let mut fill = |tensor: &mut Vec<f32>| {
            let (head, tail) = rest.split_at(tensor.len());
            tensor.copy_from_slice(head);
            rest = tail;
        };
        fill(&mut weights.embedding);
        for layer in &mut weights.layers {
            for tensor in [
                &mut layer.attention_norm,
                &mut layer.q,
                &mut layer.k,
                &mut layer.v,
                &mut layer.o,
                &mut layer.ffn_norm,
                &mut layer.gate,
                &mut layer.up,
                &mut layer.down,
            ] {
                fill(tensor);
            }
        }
        fill(&mut weights.final_norm);
    }
}
