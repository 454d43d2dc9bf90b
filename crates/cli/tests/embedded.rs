//! The main job with the model that comes with samara: no server, no key, no network.

mod common;

use common::{Place, parse};

fn run(place: &Place, out: &str, more: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["run", "opinions", "--quiet", "--format", "json", "--out", out, "--seed", "11"];
    arguments.extend(["--set", "search.total_steps=150"]);
    arguments.extend(more);
    parse(&place.run(&arguments))
}

#[test]
fn the_main_job_needs_no_server_and_gives_the_same_archive_at_any_concurrency_and_on_any_threads() {
    let place = Place::new();
    let base = run(&place, "base", &["--concurrency", "32"]);
    assert_eq!(base["candidates"], 150);
    assert!(base["coverage"].as_f64().unwrap() > 0.3, "{base}");
    for (concurrency, threads) in [("1", "1"), ("4", "2"), ("32", "1"), ("32", "2")] {
        let out = format!("{concurrency}-{threads}");
        let generator = format!("models.generator.threads={threads}");
        let judge = format!("models.judge.threads={threads}");
        let more = ["--concurrency", concurrency, "--set", &generator, "--set", &judge];
        let other = run(&place, &out, &more);
        assert_eq!(
            other["archive_hash"], base["archive_hash"],
            "concurrency {concurrency}, threads {threads}"
        );
    }
}

#[test]
fn every_experiment_with_texts_runs_out_of_the_box() {
    let place = Place::new();
    for name in ["short-story", "short-story-2d", "stories-genre-ending", "movie-reviews"] {
        let arguments =
            ["run", name, "--quiet", "--format", "json", "--out", name, "--set", "search.total_steps=40"];
        let summary = parse(&place.run(&arguments));
        assert_eq!(summary["candidates"], 40);
        assert_eq!(summary["fates"]["failed"], 0, "{summary}");
        assert!(summary["best"].as_f64().unwrap() > 0.3, "{summary}");
    }
}
