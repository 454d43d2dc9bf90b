//! How the tensors of each family are named, in files of Hugging Face's and of llama.cpp's making.

use crate::config::Layout;

/// Names of a model's tensors, without `.weight` and `.bias`. Names of a layer's tensors are behind [`Names::layer`]; an
/// empty name is of a tensor that the family doesn't have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) embedding: &'static str,
    pub(super) positions: &'static str,
    pub(super) final_norm: &'static str,
    pub(super) head: &'static str,
    /// What a layer's names begin with, before its number.
    pub(super) layers: &'static str,
    pub(super) attention_norm: &'static str,
    /// Queries, keys and values in one matrix, or...
    pub(super) qkv: &'static str,
    /// ... in three.
    pub(super) apart: [&'static str; 3],
    pub(super) q_norm: &'static str,
    pub(super) k_norm: &'static str,
    pub(super) o: &'static str,
    /// Of what attention adds.
    pub(super) post_attention_norm: &'static str,
    pub(super) ffn_norm: &'static str,
    /// Gate and up in one matrix, or up alone, or...
    pub(super) up: &'static str,
    /// ... the gate in a matrix of its own.
    pub(super) gate: &'static str,
    pub(super) down: &'static str,
    /// Of what the feed-forward layer adds.
    pub(super) post_ffn_norm: &'static str,
    /// Endings of tensors that hold no weights: masks and tables that follow from the shape.
    pub(super) ignored: &'static [&'static str],
}

impl Names {
    /// What the names of a layer's tensors begin with.
    pub(super) fn layer(&self, number: usize) -> String {
        format!("{}{number}.", self.layers)
    }

    /// The names in a GGUF file of a family.
    pub(super) fn gguf(layout: Layout) -> Self {
        let fused = matches!(layout, Layout::Phi3 | Layout::Gpt2 | Layout::GptNeox);
        let gated = matches!(layout, Layout::Llama | Layout::Gemma3);
        Self {
            qkv: if fused { "attn_qkv" } else { "" },
            apart: if fused { [""; 3] } else { GGUF.apart },
            gate: if gated { "ffn_gate" } else { "" },
            ..GGUF
        }
    }

    /// The names in a folder of a family.
    pub(super) fn folder(layout: Layout) -> Self {
        match layout {
            Layout::Llama => LLAMA,
            Layout::Gemma3 => Self {
                post_attention_norm: "post_attention_layernorm",
                ffn_norm: "pre_feedforward_layernorm",
                post_ffn_norm: "post_feedforward_layernorm",
                ..LLAMA
            },
            Layout::Phi3 => {
                Self { qkv: "self_attn.qkv_proj", apart: [""; 3], up: "mlp.gate_up_proj", gate: "", ..LLAMA }
            }
            Layout::Gpt2 => GPT2,
            Layout::GptNeox => GPT_NEOX,
            Layout::Codegen => CODEGEN,
        }
    }
}

/// The name of today of a folder's tensor: transformers has renamed some.
pub(super) fn current(name: &str, layout: Layout) -> String {
    match layout {
        Layout::GptNeox if name == "embed_out.weight" => "lm_head.weight".to_owned(),
        Layout::Gpt2 if !name.starts_with("transformer.") && name != "lm_head.weight" => {
            format!("transformer.{name}")
        }
        _ => name.to_owned(),
    }
}

const GGUF: Names = Names {
    embedding: "token_embd",
    positions: "position_embd",
    final_norm: "output_norm",
    head: "output",
    layers: "blk.",
    attention_norm: "attn_norm",
    qkv: "",
    apart: ["attn_q", "attn_k", "attn_v"],
    q_norm: "attn_q_norm",
    k_norm: "attn_k_norm",
    o: "attn_output",
    post_attention_norm: "post_attention_norm",
    ffn_norm: "ffn_norm",
    up: "ffn_up",
    gate: "ffn_gate",
    down: "ffn_down",
    post_ffn_norm: "post_ffw_norm",
    // Those that count were read with the metadata.
    ignored: &["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"],
};

const LLAMA: Names = Names {
    embedding: "model.embed_tokens",
    positions: "",
    final_norm: "model.norm",
    head: "lm_head",
    layers: "model.layers.",
    attention_norm: "input_layernorm",
    qkv: "",
    apart: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    q_norm: "self_attn.q_norm",
    k_norm: "self_attn.k_norm",
    o: "self_attn.o_proj",
    post_attention_norm: "",
    ffn_norm: "post_attention_layernorm",
    up: "mlp.up_proj",
    gate: "mlp.gate_proj",
    down: "mlp.down_proj",
    post_ffn_norm: "",
    ignored: &["rotary_emb.inv_freq"],
};

const GPT2: Names = Names {
    embedding: "transformer.wte",
    positions: "transformer.wpe",
    final_norm: "transformer.ln_f",
    head: "lm_head",
    layers: "transformer.h.",
    attention_norm: "ln_1",
    qkv: "attn.c_attn",
    apart: [""; 3],
    q_norm: "",
    k_norm: "",
    o: "attn.c_proj",
    post_attention_norm: "",
    ffn_norm: "ln_2",
    up: "mlp.c_fc",
    gate: "",
    down: "mlp.c_proj",
    post_ffn_norm: "",
    ignored: &[".attn.bias", ".attn.masked_bias"],
};

const GPT_NEOX: Names = Names {
    embedding: "gpt_neox.embed_in",
    positions: "",
    final_norm: "gpt_neox.final_layer_norm",
    head: "lm_head",
    layers: "gpt_neox.layers.",
    attention_norm: "input_layernorm",
    qkv: "attention.query_key_value",
    o: "attention.dense",
    ffn_norm: "post_attention_layernorm",
    up: "mlp.dense_h_to_4h",
    down: "mlp.dense_4h_to_h",
    ignored: &[".attention.bias", ".attention.masked_bias", "rotary_emb.inv_freq"],
    ..GPT2
};

const CODEGEN: Names = Names {
    positions: "",
    qkv: "attn.qkv_proj",
    o: "attn.out_proj",
    ffn_norm: "",
    up: "mlp.fc_in",
    down: "mlp.fc_out",
    ignored: &[".attn.causal_mask", ".attn.bias", ".attn.masked_bias"],
    ..GPT2
};
