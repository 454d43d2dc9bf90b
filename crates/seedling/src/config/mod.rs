//! The shape of a model: read from `config.json` as Hugging Face has it (`folder.rs`) or from a GGUF file (`gguf.rs`),
//! and written as `config.json`.
//!
//! Everything is checked here, so that whoever holds a [`ModelConfig`] read from a file needs no checks of its own.
//! Knows nothing of the numbers in a model (see [`crate::weights`]).

mod design;
mod folder;
mod gguf;

use std::path::Path;

use serde_json::{Value, json};

use crate::{Gguf, RopeScaling, SeedlingError, files::read_limited};

pub use design::{Activation, Arrangement, Design, Layout, NormKind, Window};

/// The name of the file in a model's folder.
pub const CONFIG_FILE: &str = "config.json";

/// The field that marks a model which can say whether it knows the subject of a prompt.
const SUBJECTS: &str = "samara_subjects";

/// No size of a model may be larger: layers, widths, vocabulary, positions.
pub const MAX_SIZE: usize = 1 << 20;

/// No model may have more layers.
pub const MAX_LAYERS: usize = 4096;

/// No model may have more numbers than this.
pub const MAX_PARAMETERS: usize = 1 << 37;

/// No head may be wider: tables of its rotation are made for every position.
pub const MAX_HEAD_DIM: usize = 4096;

/// No `config.json` may be longer, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// No list of tokens that end a text may be longer.
const MAX_EOS: usize = 64;

/// Shape of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Tokens that the model knows; ids are below it.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Query heads of attention.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head; even, as rotary positions need.
    pub head_dim: usize,
    /// The longest context, in tokens.
    pub max_positions: usize,
    /// What is added under the root of a norm's root mean square.
    pub rms_eps: f64,
    /// Base of the rotary positions' wavelengths.
    pub rope_theta: f64,
    /// How those are stretched.
    pub rope_scaling: RopeScaling,
    /// Whether the output head is the embedding.
    pub tied: bool,
    /// Whether queries, keys and values have a bias (as in Qwen2).
    pub attention_bias: bool,
    /// Whether each head's queries and keys are normed before they are rotated (as in Qwen3).
    pub qk_norm: bool,
    /// The token that begins a text.
    pub bos: Option<u32>,
    /// The tokens that end a text.
    pub eos: Vec<u32>,
    /// Whether it was trained to say of a prompt whether it knows its subject ([`crate::written::subjects`]): a key of
    /// samara's own, `samara_subjects`.
    pub subjects: bool,
    /// How the computation departs from Llama's.
    pub design: Design,
}

impl ModelConfig {
    /// Reads `config.json` of a folder.
    ///
    /// # Errors
    /// If the file is missing, too long, not of a supported architecture, or of sizes that no model can have.
    pub fn read(folder: &Path) -> Result<Self, SeedlingError> {
        let path = folder.join(CONFIG_FILE);
        let hint = "a model's folder holds config.json, tokenizer.json and model.safetensors";
        Self::from_json(&read_limited(&path, MAX_CONFIG_BYTES, hint)?, &path)
    }

    /// Reads the text of a `config.json`; `origin` is what errors name.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_json(bytes: &[u8], origin: &Path) -> Result<Self, SeedlingError> {
        let fields = serde_json::from_slice::<Value>(bytes).map_err(|error| {
            SeedlingError::file(
                origin,
                format!("not JSON: {error}"),
                "download config.json from the model's publisher again",
            )
        })?;
        let Value::Object(fields) = fields else {
            return Err(SeedlingError::file(
                origin,
                "not a JSON object",
                "download config.json from the model's publisher again",
            ));
        };
        let config = folder::read(&fields, origin)?;
        config.check(origin)?;
        Ok(config)
    }

    /// Reads the metadata of a GGUF file.
    ///
    /// # Errors
    /// If the file is not of a supported architecture, or of sizes that no model can have.
    pub fn from_gguf(file: &Gguf) -> Result<Self, SeedlingError> {
        let config = gguf::read(file)?;
        config.check(file.origin())?;
        Ok(config)
    }

    /// The text of a `config.json` that Hugging Face's libraries read too, of a model whose design is Llama's.
    ///
    /// A model with normed heads is written as Qwen3, one with biases as Qwen2, whose biases are those of queries, keys
    /// and values; others as Llama.
    pub fn to_json(&self) -> String {
        let (class, kind) = match (self.qk_norm, self.attention_bias) {
            (true, _) => ("Qwen3ForCausalLM", "qwen3"),
            (false, true) => ("Qwen2ForCausalLM", "qwen2"),
            (false, false) => ("LlamaForCausalLM", "llama"),
        };
        let eos = match self.eos.as_slice() {
            [] => Value::Null,
            [one] => json!(one),
            many => json!(many),
        };
        let mut text = json!({
            "architectures": [class],
            "model_type": kind,
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "max_position_embeddings": self.max_positions,
            "rms_norm_eps": self.rms_eps,
            "rope_theta": self.rope_theta,
            "tie_word_embeddings": self.tied,
            "hidden_act": "silu",
            "bos_token_id": self.bos,
            "eos_token_id": eos,
        });
        if kind != "llama" {
            text["use_sliding_window"] = json!(false);
        }
        if kind != "qwen2" {
            text["attention_bias"] = json!(self.attention_bias);
        }
        if self.subjects {
            text[SUBJECTS] = json!(true);
        }
        if self.rope_scaling != RopeScaling::None {
            text["rope_scaling"] = self.rope_scaling.to_json();
        }
        format!("{text:#}\n")
    }

    /// Checks that the sizes make a model; `origin` is what an error names.
    ///
    /// # Errors
    /// If a size is 0 or above [`MAX_SIZE`], sizes don't go together, or tokens lie outside the vocabulary.
    pub fn check(&self, origin: &Path) -> Result<(), SeedlingError> {
        let fail = |what: String| {
            Err(SeedlingError::file(origin, what, "download config.json from the model's publisher again"))
        };
        for (name, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_attention_heads", self.heads),
            ("num_key_value_heads", self.kv_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.max_positions),
        ] {
            if size == 0 || size > MAX_SIZE {
                return fail(format!("{name} is {size}; it must be 1 to {MAX_SIZE}"));
            }
        }
        if self.layers == 0 || self.layers > MAX_LAYERS {
            return fail(format!("num_hidden_layers is {}; it must be 1 to {MAX_LAYERS}", self.layers));
        }
        if self.head_dim > MAX_HEAD_DIM {
            return fail(format!("head_dim is {}; it must be 1 to {MAX_HEAD_DIM}", self.head_dim));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return fail(format!(
                "num_attention_heads ({}) is not a multiple of num_key_value_heads ({})",
                self.heads, self.kv_heads
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            return fail(format!("head_dim is {}; rotary positions need an even one", self.head_dim));
        }
        self.check_rotation().and_then(|()| self.check_scales()).or_else(fail)?;
        if !(self.rms_eps.is_finite() && self.rms_eps >= 0.0 && self.rms_eps < 1.0) {
            return fail(format!("rms_norm_eps is {}; it must be from 0 to below 1", self.rms_eps));
        }
        if !(self.rope_theta.is_finite() && self.rope_theta > 0.0) {
            return fail(format!("rope_theta is {}; it must be above 0", self.rope_theta));
        }
        if let Some(id) = self.bos.iter().chain(&self.eos).find(|id| **id as usize >= self.vocab_size) {
            return fail(format!(
                "token {id} of bos_token_id or eos_token_id is outside vocab_size {}",
                self.vocab_size
            ));
        }
        match self.checked_parameters() {
            Some(count) if count <= MAX_PARAMETERS => Ok(()),
            _ => fail(format!("these sizes make a model of more than {MAX_PARAMETERS} parameters")),
        }
    }

    fn check_scales(&self) -> Result<(), String> {
        let design = &self.design;
        let scales = [design.embedding_scale, design.query_scale, design.logit_cap];
        match scales.iter().flatten().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
            Some(scale) => Err(format!("{scale} where a number above 0 scales or caps what is computed")),
            None => Ok(()),
        }
    }

    fn check_rotation(&self) -> Result<(), String> {
        let rotated = self.rotary_dim();
        if rotated == 0 || rotated > self.head_dim || !rotated.is_multiple_of(2) {
            return Err(format!("{rotated} of a head's {} dimensions are rotated", self.head_dim));
        }
        match &self.rope_scaling {
            RopeScaling::Factors { factors, .. } if factors.len() != rotated / 2 => {
                Err(format!("there are {} factors for {} rotated pairs", factors.len(), rotated / 2))
            }
            RopeScaling::Factors { factors, .. } if !factors.iter().all(|x| x.is_finite() && *x > 0.0) => {
                Err("a factor of rotary positions is not above 0".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// How many of a head's dimensions are rotated.
    pub fn rotary_dim(&self) -> usize {
        self.design.rotary_dim.unwrap_or(self.head_dim)
    }

    /// How many numbers a model of this shape has (the most that `usize` holds where it would be more).
    pub fn parameters(&self) -> usize {
        self.checked_parameters().unwrap_or(usize::MAX)
    }

    fn checked_parameters(&self) -> Option<usize> {
        let queries = self.heads.checked_mul(self.head_dim)?;
        let keys = self.kv_heads.checked_mul(self.head_dim)?;
        let rows =
            queries.checked_add(keys)?.checked_mul(2)?.checked_add(self.intermediate_size.checked_mul(3)?)?;
        let biases = if self.attention_bias { queries.checked_add(keys.checked_mul(2)?)? } else { 0 };
        let head_norms = if self.qk_norm { self.head_dim.checked_mul(2)? } else { 0 };
        let norms = self.hidden_size.checked_mul(2)?.checked_add(head_norms)?;
        let layer = rows.checked_mul(self.hidden_size)?.checked_add(biases)?.checked_add(norms)?;
        let tables = if self.tied { 1_usize } else { 2 };
        let embeddings = self.vocab_size.checked_mul(self.hidden_size)?.checked_mul(tables)?;
        layer.checked_mul(self.layers)?.checked_add(embeddings)?.checked_add(self.hidden_size)
    }
}
