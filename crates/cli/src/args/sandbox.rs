//! The arguments of `samara sandbox`.

use std::path::PathBuf;

use clap::{
    Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
    value_parser,
};
use samara_sandbox::Tier;

use super::output::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Run a Python program and print its verdict
    Run(Run),
    /// Serve the sandbox over HTTP, for OpenELM's clients too
    Serve(Serve),
    /// Show which isolation works here, why not a better one, and how to get it
    Doctor(Doctor),
}

/// How programs are isolated.
#[derive(Debug, clap::Args)]
pub(crate) struct Isolating {
    /// The isolation [default: the strongest that works here, landlock at least]
    #[arg(long, value_parser = tier())]
    pub tier: Option<Tier>,
    /// I trust this code: allow --tier process, which isolates nothing
    #[arg(long)]
    pub trust_code: bool,
    #[command(flatten)]
    pub interpreter: Interpreter,
}

/// What runs programs.
#[derive(Debug, clap::Args)]
pub(crate) struct Interpreter {
    /// A Python 3.9 or newer, or a virtual environment [default: the first python3 on PATH that works]
    #[arg(long, value_name = "PATH")]
    pub python: Option<PathBuf>,
    /// Don't load numpy, even if this Python has it
    #[arg(long)]
    pub no_numpy: bool,
}

fn tier() -> impl TypedValueParser<Value = Tier> {
    PossibleValuesParser::new(Tier::ALL.map(Tier::name)).try_map(|name| name.parse::<Tier>())
}

/// Longest CPU time that can be asked for, in seconds: a day.
pub(crate) const LONGEST: f64 = 86_400.0;

/// What `--args` may hold.
const VALUES: &str = "\
--args and the value in --format json are JSON. What JSON lacks is an object with one key: {\"$tuple\": [...]}, \
{\"$bytes\": \"hex\"}, {\"$int\": \"digits\"} beyond 64 bits, {\"$float\": \"nan\"}, {\"$dict\": [[key, value], ...]}, \
{\"$array\": {\"dtype\", \"shape\", \"data\"}}.\n\n\
The exit code is 0 if there is a verdict, whatever it says; 4 if the isolation can't be given.";

#[derive(Debug, clap::Args)]
#[command(after_help = VALUES)]
pub(crate) struct Run {
    /// The program; - is standard input
    pub file: PathBuf,
    /// The function to call
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub entry: String,
    /// The function's positional arguments: a JSON list, such as '[3, "a"]'
    #[arg(long, value_name = "JSON", default_value = "[]")]
    pub args: String,
    /// CPU seconds, which programs are judged by. Wall time is limited to five times as much, 10 seconds at least
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    pub timeout: f64,
    /// Memory in MiB, beyond what the idle interpreter has
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = value_parser!(u32).range(1..=1 << 20))]
    pub memory: u32,
    /// Seed of random and numpy.random: the same seed gives the same numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub isolating: Isolating,
    /// How to print the verdict
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: Option<f64> = text.parse().ok();
    let fine = seconds.filter(|seconds| *seconds >= 0.01 && *seconds <= LONGEST);
    fine.ok_or_else(|| format!("seconds from 0.01 to {LONGEST}"))
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The address to listen on; beyond this machine it takes --token-env
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 5000)]
    pub port: u16,
    /// Programs that run at once [default: the number of CPUs]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    pub servers: Option<u16>,
    /// Programs that run or wait at once; more are answered with 429
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = value_parser!(u16).range(1..=10_000))]
    pub queue: u16,
    /// Memory in MiB that all requests together may take; more are answered with 503 [default: 96 for each server, 256 at least]
    #[arg(long, value_name = "MIB", value_parser = value_parser!(u32).range(256..=1 << 20))]
    pub memory_budget: Option<u32>,
    /// A name that clients may use for this server besides localhost and addresses; can be repeated
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub host_name: Vec<String>,
    /// The environment variable that holds the token which clients must send (Authorization: Bearer TOKEN)
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
    /// Listen beyond this machine without a token: whoever reaches the port may run programs
    #[arg(long, conflicts_with = "token_env")]
    pub allow_anyone: bool,
    #[command(flatten)]
    pub isolating: Isolating,
}

pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let name = !text.is_empty() && text.bytes().all(of_name);
    if name {
        Ok(text.to_owned())
    } else {
        Err("a name as in http://NAME:5000, without scheme and port".to_owned())
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub interpreter: Interpreter,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_names_alone() {
        assert!(["localhost", "box.example", "sandbox_1"].map(host_name).iter().all(Result::is_ok));
        assert!(
            ["", "http://box", "box:5000", "box/x", "b\u{f6}x", "a b"]
                .map(host_name)
                .iter()
                .all(Result::is_err)
        );
    }

    #[test]
    fn times_are_finite_and_above_nothing() {
        assert_eq!((seconds("2"), seconds("0.01")), (Ok(2.0), Ok(0.01)));
        for bad in ["0", "-1", "nan", "inf", "", "1s", "86401"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
