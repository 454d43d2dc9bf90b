//! Reinforcement learning of a writer as a person would: the same run and weights whatever the threads and kills, a run
//! that shows like any other, an evaluation that agrees with itself, and clear refusals. What runs programs says so if
//! none can be isolated here.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{process::Stdio, time::Duration};

use common::{Place, error, isolated, parse};
use serde_json::Value;

/// A learning of a few small steps.
const SMALL: [&str; 14] = [
    "--terrain",
    "left_wall",
    "--condition",
    "low=terrain={kind=\"tunnel\",height=80}",
    "--epochs",
    "0.3",
    "--iterations",
    "3",
    "--group",
    "8",
    "--min-share",
    "0.2",
    "--checkpoint-every",
    "1",
];

/// A run of a few walkers that the embedded model writes.
fn walkers(place: &Place, out: &str) {
    let steps = ["--set", "search.total_steps=60", "--set", "search.init_steps=40"];
    let run = ["run", "sodarace", "--seed", "3", "--quiet", "--format", "json", "--out", out];
    parse(&place.run(&[&run[..], &steps].concat()));
}

fn rl<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["rl", "-o", out, "--quiet", "--format", "json"], more].concat()
}

fn weights(place: &Place, out: &str) -> Vec<u8> {
    std::fs::read(place.path(out).join("model/model.safetensors")).unwrap()
}

fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", error(&output));
    let told = error(&output);
    assert!(told.contains("hint: "), "{told}");
    told
}

#[test]
fn a_policy_is_the_same_for_any_threads_and_after_a_kill_and_its_run_shows_like_others() {
    let place = Place::new();
    if !isolated() {
        return;
    }
    walkers(&place, "run");
    let report = parse(&place.run(&rl("whole", &[&["run", "--threads", "1"][..], &SMALL].concat())));
    assert_eq!((report["samples"].as_u64(), &report["last"]["iteration"]), (Some(48), &Value::from(3)));
    assert_eq!(report["first"]["kl"], 0.0, "the first samples are those of the model that is begun with");
    for file in ["curves.csv", "curves.svg", "offline.json", "sft/model/model.safetensors"] {
        assert!(place.path("whole").join(file).exists(), "{file}");
    }

    let begin = rl("killed", &[&["run", "--threads", "2"][..], &SMALL].concat());
    let mut child = place.samara(&begin).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !place.path("killed/checkpoint").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it must not end before it is killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = parse(&place.run(&rl("killed", &["--resume"])));
    for told in ["first", "last", "archive_hash", "offline"] {
        assert_eq!(resumed[told], report[told], "{told}");
    }
    assert!(weights(&place, "killed") == weights(&place, "whole"), "other weights after a kill");

    let shown = place.json(&["show", "whole", "--format", "json"]);
    assert_eq!(
        (&shown["candidates"], &shown["archive_hash"]),
        (&Value::from(48), &report["archive_hash"]),
        "{shown}"
    );
    let told = refused(&place, &["resume", "whole"]);
    assert!(told.contains("samara rl --resume -o whole"), "{told}");
    let told = refused(&place, &rl("whole", &[&["run"][..], &SMALL].concat()));
    assert!(told.contains("holds a run already"), "{told}");
    evaluated(&place);
}

/// What the finished learning's evaluation says.
fn evaluated(place: &Place) {
    let evaluate = ["rl", "evaluate", "whole", "--samples", "12", "--quiet", "--format", "json"];
    let table = parse(&place.run(&evaluate));
    let figures = table["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 6, "three models on two conditions: {table}");
    for one in figures {
        let number = |name: &str| one[name].as_f64().unwrap();
        assert!(number("best") >= number("mean") && (0.0..=1.0).contains(&number("valid")), "{one}");
        assert!(one["distinct"].as_u64() <= one["samples"].as_u64(), "{one}");
        if one["model"] == "memoriser" {
            assert_eq!((number("valid"), number("mean")), (1.0, number("best")), "{one}");
        }
        if one["model"] == "policy" {
            let own = if one["condition"] == "left_wall" { 0 } else { 1 };
            assert_eq!(one["across"][own], one["mean"], "its own column of the cross table");
        }
    }
    let again = parse(&place.run(&[&evaluate[..], &["--threads", "1"]].concat()));
    assert_eq!(again, table);
    let lines = std::fs::read_to_string(place.path("whole/evaluation.csv")).unwrap().lines().count();
    assert_eq!(lines, 7);
}

#[test]
fn what_can_not_be_learnt_says_why_and_what_to_do() {
    let place = Place::new();
    let told = refused(&place, &rl("out", &["nowhere", "--terrain", "rough"]));
    assert!(told.contains("nowhere"), "{told}");
    let seeds = ["run", "string", "--out", "strings", "--quiet", "--set", "search.total_steps=20"];
    assert!(place.run(&seeds).status.success());
    let told = refused(&place, &rl("out", &["strings", "--terrain", "rough"]));
    assert!(told.contains("learns to write walkers"), "{told}");
    let told = refused(&place, &rl("out", &["strings"]));
    assert!(told.contains("conditions to write for"), "{told}");
    let told = refused(&place, &rl("out", &["--resume"]));
    assert!(told.contains("rl.json"), "{told}");
    let told = refused(&place, &rl("out", &["nowhere", "--condition", "low"]));
    assert!(told.contains("--condition low"), "{told}");
    let told = refused(&place, &["rl", "evaluate", "nowhere"]);
    assert!(told.contains("rl.json"), "{told}");
    assert!(!place.path("out").exists());
}
