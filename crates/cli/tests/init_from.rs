//! `samara run --init-from`: runs that begin with what others found.

mod common;

use common::{Place, error, parse, script};
use serde_json::Value;

/// A run of `string`, which asks no model.
fn run(place: &Place, out: &str, more: &[&str]) -> Value {
    let run = ["run", "string", "--quiet", "--format", "json", "--out", out];
    place.json(&[&run[..], more].concat())
}

const SHORT: [&str; 2] = ["--set", "search.total_steps=300"];

#[test]
fn a_run_begins_with_the_archive_of_another_and_needs_it_no_more() {
    let place = Place::new();
    let first = run(&place, "first", &SHORT);
    let taken = first["fates"]["new"].as_u64().unwrap() + first["fates"]["improved"].as_u64().unwrap();
    let none = ["--init-from", "first", "--set", "search.total_steps=1"];
    let begun = run(&place, "begun", &none);
    assert_eq!(begun["candidates"], taken + 1, "those taken over come on top");
    assert!(begun["qd_score"].as_f64() >= first["qd_score"].as_f64(), "{begun} after {first}");
    // Interrupted and resumed without the other run, it is what it would have been.
    let whole = run(&place, "whole", &["--init-from", "first", "--set", "search.total_steps=60"]);
    std::fs::rename(place.path("first"), place.path("gone")).unwrap();
    let resumed = place.json(&["resume", "begun", "--iterations", "59", "--quiet", "--format", "json"]);
    assert_eq!(resumed["candidates"], whole["candidates"]);
    assert_eq!(resumed["archive_hash"], whole["archive_hash"]);
    assert!(place.run(&["show", "begun"]).status.success());
}

#[test]
fn scores_are_kept_where_both_runs_ask_the_same_and_judged_anew_otherwise() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let begin = |out: &str, more: &[&str]| {
        let arguments = place.opinions(&script, out, more);
        parse(&place.run_all(&arguments))
    };
    let steps = ["--set", "search.init_steps=20", "--set", "search.total_steps=40"];
    let first = begin("first", &steps);
    let one = ["--init-from", "first", "--set", "search.total_steps=1"];
    let kept = begin("kept", &[&one[..], &["--set", "environment.temperature=0.5"]].concat());
    let taken = kept["candidates"].as_u64().unwrap() - 1;
    assert!(taken > 0 && first["candidates"] == 40);
    let calls = |summary: &Value| summary["calls"].as_u64().unwrap();
    assert!(calls(&kept) < 10, "only the new candidate asks: {kept}");
    let question = "environment.quality_feedback_prompt=\"Is it about vegetables?\"";
    let anew = begin("anew", &[&one[..], &["--set", question]].concat());
    assert_eq!(anew["candidates"], kept["candidates"]);
    assert!(calls(&anew) > taken, "every candidate is judged: {anew}");
}

#[test]
fn a_history_of_openelm_begins_a_run_and_its_rows_are_checked() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let row = |text: &str, measures: &str| {
        format!(
            "{{\"genotype\": \"{text}\", \"phenotype\": [{measures}], \"fitness\": 0.9, \"num_gens_current\": 1}}\n"
        )
    };
    let invalid = "{\"genotype\": null, \"phenotype\": null, \"fitness\": null, \"num_gens_current\": 2}\n";
    let history = place.write("history.jsonl", &(row("I love peas.", "0.999") + invalid));
    let one = ["--init-from", &history, "--set", "search.total_steps=1"];
    let begun = parse(&place.run_all(&place.opinions(&script, "begun", &one)));
    assert_eq!(begun["candidates"], 2, "an invalid row is passed over");
    for (rows, what) in [
        (row("I love peas.", "0.5, 0.5"), "2 measures for 1 axes"),
        (invalid.to_owned(), "no candidates can be taken over"),
        ("peas\n".to_owned(), "hint: "),
    ] {
        let history = place.write("other.jsonl", &rows);
        let output = place.run_all(&place.opinions(&script, "refused", &["--init-from", &history]));
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains(what), "{}", error(&output));
        assert!(!place.path("refused").exists(), "nothing is left behind");
    }
}

#[test]
fn a_run_of_another_environment_is_refused_with_a_hint() {
    let place = Place::new();
    run(&place, "words", &SHORT);
    let output = place.run(&["run", "function", "--quiet", "--init-from", "words", "--out", "refused"]);
    let told = error(&output);
    assert!(told.contains("evolved `string`, not `function`") && told.contains("hint: "), "{told}");
    let output = place.run(&["run", "function", "--quiet", "--init-from", "nowhere", "--out", "refused"]);
    assert!(error(&output).contains("hint: "), "{}", error(&output));
}
