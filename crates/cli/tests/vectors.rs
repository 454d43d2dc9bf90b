//! Searches over vectors from one end to the other: emitters that learn, archives with and without cells, killed and gone
//! on with, replayed and shown.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{process::Stdio, time::Duration};

use common::{Place, error, parse};
use serde_json::Value;

/// An experiment with what makes it short. No total is a whole number of generations.
const CASES: [(&str, &[&str]); 5] = [
    ("sphere", &["search.total_steps=1000", "environment.dimensions=6"]),
    ("rastrigin", &["search.total_steps=1000", "environment.dimensions=6", "search.islands.count=2"]),
    ("arm", &["search.total_steps=600"]),
    (
        "sphere",
        &[
            "search.total_steps=700",
            "environment.dimensions=6",
            "search.algorithm=dominated_novelty",
            "search.dominated_novelty.places=40",
        ],
    ),
    (
        "sphere",
        &[
            "search.total_steps=700",
            "environment.dimensions=6",
            "search.algorithm=local_competition",
            "search.local_competition.places=60",
            "search.local_competition.threshold=0.002",
        ],
    ),
];

fn arguments(command: &[&str], sets: &[&str]) -> Vec<String> {
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    command.iter().copied().chain(sets).map(str::to_owned).collect()
}

fn run(place: &Place, experiment: &str, out: &str, sets: &[&str]) -> Value {
    let command = ["run", experiment, "--quiet", "--format", "json", "--out", out];
    parse(&place.run_all(&arguments(&command, sets)))
}

/// Kills a run once some candidates are settled. A fast one may have ended by then: it has the same archive.
fn killed(place: &Place, experiment: &str, out: &str, sets: &[&str]) {
    let arguments = arguments(&["run", experiment, "--quiet", "--out", out], sets);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = place.samara(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let settled = || {
        let there = place.path(out).join("run.db").exists();
        let output = place.run(&["show", out, "--format", "json"]);
        let begun = there && !error(&output).contains("nothing was recorded");
        if begun { parse(&output)["candidates"].as_u64().unwrap() } else { 0 }
    };
    while settled() < 40 {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_run_over_vectors_is_the_same_killed_prolonged_replayed_and_at_any_concurrency() {
    let place = Place::new();
    for (case, (experiment, sets)) in CASES.into_iter().enumerate() {
        let name = |what: &str| format!("{what}-{case}");
        let whole = run(&place, experiment, &name("whole"), sets);
        let candidates = whole["candidates"].as_u64().unwrap();
        let same = |other: &Value, how: &str| {
            for key in ["archive_hash", "candidates", "fates", "qd_score", "coverage"] {
                assert_eq!(other[key], whole[key], "{experiment}, {how}: {key}");
            }
        };
        let more = [sets, &["search.concurrency=1"]].concat();
        same(&run(&place, experiment, &name("one"), &more), "one at a time");
        killed(&place, experiment, &name("killed"), sets);
        same(&place.json(&["resume", &name("killed"), "--quiet", "--format", "json"]), "killed");
        let shorter = [sets, &["search.total_steps=250"]].concat();
        run(&place, experiment, &name("short"), &shorter);
        let missing = (candidates - 250).to_string();
        let resume = ["resume", &name("short"), "--iterations", &missing, "--quiet", "--format", "json"];
        same(&place.json(&resume), "prolonged");
        let shown = place.json(&["show", &name("short"), "--format", "json"]);
        same(&shown, "shown");
        if whole["islands"].is_null() {
            let again = place.json(&["rebin", &name("whole"), "--format", "json"]);
            assert_eq!(again["archive_hash"], whole["archive_hash"], "{experiment}, replayed");
        }
    }
}

#[test]
fn an_archive_without_cells_is_shown_by_its_places() {
    let place = Place::new();
    let (experiment, sets) = CASES[3];
    let summary = run(&place, experiment, "out", sets);
    assert_eq!((&summary["cells_filled"], &summary["cells_total"]), (&40.into(), &40.into()));
    let told =
        String::from_utf8(place.run(&["show", "out", "--best", "2", "--svg", "out.svg"]).stdout).unwrap();
    assert!(told.contains("40 of 40 places (100.0 %)"), "{told}");
    assert!(told.contains("each square is the best elite whose measures lie in it"), "{told}");
    let svg = std::fs::read_to_string(place.path("out.svg")).unwrap();
    assert!(svg.contains("40 of 40 places filled") && svg.contains("a dot is an elite"), "{svg}");
    let best = place.json(&["show", "out", "--best", "1", "--format", "json"]);
    let cell = best["elites"][0]["cell"].to_string();
    let one = String::from_utf8(place.run(&["show", "out", "--cell", &cell]).stdout).unwrap();
    assert!(one.contains(&format!(", place {cell},")), "{one}");
    let refused = error(&place.run(&["show", "out", "--cell", "40"]));
    assert!(refused.contains("places go from 0 to 39"), "{refused}");
    assert!(place.run(&["report", "out", "-o", "out.html"]).status.success());
    let report = std::fs::read_to_string(place.path("out.html")).unwrap();
    assert!(report.contains("Dominated Novelty Search") && report.contains("40 of 40 places"));
    // The same candidates into cells.
    assert_eq!(place.json(&["rebin", "out", "--bins", "5", "--format", "json"])["cells_total"], 25);
}

#[test]
fn with_local_competition_the_best_is_kept_and_the_report_names_the_search() {
    let place = Place::new();
    let (experiment, sets) = CASES[4];
    let summary = run(&place, experiment, "out", sets);
    assert_eq!(summary["cells_total"], 60);
    assert!(summary["cells_filled"].as_u64().unwrap() > 10, "{summary}");
    assert!(place.run(&["report", "out", "-o", "out.html"]).status.success());
    let report = std::fs::read_to_string(place.path("out.html")).unwrap();
    assert!(report.contains("Novelty Search with Local Competition") && report.contains("of 60 places"));
    let refused = |set: &str| {
        let sets = ["search.algorithm=local_competition", set];
        error(&place.run_all(&arguments(&["run", "sphere", "--quiet"], &sets)))
    };
    assert!(refused("search.local_competition.threshold=-1").contains("search.local_competition.threshold"));
    assert!(refused("search.local_competition.places=0").contains("search.local_competition.places"));
}

#[test]
fn what_an_archive_without_cells_can_not_do_is_refused_with_its_key() {
    let place = Place::new();
    let with = |set: &str| {
        let sets = ["search.algorithm=dominated_novelty", set];
        error(&place.run(
            &arguments(&["run", "sphere", "--quiet"], &sets).iter().map(String::as_str).collect::<Vec<_>>(),
        ))
    };
    assert!(with("search.depth=2").contains("an archive without cells has one elite a place"));
    assert!(with("search.dominated_novelty.places=0").contains("search.dominated_novelty.places"));
    assert!(with("search.dominated_novelty.neighbours=2000").contains("search.dominated_novelty.neighbours"));
}
