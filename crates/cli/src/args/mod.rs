//! The command line, as clap reads it. Parsing has no effect.
//!
//! The arguments of commands that have commands of their own are in `model`, `sandbox` and `sodarace`, those of
//! `samara evolve` in `evolve`, those of `samara finetune` and `samara loop` in `finetune`; what a shell offers for an argument is in `offers`.

mod evolve;
mod finetune;
mod model;
mod offers;
mod output;
mod rl;
pub(crate) mod sandbox;
pub(crate) mod sodarace;
pub(crate) mod watch;
pub(crate) mod workers;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, ValueHint, value_parser};
use clap_complete::ArgValueCompleter;

pub(crate) use evolve::Evolve;
pub(crate) use finetune::{Finetune, Loop, Tuning, WeighBy};
pub(crate) use model::{Chat, Check, Evaluate, ModelCommand, Train};
pub(crate) use output::{Format, Output};
pub(crate) use rl::{Aim, Rl, RlCommand, RlEvaluate, RlLearn, RlLearning};
use sandbox::SandboxCommand;
use sodarace::SodaraceCommand;
pub(crate) use watch::Watch;
pub(crate) use workers::Workers;

/// Evolution through large models: quality-diversity search in which language models write the variation and judge
/// the result.
#[derive(Debug, Parser)]
#[command(name = "samara", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Append a log to FILE; the variable RUST_LOG sets what is logged, such as debug or samara_lm=debug
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, display_order = 900)]
    pub log: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an experiment
    Run(Run),
    /// Evolve a program of yours against an evaluator of yours
    Evolve(Box<Evolve>),
    /// Continue a run that was interrupted, killed or stopped
    Resume(Resume),
    /// Run an experiment under several strategies and seeds, and compare what they find
    Compare(Compare),
    /// Let a model solve many programming puzzles: how many it solves, and pass@k
    P3(P3),
    /// Show a run: its archive, its numbers and its best elites
    Show(Show),
    /// Write a report of a run, or of several beside each other: one HTML file that needs nothing else, or Markdown
    Report(Report),
    /// Serve a dashboard of runs: pages in a browser that follow them while they go on
    Serve(Serve),
    /// Ask something of a run while it goes on: to finish, to stop, a greater budget, a note above prompts
    Control(watch::Control),
    /// Export a run's candidates
    Export(Export),
    /// Finetune an embedded model on what runs admitted
    Finetune(Box<Finetune>),
    /// Evolve, finetune on what was admitted, and evolve with that, round after round
    Loop(Box<Loop>),
    /// Teach an embedded model what to write for a condition, such as a terrain, by reinforcement learning
    Rl(Box<Rl>),
    /// Replay a run, or an OpenELM history.jsonl, into other axes
    Rebin(Rebin),
    /// List the built-in experiments and environments
    List(List),
    /// Write a commented experiment file to change and run
    New(New),
    /// Show an experiment's prompts and, if you say so, one completion and one judgement with all numbers
    Try(Try),
    /// Print the JSON schema of an experiment's settings, by which editors check and complete them
    Schema,
    /// Train, evaluate, check or talk to a language model
    #[command(subcommand)]
    Model(ModelCommand),
    /// Evaluate candidates for a run on another machine
    Worker(workers::Worker),
    /// Run untrusted programs in a sandbox, serve it over HTTP, or see which isolation works here
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Evaluate creatures, and draw how they walk
    #[command(subcommand)]
    Sodarace(SodaraceCommand),
    /// Print a shell's completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the version, as --version does
    Version,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// A built-in experiment (see `samara list`) or a TOML file
    #[arg(required_unless_present = "openelm", add = ArgValueCompleter::new(offers::experiments_and_files))]
    pub experiment: Option<String>,
    /// Run a configuration of OpenELM's (YAML with the groups model, qd and env) in an experiment's place
    #[arg(long, value_name = "YAML", value_hint = ValueHint::FilePath, conflicts_with = "experiment")]
    pub openelm: Option<PathBuf>,
    /// Print the settings that a configuration of OpenELM's comes to, and what of it has no effect; nothing runs
    #[arg(long, requires = "openelm")]
    pub explain: bool,
    /// Change a setting, such as search.total_steps=500 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The run's seed (search.seed)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Candidates in progress at once (search.concurrency); never changes the result
    #[arg(long)]
    pub concurrency: Option<usize>,
    /// Begin with the archive and the prompt pool of another run, or with an OpenELM history.jsonl
    #[arg(long, value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub init_from: Option<PathBuf>,
    /// The run's folder [default: a new one under runs/]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Run even if a small model knows nothing of what it would be asked, or its weights are not those of the settings or
    /// of the scores that are taken over
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

/// Where the answers of a whole run go, or come from.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Recording {
    /// Record everything that models are asked and answer into this file
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Answer from a recording, and ask no model
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub replay: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Resume {
    /// The run's folder
    #[arg(add = ArgValueCompleter::new(offers::runs))]
    pub run: PathBuf,
    /// Make so many candidates more than are made (search.total_steps)
    #[arg(long, short, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(..1_000_000_000_000))]
    pub iterations: Option<u64>,
    /// Change what may change in a run: search.total_steps, search.target_score, search.patience, search.concurrency,
    /// search.max_failures, search.budget.*, models.*, prices.* and cache.* (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Candidates in progress at once (search.concurrency); never changes the result
    #[arg(long)]
    pub concurrency: Option<usize>,
    /// If files that the run read have changed: continue with the run's own copies, or with the files as they are now
    #[arg(long, value_enum)]
    pub inputs: Option<InputsChoice>,
    /// Continue somebody else's run even though its settings weaken isolation, send keys or read files
    #[arg(long)]
    pub trust_run: bool,
    /// Go on even if a model's weights are not those that the run was made with
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

/// Which files a resumed run goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputsChoice {
    /// The run's own copies
    Recorded,
    /// The files as they are now
    Current,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// A built-in experiment (see `samara list`) or a TOML file
    #[arg(add = ArgValueCompleter::new(offers::experiments_and_files))]
    pub experiment: String,
    /// What to compare, such as qdaif,lmx_quality_only [default: every strategy that the environment can follow]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub strategies: Vec<String>,
    /// Runs of each strategy, with the seeds from search.seed up
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u16).range(1..=1000))]
    pub seeds: u16,
    /// Change a setting of every run, such as search.total_steps=500 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Candidates in progress at once (search.concurrency); never changes the result
    #[arg(long)]
    pub concurrency: Option<usize>,
    /// environment.novelty.min_quality of lmx_nsaif and lmx_rouge_l
    #[arg(long, value_name = "OBJECTIVE", allow_hyphen_values = true, value_parser = finite)]
    pub min_quality: Option<f64>,
    /// The folder of all runs and of the results; if it exists, finished runs in it are reused
    /// [default: a new one under runs/]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Run even if a small model knows nothing of what it would be asked, or its weights are not those of the settings
    #[arg(long)]
    pub anyway: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, clap::Args)]
pub(crate) struct P3 {
    /// A puzzles.json as published by Python Programming Puzzles, or `builtin`
    #[arg(default_value = "builtin", value_hint = ValueHint::FilePath)]
    pub puzzles: String,
    /// The experiment whose settings hold for every puzzle: a built-in one or a TOML file with `p3_problem`
    #[arg(long, default_value = "p3", value_name = "EXPERIMENT")]
    pub from: String,
    /// The model that writes solutions, such as gguf:FILE.gguf; without one, solutions of other puzzles are perturbed
    #[arg(long, value_name = "MODEL")]
    pub generator: Option<String>,
    /// Solutions written of every puzzle
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u64).range(1..=100_000))]
    pub samples: u64,
    /// The k of pass@k, --samples at most
    #[arg(long, value_name = "K", value_delimiter = ',', default_value = "1", value_parser = value_parser!(u64).range(1..=100_000))]
    pub k: Vec<u64>,
    /// Which puzzles, by their numbers from 0: FIRST-LAST, or one number [default: all]
    #[arg(long, value_name = "NUMBERS")]
    pub only: Option<String>,
    /// Change a setting of every puzzle's run, such as environment.examples=4 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The folder of all runs and of the results; if it exists, what is done in it is reused
    /// [default: a new one under runs/]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Run even if a small model knows nothing of what it would be asked, or its weights are not those of the settings
    #[arg(long)]
    pub anyway: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The run's folder
    #[arg(add = ArgValueCompleter::new(offers::runs))]
    pub run: PathBuf,
    /// How many of the best elites to print
    #[arg(long, default_value_t = 5)]
    pub best: usize,
    /// Print what the best candidate changed, from its parent and from the first of its ancestors
    #[arg(long, conflicts_with_all = ["cell", "svg", "pictures"])]
    pub diff: bool,
    /// Print where the best candidate comes from, ancestor by ancestor
    #[arg(long, conflicts_with_all = ["cell", "svg", "pictures"])]
    pub lineage: bool,
    /// Print the elite of this cell alone: its bin on every axis, such as 3,0 (counted from 0), or its number
    #[arg(long, value_name = "BINS")]
    pub cell: Option<String>,
    /// Print the best text of every cell in the order of the axes; with a FILE, write them there as Markdown
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with_all = ["cell", "diff", "lineage"], value_hint = ValueHint::FilePath)]
    pub gallery: Option<Option<PathBuf>>,
    /// Also draw the archive to this file; elites that have pictures are shown by them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
    /// Write the pictures of the elites that are printed to this folder, as candidate-NUMBER.png
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub pictures: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportKind {
    /// OpenELM's history.jsonl: genotype, phenotype, fitness, num_gens_current
    Openelm,
    /// One row per candidate
    Csv,
    /// Everything, model calls included: one JSON object per candidate
    Jsonl,
    /// The run's curves, a line of JSON after every candidate, as W&B and MLflow log them
    Curves,
    /// One row per candidate in typed columns, as a Parquet file
    Parquet,
    /// The run's settings, as TOML
    Settings,
    /// A folder like OpenEvolve's output, with a checkpoint that its visualiser reads
    Openevolve,
    /// To train elsewhere: TRL's prompts and completions
    Sft,
    /// To train elsewhere: TRL's preferences
    Dpo,
    /// To train elsewhere: TRL's completions with labels
    Kto,
    /// To train elsewhere: TRL's prompts alone, with columns for a reward
    Grpo,
    /// To train elsewhere: OpenAI's messages
    OpenaiSft,
    /// To train elsewhere: OpenAI's preferences
    OpenaiDpo,
}

/// Which candidates are good enough to be learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeepName {
    /// Every candidate that ever entered an archive
    Admitted,
    /// The elites at the end
    Elites,
}

/// Where the two candidates of a preference come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PairsName {
    /// A candidate and its best parent that it beats
    Parent,
    /// The best and the worst of a cell, the next and the last but one, and so on
    Cell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The run's folder; to train elsewhere, of several runs
    #[arg(required = true, value_name = "RUN", add = ArgValueCompleter::new(offers::runs))]
    pub runs: Vec<PathBuf>,
    /// What to write
    #[arg(long = "as", value_enum, default_value = "openelm")]
    pub kind: ExportKind,
    /// Only the current elites of the archive
    #[arg(long)]
    pub elites: bool,
    /// The file, of `openevolve` the folder [default: standard output]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub training: TrainingData,
}

/// What data to train elsewhere consist of.
#[derive(Debug, Default, Clone, Copy, PartialEq, clap::Args)]
#[command(next_help_heading = "To train elsewhere")]
pub(crate) struct TrainingData {
    /// Which candidates [default: admitted]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub keep: Option<KeepName>,
    /// Only candidates whose objective is this part of the best of their cell, over all runs; 0 to 1
    #[arg(long, value_name = "PART", value_parser = part)]
    pub min_share: Option<f64>,
    /// Which candidates a preference sets against each other [default: parent]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub pairs: Option<PairsName>,
    /// Messages of a chat in place of texts, in TRL's forms
    #[arg(long)]
    pub chat: bool,
    /// Hold out this part of the samples, in FILE.held-out.jsonl; 0 to 1
    #[arg(long, value_name = "PART", value_parser = part)]
    pub held_out: Option<f64>,
    /// What held-out samples are drawn by [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// The runs' folders; several are compared first, and told one by one below
    #[arg(required = true, value_name = "RUN", add = ArgValueCompleter::new(offers::runs))]
    pub runs: Vec<PathBuf>,
    /// The file, such as report.html; of --markdown [default: standard output]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "markdown")]
    pub out: Option<PathBuf>,
    /// Write Markdown in place of HTML
    #[arg(long)]
    pub markdown: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Runs, and folders in which runs are looked for while it serves
    #[arg(value_name = "RUNS", default_value = "runs", add = ArgValueCompleter::new(offers::runs))]
    pub runs: Vec<PathBuf>,
    /// The port [default: a free one]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// The address to listen on; another one than this machine's own shows the runs to whoever has the token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: String,
    /// A name that browsers may use for this server besides localhost and addresses (repeatable)
    #[arg(long, value_name = "NAME", value_parser = sandbox::host_name)]
    pub host_name: Vec<String>,
    /// Let whoever is let in ask things of runs that go on: finish, stop, raise a budget, a note above prompts
    #[arg(long)]
    pub control: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rebin {
    /// A run's folder or an OpenELM history.jsonl
    #[arg(add = ArgValueCompleter::new(offers::runs_and_histories))]
    pub history: PathBuf,
    /// Inner edges of an axis, such as 0.1,0.5,0.9 (given once for all axes, or once per axis)
    #[arg(long, value_name = "EDGES", conflicts_with = "bins", allow_hyphen_values = true)]
    pub ticks: Vec<String>,
    /// Number of equal bins of an axis (given once for all axes, or once per axis)
    #[arg(long, value_name = "N")]
    pub bins: Vec<usize>,
    /// Lowest and highest value of an axis for --bins, such as 0,1 [default: the run's, or 0,1]
    #[arg(long, value_name = "LO,HI", requires = "bins", allow_hyphen_values = true)]
    pub range: Vec<String>,
    /// Elites kept per cell [default: the run's, or 1]
    #[arg(long)]
    pub depth: Option<usize>,
    /// Subtracted from each elite's objective in the QD score [default: the run's, or 0]
    #[arg(long, allow_hyphen_values = true, value_parser = finite)]
    pub qd_offset: Option<f64>,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// The experiment's name; NAME.toml is written, from `evaluator` a folder NAME with a program and its evaluator
    pub name: String,
    /// The built-in experiment to start from, or `evaluator` [default: opinions, where no subject is given]
    #[arg(long, add = ArgValueCompleter::new(offers::experiments))]
    pub from: Option<String>,
    #[command(flatten)]
    pub subject: Subject,
}

/// A subject of one's own. Asked for on a terminal if neither it nor --from is given.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Subject {
    /// What the texts are, such as "a short poem about the sea"
    #[arg(long, value_name = "WORDS", conflicts_with = "from")]
    pub subject: Option<String>,
    /// What tells the texts apart: a name and answers in order, such as tone=sad/happy or length=short/medium/long; or
    /// kinds without an order, such as form=haiku,sonnet,ode (repeatable)
    #[arg(long, value_name = "NAME=ANSWER/ANSWER", requires = "subject")]
    pub axis: Vec<String>,
    /// Texts to begin with: a folder with a text in each file, or a file of texts with blank lines between them
    /// [default: the generator writes them]
    #[arg(long, value_name = "PATH", requires = "subject", value_hint = ValueHint::AnyPath)]
    pub seeds: Option<PathBuf>,
    /// The model that writes, such as openai:NAME or gguf:FILE.gguf [default: the embedded one]
    #[arg(long, value_name = "MODEL", requires = "subject")]
    pub generator: Option<String>,
    /// The model that judges [default: the one that writes]
    #[arg(long, value_name = "MODEL", requires = "subject")]
    pub judge: Option<String>,
    /// The file to write [default: NAME.toml]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Try {
    /// A built-in experiment (see `samara list`) or a TOML file
    #[arg(add = ArgValueCompleter::new(offers::experiments_and_files))]
    pub experiment: String,
    /// Change a setting, such as environment.temperature=0.8 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Make the calls without asking
    #[arg(long, short)]
    pub yes: bool,
    /// Ask even if a small model knows nothing of what it would be asked, or its weights are not those of the settings
    #[arg(long)]
    pub anyway: bool,
    #[command(flatten)]
    pub output: Output,
}

/// A number that is one: neither infinite nor `nan`, which `f64` reads too.
fn finite(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number.filter(|number| number.is_finite()).ok_or_else(|| "write a finite number, such as 0.5".to_owned())
}

/// A part of a whole: 0 to 1.
fn part(text: &str) -> Result<f64, String> {
    let part = finite(text).ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| "write a number from 0 to 1, such as 0.1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn numbers_are_finite() {
        assert_eq!((finite("-1e300"), finite("0.5")), (Ok(-1e300), Ok(0.5)));
        for bad in ["nan", "inf", "-infinity", "1e309", "", "1s"] {
            assert!(finite(bad).is_err(), "{bad}");
        }
        assert_eq!((part("0"), part("1")), (Ok(0.0), Ok(1.0)));
        assert!(part("1.1").is_err() && part("-0.1").is_err() && part("nan").is_err());
    }
}
