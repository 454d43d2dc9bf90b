//! Every key of OpenELM's configuration, of its release and of the branch with QDAIF's experiments, and what becomes of it
//! here. Groups (`model`, `qd`, `env`) are sections.

use crate::translation::{
    Effect::{self, Idle, Translated},
    Keys,
};

/// Recorded already.
const RECORDED: &str = "everything is recorded in the run, which can be resumed at any candidate";
/// How models are loaded.
const LOADED: &str = "weights stay as their file has them, and run on the processor";
/// Programs.
const SANDBOX: &str = "programs always run in samara's own sandbox; see the [sandbox] section";
/// Seeds.
const SEEDS: &str = "qd.seed is the seed of all";
/// Embeddings of programs.
const FEATURES: &str =
    "programs are told apart by features of their tokens; for embeddings set environment.descriptors";
/// `run_p3.py`.
const PUZZLES: &str = "a run has one puzzle: samara run it once for each";
/// Logs.
const LOGS: &str = "--log and RUST_LOG say what is logged";

const fn key(name: &'static str, effect: Effect) -> (&'static str, Effect) {
    (name, effect)
}

/// The keys.
pub(super) const KEYS: &Keys = &[
    key("hydra", Idle("it configures Hydra")),
    key("defaults", Translated),
    key("output_dir", Idle("--out names the run's folder")),
    key("run_name", Translated),
    key("iterations_per_puzzle", Idle(PUZZLES)),
    key("starting_seeds", Idle(PUZZLES)),
    key("save_results", Idle(RECORDED)),
    key("save_result_obj", Idle(RECORDED)),
    key("probsol", Idle("env names p3_problem or p3_probsol")),
    key("eval_k", Idle("env.eval_k is the k of pass@k")),
    key("eval_timestamp", Idle("`samara show` reads any run")),
    // The model.
    key("model.model_name", Translated),
    key("model.model_type", Translated),
    key("model.model_path", Translated),
    key("model.model_used", Translated),
    key("model.api_token_file", Idle("the key is read from the variable AA_TOKEN")),
    key("model.output_dir", Idle("--out names the run's folder")),
    key("model.fp16", Idle(LOADED)),
    key("model.cuda", Idle(LOADED)),
    key("model.gpus", Idle(LOADED)),
    key("model.load_in_8bit", Idle(LOADED)),
    key("model.load_in_4bit", Idle(LOADED)),
    key("model.trust_remote_code", Idle("a model's code is never run")),
    key("model.seed", Idle(SEEDS)),
    key("model.deterministic", Idle("runs always repeat for a seed")),
    key("model.top_p", Translated),
    key("model.temp", Translated),
    key("model.gen_max_len", Translated),
    key("model.frequency_penalty", Translated),
    key("model.presence_penalty", Translated),
    key("model.stop_sequences", Translated),
    key("model.batch_size", Idle("the client finds how many requests its server takes at once")),
    key("model.num_return_sequences", Idle("every candidate asks for itself")),
    key("model.do_sample", Translated),
    key("model.logits_only", Idle("answers are scored by the best method that the judge's server has")),
    // The search.
    key("qd.qd_name", Translated),
    key("qd.init_steps", Translated),
    key("qd.total_steps", Translated),
    key("qd.history_length", Translated),
    key("qd.use_alt_depth_method", Idle("cells keep their best: search.depth")),
    key("qd.save_history", Idle(RECORDED)),
    key("qd.save_snapshot_interval", Idle(RECORDED)),
    key("qd.save_np_rng_state", Idle(RECORDED)),
    key("qd.load_np_rng_state", Idle(RECORDED)),
    key("qd.write_all_individuals_to_jsonl", Idle("`samara export --as openelm` writes the history")),
    key(
        "qd.log_snapshot_dir",
        Idle("its snapshots are pickled code; `samara run --init-from` takes a history.jsonl"),
    ),
    key("qd.append_bin_idx_to_batch", Idle("elites know their cells")),
    key("qd.output_dir", Idle("--out names the run's folder")),
    key("qd.seed", Translated),
    key("qd.crossover", Translated),
    key("qd.crossover_parents", Translated),
    key("qd.map_grid_size", Translated),
    key("qd.custom_ticks", Translated),
    key("qd.n_niches", Translated),
    key("qd.cvt_samples", Translated),
    // Every environment.
    key("env.env_name", Translated),
    key("env.output_dir", Idle("--out names the run's folder")),
    key("env.timeout", Translated),
    key("env.sandbox", Translated),
    key("env.sandbox_server", Translated),
    key("env.processes", Idle(SANDBOX)),
    key("env.batch_size", Translated),
    key("env.debug", Idle(LOGS)),
    key("env.seed", Idle(SEEDS)),
    // Sodarace.
    key("env.eval_ms", Translated),
    key("env.behavior_space", Translated),
    key("env.starting_seeds", Translated),
    key("env.instruction", Translated),
    key("env.crossover", Translated),
    // Images and strings.
    key("env.behavior_mode", Idle("the measures are the means of red, green and blue")),
    key("env.target", Translated),
    // P3.
    key("env.prompt_size", Idle("environment.examples says how many solved puzzles a prompt shows")),
    key("env.starting_seed", Translated),
    key("env.eval_k", Translated),
    key("env.embedding_model_type", Idle(FEATURES)),
    key("env.embedding_model_path", Idle(FEATURES)),
    // QDAIF.
    key("env.behavior_measure", Idle("measures are the judge's answers; see environment.diversity")),
    key("env.solution_init_method", Translated),
    key("env.mutation_method", Translated),
    key("env.fitness_method", Translated),
    key("env.fitness_query", Translated),
    key("env.few_shot_template", Translated),
    key("env.prompt_template", Translated),
    key("env.num_fewshot", Translated),
    key("env.instruction_prompt", Translated),
    key("env.quality_feedback_prompt", Translated),
    key("env.ai_feedback_entries", Translated),
    key("env.quality_ai_feedback_entries", Translated),
    key("env.max_prompt_pool_size", Translated),
    key("env.init_size_prompt_pool", Translated),
    key("env.prompt_pool_path", Translated),
    key("env.add_only_improved_completions_to_prompt_pool", Translated),
    key("env.classifier_model", Translated),
];
