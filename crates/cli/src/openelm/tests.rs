//! Configurations, key by key.

use super::*;
use crate::{config, translation::Effect};

fn translated(text: &str) -> Translation {
    translate(&yaml::read(text).expect("YAML")).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    translate(&yaml::read(text).expect("YAML")).expect_err("must be refused").to_string()
}

/// Every environment that is translated, by OpenELM's name.
const ENVIRONMENTS: [&str; 7] = [
    "sodarace",
    "image_evolution",
    "lmx_generation",
    "string_evolution",
    "function_optim",
    "p3_problem",
    "p3_probsol",
];

#[test]
fn every_environment_comes_to_settings_that_an_experiment_takes() {
    for name in ENVIRONMENTS {
        let translation = translated(&format!("env:\n  env_name: {name}\n"));
        let built = config::of_table(translation.settings, ("config.yaml", Path::new(".")), &[]);
        assert!(built.is_ok(), "{name}: {}", built.err().map(|error| error.message).unwrap_or_default());
    }
}

#[test]
fn groups_are_tables_names_or_entries_of_defaults() {
    let table = translated("env: {env_name: image_evolution}\nqd: {qd_name: cvtmapelites}\n");
    let names = translated("env: image_evolution\nqd: cvtmapelites\n");
    let defaults =
        translated("defaults:\n  - model: prompt\n  - qd: cvtmapelites\n  - env: image_evolution\n");
    assert_eq!(table, names);
    assert_eq!(table.settings, defaults.settings);
    assert_eq!(table.settings["search"]["cvt"]["cells"], 12.into());
}

#[test]
fn a_founding_configuration_is_taken_literally() {
    let text = "
qd: {init_steps: 50, total_steps: 400, map_grid_size: [10]}
model: {model_name: api, model_used: luminous-extended, frequency_penalty: 0.5, stop_sequences: [\"\\n#\", \"#\", \"##\", \"@@@\"]}
env:
  env_name: lmx_generation
  mutation_method: replace
  solution_init_method: generated
  init_size_prompt_pool: 8
  max_prompt_pool_size: 60
  add_only_improved_completions_to_prompt_pool: false
  ai_feedback_entries:
    genre: {answer_space: [horror, romance], feedback_prompt_template: \"What genre?\\n### Input:{genotype}\\n\"}
    ending: {answer_space: [\" \\nhappy\", \" \\ntragedy\"], feedback_prompt_template: \"Ending of {genotype}:\"}
";
    let settings = translated(text).settings;
    insta::assert_snapshot!(toml::to_string_pretty(&settings).expect("TOML"));
}

#[test]
fn every_key_becomes_a_setting_or_is_named_with_the_reason() {
    for (key, effect) in keys::KEYS {
        let Effect::Idle(why) = effect else { continue };
        assert!(!why.is_empty());
        let text = match key.split_once('.') {
            Some((group, name)) => format!("{group}:\n  {name}: 1\n"),
            None => format!("{key}: 1\n"),
        };
        let idle = translated(&text).idle;
        assert!(idle.iter().any(|(idle, _)| idle == key), "{key}: {idle:?}");
    }
    let translation = translated("qd:\n  init_stepps: 3\nenv:\n  fitness_query: peas\n");
    assert_eq!(translation.unknown[0].0, "qd.init_stepps");
    assert!(translation.unknown[0].1.contains("qd.init_steps"), "{:?}", translation.unknown);
    assert!(translation.idle.iter().any(|(key, _)| key == "env.fitness_query"), "not Sodarace's");
}

#[test]
fn a_sandbox_server_is_asked_where_upstream_asks_one() {
    let server = |text: &str| {
        let settings = translated(text).settings;
        settings["sandbox"].get("server").and_then(|server| server.as_str().map(str::to_owned))
    };
    let own = "env: {env_name: sodarace, sandbox: true, sandbox_server: \"http://10.0.0.7:5000\"}\n";
    assert_eq!(server(own).as_deref(), Some("http://10.0.0.7:5000"));
    let default = "env: {env_name: image_evolution, sandbox: true}\n";
    assert_eq!(server(default).as_deref(), Some("http://localhost:5000"));
    assert_eq!(server("env: {env_name: sodarace, sandbox_server: \"http://10.0.0.7:5000\"}\n"), None);
}

#[test]
fn what_is_not_translated_is_refused_with_a_hint() {
    for (text, told) in [
        ("env: prompt_evolution\n", "env.env_name"),
        ("env: sodarase\n", "sodarace"),
        ("qd: {qd_name: nsga}\n", "qd.qd_name"),
        ("qd: {total_steps: many}\n", "qd.total_steps"),
        ("qd: 3\n", "qd"),
        ("model: {model_type: triton}\n", "model.model_type"),
        ("env: {env_name: sodarace, instruction: 9}\n", "env.instruction"),
        ("env: {env_name: sodarace, behavior_space: [[0, 1]]}\n", "env.behavior_space"),
        ("env: {env_name: lmx_generation, ai_feedback_entries: {a: {}}}\n", "feedback_prompt_template"),
        ("- 1\n", "configuration"),
    ] {
        let error = refused(text);
        assert!(error.contains(told) && error.contains("hint: "), "{text}: {error}");
    }
}
