//! Models that take token ids, without a wire.

use std::sync::LazyLock;

use proptest::prelude::*;

use samara_seedling::Tokenizer;
use serde_json::{Map, Value as Json, json};

use super::{
    tensor::{Data, Metadata, Slot, Tensor},
    tokens,
};
use crate::{
    error::ErrorKind,
    operation::Value,
    types::{Finish, Sampling},
};

/// Trained once: a property asks for it hundreds of times.
static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let texts = ["green peas are fine", "peas and beans", "beans are dull"].map(str::to_owned);
    Tokenizer::train(texts.into_iter(), 280, &["<|endoftext|>"])
});

fn slot(name: &str, datatype: &str) -> Slot {
    Slot { name: name.into(), datatype: datatype.into(), rank: 2 }
}

/// As FasterTransformer's exports have it; some call their ids 64 bits wide.
fn metadata(ids: &str) -> Metadata {
    Metadata {
        inputs: vec![
            slot("input_ids", ids),
            slot("input_lengths", ids),
            slot("request_output_len", ids),
            slot("runtime_top_k", ids),
            slot("runtime_top_p", "FP32"),
            slot("temperature", "FP32"),
            slot("random_seed", "UINT64"),
            slot("is_return_log_probs", "BOOL"),
        ],
        outputs: vec![slot("output_ids", ids), slot("sequence_length", ids)],
    }
}

fn sampling(temperature: f64) -> Sampling {
    Sampling {
        max_tokens: 8,
        temperature,
        top_p: 0.9,
        stop: Vec::new(),
        seed: 3,
        penalties: Default::default(),
    }
}

fn ids(name: &str, shape: &[i64], values: &[i64]) -> Tensor {
    let data = Data::Integers(values.to_vec());
    Tensor { name: name.into(), datatype: "UINT32".into(), shape: shape.to_vec(), data }
}

#[test]
fn inputs_have_the_models_own_names_datatypes_and_shapes() {
    for datatype in ["UINT32", "UINT64", "INT32"] {
        let extra = json!({"is_return_log_probs": true}).as_object().cloned().expect("an object");
        let inputs = tokens::encode(&[5, 6, 7], &sampling(0.5), &metadata(datatype), &extra).expect("valid");
        let found = |name: &str| inputs.iter().find(|t| t.name == name).map(Tensor::to_json).expect(name);
        let expected = |name: &str, datatype: &str, shape: Json, data: Json| json!({"name": name, "datatype": datatype, "shape": shape, "data": data});
        for tensor in [
            expected("input_ids", datatype, json!([1, 3]), json!([5, 6, 7])),
            expected("input_lengths", datatype, json!([1, 1]), json!([3])),
            expected("request_output_len", datatype, json!([1, 1]), json!([8])),
            expected("runtime_top_p", "FP32", json!([1, 1]), json!([0.9])),
            expected("temperature", "FP32", json!([1, 1]), json!([0.5])),
            expected("random_seed", "UINT64", json!([1, 1]), json!([3])),
            expected("is_return_log_probs", "BOOL", json!([1, 1]), json!([true])),
        ] {
            assert_eq!(found(tensor["name"].as_str().expect("a name")), tensor);
        }
        assert_eq!(inputs.len(), 7, "no top_k unless it is needed");
    }
}

#[test]
fn a_temperature_of_0_takes_the_most_probable_token_and_does_not_divide_by_0() {
    let inputs = tokens::encode(&[5], &sampling(0.0), &metadata("UINT32"), &Map::new()).expect("valid");
    let data = |name: &str| inputs.iter().find(|tensor| tensor.name == name).map(|t| t.data.clone());
    assert_eq!(data("runtime_top_k"), Some(Data::Integers(vec![1])));
    assert_eq!(data("temperature"), Some(Data::Floats(vec![1.0])));
    let mut without = metadata("UINT32");
    without.inputs.retain(|slot| slot.name != "runtime_top_k");
    let error = tokens::encode(&[5], &sampling(0.0), &without, &Map::new()).expect_err("can't be greedy");
    assert!(error.message.contains("runtime_top_k") && error.kind == ErrorKind::Configuration);
}

#[test]
fn a_further_input_that_the_model_lacks_or_of_another_type_is_refused() {
    for (extra, part) in
        [(json!({"len_penaltee": 1.0}), "len_penaltee"), (json!({"is_return_log_probs": 1.5}), "BOOL")]
    {
        let extra = extra.as_object().cloned().expect("an object");
        let error = tokens::encode(&[5], &sampling(1.0), &metadata("UINT32"), &extra).expect_err("refused");
        assert!(error.message.contains(part), "{}", error.message);
    }
}

#[test]
fn output_ids_hold_the_prompt_then_the_text_of_the_first_beam() {
    let tokenizer = &*TOKENIZER;
    let (prompt, written) = (tokenizer.encode("green"), tokenizer.encode(" peas"));
    let eos = tokenizer.eos().expect("it has one");
    let whole: Vec<i64> = prompt.iter().chain(&written).map(|id| i64::from(*id)).collect();
    let read = |values: Vec<i64>, length: Option<i64>| {
        let width = values.len() as i64;
        // A second beam after the first one.
        let both: Vec<i64> = values.iter().chain(&values).copied().collect();
        let mut outputs = vec![ids("output_ids", &[1, 2, width], &both)];
        outputs.extend(length.map(|length| ids("sequence_length", &[1, 2], &[length, length])));
        tokens::decode(&outputs, &prompt, &sampling(1.0), tokenizer).expect("valid")
    };
    let ended: Vec<i64> = whole.iter().copied().chain([i64::from(eos), i64::from(eos)]).collect();
    assert_eq!(read(ended, None).value, Value::Text(" peas".into(), Finish::Stop));
    let filled: Vec<i64> = whole.iter().copied().chain([0, 0, 0]).collect();
    let answer = read(filled, Some(whole.len() as i64));
    assert_eq!(answer.value, Value::Text(" peas".into(), Finish::Other));
    assert_eq!(answer.tokens, Some((prompt.len() as u64, written.len() as u64)));
}

#[test]
fn outputs_of_another_model_or_without_the_prompt_are_malformed() {
    let tokenizer = &*TOKENIZER;
    for (output, part) in [
        (ids("output_ids", &[1, 1, 2], &[9, 9]), "begin with the prompt"),
        (ids("output_ids", &[1, 1, 2], &[5, 1 << 40]), "tokenizer"),
        (ids("output_ids", &[1, 1, 2], &[5, -1]), "tokenizer"),
        (ids("output_ids", &[1, 1, 9], &[5, 6]), "shorter"),
        (ids("other", &[1, 1, 1], &[5]), "missing"),
    ] {
        let error = tokens::decode(&[output], &[5], &sampling(1.0), tokenizer).expect_err(part);
        assert!(error.message.contains(part) && error.kind == ErrorKind::Malformed, "{}", error.message);
    }
}

proptest! {
    #[test]
    fn no_output_makes_the_decoder_panic(
        shape in prop::collection::vec(any::<i64>(), 0..4), values: Vec<i64>, length: i64, body: Vec<u8>,
    ) {
        let tokenizer = &*TOKENIZER;
        let small: Vec<i64> = values.iter().map(|value| value.rem_euclid(280)).collect();
        for values in [&values, &small] {
            for shape in [&shape[..], &[1, values.len() as i64]] {
                let outputs = [ids("output_ids", shape, values), ids("sequence_length", &[1], &[length])];
                for prompt in [&[][..], &[5]] {
                    let _ = tokens::decode(&outputs, prompt, &sampling(1.0), tokenizer);
                }
            }
        }
        if let Ok(reply) = serde_json::from_slice(&body) {
            let _ = (Metadata::from_json(&reply), Tensor::from_json(&reply));
        }
    }
}
