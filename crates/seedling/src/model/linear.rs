//! Matrices as a model holds them, and the linear maps made of them.

use crate::{
    kernel::{Packed, Threads, View, Write, add, multiply_packed},
    quant::{Quantised, Scratch, multiply_quantised},
};

/// A matrix that rows are multiplied with, `[out x in]`.
#[derive(Debug)]
pub(super) enum Matrix {
    /// As f32, packed for the kernel: the fastest way for models that fit into a cache.
    Packed(Packed<f32>),
    /// In the width of its file.
    Kept(Quantised),
}

impl Matrix {
    /// Packs numbers in rows of `inputs`.
    pub(super) fn packed(numbers: &[f32], inputs: usize) -> Self {
        let view = View::rows(numbers, numbers.len() / inputs, inputs, inputs);
        Self::Packed(Packed::new(view.transposed()))
    }

    /// Its bytes, if it is kept in the width of its file.
    pub(super) fn kept_bytes(&self) -> usize {
        match self {
            Self::Packed(_) => 0,
            Self::Kept(kept) => kept.bytes(),
        }
    }

    /// The width of what comes out.
    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.columns(),
            Self::Kept(kept) => kept.rows(),
        }
    }
}

/// Memory that products reuse.
#[derive(Debug, Default)]
pub(super) struct Memory {
    packed: Vec<f32>,
    kept: Scratch,
}

impl Memory {
    /// For products that these threads share.
    pub(super) fn new(threads: Threads) -> Self {
        Self { packed: Vec::new(), kept: Scratch::new(threads) }
    }

    pub(super) fn threads(&self) -> &Threads {
        self.kept.threads()
    }
}

/// A linear map.
#[derive(Debug)]
pub(super) struct Linear {
    pub(super) matrix: Matrix,
    /// As wide as what comes out, or empty.
    pub(super) bias: Vec<f32>,
}

impl Linear {
    /// Maps rows.
    pub(super) fn apply(&self, x: &[f32], rows: usize, y: &mut Vec<f32>, write: Write, memory: &mut Memory) {
        let outputs = self.matrix.outputs();
        y.resize(rows * outputs, 0.0);
        match &self.matrix {
            Matrix::Packed(packed) => {
                let x = View::rows(x, rows, packed.inner(), packed.inner());
                multiply_packed(x, packed, y, outputs, write, &mut memory.packed);
            }
            Matrix::Kept(kept) => multiply_kept(kept, x, rows, y, write, memory),
        }
        if !self.bias.is_empty() {
            y.chunks_exact_mut(outputs).for_each(|row| add(row, &self.bias));
        }
    }
}

fn multiply_kept(kept: &Quantised, x: &[f32], rows: usize, y: &mut [f32], write: Write, memory: &mut Memory) {
    multiply_quantised(x, rows, kept, y, kept.rows(), write, &mut memory.kept);
}

/// The embeddings of all tokens.
#[derive(Debug)]
pub(super) enum Table {
    /// As f32, row by row.
    Numbers(Vec<f32>),
    /// In the width of its file.
    Kept(Quantised),
}

impl Table {
    /// Writes a row.
    pub(super) fn read(&self, row: usize, into: &mut [f32]) {
        match self {
            Self::Numbers(numbers) => into.copy_from_slice(&numbers[row * into.len()..][..into.len()]),
            Self::Kept(kept) => kept.decode_row(row, into),
        }
    }
}

/// What makes logits of hidden states.
#[derive(Debug)]
pub(super) enum Head {
    /// A map of its own.
    Own(Linear),
    /// The embeddings, kept in the width of their file.
    Embeddings,
}

impl Head {
    /// Its bytes, if they are kept in the width of their file.
    pub(super) fn kept_bytes(&self, table: &Table) -> usize {
        match (self, table) {
            (Self::Own(linear), _) => linear.matrix.kept_bytes(),
            (Self::Embeddings, Table::Kept(kept)) => kept.bytes(),
            (Self::Embeddings, Table::Numbers(_)) => 0,
        }
    }

    /// Logits of rows.
    pub(super) fn apply(&self, table: &Table, x: &[f32], rows: usize, y: &mut Vec<f32>, memory: &mut Memory) {
        match (self, table) {
            (Self::Own(linear), _) => linear.apply(x, rows, y, Write::Set, memory),
            (Self::Embeddings, Table::Kept(kept)) => {
                y.resize(rows * kept.rows(), 0.0);
                multiply_kept(kept, x, rows, y, Write::Set, memory);
            }
            (Self::Embeddings, Table::Numbers(_)) => {
                unreachable!("a table of f32 comes with a head of its own")
            }
        }
    }
}
