//! Several generators: the choice among them is as reproducible as everything else, and it learns.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use common::{Place, error, parse, script};
use serde_json::Value;

/// A writer that repeats itself: its text fills one cell, and that's it.
const DULL: &str = "[[complete]]\nanswers = [\"I have eaten a vegetable.\"]\n[latency]\nms = [0.0, 3.0]\n";

const LATENCY: &str = "[latency]\nms = [0.0, 6.0]\n[[faults]]\nkind = \"server_error\"\nrate = 0.02\n";

/// Arguments of a run with a good and a dull generator, in this order.
fn ensemble(place: &Place, out: &str, choose: &str, more: &[&str]) -> Vec<String> {
    let good = place.write("good.toml", &script(LATENCY));
    let dull = place.write("dull.toml", DULL);
    let price = "price_in = 1.0, price_out = 2.0";
    let generator = format!(
        "models.generator={{choose = \"{choose}\", ensemble = [{{model = \"scripted:{good}\", {price}}}, \
         {{model = \"scripted:{dull}\", weight = 3, {price}}}]}}"
    );
    let judge = format!("models.judge=scripted:{good}");
    let mut arguments: Vec<String> =
        ["run", "opinions", "--quiet", "--format", "json", "--out", out, "--set"].map(str::to_owned).to_vec();
    arguments.extend([generator, "--set".into(), judge]);
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    arguments
}

fn hash(place: &Place, arguments: &[String]) -> String {
    parse(&place.run_all(arguments))["archive_hash"].as_str().unwrap().to_owned()
}

/// The writers of a run's candidates, in their order.
fn writers(place: &Place, run: &str) -> Vec<u64> {
    let output = place.run(&["export", run, "--as", "jsonl"]);
    assert!(output.status.success(), "{}", error(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["generator"].as_u64().unwrap())
        .collect()
}

#[test]
fn an_ensemble_gives_the_same_archive_at_any_concurrency_and_after_a_resume() {
    let place = Place::new();
    for choose in ["bandit", "weights"] {
        let long = ["--set", "search.total_steps=200", "--seed", "3"];
        let run = |out: &str, concurrency: &str| {
            let more = [&long[..], &["--concurrency", concurrency]].concat();
            hash(&place, &ensemble(&place, &format!("{choose}-{out}"), choose, &more))
        };
        let one = run("1", "1");
        assert_eq!(one, run("32", "32"), "{choose}");
        let short = ["--set", "search.total_steps=90", "--seed", "3"];
        parse(&place.run_all(&ensemble(&place, &format!("{choose}-short"), choose, &short)));
        let name = format!("{choose}-short");
        let resume = ["resume", &name, "--quiet", "--format", "json", "--set", "search.total_steps=200"];
        assert_eq!(place.json(&resume)["archive_hash"], one.as_str(), "{choose}");
        assert_eq!(writers(&place, &name), writers(&place, &format!("{choose}-1")), "the same writers");
    }
}

#[test]
fn the_bandit_learns_which_model_improves_the_archive_and_weights_do_not() {
    let place = Place::new();
    let run = |choose: &str| {
        parse(&place.run_all(&ensemble(&place, choose, choose, &["--set", "search.total_steps=400"])));
        let late = writers(&place, choose).split_off(100);
        late.iter().filter(|writer| **writer == 0).count() as f64 / late.len() as f64
    };
    let (learnt, drawn) = (run("bandit"), run("weights"));
    assert!(learnt > 0.6, "the good model writes {learnt} of the candidates");
    assert!((0.15..0.35).contains(&drawn), "weights of 1 and 3 give it a quarter, not {drawn}");
}

#[test]
fn a_money_budget_needs_prices_and_a_table_gives_them() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let refused = place.run_all(&place.opinions(&script, "a", &["--set", "search.budget.money=0.001"]));
    assert_eq!(refused.status.code(), Some(2));
    assert!(error(&refused).contains("`search.budget.money`"), "{}", error(&refused));
    let generator = ["--set", "models.generator.price_out=100.0", "--set", "search.budget.money=0.01"];
    let summary = parse(&place.run_all(&place.opinions(&script, "b", &generator)));
    let cost = summary["cost"].as_f64().unwrap();
    assert!((0.005..=0.01).contains(&cost), "{summary}");
    assert_eq!(summary["ended"], "budget");
}
