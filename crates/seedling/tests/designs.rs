//! Models of every design that is run give the logits that Hugging Face's transformers gives, and the same bits in any
//! cut into passes; from a folder, and from a GGUF file as llama.cpp's converter writes it.
//!
//! `data/designs.json` was written by `data/designs.py`.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod gguf_file;

use std::{collections::HashMap, path::Path};

use gguf_file::{File, string, value};
use half::f16;
use safetensors::{Dtype, tensor::TensorView};
use samara_seedling::{
    Model,
    model::{Span, Workspace},
};
use serde_json::Value;

const LENGTH: u32 = 96;

fn designs() -> Vec<(String, Value)> {
    let file: Value = serde_json::from_str(include_str!("data/designs.json")).unwrap();
    file["designs"].as_object().unwrap().clone().into_iter().collect()
}

/// The weights of designs.py.
fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let salt: u64 = name.bytes().zip(1..).map(|(byte, at)| u64::from(byte) * at).sum::<u64>() % 1009;
    let tables = ["embed_tokens", "embed_in", "wte", "wpe"];
    let each = |number: u64| {
        let spread = ((number * 37 + salt * 101) % 1009) as f64 / 1009.0 - 0.5;
        if shape.len() == 1 && name.ends_with(".weight") {
            (1.0 + spread) as f32
        } else if shape.len() == 2 && !tables.iter().any(|part| name.contains(part)) {
            (spread * 4.0 / (shape[1] as f64).sqrt()) as f32
        } else {
            spread as f32
        }
    };
    (0..shape.iter().product::<usize>() as u64).map(each).collect()
}

/// Writes a design's folder, its numbers as f32 or as f16.
fn write(design: &Value, folder: &Path, dtype: Dtype) {
    std::fs::write(folder.join("config.json"), design["config"].to_string()).unwrap();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = design["tensors"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, shape)| {
            let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
            let numbers = values(name, &shape);
            let bytes = match dtype {
                Dtype::F32 => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
                _ => numbers.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes()).collect(),
            };
            (name.clone(), shape, bytes)
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(views, Some(format)).unwrap();
    std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
}

fn tokens() -> Vec<u32> {
    (0..LENGTH).map(|at| (at * 7 + at * at) % 24).collect()
}

/// Logits of the last two tokens, read in passes of so many tokens.
fn logits(model: &Model, step: usize) -> Vec<f32> {
    let (mut cache, mut work, tokens) = (model.cache(), Workspace::default(), tokens());
    let mut found = Vec::new();
    for (number, tokens) in tokens.chunks(step).enumerate() {
        let outputs_from = (LENGTH as usize - 2).saturating_sub(number * step).min(tokens.len());
        model.pass(&mut [Span { cache: &mut cache, tokens, outputs_from }], true, &mut work);
        found.extend_from_slice(&work.logits);
    }
    found
}

fn open(design: &Value, dtype: Dtype) -> Model {
    let folder = tempfile::tempdir().unwrap();
    write(design, folder.path(), dtype);
    Model::open(folder.path()).unwrap()
}

#[test]
fn the_names_of_older_files_are_read_too() {
    let renamed =
        [("gpt-neox", ["\"lm_head.weight\"", "\"embed_out.weight\""]), ("gpt2", ["\"transformer.", "\""])];
    for (name, [new, old]) in renamed {
        let (_, design) = designs().into_iter().find(|(known, _)| known == name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write(&design, folder.path(), Dtype::F32);
        let path = folder.path().join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap().replace(new, old);
        let size = (header.len() as u64).to_le_bytes();
        std::fs::write(&path, [&size, header.as_bytes(), &bytes[8 + length..]].concat()).unwrap();
        let model = Model::open(folder.path()).unwrap();
        assert!(off(&logits(&model, LENGTH as usize), &design) < 1e-4, "{name}");
    }
}

/// How far numbers are off at most.
#[track_caller]
fn off(found: &[f32], design: &Value) -> f64 {
    let rows = design["logits"].as_array().unwrap().iter();
    let expected: Vec<f64> =
        rows.flat_map(|row| row.as_array().unwrap()).map(|value| value.as_f64().unwrap()).collect();
    assert_eq!(found.len(), expected.len());
    found.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
}

#[test]
fn every_design_has_the_logits_of_transformers() {
    let mut wrong = Vec::new();
    for (name, design) in designs() {
        let off = off(&logits(&open(&design, Dtype::F32), LENGTH as usize), &design);
        println!("{name}: off by {off:.1e} at most");
        if off.is_nan() || off > 1e-4 {
            wrong.push((name, off));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_cut_into_passes_gives_the_same_bits() {
    for (name, design) in designs() {
        let model = open(&design, Dtype::F32);
        let whole = logits(&model, LENGTH as usize);
        for step in [1, 7, 16, 50] {
            assert_eq!(logits(&model, step), whole, "{name} in passes of {step}");
        }
    }
}

#[test]
fn every_part_of_a_design_counts() {
    let changes: [(&str, &[(&str, Value)]); 7] = [
        ("mistral, sliding window", &[("sliding_window", Value::Null)]),
        ("qwen2, sliding window in later layers", &[("use_sliding_window", false.into())]),
        ("gemma3", &[("query_pre_attn_scalar", 16.into())]),
        ("gemma3, capped", &[("final_logit_softcapping", Value::Null)]),
        ("gpt-neox", &[("use_parallel_residual", false.into())]),
        ("gpt-neox", &[("rope_parameters", Value::Null)]),
        ("codegen, wide heads", &[("rotary_dim", 2.into())]),
    ];
    for (name, fields) in changes {
        let (_, mut design) = designs().into_iter().find(|(known, _)| known == name).unwrap();
        for (field, value) in fields {
            assert!(design["config"].get(field).is_some(), "{field} of {name}");
            design["config"][field] = value.clone();
        }
        let off = off(&logits(&open(&design, Dtype::F32), LENGTH as usize), &design);
        assert!(off > 1e-3, "{fields:?} of {name} changes {off} at most");
    }
}

/// A design as llama.cpp's converter (convert_hf_to_gguf.py) writes it; `None` of what has no GGUF files.
fn converted(design: &Value) -> Option<File> {
    let config = &design["config"];
    let kind = config["model_type"].as_str().unwrap();
    let name = match kind {
        "llama" | "mistral" => "llama",
        "qwen2" | "phi3" | "gpt2" => kind,
        "gemma3_text" => "gemma3",
        "gpt_neox" => "gptneox",
        _ => return None,
    };
    let mut file = metadata(config, name);
    for (old, shape) in design["tensors"].as_object().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
        let (new, shape, numbers) = tensor(config, name, old, &shape);
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let shape: Vec<u64> = shape.iter().rev().map(|size| *size as u64).collect();
        file = file.tensor(&new, &shape, 0, bytes);
    }
    if let Some(factors) = config["rope_parameters"]["short_factor"].as_array() {
        let bytes =
            factors.iter().flat_map(|factor| (factor.as_f64().unwrap() as f32).to_le_bytes()).collect();
        file = file.tensor("rope_factors_short.weight", &[factors.len() as u64], 0, bytes);
    }
    Some(file)
}

fn metadata(config: &Value, name: &str) -> File {
    let number = |names: &[&str]| names.iter().find_map(|name| config.get(name)?.as_u64());
    let mut file = File::new().set("general.architecture", value(8, &string(name)));
    let mut set = |key: &str, bytes: Option<Vec<u8>>| {
        if let Some(bytes) = bytes {
            file = file.clone().set(&format!("{name}.{key}"), bytes);
        }
    };
    let whole =
        |number: Option<u64>| number.map(|number| value(4, &u32::try_from(number).unwrap().to_le_bytes()));
    let float = |number: Option<f64>| number.map(|number| value(6, &(number as f32).to_le_bytes()));
    let hidden = number(&["hidden_size", "n_embd"]).unwrap();
    set("embedding_length", whole(Some(hidden)));
    set("feed_forward_length", whole(number(&["intermediate_size", "n_inner"]).or(Some(4 * hidden))));
    set("block_count", whole(number(&["num_hidden_layers", "n_layer"])));
    let heads = number(&["num_attention_heads", "n_head"]);
    set("attention.head_count", whole(heads));
    set("attention.head_count_kv", whole(number(&["num_key_value_heads"]).filter(|_| name != "gptneox")));
    let context = number(&["max_position_embeddings", "n_positions"]);
    set("context_length", whole(context));
    let rms = config["rms_norm_eps"].as_f64();
    set("attention.layer_norm_rms_epsilon", float(rms));
    let eps = config["layer_norm_eps"].as_f64().or(config["layer_norm_epsilon"].as_f64());
    set("attention.layer_norm_epsilon", float(eps));
    let dim = number(&["head_dim"]).unwrap_or(hidden / heads.unwrap());
    set("attention.key_length", whole(Some(dim)));
    set("attention.value_length", whole(Some(dim)));
    set("attention.sliding_window", whole(number(&["sliding_window"])));
    set("final_logit_softcapping", float(config["final_logit_softcapping"].as_f64()));
    let rope = &config["rope_parameters"];
    let part = rope["partial_rotary_factor"].as_f64().or(config["partial_rotary_factor"].as_f64());
    set("rope.dimension_count", whole(Some((dim as f64 * part.unwrap_or(1.0)) as u64)));
    set(
        "rope.freq_base",
        float(rope["rope_theta"].as_f64().or(rope["full_attention"]["rope_theta"].as_f64())),
    );
    set("rope.freq_base_swa", float(rope["sliding_attention"]["rope_theta"].as_f64()));
    set("rope.scaling.original_context_length", whole(rope["original_max_position_embeddings"].as_u64()));
    if let Some(scaling @ ("linear" | "yarn" | "longrope")) = rope["rope_type"].as_str() {
        set("rope.scaling.type", Some(value(8, &string(scaling))));
        set("rope.scaling.factor", float(rope["factor"].as_f64()));
    }
    set(
        "use_parallel_residual",
        config["use_parallel_residual"].as_bool().map(|flag| value(7, &[u8::from(flag)])),
    );
    file
}

/// A tensor's name, shape and numbers.
fn tensor(config: &Value, kind: &str, old: &str, shape: &[usize]) -> (String, Vec<usize>, Vec<f32>) {
    let mut numbers = values(old, shape);
    let (stem, end) = old.rsplit_once('.').unwrap();
    let parts: Vec<&str> = stem.split('.').collect();
    let layer = parts.iter().position(|part| part.parse::<usize>().is_ok());
    let own = layer.map_or(stem.rsplit('.').next().unwrap().to_owned(), |at| parts[at + 1..].join("."));
    let heads = |name: &str| usize::try_from(config[name].as_u64().unwrap()).unwrap();
    if kind == "llama" && ["self_attn.q_proj", "self_attn.k_proj"].contains(&own.as_str()) {
        let heads = heads(if own.contains("q_proj") { "num_attention_heads" } else { "num_key_value_heads" });
        numbers = interleaved(&numbers, heads, shape[0] / heads);
    }
    if kind == "gptneox" && own == "attention.query_key_value" {
        numbers = by_kind(&numbers, heads("num_attention_heads"), shape[0]);
    }
    if kind == "gemma3" && own.contains("norm") {
        numbers.iter_mut().for_each(|number| *number += 1.0);
    }
    let mut shape = shape.to_vec();
    if kind == "gpt2" && layer.is_some() && shape.len() == 2 {
        let (rows, columns) = (shape[0], shape[1]);
        numbers = (0..columns)
            .flat_map(|j| (0..rows).map(move |i| i * columns + j))
            .map(|at| numbers[at])
            .collect();
        shape.reverse();
    }
    let new = match own.as_str() {
        "embed_tokens" | "wte" | "embed_in" => "token_embd",
        "wpe" => "position_embd",
        "norm" | "ln_f" | "final_layer_norm" => "output_norm",
        "lm_head" => "output",
        "input_layernorm" | "ln_1" => "attn_norm",
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.qkv_proj" | "attn.c_attn" | "attention.query_key_value" => "attn_qkv",
        "self_attn.o_proj" | "attn.c_proj" | "attention.dense" => "attn_output",
        "self_attn.q_norm" => "attn_q_norm",
        "self_attn.k_norm" => "attn_k_norm",
        "post_attention_layernorm" if kind == "gemma3" => "post_attention_norm",
        "post_attention_layernorm" | "pre_feedforward_layernorm" | "ln_2" => "ffn_norm",
        "post_feedforward_layernorm" => "post_ffw_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" | "mlp.gate_up_proj" | "mlp.c_fc" | "mlp.dense_h_to_4h" => "ffn_up",
        "mlp.down_proj" | "mlp.c_proj" | "mlp.dense_4h_to_h" => "ffn_down",
        other => panic!("{other} has no name in GGUF"),
    };
    let new = layer.map_or(format!("{new}.{end}"), |at| format!("blk.{}.{new}.{end}", parts[at]));
    (new, shape, numbers)
}

/// Llama's heads with neighbours where halves were.
fn interleaved(numbers: &[f32], heads: usize, dim: usize) -> Vec<f32> {
    let width = numbers.len() / (heads * dim);
    let row = |head: usize, i: usize| &numbers[(head * dim + i % 2 * (dim / 2) + i / 2) * width..][..width];
    (0..heads)
        .flat_map(|head| (0..dim).map(move |i| (head, i)))
        .flat_map(|(head, i)| row(head, i))
        .copied()
        .collect()
}

/// GPT-NeoX's queries, keys and values, those of all heads one behind the other.
fn by_kind(numbers: &[f32], heads: usize, rows: usize) -> Vec<f32> {
    let (width, dim) = (numbers.len() / rows, rows / 3 / heads);
    let places = (0..3).flat_map(|kind| (0..heads).map(move |head| head * 3 + kind));
    places.flat_map(|block| &numbers[block * dim * width..][..dim * width]).copied().collect()
}

#[test]
fn every_design_has_the_same_logits_from_a_gguf_file() {
    let mut seen = 0;
    // What no converter says: windows in some layers alone, YaRN's and Gemma's unusual numbers, an exact GELU.
    let unsaid = [
        "qwen2, sliding window in later layers",
        "llama, yarn with its own numbers",
        "gemma3",
        "gemma3, capped",
        "gpt-neox",
    ];
    for (name, design) in designs() {
        let Some(file) = converted(&design).filter(|_| !unsaid.contains(&name.as_str())) else { continue };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, file.bytes()).unwrap();
        let off = off(&logits(&Model::open(&path).unwrap(), LENGTH as usize), &design);
        assert!(off < 1e-4, "{name}: off by {off}");
        seen += 1;
    }
    assert_eq!(seen, 9);
}
