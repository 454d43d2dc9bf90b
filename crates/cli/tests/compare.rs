//! `samara compare`: its files, its table, and that nothing is done twice.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{process::Output, time::Duration};

use common::{Place, error, parse, script};

/// Arguments of a small comparison.
fn arguments(script: &str, out: &str, more: &[&str]) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["compare", "opinions", "--seeds", "2", "--out", out, "--set", "search.total_steps=60"]
            .map(str::to_owned)
            .to_vec();
    for role in ["generator", "judge"] {
        arguments.extend(["--set".to_owned(), format!("models.{role}=scripted:{script}")]);
    }
    arguments.extend(["--set", "search.init_steps=20", "--set", "search.window=8"].map(str::to_owned));
    arguments.extend(["--set", "search.concurrency=8"].map(str::to_owned));
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    arguments
}

fn compare(place: &Place, script: &str, out: &str, more: &[&str]) -> Output {
    place.run_all(&arguments(script, out, more))
}

fn files(place: &Place, out: &str) -> [String; 3] {
    ["csv", "json", "svg"]
        .map(|kind| std::fs::read_to_string(place.path(&format!("{out}/compare.{kind}"))).unwrap())
}

#[test]
fn a_comparison_is_shown_as_a_table_and_its_numbers_are_those_of_its_runs() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let output = compare(&place, &script, "out", &["--quiet"]);
    assert!(output.status.success(), "{}", error(&output));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));

    let [csv, json, svg] = files(&place, "out");
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let strategies = report["strategies"].as_array().unwrap();
    assert_eq!(strategies.len(), 8);
    for found in strategies {
        let name = found["strategy"].as_str().unwrap();
        let mut sum = 0.0;
        for run in found["runs"].as_array().unwrap() {
            let folder = format!("out/{name}/seed-{}", run["seed"]);
            let shown = place.json(&["show", &folder, "--format", "json"]);
            for key in ["seed", "candidates", "qd_score", "coverage", "best", "archive_hash", "tokens"] {
                assert_eq!(run[key], shown[key], "{folder} {key}");
            }
            sum += run["qd_score"].as_f64().unwrap();
            // The last of its rows is its end.
            let rows: Vec<&str> =
                csv.lines().filter(|row| row.starts_with(&format!("{name},{},", run["seed"]))).collect();
            assert_eq!(rows.len(), 60);
            let end =
                format!("{name},{},60,{},{},{}", run["seed"], run["qd_score"], run["coverage"], run["best"]);
            assert_eq!(rows[59], end);
        }
        assert!((found["qd_score"]["mean"].as_f64().unwrap() - sum / 2.0).abs() < 1e-9);
        assert_eq!(found["curves"]["qd_score"][59], found["qd_score"]);
        assert!(svg.contains(&format!(">{name}</text>")));
    }
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN"));
}

#[test]
fn what_is_done_is_not_done_again_and_needs_no_model() {
    let place = Place::new();
    let path = place.write("script.toml", &script(""));
    let more = ["--strategies", "qdaif,lmx_nsaif", "--format", "json"];
    let first = parse(&compare(&place, &path, "out", &more));
    let before = files(&place, "out");
    std::fs::remove_file(place.path("script.toml")).unwrap();
    let again = compare(&place, &path, "out", &more);
    assert_eq!(parse(&again), first);
    assert_eq!(error(&again).matches(", reused").count(), 4, "{}", error(&again));
    assert_eq!(files(&place, "out"), before);
    // A subset of what is there needs nothing new; a superset does.
    assert!(compare(&place, &path, "out", &["--strategies", "lmx_nsaif"]).status.success());
    let more = compare(&place, &path, "out", &["--strategies", "qdaif,random_search", "--quiet"]);
    assert_eq!(more.status.code(), Some(2));
    assert!(error(&more).contains("script"), "{}", error(&more));
}

#[test]
fn a_killed_comparison_goes_on_to_the_same_files() {
    let place = Place::new();
    let script = place.write("script.toml", &script("[latency]\nms = [0.0, 20.0]\n"));
    let more = ["--strategies", "qdaif,lmx_rouge_l", "--quiet"];
    assert!(compare(&place, &script, "whole", &more).status.success());
    let words = arguments(&script, "killed", &more);
    let mut child = place.samara(&words.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
    while !place.path("killed/qdaif/seed-1/run.db").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // A kill just before anything was recorded leaves such a file.
    std::fs::create_dir_all(place.path("killed/lmx_rouge_l/seed-0")).unwrap();
    std::fs::write(place.path("killed/lmx_rouge_l/seed-0/run.db"), "").unwrap();
    let output = compare(&place, &script, "killed", &more);
    assert!(output.status.success(), "{}", error(&output));
    assert_eq!(files(&place, "killed"), files(&place, "whole"));
}

#[test]
fn runs_of_other_settings_are_refused_by_the_key_that_differs() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let only = ["--strategies", "lmx_nsaif", "--quiet"];
    assert!(compare(&place, &script, "out", &only).status.success());
    for (change, key) in [
        (&["--set", "environment.temperature=0.5"][..], "environment.temperature"),
        (&["--set", "search.total_steps=70"], "search.total_steps"),
        (&["--min-quality", "0.5"], "environment.novelty"),
    ] {
        let output = compare(&place, &script, "out", &[&only, change].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(error(&output).contains(&format!("another `{key}`\nhint: ")), "{}", error(&output));
    }
    // Settings that never change a result may differ.
    assert!(
        compare(&place, &script, "out", &[&only[..], &["--set", "search.concurrency=2"]].concat())
            .status
            .success()
    );
}

#[test]
fn comparisons_that_make_no_sense_say_so() {
    let place = Place::new();
    for (arguments, told) in [
        (&["--strategies", "qdaiff"][..], "did you mean `qdaif`?"),
        (&["--set", "search.strategy=lmx_nsaif"], "name it in --strategies"),
        (&["--set", "search.budget.wall_time_s=5"], "search.budget.wall_time_s"),
        (&["--strategies", "lmx_nsaif"], "the environment `function` knows no such strategy"),
        (&["--seeds", "0"], "--seeds"),
    ] {
        let output = place.run(&[&["compare", "function"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error(&output).contains(told), "{}", error(&output));
    }
    assert!(!place.path("runs").exists(), "nothing is written");
}

#[test]
fn an_environment_without_prompts_is_compared_by_the_strategies_that_it_can_follow() {
    let place = Place::new();
    let small = ["--set", "search.total_steps=300", "--seeds", "1", "--quiet", "--format", "json"];
    let report = place.json(&[&["compare", "function"], &small[..]].concat());
    let names: Vec<&str> =
        report["strategies"].as_array().unwrap().iter().map(|f| f["strategy"].as_str().unwrap()).collect();
    assert_eq!(names, ["qdaif", "random_search"]);
    assert!(report["strategies"][1]["against_qdaif"].is_null(), "one seed has no interval");
    assert!(place.path("runs/function-compare-1/compare.svg").exists());
}

#[test]
fn an_archive_is_drawn_for_one_axis_for_two_and_for_a_tessellation() {
    let place = Place::new();
    let path = place.write("script.toml", &script(""));
    place.run_all(&place.opinions(&path, "bars", &["--set", "search.total_steps=40"]));
    let map = ["run", "function", "--quiet", "--set", "search.total_steps=50"];
    for (out, more) in [("map", &[][..]), ("cvt", &["--set", "search.algorithm=cvt_map_elites"])] {
        assert!(place.run(&[&map, more, &["--out", out]].concat()).status.success());
    }
    for (run, names) in
        [("bars", &["sentiment", "objective"][..]), ("map", &["x", "y"]), ("cvt", &["x", "y"])]
    {
        let file = format!("{run}.svg");
        let output = place.run(&["show", run, "--svg", &file]);
        assert!(output.status.success(), "{}", error(&output));
        let svg = std::fs::read_to_string(place.path(&file)).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{run}");
        assert!(names.iter().all(|name| svg.contains(&format!(">{name}</text>"))), "{run}");
    }
}
