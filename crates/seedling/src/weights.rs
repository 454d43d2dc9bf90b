//! The numbers of a model: read from and written to safetensors, under the names that Hugging Face gives them.
//!
//! This is the way of models that are trained, all numbers as f32; [`crate::Model::open`] reads models that are only
//! run. Everything that holds code, such as pickled weights, is refused. Knows nothing of what is computed.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use half::{bf16, f16};
use safetensors::{
    SafeTensors,
    tensor::{TensorView, serialize},
};
use serde_json::Value;

use crate::{
    ModelConfig, SeedlingError, Stream, Tokenizer,
    config::{CONFIG_FILE, Design},
    files::{read_limited, write_whole},
};

/// The name of the file in a model's folder.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// The name of the file that says which shard holds which tensor.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// No index may be longer, in bytes.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// No model may be spread over more files.
const MAX_SHARDS: usize = 1024;

/// Standard deviation of the numbers that a new model begins with.
pub(crate) const EMBEDDING_DEVIATION: f64 = 0.04;

const AGAIN: &str = "download the file from the model's publisher again";

/// How numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 4 bytes each, exactly as they are in memory.
    F32,
    /// 2 bytes each, rounded to the nearest.
    F16,
}

/// The numbers of one layer. Matrices are row-major, `[out x in]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayerWeights {
    /// `[hidden]`.
    pub attention_norm: Vec<f32>,
    /// `[heads * head_dim x hidden]`.
    pub q: Vec<f32>,
    /// `[kv_heads * head_dim x hidden]`.
    pub k: Vec<f32>,
    /// `[kv_heads * head_dim x hidden]`.
    pub v: Vec<f32>,
    /// `[hidden x heads * head_dim]`.
    pub o: Vec<f32>,
    /// `[heads * head_dim]`, or empty.
    pub q_bias: Vec<f32>,
    /// `[kv_heads * head_dim]`, or empty.
    pub k_bias: Vec<f32>,
    /// `[kv_heads * head_dim]`, or empty.
    pub v_bias: Vec<f32>,
    /// `[head_dim]`, or empty.
    pub q_norm: Vec<f32>,
    /// `[head_dim]`, or empty.
    pub k_norm: Vec<f32>,
    /// `[hidden]`.
    pub ffn_norm: Vec<f32>,
    /// `[intermediate x hidden]`.
    pub gate: Vec<f32>,
    /// `[intermediate x hidden]`.
    pub up: Vec<f32>,
    /// `[hidden x intermediate]`.
    pub down: Vec<f32>,
}

/// A model's shape and numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// The shape.
    pub config: ModelConfig,
    /// `[vocab x hidden]`.
    pub embedding: Vec<f32>,
    /// The layers, first to last.
    pub layers: Vec<LayerWeights>,
    /// `[hidden]`.
    pub final_norm: Vec<f32>,
    /// `[vocab x hidden]`; `None` if the embedding serves.
    pub head: Option<Vec<f32>>,
}

impl Weights {
    /// Reads a folder's `config.json` and its `model.safetensors`, or the shards that `model.safetensors.index.json`
    /// lists.
    ///
    /// # Errors
    /// If a file is missing, truncated, oversized, pickled, or doesn't hold exactly the tensors of the config.
    pub fn read(folder: &Path) -> Result<Self, SeedlingError> {
        let config = trainable(ModelConfig::read(folder)?, &folder.join(CONFIG_FILE))?;
        let (files, origin) = files(folder)?;
        let mut gathered = Gathered::new(config);
        let limit = gathered.max_file_bytes();
        for file in files {
            let bytes =
                read_limited(&file, limit, "the file must be the one that its config.json describes")?;
            gathered.add(&bytes, &file)?;
        }
        gathered.finish(&origin)
    }

    /// Reads a file's bytes; `origin` is what errors name.
    ///
    /// # Errors
    /// If the bytes are not safetensors, or don't hold exactly the tensors of `config`.
    pub fn from_bytes(config: ModelConfig, safetensors: &[u8], origin: &Path) -> Result<Self, SeedlingError> {
        config.check(origin)?;
        let mut gathered = Gathered::new(trainable(config, origin)?);
        let limit = gathered.max_file_bytes();
        if safetensors.len() as u64 > limit {
            let what = format!("oversized: {} bytes, where at most {limit} are read", safetensors.len());
            return Err(SeedlingError::file(
                origin,
                what,
                "the file must be the one that its config.json describes",
            ));
        }
        gathered.add(safetensors, origin)?;
        gathered.finish(origin)
    }

    /// Random numbers to begin training with: normal, a matrix with a deviation of one by the square root of its
    /// inputs, so that a narrow model's layers contribute from the start; the projections back into the
    /// residual stream scaled down by the square root of how many there are; the embedding's deviation is 0.04. Norms
    /// are 1, biases 0.
    pub fn initial(config: ModelConfig, stream: &mut Stream) -> Self {
        let branches = (2.0 * config.layers as f64).sqrt();
        let values = tensor_shapes(&config)
            .map(|(name, shape)| {
                let size = shape.iter().product();
                if name.ends_with("norm.weight") {
                    return vec![1.0; size];
                }
                if name.ends_with(".bias") {
                    return vec![0.0; size];
                }
                let into_residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
                let deviation = match shape.get(1) {
                    _ if name.ends_with("embed_tokens.weight") => EMBEDDING_DEVIATION,
                    Some(inputs) if into_residual => 1.0 / (*inputs as f64).sqrt() / branches,
                    Some(inputs) => 1.0 / (*inputs as f64).sqrt(),
                    None => 0.0,
                };
                (0..size).map(|_| (stream.normal() * deviation) as f32).collect()
            })
            .collect();
        Self::from_values(config, values)
    }

    /// How many numbers the model has.
    pub fn parameters(&self) -> usize {
        self.slices().iter().map(|values| values.len()).sum()
    }

    /// Every tensor's name, shape and numbers, in an order that never changes: the embedding, the layers, the last
    /// norm, the head.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>, &[f32])> {
        let shapes = tensor_shapes(&self.config);
        shapes.zip(self.slices()).map(|((name, shape), values)| (name, shape, values)).collect()
    }

    /// As [`Self::tensors`], to change.
    pub fn tensors_mut(&mut self) -> Vec<(String, Vec<usize>, &mut [f32])> {
        let shapes = tensor_shapes(&self.config).collect::<Vec<_>>();
        shapes
            .into_iter()
            .zip(self.slices_mut())
            .map(|((name, shape), values)| (name, shape, values))
            .collect()
    }

    /// The bytes of a `model.safetensors`; the same numbers give the same bytes.
    ///
    /// # Errors
    /// If a number is too large for the type, or a tensor isn't of the size that the config says.
    pub fn to_safetensors(&self, dtype: Dtype) -> Result<Vec<u8>, SeedlingError> {
        let tensors = self.tensors();
        let encoded = tensors
            .iter()
            .map(|(name, _, values)| encode(name, values, dtype))
            .collect::<Result<Vec<_>, SeedlingError>>()?;
        let failed = |error: safetensors::SafeTensorError| {
            SeedlingError::request(
                format!("the weights can't be written: {error}"),
                "report this as a bug of samara",
            )
        };
        let stored = match dtype {
            Dtype::F32 => safetensors::Dtype::F32,
            Dtype::F16 => safetensors::Dtype::F16,
        };
        let views = tensors
            .iter()
            .zip(&encoded)
            .map(|((name, shape, _), bytes)| Ok((name, TensorView::new(stored, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        serialize(views, Some(format)).map_err(failed)
    }

    /// Writes `config.json` and `model.safetensors` into a folder, which is created if missing.
    ///
    /// # Errors
    /// As [`Self::to_safetensors`], or if a file can't be written.
    pub fn write(&self, folder: &Path, dtype: Dtype) -> Result<(), SeedlingError> {
        let bytes = self.to_safetensors(dtype)?;
        std::fs::create_dir_all(folder).map_err(|error| {
            SeedlingError::file(folder, format!("can't be made: {error}"), "check the folder's permissions")
        })?;
        write_whole(&folder.join(CONFIG_FILE), self.config.to_json().as_bytes())?;
        write_whole(&folder.join(WEIGHTS_FILE), &bytes)
    }

    /// Puts tensors, in the order of [`tensor_shapes`], into their places.
    fn from_values(config: ModelConfig, values: Vec<Vec<f32>>) -> Self {
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or_default();
        let embedding = next();
        let layers = (0..config.layers)
            .map(|_| {
                let mut layer = LayerWeights::default();
                for place in layer_places(&mut layer, &config) {
                    *place = next();
                }
                layer
            })
            .collect();
        let final_norm = next();
        let head = (!config.tied).then(&mut next);
        Self { config, embedding, layers, final_norm, head }
    }

    fn slices(&self) -> Vec<&[f32]> {
        let mut all = vec![self.embedding.as_slice()];
        for layer in &self.layers {
            all.extend([&layer.attention_norm, &layer.q, &layer.k, &layer.v, &layer.o].map(Vec::as_slice));
            if self.config.attention_bias {
                all.extend([&layer.q_bias, &layer.k_bias, &layer.v_bias].map(Vec::as_slice));
            }
            if self.config.qk_norm {
                all.extend([&layer.q_norm, &layer.k_norm].map(Vec::as_slice));
            }
            all.extend([&layer.ffn_norm, &layer.gate, &layer.up, &layer.down].map(Vec::as_slice));
        }
        all.push(&self.final_norm);
        all.extend(self.head.as_deref());
        all
    }

    fn slices_mut(&mut self) -> Vec<&mut [f32]> {
        let mut all = vec![self.embedding.as_mut_slice()];
        for layer in &mut self.layers {
            all.extend(layer_places(layer, &self.config).into_iter().map(Vec::as_mut_slice));
        }
        all.push(&mut self.final_norm);
        all.extend(self.head.as_deref_mut());
        all
    }
}

/// Refuses a model that departs from Llama's design: [`crate::Model::open`] is for those.
fn trainable(config: ModelConfig, origin: &Path) -> Result<ModelConfig, SeedlingError> {
    if config.design == Design::default() {
        return Ok(config);
    }
    let what = "a model of another design than Llama's, which is run but not trained";
    Err(SeedlingError::file(origin, what, "train a model of the Llama family without sliding windows"))
}

/// Checks that every token of a tokenizer is one of the model's.
///
/// # Errors
/// If the tokenizer has a token outside the model's vocabulary; the error names the tokenizer's file.
pub fn check_tokenizer(tokenizer: &Tokenizer, config: &ModelConfig) -> Result<(), SeedlingError> {
    if tokenizer.vocab_size() > config.vocab_size {
        return Err(SeedlingError::file(
            tokenizer.origin(),
            format!(
                "tokens go up to {}, but the model's vocab_size is {}",
                tokenizer.vocab_size() - 1,
                config.vocab_size
            ),
            "use tokenizer.json and config.json of the same model",
        ));
    }
    Ok(())
}

/// Names and shapes of a model's tensors, in the order of [`Weights::tensors`].
fn tensor_shapes(config: &ModelConfig) -> impl Iterator<Item = (String, Vec<usize>)> {
    let hidden = config.hidden_size;
    let table = vec![config.vocab_size, hidden];
    let head = (!config.tied).then(|| ("lm_head.weight".to_owned(), table.clone()));
    let layer = layer_shapes(config);
    std::iter::once(("model.embed_tokens.weight".to_owned(), table))
        .chain((0..config.layers).flat_map(move |number| {
            layer
                .clone()
                .into_iter()
                .map(move |(part, shape)| (format!("model.layers.{number}.{part}"), shape))
        }))
        .chain([("model.norm.weight".to_owned(), vec![hidden])])
        .chain(head)
}

/// The order of [`layer_places`].
fn layer_shapes(config: &ModelConfig) -> Vec<(&'static str, Vec<usize>)> {
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    let (queries, keys) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
    let mut shapes = vec![
        ("input_layernorm.weight", vec![hidden]),
        ("self_attn.q_proj.weight", vec![queries, hidden]),
        ("self_attn.k_proj.weight", vec![keys, hidden]),
        ("self_attn.v_proj.weight", vec![keys, hidden]),
        ("self_attn.o_proj.weight", vec![hidden, queries]),
    ];
    if config.attention_bias {
        shapes.extend([
            ("self_attn.q_proj.bias", vec![queries]),
            ("self_attn.k_proj.bias", vec![keys]),
            ("self_attn.v_proj.bias", vec![keys]),
        ]);
    }
    if config.qk_norm {
        shapes.extend([
            ("self_attn.q_norm.weight", vec![config.head_dim]),
            ("self_attn.k_norm.weight", vec![config.head_dim]),
        ]);
    }
    shapes.extend([
        ("post_attention_layernorm.weight", vec![hidden]),
        ("mlp.gate_proj.weight", vec![inner, hidden]),
        ("mlp.up_proj.weight", vec![inner, hidden]),
        ("mlp.down_proj.weight", vec![hidden, inner]),
    ]);
    shapes
}

/// The order of [`layer_shapes`].
fn layer_places<'a>(layer: &'a mut LayerWeights, config: &ModelConfig) -> Vec<&'a mut Vec<f32>> {
    let mut places = vec![&mut layer.attention_norm, &mut layer.q, &mut layer.k, &mut layer.v, &mut layer.o];
    if config.attention_bias {
        places.extend([&mut layer.q_bias, &mut layer.k_bias, &mut layer.v_bias]);
    }
    if config.qk_norm {
        places.extend([&mut layer.q_norm, &mut layer.k_norm]);
    }
    places.extend([&mut layer.ffn_norm, &mut layer.gate, &mut layer.up, &mut layer.down]);
    places
}

/// The tensors found so far, in one file or several.
struct Gathered {
    config: ModelConfig,
    /// Where each tensor goes, and its shape.
    places: HashMap<String, (usize, Vec<usize>)>,
    values: Vec<Option<Vec<f32>>>,
    /// A head that a tied model's file holds all the same.
    spare_head: Option<Vec<f32>>,
}

impl Gathered {
    fn new(config: ModelConfig) -> Self {
        let places = tensor_shapes(&config)
            .enumerate()
            .map(|(at, (name, shape))| (name, (at, shape)))
            .collect::<HashMap<_, _>>();
        let values = vec![None; places.len()];
        Self { config, places, values, spare_head: None }
    }

    /// The longest that a file with these tensors can be: 4 bytes a number, a head that wouldn't be needed, and the
    /// header.
    fn max_file_bytes(&self) -> u64 {
        let config = &self.config;
        let numbers = config.parameters() as u64
            + (config.vocab_size * config.hidden_size) as u64
            + (config.layers * (config.head_dim + config.hidden_size)) as u64;
        4 * numbers + 512 * (self.places.len() + config.layers) as u64 + (1 << 20)
    }

    fn add(&mut self, bytes: &[u8], origin: &Path) -> Result<(), SeedlingError> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| not_safetensors(bytes, &error.to_string(), origin))?;
        let mut tensors = file.iter().collect::<Vec<_>>();
        tensors.sort_by_key(|(name, _)| *name);
        for (name, tensor) in tensors {
            if name.ends_with("rotary_emb.inv_freq") {
                continue;
            }
            self.add_tensor(name, &tensor, origin)?;
        }
        Ok(())
    }

    fn add_tensor(
        &mut self,
        name: &str,
        tensor: &TensorView<'_>,
        origin: &Path,
    ) -> Result<(), SeedlingError> {
        let table = || vec![self.config.vocab_size, self.config.hidden_size];
        let (at, shape) = match self.places.get(name) {
            Some((at, shape)) => (Some(*at), shape.clone()),
            None if name == "lm_head.weight" => (None, table()),
            None if name.ends_with(".self_attn.o_proj.bias") && self.config.attention_bias => {
                return no_output_bias(name, &decode(name, tensor, origin)?, origin);
            }
            None => {
                let what = format!("the tensor {} is not one that the config asks for", shown(name));
                return Err(SeedlingError::file(
                    origin,
                    what,
                    "config.json and the weights must be of the same model",
                ));
            }
        };
        if tensor.shape() != shape {
            let what =
                format!("the tensor {name} is of shape {:?}, but the config says {shape:?}", tensor.shape());
            return Err(SeedlingError::file(
                origin,
                what,
                "config.json and the weights must be of the same model",
            ));
        }
        let values = decode(name, tensor, origin)?;
        let place = match at {
            Some(at) => &mut self.values[at],
            None => &mut self.spare_head,
        };
        if place.replace(values).is_some() {
            return Err(SeedlingError::file(origin, format!("the tensor {name} is in two files"), AGAIN));
        }
        Ok(())
    }

    fn finish(self, origin: &Path) -> Result<Weights, SeedlingError> {
        let missing = self.places.iter().filter(|(_, (at, _))| self.values[*at].is_none());
        let count = missing.clone().count();
        if let Some((name, _)) = missing.min_by_key(|(_, (at, _))| *at) {
            let hint = match name.as_str() {
                "lm_head.weight" => {
                    "if the model's head is its embedding, config.json says so: tie_word_embeddings"
                }
                _ => "config.json and the weights must be of the same model, and all its files present",
            };
            return Err(SeedlingError::file(
                origin,
                format!("{count} tensors are missing, the first of them {name}"),
                hint,
            ));
        }
        let weights = Weights::from_values(self.config, self.values.into_iter().flatten().collect());
        if self.spare_head.is_some_and(|head| head != weights.embedding) {
            return Err(SeedlingError::file(
                origin,
                "lm_head.weight is not the embedding, though config.json says tie_word_embeddings",
                "set tie_word_embeddings to false in config.json if the model has a head of its own",
            ));
        }
        Ok(weights)
    }
}

/// A bias of attention's output projection, which Llama's `attention_bias` brings along, changes nothing if it is 0.
fn no_output_bias(name: &str, values: &[f32], origin: &Path) -> Result<(), SeedlingError> {
    if values.iter().all(|value| *value == 0.0) {
        return Ok(());
    }
    let what = format!("the bias {name} is not supported");
    Err(SeedlingError::file(origin, what, "use a model with biases of queries, keys and values only"))
}

fn decode(name: &str, tensor: &TensorView<'_>, origin: &Path) -> Result<Vec<f32>, SeedlingError> {
    let data = tensor.data();
    let values: Vec<f32> = match tensor.dtype() {
        safetensors::Dtype::F32 => {
            data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        }
        safetensors::Dtype::F16 => {
            data.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()
        }
        safetensors::Dtype::BF16 => {
            data.as_chunks().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect()
        }
        other => {
            let what = format!("the tensor {} is stored as {other:?}", shown(name));
            return Err(SeedlingError::file(
                origin,
                what,
                "F32, F16 and BF16 are read; quantized weights are not",
            ));
        }
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => {
            let what = format!("number {at} of the tensor {} is {}", shown(name), values[at]);
            Err(SeedlingError::file(
                origin,
                what,
                "weights must be finite; download the file again, or train again",
            ))
        }
        None => Ok(values),
    }
}

fn encode(name: &str, values: &[f32], dtype: Dtype) -> Result<Vec<u8>, SeedlingError> {
    let stored_finite = |value: f32| match dtype {
        Dtype::F32 => value.is_finite(),
        Dtype::F16 => f16::from_f32(value).is_finite(),
    };
    if let Some(value) = values.iter().find(|value| !stored_finite(**value)) {
        let what = format!("{value} in the tensor {name} can't be stored as {dtype:?}");
        let hint = if value.is_finite() { "store the weights as F32" } else { "weights must be finite" };
        return Err(SeedlingError::setting("dtype", what, hint));
    }
    Ok(match dtype {
        Dtype::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
    })
}

/// The files that hold a folder's weights, and the file that says so.
pub(crate) fn files(folder: &Path) -> Result<(Vec<PathBuf>, PathBuf), SeedlingError> {
    let single = folder.join(WEIGHTS_FILE);
    let index = folder.join(INDEX_FILE);
    if single.exists() {
        Ok((vec![single.clone()], single))
    } else if index.exists() {
        Ok((shards(&index)?.iter().map(|name| folder.join(name)).collect(), index))
    } else {
        Err(no_weights(folder))
    }
}

/// The names of the files that an index lists.
fn shards(index: &Path) -> Result<BTreeSet<String>, SeedlingError> {
    let bytes = read_limited(index, MAX_INDEX_BYTES, AGAIN)?;
    let parsed = serde_json::from_slice::<Value>(&bytes)
        .map_err(|error| SeedlingError::file(index, format!("not JSON: {error}"), AGAIN))?;
    let Some(map) = parsed.get("weight_map").and_then(Value::as_object).filter(|map| !map.is_empty()) else {
        return Err(SeedlingError::file(index, "weight_map is missing or empty", AGAIN));
    };
    let mut names = BTreeSet::new();
    for name in map.values() {
        match name.as_str() {
            Some(name) if is_plain_name(name) => names.insert(name.to_owned()),
            _ => {
                let what = format!("weight_map names the file {}", shown(&name.to_string()));
                return Err(SeedlingError::file(
                    index,
                    what,
                    "shards are .safetensors files in the model's own folder",
                ));
            }
        };
    }
    if names.len() > MAX_SHARDS {
        let what = format!("weight_map names {} files, where at most {MAX_SHARDS} are read", names.len());
        return Err(SeedlingError::file(index, what, AGAIN));
    }
    Ok(names)
}

/// Whether a shard's name stays in the folder.
fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.len() <= 255 && name.bytes().all(plain) && !name.starts_with('.') && name.ends_with(".safetensors")
}

const PICKLED: &str = "pickled weights can run code and are never loaded; convert them where you trust them, for \
     example by `model.save_pretrained(folder, safe_serialization=True)` of Hugging Face's transformers";

/// What a file is that begins with these bytes and can't be read.
pub(crate) fn not_safetensors(bytes: &[u8], error: &str, origin: &Path) -> SeedlingError {
    let pickle = matches!(bytes, [0x80, 2..=5, ..]);
    if pickle || bytes.starts_with(b"PK\x03\x04") {
        return SeedlingError::file(origin, "a pickle, not safetensors", PICKLED);
    }
    if bytes.starts_with(b"GGUF") {
        return SeedlingError::file(
            origin,
            "a GGUF file, not safetensors",
            "give the file itself instead of its folder",
        );
    }
    SeedlingError::file(origin, format!("not safetensors, or cut off: {}", shown(error)), AGAIN)
}

fn no_weights(folder: &Path) -> SeedlingError {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().take(10_000);
    let pickled = names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| [".bin", ".pt", ".pth", ".ckpt", ".pkl"].iter().any(|end| name.ends_with(end)))
        .min();
    match pickled {
        Some(name) => SeedlingError::file(
            folder.join(name),
            "the folder's weights are a pickle, not safetensors",
            PICKLED,
        ),
        None => SeedlingError::file(
            folder,
            format!("neither {WEIGHTS_FILE} nor {INDEX_FILE} is there"),
            "a model's folder holds config.json, tokenizer.json and model.safetensors",
        ),
    }
}

/// A text of a file for an error: short, and without control characters.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
