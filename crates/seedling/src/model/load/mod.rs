//! Models that are run but not trained: read from a GGUF file or from a folder, tensor by tensor, and kept in the
//! width of their file.
//!
//! Every tensor of a file must be one that the model has; what is left over would have changed what it computes.

mod names;
mod rows;
mod source;

use std::{collections::BTreeSet, path::Path};

use crate::{
    Gguf, ModelConfig, SeedlingError,
    config::{Arrangement, Layout, NormKind},
    quant::{Format, Quantised},
    weights::shown,
};

use super::{
    Layer,
    functions::Norm,
    linear::{Head, Linear, Matrix, Table},
};

use names::Names;
use source::{Described, Folder, Source};

/// A model of fewer numbers than this, none of them quantised, becomes f32: that is the fastest way for one that fits
/// into a cache, and the very bits that the same model has when it comes from training.
const SMALL: usize = 1 << 24;

const OTHER: &str = "the file must be whole, and of one model";

/// What a model consists of.
pub(super) struct Parts {
    pub(super) config: ModelConfig,
    pub(super) embedding: Table,
    pub(super) positions: Vec<f32>,
    pub(super) layers: Vec<Layer>,
    pub(super) final_norm: Norm,
    pub(super) head: Head,
}

/// Reads a model from a GGUF file, or from the `config.json` and the safetensors of a folder.
pub(super) fn open(path: &Path) -> Result<Parts, SeedlingError> {
    if path.is_dir() {
        let config = ModelConfig::read(path)?;
        let source = Source::Folder(Folder::open(path, config.design.layout)?);
        let names = Names::folder(config.design.layout);
        return Loader::new(config, source, names, false).parts();
    }
    let file = Gguf::open(path)?;
    let config = ModelConfig::from_gguf(&file)?;
    let names = Names::gguf(config.design.layout);
    // llama.cpp rotates neighbours in Llamas: its converter interleaves the halves.
    let neighbours = matches!(file.metadata().text("general.architecture")?, Some("llama" | "mistral"));
    Loader::new(config, Source::Gguf(file), names, neighbours).parts()
}

struct Loader {
    config: ModelConfig,
    source: Source,
    names: Names,
    /// Whether queries and keys come as neighbours.
    neighbours: bool,
    /// Whether matrices become f32.
    small: bool,
    /// Tensors that nothing has asked for.
    left: BTreeSet<String>,
}

/// A matrix as it is in the file, its rows in the model's order.
struct Raw {
    format: Format,
    rows: usize,
    columns: usize,
    bytes: Vec<u8>,
}

impl Loader {
    fn new(config: ModelConfig, source: Source, names: Names, neighbours: bool) -> Self {
        let left: BTreeSet<String> = source.names();
        let plain = |name: &String| {
            let format = source.describe(name).and_then(|found| found.format);
            matches!(format, Some(Format::F32 | Format::F16 | Format::Bf16))
        };
        let small = config.parameters() < SMALL && left.iter().all(plain);
        Self { config, source, names, neighbours, small, left }
    }

    fn parts(mut self) -> Result<Parts, SeedlingError> {
        let (hidden, names) = (self.config.hidden_size, self.names);
        let table = self.matrix(&weight(names.embedding), self.config.vocab_size, hidden, None)?;
        let head_bias = self.optional(&bias(names.head), self.config.vocab_size)?;
        let (embedding, head) = self.tables(&table, head_bias)?;
        let positions = match self.config.design.learned_positions {
            true => self.positions()?,
            false => Vec::new(),
        };
        let layers = (0..self.config.layers).map(|number| self.layer(number)).collect::<Result<_, _>>()?;
        let final_norm = self.norm("", names.final_norm, hidden)?;
        self.finish()?;
        Ok(Parts { config: self.config, embedding, positions, layers, final_norm, head })
    }

    fn layer(&mut self, number: usize) -> Result<Layer, SeedlingError> {
        let (names, hidden, inner) = (self.names, self.config.hidden_size, self.config.intermediate_size);
        let dim = self.config.head_dim;
        let at = names.layer(number);
        let post = self.config.design.arrangement == Arrangement::PostNormed;
        let mut head_norms = [Vec::new(), Vec::new()];
        if self.config.qk_norm {
            for (norm, name) in head_norms.iter_mut().zip([names.q_norm, names.k_norm]) {
                *norm = self.norm(&at, name, dim)?.gain;
            }
        }
        let qkv = self.qkv(&at)?;
        let width = self.config.heads * dim;
        let gated = self.config.design.activation.is_gated();
        let outputs = if gated && names.gate.is_empty() { 2 * inner } else { inner };
        let gate = (!names.gate.is_empty()).then_some((names.gate, inner));
        let has_ffn_norm = self.config.design.arrangement != Arrangement::ParallelOneNorm;
        Ok(Layer {
            attention_norm: self.norm(&at, names.attention_norm, hidden)?,
            qkv,
            head_norms,
            o: self.linear(&at, &[(names.o, hidden)], width)?,
            post_attention_norm: self.norm_if(post, &at, names.post_attention_norm, hidden)?,
            ffn_norm: self.norm_if(has_ffn_norm, &at, names.ffn_norm, hidden)?,
            up: match gate {
                Some(gate) => self.linear(&at, &[gate, (names.up, outputs)], hidden)?,
                None => self.linear(&at, &[(names.up, outputs)], hidden)?,
            },
            down: self.linear(&at, &[(names.down, hidden)], inner)?,
            post_ffn_norm: self.norm_if(post, &at, names.post_ffn_norm, hidden)?,
            window: self
                .config
                .design
                .window
                .as_ref()
                .filter(|window| window.local[number])
                .map(|window| window.size),
        })
    }

    /// The embedding, and the head: one of its own, or the embedding again.
    fn tables(&mut self, table: &Raw, head_bias: Vec<f32>) -> Result<(Table, Head), SeedlingError> {
        let (names, config) = (self.names, self.config.clone());
        let own = weight(names.head);
        if config.tied && self.left.contains(&own) {
            let again = self.matrix(&own, config.vocab_size, config.hidden_size, None)?;
            if again.bytes != table.bytes {
                return Err(self.error(
                    format!("{own} is not the embedding, though the model says that it is"),
                    "set tie_word_embeddings to false in config.json if the model has a head of its own",
                ));
            }
        }
        let head = match config.tied {
            true => None,
            false => Some(self.matrix(&own, config.vocab_size, config.hidden_size, None)?),
        };
        if self.small {
            let numbers = self.numbers(table)?;
            let matrix = match head {
                Some(head) => self.build(vec![head])?,
                None => Matrix::packed(&numbers, config.hidden_size),
            };
            return Ok((Table::Numbers(numbers), Head::Own(Linear { matrix, bias: head_bias })));
        }
        let head = match head {
            Some(head) => Head::Own(Linear { matrix: self.build(vec![head])?, bias: head_bias }),
            None => Head::Embeddings,
        };
        Ok((Table::Kept(self.kept(table)?), head))
    }

    /// Learned positions, as far as texts go.
    fn positions(&mut self) -> Result<Vec<f32>, SeedlingError> {
        let (rows, hidden) = (self.config.max_positions, self.config.hidden_size);
        let raw = self.matrix(&weight(self.names.positions), rows, hidden, None)?;
        let mut numbers = self.numbers(&raw)?;
        numbers.truncate(rows.min(super::MAX_CONTEXT) * hidden);
        Ok(numbers)
    }

    /// Queries, keys and values, head by head, rotated dimensions as halves.
    fn qkv(&mut self, at: &str) -> Result<Linear, SeedlingError> {
        let (names, hidden, dim) = (self.names, self.config.hidden_size, self.config.head_dim);
        let kinds = [self.config.heads, self.config.kv_heads, self.config.kv_heads];
        if !names.qkv.is_empty() {
            let outputs = kinds.iter().sum::<usize>() * dim;
            let name = format!("{at}{}", names.qkv);
            self.check_rows(&weight(&name), outputs)?;
            let order = match self.source {
                Source::Folder(_) => rows::from_fused(&self.config),
                Source::Gguf(_) => None,
            };
            let raw = self.matrix(&weight(&name), outputs, hidden, order.as_deref())?;
            let bias = self.ordered_bias(&name, outputs, order.as_deref())?;
            return Ok(Linear { matrix: self.build(vec![raw])?, bias });
        }
        let (mut raws, mut biases) = (Vec::new(), Vec::new());
        for (number, (name, heads)) in names.apart.into_iter().zip(kinds).enumerate() {
            let name = format!("{at}{name}");
            self.check_rows(&weight(&name), heads * dim)?;
            let order = (self.neighbours && number < 2).then(|| rows::from_neighbours(heads, dim));
            raws.push(self.matrix(&weight(&name), heads * dim, hidden, order.as_deref())?);
            biases.push(self.ordered_bias(&name, heads * dim, order.as_deref())?);
        }
        let bias = self.joined(at, &biases)?;
        if self.config.attention_bias && bias.is_empty() {
            return Err(self.error(format!("the biases of {at}{} are missing", names.apart[0]), OTHER));
        }
        Ok(Linear { matrix: self.build(raws)?, bias })
    }

    /// Maps one above the other, with their biases if there are any.
    fn linear(&mut self, at: &str, parts: &[(&str, usize)], inputs: usize) -> Result<Linear, SeedlingError> {
        let (mut raws, mut biases) = (Vec::new(), Vec::new());
        for (name, outputs) in parts {
            let name = format!("{at}{name}");
            raws.push(self.matrix(&weight(&name), *outputs, inputs, None)?);
            biases.push(self.optional(&bias(&name), *outputs)?);
        }
        let bias = self.joined(at, &biases)?;
        Ok(Linear { matrix: self.build(raws)?, bias })
    }

    /// Biases of stacked maps: of all of them, or of none.
    fn joined(&self, at: &str, biases: &[Vec<f32>]) -> Result<Vec<f32>, SeedlingError> {
        if biases.iter().any(Vec::is_empty) && !biases.iter().all(Vec::is_empty) {
            return Err(self.error(format!("only some maps of {at} have a bias"), OTHER));
        }
        Ok(biases.concat())
    }

    fn ordered_bias(
        &mut self,
        name: &str,
        outputs: usize,
        order: Option<&[usize]>,
    ) -> Result<Vec<f32>, SeedlingError> {
        let bias = self.optional(&bias(name), outputs)?;
        Ok(match order {
            Some(order) if !bias.is_empty() => order.iter().map(|row| bias[*row]).collect(),
            _ => bias,
        })
    }

    fn norm_if(
        &mut self,
        there: bool,
        at: &str,
        name: &str,
        width: usize,
    ) -> Result<Option<Norm>, SeedlingError> {
        there.then(|| self.norm(at, name, width)).transpose()
    }

    fn norm(&mut self, at: &str, name: &str, width: usize) -> Result<Norm, SeedlingError> {
        let name = format!("{at}{name}");
        let mut gain = self.vector(&weight(&name), width)?;
        // Gemma's norms multiply by what is stored and 1; llama.cpp's converter adds the 1.
        if self.config.design.layout == Layout::Gemma3 && matches!(self.source, Source::Folder(_)) {
            gain.iter_mut().for_each(|gain| *gain += 1.0);
        }
        let bias = match self.config.design.norm {
            NormKind::Layer => self.vector(&bias(&name), width)?,
            NormKind::RootMeanSquare => Vec::new(),
        };
        Ok(Norm { gain, bias })
    }

    fn optional(&mut self, name: &str, width: usize) -> Result<Vec<f32>, SeedlingError> {
        if self.left.contains(name) { self.vector(name, width) } else { Ok(Vec::new()) }
    }

    fn vector(&mut self, name: &str, width: usize) -> Result<Vec<f32>, SeedlingError> {
        let format = self.take(name, &[width])?;
        let bytes = self.source.read(name)?;
        self.numbers(&Raw { format, rows: 1, columns: width, bytes }).map_err(|error| match error {
            SeedlingError::File { path, what, hint } => {
                SeedlingError::file(path, format!("{name}: {what}"), hint)
            }
            other => other,
        })
    }

    fn matrix(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
        order: Option<&[usize]>,
    ) -> Result<Raw, SeedlingError> {
        // GPT-2's own files hold its layers' matrices by inputs.
        let turned = self.config.design.layout == Layout::Gpt2
            && matches!(self.source, Source::Folder(_))
            && name.starts_with(self.names.layers);
        let shape = if turned { [columns, rows] } else { [rows, columns] };
        let format = self.take(name, &shape)?;
        let mut bytes = self.source.read(name)?;
        if turned {
            bytes = rows::transposed(&bytes, columns, format.block_bytes());
        }
        if let Some(order) = order {
            bytes = rows::reorder(&bytes, order);
        }
        Ok(Raw { format, rows, columns, bytes })
    }

    /// Checks that a file has as many rows as its metadata says, before memory is taken for their order. GPT-2's files,
    /// which are in order, have columns instead.
    fn check_rows(&self, name: &str, rows: usize) -> Result<(), SeedlingError> {
        match self.source.describe(name) {
            Some(found) if !found.shape.contains(&rows) => {
                let what = format!(
                    "the tensor {name} is of shape {:?}, but the model says {rows} rows",
                    found.shape
                );
                Err(self.error(what, OTHER))
            }
            _ => Ok(()),
        }
    }

    /// Notes that a tensor is asked for, and checks its shape.
    fn take(&mut self, name: &str, expected: &[usize]) -> Result<Format, SeedlingError> {
        let Some(Described { shape, format, stored_as }) = self.source.describe(name) else {
            return Err(self.error(format!("the tensor {name} is missing"), OTHER));
        };
        self.left.remove(name);
        if shape != expected {
            let what = format!("the tensor {name} is of shape {shape:?}, but the model says {expected:?}");
            return Err(self.error(what, OTHER));
        }
        format.ok_or_else(|| {
            let known = Format::ALL.map(Format::name).join(", ");
            self.error(format!("the tensor {name} is stored as {stored_as}"), &format!("{known} are read"))
        })
    }

    /// Stacks what was read.
    fn build(&self, parts: Vec<Raw>) -> Result<Matrix, SeedlingError> {
        if self.small {
            let columns = parts[0].columns;
            let numbers = parts.iter().map(|raw| self.numbers(raw)).collect::<Result<Vec<_>, _>>()?.concat();
            return Ok(Matrix::packed(&numbers, columns));
        }
        let kept = parts.into_iter().map(|raw| self.kept(&raw)).collect::<Result<Vec<_>, _>>()?;
        Quantised::stack(kept).map(Matrix::Kept).map_err(|error| self.named(error))
    }

    fn kept(&self, raw: &Raw) -> Result<Quantised, SeedlingError> {
        Quantised::new(raw.format, raw.rows, raw.columns, &raw.bytes).map_err(|error| self.named(error))
    }

    fn numbers(&self, raw: &Raw) -> Result<Vec<f32>, SeedlingError> {
        let mut numbers = vec![0.0; raw.rows * raw.columns];
        raw.format.decode(&raw.bytes, &mut numbers).map_err(|error| self.named(error))?;
        match numbers.iter().find(|number| !number.is_finite()) {
            Some(number) => Err(self.error(
                format!("a number of a tensor is {number}"),
                "weights must be finite; download the file again, or train again",
            )),
            None => Ok(numbers),
        }
    }

    /// An error about numbers becomes one about the file.
    fn named(&self, error: SeedlingError) -> SeedlingError {
        match error {
            SeedlingError::Request { what, hint } => SeedlingError::file(self.source.origin(), what, hint),
            other => other,
        }
    }

    fn error(&self, what: impl Into<String>, hint: &str) -> SeedlingError {
        SeedlingError::file(self.source.origin(), what, hint)
    }

    fn finish(&self) -> Result<(), SeedlingError> {
        let ignored = |name: &String| self.names.ignored.iter().any(|end| name.ends_with(end));
        match self.left.iter().find(|name| !ignored(name)) {
            Some(name) => {
                let what = format!("the tensor {} is not one that the model's shape asks for", shown(name));
                Err(self.error(
                    what,
                    "a model whose numbers are not all understood would answer wrongly: use another",
                ))
            }
            None => Ok(()),
        }
    }
}

fn weight(name: &str) -> String {
    format!("{name}.weight")
}

fn bias(name: &str) -> String {
    format!("{name}.bias")
}
