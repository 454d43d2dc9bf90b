//! Models of every design that is run give the logits that Hugging Face's transformers gives, and the same bits in any
//! cut into passes.
//!
//! `data/designs.json` was written by `data/designs.py`.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::{collections::HashMap, path::Path};

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
    let renamed: [(&str, fn(&str) -> String); 2] = [
        ("gpt-neox", |header| header.replace("\"lm_head.weight\"", "\"embed_out.weight\"")),
        ("gpt2", |header| header.replace("\"transformer.", "\"")),
    ];
    for (name, rename) in renamed {
        let (_, design) = designs().into_iter().find(|(known, _)| known == name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write(&design, folder.path(), Dtype::F32);
        let path = folder.path().join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header = rename(std::str::from_utf8(&bytes[8..8 + length]).unwrap());
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
