//! Cached answers: the cache, recordings and replays.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use common::{Place, error, parse, script};
use serde_json::Value;

/// Retries, and requests that fail to the end, so that candidates fail.
const FAULTS: &str = "[latency]\nms = [0.0, 3.0]\n[[faults]]\nkind = \"server_error\"\nrate = 0.3\n";

const STEPS: [&str; 2] = ["--set", "search.total_steps=150"];

fn calls(place: &Place, run: &str) -> Vec<Value> {
    let output = place.run(&["export", run, "--as", "jsonl"]);
    assert!(output.status.success(), "{}", error(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    let candidate = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    lines.lines().flat_map(|line| candidate(line)["calls"].as_array().unwrap().clone()).collect()
}

fn asked(calls: &[Value]) -> usize {
    calls.iter().filter(|call| call["attempts"] != 0).count()
}

#[test]
fn a_second_run_with_the_same_seed_costs_no_calls_and_gives_the_same_archive() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let price = ["--set", "models.generator.price_in=3.0", "--set", "models.judge.price_in=1.0"];
    let plain = [&STEPS[..], &price].concat();
    let cached = [&plain[..], &["--set", "cache.path=answers"]].concat();
    let uncached = parse(&place.run_all(&place.opinions(&script, "a", &plain)));
    let first = parse(&place.run_all(&place.opinions(&script, "b", &cached)));
    let second = parse(&place.run_all(&place.opinions(&script, "c", &cached)));
    for summary in [&first, &second] {
        assert_eq!(summary["archive_hash"], uncached["archive_hash"]);
        assert_eq!(summary["tokens"], uncached["tokens"]);
    }
    assert!(uncached["cost"].as_f64().unwrap() > 0.0);
    assert_eq!(second["cost"], 0.0);
    assert_eq!(second["cached_calls"], second["calls"]);
    assert!(first["cached_calls"].is_null());
    let replayed = calls(&place, "c");
    assert_eq!(asked(&replayed), 0);
    assert!(replayed.iter().all(|call| call["cost"] == 0.0 && call["price"].as_f64().unwrap() > 0.0));
}

#[test]
fn a_cache_changes_neither_a_money_budget_nor_a_resumed_run() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let more = [
        "--set",
        "models.generator.price_in=50.0",
        "--set",
        "search.budget.money=3.0",
        "--set",
        "cache.path=answers",
    ];
    let first = parse(&place.run_all(&place.opinions(&script, "a", &more)));
    assert_eq!(first["ended"], "budget");
    let second = parse(&place.run_all(&place.opinions(&script, "b", &more)));
    assert_eq!(
        (&second["candidates"], &second["archive_hash"]),
        (&first["candidates"], &first["archive_hash"])
    );
    let raise = |run: &str| {
        let money = "search.budget.money=4.0";
        place.json(&["resume", run, "--quiet", "--format", "json", "--set", money])["archive_hash"].clone()
    };
    assert_eq!(raise("a"), raise("b"));
}

#[test]
fn a_recorded_run_is_replayed_with_its_failures_and_nobody_is_asked() {
    let place = Place::new();
    let script = place.write("script.toml", &script(FAULTS));
    let patience = ["--set", "models.generator.max_attempts=2", "--set", "search.max_failures=1000"];
    let more = [&STEPS[..], &patience].concat();
    let record = [&more[..], &["--record", "recording"]].concat();
    let recorded = parse(&place.run_all(&place.opinions(&script, "a", &record)));
    assert!(recorded["fates"]["failed"].as_u64().unwrap() > 0, "{recorded}");
    let replay = [&more[..], &["--replay", "recording", "--concurrency", "3"]].concat();
    let replayed = parse(&place.run_all(&place.opinions(&script, "b", &replay)));
    for key in ["archive_hash", "fates", "candidates"] {
        assert_eq!(replayed[key], recorded[key], "{key}");
    }
    assert_eq!(
        asked(&calls(&place, "b").into_iter().filter(|call| call["error"].is_null()).collect::<Vec<_>>()),
        0
    );
    // A recording is one file, and is never overwritten.
    assert!(!place.path("recording-wal").exists());
    let again = place.run_all(&place.opinions(&script, "c", &record));
    assert_eq!(again.status.code(), Some(2), "{}", error(&again));
}

#[test]
fn a_request_that_the_recording_lacks_is_named_and_ends_the_run() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let record = [&STEPS[..], &["--record", "recording"]].concat();
    parse(&place.run_all(&place.opinions(&script, "a", &record)));
    let other = [&STEPS[..], &["--replay", "recording", "--seed", "9"]].concat();
    let missing = place.run_all(&place.opinions(&script, "b", &other));
    assert_eq!(missing.status.code(), Some(3));
    let message = error(&missing);
    assert!(message.contains("the recording recording has no answer of scripted:"), "{message}");
    assert!(message.contains("to: complete \"") && message.contains("(seed "), "{message}");
    let nothing = place.run_all(&place.opinions(&script, "c", &["--replay", "nowhere"]));
    assert_eq!(nothing.status.code(), Some(2));
}

#[test]
fn two_processes_share_a_cache() {
    let place = Place::new();
    let script = place.write("script.toml", &script("[latency]\nms = [0.0, 3.0]\n"));
    let more = [&STEPS[..], &["--set", "cache.path=answers"]].concat();
    let start = |out: &str| {
        let arguments = place.opinions(&script, out, &more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = place.samara(&arguments);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let (a, b) = (start("a"), start("b"));
    let (a, b) = (parse(&a.wait_with_output().unwrap()), parse(&b.wait_with_output().unwrap()));
    assert_eq!(a["archive_hash"], b["archive_hash"]);
}

#[test]
fn a_file_that_is_no_cache_is_refused_and_left_alone() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let notes = place.write("notes.txt", &"my notes ".repeat(200));
    let cache = format!("cache.path={notes}");
    let refused = place.run_all(&place.opinions(&script, "a", &["--set", &cache]));
    assert_eq!(refused.status.code(), Some(2), "{}", error(&refused));
    assert_eq!(std::fs::read_to_string(notes).unwrap(), "my notes ".repeat(200));
    assert!(!place.path("a").exists());
}
