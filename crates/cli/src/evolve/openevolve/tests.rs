//! Configurations, key by key.

use super::*;
use crate::evolve::yaml;

fn translated(text: &str) -> Translation {
    translate(&yaml::read(text).expect("YAML")).unwrap_or_else(|error| panic!("{error}"))
}

fn settings(text: &str) -> String {
    toml::to_string(&translated(text).settings).expect("TOML")
}

fn refused(text: &str) -> String {
    translate(&yaml::read(text).expect("YAML")).expect_err("must be refused").to_string()
}

/// Every key of a section or of none, with a value that is not upstream's default.
const EVERYTHING: &str = r#"
max_iterations: 250
checkpoint_interval: 10
checkpoint_on_improvement: true
log_level: DEBUG
log_dir: logs
logger_prefix: mine
random_seed: 9
language: rust
file_suffix: .rs
diff_based_evolution: true
full_rewrite_probability: 0.25
max_code_length: 60000
diff_pattern: "x"
enforce_evolve_blocks: true
early_stopping_patience: 40
convergence_threshold: 0.5
early_stopping_metric: speed
max_tasks_per_child: 5
llm:
  api_base: https://models.example/v1
  api_key: "${MODELS_KEY}"
  provider: openai
  primary_model: large
  primary_model_weight: 0.8
  secondary_model: small
  secondary_model_weight: 0.3
  models:
    - {name: other, weight: 2, api_base: "http://localhost:8000/v1", timeout: 5}
    - {name: never, weight: 0}
  evaluator_models: [{name: judge}]
  system_message: not this
  evaluator_system_message: nor this
  temperature: 0.3
  top_p: 0.9
  max_tokens: 8192
  timeout: 90
  retries: 2
  retry_delay: 7
  reasoning_effort: low
  random_seed: 1
  max_budget_usd: 3
  max_ai_credits: 4
  allow_all_tools: true
  manual_mode: true
prompt:
  template_dir: templates
  system_message: |
    Make it faster.
    Keep it right.
  evaluator_system_message: no
  island_system_messages: [a, b]
  programs_as_changes_description: true
  system_message_changes_description: x
  initial_changes_description: y
  num_top_programs: 4
  num_diverse_programs: 1
  use_template_stochasticity: false
  template_variations: {greeting: [hello]}
  use_meta_prompting: true
  meta_prompt_weight: 0.2
  include_artifacts: true
  max_artifact_bytes: 5000
  artifact_security_filter: false
  suggest_simplification_after_chars: 1
  include_changes_under_chars: 1
  concise_implementation_max_lines: 1
  comprehensive_implementation_min_lines: 1
  diff_summary_max_line_len: 1
  diff_summary_max_lines: 1
  code_length_threshold: 1
database:
  db_path: db
  in_memory: false
  log_prompts: false
  population_size: 60
  archive_size: 20
  num_islands: 3
  elite_selection_ratio: 0.2
  exploration_ratio: 0.4
  exploitation_ratio: 0.5
  diversity_metric: feature_based
  feature_dimensions: [complexity, speed]
  feature_bins: {complexity: 8, speed: 12}
  diversity_reference_size: 5
  migration_interval: 20
  migration_rate: 0.2
  island_initial_programs: [null, b.rs, c.rs]
  random_seed: 4
  artifacts_base_path: a
  artifact_size_threshold: 1
  cleanup_old_artifacts: false
  artifact_retention_days: 1
  max_snapshot_artifacts: 1
  embedding_model: embed
  embedding_api_base: http://localhost:9000/v1
  similarity_threshold: 0.97
evaluator:
  timeout: 60
  max_retries: 1
  memory_limit_mb: 512
  cpu_limit: 1
  distributed: true
  cascade_evaluation: false
  cascade_thresholds: [0.5, 1]
  parallel_evaluations: 4
  use_llm_feedback: true
  llm_feedback_weight: 0.5
  enable_artifacts: true
  max_artifact_storage: 1
  evaluator_args: {n: 26, name: x, deep: {list: [1, 2.5, null]}}
evolution_trace:
  enabled: true
  format: json
  include_code: true
  include_prompts: false
  include_failures: true
  output_path: t
  buffer_size: 1
  compress: true
"#;

#[test]
fn every_key_becomes_a_setting_or_is_named_with_the_reason() {
    let all = translated(EVERYTHING);
    assert_eq!(all.unknown, []);
    insta::assert_snapshot!(toml::to_string(&all.settings).expect("TOML"));
    let idle: Vec<String> = all.idle.iter().map(|(key, why)| format!("{key}: {why}")).collect();
    insta::assert_snapshot!(idle.join("\n"));
}

/// The configuration without one of its keys.
fn without(key: &str) -> Yaml {
    let mut config = yaml::read(EVERYTHING).expect("YAML");
    let (section, name) = key.split_once('.').map_or((None, key), |(section, name)| (Some(section), name));
    let map = match section {
        Some(section) => config.get_mut(section),
        None => Some(&mut config),
    };
    map.and_then(Yaml::as_object_mut).expect("a table").remove(name).expect(key);
    config
}

#[test]
fn every_key_that_is_translated_changes_something_and_no_other_does() {
    let whole = translated(EVERYTHING);
    for (key, effect) in keys::KEYS {
        let less = translate(&without(key)).unwrap_or_else(|error| panic!("{key}: {error}"));
        // A default or another key may say the same.
        let silent = matches!(
            *key,
            "llm.provider" | "llm.system_message" | "prompt.include_artifacts" | "diff_based_evolution"
        );
        let changed = less.settings != whole.settings;
        assert_eq!(changed, *effect == Effect::Translated && !silent, "{key}");
        assert_eq!(less.idle != whole.idle, matches!(effect, Effect::Idle(_)) || *key == EMBEDDER, "{key}");
    }
}

#[test]
fn a_key_that_nobody_knows_is_named_with_the_nearest() {
    let all = translated(
        "max_iteration: 5\nevaluator:\n  paralell_evaluations: 2\nllm:\n  models: [{name: a, wieght: 1}]\nnovelty: {a: 1}\nparallel_evaluations: 4\n",
    );
    let keys: Vec<String> = all.unknown.iter().map(|(key, hint)| format!("{key}: {hint}")).collect();
    insta::assert_snapshot!(keys.join("\n"));
}

#[test]
fn what_says_nothing_sets_nothing() {
    assert_eq!(settings(""), "");
    assert_eq!(settings("llm:\nprompt: null\nrandom_seed: null\nllm2: null"), "");
    assert_eq!(
        settings("llm: {temperature: null, api_key: null}\nprompt: {system_message: system_message}"),
        ""
    );
}

#[test]
fn patience_below_zero_is_a_target() {
    assert_eq!(
        settings("early_stopping_patience: -1\nconvergence_threshold: 2.5"),
        "[search]\ntarget_score = 2.5\n"
    );
    assert_eq!(settings("early_stopping_patience: 3"), "[search]\npatience = 3\npatience_margin = 0.001\n");
}

#[test]
fn artifacts_may_be_off_and_programs_rewritten() {
    assert_eq!(
        settings("prompt: {include_artifacts: false, max_artifact_bytes: 9}"),
        "[environment.prompt]\nartifacts_kb = 0\n"
    );
    assert_eq!(
        settings("evaluator: {enable_artifacts: no}"),
        "[environment.evaluation]\nartifacts = false\n"
    );
    assert_eq!(
        settings("diff_based_evolution: false"),
        "[environment.variation]\ndiff = 0.0\nrewrite = 1.0\n"
    );
}

#[test]
fn one_model_is_no_ensemble_and_an_address_alone_is_a_model() {
    assert_eq!(
        settings("llm: {primary_model: m, api_base: \"http://h/v1\"}"),
        "[models.generator]\nbase_url = \"http://h/v1\"\nmodel = \"m\"\nprovider = \"openai\"\n"
    );
    assert_eq!(
        settings("llm: {api_base: \"http://h/v1\"}"),
        "[models.generator]\nbase_url = \"http://h/v1\"\nprovider = \"openai\"\n"
    );
}

#[test]
fn a_key_goes_to_no_other_server_than_that_beside_which_it_was_written() {
    let text = settings(
        "llm:\n  api_key: \"${A}\"\n  api_base: http://a/v1\n  models:\n    - {name: one}\n    - {name: two, api_base: \"http://b/v1\"}\n    - {name: three, api_base: \"http://c/v1\", api_key: \"${C}\"}\n",
    );
    insta::assert_snapshot!(text);
}

#[test]
fn values_that_can_not_be_used_are_refused() {
    let messages = [
        refused("[1, 2]"),
        refused("max_iterations: many"),
        refused("max_iterations: -1"),
        refused("max_iterations: 1.5"),
        refused("random_seed: {a: 1}"),
        refused("llm: {api_key: sk-abc}"),
        refused("llm: {provider: claude_code}"),
        refused("llm: {models: [{weight: 1}]}"),
        refused("llm: {models: [{name: a, weight: -1}]}"),
        refused("llm: {models: [{name: a, api_key: sk-abc}]}"),
        refused("full_rewrite_probability: 2"),
        refused("database: {feature_bins: many}"),
        refused("evaluator: {cascade_thresholds: [a]}"),
        refused("evaluator: {cascade_evaluation: maybe}"),
        refused("evaluator: {evaluator_args: [1]}"),
    ];
    assert!(!messages.join("").contains("sk-abc"), "no key is told");
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn numbers_may_be_written_as_people_do() {
    assert_eq!(settings("max_iterations: 1e3"), "[search]\ntotal_steps = 1001\n");
}

#[test]
fn yaml_that_grows_without_end_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let of = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", [of.as_str(); 10].join(", "));
    }
    assert!(yaml::read(&text).is_err());
}

#[test]
fn of_many_unknown_keys_the_first_are_named_and_the_rest_counted() {
    let text: String = (0..60).map(|n| format!("unheard_{n}: 1\n")).collect();
    let all = translated(&text);
    let (named, more) = all.named_unknown();
    assert_eq!((named.len(), more), (20, 40));
    assert_eq!(translated("unheard: 1").named_unknown().1, 0);
}
