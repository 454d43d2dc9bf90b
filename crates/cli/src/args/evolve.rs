//! The arguments of `samara evolve`, OpenEvolve's own names among them.

use std::path::PathBuf;

use clap::{ValueHint, value_parser};
use clap_complete::ArgValueCompleter;

use super::{Format, Output, Recording, Watch, Workers, finite, offers};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Evolve {
    /// A directory with a program and its evaluator, a built-in program (see `samara list`), a TOML file, or the initial
    /// program itself: a file, or a folder of several
    #[arg(value_name = "DIR|INITIAL", required_unless_present = "show_prompt", add = ArgValueCompleter::new(offers::programs_and_paths))]
    pub what: Option<String>,
    /// The evaluator of the initial program: a Python file, or a program that prints a score
    #[arg(value_hint = ValueHint::FilePath)]
    pub evaluator: Option<PathBuf>,
    /// What evaluates programs in place of it, such as "./score {program}": a number, or a JSON object of numbers, on its
    /// last line of output (environment.evaluation.command)
    #[arg(long, value_name = "COMMAND", conflicts_with = "evaluator")]
    pub command: Option<String>,
    /// OpenEvolve's configuration, or samara's settings as TOML [default: the directory's config.yaml]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Programs to evaluate beside the initial one
    #[arg(long, short, value_name = "N", allow_negative_numbers = true, value_parser = value_parser!(u64).range(..1_000_000_000_000))]
    pub iterations: Option<u64>,
    /// The run's folder [default: a new one under runs/]
    #[arg(long, short, visible_alias = "output", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// End once a score is as good as this (search.target_score)
    #[arg(long, short, value_name = "SCORE", allow_hyphen_values = true, value_parser = finite)]
    pub target_score: Option<f64>,
    /// Whose defaults to take: samara, openevolve, shinka or levi (environment.preset)
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Who writes programs, such as openai:NAME or ollama:NAME; `none` varies them without a model (repeatable: one of
    /// them is drawn each time)
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["primary_model", "secondary_model"])]
    pub model: Vec<String>,
    /// A model of OpenAI's interface by its name
    #[arg(long, value_name = "NAME")]
    pub primary_model: Option<String>,
    /// A second one, drawn a fifth as often
    #[arg(long, value_name = "NAME", requires = "primary_model")]
    pub secondary_model: Option<String>,
    /// The address of the models' server, up to /v1
    #[arg(long, value_name = "URL")]
    pub api_base: Option<String>,
    /// The run's seed (search.seed)
    #[arg(long, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Change a setting, such as environment.evaluation.timeout_s=60 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Arguments of the evaluator, as a JSON object (environment.evaluation.arguments)
    #[arg(long, value_name = "JSON")]
    pub evaluator_args: Option<String>,
    /// Begin with the programs of an OpenEvolve checkpoint
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub checkpoint: Option<PathBuf>,
    /// Seconds of a model call, by which the window is chosen [default: 10 for a server]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub model_latency: Option<f64>,
    /// Seconds of an evaluation, by which the window is chosen [default: what the first one takes]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub evaluation_latency: Option<f64>,
    /// Print the settings that all this comes to, and what of a configuration has no effect; nothing runs
    #[arg(long)]
    pub explain: bool,
    /// Print a prompt as models would be asked, by its name; without a name, all of them
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub show_prompt: Option<String>,
    /// OpenEvolve's; --log and RUST_LOG say what is logged here
    #[arg(long, short = 'l', hide = true)]
    pub log_level: Option<String>,
    /// OpenEvolve's; log files are named by --log here
    #[arg(long, hide = true)]
    pub logger_prefix: Option<String>,
    /// Run even if a small model knows nothing of what it would be asked, or its weights are not those of the settings
    #[arg(long)]
    pub anyway: bool,
    #[command(flatten)]
    pub watch: Watch,
    #[command(flatten)]
    pub workers: Workers,
    #[command(flatten)]
    pub recording: Recording,
    #[command(flatten)]
    pub output: Output,
}

impl Evolve {
    /// No arguments, and nothing printed: for other programs that begin a run.
    pub(crate) fn quiet() -> Self {
        Self {
            what: None,
            evaluator: None,
            command: None,
            config: None,
            iterations: None,
            out: None,
            target_score: None,
            preset: None,
            model: Vec::new(),
            primary_model: None,
            secondary_model: None,
            api_base: None,
            seed: None,
            set: Vec::new(),
            evaluator_args: None,
            checkpoint: None,
            model_latency: None,
            evaluation_latency: None,
            explain: false,
            show_prompt: None,
            log_level: None,
            logger_prefix: None,
            anyway: false,
            watch: Watch::default(),
            workers: Workers::default(),
            recording: Recording { record: None, replay: None },
            output: Output { format: Format::Human, quiet: true },
        }
    }
}

/// A duration: a number of seconds, 0 or more.
fn seconds(text: &str) -> Result<f64, String> {
    finite(text).ok().filter(|seconds| *seconds >= 0.0).ok_or_else(|| "write seconds, such as 2.5".to_owned())
}
