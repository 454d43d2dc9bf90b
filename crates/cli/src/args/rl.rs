//! The arguments of `samara rl` and `samara rl evaluate`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum, ValueHint, value_parser};
use clap_complete::ArgValueCompleter;
use serde::{Deserialize, Serialize};

use super::{offers, output::Output, part};

/// What a policy learns to make large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// The mean reward: every sample should be good
    Mean,
    /// The best reward: the best samples of a group count most, for discovery
    Max,
}

#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Rl {
    #[command(subcommand)]
    pub command: Option<RlCommand>,
    #[command(flatten)]
    pub learn: RlLearn,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RlCommand {
    /// Sample from what was learnt, on every condition: best, mean, valid share, diversity and the cross table
    Evaluate(RlEvaluate),
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RlLearn {
    /// The runs whose programs the writer first learns from
    #[arg(value_name = "RUN", required_unless_present = "resume", conflicts_with = "resume", add = ArgValueCompleter::new(offers::runs))]
    pub runs: Vec<PathBuf>,
    /// The model to begin with: embedded#walkers, or a folder that samara wrote [default: the embedded model of what the
    /// runs evolve]
    #[arg(long, value_name = "MODEL", conflicts_with = "resume")]
    pub from: Option<String>,
    /// A terrain to write for, which becomes a condition (repeatable): left_wall, right_wall, tunnel, rough, ...
    #[arg(long = "terrain", value_name = "NAME", conflicts_with = "resume")]
    pub terrains: Vec<String>,
    /// A condition by its name and the settings of [environment] that it changes (repeatable), such as
    /// 'low=terrain={kind="tunnel",height=40}'
    #[arg(long = "condition", value_name = "NAME=KEY=VALUE", conflicts_with = "resume")]
    pub conditions: Vec<String>,
    /// The folder of all of it: the run, both models, curves, report
    #[arg(long, short, value_name = "DIR", required = true, value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Go on from DIR's checkpoint, with its settings
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub learning: RlLearning,
    /// Threads; never change the result [default: the machine's]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Iterations between two checkpoints
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u64).range(1..=1_000_000))]
    pub checkpoint_every: u64,
    #[command(flatten)]
    pub output: Output,
}

/// What decides the weights. It can't change when it is continued.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
pub(crate) struct RlLearning {
    /// Learn first from programs that go this part of the best of their cell on a condition; 0 to 1
    #[arg(long, value_name = "PART", default_value_t = 0.8, value_parser = part)]
    pub min_share: f64,
    /// Of these programs this part, the farthest on the condition first; 0 to 1
    #[arg(long, value_name = "PART", default_value_t = 0.25, value_parser = part)]
    pub farthest: f64,
    /// How often each of these programs is seen
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    pub epochs: f64,
    /// The highest learning rate of this first step
    #[arg(long, value_name = "RATE", default_value_t = 1e-3)]
    pub first_learning_rate: f64,
    /// Iterations of samples, rewards and one step of the policy
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = value_parser!(u64).range(..=1_000_000))]
    pub iterations: u64,
    /// Samples of each condition in an iteration: a group, whose rewards are compared
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value_parser!(u32).range(4..=4096))]
    pub group: u32,
    /// What the policy learns to make large
    #[arg(long, value_enum, value_name = "WHAT", default_value = "mean")]
    pub objective: Aim,
    /// The learning rate of the policy
    #[arg(long, value_name = "RATE", default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// What a nat of distance from the first step's model costs to begin with
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.02)]
    pub kl: f64,
    /// The distance that this weight is then adapted to, in nats a token; 0 keeps the weight as it is
    #[arg(long, value_name = "NATS", default_value_t = 0.1)]
    pub kl_target: f64,
    /// The reward of an objective x is log(1 + x / SCALE)
    #[arg(long, value_name = "SCALE", default_value_t = 10.0)]
    pub scale: f64,
    /// The seed of all that is drawn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u64).range(..=(i64::MAX as u64)))]
    pub seed: u64,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RlEvaluate {
    /// The folder of `samara rl`
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// Samples of each model on each condition
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub samples: u32,
    /// The temperature that is sampled at; the policy has learnt at 1
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    pub temperature: f64,
    /// The seed of the samples
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Threads; never change the result [default: the machine's]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub output: Output,
}
