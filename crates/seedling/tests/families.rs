//! Models of every family that is read give the logits that Hugging Face's transformers gives.
//!
//! `data/families.json` was written by `data/families.py`.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::path::Path;

use samara_seedling::{
    Dtype, Model, ModelConfig, RopeScaling, Stream, Weights,
    model::{Span, Workspace},
};
use serde_json::{Value, json};

fn families() -> Vec<(String, Value)> {
    let file: Value = serde_json::from_str(include_str!("data/families.json")).unwrap();
    file["families"].as_object().unwrap().clone().into_iter().collect()
}

fn config(family: &Value) -> ModelConfig {
    ModelConfig::from_json(family["config"].to_string().as_bytes(), Path::new("config.json")).unwrap()
}

/// The weights of families.py.
fn weights(config: ModelConfig) -> Weights {
    let mut weights = Weights::initial(config, &mut Stream::new(0, 0));
    for (name, shape, values) in weights.tensors_mut() {
        let salt: u64 = name.bytes().zip(1..).map(|(byte, at)| u64::from(byte) * at).sum::<u64>() % 1009;
        for (value, number) in values.iter_mut().zip(0..) {
            let spread = ((number * 37 + salt * 101) % 1009) as f64 / 1009.0 - 0.5;
            *value = if name.ends_with("norm.weight") {
                (1.0 + spread) as f32
            } else if shape.len() == 2 && !name.contains("embed_tokens") {
                (spread * 4.0 / (shape[1] as f64).sqrt()) as f32
            } else {
                spread as f32
            };
        }
    }
    weights
}

/// Logits of the last tokens of the sequence of families.py.
fn logits(weights: &Weights, last: usize) -> Vec<f32> {
    let model = Model::new(weights);
    let tokens: Vec<u32> = (0..96).map(|at| (at * 7 + at * at) % 24).collect();
    let (mut cache, mut work) = (model.cache(), Workspace::default());
    let span = Span { cache: &mut cache, tokens: &tokens, outputs_from: tokens.len() - last };
    model.pass(&mut [span], true, &mut work);
    work.logits
}

#[test]
fn every_family_has_the_logits_of_transformers() {
    let families = families();
    assert_eq!(families.len(), 7);
    for (name, family) in families {
        let found = logits(&weights(config(&family)), 2);
        let rows = family["logits"].as_array().unwrap().iter();
        let expected: Vec<f64> =
            rows.flat_map(|row| row.as_array().unwrap()).map(|value| value.as_f64().unwrap()).collect();
        assert_eq!(found.len(), expected.len(), "{name}");
        let off = found.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        let range = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        println!("{name}: logits up to {range:.2}, off by {off:.1e} at most");
        assert!(off < 1e-4, "{name}: off by {off}");
    }
}

#[test]
fn scaled_positions_and_normed_heads_count() {
    let (mut changed, mut seen) = (0, Vec::new());
    for (name, family) in families() {
        let config = config(&family);
        let mut without = config.clone();
        without.rope_scaling = RopeScaling::None;
        changed += usize::from(
            config != without && logits(&weights(config.clone()), 2) != logits(&weights(without), 2),
        );
        seen.push((name, config.rope_scaling, config.qk_norm, config.tied));
    }
    assert_eq!(changed, 2, "{seen:?}");
    assert_eq!(seen.iter().filter(|(_, _, qk_norm, _)| *qk_norm).count(), 2);
    assert_eq!(seen.iter().filter(|(.., tied)| *tied).count(), 2);
}

#[test]
fn a_model_of_every_family_written_to_a_folder_reads_back_exactly() {
    for (name, family) in families() {
        let folder = tempfile::tempdir().unwrap();
        let weights = weights(config(&family));
        weights.write(folder.path(), Dtype::F32).unwrap();
        assert_eq!(Weights::read(folder.path()).unwrap(), weights, "{name}");
    }
}

#[test]
fn the_older_spellings_of_a_scaling_are_read_too() {
    let (_, family) = families().into_iter().find(|(name, _)| name == "llama").unwrap();
    let read = |scaling: Value| {
        let mut file = family["config"].clone();
        file.as_object_mut().unwrap().remove("rope_parameters");
        (file["rope_theta"], file["rope_scaling"]) = (json!(1e4), scaling);
        ModelConfig::from_json(file.to_string().as_bytes(), Path::new("config.json")).unwrap()
    };
    assert_eq!(
        read(json!({"type": "linear", "factor": 2.0})).rope_scaling,
        RopeScaling::Linear { factor: 2.0 }
    );
    assert_eq!(read(Value::Null).rope_scaling, RopeScaling::None);
    let llama3 = json!({"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192});
    let expected = RopeScaling::Llama3 { factor: 32.0, low: 1.0, high: 4.0, original: 8192.0 };
    assert_eq!(read(llama3).rope_scaling, expected);
}
