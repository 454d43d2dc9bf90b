//! `samara rebin` of runs and histories, whatever they hold; and results that would be written over a run.

mod common;

use std::{fs, process::Output};

use common::{Place, error, parse};
use serde_json::{Value, json};

fn run(place: &Place, out: &str, more: &[&str]) {
    let run = ["run", "function", "--quiet", "--out", out, "--set", "search.total_steps=200"];
    let output = place.run(&[&run, more].concat());
    assert!(output.status.success(), "{}", error(&output));
}

/// A history of these rows, replayed into bins.
fn rebinned(place: &Place, rows: &[&str], bins: &str) -> Output {
    let path = place.write("history.jsonl", &(rows.join("\n") + "\n"));
    place.run(&["rebin", &path, "--bins", bins, "--format", "json"])
}

#[test]
fn cells_of_a_cvt_give_way_to_the_bins_that_are_asked_for() {
    let place = Place::new();
    run(&place, "cvt", &["--set", "search.algorithm=cvt_map_elites", "--set", "search.cvt.cells=50"]);
    let cells = |more: &[&str]| {
        place.json(&[&["rebin", "cvt", "--format", "json"], more].concat())["cells_total"].clone()
    };
    assert_eq!(
        (cells(&[]), cells(&["--bins", "10"]), cells(&["--ticks", "0"])),
        (json!(50), json!(100), json!(4))
    );
}

#[test]
fn a_cvt_of_one_measure_has_bars_and_a_picture() {
    let place = Place::new();
    let settings = "[experiment]\nname = \"line\"\nenvironment = \"function\"\n[search]\nalgorithm = \"cvt_map_elites\"\n\
         total_steps = 200\ncvt.cells = 12\nqd_offset = -6\n[[axes]]\nname = \"x\"\nrange = [-4, 4]\n[environment]\ndimensions = 1\n";
    let file = place.write("line.toml", settings);
    assert!(place.run(&["run", &file, "--quiet", "--out", "line"]).status.success());
    let told = place.run(&["show", "line", "--best", "0", "--svg", "line.svg"]);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("bars start from 0") && told.contains(" of 12 cells "), "{told}");
    let svg = fs::read_to_string(place.path("line.svg")).unwrap();
    assert!(svg.contains("bars start from 0") && svg.contains(">x</text>"), "{svg}");
    assert_eq!(place.json(&["rebin", "line", "--bins", "5", "--format", "json"])["cells_total"], 5);
}

#[test]
fn a_run_with_soft_thresholds_can_be_rebinned_with_several_elites_a_cell() {
    let place = Place::new();
    run(&place, "soft", &["--set", "search.learning_rate=0.1", "--set", "search.threshold_min=-10"]);
    let (soft, deep) = (&["rebin", "soft", "--format", "json"][..], ["--depth", "3"]);
    assert_eq!(place.json(&[soft, &deep].concat())["candidates"], 200);
    assert_eq!(
        place.json(soft)["archive_hash"],
        place.json(&["show", "soft", "--format", "json"])["archive_hash"]
    );
}

#[test]
fn a_run_is_a_run_whatever_its_file_is_called() {
    let place = Place::new();
    run(&place, "out", &[]);
    fs::copy(place.path("out/run.db"), place.path("copy.sqlite")).unwrap();
    let of =
        |command: &str, run: &str| place.json(&[command, run, "--format", "json"])["archive_hash"].clone();
    let shown = of("show", "out");
    assert_eq!([of("show", "copy.sqlite"), of("rebin", "copy.sqlite")], [shown.clone(), shown]);
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_name() {
    let place = Place::new();
    run(&place, "out", &[]);
    for (arguments, said) in [
        (&["--ticks", "0,nan"][..], "--ticks 0,nan: `nan` is not finite"),
        (&["--ticks", "-inf"], "--ticks -inf: `-inf` is not finite"),
        (&["--ticks", "1e999"], "--ticks 1e999: `1e999` is not finite"),
        (&["--ticks", "0,x"], "--ticks 0,x: `x` is no number"),
        (&["--bins", "4", "--range", "0,inf"], "--range 0,inf: `inf` is not finite"),
        (&["--bins", "4", "--range", "NaN,1"], "--range NaN,1: `NaN` is not finite"),
        (&["--bins", "4", "--range", "0,1,2"], "--range 0,1,2: two numbers are needed"),
        (&["--qd-offset", "nan"], "nan"),
        (&["--bins", "4", "--range", "1,0"], "1"),
    ] {
        let output = place.run(&[&["rebin", "out"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error(&output).contains(said), "{}", error(&output));
    }
}

#[test]
fn numbers_of_a_history_may_be_written_as_other_tools_write_them() {
    let place = Place::new();
    let row = r#"{"genotype":"a","phenotype":[0.1],"fitness":0.5,"num_gens_current":"#;
    for number in ["0.0", "1e3", "-1", "\"7\"", "null"] {
        let first = format!("{row}{number}}}");
        let rows = [&*first, r#"{"genotype":"u","phenotype":[0.95],"fitness":0.4,"num_gens_current":null}"#];
        let found = parse(&rebinned(&place, &rows, "4"));
        assert_eq!((&found["candidates"], &found["qd_score"]), (&json!(2), &json!(0.9)), "{number}");
    }
}

#[test]
fn a_row_with_no_number_among_its_measures_is_one_invalid_candidate() {
    let place = Place::new();
    for missing in ["null", "NaN", "Infinity"] {
        let bad = format!(r#"{{"genotype":"b","phenotype":[{missing},0.3],"fitness":0.5}}"#);
        let output =
            rebinned(&place, &[r#"{"genotype":"a","phenotype":[0.2,0.3],"fitness":0.5}"#, &bad], "4");
        let found = parse(&output);
        assert_eq!((&found["candidates"], &found["fates"]["new"]), (&json!(2), &json!(1)), "{missing}");
        assert_eq!(found["fates"]["invalid"], 1, "{missing}");
        assert!(error(&output).contains("line 2: phenotype[0]"), "{}", error(&output));
    }
}

#[test]
fn a_file_that_is_no_history_says_which_keys_are_missing() {
    let place = Place::new();
    for row in [
        r#"{"solution":"a","measures":[0.5],"objective":0.5}"#,
        r#"{"poem":"a","quality":8.0,"genre":"haiku","tone":"dark"}"#,
    ] {
        let output = rebinned(&place, &[row], "4");
        assert_eq!(output.status.code(), Some(1), "{}", error(&output));
        assert!(error(&output).contains("genotype, phenotype, fitness"), "{}", error(&output));
    }
}

#[test]
fn the_score_of_an_archive_is_the_same_whatever_was_in_it_before() {
    let place = Place::new();
    let mut seen = Vec::new();
    for penalty in ["0.4", "-1e9", "-1e12", "-1e15", "-9223372036854775807", "-3.4028234663852886e38"] {
        let first = format!(r#"{{"genotype":"a","phenotype":[0.1],"fitness":{penalty}}}"#);
        let rows = [
            &*first,
            r#"{"genotype":"b","phenotype":[0.9],"fitness":0.123456789}"#,
            r#"{"genotype":"c","phenotype":[0.1],"fitness":0.5}"#,
        ];
        let found = parse(&rebinned(&place, &rows, "2"));
        assert_eq!(
            (&found["qd_score"], &found["mean"]),
            (&json!(0.623456789), &json!(0.3117283945)),
            "{penalty}"
        );
        seen.push(found["archive_hash"].clone());
    }
    assert!(seen.iter().all(|hash| *hash == seen[0] && hash.is_string()), "{seen:?}");
    let least = "-1.7976931348623157e308";
    let rows = [("a", 0.1, least), ("b", 0.9, least), ("c", 0.1, "0.5"), ("d", 0.9, "0.5")].map(
        |(genotype, at, fitness)| {
            format!(r#"{{"genotype":"{genotype}","phenotype":[{at}],"fitness":{fitness}}}"#)
        },
    );
    let found = parse(&rebinned(&place, &rows.each_ref().map(|row| &**row), "2"));
    assert_eq!((&found["qd_score"], &found["mean"]), (&json!(1.0), &json!(0.5)));
}

#[test]
fn no_result_is_written_over_a_run_by_any_name() {
    let place = Place::new();
    run(&place, "out", &[]);
    std::os::unix::fs::symlink(place.path("out/run.db"), place.path("link.csv")).unwrap();
    fs::hard_link(place.path("out/run.db"), place.path("hard.csv")).unwrap();
    let before = fs::read(place.path("out/run.db")).unwrap();
    for file in ["out/run.db", "link.csv", "hard.csv", "out/run.db-wal", "out/run.lock"] {
        for command in [
            &["export", "out", "--as", "csv", "-o", file][..],
            &["export", "out", "-o", file],
            &["show", "out", "--svg", file],
        ] {
            let output = place.run(command);
            assert_eq!(output.status.code(), Some(2), "{command:?}: {}", error(&output));
            assert!(error(&output).contains("that is the run itself"), "{}", error(&output));
        }
    }
    assert_eq!(fs::read(place.path("out/run.db")).unwrap(), before);
    let shown: Value = place.json(&["show", "out", "--format", "json"]);
    assert_eq!(shown["candidates"], 200);
}
