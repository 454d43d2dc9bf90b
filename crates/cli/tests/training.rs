//! Training a model as a person would: the same bytes whatever the threads and interruptions, and clear refusals.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use common::{Place, error, parse};

/// A training of some seconds.
const TINY: [&str; 12] = [
    "--size",
    "tiny",
    "--vocab-size",
    "1024",
    "--tokens",
    "6k",
    "--batch-tokens",
    "512",
    "--measure-every",
    "6",
    "--seed",
    "3",
];

fn train<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["model", "train", "--quiet", "--format", "json", "--out", out];
    arguments.extend(more);
    arguments
}

/// A new training, with checkpoints at every fifth step and an evaluation as small as it can be.
fn new<'a>(out: &'a str, threads: &'a str) -> Vec<&'a str> {
    let mut arguments = train(out, &TINY);
    arguments.extend(["--checkpoint-every", "5", "--evaluate", "2", "--threads", threads]);
    arguments
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            all.extend(
                files(&entry.path()).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)),
            );
        } else {
            all.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    all
}

fn start(place: &Place, arguments: &[&str]) -> Child {
    place.samara(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until a training has taken some steps.
fn wait_for(place: &Place, out: &str, steps: usize, child: &mut Child) {
    let losses = place.path(out).join("losses.csv");
    while std::fs::read_to_string(&losses).map_or(0, |text| text.lines().count()) <= steps {
        assert!(child.try_wait().unwrap().is_none(), "the training must not end before step {steps}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn interrupt(child: &mut Child) -> Option<i32> {
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    child.wait().unwrap().code()
}

fn same(place: &Place, whole: &BTreeMap<String, Vec<u8>>, other: &str) {
    let other = files(&place.path(other));
    assert_eq!(whole.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in whole {
        assert!(other[name] == *bytes, "{name} differs");
    }
}

#[cfg(unix)]
#[test]
fn a_training_writes_the_same_bytes_for_any_threads_and_after_interrupts_and_kills() {
    let place = Place::new();
    let report = parse(&place.run(&new("whole", "1")));
    let whole = files(&place.path("whole"));
    let losses = String::from_utf8_lossy(&whole["losses.csv"]).into_owned();
    assert_eq!(losses.lines().count() as u64, 1 + report["steps"].as_u64().unwrap());
    assert_eq!(whole.len(), 6 + 4 + 2, "checkpoint, model, losses and report: {:?}", whole.keys());

    parse(&place.run(&new("threads", "2")));
    same(&place, &whole, "threads");

    let mut child = start(&place, &new("stopped", "1"));
    wait_for(&place, "stopped", 2, &mut child);
    assert_eq!(interrupt(&mut child), Some(130));
    let mut child = start(&place, &train("stopped", &["--resume"]));
    wait_for(&place, "stopped", 7, &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = parse(&place.run(&train("stopped", &["--resume", "--threads", "2"])));
    assert_eq!(resumed["losses"], report["losses"]);
    same(&place, &whole, "stopped");

    // What is finished is evaluated again and nothing else.
    parse(&place.run(&train("stopped", &["--resume"])));
    same(&place, &whole, "stopped");
    let evaluated = place.json(&[
        "model",
        "evaluate",
        "whole/model",
        "--completions",
        "2",
        "--texts",
        "2",
        "--format",
        "json",
    ]);
    assert_eq!(evaluated["evaluation"], report["evaluation"]);
    assert_eq!(evaluated["parameters"], report["parameters"]);
}

#[test]
fn a_checkpoint_that_was_about_to_be_replaced_is_gone_on_from() {
    let place = Place::new();
    let no_evaluation = ["--evaluate", "0"];
    let mut arguments = train("out", &TINY);
    arguments.extend(no_evaluation);
    parse(&place.run(&arguments));
    let whole = files(&place.path("out"));
    std::fs::rename(place.path("out/checkpoint"), place.path("out/checkpoint.previous")).unwrap();
    std::fs::create_dir(place.path("out/checkpoint.partial")).unwrap();
    // Rows that were lost are no reason to lose the training.
    std::fs::remove_file(place.path("out/losses.csv")).unwrap();
    let output = place.run(&["model", "train", "--out", "out", "--resume"]);
    assert!(output.status.success(), "{}", error(&output));
    assert!(error(&output).contains("losses.csv lacks steps"), "{}", error(&output));
    let mut again = files(&place.path("out"));
    for file in ["losses.csv", "report.json"] {
        again.insert(file.into(), whole[file].clone());
    }
    assert!(whole == again, "{:?}", again.keys());
}

#[test]
fn what_can_not_be_trained_says_why_and_what_to_do() {
    let place = Place::new();
    place.write("file", "");
    for folder in ["begun/checkpoint", "torn/checkpoint", "planless/checkpoint", "model-only/model", "empty"]
    {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    let plan = "{\"checkpoint_every\": 5, \"measure_every\": 5, \"evaluate\": 0}";
    place.write("begun/checkpoint/plan.json", plan);
    place.write("torn/checkpoint/plan.json", plan);
    place.write("torn/checkpoint/training.json", "{\"settings\": {");
    place.write("planless/checkpoint/plan.json", "{\"evaluate\": 0}");
    let said = [
        &["begun"][..],
        &["model-only"],
        &["file/below"],
        &["new", "--batch-tokens", "100"],
        &["new", "--learning-rate", "nan"],
        &["new", "--tokens", "1.5M"],
        &["new", "--vocab-size", "400", "--quiet"],
        &["new", "--resume"],
        &["empty", "--resume"],
        &["begun", "--resume"],
        &["torn", "--resume"],
        &["planless", "--resume"],
        &["begun", "--resume", "--seed", "2"],
    ]
    .map(|arguments| {
        let mut command = vec!["model", "train", "--out"];
        command.extend(arguments);
        let output = place.run(&command);
        let code = output.status.code().unwrap_or(-1);
        format!("$ samara {}\n{}exit {code}\n", command.join(" "), error(&output))
    });
    assert!(!place.path("new").exists(), "what is refused leaves nothing behind");
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_damaged_checkpoint_or_model_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let mut arguments = train("out", &TINY);
    arguments.extend(["--evaluate", "0"]);
    parse(&place.run(&arguments));
    for name in ["training.json", "moments.safetensors", "model.safetensors", "tokenizer.json", "config.json"]
    {
        let path = place.path("out/checkpoint").join(name);
        let sound = std::fs::read(&path).unwrap();
        for damage in [&sound[..sound.len() / 2], b"", b"{}"] {
            std::fs::write(&path, damage).unwrap();
            let output = place.run(&["model", "train", "--out", "out", "--resume"]);
            assert_eq!(output.status.code(), Some(1), "{name}: {}", error(&output));
            assert!(error(&output).contains(name) && error(&output).contains("hint: "), "{}", error(&output));
            assert_eq!(std::fs::read(&path).unwrap(), damage);
        }
        std::fs::write(&path, sound).unwrap();
    }
    let weights = place.path("out/model/model.safetensors");
    std::fs::write(&weights, &std::fs::read(&weights).unwrap()[..1000]).unwrap();
    for folder in ["out/model", "out", "nowhere"] {
        let output = place.run(&["model", "evaluate", folder]);
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains("hint: "), "{}", error(&output));
    }
}
