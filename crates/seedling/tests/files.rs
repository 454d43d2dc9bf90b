//! A model's files: what is written reads back, and what is broken is refused by an error that names the file.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::{collections::HashMap, path::Path};

use proptest::prelude::*;
use samara_seedling::{
    Dtype, ModelConfig, RopeScaling, SeedlingError, Stream, Tokenizer, Weights, check_tokenizer,
    config::Design,
};
use serde_json::{Value, json};

fn config() -> ModelConfig {
    ModelConfig {
        vocab_size: 20,
        hidden_size: 8,
        intermediate_size: 12,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 4,
        max_positions: 32,
        rms_eps: 1e-5,
        rope_theta: 10_000.0,
        tied: true,
        attention_bias: false,
        qk_norm: false,
        rope_scaling: RopeScaling::None,
        bos: Some(0),
        eos: vec![1],
        subjects: false,
        design: Design::default(),
    }
}

fn weights() -> Weights {
    Weights::initial(config(), &mut Stream::new(7, 0))
}

fn bytes() -> Vec<u8> {
    weights().to_safetensors(Dtype::F32).unwrap()
}

const ORIGIN: &str = "folder/model.safetensors";

fn read(bytes: &[u8]) -> Result<Weights, SeedlingError> {
    Weights::from_bytes(config(), bytes, Path::new(ORIGIN))
}

/// What a refusal says, which must be about `path` and hold a hint.
fn refusal<T>(result: Result<T, SeedlingError>, path: &str) -> String {
    let Err(error) = result else { panic!("it is read") };
    let text = error.to_string();
    assert!(matches!(error, SeedlingError::File { .. }), "{error:?}");
    assert!(text.contains(path) && text.contains("\nhint: "), "{text}");
    text
}

/// Name, type, shape and data.
type Stored<'a> = (&'a str, &'a str, &'a [usize], &'a [u8]);

/// Safetensors bytes whose header is written here, so that it may be a wrong one.
fn safetensors(tensors: &[Stored<'_>]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, dtype, shape, values) in tensors {
        let end = data.len() + values.len();
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [data.len(), end]});
        header.insert((*name).to_owned(), entry);
        data.extend_from_slice(values);
    }
    let header = Value::Object(header).to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// Name, shape and numbers.
type Tensor = (String, Vec<usize>, Vec<f32>);

/// The bytes of [`weights`] after a change.
fn changed(change: impl Fn(&mut Vec<Tensor>)) -> Vec<u8> {
    let model = weights();
    let owned = |(name, shape, values): (String, Vec<usize>, &[f32])| (name, shape, values.to_vec());
    let mut tensors = model.tensors().into_iter().map(owned).collect::<Vec<_>>();
    change(&mut tensors);
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let data = tensors.iter().map(|(.., values)| bytes(values)).collect::<Vec<_>>();
    let stored =
        tensors.iter().zip(&data).map(|((name, shape, _), data)| (&**name, "F32", &**shape, &**data));
    safetensors(&stored.collect::<Vec<_>>())
}

fn folder(weights: Option<&[u8]>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config().to_json()).unwrap();
    if let Some(bytes) = weights {
        std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    }
    folder
}

#[test]
fn weights_written_to_a_folder_read_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let mut shape = config();
    (shape.tied, shape.attention_bias, shape.eos) = (false, true, vec![1, 2]);
    let mut weights = Weights::initial(shape, &mut Stream::new(1, 2));
    let ramp = weights.tensors_mut().into_iter().flat_map(|(.., values)| values).zip(0..);
    ramp.for_each(|(value, number)| *value += number as f32 / 1e4);
    weights.write(&folder.path().join("model"), Dtype::F32).unwrap();
    assert_eq!(Weights::read(&folder.path().join("model")).unwrap(), weights);
}

#[test]
fn f16_rounds_to_the_nearest_and_refuses_what_is_too_large() {
    let mut weights = weights();
    weights.final_norm[0] = 1.0005;
    weights.final_norm[1] = 1.0004;
    let rounded = read(&weights.to_safetensors(Dtype::F16).unwrap()).unwrap();
    assert_eq!(rounded.final_norm[..2], [1.0 + 1.0 / 1024.0, 1.0]);
    weights.final_norm[0] = 70_000.0;
    let error = weights.to_safetensors(Dtype::F16).unwrap_err().to_string();
    assert!(error.contains("model.norm.weight") && error.contains("F32"), "{error}");
    weights.final_norm[0] = f32::NAN;
    assert!(weights.to_safetensors(Dtype::F32).is_err());
}

#[test]
fn bf16_is_read() {
    let model = weights();
    let ones = model
        .tensors()
        .into_iter()
        .map(|(name, shape, values)| (name, shape, [0x80, 0x3F].repeat(values.len())));
    let ones = ones.collect::<Vec<_>>();
    let stored = ones.iter().map(|(name, shape, data)| (&**name, "BF16", &**shape, &**data));
    let model = read(&safetensors(&stored.collect::<Vec<_>>())).unwrap();
    assert!(model.tensors().iter().all(|(.., values)| values.iter().all(|value| *value == 1.0)));
}

#[test]
fn tensors_come_in_one_order_with_their_sizes() {
    let mut weights = weights();
    let names = weights.tensors().into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
    assert_eq!(names.first().unwrap(), "model.embed_tokens.weight");
    assert_eq!(names[2], "model.layers.0.self_attn.q_proj.weight");
    assert_eq!(names.last().unwrap(), "model.norm.weight");
    for (name, shape, values) in weights.tensors() {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
    }
    assert_eq!(weights.tensors_mut().into_iter().map(|(name, ..)| name).collect::<Vec<_>>(), names);
    assert_eq!(weights.parameters(), weights.config.parameters());
}

#[test]
fn initial_weights_depend_on_the_stream_alone_and_scale_down_what_goes_back_into_the_residual() {
    let mut shape = config();
    (shape.hidden_size, shape.intermediate_size, shape.layers) = (64, 64, 8);
    let weights = Weights::initial(shape.clone(), &mut Stream::new(3, 0));
    assert_eq!(weights, Weights::initial(shape.clone(), &mut Stream::new(3, 0)));
    assert_ne!(weights, Weights::initial(shape, &mut Stream::new(3, 1)));
    let deviation = |values: &[f32]| (values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32).sqrt();
    let layer = &weights.layers[0];
    assert!((deviation(&weights.embedding) - 0.04).abs() < 0.003);
    assert!((deviation(&layer.gate) - 0.125).abs() < 0.006, "one by the root of 64 inputs");
    assert!((deviation(&layer.down) - 0.031_25).abs() < 0.002, "and by the root of 16 branches");
    assert!(layer.ffn_norm.iter().chain(&weights.final_norm).all(|value| *value == 1.0));
}

#[test]
fn every_truncation_of_the_weights_is_refused() {
    let mut whole = bytes();
    for cut in (0..whole.len()).step_by(31).chain([7, 8, 9, whole.len() - 1]) {
        refusal(read(&whole[..cut]), ORIGIN);
    }
    whole.push(0);
    refusal(read(&whole), ORIGIN);
}

#[test]
fn a_tensor_of_another_shape_is_refused_by_name() {
    let transposed = changed(|tensors| tensors[0].1.reverse());
    assert!(refusal(read(&transposed), ORIGIN).contains("model.embed_tokens.weight is of shape [8, 20]"));
    let flat = changed(|tensors| tensors[0].1 = vec![160]);
    assert!(refusal(read(&flat), ORIGIN).contains("[160]"));
}

#[test]
fn missing_and_unexpected_tensors_are_refused_by_name() {
    let missing = changed(|tensors| drop(tensors.remove(4)));
    assert!(refusal(read(&missing), ORIGIN).contains("model.layers.0.self_attn.v_proj.weight"));
    let with = |name: &str| changed(|tensors| tensors.push((name.to_owned(), vec![2], vec![1.0, 0.1])));
    let text = refusal(read(&with("model.layers.2.mlp.up_proj.weight")), ORIGIN);
    assert!(text.contains("model.layers.2.mlp.up_proj.weight"), "{text}");
    assert_eq!(read(&with("model.layers.0.self_attn.rotary_emb.inv_freq")).unwrap(), weights());
}

#[test]
fn a_tied_models_head_must_be_its_embedding() {
    let head = |values: Vec<f32>| {
        changed(|tensors| tensors.push(("lm_head.weight".to_owned(), vec![20, 8], values.clone())))
    };
    assert_eq!(read(&head(weights().embedding)).unwrap(), weights());
    assert!(refusal(read(&head(vec![0.0; 160])), ORIGIN).contains("tie_word_embeddings"));
    let mut untied = config();
    untied.tied = false;
    let missing = Weights::from_bytes(untied, &bytes(), Path::new(ORIGIN));
    assert!(refusal(missing, ORIGIN).contains("lm_head.weight"));
}

#[test]
fn a_bias_of_attentions_output_is_read_only_if_it_changes_nothing() {
    let mut shape = config();
    (shape.attention_bias, shape.layers) = (true, 1);
    let model = Weights::initial(shape.clone(), &mut Stream::new(1, 0));
    let with_bias = |value: f32| {
        let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
        let mut data = model
            .tensors()
            .into_iter()
            .map(|(name, shape, values)| (name, shape, bytes(values)))
            .collect::<Vec<_>>();
        data.push(("model.layers.0.self_attn.o_proj.bias".to_owned(), vec![8], bytes(&[value; 8])));
        let stored = data.iter().map(|(name, shape, data)| (&**name, "F32", &**shape, &**data));
        Weights::from_bytes(shape.clone(), &safetensors(&stored.collect::<Vec<_>>()), Path::new(ORIGIN))
    };
    assert_eq!(with_bias(0.0).unwrap(), model);
    assert!(refusal(with_bias(0.5), ORIGIN).contains("o_proj.bias"));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let bytes = changed(|tensors| tensors[5].2[3] = bad);
        let text = refusal(read(&bytes), ORIGIN);
        assert!(text.contains("number 3 of the tensor model.layers.0.self_attn.o_proj.weight"), "{text}");
    }
}

#[test]
fn other_types_of_numbers_are_refused() {
    let bytes = safetensors(&[("model.norm.weight", "F64", &[8], &[0; 64])]);
    assert!(refusal(read(&bytes), ORIGIN).contains("F64"));
    let bytes = safetensors(&[("model.norm.weight", "I8", &[8], &[0; 8])]);
    assert!(refusal(read(&bytes), ORIGIN).contains("I8"));
}

#[test]
fn pickled_weights_are_never_loaded() {
    let pickles = [
        &b"\x80\x02}q\x00."[..],
        b"PK\x03\x04 an archive of a pickle",
        &[0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0],
    ];
    for pickle in pickles {
        assert!(refusal(read(pickle), ORIGIN).contains("never loaded"));
        let folder = folder(Some(pickle));
        assert!(refusal(Weights::read(folder.path()), "model.safetensors").contains("never loaded"));
    }
    let folder = folder(None);
    std::fs::write(folder.path().join("pytorch_model.bin"), b"PK\x03\x04").unwrap();
    assert!(refusal(Weights::read(folder.path()), "pytorch_model.bin").contains("save_pretrained"));
}

#[test]
fn a_folder_without_weights_is_refused() {
    let folder = folder(None);
    refusal(Weights::read(folder.path()), &folder.path().display().to_string());
    refusal(Weights::read(&folder.path().join("missing")), "config.json");
}

#[test]
fn oversized_files_are_refused_before_they_are_read() {
    let folder = folder(None);
    for (name, length) in
        [("model.safetensors", 4 << 20), ("config.json", 2 << 20), ("tokenizer.json", 1 << 30)]
    {
        let file = std::fs::File::create(folder.path().join(name)).unwrap();
        file.set_len(length).unwrap();
        drop(file);
        let result = match name {
            "tokenizer.json" => Tokenizer::read(&folder.path().join(name)).map(drop),
            _ => Weights::read(folder.path()).map(drop),
        };
        assert!(refusal(result, name).contains("oversized"));
    }
    assert!(refusal(read(&vec![0; 4 << 20]), ORIGIN).contains("oversized"));
}

/// A folder with the model in two shards, every other tensor in each, and an index after a change.
fn sharded(change: impl Fn(&mut Value)) -> tempfile::TempDir {
    let folder = folder(None);
    let mut map = HashMap::new();
    for (name, keep) in [("model-1.safetensors", 0), ("model-2.safetensors", 1)] {
        let bytes = changed(|tensors| {
            let mut numbers = 0..;
            tensors.retain(|_| numbers.next().is_some_and(|number| number % 2 == keep));
        });
        std::fs::write(folder.path().join(name), bytes).unwrap();
        map.extend(weights().tensors().into_iter().skip(keep).step_by(2).map(|(tensor, ..)| (tensor, name)));
    }
    let mut index = json!({"metadata": {}, "weight_map": map});
    change(&mut index);
    std::fs::write(folder.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
    folder
}

#[test]
fn shards_are_read_as_one_model() {
    assert_eq!(Weights::read(sharded(|_| {}).path()).unwrap(), weights());
}

#[test]
fn broken_indexes_and_shards_are_refused() {
    let index = "model.safetensors.index.json";
    for bad in [json!("../elsewhere.safetensors"), json!("/etc/passwd"), json!("model.bin"), json!(3)] {
        let folder = sharded(|file| file["weight_map"]["model.norm.weight"] = bad.clone());
        refusal(Weights::read(folder.path()), index);
    }
    refusal(Weights::read(sharded(|file| file["weight_map"] = json!({})).path()), index);
    refusal(Weights::read(sharded(|file| *file = json!([])).path()), index);
    let folder = sharded(|_| {});
    let (first, second) =
        (folder.path().join("model-1.safetensors"), folder.path().join("model-2.safetensors"));
    std::fs::remove_file(&second).unwrap();
    refusal(Weights::read(folder.path()), "model-2.safetensors");
    std::fs::copy(first, &second).unwrap();
    assert!(refusal(Weights::read(folder.path()), "model-2.safetensors").contains("in two files"));
    std::fs::write(&second, b"PK\x03\x04").unwrap();
    refusal(Weights::read(folder.path()), "model-2.safetensors");
}

#[test]
fn a_tokenizer_with_tokens_beyond_the_models_is_refused() {
    let tokenizer = Tokenizer::train(std::iter::empty(), 256, &["<s>"]);
    let mut shape = config();
    assert!(refusal(check_tokenizer(&tokenizer, &shape), "tokenizer.json").contains("256"));
    shape.vocab_size = 257;
    check_tokenizer(&tokenizer, &shape).unwrap();
}

fn read_config(change: impl Fn(&mut Value)) -> Result<ModelConfig, SeedlingError> {
    let mut file = serde_json::from_str(&config().to_json()).unwrap();
    change(&mut file);
    ModelConfig::from_json(file.to_string().as_bytes(), Path::new("folder/config.json"))
}

#[test]
fn the_mark_of_a_model_that_can_say_what_it_knows_is_written_and_read() {
    assert!(!config().to_json().contains("samara_subjects"), "no other model has it");
    let marked = ModelConfig { subjects: true, ..config() };
    assert_eq!(ModelConfig::from_json(marked.to_json().as_bytes(), Path::new("x")).unwrap(), marked);
    let error = read_config(|file| file["samara_subjects"] = json!("often")).unwrap_err();
    assert!(error.to_string().contains("samara_subjects"), "{error}");
}

#[test]
fn configs_of_the_three_architectures_are_read() {
    assert_eq!(read_config(|_| {}).unwrap(), config());
    let qwen = read_config(|file| {
        file["model_type"] = json!("qwen2");
        file["sliding_window"] = json!(16);
        file["use_sliding_window"] = json!(false);
        file["eos_token_id"] = json!([1, 2]);
        file["bos_token_id"] = Value::Null;
    });
    let qwen = qwen.unwrap();
    assert!(qwen.attention_bias && qwen.eos == [1, 2] && qwen.bos.is_none());
    assert_eq!(ModelConfig::from_json(qwen.to_json().as_bytes(), Path::new("x")).unwrap(), qwen);
    let mistral = read_config(|file| {
        file["model_type"] = json!("mistral");
        file["sliding_window"] = json!(32);
        for name in ["num_key_value_heads", "head_dim", "rope_theta", "tie_word_embeddings"] {
            file.as_object_mut().unwrap().remove(name);
        }
        file["rope_parameters"] = json!({"rope_type": "default", "rope_theta": 5000.0});
    });
    let mistral = mistral.unwrap();
    assert_eq!((mistral.kv_heads, mistral.head_dim, mistral.rope_theta, mistral.tied), (4, 2, 5000.0, false));
}

/// Changes a file's parsed JSON.
type Change = fn(&mut Value);

#[test]
fn configs_that_make_another_model_are_refused() {
    let changes: [(&str, Change); 19] = [
        ("bert", |file| file["model_type"] = json!("bert")),
        ("model_type", |file| file["model_type"] = Value::Null),
        ("low_freq_factor", |file| file["rope_scaling"] = json!({"rope_type": "llama3", "factor": 8.0})),
        ("factor", |file| file["rope_scaling"] = json!({"type": "linear", "factor": 0.5})),
        ("factor of the rotary", |file| {
            file["rope_parameters"] = json!({"rope_type": "yarn", "rope_theta": 1e4});
        }),
        ("gelu", |file| file["hidden_act"] = json!("gelu")),
        ("mlp_bias", |file| file["mlp_bias"] = json!(true)),
        ("quantized", |file| file["quantization_config"] = json!({"bits": 4})),
        ("partial_rotary_factor", |file| file["partial_rotary_factor"] = json!(0.5)),
        ("max_position_embeddings", |file| {
            drop(file.as_object_mut().unwrap().remove("max_position_embeddings"));
        }),
        ("multiple", |file| file["num_key_value_heads"] = json!(3)),
        ("even", |file| file["head_dim"] = json!(3)),
        ("rms_norm_eps", |file| file["rms_norm_eps"] = json!(-1.0)),
        ("rope_theta", |file| file["rope_theta"] = json!(0)),
        ("outside vocab_size", |file| file["eos_token_id"] = json!(20)),
        ("eos_token_id", |file| file["eos_token_id"] = json!(["</s>"])),
        ("tie_word_embeddings", |file| file["tie_word_embeddings"] = json!("yes")),
        ("num_hidden_layers", |file| file["num_hidden_layers"] = json!(5000)),
        ("parameters", |file| {
            for name in ["hidden_size", "intermediate_size", "num_attention_heads", "vocab_size"] {
                file[name] = json!(1 << 20);
            }
        }),
    ];
    for (told, change) in changes {
        let text = refusal(read_config(change), "folder/config.json");
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn sizes_that_no_model_has_are_refused() {
    let config = config().to_json();
    let sizes = [
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "max_position_embeddings",
    ];
    for name in sizes {
        assert!(config.contains(name));
        for bad in [json!(0), json!(-8), json!(8.5), json!("8"), json!((1 << 20) + 1), json!(u64::MAX)] {
            let text = refusal(read_config(|file| file[name] = bad.clone()), "folder/config.json");
            assert!(text.contains(name) || text.contains("num_attention_heads"), "{name} {bad}: {text}");
        }
    }
}

#[test]
fn sliding_windows_shorter_than_the_context_are_read_but_not_trained() {
    let window = |kind: &str, window: usize, used: bool| {
        read_config(|file| {
            file["model_type"] = json!(kind);
            file["sliding_window"] = json!(window);
            file["use_sliding_window"] = json!(used);
        })
    };
    let mistral = window("mistral", 16, false).unwrap();
    let seen = mistral.design.window.clone().unwrap();
    assert_eq!((seen.size, &seen.local[..], seen.theta), (16, &[true, true][..], None));
    assert!(refusal(Weights::from_bytes(mistral, &[], Path::new(ORIGIN)), ORIGIN).contains("not trained"));
    for config in [window("qwen2", 64, true), window("mistral", 32, false), window("qwen2", 16, false)] {
        assert_eq!(config.unwrap().design, Design::default());
    }
}

#[test]
fn every_truncation_of_a_config_is_refused() {
    let whole = config().to_json();
    for cut in 0..whole.len() - 2 {
        refusal(
            ModelConfig::from_json(&whole.as_bytes()[..cut], Path::new("folder/config.json")),
            "folder/config.json",
        );
    }
}

proptest! {
    #[test]
    fn random_bytes_are_refused_as_weights(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        refusal(read(&bytes), ORIGIN);
    }

    #[test]
    fn changed_bytes_in_the_header_are_read_or_refused(
        changes in prop::collection::vec((0..1500_usize, any::<u8>()), 1..4),
    ) {
        let mut bytes = bytes();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if let Err(error) = read(&bytes) {
            prop_assert!(error.to_string().contains(ORIGIN));
        }
    }

    #[test]
    fn changed_numbers_in_the_header_are_read_or_refused(number in any::<u64>(), which in 0..40_usize) {
        let bytes = bytes();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
        let digit = |at: &usize| header.as_bytes()[*at].is_ascii_digit();
        let starts = header.match_indices(['[', ',']).map(|(at, _)| at + 1).filter(digit);
        let start = starts.cycle().nth(which).unwrap();
        let end = start + header[start..].find(|c: char| !c.is_ascii_digit()).unwrap();
        let header = format!("{}{number}{}", &header[..start], &header[end..]);
        let new_length = (header.len() as u64).to_le_bytes();
        let changed = [&new_length[..], header.as_bytes(), &bytes[8 + length..]].concat();
        if let Err(error) = read(&changed) {
            prop_assert!(error.to_string().contains(ORIGIN));
        }
    }

    #[test]
    fn random_values_in_a_config_are_read_or_refused(name in 0..17_usize, value in any::<i64>(), kind in 0..4) {
        let result = read_config(|file| {
            let fields = file.as_object_mut().unwrap();
            let name = fields.keys().nth(name % fields.len()).unwrap().clone();
            let value = match kind {
                0 => json!(value),
                1 => json!(value as f64 * 1e200),
                2 => json!([value, -1, "x"]),
                _ => json!({"a": value}),
            };
            fields.insert(name, value);
        });
        if let Err(error) = result {
            prop_assert!(error.to_string().contains("folder/config.json"));
        }
    }
}

/// A published model, for who has it: `SAMARA_STORIES260K` is its folder.
#[test]
fn a_foreign_model_is_read_if_one_is_given() {
    let Some(folder) = std::env::var_os("SAMARA_STORIES260K") else {
        println!("skipped: SAMARA_STORIES260K is not set");
        return;
    };
    let folder = Path::new(&folder);
    let weights = Weights::read(folder).unwrap();
    assert_eq!(weights.parameters(), 260_032);
    let tokenizer = Tokenizer::read(&folder.join("tokenizer.json")).unwrap();
    check_tokenizer(&tokenizer, &weights.config).unwrap();
    let ids = tokenizer.encode("Once upon a time, there was a little girl named Lily.");
    assert_eq!(tokenizer.decode(&ids), "Once upon a time, there was a little girl named Lily.");
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (Some(1), Some(2)));
    let again =
        Weights::from_bytes(weights.config.clone(), &weights.to_safetensors(Dtype::F32).unwrap(), folder);
    assert_eq!(again.unwrap(), weights);
}
