//! The schema of settings: what `samara schema` prints, what it accepts, and the page that is made from it.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

#[path = "../common/mod.rs"]
mod common;
mod page;
mod validator;

use common::Place;
use serde_json::Value;
use validator::faults;

fn schema() -> Value {
    let output = Place::new().run(&["schema"]);
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

/// The built-in experiments.
fn experiments() -> Vec<(String, Value)> {
    let folder = samara_testing::workspace().join("crates/environments/experiments");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let read = |path: std::path::PathBuf| {
        (path.display().to_string(), json(&std::fs::read_to_string(path).unwrap()))
    };
    let experiments: Vec<_> = files.map(read).collect();
    assert!(experiments.len() > 10);
    experiments
}

/// Calls a visitor with a copy of `value` in which one table has one more key, for every table.
fn with_one_more_key(value: &Value, at: &str, visit: &mut dyn FnMut(&str, Value)) {
    match value {
        Value::Object(table) => {
            let mut more = table.clone();
            more.insert("unheard_of".into(), 1.into());
            visit(at, more.into());
            for (key, inner) in table {
                with_one_more_key(inner, &format!("{at}.{key}"), &mut |place, changed| {
                    let mut whole = table.clone();
                    whole.insert(key.clone(), changed);
                    visit(place, whole.into());
                });
            }
        }
        Value::Array(items) => {
            for (position, inner) in items.iter().enumerate() {
                with_one_more_key(inner, &format!("{at}[{position}]"), &mut |place, changed| {
                    let mut whole = items.clone();
                    whole[position] = changed;
                    visit(place, whole.into());
                });
            }
        }
        _ => {}
    }
}

#[test]
fn the_page_of_settings_is_made_from_the_schema() {
    let made = page::page(&schema());
    let path = samara_testing::workspace().join("docs/reference/settings.md");
    if std::env::var_os("SAMARA_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let how = "SAMARA_BLESS=1 cargo test -p samara --test settings_reference";
    assert!(written == made, "{} is not what its sources say; make it anew: {how}", path.display());
}

#[test]
fn every_built_in_experiment_is_valid_and_with_any_unknown_key_it_is_not() {
    let schema = schema();
    for (name, experiment) in experiments() {
        assert_eq!(faults(&experiment, &schema, &schema), [""; 0], "{name}");
        let mut tables = 0;
        with_one_more_key(&experiment, "", &mut |place, changed| {
            tables += 1;
            assert!(!faults(&changed, &schema, &schema).is_empty(), "{name}: an unknown key in {place}");
        });
        assert!(tables > 3, "{name}");
    }
}

#[test]
fn every_piece_of_an_experiment_in_the_guides_is_valid() {
    let schema = schema();
    // A piece is of texts, or of programs with an evaluator.
    let bases = ["experiments/opinions.toml", "programs/circle-packing/experiment.toml"]
        .map(|file| json(&samara_testing::workspace_file(&format!("crates/environments/{file}"))));
    let mut pieces = 0;
    for entry in std::fs::read_dir(samara_testing::workspace().join("docs/guides")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for piece in text.split("```toml\n").skip(1) {
            let piece = json(piece.split("```").next().unwrap());
            let found = bases.clone().map(|mut experiment| {
                for (section, keys) in piece.as_object().unwrap() {
                    match keys {
                        Value::Object(keys) => {
                            for (key, value) in keys {
                                experiment[section][key] = value.clone();
                            }
                        }
                        whole => experiment[section] = whole.clone(),
                    }
                }
                faults(&experiment, &schema, &schema)
            });
            // A piece of an experiment, or a whole one.
            let whole = faults(&piece, &schema, &schema).is_empty();
            assert!(whole || found.iter().any(Vec::is_empty), "{}: {found:?}", path.display());
            pieces += 1;
        }
    }
    assert!(pieces >= 10, "{pieces}");
}

#[test]
fn the_settings_that_a_run_keeps_are_valid() {
    let place = Place::new();
    let schema = schema();
    for name in ["function", "string"] {
        let run = place.run(&["run", name, "--quiet", "--out", name, "--set", "search.total_steps=60"]);
        assert!(run.status.success(), "{}", common::error(&run));
        let output = place.run(&["export", name, "--as", "settings"]);
        let kept = json(&String::from_utf8(output.stdout).unwrap());
        assert_eq!(kept["experiment"]["name"], name);
        assert_eq!(faults(&kept, &schema, &schema), [""; 0], "{name}");
    }
}

/// One setting of an experiment changed, and what the schema says of it.
fn changed(experiment: &str, pointer: &str, key: &str, value: Value) -> Vec<String> {
    let schema = schema();
    let text = samara_testing::workspace_file(&format!("crates/environments/experiments/{experiment}.toml"));
    let mut settings = json(&text);
    settings.pointer_mut(pointer).unwrap()[key] = value;
    faults(&settings, &schema, &schema)
}

#[test]
fn values_that_the_parser_refuses_are_no_part_of_the_schema() {
    let refused = |experiment: &str, pointer: &str, key: &str, value: Value| {
        assert_ne!(changed(experiment, pointer, key, value), [""; 0], "{experiment} {pointer}/{key}");
    };
    refused("function", "/search", "window", 0.into());
    refused("function", "/search", "window", 1.5.into());
    refused("function", "/search", "strategy", "lmx_nsaif".into());
    refused("function", "/experiment", "environment", "string".into());
    refused("function", "", "axes", Value::Array(Vec::new()));
    refused("sodarace", "/environment", "ms", 3_600_001.into());
    refused("opinions", "/models", "critic", "embedded".into());
    refused("opinions", "/models/generator", "weight", 2.into());
    refused("opinions", "/models", "generator", serde_json::json!({"ensemble": []}));
    assert_eq!(changed("opinions", "/search", "strategy", "lmx_nsaif".into()), [""; 0]);
    let ensemble = serde_json::json!({"ensemble": ["embedded", {"model": "openai:x", "weight": 2}]});
    assert_eq!(changed("opinions", "/models", "generator", ensemble), [""; 0]);
}

/// The ways to numbers without a smallest or a largest value.
fn boundless(schema: &Value, at: &str, found: &mut Vec<String>) {
    if schema["type"] == "integer" || schema["type"] == "number" {
        let below = schema["minimum"].is_number() || schema["exclusiveMinimum"].is_number();
        if !below || !schema["maximum"].is_number() {
            found.push(at.to_owned());
        }
    }
    for (key, inner) in schema.as_object().into_iter().flatten() {
        boundless(inner, &format!("{at}/{key}"), found);
    }
    for (place, inner) in schema.as_array().into_iter().flatten().enumerate() {
        boundless(inner, &format!("{at}/{place}"), found);
    }
}

#[test]
fn every_number_has_a_smallest_and_a_largest_value() {
    let mut found = Vec::new();
    boundless(&schema(), "", &mut found);
    let checked_elsewhere = [
        // More than a hundred years is no limit.
        "/definitions/BudgetSettings/properties/wall_time_s",
        // The number of one of the puzzles there are.
        "/definitions/Choice/anyOf/0",
        // The simulation checks its ground, and where it is too long.
        "/definitions/Terrain/anyOf/7/properties/custom/items/items/items",
    ];
    assert_eq!(found, checked_elsewhere);
}

/// Every list of a schema without a longest length, by the way to it.
fn endless(schema: &Value, at: &str, found: &mut Vec<String>) {
    if schema["type"] == "array" && schema["maxItems"].as_u64().is_none() {
        found.push(at.to_owned());
    }
    match schema {
        Value::Object(keywords) => keywords
            .iter()
            .filter(|(keyword, _)| *keyword != "default")
            .for_each(|(keyword, inner)| endless(inner, &format!("{at}/{keyword}"), found)),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(place, inner)| endless(inner, &format!("{at}/{place}"), found));
        }
        _ => {}
    }
}

#[test]
fn every_list_has_a_longest_length() {
    let mut found = Vec::new();
    endless(&schema(), "", &mut found);
    // The points of a terrain's lines are counted together, when the section is read.
    found.retain(|at| !at.contains("/Terrain/"));
    assert_eq!(found, [""; 0]);
    endless(&serde_json::json!({"items": {"type": "array"}}), "", &mut found);
    assert_eq!(found, ["/items"]);
}
