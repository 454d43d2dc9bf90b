//! The promise: the archive is a function of settings, seed and answers, whatever the concurrency, and however often
//! the run was killed.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{process::Child, time::Duration};

use common::{Place, error, parse, script};

const LATENCY: &str = "[latency]\nms = [0.0, 8.0]\n[[faults]]\nkind = \"server_error\"\nrate = 0.02\n";

fn hash(summary: &serde_json::Value) -> String {
    summary["archive_hash"].as_str().unwrap().to_owned()
}

/// Both mutation methods, a pool made by the model, and depth: everything that state can hang on.
const VARIANTS: [&[&str]; 2] = [
    &["--set", "search.depth=2"],
    &["--set", "environment.mutation_method=replace", "--set", "environment.solution_init_method=generated"],
];

#[test]
fn the_archive_is_equal_for_any_concurrency_at_equal_window() {
    let place = Place::new();
    let script = place.write("script.toml", &script(LATENCY));
    for (variant, more) in VARIANTS.into_iter().enumerate() {
        let mut hashes = Vec::new();
        for concurrency in ["1", "4", "16", "64"] {
            let mut more = more.to_vec();
            more.extend(["--seed", "5", "--set", "search.window=64", "--set", "search.total_steps=250"]);
            more.extend(["--concurrency", concurrency]);
            let out = format!("{variant}-{concurrency}");
            hashes.push(hash(&parse(&place.run_all(&place.opinions(&script, &out, &more)))));
        }
        hashes.dedup();
        assert_eq!(hashes.len(), 1, "variant {variant}");
    }
}

#[test]
fn another_seed_or_window_gives_another_archive() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let run = |out: &str, more: &[&str]| hash(&parse(&place.run_all(&place.opinions(&script, out, more))));
    let base = run("a", &["--set", "search.total_steps=300"]);
    assert_eq!(base, run("b", &["--set", "search.total_steps=300"]));
    assert_ne!(base, run("c", &["--set", "search.total_steps=300", "--seed", "1"]));
    assert_ne!(base, run("d", &["--set", "search.total_steps=300", "--set", "search.window=64"]));
}

fn start(place: &Place, arguments: &[String]) -> Child {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let quiet = || std::process::Stdio::null();
    place.samara(&arguments).stdout(quiet()).stderr(quiet()).spawn().unwrap()
}

/// How many candidates a run has settled; `None` before anything is recorded.
fn settled(place: &Place, run: &str) -> Option<u64> {
    let there = place.path(run).join("run.db").exists();
    let output = place.run(&["show", run, "--format", "json"]);
    let begun = there && !error(&output).contains("nothing was recorded");
    begun.then(|| parse(&output)["candidates"].as_u64().unwrap())
}

#[test]
fn the_archive_is_equal_for_any_concurrency_with_one_island_and_with_four() {
    let place = Place::new();
    let script = place.write("script.toml", &script(LATENCY));
    let texts = |out: &str, more: &[&str]| parse(&place.run_all(&place.opinions(&script, out, more)));
    let function = |out: &str, more: &[&str]| {
        let run = ["run", "function", "--quiet", "--format", "json", "--out", out];
        parse(&place.run(&[&run[..], more].concat()))
    };
    for islands in ["1", "4"] {
        let count = format!("search.islands.count={islands}");
        let steps = ["--set", &count, "--set", "search.islands.migration_interval=40"];
        let steps =
            [&steps[..], &["--set", "search.total_steps=180", "--set", "search.init_steps=40"]].concat();
        let mut hashes = [Vec::new(), Vec::new()];
        for concurrency in ["1", "4", "16", "32"] {
            let more = [&steps[..], &["--concurrency", concurrency]].concat();
            let out = |name: &str| format!("{name}-{islands}-{concurrency}");
            let summaries = [texts(&out("texts"), &more), function(&out("function"), &more)];
            for (hashes, summary) in hashes.iter_mut().zip(&summaries) {
                let told = summary["islands"].as_array().map_or(1, Vec::len);
                assert_eq!(told.to_string(), islands, "{summary}");
                hashes.push(hash(summary));
            }
        }
        for mut hashes in hashes {
            hashes.dedup();
            assert_eq!(hashes.len(), 1, "{islands} islands");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_finishes_the_living_and_resume_gives_the_same_archive() {
    let place = Place::new();
    let script = place.write("script.toml", &script("[latency]\nms = [5.0, 20.0]\n"));
    let more = ["--set", "search.total_steps=300"];
    let whole = hash(&parse(&place.run_all(&place.opinions(&script, "whole", &more))));
    let mut child = start(&place, &place.opinions(&script, "stopped", &more));
    while settled(&place, "stopped").is_none_or(|settled| settled < 20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let summary = place.json(&["show", "stopped", "--format", "json"]);
    assert_eq!(summary["ended"], "interrupted");
    assert!(summary["candidates"].as_u64().unwrap() < 300);
    let resumed = parse(&place.run(&["resume", "stopped", "--quiet", "--format", "json"]));
    assert_eq!(hash(&resumed), whole);
}

#[test]
fn a_budget_stops_at_the_same_candidate_at_any_concurrency() {
    let place = Place::new();
    let script = place.write("script.toml", &script(LATENCY));
    let run = |out: &str, concurrency: &str| {
        let more = ["--set", "search.budget.tokens=60000", "--concurrency", concurrency];
        parse(&place.run_all(&place.opinions(&script, out, &more)))
    };
    let (one, many) = (run("one", "1"), run("many", "32"));
    assert_eq!(one["ended"], "budget");
    assert!(one["tokens"].as_u64().unwrap() <= 60_000, "counted at the server in budgets.rs");
    assert!(one["candidates"].as_u64().unwrap() > 50);
    assert_eq!((hash(&one), &one["candidates"]), (hash(&many), &many["candidates"]));
    let mut child =
        start(&place, &place.opinions(&script, "killed", &["--set", "search.budget.tokens=60000"]));
    while settled(&place, "killed").is_none_or(|settled| settled < 40) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = parse(&place.run(&["resume", "killed", "--quiet", "--format", "json"]));
    assert_eq!(
        (hash(&resumed), &resumed["candidates"]),
        (hash(&one), &one["candidates"]),
        "a kill changes nothing"
    );
    let more = ["resume", "one", "--quiet", "--format", "json", "--set", "search.budget.tokens=90000"];
    assert!(parse(&place.run(&more))["candidates"].as_u64() > one["candidates"].as_u64());
}

#[test]
fn a_budget_of_a_few_candidates_stops_at_the_same_one_and_may_be_raised() {
    let place = Place::new();
    let script = place.write("script.toml", &script(LATENCY));
    let run = |out: &str, tokens: u64, concurrency: &str| {
        let budget = format!("search.budget.tokens={tokens}");
        let more = ["--set", &budget, "--concurrency", concurrency];
        parse(&place.run_all(&place.opinions(&script, out, &more)))
    };
    let (one, many) = (run("one", 3000, "1"), run("many", 3000, "32"));
    assert_eq!((hash(&one), &one["candidates"]), (hash(&many), &many["candidates"]));
    assert_eq!(one["ended"], "budget");
    assert!((2..8).contains(&one["candidates"].as_u64().unwrap()), "{one}");
    let more = ["resume", "many", "--quiet", "--format", "json", "--set", "search.budget.tokens=60000"];
    let (raised, straight) = (parse(&place.run(&more)), run("straight", 60_000, "8"));
    assert_eq!((hash(&raised), &raised["candidates"]), (hash(&straight), &straight["candidates"]));
}

#[test]
fn a_finished_run_can_be_made_longer_and_equals_a_long_one() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let long =
        hash(&parse(&place.run_all(&place.opinions(&script, "long", &["--set", "search.total_steps=400"]))));
    parse(&place.run_all(&place.opinions(&script, "short", &["--set", "search.total_steps=250"])));
    let resume = ["resume", "short", "--quiet", "--format", "json", "--set", "search.total_steps=400"];
    assert_eq!(hash(&parse(&place.run(&resume))), long);
    let refused = place.run(&["resume", "short", "--set", "search.seed=4"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(error(&refused).contains("search.seed"));
}
