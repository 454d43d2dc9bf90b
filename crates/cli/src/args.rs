//! The command line, as clap reads it. Parsing has no effect.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Evolution through large models: quality-diversity search in which language models write the variation and judge
/// the result.
#[derive(Debug, Parser)]
#[command(name = "samara", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an experiment
    Run(Run),
    /// Go on with a run that was interrupted, killed or stopped
    Resume(Resume),
    /// Run an experiment under several strategies and seeds, and compare what they find
    Compare(Compare),
    /// Show a run: its archive, its numbers and its best elites
    Show(Show),
    /// Export a run's candidates
    Export(Export),
    /// Replay a run, or an OpenELM history.jsonl, into other axes
    Rebin(Rebin),
    /// List the built-in experiments and environments
    List(List),
    /// Write a commented experiment file to change and run
    New(New),
    /// Look at a language model
    #[command(subcommand)]
    Model(ModelCommand),
    /// Print a shell's completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// A built-in experiment (see `samara list`) or a TOML file
    pub experiment: String,
    /// Change a setting, such as search.total_steps=500 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The run's seed (search.seed)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Candidates alive at once (search.concurrency); never changes the result
    #[arg(long)]
    pub concurrency: Option<usize>,
    /// The run's folder [default: a new one under runs/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    /// The run's folder
    pub run: PathBuf,
    /// Change what may change in a run: search.total_steps, search.concurrency, search.max_failures, search.budget.*
    /// and models.* (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Candidates alive at once (search.concurrency); never changes the result
    #[arg(long)]
    pub concurrency: Option<usize>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// A built-in experiment (see `samara list`) or a TOML file
    pub experiment: String,
    /// What to compare, such as qdaif,lmx_quality_only [default: every strategy that the environment can follow]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub strategies: Vec<String>,
    /// Runs of each strategy, with the seeds from search.seed up
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub seeds: u16,
    /// Change a setting of every run, such as search.total_steps=500 (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Candidates alive at once (search.concurrency); never changes the result
    #[arg(long)]
    pub concurrency: Option<usize>,
    /// search.novelty.min_quality of lmx_nsaif and lmx_rouge_l
    #[arg(long, value_name = "OBJECTIVE", allow_hyphen_values = true)]
    pub min_quality: Option<f64>,
    /// The folder of all runs and of the results; given again, what is done is not done again
    /// [default: a new one under runs/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// How to print the result
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// No progress, no remarks
    #[arg(long)]
    pub quiet: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The run's folder
    pub run: PathBuf,
    /// How many of the best elites to print
    #[arg(long, default_value_t = 5)]
    pub best: usize,
    /// Write the archive as a picture to this file, too
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportKind {
    /// OpenELM's history.jsonl: genotype, phenotype, fitness, num_gens_current
    Openelm,
    /// A row a candidate
    Csv,
    /// Everything, model calls too: a JSON object a candidate
    Jsonl,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The run's folder
    pub run: PathBuf,
    /// What to write
    #[arg(long = "as", value_enum, default_value = "openelm")]
    pub kind: ExportKind,
    /// The file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rebin {
    /// A run's folder or an OpenELM history.jsonl
    pub history: PathBuf,
    /// An axis' inner edges, such as 0.1,0.5,0.9 (once for all axes, or once an axis)
    #[arg(long, value_name = "EDGES", conflicts_with = "bins", allow_hyphen_values = true)]
    pub ticks: Vec<String>,
    /// An axis' number of even bins (once for all axes, or once an axis)
    #[arg(long, value_name = "N")]
    pub bins: Vec<usize>,
    /// An axis' lowest and highest value for --bins, such as 0,1 [default: the run's, or 0,1]
    #[arg(long, value_name = "LO,HI", requires = "bins", allow_hyphen_values = true)]
    pub range: Vec<String>,
    /// Elites kept per cell [default: the run's, or 1]
    #[arg(long)]
    pub depth: Option<usize>,
    /// Subtracted from each elite's objective in the QD score [default: the run's, or 0]
    #[arg(long, allow_hyphen_values = true)]
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
    /// The experiment's name; NAME.toml is written
    pub name: String,
    /// The built-in experiment to start from
    #[arg(long, default_value = "opinions")]
    pub from: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Whether a model is there, what it can do and how fast it is
    Check(Check),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// openai:NAME, http://host:port/v1#NAME or scripted:FILE
    pub model: String,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}
