//! What commands leave alone and leave behind: runs that exports can't overwrite, runs that can't begin, limits that are
//! none, duplicates.

mod common;

use common::{Place, error, parse, script};

fn function(place: &Place, more: &[&str]) -> serde_json::Value {
    let run = ["run", "function", "--quiet", "--format", "json", "--out", "out"];
    place.json(&[&run[..], &["--set", "search.total_steps=60"], more].concat())
}

#[test]
fn no_export_and_no_picture_is_written_over_the_run() {
    let place = Place::new();
    function(&place, &[]);
    let journal = place.path("out/run.db");
    std::os::unix::fs::symlink(&journal, place.path("link.csv")).unwrap();
    std::fs::hard_link(&journal, place.path("hard.svg")).unwrap();
    let before = std::fs::read(&journal).unwrap();
    let names =
        ["out/run.db", "./out/../out/run.db", "link.csv", "hard.svg", "out/run.db-wal", "out/run.lock"];
    for name in names {
        for arguments in [
            &["export", "out", "--out", name][..],
            &["export", "out", "--as", "csv", "--out", name],
            &["export", "out/run.db", "--as", "settings", "--out", name],
            &["show", "out", "--svg", name],
        ] {
            let refused = place.run(arguments);
            assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", error(&refused));
            assert!(error(&refused).contains("hint: choose another file"), "{}", error(&refused));
        }
    }
    assert_eq!(std::fs::read(&journal).unwrap(), before);
    assert!(
        place.run(&["export", "out", "--out", "out/history.jsonl"]).status.success(),
        "beside it is fine"
    );
}

#[test]
fn a_run_that_can_not_begin_leaves_nothing_behind() {
    let place = Place::new();
    let models =
        ["scripted:nowhere.toml", "http://127.0.0.1:1/v1#none", "openai:", "embedded#nothing-such", "gpt"];
    for model in models {
        let set = format!("models.generator={model}");
        let output = place.run(&["run", "opinions", "--set", &set, "--set", "models.generator.deadline_s=1"]);
        assert!([2, 3].contains(&output.status.code().unwrap()), "{model}: {}", error(&output));
        let left: Vec<_> = std::fs::read_dir(place.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{model}: {left:?}");
    }
}

#[test]
fn a_wall_time_beyond_all_clocks_is_no_limit() {
    let place = Place::new();
    let summary = function(&place, &["--set", "search.budget.wall_time_s=1e20"]);
    assert_eq!((&summary["ended"], &summary["candidates"]), (&"completed".into(), &60.into()));
}

#[test]
fn a_run_says_where_it_is_and_show_which_elites_it_has() {
    let place = Place::new();
    let summary = function(&place, &[]);
    assert_eq!(summary["folder"], "out");
    let shown = place.json(&["show", "out", "--format", "json", "--best", "3"]);
    let elites = shown["elites"].as_array().unwrap();
    assert_eq!(elites.len(), 3);
    assert_eq!(elites[0]["objective"], summary["best"]);
    assert_eq!(shown["reasons"], serde_json::json!([]));
}

#[test]
fn duplicates_are_refused_with_a_reason_that_show_tells() {
    let place = Place::new();
    let dull = script("")
        .replace("[complete.recombine]", "answers = [\"I like peas.\", \"I hate beans.\"]\n[ignored]");
    let dull = dull.split("[ignored]").next().unwrap().to_owned() + "\n[[score]]\nnoise = 1.0\n";
    let script = place.write("script.toml", &dull);
    let run = |out: &str, duplicates: &str| {
        let set = format!("search.duplicates={duplicates}");
        let more = ["--set", &set, "--set", "search.total_steps=60", "--set", "search.window=8"];
        let more = [&more[..], &["--concurrency", "8"]].concat();
        parse(&place.run_all(&place.opinions(&script, out, &more)))
    };
    let evaluated = run("a", "evaluate");
    assert_eq!(evaluated["fates"]["invalid"], 0, "{evaluated}");
    for duplicates in ["refuse", "rewrite"] {
        let summary = run(duplicates, duplicates);
        // At most the first window is written in the dark.
        assert!(summary["fates"]["invalid"].as_u64().unwrap() >= 40, "{summary}");
        let reasons = place.json(&["show", duplicates, "--format", "json"])["reasons"].clone();
        let first = reasons[0]["why"].as_str().unwrap();
        assert!(
            first.starts_with("it equals candidate ") && first.ends_with("(search.duplicates)"),
            "{reasons}"
        );
    }
}
