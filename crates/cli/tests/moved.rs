//! A run needs no file but its own: it goes on where it was moved to, without the files that it was begun with, and
//! says so if they have changed.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use common::{Place, error, isolated, parse, script};
use serde_json::Value;

/// An experiment that reads a file.
struct Reading {
    place: Place,
    /// The setting that names the file.
    key: &'static str,
    /// The file's name.
    input: &'static str,
    /// Candidates of the part that is run first, and of the whole.
    steps: (u64, u64),
}

impl Reading {
    /// A built-in experiment whose `[environment]` begins with `KEY = "INPUT"`, in the folder `there`.
    fn new(
        from: &str,
        (key, input, text): (&'static str, &'static str, &str),
        change: (&str, &str),
        steps: (u64, u64),
    ) -> Self {
        let place = Place::new();
        std::fs::create_dir(place.path("there")).unwrap();
        place.write(&format!("there/{input}"), text);
        assert!(
            place.run(&["new", "there/mine", "--from", from]).status.code() == Some(2),
            "names are no paths"
        );
        assert!(place.run(&["new", "mine", "--from", from]).status.success());
        let settings = std::fs::read_to_string(place.path("mine.toml")).unwrap();
        let setting = format!("[environment]\n{} = \"{input}\"\n", key.trim_start_matches("environment."));
        let settings = settings.replacen(change.0, change.1, 1).replacen("[environment]\n", &setting, 1);
        place.write("there/mine.toml", &settings);
        place.write("script.toml", &script(""));
        Self { place, key, input, steps }
    }

    /// Texts, from a pool of one's own.
    fn texts() -> Self {
        let pool =
            "Carrots are great.\nI hate beans.\nA salad is fine.\nKale is awful.\nPeas are the best.\n";
        let input = ("environment.prompt_pool_path", "pool.txt", pool);
        Self::new("opinions", input, ("prompt_pool_path = \"builtin:opinions\"", ""), (60, 150))
    }

    /// Pictures, from a program of one's own.
    fn pictures(value: u32) -> Self {
        let input = ("environment.seed_path", "seed.py", &*seed(value));
        Self::new("image", input, ("", ""), (8, 20))
    }

    /// Solutions, of puzzles of one's own.
    fn puzzles() -> Self {
        let text = samara_testing::workspace_file("crates/environments/src/p3/puzzles.json");
        Self::new(
            "p3",
            ("environment.puzzles", "puzzles.json", &text),
            ("puzzles = \"builtin\"", ""),
            (8, 20),
        )
    }

    fn run(&self, out: &str, steps: u64) -> Value {
        let script = self.place.path("script.toml");
        let scripted =
            ["generator", "judge"].map(|role| format!("models.{role}=scripted:{}", script.display()));
        let steps = format!("search.total_steps={steps}");
        let mut arguments = vec!["run", "there/mine.toml", "--quiet", "--format", "json", "--out", out];
        arguments.extend(["--set", "search.init_steps=6", "--set", &steps]);
        if self.key == "environment.prompt_pool_path" {
            arguments.extend(scripted.iter().flat_map(|set| ["--set", set]));
        }
        self.place.json(&arguments)
    }

    fn resume(&self, run: &str, more: &[&str]) -> std::process::Output {
        let steps = format!("search.total_steps={}", self.steps.1);
        let arguments = ["resume", run, "--quiet", "--format", "json", "--set", &steps];
        self.place.run(&[&arguments[..], more].concat())
    }

    fn write(&self, text: &str) {
        self.place.write(&format!("there/{}", self.input), text);
    }

    /// A run that was cut in two, moved, and left without its files equals one that was not.
    fn goes_on_elsewhere(&self) {
        let whole = self.run("there/whole", self.steps.1);
        self.run("there/part", self.steps.0);
        std::fs::create_dir(self.place.path("elsewhere")).unwrap();
        std::fs::rename(self.place.path("there/part"), self.place.path("elsewhere/part")).unwrap();
        std::fs::remove_dir_all(self.place.path("there")).unwrap();
        let resumed = parse(&self.resume("elsewhere/part", &[]));
        assert_eq!(resumed["candidates"], self.steps.1);
        assert_eq!(resumed["archive_hash"], whole["archive_hash"], "{}", self.key);
    }
}

/// A program that draws one colour.
fn seed(value: u32) -> String {
    format!("def draw():\n    return [[[{value}, {value}, 0] for x in range(32)] for y in range(32)]\n")
}

#[test]
fn a_run_that_was_moved_goes_on_without_its_pool() {
    Reading::texts().goes_on_elsewhere();
}

#[test]
fn a_run_that_was_moved_goes_on_without_its_puzzles_or_seed_program() {
    if !isolated() {
        return;
    }
    Reading::puzzles().goes_on_elsewhere();
    Reading::pictures(90).goes_on_elsewhere();
}

#[test]
fn changed_files_are_named_and_the_user_chooses() {
    let reading = Reading::texts();
    let whole = reading.run("whole", reading.steps.1);
    reading.run("part", reading.steps.0);
    reading.write("Other.\nTexts.\nThan before.\n");
    let refused = reading.resume("part", &[]);
    assert_eq!(refused.status.code(), Some(2), "{}", error(&refused));
    for told in ["there/pool.txt (environment.prompt_pool_path)", "--inputs recorded", "--inputs current"] {
        assert!(error(&refused).contains(told), "{told}: {}", error(&refused));
    }
    assert_eq!(reading.place.json(&["show", "part", "--format", "json"])["candidates"], reading.steps.0);
    let resumed = parse(&reading.resume("part", &["--inputs", "recorded"]));
    assert_eq!(resumed["archive_hash"], whole["archive_hash"]);
}

#[test]
fn a_run_goes_on_with_current_files_if_it_is_told_to() {
    if !isolated() {
        return;
    }
    let reading = Reading::pictures(90);
    // All candidates are made from the seed, so that every one of them shows which it was.
    let set = ["--set", "search.strategy=random_search"];
    let begin = ["run", "there/mine.toml", "--quiet", "--out", "part", "--set", "search.total_steps=8"];
    let begun = reading.place.run(&[&begin[..], &set].concat());
    assert!(begun.status.success(), "{}", error(&begun));
    reading.write(&seed(7));
    parse(&reading.resume("part", &["--inputs", "current"]));
    let exported = reading.place.run(&["export", "part"]);
    let rows = String::from_utf8(exported.stdout).unwrap();
    let written: Vec<bool> = rows.lines().map(|row| row.contains("90, 90")).collect();
    assert!(written[..8].contains(&true) && !written[8..].contains(&true), "{rows}");
    std::fs::remove_file(reading.place.path("there/seed.py")).unwrap();
    let gone = reading.resume("part", &["--inputs", "current"]);
    assert_eq!(gone.status.code(), Some(2));
    assert!(error(&gone).contains("environment.seed_path"), "{}", error(&gone));
}

#[test]
fn settings_that_a_run_was_resumed_with_hold_for_the_next_time() {
    let place = Place::new();
    let path = place.write("script.toml", &script(""));
    let whole = parse(&place.run_all(&place.opinions(&path, "whole", &["--set", "search.total_steps=150"])));
    parse(&place.run_all(&place.opinions(&path, "part", &["--set", "search.total_steps=40"])));
    let resume = ["resume", "part", "--quiet", "--format", "json"];
    let budget = ["--set", "search.total_steps=150", "--set", "search.budget.tokens=30000"];
    let spent = place.json(&[&resume[..], &budget].concat());
    assert_eq!(spent["ended"], "budget", "{spent}");
    let settled = spent["candidates"].as_u64().unwrap();
    assert!(40 < settled && settled < 150, "{spent}");
    assert_eq!(place.json(&resume)["candidates"], settled, "the budget still holds");
    let ended = place.json(&[&resume[..], &["--set", "search.budget.tokens=10000000"]].concat());
    assert_eq!((&ended["candidates"], &ended["ended"]), (&whole["candidates"], &whole["ended"]));
    assert_eq!(ended["archive_hash"], whole["archive_hash"]);
    let again = place.run(&["resume", "part"]);
    assert!(
        error(&again).contains("the run is finished: all 150 candidates are settled"),
        "{}",
        error(&again)
    );
}
