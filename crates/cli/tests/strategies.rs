//! The baselines: each keeps its law, and each is as reproducible as ours.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::time::Duration;

use common::{Place, error, parse, script};
use samara_journal::{Contents, Header, Journal, JournalError, Reader};
use samara_search::Candidate;

const STRATEGIES: [&str; 7] = [
    "qdaif",
    "lmx_quality_only",
    "fixed_few_shot",
    "shuffling_few_shot",
    "random_search",
    "lmx_nsaif",
    "lmx_rouge_l",
];

/// The seed pool that an opinions run starts from.
fn pool() -> String {
    samara_testing::workspace_file("crates/environments/experiments/pools/opinions.txt")
}

fn set(strategy: &str) -> [String; 4] {
    ["--set", &format!("search.strategy={strategy}"), "--set", "search.total_steps=150"].map(str::to_owned)
}

/// Arguments of a run of a strategy.
fn arguments(place: &Place, script: &str, out: &str, strategy: &str, more: &[&str]) -> Vec<String> {
    let mut arguments = place.opinions(script, out, more);
    arguments.extend(set(strategy));
    arguments
}

fn hash(summary: &serde_json::Value) -> String {
    summary["archive_hash"].as_str().unwrap().to_owned()
}

/// The examples of every candidate of a run.
fn examples(place: &Place, run: &str) -> Vec<Vec<String>> {
    let mut examples = Vec::new();
    let fold = &mut |candidate: Candidate| {
        let genome = candidate.genome.unwrap();
        examples.push(genome.examples().iter().map(ToString::to_string).collect());
        Ok::<(), JournalError>(())
    };
    Reader::open(&place.path(run)).unwrap().fold(fold).unwrap();
    examples
}

#[test]
fn every_strategy_gives_the_same_archive_at_any_concurrency_and_after_kills() {
    let place = Place::new();
    let script = place.write("script.toml", &script("[latency]\nms = [0.0, 3.0]\n"));
    for strategy in STRATEGIES {
        let mut hashes = Vec::new();
        for concurrency in ["1", "4", "16"] {
            let out = format!("{strategy}-{concurrency}");
            let all = arguments(&place, &script, &out, strategy, &["--concurrency", concurrency]);
            hashes.push(hash(&parse(&place.run_all(&all))));
        }
        hashes.push(killed_twice(&place, &script, strategy));
        hashes.dedup();
        assert_eq!(hashes.len(), 1, "{strategy}");
    }
}

/// The hash of a run that was killed early and late.
fn killed_twice(place: &Place, script: &str, strategy: &str) -> String {
    let out = format!("{strategy}-killed");
    let mut next = arguments(place, script, &out, strategy, &[]);
    for least in [20, 110] {
        let words: Vec<&str> = next.iter().map(String::as_str).collect();
        let quiet = std::process::Stdio::null;
        let mut child = place.samara(&words).stdout(quiet()).stderr(quiet()).spawn().unwrap();
        let settled = || Reader::open(&place.path(&out)).and_then(|reader| reader.len()).unwrap_or(0);
        while settled() < least && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        child.wait().unwrap();
        next = ["resume", &out, "--quiet", "--format", "json"].map(str::to_owned).to_vec();
    }
    let summary = parse(&place.run_all(&next));
    assert_eq!(summary["candidates"], 150);
    hash(&summary)
}

#[test]
fn fixed_prompts_are_all_one_and_shuffled_ones_differ_in_order_alone() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    for strategy in ["fixed_few_shot", "shuffling_few_shot"] {
        parse(&place.run_all(&arguments(&place, &script, strategy, strategy, &[])));
    }
    let first: Vec<String> = pool().lines().take(3).map(str::to_owned).collect();
    assert!(examples(&place, "fixed_few_shot").iter().all(|shown| *shown == first));
    let mut shuffled = examples(&place, "shuffling_few_shot");
    for shown in &shuffled {
        assert!(shown.len() == 3 && first.iter().all(|text| shown.contains(text)), "{shown:?}");
    }
    shuffled.sort_unstable();
    shuffled.dedup();
    assert_eq!(shuffled.len(), 6, "every order is drawn");
}

#[test]
fn strategies_that_learn_show_what_was_written_and_name_it_as_parents() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let initial = pool();
    for (strategy, learns) in
        [("random_search", false), ("lmx_quality_only", true), ("lmx_nsaif", true), ("lmx_rouge_l", true)]
    {
        parse(&place.run_all(&arguments(&place, &script, strategy, strategy, &[])));
        let shown: Vec<String> = examples(&place, strategy).into_iter().flatten().collect();
        let written = shown.iter().any(|text| initial.lines().all(|line| line != text));
        assert_eq!(written, learns, "{strategy}");
        let reader = Reader::open(&place.path(strategy)).unwrap();
        let parents = |i| reader.candidate(i).unwrap().unwrap().0.parents;
        assert_eq!((0..150).any(|i| !parents(i).is_empty()), learns, "{strategy}");
        assert!((0..150).all(|i| parents(i).iter().all(|parent| *parent < i)), "{strategy}");
    }
}

#[test]
fn a_strategy_for_prompts_is_refused_where_there_are_none() {
    let place = Place::new();
    for strategy in STRATEGIES {
        let mut run = vec!["run", "function", "--quiet", "--out", strategy];
        let set = set(strategy);
        run.extend(set.iter().map(String::as_str));
        let output = place.run(&run);
        if ["qdaif", "random_search"].contains(&strategy) {
            assert!(output.status.success(), "{}", error(&output));
            continue;
        }
        assert_eq!(output.status.code(), Some(2));
        let message = error(&output);
        assert!(
            message.contains(&format!("--set search.strategy={strategy}: `search.strategy`")),
            "{message}"
        );
        assert!(message.contains("hint: ") && !place.path(strategy).exists(), "{message}");
    }
}

#[test]
fn random_search_has_one_name_and_runs_begun_under_its_old_one_go_on() {
    let place = Place::new();
    let old = place.run(&["run", "string", "--set", "search.algorithm=random_search"]);
    assert_eq!(old.status.code(), Some(2));
    assert!(
        error(&old).contains("hint: remove it and write strategy = \"random_search\""),
        "{}",
        error(&old)
    );

    let arguments = ["run", "string", "--quiet", "--format", "json", "--set", "search.total_steps=200"];
    let run = |out: &str, strategy: &str| {
        let strategy = format!("search.strategy={strategy}");
        place.json(&[&arguments[..], &["--out", out, "--set", &strategy]].concat())
    };
    let new = run("new", "random_search");
    assert_ne!(hash(&new), hash(&run("ours", "qdaif")));
    // What the version before strategies wrote into its journals.
    let reader = Reader::open(&place.path("new")).unwrap();
    let contents = Contents { inputs: Vec::new(), tessellations: reader.tessellations().unwrap() };
    let header = reader.header().clone();
    let config = header.config.replace("strategy = \"random_search\"\n", "");
    let config = config.replace("algorithm = \"map_elites\"", "algorithm = \"random_search\"");
    assert!(config != header.config && !config.contains("strategy"));
    std::fs::create_dir(place.path("old")).unwrap();
    drop(Journal::create(&place.path("old/run.db"), &Header { config, ..header }, &contents).unwrap());
    let resumed = place.json(&["resume", "old", "--quiet", "--format", "json"]);
    assert_eq!(hash(&resumed), hash(&new));
}
