//! `samara export --as sft` and its like: what data to train elsewhere hold, and what they refuse.

mod common;

use std::collections::BTreeSet;

use common::{Place, error, parse, script};
use serde_json::Value;

const FORMS: [&str; 6] = ["sft", "dpo", "kto", "grpo", "openai-sft", "openai-dpo"];

/// A run of 80 candidates that a script writes and judges.
fn run(place: &Place, out: &str, seed: u32) {
    let script = place.write("script.toml", &script(""));
    let (steps, seed) = ("search.total_steps=80".to_owned(), format!("search.seed={seed}"));
    parse(&place.run_all(&place.opinions(&script, out, &["--set", &steps, "--set", &seed])));
}

fn lines(place: &Place, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(file)).expect("a file that was written");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn export(place: &Place, more: &[&str]) {
    let output = place.run(&[&["export", "a", "-o", "data.jsonl"], more].concat());
    assert!(output.status.success(), "{}", error(&output));
}

fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", error(&output));
    error(&output)
}

#[test]
fn every_form_has_the_keys_that_its_trainer_reads() {
    let place = Place::new();
    run(&place, "a", 0);
    let mut shown = String::new();
    for form in FORMS {
        for chat in [&[][..], &["--chat"]] {
            if form.starts_with("openai") && !chat.is_empty() {
                continue;
            }
            export(
                &place,
                &[&["--as", form, "--pairs=cell"][..if form.ends_with("dpo") { 3 } else { 2 }], chat]
                    .concat(),
            );
            let mut first = lines(&place, "data.jsonl").swap_remove(0);
            if let Some(run) = first.get_mut("run") {
                *run = "RUN".into();
            }
            shown += &format!("{form} {chat:?}\n{}\n\n", serde_json::to_string_pretty(&first).unwrap());
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn the_same_command_writes_the_same_file_and_no_sample_twice() {
    let place = Place::new();
    run(&place, "a", 0);
    run(&place, "b", 1);
    for form in FORMS {
        let write = |file: &str| {
            let output = place.run(&["export", "a", "b", "--as", form, "-o", file]);
            assert!(output.status.success(), "{form}: {}", error(&output));
            std::fs::read_to_string(place.path(file)).unwrap()
        };
        let text = write("one.jsonl");
        assert_eq!(text, write("two.jsonl"), "{form}");
        let different: BTreeSet<&str> = text.lines().collect();
        assert_eq!(different.len(), text.lines().count(), "{form}");
    }
    let completions = |file: &str| {
        let of = lines(&place, file).into_iter().map(|line| line["completion"].as_str().unwrap().to_owned());
        of.collect::<Vec<_>>()
    };
    let output = place.run(&["export", "a", "b", "--as", "sft", "-o", "sft.jsonl"]);
    assert!(output.status.success(), "{}", error(&output));
    let all = completions("sft.jsonl");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "every text once");
    let output = place.run(&[
        "export",
        "a",
        "b",
        "--as",
        "sft",
        "-o",
        "few.jsonl",
        "--keep",
        "elites",
        "--min-share",
        "1",
    ]);
    assert!(output.status.success(), "{}", error(&output));
    let few = completions("few.jsonl");
    assert!(!few.is_empty() && few.len() < all.len() && few.iter().all(|text| all.contains(text)));
}

#[test]
fn what_is_held_out_is_in_a_file_of_its_own_and_shares_no_text_with_the_rest() {
    let place = Place::new();
    run(&place, "a", 0);
    for form in ["sft", "kto", "dpo"] {
        export(&place, &["--as", form]);
        let all = lines(&place, "data.jsonl").len();
        export(&place, &["--as", form, "--held-out", "0.4", "--seed", "1"]);
        let texts = |file: &str| -> BTreeSet<String> {
            let of = |line: &Value| {
                let texts =
                    ["completion", "chosen", "rejected"].map(|key| line[key].as_str().map(str::to_owned));
                texts.into_iter().flatten().collect::<Vec<_>>()
            };
            lines(&place, file).iter().flat_map(of).collect()
        };
        let (train, held_out) = (lines(&place, "data.jsonl"), lines(&place, "data.held-out.jsonl"));
        assert_eq!(train.len() + held_out.len(), all, "{form}");
        assert!(!train.is_empty() && !held_out.is_empty(), "{form}");
        assert!(texts("data.jsonl").is_disjoint(&texts("data.held-out.jsonl")), "{form}");
    }
}

#[test]
fn what_can_not_be_learnt_from_says_so_and_what_to_do() {
    let place = Place::new();
    run(&place, "a", 0);
    place.json(&[
        "run",
        "function",
        "--quiet",
        "--format",
        "json",
        "--out",
        "f",
        "--set",
        "search.total_steps=60",
    ]);
    let other = place.write("other.toml", &script(""));
    let more = ["--set", "search.total_steps=80", "--set", "environment.few_shot=2"];
    parse(&place.run_all(&place.opinions(&other, "c", &more)));
    let mut said = String::new();
    for arguments in [
        &["export", "f", "--as", "sft"][..],
        &["export", "a", "f", "--as", "sft"],
        &["export", "a", "c", "--as", "sft"],
        &["export", "a", "f", "--as", "csv"],
        &["export", "a", "--held-out", "0.1"],
        &["export", "a", "--as", "sft", "--held-out", "0.1"],
        &["export", "a", "--as", "sft", "--held-out", "2"],
        &["export", "a", "--as", "sft", "--elites"],
        &["export", "a", "--as", "sft", "--pairs", "cell"],
        &["export", "a", "--as", "openai-sft", "--chat"],
        &["export", "a", "--as", "sft", "-o", "a/run.db"],
    ] {
        said += &format!("$ samara {}\n{}\n", arguments.join(" "), refused(&place, arguments));
    }
    insta::assert_snapshot!(said);
}
