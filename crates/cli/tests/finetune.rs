//! Finetuning on runs and going round in circles as a person would: the same bytes whatever the threads and kills, tables
//! that agree with the runs, and clear refusals. What runs programs says so if none can be isolated here.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{path::Path, process::Stdio, time::Duration};

use common::{Place, error, isolated, parse, script};
use serde_json::Value;

/// A finetuning of a few steps.
const SMALL: [&str; 10] = [
    "--batch-tokens",
    "512",
    "--epochs",
    "0.5",
    "--measure-every",
    "3",
    "--checkpoint-every",
    "2",
    "--evaluate",
    "0",
];

/// A run of a few walkers that the embedded model writes.
fn walkers(place: &Place, out: &str) {
    let steps = ["--set", "search.total_steps=60", "--set", "search.init_steps=40"];
    let run = ["run", "sodarace", "--seed", "3", "--quiet", "--format", "json", "--out", out];
    parse(&place.run(&[&run[..], &steps].concat()));
}

fn finetune<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["finetune", "-o", out, "--quiet", "--format", "json"], more].concat()
}

fn weights(place: &Place, out: &str) -> Vec<u8> {
    std::fs::read(place.path(out).join("model/model.safetensors")).unwrap()
}

fn steps_in(losses: &Path) -> usize {
    std::fs::read_to_string(losses).map_or(0, |text| text.lines().count().saturating_sub(1))
}

fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", error(&output));
    let told = error(&output);
    assert!(told.contains("hint: "), "{told}");
    told
}

#[test]
fn a_finetuning_writes_the_same_model_for_any_threads_and_after_a_kill_and_runs_go_on_with_it() {
    let place = Place::new();
    if !isolated() {
        return;
    }
    walkers(&place, "run");
    let report = parse(&place.run(&finetune("whole", &[&["run", "--threads", "1"][..], &SMALL].concat())));
    let whole = weights(&place, "whole");
    assert!(report["of_steps"].as_u64().unwrap() > 4, "{report}");
    assert!(report["samples"][0].as_u64().unwrap() > 10, "{report}");
    for file in ["losses.svg", "report.json", "train.jsonl", "held-out.jsonl"] {
        assert!(place.path("whole").join(file).exists(), "{file}");
    }

    let begin = finetune("killed", &[&["run", "--threads", "2"][..], &SMALL].concat());
    let mut child = place.samara(&begin).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while steps_in(&place.path("killed/losses.csv")) < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it must not end before the third step");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The runs are not needed any more.
    std::fs::rename(place.path("run"), place.path("moved")).unwrap();
    let resumed = parse(&place.run(&finetune("killed", &["--resume"])));
    assert_eq!((&resumed["after"], &resumed["before"]), (&report["after"], &report["before"]));
    assert!(weights(&place, "killed") == whole, "other weights after a kill");
    assert!(report["told"]["again"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(resumed["told"], report["told"]);
    let losses = |out: &str| std::fs::read_to_string(place.path(out).join("losses.csv")).unwrap();
    assert_eq!(losses("killed"), losses("whole"));

    let told = refused(&place, &finetune("whole", &["moved"]));
    assert!(told.contains("holds a training already"), "{told}");
    let model = format!("models.generator={}", report["model"].as_str().unwrap());
    let more = place.run(&["resume", "moved", "-i", "8", "--set", &model, "--quiet", "--format", "json"]);
    assert_eq!(parse(&more)["candidates"], 68);
}

#[test]
fn a_loop_goes_round_and_is_told_beside_what_it_is_compared_with() {
    let place = Place::new();
    if !isolated() {
        return;
    }
    let circle = [
        "loop",
        "sodarace",
        "--rounds",
        "2",
        "--evaluations",
        "40",
        "-o",
        "circle",
        "--epochs",
        "0.2",
        "--batch-tokens",
        "512",
        "--set",
        "search.init_steps=20",
        "--quiet",
        "--format",
        "json",
    ];
    let table = parse(&place.run(&circle));
    let names: Vec<&str> =
        table["runs"].as_array().unwrap().iter().filter_map(|run| run["name"].as_str()).collect();
    assert_eq!(names, ["loop", "plain", "fresh"]);
    for run in table["runs"].as_array().unwrap() {
        let name = run["name"].as_str().unwrap();
        let shown = place.json(&["show", &format!("circle/{name}"), "--format", "json"]);
        let last = &run["rounds"][1];
        assert_eq!(
            (&last["candidates"], &last["qd_score"]),
            (&Value::from(80), &shown["qd_score"]),
            "{name}"
        );
        assert_eq!(last["cells"], shown["cells_filled"], "{name}");
    }
    // Up to the first round nothing was finetuned.
    assert_eq!(table["runs"][0]["rounds"][0], table["runs"][1]["rounds"][0]);
    // What is there is told again, and nothing is made anew.
    assert_eq!(parse(&place.run(&circle)), table);
    let other = [&circle[..4], &["--evaluations", "41", "-o", "circle"]].concat();
    let told = refused(&place, &other);
    assert!(told.contains("--evaluations"), "{told}");
}

#[test]
fn what_can_not_be_finetuned_says_why_and_what_to_do() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    parse(&place.run_all(&place.opinions(&script, "a", &["--set", "search.total_steps=30"])));
    let told = refused(&place, &finetune("out", &["a", "--from", "embedded#walkers"]));
    assert!(told.contains("vocabulary") && told.contains("--from embedded"), "{told}");
    let told = refused(&place, &finetune("out", &["a", "--from", "openai:gpt"]));
    assert!(told.contains("export"), "{told}");
    let told = refused(&place, &finetune("out", &["--resume"]));
    assert!(told.contains("no checkpoint"), "{told}");
    let seeds = ["run", "string", "--out", "c", "--quiet", "--set", "search.total_steps=20"];
    assert!(place.run(&seeds).status.success());
    let told = refused(&place, &finetune("out", &["c"]));
    assert!(told.contains("written by a model"), "{told}");
    let told = refused(&place, &finetune("out", &["a", "c"]));
    assert!(told.contains("differ in"), "{told}");
    assert!(!place.path("out").exists(), "nothing is made for what can't begin");
    let told = refused(&place, &["loop", "string", "-o", "d"]);
    assert!(told.contains("generator"), "{told}");
}
