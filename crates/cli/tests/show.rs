//! `samara show` of runs of every kind: what is told, drawn and written.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::fs;

use common::{Place, error, parse};
use serde_json::Value;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A place with a run of `function`.
fn function(out: &str, more: &[&str]) -> Place {
    let place = Place::new();
    let run = ["run", "function", "--quiet", "--seed", "1", "--out", out, "--set", "search.total_steps=300"];
    let output = place.run(&[&run, more].concat());
    assert!(output.status.success(), "{}", error(&output));
    place
}

/// Whether programs can be run isolated here; says so if not.
fn isolates(place: &Place) -> bool {
    let isolates = place.run(&["sandbox", "doctor"]).status.success();
    if !isolates {
        let skipped =
            b"SKIPPED: no tier that isolates programs works here; `samara sandbox doctor` says why\n";
        std::io::Write::write_all(&mut std::io::stderr(), skipped).unwrap();
    }
    isolates
}

#[test]
fn elites_of_programs_that_draw_are_shown_by_their_pictures() {
    let place = Place::new();
    if !isolates(&place) {
        return;
    }
    let steps = ["--set", "search.total_steps=150", "--set", "search.init_steps=50"];
    let run = place.run(&[&["run", "image", "--quiet", "--seed", "1", "--out", "out"], &steps[..]].concat());
    assert!(run.status.success(), "{}", error(&run));
    let shown = place.json(&[
        "show",
        "out",
        "--best",
        "3",
        "--svg",
        "out.svg",
        "--pictures",
        "pictures",
        "--format",
        "json",
    ]);
    let elites = shown["elites"].as_array().unwrap();
    assert_eq!(elites.len(), 3);
    for elite in elites {
        assert_eq!(elite["artifacts"], serde_json::json!(["picture"]));
        let file = fs::read(place.path(&format!("pictures/candidate-{}.png", elite["candidate"]))).unwrap();
        assert!(file.starts_with(b"\x89PNG\r\n\x1a\n") && file.len() < 4096);
    }
    assert_eq!(fs::read_dir(place.path("pictures")).unwrap().count(), 3);
    let svg = fs::read_to_string(place.path("out.svg")).unwrap();
    // The best of a square of each of the three maps, each picture once.
    let (images, uses) = (svg.matches("<image ").count(), svg.matches("<use ").count());
    assert!(images >= 4 && uses > images, "{images} {uses}");
    assert!(svg.contains("pictures in frames of their objective"), "{svg}");
    // A pipe has no colours, so that there is no picture in the text.
    let told = text(&place.run(&["show", "out", "--best", "1"]).stdout);
    assert!(!told.contains('▀') && !told.contains('\x1b'), "{told}");
}

#[test]
fn a_run_without_pictures_says_so_and_writes_none() {
    let place = function("out", &[]);
    let output = place.run(&["show", "out", "--pictures", "pictures"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("none of the elites that are shown has a picture"), "{}", error(&output));
    assert!(!place.path("pictures").exists());
}

#[test]
fn a_cell_is_found_by_its_bins_or_its_number_and_names_its_elite() {
    let place = function("out", &[]);
    let best = place.json(&["show", "out", "--best", "1", "--format", "json"])["elites"][0].clone();
    let bins: Vec<String> = best["bins"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(bins.len(), 2);
    for cell in [bins.join(","), best["cell"].to_string()] {
        let found = place.json(&["show", "out", "--cell", &cell, "--format", "json"]);
        assert_eq!(found["elites"], serde_json::json!([best]), "{cell}");
        let told = text(&place.run(&["show", "out", "--cell", &cell]).stdout);
        assert!(
            told.contains(&format!("by candidate {}, cell {},", best["candidate"], bins.join(","))),
            "{told}"
        );
    }
    let by_axis = best["measures_by_axis"].as_object().unwrap();
    assert_eq!(
        by_axis.values().collect::<Vec<_>>(),
        best["measures"].as_array().unwrap().iter().collect::<Vec<_>>()
    );
    for cell in ["400", "1,2,3", "-1", "x", "20,0"] {
        let output = place.run(&["show", "out", &format!("--cell={cell}")]);
        assert_eq!(output.status.code(), Some(2), "{cell}: {}", error(&output));
    }
}

#[test]
fn cells_of_a_cvt_have_numbers_and_no_bins() {
    let cvt = ["--set", "search.algorithm=cvt_map_elites", "--set", "search.cvt.cells=20"];
    let place = function("out", &cvt);
    let best = place.json(&["show", "out", "--best", "1", "--format", "json"])["elites"][0].clone();
    assert!(best.get("bins").is_none());
    let cell = best["cell"].to_string();
    let found = place.json(&["show", "out", "--cell", &cell, "--format", "json"]);
    assert_eq!(found["elites"][0], best);
    assert!(text(&place.run(&["show", "out", "--cell", &cell]).stdout).contains(&format!(", cell {cell}, ")));
    assert_eq!(place.run(&["show", "out", "--cell", "1,2"]).status.code(), Some(2));
}

#[test]
fn islands_are_listed_and_elites_name_those_that_hold_them() {
    let place = function("out", &["--set", "search.islands.count=3"]);
    let shown = place.json(&["show", "out", "--best", "4", "--format", "json"]);
    assert_eq!(shown["islands"].as_array().unwrap().len(), 3);
    for elite in shown["elites"].as_array().unwrap() {
        let islands = elite["islands"].as_array().unwrap();
        assert!(!islands.is_empty() && islands.iter().all(|island| island.as_u64().unwrap() < 3), "{elite}");
    }
    let told = text(&place.run(&["show", "out", "--best", "1"]).stdout);
    assert!(told.contains("\nislands     0: ") && told.contains("\n            2: "), "{told}");
    assert!(told.contains(", island"), "{told}");
}

#[test]
fn no_line_is_wider_than_the_screen() {
    let place =
        function("a-name-that-is-long", &["--set", "experiment.name=a name that goes on and on for ever"]);
    for width in ["40", "23"] {
        let output = place.samara(&["show", "a-name-that-is-long"]).env("COLUMNS", width).output().unwrap();
        let told = text(&output.stdout);
        let widest = told.lines().map(|line| line.chars().count()).max().unwrap();
        // The hash is one word.
        assert!(widest <= width.parse::<usize>().unwrap().max(32), "{told}");
    }
}

#[test]
fn a_run_is_running_until_it_ends_or_is_killed() {
    let place = function("out", &[]);
    let told = |run: &str| text(&place.run(&["show", run, "--best", "0"]).stdout);
    let json = |run: &str| parse(&place.run(&["show", run, "--format", "json"]));
    assert!(told("out").starts_with("function · seed 1 · completed\n"), "{}", told("out"));
    let ended = json("out");
    assert_eq!((&ended["running"], &ended["ended"]), (&Value::Bool(false), &Value::from("completed")));
    let endless = [
        "run",
        "function",
        "--quiet",
        "--seed",
        "1",
        "--out",
        "long",
        "--set",
        "search.total_steps=100000000",
    ];
    let mut child = place.samara(&endless).spawn().unwrap();
    let settled = |run: &str| {
        let output = place.run(&["show", run, "--format", "json"]);
        let shown: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        shown.is_some_and(|shown| shown["candidates"].as_u64() > Some(0))
    };
    while !settled("long") {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        std::thread::yield_now();
    }
    assert!(told("long").starts_with("function · seed 1 · running\n"), "{}", told("long"));
    assert_eq!(json("long")["running"], true);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(told("long").starts_with("function · seed 1 · killed\n"), "{}", told("long"));
    let killed = json("long");
    assert_eq!((&killed["running"], killed.get("ended")), (&Value::Bool(false), None));
}
