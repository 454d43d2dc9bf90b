//! The shape of a model: read from and written to `config.json` as Hugging Face has it.
//!
//! Everything is checked here, so that whoever holds a [`ModelConfig`] read from a file needs no checks of its own.
//! Knows nothing of the numbers in a model (see [`crate::weights`]).

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{RopeScaling, SeedlingError, files::read_limited};

/// The name of the file in a model's folder.
pub const CONFIG_FILE: &str = "config.json";

/// No size of a model may be larger: layers, widths, vocabulary, positions.
pub const MAX_SIZE: usize = 1 << 20;

/// No model may have more layers.
pub const MAX_LAYERS: usize = 4096;

/// No model may have more numbers than this.
pub const MAX_PARAMETERS: usize = 1 << 32;

/// No `config.json` may be longer, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// No list of tokens that end a text may be longer.
const MAX_EOS: usize = 64;

/// Shape of a Llama-family model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Tokens that the model knows; ids are below it.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the gated feed-forward layer.
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
        let reader = Reader { fields: &fields, origin };
        let architecture = reader.architecture()?;
        reader.refuse_unsupported(&architecture)?;
        let config = reader.config(&architecture)?;
        config.check(origin)?;
        Ok(config)
    }

    /// The text of a `config.json` that Hugging Face's libraries read too.
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
        if !self.heads.is_multiple_of(self.kv_heads) {
            return fail(format!(
                "num_attention_heads ({}) is not a multiple of num_key_value_heads ({})",
                self.heads, self.kv_heads
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            return fail(format!("head_dim is {}; rotary positions need an even one", self.head_dim));
        }
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

/// The fields of a `config.json` as they are read.
struct Reader<'a> {
    fields: &'a Map<String, Value>,
    origin: &'a Path,
}

impl Reader<'_> {
    fn error(&self, what: impl Into<String>, hint: impl Into<String>) -> SeedlingError {
        SeedlingError::file(self.origin, what, hint)
    }

    /// The value of a field, unless it is absent or null.
    fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn architecture(&self) -> Result<String, SeedlingError> {
        let hint = "models of the Llama family are read: model_type llama, mistral, qwen2 or qwen3";
        match self.field("model_type").map(|value| (value, value.as_str())) {
            Some((_, Some(kind @ ("llama" | "mistral" | "qwen2" | "qwen3")))) => Ok(kind.to_owned()),
            Some((value, _)) => Err(self.error(format!("model_type {value} is not supported"), hint)),
            None => Err(self.error("model_type is missing", hint)),
        }
    }

    /// Refuses settings under which the model would compute something else than is computed here.
    fn refuse_unsupported(&self, architecture: &str) -> Result<(), SeedlingError> {
        if let Some(act) = self.field("hidden_act").filter(|act| act.as_str() != Some("silu")) {
            return Err(
                self.error(format!("hidden_act {act} is not supported"), "use a model with hidden_act silu")
            );
        }
        let nested = || self.field("rope_parameters").and_then(|rope| rope.get("partial_rotary_factor"));
        let factor = self.field("partial_rotary_factor").or_else(nested);
        if let Some(factor) = factor.filter(|factor| factor.as_f64() != Some(1.0)) {
            return Err(self.error(
                format!("partial_rotary_factor {factor} is not supported"),
                "use a model whose whole heads are rotated",
            ));
        }
        if self.flag("mlp_bias", false)? {
            return Err(self.error(
                "mlp_bias is not supported",
                "use a model without biases in its feed-forward layers",
            ));
        }
        if self.field("quantization_config").is_some() {
            return Err(
                self.error("quantized weights are not supported", "use the model in F32, F16 or BF16")
            );
        }
        self.refuse_sliding_window(architecture)
    }

    fn refuse_sliding_window(&self, architecture: &str) -> Result<(), SeedlingError> {
        let in_use = match architecture {
            "mistral" => true,
            "qwen2" | "qwen3" => self.flag("use_sliding_window", false)?,
            _ => false,
        };
        let Some(window) = self.field("sliding_window").filter(|_| in_use) else { return Ok(()) };
        let context = self.size("max_position_embeddings")?;
        if architecture == "mistral" && window.as_u64().is_some_and(|window| window >= context as u64) {
            return Ok(());
        }
        Err(self.error(
            format!("a sliding window of {window} tokens is not supported"),
            format!(
                "set max_position_embeddings and sliding_window to {window} and use_sliding_window to false"
            ),
        ))
    }

    fn config(&self, architecture: &str) -> Result<ModelConfig, SeedlingError> {
        let hidden_size = self.size("hidden_size")?;
        let heads = self.size("num_attention_heads")?;
        let head_dim = match self.field("head_dim") {
            Some(_) => self.size("head_dim")?,
            // What transformers takes for such a model.
            None if architecture == "qwen3" => 128,
            None if heads == 0 || !hidden_size.is_multiple_of(heads) => {
                return Err(self.error(
                    format!("hidden_size ({hidden_size}) is not a multiple of num_attention_heads ({heads})"),
                    "give head_dim, or sizes that divide",
                ));
            }
            None => hidden_size / heads,
        };
        let kv_heads = match self.field("num_key_value_heads") {
            Some(_) => self.size("num_key_value_heads")?,
            None => heads,
        };
        let nested_theta = self.field("rope_parameters").and_then(|rope| rope.get("rope_theta"));
        Ok(ModelConfig {
            vocab_size: self.size("vocab_size")?,
            hidden_size,
            intermediate_size: self.size("intermediate_size")?,
            layers: self.size("num_hidden_layers")?,
            heads,
            kv_heads,
            head_dim,
            max_positions: self.size("max_position_embeddings")?,
            rms_eps: self.number("rms_norm_eps", self.field("rms_norm_eps"), 1e-6)?,
            rope_theta: self.number("rope_theta", self.field("rope_theta").or(nested_theta), 10_000.0)?,
            rope_scaling: self.rope_scaling()?,
            tied: self.flag("tie_word_embeddings", false)?,
            attention_bias: architecture == "qwen2" || self.flag("attention_bias", false)?,
            qk_norm: architecture == "qwen3",
            bos: self.tokens("bos_token_id")?.first().copied(),
            eos: self.tokens("eos_token_id")?,
        })
    }

    fn rope_scaling(&self) -> Result<RopeScaling, SeedlingError> {
        let Some(scaling) = self.field("rope_scaling").or_else(|| self.field("rope_parameters")) else {
            return Ok(RopeScaling::None);
        };
        RopeScaling::read(scaling).map_err(|(what, hint)| self.error(what, hint))
    }

    fn size(&self, name: &str) -> Result<usize, SeedlingError> {
        let hint = "download config.json from the model's publisher again";
        let value = self.field(name).ok_or_else(|| self.error(format!("{name} is missing"), hint))?;
        value.as_u64().and_then(|size| usize::try_from(size).ok()).ok_or_else(|| {
            self.error(format!("{name} is {value}; it must be a whole number from 1 to {MAX_SIZE}"), hint)
        })
    }

    fn number(&self, name: &str, value: Option<&Value>, default: f64) -> Result<f64, SeedlingError> {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(default) };
        value.as_f64().ok_or_else(|| self.error(format!("{name} is {value}"), "give a number"))
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, SeedlingError> {
        let Some(value) = self.field(name) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.error(format!("{name} is {value}"), "give true or false"))
    }

    /// A token or a list of tokens.
    fn tokens(&self, name: &str) -> Result<Vec<u32>, SeedlingError> {
        let values = match self.field(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) if values.len() <= MAX_EOS => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
        };
        let token = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
        values.iter().map(token).collect::<Option<_>>().ok_or_else(|| {
            self.error(
                format!("{name} is not a token or a list of tokens"),
                format!("give at most {MAX_EOS} token numbers"),
            )
        })
    }
}
