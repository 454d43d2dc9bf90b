//! A subject of one's own: from `samara new` over `samara try` and a run to the gallery.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use common::{Place, error, script};

fn said(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{}", error(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const NEW: [&str; 8] = [
    "new",
    "sea",
    "--subject",
    "a short poem about the sea",
    "--axis",
    "tone=calm/stormy",
    "--seeds",
    "poems",
];

/// A folder of three poems.
fn poems(place: &Place) {
    std::fs::create_dir(place.path("poems")).unwrap();
    for (name, text) in
        [("1.txt", "Grey sea,\ngrey sky.\n"), ("2.txt", "The tide\ncomes back."), ("3.txt", "Salt.")]
    {
        place.write(&format!("poems/{name}"), text);
    }
}

/// Settings that let a script answer.
fn scripted(place: &Place) -> Vec<String> {
    let script = place.write("script.toml", &script(""));
    let models = ["generator", "judge"].map(|role| format!("models.{role}=scripted:{script}"));
    models.into_iter().flat_map(|set| ["--set".to_owned(), set]).collect()
}

fn run(place: &Place, arguments: &[&str], more: &[String]) -> std::process::Output {
    place.run(&arguments.iter().copied().chain(more.iter().map(String::as_str)).collect::<Vec<_>>())
}

#[test]
fn a_file_about_a_subject_runs_as_it_is_written() {
    let place = Place::new();
    poems(&place);
    let told = said(&place.run(&NEW));
    assert!(told.starts_with("sea.toml\nsea-seeds.jsonl\n"), "{told}");
    let pool = std::fs::read_to_string(place.path("sea-seeds.jsonl")).unwrap();
    assert_eq!(pool, "\"Grey sea,\\ngrey sky.\"\n\"The tide\\ncomes back.\"\n\"Salt.\"\n");
    insta::assert_snapshot!(std::fs::read_to_string(place.path("sea.toml")).unwrap());
    let steps = [
        "run",
        "sea.toml",
        "--quiet",
        "--out",
        "r",
        "--set",
        "search.total_steps=30",
        "--set",
        "search.init_steps=10",
    ];
    said(&run(&place, &steps, &scripted(&place)));
    let gallery = said(&place.run(&["show", "r", "--gallery"]));
    assert!(gallery.contains(", tone 0."), "{gallery}");
    said(&place.run(&["show", "r", "--gallery", "sea.md"]));
    let file = std::fs::read_to_string(place.path("sea.md")).unwrap();
    let texts = file.matches("\n## tone ").count();
    assert!(texts > 1 && file.starts_with("# sea, seed 0\n"), "{file}");
    let measures: Vec<f64> = file
        .lines()
        .filter_map(|line| line.strip_prefix("## tone ")?.replace('\\', "").parse().ok())
        .collect();
    assert!(measures.len() == texts && measures.is_sorted(), "{measures:?}");
}

#[test]
fn answers_in_order_and_kinds_are_axes_as_two_ends_are() {
    let place = Place::new();
    poems(&place);
    for (name, axes) in [
        ("both", &["--axis", "length=short/medium/long", "--axis", "form=haiku,sonnet,ode"][..]),
        ("kinds", &["--axis", "form=haiku,ode"]),
    ] {
        let new = ["new", name, "--subject", "a short poem about the sea", "--seeds", "poems"];
        said(&place.run(&[&new[..], axes].concat()));
        let file = format!("{name}.toml");
        let more = ["--set", "search.total_steps=30", "--set", "search.init_steps=10"];
        let steps = [&["run", &*file, "--quiet", "--out", name][..], &more].concat();
        said(&run(&place, &steps, &scripted(&place)));
    }
    let shown = place.json(&["show", "both", "--format", "json", "--best", "1000"]);
    for elite in shown["elites"].as_array().unwrap() {
        let (expected, form) = (&elite["measures"][0], &elite["measures_by_axis"]["form"]);
        assert!((0.0..=1.0).contains(&expected.as_f64().unwrap()), "{elite}");
        assert!(["haiku", "sonnet", "ode"].contains(&form.as_str().unwrap()), "{elite}");
    }
    let gallery = said(&place.run(&["show", "both", "--gallery"]));
    assert!(gallery.contains(", form "), "{gallery}");
}

#[test]
fn what_is_there_is_not_written_over_and_what_can_not_run_is_not_left_behind() {
    let place = Place::new();
    poems(&place);
    said(&place.run(&NEW));
    let again = place.run(&NEW);
    assert_eq!(again.status.code(), Some(2));
    assert!(error(&again).contains("can't be made") && error(&again).contains("hint: "), "{}", error(&again));
    let bad =
        place.run(&["new", "bad", "--subject", "a poem", "--axis", "a=b/c", "--judge", "no such model"]);
    assert_eq!(bad.status.code(), Some(2), "{}", error(&bad));
    assert!(!place.path("bad.toml").exists());
    for arguments in [
        &["new", "x", "--subject", "a poem"][..],
        &["new", "x", "--subject", "a poem", "--axis", "tone"],
        &["new", "x", "--subject", " ", "--axis", "a=b/c"],
        &["new", "x", "--subject", "a poem", "--axis", "a=b/c", "--seeds", "nowhere"],
    ] {
        let refused = place.run(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(error(&refused).contains("hint: ") && !place.path("x.toml").exists(), "{}", error(&refused));
    }
}

#[test]
fn an_experiment_is_tried_without_a_call_until_somebody_says_yes() {
    let place = Place::new();
    poems(&place);
    said(&place.run(&NEW));
    let models = scripted(&place);
    let prompts = said(&run(&place, &["try", "sea.toml"], &models));
    insta::assert_snapshot!(prompts);
    let made = said(&run(&place, &["try", "sea.toml", "--yes", "--quiet"], &models));
    for part in ["the generator", "the judge", "log-probability", "objective ", "tone ", "tokens read"] {
        assert!(made.contains(part), "{part}: {made}");
    }
    assert!(!place.path("runs").exists(), "nothing is kept");
    let json = run(&place, &["try", "sea.toml", "--yes", "--format", "json", "--quiet"], &models);
    let json = common::parse(&json);
    let first = said(&run(
        &place,
        &["run", "sea.toml", "--quiet", "--out", "r", "--set", "search.total_steps=1"],
        &models,
    ));
    drop(first);
    let lines = said(&place.run(&["export", "r", "--as", "jsonl"]));
    let candidate: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(json["candidate"]["score"], candidate["score"], "the first candidate of the search");
    assert_eq!(json["calls"][0]["answer"], candidate["calls"][0]["answer"]);
}

#[test]
fn what_asks_no_model_is_not_tried() {
    let place = Place::new();
    let output = place.run(&["try", "string"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("asks no model"), "{}", error(&output));
}

#[test]
fn texts_that_are_too_like_an_elite_are_kept_out() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let runs = |similarity: &str, out: &str| {
        let set = format!("environment.similarity={similarity}");
        let more = ["--set", "search.total_steps=60", "--set", "search.init_steps=20", "--set", &set];
        common::parse(&place.run_all(&place.opinions(&script, out, &more)))
    };
    let (all, apart) = (runs("1.0", "all"), runs("0.2", "apart"));
    let invalid = |run: &serde_json::Value| run["fates"]["invalid"].as_u64().unwrap();
    assert!(invalid(&apart) > invalid(&all), "{all} {apart}");
    let reasons = said(&place.run(&["show", "apart", "--format", "json"]));
    assert!(reasons.contains("environment.similarity"), "{reasons}");
    let again = runs("0.2", "again");
    assert_eq!(apart["archive_hash"], again["archive_hash"]);
}
