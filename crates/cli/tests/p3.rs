//! `samara p3`: many puzzles, and the same numbers again from what is on disk.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use common::{Place, error, isolated, parse};
use serde_json::Value;

/// Two puzzles: one that the script solves, one that it does not.
const PUZZLES: &str = r#"[
 {"name": "Three:0", "sat": "def sat(x: int):\n    return x == 3", "ans_type": "int", "sol_header": "def sol():",
  "sol_docstring": "", "sol_bodies": ["    return 3"], "module": "x.py"},
 {"name": "Four:0", "sat": "def sat(x: int):\n    return x == 4", "ans_type": "int", "sol_header": "def sol():",
  "sol_docstring": "", "sol_bodies": ["    return 4"]}
]"#;

/// A model that always returns three.
const SCRIPT: &str = "name = \"three\"\n[[complete]]\ncontains = \"\"\nanswers = [\"    return 3\\n\"]\n";

fn lines(place: &Place, out: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(&format!("{out}/p3.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_share_of_solved_puzzles_and_pass_at_k_are_told_and_told_again() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    place.write("puzzles.json", PUZZLES);
    let script = place.write("script.toml", SCRIPT);
    let generator = format!("scripted:{script}");
    let arguments = [
        "p3",
        "puzzles.json",
        "--generator",
        &generator,
        "--samples",
        "4",
        "--k",
        "1,2",
        "--out",
        "out",
        "--format",
        "json",
    ];
    let output = place.run(&arguments);
    let report = parse(&output);
    assert_eq!(
        (&report["puzzles"], &report["solved"]),
        (&2.into(), &1.into()),
        "{report} {}",
        error(&output)
    );
    assert_eq!(report["pass_at_k"][0]["estimate"], 0.5);
    assert_eq!(report["pass_at_k"][1]["k"], 2);
    let told = lines(&place, "out");
    assert_eq!(
        (&told[0]["name"], &told[0]["solved"], &told[0]["samples"]),
        (&"Three:0".into(), &4.into(), &4.into())
    );
    assert_eq!((&told[1]["solved"], &told[1]["pass_at_k"][0]["estimate"]), (&0.into(), &0.0.into()));
    assert!(error(&output).contains("Three:0: 4 of 4 solve it, pass@1 1"), "{}", error(&output));
    // Nothing is asked again, and what was stopped goes on.
    std::fs::remove_file(place.path("script.toml")).unwrap();
    let again = place.run(&arguments);
    assert_eq!(parse(&again), report);
    assert!(error(&again).contains(", reused"), "{}", error(&again));
    let other =
        place.run(&["p3", "puzzles.json", "--generator", &generator, "--samples", "5", "--out", "out"]);
    assert_eq!(other.status.code(), Some(2), "{}", error(&other));
}

#[test]
fn puzzles_are_perturbed_without_a_model_and_chosen_by_number() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    let report =
        place.json(&["p3", "--only", "2-3", "--samples", "3", "--out", "out", "--quiet", "--format", "json"]);
    assert_eq!(report["puzzles"], 2);
    let numbers: Vec<u64> =
        lines(&place, "out").iter().map(|line| line["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 3]);
    for arguments in
        [&["--only", "999"][..], &["--samples", "2", "--k", "3"], &["--from", "opinions"], &["nowhere.json"]]
    {
        let refused = place.run(&[&["p3"], arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(error(&refused).contains("hint: "), "{}", error(&refused));
    }
}

#[test]
fn puzzles_without_solutions_say_what_to_pass() {
    let place = Place::new();
    place.write("bare.json", &PUZZLES.replace("\"    return 3\"", "").replace("\"    return 4\"", ""));
    let refused = place.run(&["p3", "bare.json", "--out", "out"]);
    let told = error(&refused);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("bare.json: programs begin with solutions of other puzzles"), "{told}");
    assert!(told.contains("--generator MODEL") && !told.contains("environment.puzzles"), "{told}");
    assert!(!place.path("out").exists(), "nothing is left behind");
}
