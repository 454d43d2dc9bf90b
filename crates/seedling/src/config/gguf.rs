//! The shape of a model, read from the metadata of a GGUF file.

use crate::{
    Gguf, RopeScaling, SeedlingError,
    gguf::AGAIN,
    rope::{longrope_attention, yarn_attention},
};

use super::{Activation, Arrangement, Design, Layout, ModelConfig, NormKind, Window};

const KNOWN: &str =
    "files of these architectures are read: llama, mistral, qwen2, qwen3, gemma3, phi3, gpt2, gptneox";

/// Reads the metadata. Sizes are checked by who calls.
pub(super) fn read(file: &Gguf) -> Result<ModelConfig, SeedlingError> {
    let metadata = file.metadata();
    let Some(name) = metadata.text("general.architecture")? else {
        return Err(SeedlingError::file(file.origin(), "general.architecture is missing", KNOWN));
    };
    let reader = Reader { file, name };
    if reader.unsigned("expert_count")?.is_some_and(|count| count > 0) {
        return Err(reader.error("a mixture of experts", "use a dense model"));
    }
    match name {
        "llama" | "mistral" | "qwen2" | "qwen3" => reader.llama(),
        "gemma3" => reader.gemma3(),
        "phi3" => reader.phi3(),
        "gpt2" => reader.gpt2(),
        "gptneox" => reader.gpt_neox(),
        _ => Err(reader.error(format!("the architecture {name} is not supported"), KNOWN)),
    }
}

struct Reader<'a> {
    file: &'a Gguf,
    /// The architecture, with which keys begin.
    name: &'a str,
}

impl Reader<'_> {
    fn error(&self, what: impl Into<String>, hint: &str) -> SeedlingError {
        SeedlingError::file(self.file.origin(), what, hint)
    }

    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    fn unsigned(&self, key: &str) -> Result<Option<u64>, SeedlingError> {
        self.file.metadata().unsigned(&self.key(key))
    }

    fn number(&self, key: &str) -> Result<Option<f64>, SeedlingError> {
        self.file.metadata().number(&self.key(key))
    }

    fn size(&self, key: &str) -> Result<usize, SeedlingError> {
        let size = self.unsigned(key)?.and_then(|size| usize::try_from(size).ok());
        size.ok_or_else(|| self.error(format!("{} is missing", self.key(key)), AGAIN))
    }

    fn size_or(&self, key: &str, default: usize) -> Result<usize, SeedlingError> {
        if self.unsigned(key)?.is_some() { self.size(key) } else { Ok(default) }
    }

    fn llama(&self) -> Result<ModelConfig, SeedlingError> {
        let mut config = self.common("attention.layer_norm_rms_epsilon")?;
        if config.rotary_dim() != config.head_dim {
            return Err(
                self.error("only a part of each head is rotated", "use a model whose whole heads are")
            );
        }
        config.design.rotary_dim = None;
        config.qk_norm = self.name == "qwen3";
        config.attention_bias = self.file.tensor("blk.0.attn_q.bias").is_some();
        config.design.window = self.window(&config, |_| true)?;
        // One that is as wide as the context hides nothing.
        config.design.window.take_if(|window| window.size >= config.max_positions);
        Ok(config)
    }

    fn gemma3(&self) -> Result<ModelConfig, SeedlingError> {
        let mut config = self.common("attention.layer_norm_rms_epsilon")?;
        config.qk_norm = true;
        config.rope_theta = self.number("rope.freq_base")?.unwrap_or(1e6);
        let pattern = self.size_or("attention.sliding_window_pattern", 6)?.max(1);
        let mut window = self.window(&config, |layer| !(layer + 1).is_multiple_of(pattern))?;
        if let Some(window) = &mut window {
            window.theta = Some(self.number("rope.freq_base_swa")?.unwrap_or(1e4));
        }
        // The largest of the family, by its layers, divides by the width of the residual stream that a head has.
        let scalar = match config.layers {
            62 => config.hidden_size as f64 / config.heads as f64,
            _ => config.head_dim as f64,
        };
        config.design = Design {
            layout: Layout::Gemma3,
            activation: Activation::GeluGated,
            arrangement: Arrangement::PostNormed,
            embedding_scale: Some((config.hidden_size as f64).sqrt()),
            query_scale: Some(self.number("attention.scale")?.unwrap_or(1.0 / scalar.sqrt())),
            logit_cap: self.cap("final_logit_softcapping")?,
            window,
            ..Design::default()
        };
        Ok(config)
    }

    fn phi3(&self) -> Result<ModelConfig, SeedlingError> {
        let mut config = self.common("attention.layer_norm_rms_epsilon")?;
        config.design.layout = Layout::Phi3;
        config.design.window = self.window(&config, |_| true)?;
        if self.file.tensor("rope_factors_short.weight").is_some() {
            let original = self.size_or("rope.scaling.original_context_length", config.max_positions)?;
            let attention = self.number("rope.scaling.attn_factor")?;
            let attention = attention.unwrap_or_else(|| longrope_attention(original, config.max_positions));
            let factors = self.factors("rope_factors_short.weight")?;
            config.rope_scaling = RopeScaling::Factors { factors, attention };
            // Longer texts need the other factors, from their first token on.
            config.max_positions = config.max_positions.min(original);
        }
        Ok(config)
    }

    fn gpt2(&self) -> Result<ModelConfig, SeedlingError> {
        let mut config = self.common("attention.layer_norm_epsilon")?;
        config.design = Design {
            layout: Layout::Gpt2,
            norm: NormKind::Layer,
            activation: Activation::GeluTanh,
            learned_positions: true,
            ..Design::default()
        };
        Ok(config)
    }

    fn gpt_neox(&self) -> Result<ModelConfig, SeedlingError> {
        let mut config = self.common("attention.layer_norm_epsilon")?;
        let parallel = self.file.metadata().flag(&self.key("use_parallel_residual"))?.unwrap_or(true);
        config.design.layout = Layout::GptNeox;
        config.design.norm = NormKind::Layer;
        // The file doesn't say which GELU it is; llama.cpp takes this one.
        config.design.activation = Activation::GeluTanh;
        config.design.arrangement = if parallel { Arrangement::Parallel } else { Arrangement::Sequential };
        Ok(config)
    }

    fn common(&self, eps: &str) -> Result<ModelConfig, SeedlingError> {
        let hidden_size = self.size("embedding_length")?;
        let heads = self.size("attention.head_count")?;
        let by_default = hidden_size.checked_div(heads).unwrap_or(0);
        let head_dim = self.size_or("attention.key_length", by_default)?;
        if self.size_or("attention.value_length", by_default)? != head_dim {
            return Err(
                self.error("keys and values are of different widths", "use a model in which they are equal")
            );
        }
        let max_positions = self.size("context_length")?;
        let Some(embedding) = self.file.tensor("token_embd.weight") else {
            return Err(self.error("the tensor token_embd.weight is missing", AGAIN));
        };
        let vocab_size = embedding.shape.get(1).and_then(|size| usize::try_from(*size).ok()).unwrap_or(0);
        let token = |key: &str| -> Result<Option<u32>, SeedlingError> {
            let id = self.file.metadata().unsigned(&format!("tokenizer.ggml.{key}_token_id"))?;
            Ok(id.and_then(|id| u32::try_from(id).ok()))
        };
        let mut eos: Vec<u32> = Vec::new();
        for key in ["eos", "eot", "eom"] {
            eos.extend(token(key)?.filter(|id| !eos.contains(id)));
        }
        let rope_theta = self.number("rope.freq_base")?.unwrap_or(10_000.0);
        let rotary_dim = self.size_or("rope.dimension_count", head_dim)?;
        Ok(ModelConfig {
            vocab_size,
            hidden_size,
            intermediate_size: self.size("feed_forward_length")?,
            layers: self.size("block_count")?,
            heads,
            kv_heads: self.size_or("attention.head_count_kv", heads)?,
            head_dim,
            max_positions,
            rms_eps: self
                .number(eps)?
                .ok_or_else(|| self.error(format!("{} is missing", self.key(eps)), AGAIN))?,
            rope_theta,
            rope_scaling: self.rope_scaling(max_positions)?,
            tied: self.file.tensor("output.weight").is_none(),
            attention_bias: false,
            qk_norm: false,
            bos: token("bos")?,
            eos,
            subjects: false,
            design: Design { rotary_dim: Some(rotary_dim), ..Design::default() },
        })
    }

    fn window(
        &self,
        config: &ModelConfig,
        rule: impl Fn(usize) -> bool,
    ) -> Result<Option<Window>, SeedlingError> {
        let Some(size) = self.unsigned("attention.sliding_window")?.filter(|size| *size > 0) else {
            return Ok(None);
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        // Layers that no model has are refused after this.
        let local = (0..config.layers.min(super::MAX_LAYERS)).map(rule).collect();
        Ok(Some(Window { size, local, theta: None }))
    }

    fn cap(&self, key: &str) -> Result<Option<f64>, SeedlingError> {
        Ok(self.number(key)?.filter(|cap| *cap > 0.0))
    }

    fn rope_scaling(&self, context: usize) -> Result<RopeScaling, SeedlingError> {
        let kind = self.file.metadata().text(&self.key("rope.scaling.type"))?;
        let factor = self.number("rope.scaling.factor")?.unwrap_or(1.0);
        if factor <= 0.0 {
            return Err(self.error(format!("the scaling of rotary positions has the factor {factor}"), AGAIN));
        }
        if self.file.tensor("rope_freqs.weight").is_some() {
            return Ok(RopeScaling::Factors { factors: self.factors("rope_freqs.weight")?, attention: 1.0 });
        }
        match kind {
            None | Some("none" | "longrope") => Ok(RopeScaling::None),
            Some("linear") => Ok(RopeScaling::Linear { factor }),
            Some("yarn") => {
                let original = self.size_or("rope.scaling.original_context_length", context)?;
                let longer = self.number("rope.scaling.attn_factor")?.unwrap_or(1.0);
                Ok(RopeScaling::Yarn {
                    factor,
                    fast: self.number("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
                    slow: self.number("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
                    original: original as f64,
                    attention: longer * yarn_attention(factor, 1.0),
                    whole: true,
                })
            }
            Some(other) => Err(self.error(
                format!("the scaling {other} of rotary positions is not supported"),
                "none, linear, yarn and longrope are",
            )),
        }
    }

    fn factors(&self, name: &str) -> Result<Vec<f64>, SeedlingError> {
        let bytes = self.file.read(name)?;
        if self.file.tensor(name).is_none_or(|tensor| tensor.encoding.name != "F32") {
            return Err(self.error(format!("the tensor {name} is not stored as F32"), AGAIN));
        }
        Ok(bytes.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect())
    }
}
