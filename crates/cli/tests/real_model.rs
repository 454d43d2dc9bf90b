//! A real model of other people, SmolLM2-135M-Instruct, as writer and judge of a subject of one's own: inside samara and
//! behind llama.cpp's server. `.ci/real_servers` fetches both and runs this.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use common::{Place, parse};
use samara_testing::real_servers::{RealServer, prepared_model};
use serde_json::Value;

const EXPERIMENT: &str = r#"
[experiment]
name = "bicycles"
environment = "lmx_generation"

[search]
init_steps = 4
total_steps = 8
window = 4
concurrency = 2

[[axes]]
name = "tone"
bins = 5

[environment]
prompt_template = "A short note about riding a bicycle:"
gen_max_len = 24
prompt_pool_path = "pool.txt"
quality_feedback_prompt = "Is this note about riding a bicycle? Answer \"yes\" or \"no\"."

[[environment.diversity]]
name = "tone"
instruction_prompt = "Is this note \"cheerful\" or \"gloomy\"?"
answers = ["cheerful", "gloomy"]
"#;

const POOL: &str = "\
I ride to work along the canal, and on dry mornings I arrive happier than I left.
My back tyre went flat in the rain, and I pushed the bicycle home in the dark.
On Sundays my daughter and I cycle to the bakery and race each other back.
The chain came off twice on the hill, my hands were black, and I was late again.
";

/// A run with one model as writer and judge; its summary and its candidates.
fn run(place: &Place, out: &str, model: &str, more: &[&str]) -> (Value, String) {
    let models = ["generator", "judge"].map(|role| format!("models.{role}={model}"));
    let mut arguments = vec!["run", "bicycles.toml", "--quiet", "--format", "json", "--out", out];
    arguments.extend(models.iter().flat_map(|set| ["--set", set]));
    arguments.extend(more);
    let summary = parse(&place.run(&arguments));
    let candidates = String::from_utf8(place.run(&["export", out]).stdout).unwrap();
    (summary, candidates)
}

fn place() -> Place {
    let place = Place::new();
    place.write("bicycles.toml", EXPERIMENT);
    place.write("pool.txt", POOL);
    place
}

/// What holds for any model that answers at all: texts, and judgements of them that differ.
fn expect_texts(summary: &Value, candidates: &str) {
    assert_eq!(summary["candidates"], 8, "{summary}");
    assert_eq!(summary["fates"]["failed"], 0, "{summary}");
    assert!(summary["cells_filled"].as_u64().unwrap() >= 1, "{summary}");
    for markup in ["<|im_", "<think>", "assistant\n", "```"] {
        assert!(!candidates.contains(markup), "{markup} in {candidates}");
    }
    let judged: std::collections::BTreeSet<String> = candidates
        .lines()
        .filter_map(|line| Some(serde_json::from_str::<Value>(line).ok()?["fitness"].as_f64()?.to_string()))
        .collect();
    assert!(judged.len() > 3, "the judge tells texts apart: {judged:?}");
}

#[test]
#[ignore = "a real model: run .ci/real_servers"]
fn a_model_file_writes_and_judges_a_subject_of_ones_own_and_the_same_at_any_concurrency() {
    let Some(model) = prepared_model("smollm2") else { return };
    let (place, model) = (place(), format!("gguf:{model}"));
    let (summary, candidates) = run(&place, "inside", &model, &[]);
    expect_texts(&summary, &candidates);
    let (other, _) = run(&place, "again", &model, &["--concurrency", "1"]);
    assert_eq!(other["archive_hash"], summary["archive_hash"]);
}

#[test]
#[ignore = "a real server: run .ci/real_servers"]
fn a_model_behind_llama_cpp_writes_and_judges_a_subject_of_ones_own() {
    let Some(server) = RealServer::start("smollm2", 1, "/v1/models") else { return };
    let place = place();
    let (summary, candidates) = run(&place, "served", &server.url("/v1"), &[]);
    expect_texts(&summary, &candidates);
}
