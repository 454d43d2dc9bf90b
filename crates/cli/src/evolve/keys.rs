//! Every key of OpenEvolve's configuration, as of its version 0.4.1, and what becomes of it here.

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It becomes a setting of samara's.
    Translated,
    /// It is accepted and changes nothing, for this reason.
    Idle(&'static str),
}

use Effect::{Idle, Translated};

/// Recorded already.
const RECORDED: &str = "everything is recorded in the run; `samara export` writes it";
/// Upstream does nothing with it either.
const DEAD: &str = "it has no effect in OpenEvolve either";
/// Prompts are not upstream's.
const PROMPTS: &str = "prompts are samara's own; environment.prompt.templates replaces them";
/// Only for one of upstream's providers.
const PROVIDERS: &str = "it belongs to a provider that samara does not ask";
/// Logs.
const LOGS: &str = "--log and RUST_LOG say what is logged";
/// Judges.
const JUDGES: &str = "no model scores programs here; put what it would say into the evaluator";
/// Files of artifacts.
const ARTIFACTS: &str = "artifacts are kept in the run";
/// The archive's size.
const CELLS: &str = "the archive's cells bound it: bins of the axes times search.depth";

/// The keys, in their sections. Those of `llm.models` and `llm.evaluator_models` are those of [`MODEL_KEYS`].
pub(crate) const KEYS: &[(&str, Effect)] = &[
    ("max_iterations", Translated),
    ("checkpoint_interval", Idle("every candidate is recorded as it settles")),
    ("checkpoint_on_improvement", Idle("the best program is written whenever it changes")),
    ("log_level", Idle(LOGS)),
    ("log_dir", Idle(LOGS)),
    ("logger_prefix", Idle(LOGS)),
    ("random_seed", Translated),
    ("language", Translated),
    ("file_suffix", Idle("the program's own ending is used")),
    ("diff_based_evolution", Translated),
    ("full_rewrite_probability", Translated),
    ("max_code_length", Translated),
    ("diff_pattern", Idle("diffs are read between lines of SEARCH, ======= and REPLACE")),
    ("enforce_evolve_blocks", Idle("what is outside EVOLVE-BLOCK markers never changes")),
    ("early_stopping_patience", Translated),
    ("convergence_threshold", Translated),
    ("early_stopping_metric", Idle("the fitness decides; environment.evaluation.score names another metric")),
    ("max_tasks_per_child", Idle("every evaluation has a process of its own")),
    ("llm.api_base", Translated),
    ("llm.api_key", Translated),
    ("llm.provider", Translated),
    ("llm.primary_model", Translated),
    ("llm.primary_model_weight", Translated),
    ("llm.secondary_model", Translated),
    ("llm.secondary_model_weight", Translated),
    ("llm.models", Translated),
    ("llm.evaluator_models", Idle(JUDGES)),
    ("llm.system_message", Translated),
    ("llm.evaluator_system_message", Idle(JUDGES)),
    ("llm.temperature", Translated),
    ("llm.top_p", Translated),
    ("llm.max_tokens", Translated),
    ("llm.timeout", Translated),
    ("llm.retries", Translated),
    ("llm.retry_delay", Idle("waiting follows what the server says, else it doubles")),
    ("llm.reasoning_effort", Translated),
    ("llm.random_seed", Idle("seeds of requests follow from search.seed and the candidate")),
    ("llm.max_budget_usd", Idle(PROVIDERS)),
    ("llm.max_ai_credits", Idle(PROVIDERS)),
    ("llm.allow_all_tools", Idle(PROVIDERS)),
    ("llm.manual_mode", Idle("a person can't answer in a model's place")),
    ("prompt.template_dir", Idle("its placeholders are others; see environment.prompt.templates")),
    ("prompt.system_message", Translated),
    ("prompt.evaluator_system_message", Idle(JUDGES)),
    ("prompt.island_system_messages", Idle("every island has the same task")),
    ("prompt.programs_as_changes_description", Idle(PROMPTS)),
    ("prompt.system_message_changes_description", Idle(PROMPTS)),
    ("prompt.initial_changes_description", Idle(PROMPTS)),
    ("prompt.num_top_programs", Translated),
    ("prompt.num_diverse_programs", Translated),
    ("prompt.use_template_stochasticity", Idle(PROMPTS)),
    ("prompt.template_variations", Idle(PROMPTS)),
    ("prompt.use_meta_prompting", Idle(DEAD)),
    ("prompt.meta_prompt_weight", Idle(DEAD)),
    ("prompt.include_artifacts", Translated),
    ("prompt.max_artifact_bytes", Translated),
    ("prompt.artifact_security_filter", Idle("secrets are always taken out of prompts")),
    ("prompt.suggest_simplification_after_chars", Idle(PROMPTS)),
    ("prompt.include_changes_under_chars", Idle(PROMPTS)),
    ("prompt.concise_implementation_max_lines", Idle(PROMPTS)),
    ("prompt.comprehensive_implementation_min_lines", Idle(PROMPTS)),
    ("prompt.diff_summary_max_line_len", Idle(PROMPTS)),
    ("prompt.diff_summary_max_lines", Idle(PROMPTS)),
    ("prompt.code_length_threshold", Idle(DEAD)),
    ("database.db_path", Idle(RECORDED)),
    ("database.in_memory", Idle(RECORDED)),
    ("database.log_prompts", Idle(RECORDED)),
    ("database.population_size", Idle(CELLS)),
    ("database.archive_size", Idle(CELLS)),
    ("database.num_islands", Translated),
    ("database.elite_selection_ratio", Idle("parents come from the cells; see environment.selection")),
    ("database.exploration_ratio", Translated),
    ("database.exploitation_ratio", Translated),
    ("database.diversity_metric", Idle("diversity is the distance from the initial program")),
    ("database.feature_dimensions", Translated),
    ("database.feature_bins", Translated),
    ("database.diversity_reference_size", Idle("diversity is the distance from the initial program")),
    ("database.migration_interval", Translated),
    ("database.migration_rate", Translated),
    (
        "database.island_initial_programs",
        Idle("every island begins with all initial programs; see --checkpoint"),
    ),
    ("database.random_seed", Idle("random_seed is the seed of all")),
    ("database.artifacts_base_path", Idle(ARTIFACTS)),
    ("database.artifact_size_threshold", Idle(ARTIFACTS)),
    ("database.cleanup_old_artifacts", Idle(ARTIFACTS)),
    ("database.artifact_retention_days", Idle(ARTIFACTS)),
    ("database.max_snapshot_artifacts", Idle(ARTIFACTS)),
    ("database.embedding_model", Translated),
    ("database.embedding_api_base", Translated),
    ("database.similarity_threshold", Translated),
    ("evaluator.timeout", Translated),
    (
        "evaluator.max_retries",
        Idle("an evaluator that fails does so again; environment.evaluation.repeats runs it more often"),
    ),
    ("evaluator.memory_limit_mb", Translated),
    ("evaluator.cpu_limit", Idle(DEAD)),
    ("evaluator.distributed", Idle(DEAD)),
    ("evaluator.cascade_evaluation", Translated),
    ("evaluator.cascade_thresholds", Translated),
    ("evaluator.parallel_evaluations", Translated),
    ("evaluator.use_llm_feedback", Idle(JUDGES)),
    ("evaluator.llm_feedback_weight", Idle(JUDGES)),
    ("evaluator.enable_artifacts", Translated),
    ("evaluator.max_artifact_storage", Idle(ARTIFACTS)),
    ("evaluator.evaluator_args", Translated),
    ("evolution_trace.enabled", Idle(RECORDED)),
    ("evolution_trace.format", Idle(RECORDED)),
    ("evolution_trace.include_code", Idle(RECORDED)),
    ("evolution_trace.include_prompts", Idle(RECORDED)),
    ("evolution_trace.include_failures", Idle(RECORDED)),
    ("evolution_trace.output_path", Idle(RECORDED)),
    ("evolution_trace.buffer_size", Idle(RECORDED)),
    ("evolution_trace.compress", Idle(RECORDED)),
];

/// The keys of an entry of `llm.models`.
pub(crate) const MODEL_KEYS: &[(&str, Effect)] = &[
    ("name", Translated),
    ("weight", Translated),
    ("api_base", Translated),
    ("api_key", Translated),
    ("provider", Translated),
    ("timeout", Translated),
    ("retries", Translated),
    ("reasoning_effort", Translated),
    ("system_message", Idle("every model is told the same task")),
    ("temperature", Idle("every model is asked alike; see environment.variation")),
    ("top_p", Idle("every model is asked alike; see environment.variation")),
    ("max_tokens", Idle("every model is asked alike; see environment.variation")),
    ("retry_delay", Idle("waiting follows what the server says, else it doubles")),
    ("random_seed", Idle("seeds of requests follow from search.seed and the candidate")),
    ("max_budget_usd", Idle(PROVIDERS)),
    ("max_ai_credits", Idle(PROVIDERS)),
    ("allow_all_tools", Idle(PROVIDERS)),
    ("manual_mode", Idle("a person can't answer in a model's place")),
    ("init_client", Idle("it is for programs that use OpenEvolve as a library")),
];

/// What becomes of a key.
pub(crate) fn effect(key: &str) -> Option<Effect> {
    KEYS.iter().find(|(name, _)| *name == key).map(|(_, effect)| *effect)
}
