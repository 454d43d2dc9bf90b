//! The shape of a model, read from the fields of a `config.json`.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{RopeScaling, SeedlingError};

use super::{
    Activation, Arrangement, Design, Layout, MAX_EOS, MAX_LAYERS, MAX_SIZE, ModelConfig, NormKind, SUBJECTS,
    Window,
};

const AGAIN: &str = "download config.json from the model's publisher again";

const KNOWN: &str = "models of these families are read: model_type llama, mistral, qwen2, qwen3, gemma3_text, phi3, gpt2, \
     gpt_neox or codegen";

/// Reads the fields of a `config.json`; `origin` is what errors name. Sizes are checked by who calls.
pub(super) fn read(fields: &Map<String, Value>, origin: &Path) -> Result<ModelConfig, SeedlingError> {
    let reader = Reader { fields, origin };
    if reader.field("quantization_config").is_some() {
        let hint = "use the model in F32, F16 or BF16, or its GGUF file";
        return Err(reader.error("quantized weights are not supported in a folder", hint));
    }
    let Some(kind) = reader.field("model_type") else {
        return Err(reader.error("model_type is missing", KNOWN));
    };
    match kind.as_str() {
        Some(kind @ ("llama" | "mistral" | "qwen2" | "qwen3")) => reader.llama(kind),
        Some("gemma3_text") => reader.gemma3(),
        Some("phi3") => reader.phi3(),
        Some("gpt2") => reader.gpt2(),
        Some("gpt_neox") => reader.gpt_neox(),
        Some("codegen") => reader.codegen(),
        Some("gemma3") => Err(reader.error(
            "a model of texts and pictures (model_type gemma3)",
            "use a GGUF file of it, or a model of texts alone (gemma3_text)",
        )),
        _ => Err(reader.error(format!("model_type {kind} is not supported"), KNOWN)),
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

    /// The first of several fields, older and newer names of one thing, that is there.
    fn first(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.field(name))
    }

    /// Refuses settings under which the model would compute something else than is computed here.
    fn expect(&self, name: &str, expected: &Value, hint: &str) -> Result<(), SeedlingError> {
        match self.field(name) {
            Some(value) if value != expected => {
                Err(self.error(format!("{name} {value} is not supported"), hint))
            }
            _ => Ok(()),
        }
    }

    /// A field of the rotary positions, by its old name beside the others or its newer one inside `rope_parameters`.
    fn rope_field(&self, old: &str, new: &str) -> Option<&Value> {
        self.field(old).or_else(|| self.field("rope_parameters").and_then(|rope| rope.get(new)))
    }

    fn llama(&self, kind: &str) -> Result<ModelConfig, SeedlingError> {
        self.expect("hidden_act", &json!("silu"), "use a model with hidden_act silu")?;
        self.expect("mlp_bias", &json!(false), "use a model without biases in its feed-forward layers")?;
        let factor = self.rope_field("partial_rotary_factor", "partial_rotary_factor");
        if let Some(factor) = factor.filter(|factor| factor.as_f64() != Some(1.0)) {
            return Err(self.error(
                format!("partial_rotary_factor {factor} is not supported"),
                "use a model whose whole heads are rotated",
            ));
        }
        let mut config = self.modern(Some(128).filter(|_| kind == "qwen3"))?;
        config.attention_bias = kind == "qwen2" || self.flag("attention_bias", false)?;
        config.qk_norm = kind == "qwen3";
        config.design.window = match kind {
            "mistral" => self.window(&config, |_| true)?,
            "qwen2" | "qwen3" if self.flag("use_sliding_window", false)? => {
                let first = self.size_or("max_window_layers", config.layers)?;
                self.window(&config, |layer| layer >= first)?
            }
            _ => None,
        };
        // One that is as wide as the context hides nothing.
        config.design.window.take_if(|window| window.size >= config.max_positions);
        Ok(config)
    }

    fn gemma3(&self) -> Result<ModelConfig, SeedlingError> {
        for name in ["hidden_activation", "hidden_act"] {
            self.expect(
                name,
                &json!("gelu_pytorch_tanh"),
                "use a model with hidden_activation gelu_pytorch_tanh",
            )?;
        }
        self.expect("attention_bias", &json!(false), "use a model without biases")?;
        self.expect(
            "use_bidirectional_attention",
            &json!(false),
            "use a model that writes from left to right",
        )?;
        let mut config = self.modern(Some(256))?;
        config.tied = self.flag("tie_word_embeddings", true)?;
        config.qk_norm = true;
        let rope = |kind: &str| self.field("rope_parameters").and_then(|rope| rope.get(kind));
        if let Some(global) = rope("full_attention") {
            config.rope_scaling = self.scaling(global, config.max_positions)?;
        }
        let theta = rope("full_attention")
            .and_then(|rope| rope.get("rope_theta"))
            .or_else(|| self.field("rope_theta"));
        config.rope_theta = self.number("rope_theta", theta, 1e6)?;
        let local = rope("sliding_attention").and_then(|rope| rope.get("rope_theta"));
        let local = self.number("rope_local_base_freq", self.field("rope_local_base_freq").or(local), 1e4)?;
        let pattern = self.first(&["sliding_window_pattern", "_sliding_window_pattern"]);
        let pattern = pattern.and_then(Value::as_u64).filter(|pattern| *pattern > 0).unwrap_or(6) as usize;
        let mut window = self.window(&config, |layer| !(layer + 1).is_multiple_of(pattern))?;
        if let Some(window) = &mut window {
            window.theta = Some(local);
        }
        let scalar = self.number("query_pre_attn_scalar", self.field("query_pre_attn_scalar"), 256.0)?;
        config.design = Design {
            layout: Layout::Gemma3,
            activation: Activation::GeluGated,
            arrangement: Arrangement::PostNormed,
            embedding_scale: Some((config.hidden_size as f64).sqrt()),
            query_scale: Some(1.0 / scalar.sqrt()),
            logit_cap: self.cap("final_logit_softcapping")?,
            window,
            ..Design::default()
        };
        Ok(config)
    }

    fn phi3(&self) -> Result<ModelConfig, SeedlingError> {
        self.expect("hidden_act", &json!("silu"), "use a model with hidden_act silu")?;
        self.expect("attention_bias", &json!(false), "use a model without biases")?;
        let mut config = self.modern(None)?;
        let factor = self.rope_field("partial_rotary_factor", "partial_rotary_factor");
        let rotary_dim = self.partial(factor, 1.0, config.head_dim)?;
        let scaling = self.field("rope_scaling").or_else(|| self.field("rope_parameters"));
        if let Some(scaling) = scaling.filter(|scaling| scaling.get("short_factor").is_some()) {
            let original = match self.field("original_max_position_embeddings") {
                Some(_) => self.size("original_max_position_embeddings")?,
                None => config.max_positions,
            };
            config.rope_scaling = RopeScaling::read_longrope(scaling, original, config.max_positions)
                .map_err(|(what, hint)| self.error(what, hint))?;
            // Longer texts need the other factors, from their first token on.
            config.max_positions = config.max_positions.min(original);
        }
        config.design = Design {
            layout: Layout::Phi3,
            rotary_dim: Some(rotary_dim),
            window: self.window(&config, |_| true)?,
            ..Design::default()
        };
        Ok(config)
    }

    fn gpt2(&self) -> Result<ModelConfig, SeedlingError> {
        self.expect("scale_attn_weights", &json!(true), "use a model whose attention is scaled")?;
        self.expect(
            "scale_attn_by_inverse_layer_idx",
            &json!(false),
            "use a model whose layers scale alike",
        )?;
        self.expect("add_cross_attention", &json!(false), "use a model without an encoder")?;
        let mut config = self.old("layer_norm_epsilon", true)?;
        config.design.layout = Layout::Gpt2;
        config.design.learned_positions = true;
        config.design.activation = self.plain_activation("activation_function", "gelu_new")?;
        Ok(config)
    }

    fn codegen(&self) -> Result<ModelConfig, SeedlingError> {
        let mut config = self.old("layer_norm_epsilon", false)?;
        if !config.heads.is_multiple_of(4) {
            return Err(self.error(format!("n_head is {}, not a multiple of 4", config.heads), AGAIN));
        }
        config.design.layout = Layout::Codegen;
        config.design.rotary_dim = Some(self.size_or("rotary_dim", 64)?);
        config.design.arrangement = Arrangement::ParallelOneNorm;
        config.design.activation = self.plain_activation("activation_function", "gelu_new")?;
        Ok(config)
    }

    fn gpt_neox(&self) -> Result<ModelConfig, SeedlingError> {
        self.expect("attention_bias", &json!(true), "use a model with biases in its attention")?;
        let mut config = self.modern(None)?;
        config.kv_heads = config.heads;
        config.rms_eps = self.number("layer_norm_eps", self.field("layer_norm_eps"), 1e-5)?;
        let theta = self.rope_field("rotary_emb_base", "rope_theta").or_else(|| self.field("rope_theta"));
        config.rope_theta = self.number("rotary_emb_base", theta, 1e4)?;
        let factor = self.rope_field("rotary_pct", "partial_rotary_factor");
        let factor = factor.or_else(|| self.field("partial_rotary_factor"));
        let parallel = self.flag("use_parallel_residual", true)?;
        config.design = Design {
            layout: Layout::GptNeox,
            norm: NormKind::Layer,
            activation: self.plain_activation("hidden_act", "gelu")?,
            arrangement: if parallel { Arrangement::Parallel } else { Arrangement::Sequential },
            rotary_dim: Some(self.partial(factor, 0.25, config.head_dim)?),
            ..Design::default()
        };
        Ok(config)
    }

    /// What families have in common whose fields are named as Llama's.
    fn modern(&self, default_head_dim: Option<usize>) -> Result<ModelConfig, SeedlingError> {
        let hidden_size = self.size("hidden_size")?;
        let heads = self.size("num_attention_heads")?;
        let head_dim = match (self.field("head_dim"), default_head_dim) {
            (Some(_), _) => self.size("head_dim")?,
            // What transformers takes for such a model.
            (None, Some(dim)) => dim,
            (None, None) => self.divided(("hidden_size", hidden_size), ("num_attention_heads", heads))?,
        };
        let max_positions = self.size("max_position_embeddings")?;
        let theta = self.rope_field("rope_theta", "rope_theta");
        Ok(ModelConfig {
            vocab_size: self.size("vocab_size")?,
            hidden_size,
            intermediate_size: self.size("intermediate_size")?,
            layers: self.size("num_hidden_layers")?,
            heads,
            kv_heads: self.size_or("num_key_value_heads", heads)?,
            head_dim,
            max_positions,
            rms_eps: self.number("rms_norm_eps", self.field("rms_norm_eps"), 1e-6)?,
            rope_theta: self.number("rope_theta", theta, 10_000.0)?,
            rope_scaling: self.rope_scaling(max_positions)?,
            tied: self.flag("tie_word_embeddings", false)?,
            attention_bias: false,
            qk_norm: false,
            bos: self.tokens("bos_token_id")?.first().copied(),
            eos: self.tokens("eos_token_id")?,
            subjects: self.flag(SUBJECTS, false)?,
            design: Design::default(),
        })
    }

    /// What families have in common whose fields are named as GPT-2's.
    fn old(&self, eps: &str, tied: bool) -> Result<ModelConfig, SeedlingError> {
        let hidden_size = self.size("n_embd")?;
        let heads = self.size("n_head")?;
        Ok(ModelConfig {
            vocab_size: self.size("vocab_size")?,
            hidden_size,
            intermediate_size: self.size_or("n_inner", hidden_size.saturating_mul(4))?,
            layers: self.size("n_layer")?,
            heads,
            kv_heads: heads,
            head_dim: self.divided(("n_embd", hidden_size), ("n_head", heads))?,
            max_positions: self.size("n_positions")?,
            rms_eps: self.number(eps, self.field(eps), 1e-5)?,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            tied: self.flag("tie_word_embeddings", tied)?,
            attention_bias: false,
            qk_norm: false,
            bos: self.tokens("bos_token_id")?.first().copied(),
            eos: self.tokens("eos_token_id")?,
            subjects: false,
            design: Design { norm: NormKind::Layer, ..Design::default() },
        })
    }

    fn divided(
        &self,
        (whole, size): (&str, usize),
        (of, parts): (&str, usize),
    ) -> Result<usize, SeedlingError> {
        if parts == 0 || !size.is_multiple_of(parts) {
            let what = format!("{whole} ({size}) is not a multiple of {of} ({parts})");
            return Err(self.error(what, "give head_dim, or sizes that divide"));
        }
        Ok(size / parts)
    }

    /// How many dimensions of a head are rotated.
    fn partial(&self, factor: Option<&Value>, default: f64, head_dim: usize) -> Result<usize, SeedlingError> {
        let factor = self.number("the rotated part of a head", factor, default)?;
        if !(factor > 0.0 && factor <= 1.0) {
            return Err(
                self.error(format!("the rotated part of a head is {factor}"), "it is above 0 and at most 1")
            );
        }
        Ok((head_dim as f64 * factor) as usize)
    }

    fn plain_activation(&self, name: &str, default: &str) -> Result<Activation, SeedlingError> {
        match self.field(name).map_or(Some(default), Value::as_str) {
            Some("gelu_new" | "gelu_fast" | "gelu_pytorch_tanh") => Ok(Activation::GeluTanh),
            Some("gelu") => Ok(Activation::Gelu),
            other => Err(self.error(
                format!("{name} {} is not supported", other.unwrap_or("of another kind")),
                "gelu, gelu_new, gelu_fast and gelu_pytorch_tanh are",
            )),
        }
    }

    /// The layers that see the latest tokens alone: by `layer_types`, or else by the family's rule.
    fn window(
        &self,
        config: &ModelConfig,
        rule: impl Fn(usize) -> bool,
    ) -> Result<Option<Window>, SeedlingError> {
        if self.field("sliding_window").is_none() {
            return Ok(None);
        }
        let size = self.size("sliding_window")?;
        if size == 0 {
            return Err(self.error("sliding_window is 0", "it is 1 or more, or null"));
        }
        let local: Vec<bool> = match self.field("layer_types").and_then(Value::as_array) {
            Some(types) => types.iter().map(|kind| kind == "sliding_attention").collect(),
            // More layers than any model has are refused after this.
            None => (0..config.layers.min(MAX_LAYERS)).map(rule).collect(),
        };
        if local.len() != config.layers.min(MAX_LAYERS) {
            let what = format!("layer_types has {} layers, not {}", local.len(), config.layers);
            return Err(self.error(what, AGAIN));
        }
        Ok(Some(Window { size, local, theta: None }))
    }

    fn cap(&self, name: &str) -> Result<Option<f64>, SeedlingError> {
        let Some(value) = self.field(name) else { return Ok(None) };
        match value.as_f64().filter(|cap| *cap > 0.0) {
            Some(cap) => Ok(Some(cap)),
            None => Err(self.error(format!("{name} is {value}"), "give a number above 0, or null")),
        }
    }

    fn rope_scaling(&self, context: usize) -> Result<RopeScaling, SeedlingError> {
        let scaling = self.field("rope_scaling").or_else(|| self.field("rope_parameters"));
        // Phi-3's and Gemma's own kinds are read by what knows these families.
        let own = |scaling: &Value| {
            ["short_factor", "full_attention"].iter().any(|name| scaling.get(name).is_some())
        };
        match scaling.filter(|scaling| !own(scaling)) {
            Some(scaling) => self.scaling(scaling, context),
            None => Ok(RopeScaling::None),
        }
    }

    fn scaling(&self, scaling: &Value, context: usize) -> Result<RopeScaling, SeedlingError> {
        RopeScaling::read(scaling, context).map_err(|(what, hint)| self.error(what, hint))
    }

    fn size_or(&self, name: &str, default: usize) -> Result<usize, SeedlingError> {
        if self.field(name).is_some() { self.size(name) } else { Ok(default) }
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
