//! The arguments of runs with workers, and of `samara worker`.

use std::path::PathBuf;

use clap::{
    ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
    value_parser,
};
use samara_sandbox::Tier;

use super::finite;
use crate::workers::{figures, settings::Write};

/// Evaluations on other machines. They never change the result.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
#[command(next_help_heading = "Workers")]
pub(crate) struct Workers {
    /// Let `samara worker`s evaluate candidates, too: the address that this run listens on for them, such as
    /// http://127.0.0.1:7000 or http://0.0.0.0:7000 (port 0 takes a free one), or a NATS server where they meet, such as
    /// nats://HOST:4222 [default: workers.address of the settings]
    #[arg(long = "workers", value_name = "URL")]
    pub listen: Option<String>,
    /// Who asks the run's models: this machine, or workers that have them [default: local]
    #[arg(long, value_name = "WHO", value_parser = write())]
    pub worker_write: Option<Write>,
    /// Evaluations at once here, beside those of workers [default: the number of CPUs]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(..=4096))]
    pub local_slots: Option<u16>,
    /// A file with the token that workers must send [default: the variable SAMARA_WORKER_TOKEN, or one that is made and
    /// printed]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub worker_token_file: Option<PathBuf>,
    /// Labels that a worker must have, such as gpu,big
    #[arg(long, value_name = "LABELS", value_delimiter = ',', value_parser = label)]
    pub worker_labels: Vec<String>,
    /// The share of workers' results that is evaluated again here, 0 to 1; a difference ends the run [default: 0]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub verify: Option<f64>,
    /// Seconds of silence after which a worker counts as lost, and others get what it had [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = lease)]
    pub worker_lease: Option<f64>,
    /// Seconds after which a candidate that a worker has is given to others though the worker lives [default: 3600]
    #[arg(long, value_name = "SECONDS", value_parser = lease)]
    pub worker_deadline: Option<f64>,
    /// How often a candidate may be lost with workers before that ends the run [default: 5]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub worker_losses: Option<u32>,
    /// Serve figures of workers for Prometheus at /metrics, and /health and /ready: a port of this machine, or an address
    /// such as 0.0.0.0:7001; /metrics and /ready want the workers' token [default: where workers connect to it, the run's
    /// own port]
    #[arg(long, value_name = "ADDR", value_parser = figures::address)]
    pub worker_metrics: Option<std::net::SocketAddr>,
}

impl Workers {
    /// Whether nothing is said.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The arguments of `samara worker`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Worker {
    /// The address that the run listens on, such as http://coordinator:7000, or the NATS server where they meet, such as
    /// nats://HOST:4222
    #[arg(long, value_name = "URL")]
    pub connect: String,
    /// A file with the run's token [default: the variable SAMARA_WORKER_TOKEN]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// Evaluations at once; 0 for a worker that asks models alone [default: the number of CPUs]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(..=4096))]
    pub slots: Option<u16>,
    /// A file with the models that this worker has, for runs that want workers to ask theirs (--worker-write remote): a
    /// section [models.NAME] for each, with its address and the variable of its key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub models: Option<PathBuf>,
    /// Questions to models at once [default: 16 with --models, else 0; models that come with samara need no --models]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(..=4096))]
    pub questions: Option<u16>,
    /// What runs may ask for, such as gpu,big
    #[arg(long, value_name = "LABELS", value_delimiter = ',', value_parser = label)]
    pub labels: Vec<String>,
    /// Its name in logs and in the run [default: the host's name and the process's number]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where it keeps what it fetches [default: samara/worker in the user's cache]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub cache: Option<PathBuf>,
    /// End after so many seconds without a run to work for [default: wait for as long as it takes]
    #[arg(long, value_name = "SECONDS", value_parser = patience)]
    pub give_up: Option<f64>,
    /// The interpreter of programs and evaluators, or a virtual environment [default: the first python3 on PATH that
    /// works]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub python: Option<PathBuf>,
    /// How programs are isolated here [default: the strongest that works, and never weaker than the run wants]
    #[arg(long, value_parser = tier())]
    pub tier: Option<Tier>,
    /// I trust all programs of these runs: allow --tier process, which isolates nothing, where the run does
    #[arg(long)]
    pub trust_code: bool,
    /// Evaluate even if the run's settings would let evaluators reach the network, files, devices or variables of this
    /// machine
    #[arg(long)]
    pub trust_run: bool,
    /// Serve figures for Prometheus at /metrics, and /health and /ready, such as 127.0.0.1:9100
    #[arg(long, value_name = "ADDR", value_parser = figures::address)]
    pub metrics: Option<std::net::SocketAddr>,
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

fn write() -> impl TypedValueParser<Value = Write> {
    let named = |name: String| if name == "remote" { Write::Remote } else { Write::Local };
    PossibleValuesParser::new(["local", "remote"]).map(named)
}

fn tier() -> impl TypedValueParser<Value = Tier> {
    PossibleValuesParser::new(Tier::ALL.map(Tier::name)).try_map(|name| name.parse::<Tier>())
}

fn label(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fine = (1..=100).contains(&text.len()) && text.bytes().all(plain);
    if fine { Ok(text.to_owned()) } else { Err("letters, digits, `-`, `_` and `.`".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    finite(text)
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "write 0 to 1, such as 0.05".to_owned())
}

fn lease(text: &str) -> Result<f64, String> {
    let fine = finite(text).ok().filter(|seconds| (0.1..=1e7).contains(seconds));
    fine.ok_or_else(|| "write seconds, 0.1 or more".to_owned())
}

fn patience(text: &str) -> Result<f64, String> {
    let fine = finite(text).ok().filter(|seconds| (0.0..=1e9).contains(seconds));
    fine.ok_or_else(|| "write seconds, such as 600".to_owned())
}
