//! Opening models that are run: what can't be right is refused by an error that names the file and fits.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod gguf_file;

use std::path::Path;

use gguf_file::{File, string, value};
use proptest::prelude::*;
use samara_seedling::{
    Dtype, Model, ModelConfig, Stream, Weights,
    config::Design,
    model::{Span, Workspace},
};

const HIDDEN: u64 = 32;
const INNER: u64 = 64;
const VOCAB: u64 = 16;

fn whole(number: u32) -> Vec<u8> {
    value(4, &number.to_le_bytes())
}

/// A small Llama's metadata.
fn metadata() -> File {
    File::new()
        .set("general.architecture", value(8, &string("llama")))
        .set("llama.embedding_length", whole(32))
        .set("llama.feed_forward_length", whole(64))
        .set("llama.block_count", whole(1))
        .set("llama.attention.head_count", whole(4))
        .set("llama.attention.head_count_kv", whole(2))
        .set("llama.context_length", whole(64))
        .set("llama.attention.layer_norm_rms_epsilon", value(6, &1e-5_f32.to_le_bytes()))
        .set("tokenizer.ggml.eos_token_id", whole(2))
}

/// Q8_0 blocks of these sizes, all of whose scales are `scale`.
fn blocks(shape: &[u64], scale: f32) -> Vec<u8> {
    let count = shape.iter().product::<u64>() / 32;
    let codes = |block: u64| (0..32).map(move |i| ((block * 7 + i * 5) % 200) as u8);
    (0..count)
        .flat_map(|block| half::f16::from_f32(scale).to_le_bytes().into_iter().chain(codes(block)))
        .collect()
}

fn with_tensors(mut file: File) -> File {
    let ones: Vec<u8> = (0..HIDDEN).flat_map(|_| 1.0_f32.to_le_bytes()).collect();
    for (name, shape) in [
        ("token_embd", vec![HIDDEN, VOCAB]),
        ("output_norm", vec![HIDDEN]),
        ("blk.0.attn_norm", vec![HIDDEN]),
        ("blk.0.attn_q", vec![HIDDEN, HIDDEN]),
        ("blk.0.attn_k", vec![HIDDEN, HIDDEN / 2]),
        ("blk.0.attn_v", vec![HIDDEN, HIDDEN / 2]),
        ("blk.0.attn_output", vec![HIDDEN, HIDDEN]),
        ("blk.0.ffn_norm", vec![HIDDEN]),
        ("blk.0.ffn_gate", vec![HIDDEN, INNER]),
        ("blk.0.ffn_up", vec![HIDDEN, INNER]),
        ("blk.0.ffn_down", vec![INNER, HIDDEN]),
    ] {
        let name = format!("{name}.weight");
        file = match shape.len() {
            1 => file.tensor(&name, &shape, 0, ones.clone()),
            _ => file.tensor(&name, &shape, 8, blocks(&shape, 0.01)),
        };
    }
    file
}

fn open(file: &File) -> Result<Model, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    Model::open(&path).map_err(|error| {
        let text = error.to_string();
        assert!(text.contains("model.gguf") && text.contains("\nhint: "), "{text}");
        text
    })
}

#[track_caller]
fn refused(file: &File, told: &str) {
    let text = open(file).err().unwrap_or_else(|| panic!("{told}: it is read"));
    assert!(text.contains(told), "{told}: {text}");
}

/// The file with one entry of its metadata changed.
fn changed(key: &str, bytes: Vec<u8>) -> File {
    let mut file = metadata();
    file.metadata.retain(|(known, _)| known != key);
    with_tensors(file.set(key, bytes))
}

fn logits(model: &Model) -> Vec<f32> {
    let mut work = Workspace::default();
    let span = Span { cache: &mut model.cache(), tokens: &[1, 5, 3], outputs_from: 0 };
    model.pass(&mut [span], true, &mut work);
    work.logits
}

#[test]
fn a_quantised_model_is_opened_and_its_embedding_is_its_head() {
    let model = open(&with_tensors(metadata())).unwrap();
    assert!(model.config().tied && model.config().eos == [2]);
    let logits = logits(&model);
    assert!(logits.len() == 3 * 16 && logits.iter().all(|logit| logit.is_finite()));
}

#[test]
fn architectures_and_mixtures_that_are_not_run_are_named() {
    let architecture = |name: &str| changed("general.architecture", value(8, &string(name)));
    refused(&architecture("mamba"), "the architecture mamba is not supported");
    refused(&architecture("qwen2"), "qwen2.");
    refused(&with_tensors(metadata().set("llama.expert_count", whole(8))), "a mixture of experts");
    let mut file = metadata();
    file.metadata.remove(0);
    refused(&with_tensors(file), "general.architecture is missing");
}

#[test]
fn numbers_of_other_kinds_are_named_with_those_that_are_read() {
    for (kind, name, bytes) in [(10, "Q2_K", 84), (11, "Q3_K", 110), (20, "IQ4_NL", 18), (23, "IQ4_XS", 136)]
    {
        let mut file = with_tensors(metadata());
        let block = if kind == 20 { 32 } else { 256 };
        let place = file.tensors.iter_mut().find(|(name, ..)| name == "blk.0.ffn_up.weight").unwrap();
        // A row must be a whole number of blocks; what is wrong is told before the shape.
        (place.1, place.2, place.3) = (vec![block, INNER], kind, vec![0; bytes * INNER as usize]);
        if block == HIDDEN {
            refused(&file, &format!("stored as {name}"));
            refused(&file, "Q4_K");
        } else {
            refused(&file, "is of shape");
        }
    }
}

#[test]
fn tensors_that_are_missing_of_another_shape_or_left_over_are_named() {
    let whole = with_tensors(metadata());
    for at in 0..whole.tensors.len() {
        let mut file = whole.clone();
        let (name, ..) = file.tensors.remove(at);
        refused(&file, &name);
        let mut file = whole.clone();
        file.tensors[at].1.push(2);
        let again = file.tensors[at].3.clone();
        file.tensors[at].3.extend(again);
        refused(&file, "is of shape");
    }
    let sinks = whole.clone().tensor("blk.0.attn_sinks.weight", &[4], 0, vec![0; 16]);
    refused(&sinks, "blk.0.attn_sinks.weight is not one");
    let bias = vec![0; 32 * 4];
    refused(&whole.clone().tensor("blk.0.attn_q.bias", &[32], 0, bias.clone()), "have a bias");
    assert!(open(&whole.tensor("blk.0.ffn_down.bias", &[32], 0, bias)).is_ok());
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for (name, kind) in [("blk.0.attn_v.weight", 8), ("blk.0.ffn_norm.weight", 0), ("token_embd.weight", 8)] {
        let mut file = with_tensors(metadata());
        let place = file.tensors.iter_mut().find(|(known, ..)| known == name).unwrap();
        match kind {
            8 => place.3[..2].copy_from_slice(&half::f16::INFINITY.to_le_bytes()),
            _ => place.3[..4].copy_from_slice(&f32::NAN.to_le_bytes()),
        }
        assert!(open(&file).is_err(), "{name}");
    }
}

#[test]
fn sizes_that_no_model_has_are_refused() {
    for (key, bad) in [
        ("llama.block_count", [0, 5000, u32::MAX]),
        ("llama.attention.head_count", [0, 3, u32::MAX]),
        ("llama.attention.head_count_kv", [0, 3, u32::MAX]),
        ("llama.embedding_length", [0, 33, u32::MAX]),
        ("llama.feed_forward_length", [0, 65, u32::MAX]),
        ("llama.context_length", [0, 1 << 21, u32::MAX]),
        ("tokenizer.ggml.eos_token_id", [16, 1 << 20, u32::MAX]),
        ("llama.rope.dimension_count", [0, 4, u32::MAX]),
        ("llama.attention.key_length", [0, 4, u32::MAX]),
    ] {
        for number in bad {
            assert!(open(&changed(key, whole(number))).is_err(), "{key} = {number}");
        }
    }
    refused(&changed("llama.block_count", value(8, &string("1"))), "llama.block_count is a text");
    let mut file = metadata();
    file.metadata.retain(|(key, _)| key != "llama.context_length");
    refused(&with_tensors(file), "llama.context_length is missing");
}

#[test]
fn sizes_that_lie_take_no_memory() {
    // Together they pass for a model; the rows' order alone would take gigabytes.
    let mut file = metadata();
    let lies = [("llama.attention.head_count", 1 << 20), ("llama.attention.head_count_kv", 1 << 20)];
    for (key, number) in lies {
        file.metadata.retain(|(known, _)| known != key);
        file = file.set(key, whole(number));
    }
    let file =
        file.set("llama.attention.key_length", whole(256)).set("llama.attention.value_length", whole(256));
    refused(&with_tensors(file), "268435456 rows");
    let text = |layers: u64| {
        format!(
            r#"{{"model_type": "mistral", "vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": {layers},
            "num_attention_heads": 2, "max_position_embeddings": 64, "sliding_window": 16}}"#
        )
    };
    let read = |layers| ModelConfig::from_json(text(layers).as_bytes(), Path::new("config.json"));
    assert_eq!(read(3).unwrap().design.window.unwrap().local, [true; 3]);
    assert!(read(1 << 60).unwrap_err().to_string().contains("num_hidden_layers"));
}

#[test]
fn a_small_model_of_floats_has_the_bits_that_it_has_from_training() {
    let config = ModelConfig {
        vocab_size: 16,
        hidden_size: 16,
        intermediate_size: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 4,
        max_positions: 32,
        rms_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: samara_seedling::RopeScaling::None,
        tied: true,
        attention_bias: false,
        qk_norm: false,
        bos: None,
        eos: vec![0],
        subjects: false,
        design: Design::default(),
    };
    let weights = Weights::initial(config, &mut Stream::new(3, 0));
    let folder = tempfile::tempdir().unwrap();
    weights.write(folder.path(), Dtype::F32).unwrap();
    assert_eq!(logits(&Model::open(folder.path()).unwrap()), logits(&Model::new(&weights)));
    weights.write(folder.path(), Dtype::F16).unwrap();
    let read = Weights::read(folder.path()).unwrap();
    assert_eq!(logits(&Model::open(folder.path()).unwrap()), logits(&Model::new(&read)));
}

#[test]
fn folders_and_paths_that_hold_no_model_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &Path| Model::open(path).err().unwrap().to_string();
    assert!(refusal(folder.path()).contains("config.json"));
    assert!(refusal(&folder.path().join("none.gguf")).contains("none.gguf"));
    let other = folder.path().join("model.bin");
    std::fs::write(&other, b"\x80\x04abcdefgh").unwrap();
    assert!(refusal(&other).contains("not a GGUF file"));
}

proptest! {
    #[test]
    fn changed_bytes_are_opened_or_refused_and_what_is_opened_runs(
        changes in prop::collection::vec((0..1800_usize, any::<u8>()), 1..5),
    ) {
        let mut bytes = with_tensors(metadata()).bytes();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, bytes).unwrap();
        match Model::open(&path) {
            Ok(model) => drop(logits(&model)),
            Err(error) => prop_assert!(error.to_string().contains("model.gguf")),
        }
    }
}
